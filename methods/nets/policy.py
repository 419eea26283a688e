"""An autoregressive LSTM policy over a sequence of decisions.

It serves searches that decide in steps (EPNAS).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


class Policy:
    """Softmax over the options of each decision, given those before it, by one LSTM.

    Args:
        sizes: options of each decision, in the order in which they are taken.
        steps: how many decisions each step takes.
        hidden: units of the LSTM and of the embeddings.
        learning_rate: of Adam.
        entropy: weight of the entropy bonus.
        seed: of the initial weights; torch's global random state is left as it was.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        steps: Sequence[int],
        hidden: int,
        learning_rate: float,
        entropy: float,
        seed: int,
    ) -> None:
        self.sizes = torch.tensor(sizes)
        self.ends = np.cumsum(steps)
        self.entropy = entropy
        offsets = torch.cumsum(self.sizes, 0) - self.sizes
        self.offsets = offsets + 1  # token 0 begins a sequence
        self.closed = (
            torch.arange(int(self.sizes.max())) >= self.sizes[:, None]
        )  # (decisions, most options)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embed = nn.Embedding(1 + int(self.sizes.sum()), hidden)
            self.lstm = nn.LSTM(hidden, hidden, batch_first=True)
            self.head = nn.Linear(hidden, self.closed.shape[1])
        self.optimiser = torch.optim.Adam(
            [*self.embed.parameters(), *self.lstm.parameters(), *self.head.parameters()],
            lr=learning_rate,
        )

    def draw(self, prefix: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Decisions (n, decisions of the step) of the step that follows `prefix`, (n, l)."""
        start = prefix.shape[1]
        end = int(self.ends[np.searchsorted(self.ends, start, side="right")])
        drawn = np.zeros((len(prefix), end - start), dtype=np.int64)
        with torch.no_grad():
            states, memory = self.lstm(self.embed(self._tokens(torch.from_numpy(prefix))))
            state = states[:, -1]
            for place in range(start, end):
                chances = (
                    self._log_chances(state, place).exp().numpy().astype(np.float64).cumsum(axis=1)
                )
                chosen = (chances < rng.random((len(prefix), 1)) * chances[:, -1:]).sum(axis=1)
                drawn[:, place - start] = chosen
                if place + 1 < end:
                    token = torch.from_numpy(chosen) + self.offsets[place]
                    states, memory = self.lstm(self.embed(token[:, None]), memory)
                    state = states[:, -1]
        return drawn

    def _tokens(self, codes: torch.Tensor) -> torch.Tensor:
        """Token 0, then one token per decision; shape (n, 1 + l)."""
        return torch.cat(
            [torch.zeros(len(codes), 1, dtype=torch.long), codes + self.offsets[: codes.shape[1]]],
            dim=1,
        )

    def _log_chances(self, state: torch.Tensor, place: int | slice) -> torch.Tensor:
        return torch.log_softmax(
            self.head(state).masked_fill(self.closed[place], -torch.inf), dim=-1
        )

    def learn(
        self, codes: NDArray[np.int64], own: NDArray[np.bool_], advantages: NDArray[np.float64]
    ) -> None:
        """One step of REINFORCE.

        Args:
            codes: all decisions of each child, (n, decisions).
            own: whether a step of a child was the policy's, (n, steps); others give no gradient.
            advantages: what a step earned, less its baseline, (n, steps).
        """
        decisions = torch.from_numpy(codes)
        states, _ = self.lstm(self.embed(self._tokens(decisions)[:, :-1]))
        chances = self._log_chances(states, slice(None))  # (n, decisions, options)
        taken = chances.gather(2, decisions[:, :, None])[:, :, 0]
        step_of = np.searchsorted(self.ends, np.arange(codes.shape[1]), side="right")
        weight = torch.from_numpy((own * advantages)[:, step_of].astype(np.float32))
        spread = -(chances.exp() * chances.masked_fill(self.closed, 0.0)).sum()
        loss = -(taken * weight).sum() / len(codes) - self.entropy * spread / len(codes)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
