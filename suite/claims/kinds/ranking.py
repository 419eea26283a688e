"""A scorer against a table."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Literal

from nasrepro.suite.claims.context import Context, how_to_get
from nasrepro.suite.claims.evidence import SAMPLE, scale_of, tabulated
from nasrepro.suite.claims.margins import Quantity, band
from nasrepro.suite.claims.needs import Ranked
from nasrepro.suite.claims.rules import (
    LEVEL,
    Finding,
    band_words,
    short,
    within,
    without_interval,
)
from nasrepro.suite.claims.statement import Grade, Statement
from nasrepro.suite.experiments.ranking import RankRecord
from nasrepro.suite.registry import scorers
from nasrepro.suite.statistics import Interval

#: What the architecture that is scored best reaches; the other coefficients are fields of
#: `nasrepro.suite.statistics.RankAgreement`.
Coefficient = Literal[
    "kendall", "spearman", "top_kendall", "precision_1", "precision_10", "best_value"
]


class Ranking(Ranked):
    """A coefficient of a ranking.

    Its interval is over architectures, so it counts where the ranking is over a sample of them,
    which the verdict then says; over a whole space, as the published one was, there is nothing to
    sample: a point. What the best-scored architecture reaches is decided by nothing less than all
    of them: of a sample it is inconclusive, whether the two figures meet or not.

    Attributes:
        coefficient: see `Coefficient`.
        over: another scorer; the figure is then the difference of the two coefficients.
        absolute: without its sign, as some papers print it.
    """

    kind: Literal["ranking"] = "ranking"
    grade: ClassVar[Grade] = "measured"
    coefficient: Coefficient
    over: str = ""
    absolute: bool = False

    @property
    def quantity(self) -> Quantity:
        """What the coefficient is."""
        return "best scored" if self.coefficient == "best_value" else "correlation"

    def seeds(self, claim: Statement, block: int = 0) -> range:
        """None: a ranking has architectures."""
        return range(0)

    def needs(self) -> tuple[Ranked, ...]:
        """This ranking, and the one of the other scorer where there is one."""
        if not self.over:
            return (self,)
        return self, self.model_copy(update={"scorer": self.over, "over": ""})

    def judge(self, claim: Statement, context: Context) -> Finding:
        """By `rules.within`."""
        records = []
        for need in self.needs():
            record = context.evidence.ranked(need)
            if record is None:
                return _lacking(claim, need, context)
            records.append(record)
        runs = tuple(record.key.run_id for record in records)
        ours = self._figure(records)
        if not math.isfinite(ours.value):
            why = f"no {self.coefficient}: {records[0].agreement['status']}"
            return Finding("not judged", why=why, runs=runs)
        whole = tabulated(self.oracle)
        if ours.n >= whole:
            ours = replace(ours, low=ours.value, high=ours.value)
        part = self._part(records, ours.n, whole)
        if self.coefficient == "best_value" and ours.n < whole:
            why = f"{short(ours.value)} against {band_words(claim, band(claim, self.quantity))}, but of the best-scored of {part}"
            why += f"; all {whole:,} would decide it"
            return Finding("inconclusive", ours.value, n=ours.n, why=why, needed=whole, runs=runs)
        finding = within(claim, band(claim, self.quantity), ours, runs, whole=whole)
        if ours.n < whole:
            finding = replace(finding, why=f"{finding.why}; over {part}")
        return without_interval(finding) if ours.low == ours.high else finding

    def _figure(self, records: list[RankRecord]) -> Interval:
        """The coefficient or the difference of two, with its interval."""
        figures = [self._coefficient(record) for record in records]
        n = min(record.agreement["n"] for record in records)  # of a difference the smaller sample
        value, low, high = figures[0]
        if self.over:
            other, other_low, other_high = figures[1]
            low, high = (
                value - other - math.hypot(value - low, other_high - other),
                value - other + math.hypot(high - value, other - other_low),
            )
            value -= other
        if self.absolute and math.isfinite(value):
            spans_zero = low <= 0 <= high
            ends = abs(low), abs(high)
            value, low, high = abs(value), 0.0 if spans_zero else min(ends), max(ends)
        return Interval(value, low, high, n, LEVEL)

    def _coefficient(self, record: RankRecord) -> tuple[float, float, float]:
        """A ranking's figure with the ends of its interval; itself where it has none."""
        if self.coefficient == "best_value":
            scale = scale_of(self.oracle, record.key.metric, self.dataset)
            value = math.nan if record.best_value is None else record.best_value * scale
            return value, value, value
        value = record.agreement[self.coefficient]
        low, high = record.agreement.get(f"{self.coefficient}_ci", (value, value))
        return value, low, high

    def _part(self, records: list[RankRecord], n: int, whole: int) -> str:
        """Of how many architectures the figure is, in words."""
        counts = [record.agreement["n"] for record in records]
        part = f"the {n:,} of {whole:,} architectures in the table"
        if any(record.key.sample for record in records):
            part = f"a random sample of {n:,} of the {whole:,} architectures"
        if n < whole and len(set(counts)) > 1:
            told = [
                f"{need.scorer} over {'all' if count >= whole else f'{count:,}'}"
                for need, count in zip(self.needs(), counts, strict=True)
            ]
            part = f"{part} ({', '.join(told)})"
        return part


def _lacking(claim: Statement, need: Ranked, context: Context) -> Finding:
    why = (
        f"the store has no ranking of {need.oracle} by {need.scorer} as the claim has it, over at "
        f"least {SAMPLE:,} networks{context.evidence.passed_over(need)}"
    )
    if scorers.get(need.scorer).needs_network:
        command = f"nasrepro score {need.oracle} --scorer {need.scorer} --sample {SAMPLE}"
        return Finding("not judged", why=f"{why}; score some networks: {command}")
    return Finding("not judged", why=why + how_to_get(claim, need))
