"""Encoders trained on accuracies alone.

The supervised control of arch2vec, with the same graph network and no pre-training.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasrepro.methods.nets.dngo import Array, fitted_posterior
from nasrepro.methods.nets.graphs import Graphs
from nasrepro.methods.nets.vgae import Encoder, contained, symmetric, tensors


class MeanEncoder(nn.Module):
    """Graphs to vectors, shape (B, latent).

    The graph network, one linear layer, the mean over nodes.
    """

    def __init__(self, kinds: int, *, hidden: int = 128, layers: int = 4, latent: int = 16) -> None:
        super().__init__()
        self.encoder = Encoder(kinds, hidden, layers)
        self.linear = nn.Linear(hidden, latent)

    def forward(self, ops: Tensor, adjacency: Tensor) -> Tensor:
        """Vectors of operations (B, V, K) and upper triangular adjacency (B, V, V)."""
        h: Tensor = self.linear(self.encoder(ops, symmetric(adjacency)))
        return h.mean(1)


def vectors(network: nn.Module, graphs: Graphs, chunk: int = 2048) -> NDArray[np.float64]:
    """What a network on graphs gives for all of them, in evaluation mode, shape (n, d)."""
    network.eval()
    with torch.no_grad():
        parts = [
            network(*tensors(graphs[start : start + chunk]))
            for start in range(0, len(graphs), chunk)
        ]
    return torch.cat(parts).double().numpy()


class Regressor(nn.Module):
    """MeanEncoder and a tanh layer (the features of the Bayesian linear regression), and a linear output for training."""

    def __init__(self, kinds: int, units: int = 128, latent: int = 16) -> None:
        super().__init__()
        self.features = MeanEncoder(kinds, latent=latent)
        self.inner, self.output = nn.Linear(latent, units), nn.Linear(units, 1)

    def forward(self, ops: Tensor, adjacency: Tensor) -> Tensor:
        """Features, shape (B, units)."""
        return torch.tanh(self.inner(self.features(ops, adjacency)))


def predict_all(
    graphs: Graphs,
    rows: NDArray[np.intp],
    y: Array,
    rng: np.random.Generator,
    *,
    epochs: int = 100,
    batch: int = 10,
    learning_rate: float = 0.01,
) -> tuple[Array, Array]:
    """Mean and variance at all graphs, shape (n,) each, by a DNGO whose network is trained end to end on some of them.

    Args:
        graphs: n graphs.
        rows: those that are known, shape (k,).
        y: their values, shape (k,).
        rng: random generator.
        epochs: passes over them.
        batch: graphs per step; a last batch that is not full is left out of an epoch.
        learning_rate: of Adam.
    """
    size = min(batch, len(rows))
    with contained(int(rng.integers(2**31))):
        network = Regressor(len(graphs.vocabulary))
        optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
        ops, adjacency = tensors(graphs[rows])
        targets = torch.from_numpy(y).float()
        for _ in range(epochs):
            order = torch.randperm(len(rows))
            for start in range(0, len(rows) - size + 1, size):
                some = order[start : start + size]
                optimiser.zero_grad()
                output = network.output(network(ops[some], adjacency[some])).squeeze(1)
                nn.functional.mse_loss(output, targets[some]).backward()
                optimiser.step()
        features = vectors(network, graphs)
    return fitted_posterior(features[rows], y, rng).predict(features)
