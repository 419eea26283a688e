"""How far off still counts, and over how many replicates: a rule for each kind of number.

These rules were written on 2026-11-28 (commit c209a41), before the runs that they judge, and after
the runs of the first edition, whose margins and numbers of seeds were set claim by claim. A change
here is a commit of its own, with the reason, before new runs. What was changed since, all of it
after a part of a store had been judged:

* Searches that take seconds each: 20 seeds, not 100, to fit a night. Fewer seeds widen an interval,
  and leave verdicts open; they make none.
* The spread over draws of weights and images widens the intervals of scorers that draw, ours and
  the paper's. The margin is the one written first, .02; it was .03 for an hour, and no verdict of
  the store at hand was another one under either. A figure of one draw can be contradicted; to
  confirm it within .02 takes several draws.
* That spread is each scorer's own since 2026-11-29, of the published networks, over three draws
  with Student's factor. Before, .008 stood for every scorer, measured for ZiCo on small networks;
  they range from .0003 to .25. The scores of all cells had been seen by then.
* The interval of a mean correlation ends at 1, that of a time at 0. No verdict was another one.
* A time that is too long is open where it was measured beside other work. This came after
  `flash-shgo-seconds` (ours, of no paper) had been judged by a loaded machine, whose records do not
  tell their load; measured again on a quiet one (2026-11-30), it holds, in 20 of 20 blocks.
* Where our runs all give one figure and the paper prints no deviation, there is none to take half
  of: the margin was zero, and 100 % did not reproduce 99.99 %. Since 2026-11-30 another figure than
  the printed one is open there.

Nothing is set by claim: one that wants another margin or another number of replicates says why in
its file (`margin = { width = ..., why = "..." }`), is listed in the report, and is not in the
headline.

Nobody is invited to add seeds until a verdict fits: an inconclusive verdict stays one, and may plan
a fresh block of seeds that no earlier verdict saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nasrepro.suite.claims.formula import half_digit
from nasrepro.suite.claims.statement import Statement

Quantity = Literal[
    "accuracy", "order", "correlation", "drawn correlation", "best scored", "time", "exact"
]

#: Share of a standard deviation between runs by which two means may differ: of two single runs with
#: means so far apart, the lower one comes out on top 36 times in 100.
ACCURACY = 0.5
#: Share of it below which a difference is none, as Cohen's "small effect" has it.
ORDER = 0.2
#: Two units of the second digit: rounded figures that agree are up to one unit apart, and papers
#: draw conclusions from two. Further printed digits are below what one draw of weights moves.
CORRELATION = 0.02
#: Standard deviation of a rank correlation over draws of initial weights and of images, by scorer:
#: the largest of Kendall's and Spearman's on three data sets, over three draws on 1,003 cells of
#: NAS-Bench-201, published networks, real images (plan `draws`), rounded up.
DRAW = {
    "fisher": 0.013,
    "grad_norm": 0.007,
    "jacob_cov": 0.034,
    "l2_norm": 0.031,
    "naswot": 0.004,
    "plain": 0.254,
    "snip": 0.006,
    "synflow": 0.0003,
    "zico": 0.006,
}
#: Of a scorer that was not measured: the largest but that of `plain`, whose coefficient changes its
#: sign with the draw.
OTHER_DRAW = 0.034
#: Of Student's distribution with the two degrees of freedom of three draws, for 95 % intervals.
T = 4.302653
#: Another machine, under another load, with other libraries: a factor to either side.
TIME = 2.0
#: Of the normal distribution, for 95 % intervals.
Z = 1.959964

#: Where the mean of a quantity cannot be, its interval ends.
BOUNDS: dict[Quantity, tuple[float, float]] = {
    "correlation": (-1.0, 1.0),
    "time": (0.0, math.inf),
}

#: The margin of each quantity, in words, with its reason.
MARGINS: dict[Quantity, str] = {
    "accuracy": (
        "half the published standard deviation between runs (ours where none is printed; where "
        "ours is zero, the printed digit, and a different figure is open). If two means are so far "
        "apart, single runs come out in the wrong order 36 times in 100. The published mean's own "
        "standard error widens our interval; where no number of runs is printed, it is that of one "
        "run"
    ),
    "order": (
        "a fifth of the standard deviation between runs, pooled over both methods: a smaller "
        "difference is none, however significant"
    ),
    "correlation": (
        "0.02, two units of the second digit; for a bound, half a unit of the printed digit. Where "
        "the paper's figure is over a sample of n architectures, that sample's error widens our "
        "interval"
    ),
    "drawn correlation": (
        "the same for a scorer that draws weights or images: how far another draw moves the figure "
        "is measured for each scorer over three draws, and widens our interval twice, for our draw "
        "and for theirs. Standard deviations: "
        + ", ".join(f"{scorer} {sd}" for scorer, sd in DRAW.items())
        + f", others {OTHER_DRAW}"
    ),
    "best scored": "the printed digit, rounded or cut: one architecture's value in a table",
    "time": (
        "a factor of two for another machine; for a bound, none. A time that is too long says "
        "nothing where it was measured beside other work"
    ),
    "exact": (
        "the printed digit, which may have been rounded or cut: a count, a value of a table, "
        "arithmetic, or the paper's own measurements computed again"
    ),
}


@dataclass(frozen=True, slots=True)
class Replicates:
    """How many replicates verdicts rest on.

    Attributes:
        count: of seeds; of architectures the least sample.
        long: of seeds, where one run takes minutes.
        least: below it there is no verdict.
        reason: in words.
    """

    count: int
    long: int
    least: int
    reason: str


#: Most seeds of a search, whatever a paper ran.
MOST = 500
#: By kind of claim.
REPLICATES: dict[str, Replicates] = {
    "search": Replicates(
        100,
        20,
        20,
        f"as many as the paper's, at most {MOST}; 100 where it prints none, 20 where a run takes "
        "seconds",
    ),
    "order": Replicates(
        100, 20, 20, "100 pairs, 20 where a run takes seconds: decided by the margin, not by n"
    ),
    "study": Replicates(20, 5, 5, "20, 5 where a measurement takes minutes"),
    "ranking": Replicates(
        300,
        300,
        300,
        "every architecture of the table; of scorers that need networks, those whose scores are "
        "stored, at least 300",
    ),
}


@dataclass(frozen=True, slots=True)
class Band:
    """What counts as reproduced.

    Attributes:
        low, high: the ends; infinite where open.
        theirs: half width of the published number's own 95 % interval, 0 where it has none.
    """

    low: float
    high: float
    theirs: float = 0.0


def replicates(claim: Statement, kind: str) -> int:
    """How many seeds a claim of that kind is judged with."""
    if claim.replicates is not None:
        return claim.replicates.n
    rule = REPLICATES[kind]
    if claim.long:
        return rule.long
    if kind == "search" and claim.n is not None:
        return min(max(claim.n, rule.least), MOST)
    return rule.count


def block_of(count: int, block: int) -> range:
    """The seeds 0..count-1, or the `block`-th so many, disjoint from every other block's."""
    return range(block * count, (block + 1) * count)


def band(claim: Statement, quantity: Quantity, spread: float = 0.0) -> Band:
    """What counts as reproduced of a published value.

    Args:
        claim: with its `value`.
        quantity: what it is.
        spread: standard deviation of ours between runs, where the paper prints none; of a
            correlation, between draws.
    """
    value = claim.value or 0.0
    theirs = 0.0
    if quantity == "accuracy":
        sd = spread if claim.spread is None else claim.spread
        low, high = value - ACCURACY * sd, value + ACCURACY * sd
        theirs = Z * sd / math.sqrt(claim.n or 1)
    elif claim.test != "about":
        slack = 0.0 if quantity == "time" or value == 0 else printed(claim)
        low, high = value - slack, value + slack
    elif quantity == "time":
        low, high = value / TIME, value * TIME
    elif quantity in ("correlation", "drawn correlation"):
        low, high = value - CORRELATION, value + CORRELATION
        theirs = math.hypot(
            T * spread if quantity == "drawn correlation" else 0.0,
            0.0 if claim.n is None else sampling_error(value, claim.n),
        )
    else:
        low, high = _rounded_or_cut(value, printed(claim))
    if claim.margin is not None:
        low, high = value - claim.margin.width, value + claim.margin.width
    return Band(
        -math.inf if claim.test == "at most" else low,
        math.inf if claim.test == "at least" else high,
        theirs,
    )


def draw_spread(*scorers: str) -> float:
    """Standard deviation between draws of a scorer's correlation, or of the difference of two."""
    return math.hypot(*(DRAW.get(scorer, OTHER_DRAW) for scorer in scorers))


def _rounded_or_cut(value: float, half: float) -> tuple[float, float]:
    """What is printed as `value`, where `half` is half a unit of its last digit.

    A whole unit farther from zero is the next number.
    """
    unit = 2 * half * (1 - 1e-6)
    return (value - unit, value + half) if value < 0 else (value - half, value + unit)


def sampling_error(rho: float, n: int) -> float:
    """Half width of the 95 % interval of a rank correlation over a sample of n architectures.

    Spearman's, by Bonett and Wright, Psychometrika 65, 2000; Kendall's is shorter.
    """
    return Z * (1 - rho * rho) * math.sqrt((1 + rho * rho / 2) / (n - 3)) if n > 3 else math.inf


def least_difference(claim: Statement, spread: float) -> float:
    """Of an order: the difference that counts, where `spread` is pooled over both methods."""
    return ORDER * spread if claim.margin is None else claim.margin.width


def printed(claim: Statement) -> float:
    """Half a unit of the last digit that a claim's value is printed with."""
    value = claim.value or 0.0
    return half_digit(value) if claim.digits is None else 0.5 * 10.0**-claim.digits
