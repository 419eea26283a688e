"""NAS-Bench-101's specification of a cell: an adjacency matrix and a name per vertex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nasrepro.oracles.spaces.graph101 import INNER, INPUT, OPS, OUTPUT, VERTICES, live_edges
from nasrepro.suite.errors import InvalidArch, UnknownName


def read_spec(space: str, matrix: Any, ops: Sequence[str]) -> tuple[int, ...]:
    """The code of the benchmark's `ModelSpec(matrix, ops)`: see `Dag101.from_spec`.

    Args:
        space: its name, for messages.
        matrix: adjacency, (V, V).
        ops: V names.

    Raises:
        InvalidArch, UnknownName: not such a specification.
    """
    try:
        given = np.asarray(matrix)
    except ValueError as error:
        raise InvalidArch(f"{space}: the adjacency matrix has rows of different lengths") from error
    names = list(ops)
    size = len(names)
    if given.shape != (size, size) or size < 2:
        raise InvalidArch(
            f"{space}: adjacency matrix of shape {given.shape} for {size} operations, "
            "expected (V, V) and V, V at least 2"
        )
    if not np.isin(given, (0, 1)).all():
        raise InvalidArch(
            f"{space}: adjacency matrix {given.tolist()} has other values than 0 and 1"
        )
    adjacency = given.astype(bool)
    if np.tril(adjacency).any():
        raise InvalidArch(
            f"{space}: adjacency matrix {adjacency.astype(int).tolist()} is not strictly "
            "upper triangular"
        )
    if names[0] != INPUT or names[-1] != OUTPUT:
        raise InvalidArch(
            f"{space}: operations {names} must begin with {INPUT!r} and end with {OUTPUT!r}"
        )
    for name in names[1:-1]:
        if name not in OPS:
            raise UnknownName(f"operation of {space}:", name, OPS)
    if size > VERTICES:
        live = live_edges(
            [sum(1 << int(source) for source in np.flatnonzero(column)) for column in adjacency.T]
        )
        kept = [vertex for vertex in range(size) if live >> vertex & 1]
        if not kept or len(kept) > VERTICES:
            raise InvalidArch(
                f"{space}: {len(kept)} vertices are left after pruning of {size}, "
                f"expected 2 to {VERTICES}"
            )
        return read_spec(space, adjacency[np.ix_(kept, kept)], [names[vertex] for vertex in kept])
    # the output goes to the last place, the others keep theirs
    whole = np.zeros((VERTICES, VERTICES), dtype=int)
    places = [*range(size - 1), VERTICES - 1]
    whole[np.ix_(places, places)] = adjacency
    labels = [OPS.index(name) for name in names[1:-1]]
    edges = whole[np.triu_indices(VERTICES, 1)].tolist()
    return (*edges, *labels, *[0] * (INNER - len(labels)))
