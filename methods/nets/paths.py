"""The path encoding of architectures (White et al., arXiv:1910.11858), for any space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.space import Graph

Path = tuple[str, ...]


def paths(graph: Graph) -> frozenset[Path]:
    """The sequences of operations along all ways from the first node to the last, without these."""
    last = len(graph.ops) - 1
    reaching: list[set[Path]] = [{()}]
    for node in range(1, last + 1):
        op = () if node == last else (graph.ops[node],)
        before = np.flatnonzero(graph.adjacency[:, node])
        reaching.append({(*path, *op) for source in before for path in reaching[source]})
    return frozenset(reaching[last])


class PathEncoding:
    """Encodes architectures as one bit for each path; a path gets its bit when it is first seen.

    Args:
        longest: paths of more operations are left out; 0: none is.

    Attributes:
        bits: place of each path.
    """

    def __init__(self, longest: int = 0) -> None:
        self.longest = longest
        self.bits: dict[Path, int] = {}

    def __call__(self, graphs: Sequence[Graph]) -> NDArray[np.float64]:
        """Shape (graphs, bits), with the bits of all paths seen so far."""
        rows = []
        for graph in graphs:
            seen = sorted(
                path for path in paths(graph) if not self.longest or len(path) <= self.longest
            )
            rows.append([self.bits.setdefault(path, len(self.bits)) for path in seen])
        encoded = np.zeros((len(graphs), len(self.bits)))
        for row, ones in enumerate(rows):
            encoded[row, ones] = 1
        return encoded
