"""Architectures as arrays: what networks on graphs read, packed once for a whole space.

No torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.space import Graph, SearchSpace

#: Entries of all adjacency matrices of the largest space that is packed whole (200 MB);
#: NAS-Bench-101's 423,624 cells have 21 million.
LARGEST = 50_000_000


@dataclass(frozen=True, eq=False)
class Graphs:
    """n graphs of at most V nodes, padded at the end.

    Attributes:
        ops: one-hot operations, float32, shape (n, V, K); all zero where a graph has no node.
        adjacency: float32, shape (n, V, V), strictly upper triangular.
        vocabulary: the K operations; the input first, the output last.
    """

    ops: NDArray[np.float32]
    adjacency: NDArray[np.float32]
    vocabulary: tuple[str, ...]

    def __len__(self) -> int:
        """Number of graphs."""
        return len(self.ops)

    def __getitem__(self, rows: slice | NDArray[np.intp]) -> Graphs:
        """Some of the graphs."""
        return Graphs(self.ops[rows], self.adjacency[rows], self.vocabulary)

    @cached_property
    def sha256(self) -> str:
        """Hash of the contents."""
        digest = hashlib.sha256(repr((self.vocabulary, self.ops.shape)).encode())
        digest.update(np.packbits(self.ops.astype(bool)).data)
        digest.update(np.packbits(self.adjacency.astype(bool)).data)
        return digest.hexdigest()

    @cached_property
    def vectors(self) -> NDArray[np.float64]:
        """The discrete encoding, (n, d).

        Operations and edges, without entries that are the same in all graphs.
        """
        upper = np.triu_indices(self.adjacency.shape[1], 1)
        flat = np.concatenate(
            [self.ops.reshape(len(self), -1), self.adjacency[:, upper[0], upper[1]]], axis=1
        )
        varied = (flat != flat[:1]).any(0)
        varied[0] |= not varied.any()  # a point has one coordinate at least
        return flat[:, varied].astype(np.float64)


def pack(graphs: Iterable[Graph], *, like: Graphs | None = None) -> Graphs:
    """Pack graphs; with the vocabulary and the number of nodes of `like`, where given.

    Raises:
        KeyError: an operation that `like` does not have.
        ValueError: more nodes than `like` has.
    """
    listed = list(graphs)
    if like is None:
        first, last = listed[0].ops[0], listed[0].ops[-1]
        inner = sorted({op for graph in listed for op in graph.ops} - {first, last})
        vocabulary, nodes = (first, *inner, last), max(len(graph.ops) for graph in listed)
    else:
        vocabulary, nodes = like.vocabulary, like.ops.shape[1]
    number = {op: index for index, op in enumerate(vocabulary)}
    kinds = np.full((len(listed), nodes), -1)
    adjacency = np.zeros((len(listed), nodes, nodes), dtype=np.float32)
    for row, graph in enumerate(listed):
        size = len(graph.ops)
        kinds[row, :size] = [number[op] for op in graph.ops]
        adjacency[row, :size, :size] = graph.adjacency
    ops = (kinds[..., None] == np.arange(len(vocabulary))).astype(np.float32)
    return Graphs(ops, adjacency, vocabulary)


@lru_cache(maxsize=4)
def graphs_of(space: SearchSpace) -> Graphs:
    """All architectures of a space, in its own order.

    Raises:
        NasreproError: there are too many of them.
    """
    rng = np.random.default_rng(0)
    nodes = max(len(space.graph(space.sample(rng)).ops) for _ in range(20))
    if len(space) * nodes**2 > LARGEST:
        raise NasreproError(
            f"space {space.name} has {len(space):,} "
            f"architectures of up to {nodes} nodes, too many to "
            "be packed as graphs all at once; choose another method or a smaller space"
        )
    return pack(map(space.graph, space))
