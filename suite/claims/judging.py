"""Judging: a claim against what a store holds.

The rule for figures (`value`, `correlation`, `study`, `speed`) is that of an equivalence test by
interval inclusion. With p published, d the claim's margin and [l, h] the 95 % interval of ours:

    reproduced       [l, h] lies inside [p - d, p + d]      (at least: inside [p - d, inf); at most: inside (-inf, p + d])
    not reproduced   [l, h] lies wholly outside
    inconclusive     [l, h] reaches over an end: more seeds would shrink it; how many is computed from its width, which falls like
                     1 / sqrt(n), against the distance of our mean from that end

So "reproduced" is never the absence of a difference, but its absence down to d; each side has an
error rate of 2.5 %. Where the published number has a spread s over m runs, its own standard error s
/ sqrt(m) widens ours (square-and-add: Zou and Donner, Stat. Med. 27, 2008). The interval is
`suite.stats.bootstrap_mean`'s over seeds; a study of one seed is a point. A ranking's interval is
over architectures, so it counts where the ranking is over a sample of them, which the verdict then
says; over a whole space, as the published one was, there is nothing to sample: a point. What the
best-scored architecture reaches is decided by nothing less than all of them: of a sample it is
inconclusive, whether the two figures meet or not.

    order        the two searches are paired over seeds: Wilcoxon's signed-rank test, two-sided, Holm-corrected over all order claims of the
                 paper that have their runs. Not reproduced: significant in the other order, or the
                   interval of the difference stays below
                 `margin`, the least difference that would count. Reproduced: significant in the
                   order claimed. Else inconclusive, also
                 where mean and signed ranks point in two directions: a few large differences
                     against many small ones.
    complexity   exact: reproduced where ours rounds to the published number (or lies within `margin` of it).
    lookup       the same for a value that a table holds.
    derived      every figure of the formula may lie half a unit of its last digit to either side; reproduced where the range that this
                 gives meets the published number's own.
    blocked      the claim says what is missing.

What this machine has no results for is "not judged", which says nothing of the claim.
"""

from __future__ import annotations

import importlib
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.claims.evidence import (
    SAMPLE,
    Evidence,
    exists,
    gather,
    scale_of,
    seeds_of,
    tabulated,
)
from nasrepro.suite.claims.formula import bounds, evaluate, half_digit
from nasrepro.suite.claims.model import Claim, Judgement, Measured, Ranked, Setting, load_claims
from nasrepro.suite.errors import DataMissing, NasreproError, UnknownName
from nasrepro.suite.experiments.ranking import RankRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import OracleInfo, agreement
from nasrepro.suite.registry import load_devices, load_oracle, methods, oracles, scorers, studies
from nasrepro.suite.statistics import PairedTest, bootstrap_mean, holm, paired_test

RESAMPLES = 2000
#: Of the normal distribution, for 95 % intervals.
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim, judged.

    Attributes:
        claim: the claim; its published number is `claim.value`, the recorded verdict
            `claim.recorded`.
        verdict: what was found now.
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

    claim: Claim
    verdict: Judgement
    ours: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    why: str = ""
    needed: int | None = None
    p_value: float | None = None
    runs: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether this differs from the recorded verdict.

        Nothing differs where nothing could be judged. A claim that is recorded as blocked for want
        of data that this machine has is no change either: its verdict holds for those who have the
        data.
        """
        return (
            self.verdict != "not judged"
            and self.verdict != self.claim.recorded
            and self.claim.recorded != "blocked"
        )


def judge(
    claim: Claim, store: Store, *, claims: Sequence[Claim] | None = None, block: int = 0
) -> Verdict:
    """Judge one claim; see `judge_all`."""
    context = load_claims() if claims is None else claims
    return judge_all(
        [claim],
        store,
        claims=[each for each in context if each.id != claim.id] + [claim],
        block=block,
    )[0]


def judge_all(
    wanted: Sequence[Claim] | None,
    store: Store,
    *,
    claims: Sequence[Claim] | None = None,
    block: int = 0,
) -> tuple[Verdict, ...]:
    """Judge claims by what a store holds; nothing is run.

    Args:
        wanted: the claims; all that come with the package if None.
        store: results.
        claims: those among which orders are corrected and formulas look up figures; all that come
            with the package if None.
        block: which seeds; see `suite.claims.evidence.seeds_of`.
    """
    context = load_claims() if claims is None else tuple(claims)
    chosen = context if wanted is None else tuple(wanted)
    return judged(chosen, gather(store, with_family(chosen, context)), context, block=block)


def with_family(wanted: Sequence[Claim], context: Sequence[Claim]) -> tuple[Claim, ...]:
    """Claims, and the other orders of their papers, which the correction of theirs rests on."""
    papers = {claim.paper for claim in wanted if claim.kind == "order"}
    family = [claim for claim in context if claim.kind == "order" and claim.paper in papers]
    return tuple({claim.id: claim for claim in (*wanted, *family)}.values())


def judged(
    wanted: Sequence[Claim], evidence: Evidence, context: Sequence[Claim], *, block: int = 0
) -> tuple[Verdict, ...]:
    """Judge claims by evidence; see `judge_all`."""
    orders = _orders([claim for claim in context if claim.kind == "order"], evidence, block)
    published = {claim.id: claim.value for claim in context if claim.value is not None}
    return tuple(_judge(claim, evidence, orders, published, block) for claim in wanted)


def _judge(
    claim: Claim,
    evidence: Evidence,
    orders: Mapping[str, _Tested],
    published: Mapping[str, float],
    block: int,
) -> Verdict:
    absent = _absent(claim)
    if claim.kind == "blocked" or absent:
        return _without(claim, absent)
    if claim.setting is not None:
        found = evidence.of(claim.setting)
        return _incomplete(claim, claim.setting, evidence, block) or _figure(
            claim, [found[seed] for seed in seeds_of(claim, block)]
        )
    if claim.order is not None:
        if claim.id in orders:
            return _ordered(claim, orders[claim.id])
        lacking = _incomplete(claim, claim.order.setting, evidence, block)
        return lacking or _incomplete(claim, claim.order.other, evidence, block)  # type: ignore[return-value]
    if claim.ranking is not None:
        return _correlation(claim, evidence)
    if claim.devices is not None:
        return _agreement(claim)
    if claim.study is not None:
        return _study(claim, evidence, block)
    if claim.complexity is not None:
        return _counted(claim)
    return _looked_up(claim) if claim.lookup is not None else _derived(claim, published)


# -- what is not there -------------------------------------------------------------------------------------
def _absent(claim: Claim) -> str:
    """The method, scorer or study of a claim that does not exist, in words; "" where all do."""
    for setting in claim.settings:
        if not exists(methods, setting.method):
            return f"there is no method {setting.method}"
    for ranked in () if claim.ranking is None else claim.ranking.both:
        if not exists(scorers, ranked.scorer):
            return f"there is no scorer {ranked.scorer}"
    if claim.study is not None and not exists(studies, claim.study.study):
        return f"there is no study {claim.study.study}"
    return ""


def _without(claim: Claim, why: str) -> Verdict:
    """Nothing to judge by: blocked where the claim says what it needs, else not judged."""
    if claim.needs and claim.recorded in ("blocked", ""):
        return Verdict(claim, "blocked", why=claim.needs)
    return Verdict(claim, "not judged", why=why)


def _table(info: OracleInfo, claim: Claim) -> str:
    if info.table is not None and not info.table.path.exists():
        return (
            f": the table of {info.name} is not here, get it with: nasrepro data fetch {info.name}"
        )
    return (
        f"; it takes long: nasrepro claims --long --id {claim.id}"
        if claim.long
        else "; run them with: nasrepro claims"
    )


def _stale(evidence: Evidence, wanted: Setting | Ranked | Measured) -> str:
    """What a store has of other sources and tables, which counts for nothing, as the end of a sentence."""
    passed_over = evidence.passed_over(wanted)
    return f" (not counted: {passed_over} than what is here)" if passed_over else ""


def _incomplete(claim: Claim, setting: Setting, evidence: Evidence, block: int) -> Verdict | None:
    """The verdict where runs are missing; None where all are there."""
    seeds, found = seeds_of(claim, block), evidence.of(setting)
    have = sum(seed in found for seed in seeds)
    if have == len(seeds):
        return None
    info = oracles.get(setting.oracle).info
    return _without(
        claim,
        f"the store has {have} of the {len(seeds)} runs it takes{_stale(evidence, setting)}{_table(info, claim)}",
    )


# -- figures -----------------------------------------------------------------------------------------------
def _figure(claim: Claim, found: Sequence[tuple[str, float]]) -> Verdict:
    """A mean over seeds against the published value."""
    values = np.array([value for _, value in found])
    runs = tuple(run_id for run_id, _ in found)
    if not np.isfinite(values).all():
        return Verdict(
            claim,
            "not judged",
            why=f"{int((~np.isfinite(values)).sum())} of the {values.size} figures are not finite",
            runs=runs,
        )
    if values.size == 1:
        value = float(values[0])
        return _within(claim, value, value, value, 1, runs)
    interval = bootstrap_mean(values, resamples=RESAMPLES)
    return _within(claim, interval.value, interval.low, interval.high, interval.n, runs)


def _within(
    claim: Claim,
    ours: float,
    low: float,
    high: float,
    n: int,
    runs: tuple[str, ...],
    *,
    whole: int = 0,
) -> Verdict:
    """The rule for figures, means over n seeds, or over n of `whole` architectures.

    See the module.
    """
    published, margin = claim.value or 0.0, claim.margin or 0.0
    floor = -math.inf if claim.test == "at most" else published - margin
    ceiling = math.inf if claim.test == "at least" else published + margin
    theirs = _Z * claim.spread / math.sqrt(claim.n) if claim.spread and claim.n else 0.0
    wide_low, wide_high = (
        ours - math.hypot(ours - low, theirs),
        ours + math.hypot(high - ours, theirs),
    )
    verdict: Judgement
    if floor <= wide_low and wide_high <= ceiling:
        verdict, lies = "reproduced", "lies within"
    elif wide_high < floor or wide_low > ceiling:
        verdict, lies = "not reproduced", "lies outside"
    else:
        verdict, lies = "inconclusive", "reaches over an end of"
    needed = None
    why = f"{_interval(ours, low, high)} {lies} {_band(claim)}"
    if theirs:
        why += f" (with the published mean's own error, {_short(theirs)}, added)"
    if verdict == "inconclusive":
        gap = min(abs(ours - floor), abs(ours - ceiling))
        needed = _seeds(n, (high - low) / 2, gap, theirs)
        if n < whole and (needed or not theirs):  # of all architectures it is a point
            needed = min(needed or whole, whole)
        over = "architectures" if whole else "seeds"
        count = (
            f"no number of {over}"
            if not needed
            else f"all {whole:,}"
            if needed == whole
            else f"{needed:,} {over}"
        )
        why += f"; {count} would decide it"
    ends = (low, high) if n > 1 else (None, None)
    return Verdict(claim, verdict, ours, ends[0], ends[1], n, why, needed, runs=runs)


def _seeds(n: int, half: float, gap: float, theirs: float = 0.0) -> int | None:
    """How many seeds make an interval of half width `half` at `n` seeds shorter than `gap`."""
    room = gap * gap - theirs * theirs
    return math.ceil(n * half * half / room) if room > 0 and half > 0 else None


def _band(claim: Claim) -> str:
    value, margin = _short(claim.value or 0.0), _short(claim.margin or 0.0)
    if claim.test == "about":
        return f"{value} ± {margin}"
    sign = "-" if claim.test == "at least" else "+"
    return f"{claim.test} {value}{f' {sign} {margin}' if claim.margin else ''}"


def _interval(ours: float, low: float, high: float) -> str:
    return _short(ours) if low == high else f"{_short(ours)} [{_short(low)}, {_short(high)}]"


def _short(value: float) -> str:
    return f"{value:.4g}" if abs(value) >= 10 else f"{value:.3g}"


# -- orders ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Tested:
    """A paired test, turned so that a positive difference is as claimed.

    Its p Holm-corrected over `family` claims.

    `agree`: whether the signed ranks, which the test is about, have the sign of the mean, which is
    what the claim is about.
    """

    test: PairedTest
    p_value: float
    family: int
    runs: tuple[str, ...]
    agree: bool


def _orders(claims: Sequence[Claim], evidence: Evidence, block: int) -> dict[str, _Tested]:
    """The tests of all order claims that have their runs, corrected within each paper."""
    raw: dict[str, dict[str, tuple[PairedTest, tuple[str, ...], bool]]] = {}
    for claim in claims:
        assert claim.order is not None
        first, second = evidence.of(claim.order.setting), evidence.of(claim.order.other)
        seeds = seeds_of(claim, block)
        if not all(seed in first and seed in second for seed in seeds):
            continue
        info, setting = oracles.get(claim.order.setting.oracle).info, claim.order.setting
        up = setting.metric != "regret" and info.metric(setting.metric).higher_is_better
        a, b = (
            [found[seed][1] for seed in seeds]
            for found in ((first, second) if up else (second, first))
        )
        runs = tuple(found[seed][0] for found in (first, second) for seed in seeds)
        raw.setdefault(claim.paper, {})[claim.id] = (
            paired_test(a, b, resamples=RESAMPLES),
            runs,
            _agree(np.subtract(a, b)),
        )
    return {
        id: _Tested(test, float(corrected), len(family), runs, agree)
        for family in raw.values()
        for (id, (test, runs, agree)), corrected in zip(
            family.items(), holm([each[0].p_value for each in family.values()]), strict=True
        )
    }


def _agree(differences: NDArray[np.float64]) -> bool:
    """Whether the signed ranks of differences have the sign of their mean."""
    from scipy.stats import rankdata  # half a second to import

    there = differences[differences != 0]  # as the test has it
    return bool(np.sum(np.sign(there) * rankdata(np.abs(there))) * there.sum() >= 0)


def _ordered(claim: Claim, tested: _Tested) -> Verdict:
    interval, p_value = tested.test.difference, tested.p_value
    shown = f"difference {_interval(interval.value, interval.low, interval.high)}, p = {p_value:.2g} (Holm over {tested.family})"
    verdict: Judgement = "inconclusive"
    needed, why = None, f"not significant: {shown}"
    if claim.margin and interval.high < claim.margin:
        verdict, why = (
            "not reproduced",
            f"no difference as large as {_short(claim.margin)}: {shown}",
        )
    elif p_value <= claim.level and not tested.agree:
        why = f"mean and signed ranks point in two directions: {shown}"
    elif p_value <= claim.level and interval.value > 0:
        verdict, why = "reproduced", f"significant as claimed: {shown}"
    elif p_value <= claim.level and interval.value < 0:
        verdict, why = "not reproduced", f"significant the other way round: {shown}"
    else:
        half = (interval.high - interval.low) / 2
        needed = _seeds(
            interval.n, half, max(abs(interval.value), (claim.margin or 0.0) - interval.value)
        )
        why += f"; {needed:,} seeds would decide it" if needed else ""
    return Verdict(
        claim,
        verdict,
        interval.value,
        interval.low,
        interval.high,
        interval.n,
        why,
        needed,
        p_value=p_value,
        runs=tested.runs,
    )


# -- rankings, studies, counts, arithmetic -----------------------------------------------------------------
def _correlation(claim: Claim, evidence: Evidence) -> Verdict:
    wanted = claim.ranking
    assert wanted is not None
    records = []
    for each in wanted.both:
        record = evidence.ranking(each)
        if record is None:
            why = f"the store has no ranking of {each.oracle} by {each.scorer} as the claim has it, over at least {SAMPLE:,} networks"
            why += _stale(evidence, each)
            if scorers.get(each.scorer).needs_network:
                how = f"nasrepro score {each.oracle} --scorer {each.scorer} --sample {SAMPLE}"
                return _without(claim, f"{why}; score some networks: {how}")
            return _without(claim, why + _table(oracles.get(each.oracle).info, claim))
        records.append(record)
    figures = [_coefficient(wanted, record) for record in records]
    value, low, high = figures[0]
    if wanted.over:
        other, other_low, other_high = figures[1]
        low, high = (
            value - other - math.hypot(value - low, other_high - other),
            value - other + math.hypot(high - value, other - other_low),
        )
        value -= other
    runs = tuple(record.key.run_id for record in records)
    if not math.isfinite(value):
        return Verdict(
            claim,
            "not judged",
            why=f"no {wanted.coefficient}: {records[0].agreement['status']}",
            runs=runs,
        )
    if wanted.absolute:
        spans_zero = low <= 0 <= high
        value, low, high = (
            abs(value),
            0.0 if spans_zero else min(abs(low), abs(high)),
            max(abs(low), abs(high)),
        )
    n = min(record.agreement["n"] for record in records)  # of a difference the smaller sample
    whole = tabulated(wanted.oracle)
    if n >= whole:
        low = high = value
    drawn = any(record.key.sample for record in records)
    part = (
        f"a random sample of {n:,} of the {whole:,} architectures"
        if drawn
        else f"the {n:,} of {whole:,} architectures in the table"
    )
    if wanted.over and n < whole and len({record.agreement["n"] for record in records}) > 1:
        counts = [record.agreement["n"] for record in records]
        told = [
            f"{each.scorer} over {'all' if count >= whole else f'{count:,}'}"
            for each, count in zip(wanted.both, counts, strict=True)
        ]
        part = f"{part} ({', '.join(told)})"
    if (
        wanted.coefficient == "best_value" and n < whole
    ):  # neither hit nor miss says anything of the best-scored of all
        why = f"{_short(value)} against {_band(claim)}, but of the best-scored of {part}; all {whole:,} would decide it"
        return Verdict(claim, "inconclusive", value, n=n, why=why, needed=whole, runs=runs)
    found = _within(claim, value, low, high, n, runs, whole=whole)
    if n < whole:
        found = replace(found, why=f"{found.why}; over {part}")
    return replace(found, low=None, high=None) if low == high else found


def _coefficient(wanted: Ranked, record: RankRecord) -> tuple[float, float, float]:
    """A ranking's figure with the ends of its interval; itself where it has none."""
    if wanted.coefficient == "best_value":
        value = (
            math.nan
            if record.best_value is None
            else record.best_value * scale_of(wanted.oracle, record.key.metric, wanted.dataset)
        )
        return value, value, value
    value = record.agreement[wanted.coefficient]
    low, high = record.agreement.get(f"{wanted.coefficient}_ci", (value, value))
    return value, low, high


def _agreement(claim: Claim) -> Verdict:
    wanted = claim.devices
    assert wanted is not None
    names = wanted.first, wanted.second
    try:
        columns = [load_devices(name).values(name, wanted.dataset) for name in names]
    except DataMissing as error:
        return _without(claim, str(error))
    rho, count = agreement(columns)
    value = float(rho[0, 1])
    return replace(_within(claim, value, value, value, int(count[0, 1]), ()), low=None, high=None)


def _study(claim: Claim, evidence: Evidence, block: int) -> Verdict:
    wanted = claim.study
    assert wanted is not None
    records = evidence.measured(wanted)
    seeds = seeds_of(claim, block)
    have = sum(seed in records for seed in seeds)
    if have < len(seeds):
        how = f"nasrepro claims --long --id {claim.id}" if claim.long else "nasrepro claims"
        why = f"the store has {have} of the {len(seeds)} measurements of {wanted.study} it takes{_stale(evidence, wanted)}"
        return _without(claim, f"{why}; measure with: {how}")
    found = []
    for seed in seeds:
        rows = [
            row
            for row in records[seed].rows
            if all(row.get(name) == value for name, value in wanted.where.items())
        ]
        if len(rows) != 1:
            raise NasreproError(
                f"claim {claim.id}: {len(rows)} rows of study {wanted.study} have {dict(wanted.where)}, expected one"
            )
        try:
            value = evaluate(
                wanted.column,
                {
                    name: number
                    for name, number in rows[0].items()
                    if isinstance(number, int | float)
                },
            )
        except NasreproError as error:
            raise UnknownName(
                f"column of study {wanted.study} in claim {claim.id}:", wanted.column, rows[0]
            ) from error
        found.append((records[seed].key.run_id, wanted.scale * value))
    verdict = _figure(claim, found)
    timed = _timed(claim, [records[seed].environment for seed in seeds])
    return replace(verdict, why=f"{verdict.why}; {timed}") if timed else verdict


#: Units of a figure that depends on the machine it was measured on.
_TIMES = ("s", "ms", "us", "min", "h")


def _timed(claim: Claim, environments: Sequence[Mapping[str, str]]) -> str:
    """On which machine a time was measured, and whether both sides of a ratio were in one run.

    "" where no time is in the figure.
    """
    if claim.kind != "speed" and claim.unit not in _TIMES:
        return ""
    machines = sorted(
        {
            "{machine} {system}, Python {python}".format_map(defaultdict(lambda: "?", each))
            for each in environments
        }
    )
    both = "both sides measured in each of these runs" if claim.kind == "speed" else "measured"
    return f"{both} on {' and '.join(machines)}, the published one elsewhere"


def _counted(claim: Claim) -> Verdict:
    wanted = claim.complexity
    assert wanted is not None and claim.value is not None
    module, _, name = wanted.space.partition(":")
    # the engine knows no space: looked up by name, as converters of tables are
    space = (
        getattr(importlib.import_module(module), name)(**wanted.options)
        if name
        else oracles.get(module).info.space
    )
    complexity = space.complexity(
        space.parse(wanted.arch), classes=wanted.classes, size=wanted.size
    )
    return _exact(claim, wanted.scale * getattr(complexity, wanted.what))


def _looked_up(claim: Claim) -> Verdict:
    wanted = claim.lookup
    assert wanted is not None
    try:
        oracle = load_oracle(wanted.oracle)
    except DataMissing:
        return _without(
            claim, f"nothing to look it up in{_table(oracles.get(wanted.oracle).info, claim)}"
        )
    if wanted.arch:
        reading = oracle.query(
            oracle.space.parse(wanted.arch), dataset=wanted.dataset, epochs=wanted.epochs
        )
        value = reading.values.get(wanted.metric, math.nan)
    else:
        value = oracle.best(wanted.dataset, wanted.epochs, wanted.metric)[0]
    return _exact(claim, value * scale_of(wanted.oracle, wanted.metric, wanted.dataset))


def _exact(claim: Claim, ours: float) -> Verdict:
    """A figure without an interval against the published value."""
    assert claim.value is not None
    margin = half_digit(claim.value) if claim.margin is None else claim.margin
    good = abs(ours - claim.value) <= margin * (1 + 1e-9)
    why = f"{_short(ours)} {'is' if good else 'is not'} {_short(claim.value)} (within {_short(margin)})"
    return Verdict(claim, "reproduced" if good else "not reproduced", ours, n=1, why=why)


def _derived(claim: Claim, published: Mapping[str, float]) -> Verdict:
    assert claim.value is not None
    values = {
        name: published[figure.claim] if figure.claim else figure.value or 0.0
        for name, figure in claim.figures.items()
    }
    within = {
        name: half_digit(values[name]) if figure.within is None else figure.within
        for name, figure in claim.figures.items()
    }
    ours = evaluate(claim.formula, values)
    low, high = bounds(claim.formula, values, within)
    margin = half_digit(claim.value) if claim.margin is None else claim.margin
    slack = 1e-9 * max(1.0, abs(claim.value))
    floor = -math.inf if claim.test == "at most" else claim.value - margin - slack
    ceiling = math.inf if claim.test == "at least" else claim.value + margin + slack
    good = low <= ceiling and high >= floor
    told = ", ".join(f"{name} = {value:g}" for name, value in values.items())
    follows = "follows from" if good else "does not follow from"
    claimed = f"{'' if claim.test == 'about' else claim.test + ' '}{claim.value:g}"
    why = f"{claimed} {follows} {claim.formula} = {_interval(ours, low, high)} with {told}"
    return Verdict(claim, "reproduced" if good else "not reproduced", ours, low, high, 1, why)
