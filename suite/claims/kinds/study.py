"""A column of a study's table, over its seeds or over rows of one measurement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from pydantic import Field, model_validator

from nasrepro.suite.claims.context import Context
from nasrepro.suite.claims.margins import REPLICATES, Quantity, block_of, replicates
from nasrepro.suite.claims.needs import Measured
from nasrepro.suite.claims.rules import Finding, exact, mean_within
from nasrepro.suite.claims.statement import Grade, Statement
from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.experiments.kinds.study import CROWDED, StudyRecord

#: Units of a figure that depends on the machine it was measured on.
TIMES = ("s", "ms", "us", "min", "h")


class StudyRow(Measured):
    """A column of a study's row, the mean over seeds.

    Attributes:
        where: what identifies the row.
        column: its name.
        over: the column by which several rows of one measurement differ, where these are the
            replicates (five pre-trainings, say) and not the seeds of the study. Of the column
            "seed" the study's parameter "seeds" lists the values, whole numbers.
        scale: the figure is multiplied by it, to be in the unit of the published one.
        fixed: nothing in it is random; it is measured once, and held against the printed digits.
    """

    kind: Literal["study"] = "study"
    where: dict[str, object] = Field(default_factory=dict)
    column: str
    over: str = ""
    scale: float = 1.0
    fixed: bool = False

    @model_validator(mode="after")
    def _lists_replicates(self) -> StudyRow:
        values = self.params.get(self._replicates)
        if self.over and not (
            isinstance(values, list) and values and all(type(value) is int for value in values)
        ):
            raise ValueError(
                f"`over` = {self.over!r} takes a parameter of the study that lists whole numbers: "
                f"params = {{ {self._replicates} = [1, 2, 3] }}, not {values!r}"
            )
        return self

    @property
    def _replicates(self) -> str:
        """The parameter that lists the values of `over`."""
        return f"{self.over}s"

    @property
    def grade(self) -> Grade:
        """A count of what a paper released repeats no experiment."""
        return "own data" if self.fixed else "measured"

    def quantity(self, claim: Statement) -> Quantity:
        """What the column is, by the unit of the published number."""
        if claim.unit in TIMES:
            return "time"
        return "accuracy" if claim.unit == "%" else "correlation"

    def timed(self, claim: Statement) -> bool:
        """Whether the figure is a time, of the machine that measured it."""
        return claim.unit in TIMES and not self.fixed

    def seeds(self, claim: Statement, block: int = 0) -> range:
        """Those of a block; see `margins.replicates`."""
        if self.fixed:
            return range(1)
        return block_of(1 if self.over else replicates(claim, "study"), block)

    def in_block(self, block: int) -> StudyRow:
        """The test by a disjoint block of what `over` names; see `seeds` for what it does not."""
        if not self.over or not block:
            return self
        values: list[int] = self.params[self._replicates]  # type: ignore[assignment]
        width = max(values) - min(values) + 1
        moved = [value + block * width for value in values]
        return self.model_copy(update={"params": {**self.params, self._replicates: moved}})

    def needs(self) -> tuple[Measured, ...]:
        """The measurements."""
        return (self,)

    def judge(self, claim: Statement, context: Context) -> Finding:
        """By `rules.mean_within`, or `rules.exact` where nothing is random."""
        records, seeds = context.evidence.measured(self), self.seeds(claim, context.block)
        have = sum(seed in records for seed in seeds)
        if have < len(seeds):
            what = f"measurements of {self.study}"
            return context.lacking(claim, self, have, len(seeds), what)
        chosen = [records[seed] for seed in seeds]
        figures = [
            (record.key.run_id, value) for record in chosen for value in self._values(claim, record)
        ]
        if self.fixed:
            return exact(claim, figures[0][1], runs=(figures[0][0],))
        finding = mean_within(claim, self.quantity(claim), figures, REPLICATES["study"].least)
        if not self.timed(claim):
            return finding
        machines = f"measured on {_machines(chosen)}, the published one elsewhere"
        timed = replace(finding, why=f"{finding.why}; {machines}")
        crowded = sum(record.environment.get("load") == CROWDED for record in chosen)
        return _beside_others(timed, crowded, len(chosen)) if crowded else timed

    def _values(self, claim: Statement, record: StudyRecord) -> list[float]:
        rows = [
            row
            for row in record.rows
            if all(row.get(name) == value for name, value in self.where.items())
        ]
        differ = len({row.get(self.over) for row in rows}) == len(rows)
        if len(rows) != 1 and not (self.over and rows and differ):
            expected = f"some that differ by {self.over}" if self.over else "one"
            raise NasreproError(
                f"claim {claim.id}: {len(rows)} rows of study {self.study} have {self.where}, "
                f"expected {expected}"
            )
        values = [row.get(self.column) for row in rows]
        if not all(isinstance(value, int | float) for value in values):
            what = f"column of study {self.study} in claim {claim.id}:"
            raise UnknownName(what, self.column, rows[0])
        return [self.scale * float(value) for value in values if value is not None]


def _beside_others(finding: Finding, crowded: int, count: int) -> Finding:
    """A time that was measured beside other work, which lengthens it: too long says nothing."""
    why = f"{finding.why}; {crowded} of {count} {CROWDED}, which lengthens a time"
    ours, band = finding.ours, finding.band
    if finding.verdict == "not reproduced" and ours and band and ours > band[1]:
        return replace(finding, verdict="inconclusive", why=f"{why}: measure it on a quiet machine")
    return replace(finding, why=why)


def _machines(records: Iterable[StudyRecord]) -> str:
    words = "{machine} {system}, Python {python}"
    names = {words.format_map(defaultdict(lambda: "?", record.environment)) for record in records}
    return " and ".join(sorted(names))
