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


def vectors(
    network: nn.Module, graphs: Graphs, chunk: int = 2048, *, training: bool = False
) -> NDArray[np.float64]:
    """What a network on graphs gives for all of them, `chunk` at a time, shape (n, d)."""
    network.train(training)
    with torch.no_grad():
        parts = [
            network(*tensors(graphs[start : start + chunk]))
            for start in range(0, len(graphs), chunk)
        ]
    return torch.cat(parts).double().numpy()


#: Graphs that pass together where batch norm takes its statistics from them (the authors': 512).
WINDOW = 512


class Regressor(nn.Module):
    """MeanEncoder, tanh (the features of the Bayesian linear regression), and a linear output.

    Args:
        kinds: of operations.
        units: of one more layer between the vectors and tanh; 0 for none, as in the authors' code.
        latent: coordinates of a vector.
    """

    def __init__(self, kinds: int, units: int = 0, latent: int = 16) -> None:
        super().__init__()
        self.features = MeanEncoder(kinds, latent=latent)
        self.inner = nn.Linear(latent, units) if units else nn.Identity()
        self.output = nn.Linear(units or latent, 1)

    def forward(self, ops: Tensor, adjacency: Tensor) -> Tensor:
        """Features, shape (B, units or latent)."""
        return torch.tanh(self.inner(self.features(ops, adjacency)))


def predict_all(
    graphs: Graphs,
    rows: NDArray[np.intp],
    y: Array,
    rng: np.random.Generator,
    *,
    head: str = "latent",
    squared: bool = True,
    epochs: int = 100,
    batch: int = 10,
    learning_rate: float = 0.01,
) -> tuple[Array, Array]:
    """Mean and variance at all graphs, shape (n,) each.

    By a DNGO whose network is trained end to end on some of them.

    Args:
        graphs: n graphs.
        rows: those that are known, shape (k,).
        y: their values, shape (k,).
        rng: random generator.
        head: "latent", the authors': tanh of the vectors are the features, and the network stays in
            training mode, so that batch norm sees what passes together; or "hidden", ours: one more
            layer of 128 units, and evaluation mode.
        squared: see `dngo.evidence`.
        epochs: passes over them.
        batch: graphs per step; a last batch that is not full is left out of an epoch.
        learning_rate: of Adam.
    """
    size, authors = min(batch, len(rows)), head == "latent"
    with contained(int(rng.integers(2**31))):
        network = Regressor(len(graphs.vocabulary), 0 if authors else 128)
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
        if authors:
            features = vectors(network, graphs, WINDOW, training=True)
            known = vectors(network, graphs[rows], len(rows), training=True)
        else:
            features = vectors(network, graphs)
            known = features[rows]
    return fitted_posterior(known, y, rng, squared=squared).predict(features)
