"""A sample of a space.

Architectures that a benchmark trained, too few to be each other's neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from nasrepro.suite.errors import NotTabulated
from nasrepro.suite.space import Arch, ConfinedSpace, SearchSpace

#: Nearest architectures that count as neighbours.
NEAREST = 8
_ROWS = 256


def row_among(
    rows: Mapping[Any, int],
    oracle: str,
    space: SearchSpace,
    what: str,
    key: Callable[[Arch], Hashable] = lambda arch: arch,
) -> Callable[[Arch], int]:
    """What gives a table's row of an architecture, and refuses one that it does not have.

    Args:
        rows: by the `key` of an architecture.
        oracle: its name.
        space: of the architectures.
        what: those of the table, in words ("cells that it has").
        key: by what the table knows an architecture; itself if not given.
    """

    def row(arch: Arch) -> int:
        space.check(arch)
        found = rows.get(key(arch))
        if found is None:
            raise NotTabulated(
                f"{oracle}: {space.format(arch)} is not among the {len(rows):,} {what}"
            )
        return found

    return row


class Pool(ConfinedSpace):
    """Searches stay in the sample, and step from one architecture to the nearest ones in it.

    Two architectures are neighbours if one is among the eight nearest of the other, by the number
    of
    decisions that differ; ties go to the earlier row.

    Args:
        whole: the space.
        archs: the sample, by row.
    """

    def __init__(self, whole: SearchSpace, archs: Sequence[Arch]) -> None:
        super().__init__(whole, archs)
        self._row = {arch: row for row, arch in enumerate(archs)}

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """The nearest in the sample, and those to which it is among the nearest."""
        self.check(arch)
        return tuple(self._archs[row] for row in self._near[self._row[arch]])

    @cached_property
    def _near(self) -> tuple[tuple[int, ...], ...]:
        offsets = np.cumsum([0, *self.cardinalities[:-1]])
        codes = np.array([arch.code for arch in self._archs])
        count = len(codes)
        hot = np.zeros((count, sum(self.cardinalities)), np.float32)
        np.put_along_axis(hot, codes + offsets, 1, axis=1)
        near: list[set[int]] = [set() for _ in range(count)]
        for first in range(0, count, _ROWS):
            same = (hot[first : first + _ROWS] @ hot.T).astype(np.int64)  # small integers: exact
            order = (codes.shape[1] - same) * count + np.arange(count)
            order[np.arange(len(same)), np.arange(first, first + len(same))] = np.iinfo(int).max
            nearest = np.argpartition(order, NEAREST, axis=1)[:, :NEAREST]
            for row, others in enumerate(nearest.tolist(), start=first):
                near[row].update(others)
                for other in others:
                    near[other].add(row)
        return tuple(tuple(sorted(rows)) for rows in near)
