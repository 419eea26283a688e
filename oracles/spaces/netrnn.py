"""Language models of the recurrent space: what `RecurrentSpace.build` returns.

The equations stand in `oracles/spaces/recurrent.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_ACTIVATION: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "identity": lambda u: u,
}


class RecurrentCell(nn.Module):
    """One step of a cell.

    The products of all edges out of a node are one matrix product: first c of each edge, then u.

    Args:
        adjacency: bool, (N, N), the live cell; node 0 is its input.
        activations: name of the activation of nodes 1 .. N-1.
        embedding: width of x.
        hidden: width of h.
    """

    def __init__(
        self,
        adjacency: NDArray[np.bool_],
        activations: Sequence[str],
        *,
        embedding: int,
        hidden: int,
    ) -> None:
        super().__init__()
        self.hidden = hidden
        self.targets: list[list[int]] = [np.flatnonzero(row).tolist() for row in adjacency]
        self.degree: list[int] = adjacency.sum(0).tolist()
        self.activation = [torch.tanh, *(_ACTIVATION[name] for name in activations)]
        # [x; h] W_0 as two products, so that those of x are taken for the whole text at once
        self.from_x = nn.Linear(embedding, 2 * hidden, bias=False)
        self.from_h = nn.Linear(hidden, 2 * hidden, bias=False)
        self.edges = nn.ModuleList(
            nn.Linear(hidden, 2 * hidden * len(targets), bias=False)
            for targets in self.targets
            if targets
        )

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """(from_x(x), (batch, 2 hidden); h, (batch, hidden)) -> the next state, (batch, hidden)."""
        c, u = (x + self.from_h(h)).chunk(2, 1)
        sums: list[Tensor | None] = [
            torch.lerp(h, torch.tanh(u), torch.sigmoid(c)),
            *[None] * (len(self.targets) - 1),
        ]
        products = iter(self.edges)
        leaves: list[Tensor] = []
        for node, targets in enumerate(self.targets):
            state = sums[node]
            assert state is not None  # a live node has an edge into it from an earlier one
            if self.degree[node] > 1:
                state = state / self.degree[node]
            if not targets:
                leaves.append(state)
                continue
            gates, values = next(products)(state).chunk(2, 1)
            gates = torch.sigmoid(gates)
            for target, c, u in zip(
                targets, gates.split(self.hidden, 1), values.split(self.hidden, 1), strict=True
            ):
                brought = torch.lerp(state, self.activation[target](u), c)
                before = sums[target]
                sums[target] = brought if before is None else before + brought
        return leaves[0] if len(leaves) == 1 else torch.stack(leaves).mean(0)


class LanguageModel(nn.Module):
    """Embedding, one recurrent cell, linear decoder.

    Args:
        adjacency: bool, (N, N), the live cell.
        activations: name of the activation of nodes 1 .. N-1.
        vocabulary: number of tokens.
        embedding: width of the embedding.
        hidden: width of the state.
        tied: whether decoder and embedding share their weights.
        init_range: initial weights are uniform in plus and minus this.
    """

    def __init__(
        self,
        adjacency: NDArray[np.bool_],
        activations: Sequence[str],
        *,
        vocabulary: int,
        embedding: int,
        hidden: int,
        tied: bool,
        init_range: float,
    ) -> None:
        super().__init__()
        self.hidden = hidden
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.cell = RecurrentCell(adjacency, activations, embedding=embedding, hidden=hidden)
        self.decoder = nn.Linear(hidden, vocabulary)
        if tied:
            self.decoder.weight = self.embedding.weight
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -init_range, init_range)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Predict each next token.

        Args:
            tokens: (length, batch), int64.
            state: (batch, hidden), of the text before; zeros where none is given.

        Returns:
            Logits (length, batch, vocabulary), and the last state (batch, hidden).
        """
        x = self.cell.from_x(self.embedding(tokens))
        h = x.new_zeros(tokens.shape[1], self.hidden) if state is None else state
        states = []
        for step in x.unbind(0):
            h = self.cell(step, h)
            states.append(h)
        return self.decoder(torch.stack(states)), h
