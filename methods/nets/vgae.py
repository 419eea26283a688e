"""The variational graph-isomorphism autoencoder of arch2vec, as in the authors' code.

The paper is Yan et al. (NeurIPS 2020, arXiv:2006.06936).

    A~ = A + A^T;   H_0 = one-hot operations
    H_k = ReLU(BN(MLP_k((1 + e_k) H_{k-1} + A~ H_{k-1})))              k = 1..4
    mu = H_4 W_mu,  log s = H_4 W_s;   z = mu + s * N(0, I)            per node
    op of node i ~ sigmoid(z_i W + b),   edge i-j ~ sigmoid(z_i . z_j)
    loss = BCE(operations) + BCE(edges i < j) + KL(q(z) || N(0, I)) / (batch * nodes)

The authors switch the network to evaluation after the first epoch and never back: from then on z =
mu, no dropout, and batch norm keeps the statistics of the first epoch.
`Recipe.eval_after_first_epoch` has both behaviours.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from nasrepro.methods.nets.graphs import Graphs
from nasrepro.suite.data import atomic_write, cache_dir, sha256_file


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an autoencoder is made and trained; the defaults are the authors' for NAS-Bench-101.

    Attributes:
        epochs: passes over the training part (the authors': 8; 10 for NAS-Bench-201). 0 leaves the
            network as initialised.
        eval_after_first_epoch: the authors' behaviour; False trains every epoch in training mode.
        seed: of initialisation, order, noise and dropout (the authors': 1; 3 for NAS-Bench-201).
        share: the part that is trained on, the first ones by index.
        latent: coordinates of a node.
        hidden: width of the graph layers.
        layers: graph layers (the authors' "hops" minus one).
        dropout: on z, in training.
        batch: graphs per step.
        learning_rate: of Adam.
        clip: largest norm of the gradient.
    """

    epochs: int = 8
    eval_after_first_epoch: bool = True
    seed: int = 1
    share: float = 0.9
    latent: int = 16
    hidden: int = 128
    layers: int = 4
    dropout: float = 0.3
    batch: int = 32
    learning_rate: float = 1e-3
    clip: float = 5.0


class Encoder(nn.Module):
    """Graph-isomorphism network.

    Operations (B, V, K) and symmetric adjacency (B, V, V) to node features (B, V, hidden).
    """

    def __init__(self, kinds: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.epsilon = nn.Parameter(torch.zeros(layers))
        widths = [kinds] + [hidden] * layers
        self.mlps = nn.ModuleList(
            nn.Sequential(
                nn.Linear(width, hidden),
                nn.BatchNorm1d(hidden),
                nn.ReLU(),
                nn.Linear(hidden, hidden),
                nn.BatchNorm1d(hidden),
            )
            for width in widths[:-1]
        )

    def forward(self, ops: Tensor, adjacency: Tensor) -> Tensor:
        """Node features, shape (B, V, hidden)."""
        h = ops
        for epsilon, mlp in zip(self.epsilon, self.mlps, strict=True):
            summed = (1 + epsilon) * h + adjacency @ h
            h = F.relu(mlp(summed.flatten(0, 1))).unflatten(0, ops.shape[:2])
        return h


class Autoencoder(nn.Module):
    """Encoder and decoder.

    `forward` gives logits of operations (B, V, K) and of edges (B, V, V), and mu and log s (B, V,
    latent).
    """

    def __init__(self, kinds: int, recipe: Recipe) -> None:
        super().__init__()
        self.encoder = Encoder(kinds, recipe.hidden, recipe.layers)
        self.mean = nn.Linear(recipe.hidden, recipe.latent)
        self.log_scale = nn.Linear(recipe.hidden, recipe.latent)
        self.to_ops = nn.Linear(recipe.latent, kinds)
        self.dropout = nn.Dropout(recipe.dropout)

    def decode(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of operations (B, V, K) and edges (B, V, V) of latent nodes, (B, V, latent)."""
        z = self.dropout(z)
        return self.to_ops(z), z @ z.mT

    def forward(self, ops: Tensor, adjacency: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See the class."""
        h = self.encoder(ops, adjacency)
        mu, log_scale = self.mean(h), self.log_scale(h)
        z = mu + log_scale.exp() * torch.randn_like(mu) if self.training else mu
        return *self.decode(z), mu, log_scale


def symmetric(adjacency: Tensor) -> Tensor:
    """A + A^T, shape (B, V, V)."""
    return adjacency + adjacency.mT


def kl_divergence(mu: Tensor, log_scale: Tensor) -> Tensor:
    """Mean over nodes of KL(N(mu, s^2) || N(0, I)), divided by their number.

    The division is that of the authors' code.
    """
    terms = 1 + 2 * log_scale - mu**2 - (2 * log_scale).exp()
    return -0.5 * terms.sum(-1).mean() / terms[..., 0].numel()


def loss_of(
    ops_logits: Tensor,
    edge_logits: Tensor,
    mu: Tensor,
    log_scale: Tensor,
    ops: Tensor,
    adjacency: Tensor,
) -> Tensor:
    """Cross-entropies plus KL.

    Each cross-entropy is a mean over all entries (the edges' empty lower triangle included, as in
    the authors' code).
    """
    upper = torch.ones_like(adjacency[0]).triu(1)
    edges = F.binary_cross_entropy_with_logits(edge_logits, adjacency, weight=upper)
    return (
        F.binary_cross_entropy_with_logits(ops_logits, ops) + edges + kl_divergence(mu, log_scale)
    )


@contextlib.contextmanager
def contained(seed: int) -> Iterator[None]:
    """One thread and torch's generator seeded, both as before behind the block.

    The same numbers on any number of cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def tensors(graphs: Graphs) -> tuple[Tensor, Tensor]:
    """Operations (n, V, K) and adjacency (n, V, V)."""
    return torch.from_numpy(graphs.ops), torch.from_numpy(graphs.adjacency)


def train(graphs: Graphs, recipe: Recipe) -> tuple[Autoencoder, NDArray[np.float32]]:
    """Pre-train on the first `recipe.share` of the graphs.

    Their order is drawn once, as in the authors' code.

    Returns:
        The network, and each training graph's mu as it was when the last epoch came to it, (n, V,
        latent): what the authors take the mean and deviation of, to draw latent points.
    """
    with contained(recipe.seed):
        network = Autoencoder(len(graphs.vocabulary), recipe)
        optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, fused=True)
        count = int(len(graphs) * recipe.share)
        order = torch.randperm(count)
        ops, adjacency = (part[order] for part in tensors(graphs))
        for epoch in range(recipe.epochs):
            network.train(epoch == 0 or not recipe.eval_after_first_epoch)
            met = []
            for some_ops, some_edges in zip(
                ops.split(recipe.batch), adjacency.split(recipe.batch), strict=True
            ):
                optimiser.zero_grad()
                ops_logits, edge_logits, mu, log_scale = network(some_ops, symmetric(some_edges))
                loss_of(ops_logits, edge_logits, mu, log_scale, some_ops, some_edges).backward()
                nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
                optimiser.step()
                met.append(mu.detach())
    network.eval()
    return network, torch.cat(met).numpy() if recipe.epochs else means(network, graphs[:count])


def means(network: Autoencoder, graphs: Graphs, chunk: int = 2048) -> NDArray[np.float32]:
    """The mu of every node, shape (n, V, latent), in evaluation mode."""
    parts = [tensors(graphs[start : start + chunk]) for start in range(0, len(graphs), chunk)]
    with torch.no_grad():
        return np.concatenate(
            [
                network.mean(network.encoder(ops, symmetric(adjacency))).numpy()
                for ops, adjacency in parts
            ]
        )


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A trained autoencoder.

    Attributes:
        network: in evaluation mode.
        seconds: CPU seconds that its training took when it was trained.
        centre, spread: mean and deviation of mu over the training graphs during the last epoch,
            (V, latent); see `train`.
    """

    network: Autoencoder
    seconds: float
    centre: NDArray[np.float32]
    spread: NDArray[np.float32]


def key_of(graphs: Graphs, recipe: Recipe) -> str:
    """Hash of what determines a trained autoencoder.

    The graphs, the recipe, the source of this file, and what decides how its training is rounded:
    a cache that several machines share must not hand one's encoder to another.
    """
    rounded = [torch.__version__, torch.backends.cpu.get_cpu_capability()]
    content = json.dumps(
        [graphs.sha256, asdict(recipe), sha256_file(Path(__file__)), *rounded], sort_keys=True
    )
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def pretrained(graphs: Graphs, recipe: Recipe) -> Pretrained:
    """The autoencoder of a recipe: from the cache folder, else trained and kept there."""
    path = cache_dir() / "encoders" / f"vgae-{key_of(graphs, recipe)}.pt"
    try:
        stored = torch.load(path, weights_only=True)
    except (
        OSError,
        RuntimeError,
        EOFError,
        pickle.UnpicklingError,
    ):  # absent or damaged: made again
        started = time.process_time()
        network, met = train(graphs, recipe)
        made = Pretrained(network, time.process_time() - started, met.mean(0), met.std(0))
        kept = {
            "state": network.state_dict(),
            "seconds": made.seconds,
            "centre": torch.from_numpy(made.centre),
            "spread": torch.from_numpy(made.spread),
        }
        with atomic_write(path) as temporary:
            torch.save(kept, temporary)
        return made
    with contained(recipe.seed):
        network = Autoencoder(len(graphs.vocabulary), recipe)
    network.load_state_dict(stored["state"])
    return Pretrained(
        network.eval(), stored["seconds"], stored["centre"].numpy(), stored["spread"].numpy()
    )
