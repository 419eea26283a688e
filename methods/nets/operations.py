"""Assignments of operations to the places of a topology, for methods that search edges."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.space import Topology

Ops = NDArray[np.int64]
ASSIGNMENTS = ("balanced", "independent", "nodes")


def assigned(topology: Topology, how: str, rng: np.random.Generator) -> Ops:
    """An operation for each place, shape (places,).

    Args:
        topology: of the space.
        how: "balanced": each operation as often as any other, and which ones come once more is
            drawn; "independent": each place draws its own; "nodes": each vertex draws one, and
            where operations sit on edges, all edges into the vertex have it.
        rng: random generator.
    """
    count = len(topology.ops)
    if how == "balanced":
        order = rng.permutation(count)
        return rng.permutation(order[np.arange(topology.places) % count])
    if how == "nodes" and topology.on_edges:
        targets = np.array([target for _, target in topology.edges])
        return np.asarray(rng.integers(count, size=topology.vertices)[targets])
    return rng.integers(count, size=topology.places)


def places_of(topology: Topology, kept: Collection[int]) -> list[int]:
    """The places whose operations matter where only these edges are kept."""
    if topology.on_edges:
        return sorted(kept)
    return sorted({topology.edges[edge][1] - 1 for edge in kept})


def changed(ops: Ops, place: int, count: int, rng: np.random.Generator) -> Ops:
    """The operations with another one of `count` at that place."""
    new = ops.copy()
    new[place] = (new[place] + rng.integers(1, count)) % count
    return new
