"""The controller of path-level transformation: a bidirectional tree-LSTM (arXiv:1806.02639).

up:    an edge has the state of its operation and of the node behind it; a node merges those of
       its edges, by their sum, or side by side where it concatenates
down:  a node hands its state to its edges, an edge to the node behind it
a decision on an edge: softmax of a hidden layer over (up, down) of that edge
after 10 cells:  b <- b + 0.95 (mean R - b);  Adam on sum log p (R - b) + 0.01 entropy
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nasrepro.methods.nets.trees import COPY, DEPTH, MERGES, OPS, ROOT, Edge, Node, drawn

OPTIONS = {"merge": len(MERGES), "branches": 2, "op": len(OPS), "insert": 2}
_NAMES = (ROOT, COPY, *OPS, *MERGES)
State = tuple[Tensor, Tensor]


class Drawn(NamedTuple):
    """A cell, the log-probability of its decisions, and their summed entropy."""

    cell: Node
    log_chance: Tensor
    entropy: Tensor


class _TreeCell(nn.Module):
    """An LSTM cell with up to three predecessors, each with a forget gate."""

    def __init__(self, embedding: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Linear(embedding + hidden, 3 * hidden)
        self.forget = nn.Linear(embedding + hidden, hidden)
        self.side = nn.Linear(2 * hidden, hidden)  # two predecessors side by side: concatenation

    def forward(self, x: Tensor, states: Sequence[State], *, ordered: bool) -> State:
        """The state of an embedding, (embedding,), and its predecessors."""
        if ordered:
            joined = self.side(torch.cat([h for h, _ in states]))
        else:
            joined = torch.stack([h for h, _ in states]).sum(0)
        given, taken, new = self.gates(torch.cat([x, joined])).chunk(3)
        c = torch.sigmoid(given) * torch.tanh(new)
        for h, before in states:
            c = c + torch.sigmoid(self.forget(torch.cat([x, h]))) * before
        return torch.sigmoid(taken) * torch.tanh(c), c


class Controller(nn.Module):
    """Draws cells, and learns from what they earned.

    Args:
        embedding: numbers of an operation or a merge.
        hidden: of the state, each way.
        rate: of Adam.
    """

    def __init__(self, embedding: int = 10, hidden: int = 100, rate: float = 6e-3) -> None:
        super().__init__()
        self.hidden = hidden
        self.embed = nn.Embedding(len(_NAMES), embedding)
        self.up, self.down = _TreeCell(embedding, hidden), _TreeCell(embedding, hidden)
        inner = int(2.5 * 2 * hidden)
        self.actors = nn.ModuleDict(
            {
                kind: nn.Sequential(
                    nn.Linear(2 * hidden, inner), nn.ReLU(), nn.Linear(inner, options)
                )
                for kind, options in OPTIONS.items()
            }
        )
        self.baseline = 0.0
        self.optimiser = torch.optim.Adam(self.parameters(), lr=rate)

    # -- states ------------------------------------------------------------------------------------
    def _embedded(self, name: str) -> Tensor:
        out: Tensor = self.embed.weight[_NAMES.index(name)]
        return out

    def _up(self, edge: Edge) -> State:
        zero = self.embed.weight.new_zeros(self.hidden)
        below = [(zero, zero)]
        if edge.node is not None and edge.node.edges:
            node = edge.node
            states = [self._up(child) for child in node.edges]
            ordered = node.merge == "concat"
            below = [self.up(self._embedded(node.merge), states, ordered=ordered)]
        state: State = self.up(self._embedded(edge.op), below, ordered=False)
        return state

    def _down(self, edge: Edge, state: State, wanted: Edge) -> Tensor | None:
        """The state that reaches an edge from the root; None where it is not below."""
        state = self.down(self._embedded(edge.op), [state], ordered=False)
        if edge is wanted:
            return state[0]
        for place, child in enumerate(edge.node.edges if edge.node else []):
            assert edge.node is not None
            zero = torch.zeros_like(state[0])
            sides = [state, (zero, zero)] if place == 0 else [(zero, zero), state]
            concat = edge.node.merge == "concat"
            here = self.down(
                self._embedded(edge.node.merge), sides if concat else [state], ordered=concat
            )
            reached = self._down(child, here, wanted)
            if reached is not None:
                return reached
        return None

    def log_chances(self, kind: str, whole: Edge, edge: Edge) -> Tensor:
        """Log-probabilities of the options of a decision on an edge of the tree so far."""
        zero = self.embed.weight.new_zeros(self.hidden)
        down = self._down(whole, (zero, zero), edge)
        assert down is not None
        logits = self.actors[kind](torch.cat([self._up(edge)[0], down]))
        return torch.log_softmax(logits, dim=0)

    # -- drawing and learning ----------------------------------------------------------------------
    def sample(self, pick: Callable[[list[float]], int], depth: int = DEPTH) -> Drawn:
        """A cell; cells without a node behind the root are drawn again where there may be one.

        Args:
            pick: an option by the probabilities of all.
            depth: nodes on a path from the root, at most.
        """
        logs: list[Tensor] = []
        entropies: list[Tensor] = []

        def draw(kind: str, whole: Edge, edge: Edge) -> int:
            chances = self.log_chances(kind, whole, edge)
            option = pick(chances.exp().tolist())
            logs.append(chances[option])
            entropies.append(-(chances.exp() * chances).sum())
            return option

        while True:
            logs.clear()
            entropies.clear()
            cell = drawn(draw, depth)
            if depth == 1 or cell.height > 1:
                return Drawn(cell, torch.stack(logs).sum(), torch.stack(entropies).sum())

    def learn(self, cells: Sequence[Drawn], rewards: Sequence[float]) -> None:
        """One update; the baseline moves first, so it keeps 5 % of its past."""
        mean = sum(rewards) / len(rewards)
        self.baseline += 0.95 * (mean - self.baseline)
        if len({round(reward, 9) for reward in rewards}) == 1:
            return  # equal advantages say nothing
        gains = [
            cell.log_chance * (reward - self.baseline) + 0.01 * cell.entropy
            for cell, reward in zip(cells, rewards, strict=True)
        ]
        self.optimiser.zero_grad()
        (-torch.stack(gains).sum() / len(cells)).backward()
        nn.utils.clip_grad_norm_(self.parameters(), 40)
        self.optimiser.step()
