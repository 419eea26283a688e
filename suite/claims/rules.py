"""The rules: a published number against ours. Pure functions, which a test calls by hand.

The rule for figures is that of an equivalence test by interval inclusion. With p published, d the
claim's margin and [l, h] the 95 % interval of ours:

    reproduced       [l, h] lies inside [p - d, p + d]
                     (at least: inside [p - d, inf); at most: inside (-inf, p + d])
    not reproduced   [l, h] lies wholly outside
    inconclusive     [l, h] reaches over an end: more seeds would shrink it; how many is computed
                     from its width, which falls like 1 / sqrt(n), against the distance of our mean
                     from that end

So "reproduced" is never the absence of a difference, but its absence down to d; each side has an
error rate of 2.5 %. Where the published number has a spread s over m runs, its own standard error
s / sqrt(m) widens ours (square-and-add: Zou and Donner, Stat. Med. 27, 2008).

    order     paired over seeds: Wilcoxon's signed-rank test, two-sided, Holm-corrected over the
              order claims of the paper that have their runs. Not reproduced: significant in the
              other order, or the interval of the difference stays below the margin, the least
              difference that would count. Reproduced: significant in the order claimed. Else
              inconclusive, also where mean and signed ranks point in two directions: a few large
              differences against many small ones.
    exact     reproduced where ours rounds to the published number, or lies within the margin.
    formula   every figure may lie half a unit of its last digit to either side; reproduced where
              the range that this gives meets the published number's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from nasrepro.suite.claims.formula import half_digit
from nasrepro.suite.claims.statement import Statement
from nasrepro.suite.statistics import Interval, PairedTest, bootstrap_mean

Judgement = Literal["reproduced", "not reproduced", "inconclusive", "blocked", "not judged"]
RESAMPLES = 2000
#: Of every interval.
LEVEL = 0.95
#: Of the normal distribution, for 95 % intervals.
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule finds of a claim.

    Attributes:
        verdict: by the rule.
        ours: our figure, in the unit of the published one; for an order the difference, first minus
            second, up where it is as claimed.
        low, high: ends of its interval; None where it has none.
        n: what the interval is over: seeds (a correlation: architectures).
        why: the rule with its numbers, or what is missing; one sentence.
        needed: seeds (a correlation: architectures) that would decide an inconclusive one; None
            where no number would.
        p_value: of an order, Holm-corrected.
        runs: ids of the results it rests on.
    """

    verdict: Judgement
    ours: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    why: str = ""
    needed: int | None = None
    p_value: float | None = None
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CorrectedTest:
    """A paired test of an order, turned so that a positive difference is as claimed.

    Attributes:
        test: the test.
        p_value: Holm-corrected over `family` claims.
        family: how many orders were corrected together.
        agree: whether the signed ranks, which the test is about, have the sign of the mean, which
            is what the claim is about.
        runs: what it rests on.
    """

    test: PairedTest
    p_value: float
    family: int
    agree: bool
    runs: tuple[str, ...]


def band(claim: Statement) -> tuple[float, float]:
    """The ends of what counts as reproduced."""
    published, margin = claim.value or 0.0, claim.margin or 0.0
    floor = -math.inf if claim.test == "at most" else published - margin
    return floor, math.inf if claim.test == "at least" else published + margin


def mean_within(claim: Statement, figures: Sequence[tuple[str, float]]) -> Finding:
    """A mean over seeds, of (run id, figure) each, against the published value."""
    values = np.array([value for _, value in figures])
    runs = tuple(run_id for run_id, _ in figures)
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        why = f"{count} of the {values.size} figures are not finite"
        return Finding("not judged", why=why, runs=runs)
    if values.size == 1:
        return within(claim, point(float(values[0])), runs)
    return within(claim, bootstrap_mean(values, resamples=RESAMPLES), runs)


def point(value: float, n: int = 1) -> Interval:
    """A figure that has no interval: of one run, or over all there is."""
    return Interval(value, value, value, n, LEVEL)


def within(
    claim: Statement, ours: Interval, runs: tuple[str, ...] = (), *, whole: int = 0
) -> Finding:
    """The rule for figures.

    Args:
        claim: what is published.
        ours: over `ours.n` seeds, or architectures of `whole`.
        runs: what it rests on.
        whole: how many architectures there are, of a correlation.
    """
    floor, ceiling = band(claim)
    theirs = _Z * claim.spread / math.sqrt(claim.n) if claim.spread and claim.n else 0.0
    low = ours.value - math.hypot(ours.value - ours.low, theirs)
    high = ours.value + math.hypot(ours.high - ours.value, theirs)
    verdict: Judgement
    if floor <= low and high <= ceiling:
        verdict, lies = "reproduced", "lies within"
    elif high < floor or low > ceiling:
        verdict, lies = "not reproduced", "lies outside"
    else:
        verdict, lies = "inconclusive", "reaches over an end of"
    needed = None
    why = f"{with_interval(ours.value, ours.low, ours.high)} {lies} {band_words(claim)}"
    if theirs:
        why += f" (with the published mean's own error, {short(theirs)}, added)"
    if verdict == "inconclusive":
        gap = min(abs(ours.value - floor), abs(ours.value - ceiling))
        needed = _seeds(ours.n, (ours.high - ours.low) / 2, gap, theirs)
        if ours.n < whole and (needed or not theirs):  # of all architectures it is a point
            needed = min(needed or whole, whole)
        why += f"; {_count_words(needed, whole)} would decide it"
    low_end, high_end = (ours.low, ours.high) if ours.n > 1 else (None, None)
    return Finding(verdict, ours.value, low_end, high_end, ours.n, why, needed, runs=runs)


def _count_words(needed: int | None, whole: int) -> str:
    over = "architectures" if whole else "seeds"
    if not needed:
        return f"no number of {over}"
    return f"all {whole:,}" if needed == whole else f"{needed:,} {over}"


def without_interval(finding: Finding) -> Finding:
    """The same where there is nothing to sample."""
    return replace(finding, low=None, high=None)


def _seeds(n: int, half: float, gap: float, theirs: float = 0.0) -> int | None:
    """How many seeds make an interval of half width `half` at `n` seeds shorter than `gap`."""
    room = gap * gap - theirs * theirs
    return math.ceil(n * half * half / room) if room > 0 and half > 0 else None


def band_words(claim: Statement) -> str:
    """What counts as reproduced, in words."""
    value, margin = short(claim.value or 0.0), short(claim.margin or 0.0)
    if claim.test == "about":
        return f"{value} ± {margin}"
    sign = "-" if claim.test == "at least" else "+"
    return f"{claim.test} {value}{f' {sign} {margin}' if claim.margin else ''}"


def ordered(claim: Statement, order: CorrectedTest) -> Finding:
    """The rule for orders."""
    interval, p_value = order.test.difference, order.p_value
    difference = with_interval(interval.value, interval.low, interval.high)
    shown = f"difference {difference}, p = {p_value:.2g} (Holm over {order.family})"
    verdict: Judgement = "inconclusive"
    needed, why = None, f"not significant: {shown}"
    if claim.margin and interval.high < claim.margin:
        verdict = "not reproduced"
        why = f"no difference as large as {short(claim.margin)}: {shown}"
    elif p_value <= claim.level and not order.agree:
        why = f"mean and signed ranks point in two directions: {shown}"
    elif p_value <= claim.level and interval.value > 0:
        verdict, why = "reproduced", f"significant as claimed: {shown}"
    elif p_value <= claim.level and interval.value < 0:
        verdict, why = "not reproduced", f"significant the other way round: {shown}"
    else:
        half = (interval.high - interval.low) / 2
        gap = max(abs(interval.value), (claim.margin or 0.0) - interval.value)
        needed = _seeds(interval.n, half, gap)
        why += f"; {needed:,} seeds would decide it" if needed else ""
    ends = interval.value, interval.low, interval.high
    return Finding(verdict, *ends, interval.n, why, needed, p_value, order.runs)


def exact(claim: Statement, ours: float, runs: tuple[str, ...] = ()) -> Finding:
    """A figure without an interval against the published value."""
    value = claim.value or 0.0
    margin = half_digit(value) if claim.margin is None else claim.margin
    good = abs(ours - value) <= margin * (1 + 1e-9)
    verb = "is" if good else "is not"
    why = f"{short(ours)} {verb} {short(value)} (within {short(margin)})"
    return Finding("reproduced" if good else "not reproduced", ours, n=1, why=why, runs=runs)


def follows(claim: Statement, formula: str, ours: Interval, figures: dict[str, float]) -> Finding:
    """Whether the published number meets what a formula gives, from its least to its greatest.

    `figures` are named in the words.
    """
    value = claim.value or 0.0
    margin = half_digit(value) if claim.margin is None else claim.margin
    slack = 1e-9 * max(1.0, abs(value))
    floor = -math.inf if claim.test == "at most" else value - margin - slack
    ceiling = math.inf if claim.test == "at least" else value + margin + slack
    good = ours.low <= ceiling and ours.high >= floor
    told = ", ".join(f"{name} = {figure:g}" for name, figure in figures.items())
    claimed = f"{'' if claim.test == 'about' else claim.test + ' '}{value:g}"
    result = with_interval(ours.value, ours.low, ours.high)
    verb = "follows from" if good else "does not follow from"
    why = f"{claimed} {verb} {formula} = {result} with {told}"
    verdict: Judgement = "reproduced" if good else "not reproduced"
    return Finding(verdict, ours.value, ours.low, ours.high, 1, why)


def short(value: float) -> str:
    """A number in a sentence: four digits, three of a small one."""
    return f"{value:.4g}" if abs(value) >= 10 else f"{value:.3g}"


def with_interval(value: float, low: float, high: float) -> str:
    """A figure with its interval, if it has one, in a sentence."""
    return short(value) if low == high else f"{short(value)} [{short(low)}, {short(high)}]"
