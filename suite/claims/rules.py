"""The rules: a published number against ours. Pure functions, which a test calls by hand.

The rule for figures is that of an equivalence test by interval inclusion. With p published, d the
margin (see `margins`) and [l, h] the 95 % interval of ours:

    reproduced       [l, h] lies inside [p - d, p + d]
                     (at least: inside [p - d, inf); at most: inside (-inf, p + d])
    not reproduced   [l, h] lies wholly outside
    inconclusive     [l, h] overlaps an edge, or there are fewer replicates than the least of the
                     rule

So "reproduced" is never the absence of a difference, but its absence down to d; each side has an
error rate of 2.5 %. The published number's own error widens ours (square-and-add: Zou and Donner,
Stat. Med. 27, 2008).

    order     paired over seeds: Wilcoxon's signed-rank test, two-sided, Holm-corrected over the
              order claims of the paper that have their runs. Not reproduced: significant in the
              other order, or the interval of the difference stays below the least difference that
              counts. Reproduced: significant in the order claimed, and at least that large. Else
              inconclusive, also where mean and signed ranks point in two directions: a few large
              differences against many small ones.
    exact     reproduced where ours rounds to the published number.
    formula   every figure may lie half a unit of its last digit to either side; reproduced where
              the range that this gives meets the published number's own.

What a claim is called then depends on what its figure says of the paper: see `named`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from nasrepro.suite.claims.margins import BOUNDS, Band, Quantity, band, least_difference
from nasrepro.suite.claims.statement import Grade, Statement
from nasrepro.suite.statistics import Interval, PairedTest, deviation, mean_interval

Judgement = Literal[
    "reproduced",
    "not reproduced",
    "inconclusive",
    "consistent",
    "inconsistent",
    "ours: holds",
    "ours: does not hold",
    "ours: open",
    "blocked",
    "not judged",
]
#: What a rule's finding is called, where no experiment of the paper was repeated.
_NAMES: dict[Grade, dict[Judgement, Judgement]] = {
    "measured": {},
    "own data": {"reproduced": "consistent", "not reproduced": "inconsistent"},
    "ours": {
        "reproduced": "ours: holds",
        "not reproduced": "ours: does not hold",
        "inconclusive": "ours: open",
    },
}
RESAMPLES = 2000
#: Of every interval.
LEVEL = 0.95


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
        needed: seeds of a fresh block (a correlation: architectures) that would settle an
            inconclusive one; None where no number would.
        p_value: of an order, Holm-corrected.
        runs: ids of the results it rests on.
        band: the ends of what counts as reproduced; None where it has none.
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
    band: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class CorrectedTest:
    """A paired test of an order, turned so that a positive difference is as claimed.

    Attributes:
        test: the test.
        p_value: Holm-corrected over `family` claims.
        family: how many orders were corrected together.
        agree: whether the signed ranks, which the test is about, have the sign of the mean, which
            is what the claim is about.
        spread: standard deviation between runs, pooled over both methods.
        runs: what it rests on.
    """

    test: PairedTest
    p_value: float
    family: int
    agree: bool
    spread: float
    runs: tuple[str, ...]


def named(verdict: Judgement, grade: Grade) -> Judgement:
    """A finding in the words of its grade."""
    return _NAMES[grade].get(verdict, verdict)


def mean_within(
    claim: Statement, quantity: Quantity, figures: Sequence[tuple[str, float]], least: int
) -> Finding:
    """A mean over replicates, of (run id, figure) each, against the published value."""
    values = np.array([value for _, value in figures])
    runs = tuple(dict.fromkeys(run_id for run_id, _ in figures))
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        why = f"{count} of the {values.size} figures are not finite"
        return Finding("not judged", why=why, runs=runs)
    if values.size < least:
        mean = float(values.mean())
        why = f"{_runs_words(values.size)}, but a verdict needs at least {least}"
        return Finding("inconclusive", mean, n=values.size, why=why, runs=runs)
    spread = deviation(values)
    bounds = BOUNDS.get(quantity, (-math.inf, math.inf))
    interval = mean_interval(values, resamples=RESAMPLES).bounded(*bounds)
    if spread == 0:
        interval = point(interval.value, values.size)
    elif math.isnan(interval.low):
        why = f"{_runs_words(values.size)}, too few for an interval"
        return Finding("inconclusive", interval.value, n=values.size, why=why, runs=runs)
    # No deviation between runs, theirs or ours.
    printed = claim.spread is not None or claim.margin is not None
    unknown = spread == 0 and quantity == "accuracy" and not printed
    ends = band(claim, "exact" if unknown else quantity, spread)
    finding = within(claim, ends, interval, runs)
    if spread == 0:
        why = f"{finding.why}; all {values.size} runs gave the same"
        finding = replace(finding, why=why)
    if unknown and finding.verdict == "not reproduced":
        why = f"{finding.why}, and without a spread nothing says how far off still counts"
        finding = replace(finding, verdict="inconclusive", why=why)
    return finding


def _runs_words(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def point(value: float, n: int = 1) -> Interval:
    """A figure that has no interval: of one run, or over all there is."""
    return Interval(value, value, value, n, LEVEL)


def within(
    claim: Statement,
    ends: Band,
    ours: Interval,
    runs: tuple[str, ...] = (),
    *,
    whole: int = 0,
) -> Finding:
    """The rule for figures.

    Args:
        claim: what is published.
        ends: what counts as reproduced.
        ours: over `ours.n` seeds, or architectures of `whole`.
        runs: what it rests on.
        whole: how many architectures there are, of a correlation.
    """
    low = ours.value - math.hypot(ours.value - ours.low, ends.theirs)
    high = ours.value + math.hypot(ours.high - ours.value, ends.theirs)
    verdict: Judgement
    if ends.low <= low and high <= ends.high:
        verdict, lies = "reproduced", "lies within"
    elif high < ends.low or low > ends.high:
        verdict, lies = "not reproduced", "lies outside"
    else:
        verdict, lies = "inconclusive", "overlaps the edge of"
    needed = None
    why = with_interval(ours.value, ours.low, ours.high)
    if ends.theirs:
        why += (
            f", widened by the published number's own error ({short(ends.theirs)}) to "
            f"[{short(low)}, {short(high)}],"
        )
    told = band_words(claim, ends)
    why += f" {lies} {f'the required range ({told})' if _is_bound(ends) else told}"
    if verdict == "inconclusive":
        gap = min(abs(ours.value - ends.low), abs(ours.value - ends.high))
        needed = _count(ours.n, (ours.high - ours.low) / 2, gap, ends.theirs)
        if ours.n < whole and (needed or not ends.theirs):  # of all architectures it is a point
            needed = min(needed or whole, whole)
        why += _plan(needed, ours.n, whole)
    return Finding(
        verdict,
        ours.value,
        ours.low if ours.n > 1 else None,
        ours.high if ours.n > 1 else None,
        ours.n,
        why,
        needed,
        runs=runs,
        band=(ends.low, ends.high),
    )


def _plan(needed: int | None, n: int, whole: int = 0) -> str:
    """What would settle it, as the end of a sentence: not those seeds again, and more of them."""
    if needed is None or needed <= n:
        return ""
    if whole:
        return f"; {'all ' if needed == whole else ''}{needed:,} architectures would settle it"
    return f"; a fresh block of {needed:,} seeds would settle it"


def without_interval(finding: Finding) -> Finding:
    """The same where there is nothing to sample."""
    return replace(finding, low=None, high=None)


def _count(n: int, half: float, gap: float, theirs: float = 0.0) -> int | None:
    """How many seeds make an interval of half width `half` at `n` seeds shorter than `gap`."""
    room = gap * gap - theirs * theirs
    return math.ceil(n * half * half / room) if room > 0 and half > 0 else None


def _is_bound(ends: Band) -> bool:
    """Whether what counts as reproduced is open to one side."""
    return math.isinf(ends.low) or math.isinf(ends.high)


def band_words(claim: Statement, ends: Band) -> str:
    """What counts as reproduced, in words."""
    if math.isinf(ends.high):
        return f"at least {short(ends.low)}"
    if math.isinf(ends.low):
        return f"at most {short(ends.high)}"
    value = claim.value or 0.0
    if math.isclose(ends.high - value, value - ends.low):
        return f"{short(value)} ± {short(value - ends.low)}"
    return f"{ends.low:.6g} to {ends.high:.6g}"


def ordered(claim: Statement, order: CorrectedTest, least: int) -> Finding:
    """The rule for orders."""
    interval, p_value = order.test.difference, order.p_value
    margin = least_difference(claim, order.spread)
    difference = with_interval(interval.value, interval.low, interval.high)
    shown = f"difference {difference}, p = {p_value:.2g} (Holm over {order.family})"
    verdict: Judgement = "inconclusive"
    needed, why = None, f"not significant: {shown}"
    if interval.n < least:
        why = f"{interval.n} pairs, but a verdict needs at least {least}: {shown}"
    elif interval.high < margin:
        verdict, why = "not reproduced", f"not better by {short(margin)} or more: {shown}"
    elif p_value <= claim.level and not order.agree:
        why = f"mean and signed ranks point in opposite directions: {shown}"
    elif p_value <= claim.level and interval.value < 0:
        verdict, why = "not reproduced", f"significant the other way round: {shown}"
    elif p_value <= claim.level and interval.value >= margin:
        verdict, why = "reproduced", f"significant as claimed: {shown}"
    elif p_value <= claim.level:
        why = f"significant, but smaller than {short(margin)}: {shown}"
    else:
        half = (interval.high - interval.low) / 2
        needed = _count(interval.n, half, max(abs(interval.value), margin - interval.value))
        why += _plan(needed, interval.n)
    low, high = (None if math.isnan(x) else x for x in (interval.low, interval.high))
    ends = interval.value, low, high
    counts = margin, math.inf
    return Finding(verdict, *ends, interval.n, why, needed, p_value, order.runs, counts)


def exact(claim: Statement, ours: float, runs: tuple[str, ...] = (), n: int = 1) -> Finding:
    """A figure without an interval against the published value, by the digit it is printed with."""
    ends = band(claim, "exact")
    slack = 1e-9 * max(1.0, abs(claim.value or 0.0))
    good = ends.low - slack <= ours <= ends.high + slack
    verbs = ("is", "is not") if _is_bound(ends) else ("lies within", "lies outside")
    why = f"{short(ours)} {verbs[not good]} {band_words(claim, ends)}"
    verdict: Judgement = "reproduced" if good else "not reproduced"
    return Finding(verdict, ours, n=n, why=why, runs=runs, band=(ends.low, ends.high))


def follows(claim: Statement, formula: str, ours: Interval, figures: dict[str, float]) -> Finding:
    """Whether the published number meets what a formula gives, from its least to its greatest.

    `figures` are named in the words.
    """
    value = claim.value or 0.0
    ends = band(claim, "exact")
    slack = 1e-9 * max(1.0, abs(value))
    good = ours.low <= ends.high + slack and ours.high >= ends.low - slack
    told = ", ".join(f"{name} = {figure:g}" for name, figure in figures.items())
    claimed = f"{'' if claim.test == 'about' else claim.test + ' '}{value:g}"
    result = with_interval(ours.value, ours.low, ours.high)
    verb = "follows from" if good else "does not follow from"
    why = f"{claimed} {verb} {formula} = {result} with {told}"
    verdict: Judgement = "reproduced" if good else "not reproduced"
    counts = ends.low, ends.high
    return Finding(verdict, ours.value, ours.low, ours.high, 1, why, band=counts)


def short(value: float) -> str:
    """A number in a sentence: four digits, three of a small one."""
    return f"{value:.4g}" if abs(value) >= 10 else f"{value:.3g}"


def with_interval(value: float, low: float, high: float) -> str:
    """A figure with its interval, if it has one, in a sentence."""
    return (
        short(value)
        if low == high or math.isnan(low)
        else f"{short(value)} [{short(low)}, {short(high)}]"
    )
