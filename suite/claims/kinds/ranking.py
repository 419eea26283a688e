"""A scorer against a table."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np

from nasrepro.suite.claims.comparisons import RESAMPLED, Comparisons
from nasrepro.suite.claims.context import Context, how_to_get
from nasrepro.suite.claims.evidence import SAMPLE, scale_of, tabulated
from nasrepro.suite.claims.margins import BOUNDS, Quantity, T, Z, band, draw_spread
from nasrepro.suite.claims.needs import Ranked
from nasrepro.suite.claims.rules import (
    LEVEL,
    Finding,
    band_words,
    point,
    short,
    within,
    without_interval,
)
from nasrepro.suite.claims.statement import Grade, Statement
from nasrepro.suite.experiments.kinds.ranking import RankRecord
from nasrepro.suite.oracle import RANDOM
from nasrepro.suite.registry import image_sets, oracles, original_images, scorers
from nasrepro.suite.statistics import Interval

#: What the architecture that is scored best reaches; the other coefficients are fields of
#: `nasrepro.suite.statistics.RankAgreement`.
Coefficient = Literal[
    "kendall", "spearman", "top_kendall", "precision_1", "precision_10", "best_value"
]
#: Counted by the space for every architecture: what a sample is carried to the whole table by.
CONTROL = "params"


class Ranking(Ranked):
    """A coefficient of a ranking.

    Its interval is over architectures, where the ranking is over a sample of them, which the
    verdict then says; and over draws of weights and images, of scorers that need networks. Two
    scorers are compared on the same architectures (see `comparisons`), and a sample is carried to
    the whole table by the difference estimator, labelled so. What the best-scored architecture
    reaches is decided by nothing less than all of them, and of a scorer that draws, by nothing
    less than several draws, which are not judged here: it is inconclusive, whether the two figures
    meet or not. So is what a scorer of images says of networks for other images than it was given,
    since papers give it those of the data set; a claim that lacks the data is not judged by others.

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
        if self.coefficient == "best_value":
            return "best scored"
        return "drawn correlation" if self.draws else "correlation"

    def seeds(self, claim: Statement, block: int = 0) -> range:
        """None: a ranking has architectures."""
        return range(0)

    @property
    def draws(self) -> bool:
        """Whether the scorer depends on a draw of weights or images."""
        return _draws(self.scorer)

    @property
    def spread(self) -> float:
        """Standard deviation of the coefficient between draws; 0 where nothing is drawn."""
        return draw_spread(*(each for each in (self.scorer, self.over) if each and _draws(each)))

    def needs(self) -> tuple[Ranked, ...]:
        """This ranking, that of the other scorer where there is one, and that of the control.

        The control, `params`, is for scorers of networks, of which only a sample is scored.
        """
        others = [self._of(self.over)] if self.over else []
        if self.draws and self.coefficient in RESAMPLED and self.over != CONTROL:
            others.append(self._of(CONTROL))
        return self, *others

    @property
    def others_images(self) -> str:
        """That a scorer of images was given others than the data set's, in words, or ""."""
        scorer = next((each for each in (self.scorer, self.over) if _reads_images(each)), "")
        own = oracles.get(self.oracle).info.dataset(self.dataset).images
        data = self.scoring.data or own or RANDOM
        if not scorer or data == own:
            return ""
        if data == RANDOM:
            return f"{scorer} was given noise, not {self.dataset}"
        if not image_sets.has(data):  # nothing is scored by them here
            return ""
        theirs = original_images(data) == original_images(self.dataset)
        return "" if theirs else f"{scorer} was given images of {data}, not {self.dataset}"

    def _of(self, scorer: str) -> Ranked:
        setting = self.setting if scorers.get(scorer).needs_network else {}
        return Ranked(
            oracle=self.oracle,
            dataset=self.dataset,
            epochs=self.epochs,
            metric=self.metric,
            scorer=scorer,
            setting=setting,
        )

    def judge(self, claim: Statement, context: Context) -> Finding:
        """By `rules.within`."""
        if claim.lacks == "data" and (others := self.others_images):
            return Finding("not judged", why=others)
        records = []
        for need in self.needs():
            record = context.evidence.ranked(need)
            if record is None and need.scorer not in (self.scorer, self.over):
                continue  # no control: the sample alone
            if record is None:
                return _lacking(claim, need, context)
            records.append(record)
        if self.over and not all(map(context.comparisons.stored, records)):
            return _lacking(claim, self.needs()[0], context)
        runs = tuple(record.key.run_id for record in records)
        whole = tabulated(self.oracle)
        ours, part = self._figure(records, whole, context.comparisons)
        if not math.isfinite(ours.value):
            why = f"no {self.coefficient}: {records[0].agreement['status']}"
            return Finding("not judged", why=why, runs=runs)
        ends = band(claim, self.quantity, self.spread)
        if self.coefficient == "best_value" and ours.n < whole:
            words = band_words(claim, ends)
            why = f"{short(ours.value)} against {words}, but of the best-scored of {part}"
            why += _tied(records[0])
            why += f"; all {whole:,} would settle it"
            return Finding("inconclusive", ours.value, n=ours.n, why=why, needed=whole, runs=runs)
        if self.coefficient == "best_value" and self.draws:
            why = f"{short(ours.value)} against {band_words(claim, ends)}, of one draw of weights "
            why += f"and images; another draw may have another best{_tied(records[0])}"
            return Finding("inconclusive", ours.value, n=ours.n, why=why, runs=runs)
        finding = within(claim, ends, ours, runs, whole=whole)
        if ours.n < whole:
            finding = replace(finding, why=f"{finding.why}; over {part}")
        if self.coefficient == "best_value":
            finding = replace(finding, why=f"{finding.why}{_tied(records[0])}")
        finding = self._as_far_as_images_go(finding)
        return without_interval(finding) if ours.low == ours.high else finding

    def _as_far_as_images_go(self, finding: Finding) -> Finding:
        """The same, and undecided if the images are others."""
        if others := self.others_images:
            why = f"{finding.why}; {others}"
            return replace(finding, verdict="inconclusive", why=why)
        return finding

    def again(self, claim: Statement, context: Context, repeat: int) -> Finding | None:
        """The finding by other architectures and another draw.

        The architectures are resampled where scores are at hand; else the figure moves as its
        interval has it. None where nothing was sampled or drawn: the whole table is ranked by
        counts.
        """
        found = [context.evidence.ranked(need) for need in self.needs()]
        records = [record for record in found if record is not None]
        if self.coefficient == "best_value" or not records:
            return None
        ours, _ = self._figure(records, tabulated(self.oracle), context.comparisons)
        if not ours.low < ours.high:
            return None
        rng = np.random.default_rng(repeat)
        if self.draws and ours.n >= tabulated(self.oracle):
            moved = self.spread * rng.standard_normal()
        elif self._pairs(records) and all(map(context.comparisons.stored, records)):
            moved = context.comparisons.moved(records[0], records[-1], self.coefficient, repeat)
            moved += self.spread * rng.standard_normal()
        else:
            moved = (ours.high - ours.low) / (2 * Z) * rng.standard_normal()
        shifted = replace(
            ours, value=ours.value + moved, low=ours.low + moved, high=ours.high + moved
        )
        finding = within(claim, band(claim, self.quantity, self.spread), shifted)
        return self._as_far_as_images_go(finding)

    def _pairs(self, records: list[RankRecord]) -> bool:
        """Whether two rankings are compared, of which one is of a sample of networks."""
        return self.draws and len(records) > 1 and self.coefficient in RESAMPLED

    def _figure(
        self, records: list[RankRecord], whole: int, comparisons: Comparisons
    ) -> tuple[Interval, str]:
        """The coefficient, or the difference of two, with its interval, and what it is over."""
        n = min(record.agreement["n"] for record in records)
        part = _part(records[0], n, whole)
        if self.coefficient == "best_value":
            scale = scale_of(self.oracle, records[0].key.metric, self.dataset)
            best = records[0].best_value
            return point(math.nan if best is None else best * scale, n), part
        ours = self._interval(records[0])
        if self.over and n < whole:
            ours = comparisons.difference(records[0], records[1], self.coefficient)
            part = f"{part}, both scorers on the same ones"
        elif self.over:
            ours = replace(ours, value=ours.value - self._interval(records[1]).value)
        if n < whole and len(records) > 1 and records[-1].key.scorer == CONTROL:
            control = records[-1]
            carries = not self.over and control.agreement["n"] >= whole
            if carries and comparisons.stored(records[0]):
                carried = comparisons.by_control(records[0], control, self.coefficient)
                if carried.high - carried.low < ours.high - ours.low:
                    ours = carried
                    part = f"{part}, carried to all of them by {CONTROL} (difference estimator)"
        if n >= whole:
            ours = replace(ours, low=ours.value, high=ours.value, n=n)
        if self.draws:
            ours = _widened(ours, T * self.spread)
            if not self.over and self.coefficient in RESAMPLED:
                ours = ours.bounded(*BOUNDS["correlation"])
        return (_without_sign(ours) if self.absolute else ours), part

    def _interval(self, record: RankRecord) -> Interval:
        """A ranking's own figure; a point where it has no interval."""
        value = record.agreement[self.coefficient]
        low, high = record.agreement.get(f"{self.coefficient}_ci", (value, value))
        return Interval(value, low, high, record.agreement["n"], LEVEL)


def _draws(scorer: str) -> bool:
    return scorers.has(scorer) and scorers.get(scorer).needs_network


def _reads_images(scorer: str) -> bool:
    return scorers.has(scorer) and scorers.get(scorer).needs_data


def _part(record: RankRecord, n: int, whole: int) -> str:
    """Of how many architectures the figure is, in words."""
    if record.key.sample:
        return f"a random sample of {n:,} of the {whole:,} architectures"
    return f"the {n:,} of {whole:,} architectures in the table"


def _tied(record: RankRecord) -> str:
    """How many share the best score, in words; their mean is the figure."""
    count = record.best_tied
    return f" (the mean of the {count:,} that tie at the top)" if count > 1 else ""


def _widened(ours: Interval, draw: float) -> Interval:
    """The interval with what another draw of weights and images would move."""
    return replace(
        ours,
        low=ours.value - math.hypot(ours.value - ours.low, draw),
        high=ours.value + math.hypot(ours.high - ours.value, draw),
    )


def _without_sign(ours: Interval) -> Interval:
    if not math.isfinite(ours.value):
        return ours
    ends = abs(ours.low), abs(ours.high)
    low = 0.0 if ours.low <= 0 <= ours.high else min(ends)
    return replace(ours, value=abs(ours.value), low=low, high=max(ends))


def _lacking(claim: Statement, need: Ranked, context: Context) -> Finding:
    why = (
        f"the store has no ranking of {need.oracle} by {need.scorer} as the claim has it, over at "
        f"least {SAMPLE:,} networks{context.evidence.passed_over(need)}"
    )
    if scorers.get(need.scorer).needs_network:
        command = f"nasrepro score {need.oracle} --scorer {need.scorer} --sample {SAMPLE}"
        return Finding("not judged", why=f"{why}; score some networks: {command}")
    return Finding("not judged", why=why + how_to_get(claim, need))
