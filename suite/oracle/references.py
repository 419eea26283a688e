"""Scores that others computed and published.

They are shown beside ours and labelled with where they are from.

A table of references has one row per architecture that was scored. Column `key` names it (an
integer that the opener of the table makes of an architecture); the others are `{dataset}/{score}`.
A score that its authors could not compute is -inf.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import NotTabulated, UnknownName
from nasrepro.suite.space import Arch

if TYPE_CHECKING:
    from nasrepro.suite.data import Table, TableSpec


@dataclass(frozen=True, slots=True)
class ReferenceInfo:
    """Description of a table of references, known without opening it.

    Attributes:
        name: of the table.
        source: who computed the scores; a score is called "source/score".
        oracle: whose architectures were scored.
        datasets: data sets that the scores are of, by their official names.
        scores: names of the scores, as the source has them; higher predicts better unless a note
            says otherwise.
        citation: BibTeX of the paper behind the numbers.
        licence: of the data.
        table: how to fetch and convert the originals.
        notes: one line per trap that a reader of the numbers must know.
    """

    name: str
    source: str
    oracle: str
    datasets: tuple[str, ...]
    scores: tuple[str, ...]
    citation: str
    licence: str
    table: TableSpec
    notes: tuple[str, ...] = ()


class ReferenceTable:
    """The references of one source for one oracle, opened.

    Args:
        info: what is known of it.
        table: the opened table.
        key: what column `key` holds for an architecture.
    """

    def __init__(self, info: ReferenceInfo, table: Table, key: Callable[[Arch], int]) -> None:
        self.info, self.table, self._key = info, table, key

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {int(key): row for row, key in enumerate(self.table.column("key"))}

    def scores(self, score: str, dataset: str, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Scores of `archs`, shape (n,): NaN where the source has none, -inf where it failed.

        Raises:
            UnknownName: no such score.
            NotTabulated: not for this data set.
        """
        if score not in self.info.scores:
            raise UnknownName(
                f"score of {self.info.source} for {self.info.oracle}:", score, self.info.scores
            )
        if dataset not in self.info.datasets:
            shown = ", ".join(self.info.datasets)
            raise NotTabulated(
                f"{self.info.source} has no {score} for {self.info.oracle} on {dataset}; it has: "
                f"{shown}"
            )
        column = f"{dataset}/{score}"
        if column not in self.table.names:  # a source may have a score for some data sets alone
            having = [d for d in self.info.datasets if f"{d}/{score}" in self.table.names]
            raise NotTabulated(
                f"{self.info.source} has no {score} for {self.info.oracle} on {dataset}; it has "
                f"that score on: {', '.join(having)}"
            )
        rows = np.array([self._rows.get(self._key(arch), -1) for arch in archs])
        return np.where(rows >= 0, self.table.column(column)[rows], np.nan)
