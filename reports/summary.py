"""Where runs become a mean, an interval, a rank, digits and a printed string.

Here and nowhere else.

Tables, the page, figures and snapshots place what is made here. Seeds of the search are the
replication unit: every mean, interval and test is over them. The file is long because there is one
of it: what is printed anywhere is computed, rounded and spelled in these lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.reports.anytime import Axis, best_of, curves_at, moments_of, target_of
from nasrepro.reports.document import (
    BEST,
    CLOSE,
    DASH,
    aligned,
    interval_decimals,
    intervals_text,
    plain_decimals,
    scaled,
    slug,
)
from nasrepro.reports.groups import (
    REGRET,
    Chosen,
    Group,
    Setting,
    Values,
    chosen,
    size_metric,
)
from nasrepro.reports.overall import Overall, overall
from nasrepro.reports.variants import Family, main_and_variants
from nasrepro.reports.words import budget_words, header_of, labels, scale_of, unit_words
from nasrepro.suite.claims import Verdict
from nasrepro.suite.experiments.kinds.ranking import RankRecord
from nasrepro.suite.experiments.kinds.search import RunRecord
from nasrepro.suite.experiments.kinds.study import StudyRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import oracles
from nasrepro.suite.statistics import (
    LEAST,
    NAMED,
    accuracy_density,
    deviation,
    iqm,
    mean_band,
    mean_interval,
    not_worse,
    tied_levels,
)

Levels = NDArray[np.intp]

#: Of all statements of a table together that a row is not worse than the best.
LEVEL = 0.05
#: How much worse than the best still counts as not worse: points of an accuracy (so that a network
#: in 500 images differs), else a share of the best mean.
MARGIN_POINTS, MARGIN_SHARE = 0.2, 0.01


#: What every interval of a mean is, for legends and captions.
INTERVAL = (
    "interval of the mean over search seeds (each end is the wider one of Student's t and the "
    f"studentized bootstrap; none below {LEAST} seeds or if all values are equal; not called a "
    f"95 % interval below {NAMED} seeds, since so few values do not show a skewed tail)"
)


def interval_header(counts: Iterable[int]) -> str:
    """What intervals over so many seeds each are called; see `INTERVAL`."""
    return "interval,\nfew seeds" if any(n < NAMED for n in counts) else "95 %\ninterval"


# -- one quantity ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Estimate:
    """Over the n runs that have the value: mean, standard deviation, interval.

    None where there is none.
    """

    n: int
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """Of the interval."""
        return self.low, self.high


def estimate(
    values: Values, seed: int = 0, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> Estimate:
    """The estimate of a mean from the finite ones of `values` (n,).

    The interval ends where the mean cannot be: at the bounds of what was measured.
    """
    there = values[np.isfinite(values)]
    if there.size < 2:
        return Estimate(there.size, *there.tolist())
    interval = mean_interval(there, seed=seed).bounded(*bounds)
    low, high = (None if math.isnan(end) else end for end in (interval.low, interval.high))
    return Estimate(there.size, interval.value, deviation(there), low, high)


def _decimals(estimates: Iterable[Estimate], *, scale: float = 1, least: int = 1) -> int:
    """Digits that the narrowest interval supports.

    Two standard errors stand for one that is missing.
    """
    ends = [
        (0.0, 4 * each.sd / math.sqrt(each.n)) if each.low is None and each.sd else each.ends
        for each in estimates
    ]
    return interval_decimals(ends, scale=scale, least=least)


@dataclass(frozen=True)
class Measure:
    """One quantity of all rows of a table: its estimates, and how they are printed.

    Attributes:
        name: for programs.
        header: for people, with the unit; a line break where it may be broken.
        estimates: one for each row.
        scale: what the raw values are multiplied by where people read them.
        decimals: of every mean, spread and end of an interval.
        marks: one for each row: `BEST`, `CLOSE` or "".
        second: rows that are second best.
    """

    name: str
    header: str
    estimates: tuple[Estimate, ...]
    scale: float
    decimals: int
    marks: tuple[str, ...] = ()
    second: frozenset[int] = field(default=frozenset())

    @cached_property
    def means(self) -> list[str]:
        """As printed; all of one width, `DASH` where there is none."""
        return self._aligned([each.mean for each in self.estimates])

    @property
    def numbers(self) -> list[float | None]:
        """The means as printed, as numbers."""
        return [
            None if each.mean is None else round(self.scale * each.mean, self.decimals)
            for each in self.estimates
        ]

    @cached_property
    def spreads(self) -> list[str]:
        """`mean ± standard deviation`."""
        spreads = self._aligned([each.sd for each in self.estimates])
        return [
            DASH if each.mean is None else f"{mean} ± {spread}"
            for each, mean, spread in zip(self.estimates, self.means, spreads, strict=True)
        ]

    @property
    def interval_header(self) -> str:
        """What the intervals are called; see `INTERVAL`."""
        return interval_header([each.n for each in self.estimates if each.low is not None])

    @cached_property
    def intervals(self) -> list[str]:
        """`[low, high]`."""
        return intervals_text([each.ends for each in self.estimates], self.decimals, self.scale)

    def _aligned(self, values: Sequence[float | None]) -> list[str]:
        return aligned([scaled(value, self.scale) for value in values], self.decimals)


def plain_measure(
    name: str,
    header: str,
    values: Sequence[Values],
    *,
    scale: float = 1.0,
    decimals: int | None = None,
    least: int = 1,
) -> Measure:
    """Means without intervals, with two digits of the smallest, or with `decimals`."""
    finite = [value[np.isfinite(value)] for value in values]
    means = [Estimate(each.size, float(each.mean()) if each.size else None) for each in finite]
    shown = [scaled(each.mean, scale) for each in means]
    places = plain_decimals(shown, least=least) if decimals is None else decimals
    return Measure(name, header, tuple(means), scale, places)


# -- one table -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Task:
    """The methods of one setting, or the variants of one of them, reported on one data set.

    Attributes:
        id: in lower-case letters, digits and hyphens.
        setting: what all rows share.
        dataset: reported on.
        target: the metric that rows are ordered by.
        groups: the rows, best first.
        labels: their names.
        measures: by name: the objective, the target, "iqm", `REGRET`, "density_params",
            "density_macs", "params", "macs" and the costs, as far as the oracle has them.
        ranks: by the target; a row with failed runs ranks as if they were the worst run of all.
        untested: rows that share too few seeds with the best for a test.
        variants_of: the method whose variants these are, or "".
    """

    id: str
    setting: Setting
    dataset: str
    target: Metric
    groups: tuple[Group, ...]
    labels: tuple[str, ...]
    measures: Mapping[str, Measure]
    ranks: tuple[float | None, ...]
    untested: frozenset[int]
    variants_of: str = ""

    @property
    def shown(self) -> list[Metric]:
        """The objective and the target, or the one that is both."""
        info = oracles.get(self.setting.oracle).info
        return list(dict.fromkeys((info.objective_of(self.dataset), self.target)))


def setting_id(setting: Setting) -> str:
    """For example `nasbench201-cifar10-12ep-12000-s`."""
    epochs = f"{setting.protocol.search_epochs}ep"
    return slug(setting.oracle, setting.dataset, epochs, budget_words(setting.budget, unit="s"))


def counted(groups: Sequence[Group], dataset: str, metric: Metric) -> list[Values]:
    """A metric of every run of each group, higher is better, the failed and diverged ones too.

    They count as the worst run of all groups; nan where no run of any group has a value.
    """
    sign = 1 if metric.higher_is_better else -1
    values = [sign * group.values[dataset, metric.name] for group in groups]
    finite = [value[np.isfinite(value)] for value in values]
    worst = min((float(each.min()) for each in finite if each.size), default=math.nan)
    return [
        np.concatenate(
            [np.where(np.isfinite(each), each, worst), np.full(len(group.failed), worst)]
        )
        for group, each in zip(groups, values, strict=True)
    ]


def task(groups: Sequence[Group], dataset: str, seed: int = 0, variants_of: str = "") -> Task:
    """Everything that is shown of one setting, or of the variants of a method in it."""
    setting = groups[0].setting
    info = oracles.get(setting.oracle).info
    target = info.target_of(dataset)
    scores = _means(groups, dataset, target)  # nan where no run has the value at all
    levels = _levels(scores)
    names = labels(groups)
    order = sorted(range(len(groups)), key=lambda row: (-levels[row], names[row]))
    groups, names = [groups[row] for row in order], [names[row] for row in order]
    levels, scores = levels[order], scores[order]
    ranks = tuple(
        None
        if np.isnan(score)
        else float((levels > level).sum() + ((levels == level).sum() + 1) / 2)
        for level, score in zip(levels, scores, strict=True)
    )
    measures, untested = _goals(groups, dataset, levels, seed)
    decimals = measures[target.name].decimals
    scale = scale_of(target)
    values = [group.values[dataset, target.name] for group in groups]
    measures["iqm"] = _iqm(values, target, decimals)
    regret = tuple(estimate(group.values[dataset, REGRET], seed, (0, math.inf)) for group in groups)
    if any(each.mean is not None for each in regret):
        unit = "(points)" if target.unit == "fraction" else unit_words(target)
        places = _decimals(regret, scale=scale)
        measures[REGRET] = Measure(REGRET, f"Regret\n{unit}".rstrip(), regret, scale, places)
    measures |= _sizes(groups, dataset, target, seed) | costs(groups)
    return Task(
        slug("variants" if variants_of else "", variants_of, setting_id(setting), "on", dataset),
        setting,
        dataset,
        target,
        tuple(groups),
        tuple(names),
        measures,
        ranks,
        frozenset(untested),
        variants_of,
    )


def _goals(
    groups: Sequence[Group], dataset: str, levels: Levels, seed: int
) -> tuple[dict[str, Measure], set[int]]:
    """The objective and the target with their marks, and the rows that were not tested."""
    info = oracles.get(groups[0].setting.oracle).info
    target = info.target_of(dataset)
    shown = list(dict.fromkeys((info.objective_of(dataset), target)))
    by_metric = {
        metric.name: [
            estimate(group.values[dataset, metric.name], seed, metric.bounds) for group in groups
        ]
        for metric in shown
    }
    orders = {
        metric.name: levels if metric is target else _levels(_means(groups, dataset, metric))
        for metric in shown
    }
    marks, untested = _marks(groups, dataset, shown, orders)
    measures = {}
    for metric in shown:
        estimates, order = by_metric[metric.name], orders[metric.name]
        places = _decimals(estimates, scale=scale_of(metric))
        measures[metric.name] = Measure(
            metric.name,
            header_of(metric),
            tuple(estimates),
            scale_of(metric),
            places,
            tuple(marks[metric.name]),
            _second(estimates, order),
        )
    return measures, untested


def _means(groups: Sequence[Group], dataset: str, metric: Metric) -> Values:
    """Means of all runs of each group, see `counted`; higher is better."""
    return np.array([each.mean() for each in counted(groups, dataset, metric)])


def _levels(means: Values) -> Levels:
    """By means; last where there is none."""
    return tied_levels(np.where(np.isnan(means), -np.inf, means))


def _second(estimates: Sequence[Estimate], levels: Levels) -> frozenset[int]:
    """Rows of the second best value; none where several are best."""
    known = [row for row, each in enumerate(estimates) if each.mean is not None]
    values = sorted({levels[row] for row in known}, reverse=True)
    if len(values) < 2 or sum(levels[row] == values[0] for row in known) > 1:
        return frozenset()
    return frozenset(row for row in known if levels[row] == values[1])


def _marks(
    groups: Sequence[Group],
    dataset: str,
    shown: Sequence[Metric],
    levels: Mapping[str, Levels],
) -> tuple[dict[str, list[str]], set[int]]:
    """Per metric a mark for each row.

    And the rows that share too few seeds with the best for a test. A row without a value is marked
    nowhere, and one with a failed run, which counts as the worst of all, is never called close.
    """
    marks = {metric.name: [""] * len(groups) for metric in shown}
    pairs: dict[tuple[str, int], tuple[Values, float]] = {}
    untested: set[int] = set()
    for metric in shown:
        order, sign = levels[metric.name], 1 if metric.higher_is_better else -1
        best = int(np.argmax(order))
        for row, group in enumerate(groups):
            if not np.isfinite(group.values[dataset, metric.name]).any():
                continue
            if order[row] == order[best]:
                marks[metric.name][row] = BEST
                continue
            first, second = paired(groups[best], group, (dataset, metric.name))
            if first.size < LEAST:
                untested.add(row)
            elif not group.failed:
                pairs[metric.name, row] = sign * (first - second), margin_of(metric, first)
    for (name, row), (gaps, margin) in pairs.items():
        if not_worse(gaps, margin, level=1 - LEVEL / len(pairs)):
            marks[name][row] = CLOSE
    return marks, untested


def margin_of(metric: Metric, best: Values) -> float:
    """How much worse than the best, whose values are given, still counts as not worse."""
    if metric.unit == "fraction":
        return MARGIN_POINTS / 100
    return MARGIN_SHARE * abs(float(best.mean()))


def margin_words(metric: Metric) -> str:
    """The margin for a legend."""
    if metric.unit == "fraction":
        return f"{MARGIN_POINTS:g} points"
    return f"{100 * MARGIN_SHARE:g} % of the best mean"


def paired(a: Group, b: Group, place: tuple[str, str]) -> tuple[Values, Values]:
    """Values of two groups at the seeds that both have."""
    _, in_a, in_b = np.intersect1d(a.seeds, b.seeds, return_indices=True)
    first, second = a.values[place][in_a], b.values[place][in_b]
    both = np.isfinite(first) & np.isfinite(second)
    return first[both], second[both]


def _iqm(values: Sequence[Values], target: Metric, decimals: int) -> Measure:
    """Interquartile mean of the target, with as many decimals as its mean has beside it."""
    finite = [value[np.isfinite(value)] for value in values]
    means = [Estimate(each.size, iqm(each) if each.size else None) for each in finite]
    header = f"IQM\n{unit_words(target)}".rstrip()
    return Measure("iqm", header, tuple(means), scale_of(target), decimals)


def _sizes(groups: Sequence[Group], dataset: str, target: Metric, seed: int) -> dict[str, Measure]:
    """Parameters and MACs of what was returned, and accuracy in % per million of each.

    Per run and then averaged; decimals by the narrowest interval of the column.
    """
    info = oracles.get(groups[0].setting.oracle).info
    measures: dict[str, Measure] = {}
    for unit, words in (("param", "params"), ("MAC", "MACs")):
        size = size_metric(info, unit)
        if size is None:
            continue
        counts = [group.values[dataset, size.name] for group in groups]
        name, header = words.lower(), f"{words[:1].upper()}{words[1:]}\n(M)"
        measures[name] = plain_measure(name, header, counts, scale=1e-6)
        if target.unit != "fraction" or not target.higher_is_better:
            continue
        densities = tuple(
            estimate(_density(group.values[dataset, target.name], count), seed)
            for group, count in zip(groups, counts, strict=True)
        )
        places = _decimals(densities, least=0)
        name = f"density_{name}"
        measures[name] = Measure(name, f"Density\n(%/M {words})", densities, 1.0, places)
    return measures


def _density(accuracies: Values, counts: Values) -> Values:
    """Accuracy density of each run that has both values."""
    pairs = zip(accuracies, counts, strict=True)
    return np.array([accuracy_density(a, count) for a, count in pairs if a >= 0 and count > 0])


def costs(groups: Sequence[Group]) -> dict[str, Measure]:
    """Queries, simulated training hours and measured CPU seconds of a run.

    Means over the finished runs, never added up.
    """
    timed = [bool(oracles.get(group.setting.oracle).info.cost) for group in groups]
    hours, unique_hours = (
        [
            group.costs[name] / 3600 * (1.0 if known else math.nan)
            for group, known in zip(groups, timed, strict=True)
        ]
        for name in ("simulated_s", "unique_s")
    )
    seconds = [group.costs["overhead_s"] for group in groups]
    queries = [group.costs["queries"] for group in groups]
    unique = [group.costs["unique_queries"] for group in groups]
    measures = (
        _count("seeds", "Seeds", [group.seeds.size for group in groups]),
        _count("failed", "Failed", [len(group.failed) for group in groups]),
        plain_measure("queries", "Queries", queries),
        plain_measure("unique_queries", "Unique\nqueries", unique),
        plain_measure("training_hours", "Simulated\ntraining h", hours, least=2),
        plain_measure("unique_hours", "The same,\nrepeats free", unique_hours, least=2),
        plain_measure("overhead", "Overhead\nCPU s", seconds),
    )
    return {measure.name: measure for measure in measures}


def _count(name: str, header: str, counts: Sequence[int]) -> Measure:
    return Measure(name, header, tuple(Estimate(1, count) for count in counts), 1.0, 0)


# -- all tasks -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Overview:
    """The methods over all tasks as printed, best average rank first; a text for each method."""

    overall: Overall

    @property
    def order(self) -> list[int]:
        """Columns of the methods as rows."""
        return self.overall.order

    @cached_property
    def labels(self) -> list[str]:
        """Names of the rows."""
        return [self.overall.names[column] for column in self.order]

    @cached_property
    def examples(self) -> list[Group]:
        """Of each method its rows' first."""
        columns = list(zip(*self.overall.rows, strict=True))
        return [
            next(group for group in columns[column] if group is not None) for column in self.order
        ]

    @cached_property
    def methods(self) -> list[str]:
        """Names of the methods as they are registered."""
        return [group.method for group in self.examples]

    def raw(self, name: str) -> list[tuple[float | None, ...]]:
        """The numbers behind the texts of the same name; None where there is none."""
        found, order = self.overall, self.order
        if name == "covered":
            return [(found.covered(column),) for column in order]
        if name in ("gaps", "gap_intervals"):
            gaps = [found.gap_closed.get(column) for column in order]
            if name == "gaps":
                return [(None if gap is None else gap.value,) for gap in gaps]
            return [
                (None, None) if gap is None or math.isnan(gap.low) else (gap.low, gap.high)
                for gap in gaps
            ]
        table = np.asarray(self._table(name), dtype=np.float64)
        rows = table[order].reshape(len(order), -1).tolist()
        if name == "groups":
            return [(int(group) or None,) for (group,) in rows]
        return [tuple(None if math.isnan(value) else value for value in row) for row in rows]

    def _table(self, name: str) -> Any:
        return getattr(self.overall.ranking, name)

    @cached_property
    def ranks(self) -> list[str]:
        """Average ranks."""
        return self._numbers("ranks", 2)

    @cached_property
    def over_seeds(self) -> list[str]:
        """Their intervals over seeds."""
        return self._intervals("over_seeds", 2)

    @cached_property
    def over_tasks(self) -> list[str]:
        """Their intervals over tasks."""
        return self._intervals("over_tasks", 2)

    @cached_property
    def groups(self) -> list[str]:
        """Group ranks."""
        return self._numbers("groups", 0)

    @cached_property
    def borda(self) -> list[str]:
        """Borda points."""
        return self._numbers("borda", None)

    @cached_property
    def best_on(self) -> list[str]:
        """Tasks won."""
        return self._numbers("best_on", None)

    @cached_property
    def covered(self) -> list[str]:
        """On how many of the tasks."""
        return [f"{count} of {len(self.overall.settings)}" for (count,) in self.raw("covered")]

    @cached_property
    def gaps(self) -> list[str]:
        """Shares of random search's regret that are removed, in percent."""
        return self._numbers("gaps", 1, 100)

    @cached_property
    def gap_intervals(self) -> list[str]:
        """Their intervals."""
        return self._intervals("gap_intervals", 1, 100)

    @cached_property
    def best(self) -> frozenset[int]:
        """Rows with the lowest average rank."""
        levels = self._levels
        return frozenset(np.flatnonzero(levels == levels.min()).tolist())

    @cached_property
    def second(self) -> frozenset[int]:
        """Rows with the second lowest, where one alone is best."""
        rest = self._levels > self._levels.min()
        if len(self.best) > 1 or not rest.any():
            return frozenset()
        return frozenset(np.flatnonzero(self._levels == self._levels[rest].min()).tolist())

    @cached_property
    def _levels(self) -> Levels:
        return tied_levels(self.overall.ranking.ranks[self.overall.order])

    def _numbers(self, name: str, decimals: int | None, scale: float = 1) -> list[str]:
        shown = [scaled(value, scale) for (value,) in self.raw(name)]
        return aligned(shown, plain_decimals(shown) if decimals is None else decimals)

    def _intervals(self, name: str, decimals: int, scale: float = 1) -> list[str]:
        return intervals_text([(low, high) for low, high in self.raw(name)], decimals, scale)


@dataclass(frozen=True)
class Pairs(Overview):
    """The methods pair by pair as printed, who beats most others first."""

    @cached_property
    def order(self) -> list[int]:
        """Columns of the methods as rows."""
        shares, names = self.overall.duels.shares, self.overall.names
        return sorted(range(len(names)), key=lambda column: (-shares[column], names[column]))

    def _table(self, name: str) -> Any:
        return getattr(self.overall.duels, name)

    @cached_property
    def shares(self) -> list[str]:
        """Shares of tasks won against another method, in percent."""
        return self._numbers("shares", 1, 100)

    @cached_property
    def over_seeds(self) -> list[str]:
        """Their intervals over seeds."""
        return self._intervals("over_seeds", 1, 100)

    @cached_property
    def over_tasks(self) -> list[str]:
        """Their intervals over tasks."""
        return self._intervals("over_tasks", 1, 100)

    @cached_property
    def _levels(self) -> Levels:
        return tied_levels(-self.overall.duels.shares[self.order])


# -- one store -------------------------------------------------------------------------------------
class Results:
    """What a report is about: the results of a store that a plan chooses, each summarised once.

    Args:
        store: results.
        plan: only the settings and seeds of this plan (a shipped one by name, or a path).
        seed: of the bootstrap.
        verdicts: judged claims.
        highlighted: parts of the names of rows that figures draw in colour; the best if empty.
    """

    def __init__(
        self,
        store: Store,
        *,
        plan: str = "",
        seed: int = 0,
        verdicts: Sequence[Verdict] = (),
        highlighted: Sequence[str] = (),
    ) -> None:
        self.store, self.plan, self.seed, self.verdicts = store, plan, seed, tuple(verdicts)
        self.highlighted = tuple(highlighted)

    @cached_property
    def chosen(self) -> Chosen:
        """What of the store belongs to the plan."""
        return chosen(self.store, self.plan or None)

    def runs(self) -> Iterator[RunRecord]:
        """The finished searches that the plan chooses."""
        ids = {run_id for group in self.chosen.groups for run_id in group.run_ids}
        return (record for run_id, record in self.store.identified_runs() if run_id in ids)

    @cached_property
    def rankings(self) -> list[RankRecord]:
        """The rankings that the plan chooses."""
        return [ranking for ranking in self.store.rankings() if self.chosen.ranking(ranking.key)]

    @cached_property
    def studies(self) -> list[StudyRecord]:
        """The measurements that the plan chooses."""
        return [study for study in self.store.studies() if self.chosen.study(study.key)]

    @cached_property
    def rows(self) -> tuple[list[Group], dict[Family, list[Group]]]:
        """The rows of the main tables, and the families of variants.

        The families have tables of their own.
        """
        return main_and_variants(self.chosen.groups)

    @cached_property
    def by_setting(self) -> list[tuple[Setting, list[Group]]]:
        """The rows of the main tables by setting."""
        return [
            (setting, list(members))
            for setting, members in groupby(self.rows[0], key=lambda group: group.setting)
        ]

    @cached_property
    def tasks(self) -> list[Task]:
        """A task for each setting and data set that is reported on."""
        return [
            task(rows, dataset, self.seed)
            for setting, rows in self.by_setting
            for dataset in setting.protocol.report_datasets
        ]

    @cached_property
    def overview(self) -> Overview | None:
        """The methods over all tasks; None where fewer than two share two tasks."""
        found = overall(self.by_setting, self.seed)
        return None if found is None else Overview(found)

    @cached_property
    def common(self) -> Overview | None:
        """The same with methods of fewer tasks, over the tasks that all were run on.

        None where that adds no method.
        """
        found = overall(self.by_setting, self.seed, share=4, least=1)
        known = () if self.overview is None else self.overview.overall.names
        return None if found is None or set(found.names) <= set(known) else Overview(found)

    @cached_property
    def pairs(self) -> Pairs | None:
        """The same pair by pair, over the tasks that both of a pair were run on.

        None where that adds no method.
        """
        found = overall(self.by_setting, self.seed, share=4)
        known = () if self.overview is None else self.overview.overall.names
        return None if found is None or set(found.names) <= set(known) else Pairs(found)

    @cached_property
    def variants(self) -> list[Task]:
        """A task for each family of variants and data set that is reported on."""
        return [
            task(rows, dataset, self.seed, method)
            for (setting, method, _), rows in self.rows[1].items()
            for dataset in setting.protocol.report_datasets
        ]


# -- anytime curves --------------------------------------------------------------------------------
@dataclass(frozen=True)
class Curves:
    """What the methods of one setting held at each moment, mean over their runs with its band.

    Attributes:
        axis: what the moments count.
        moments: (m,).
        regret: whether the values are regrets to the best cell, else the target itself.
        lines: by the id of a group: mean, lower and upper end, (m,) each, as people read them.
    """

    axis: Axis
    moments: Values
    regret: bool
    lines: Mapping[str, tuple[Values, Values, Values]]


def curves(groups: Sequence[Group], axis: Axis, count: int) -> Curves | None:
    """The curves of one setting at `count` moments; None where there is no time to show.

    Runs that hold no value at some moment (a first training that diverged) are in no curve: the
    mean is over the others.
    """
    setting = groups[0].setting
    _, target = target_of(setting)
    moments = moments_of(groups, axis, count)
    if not moments.size:
        return None
    best, sign, scale = best_of(groups), 1 if target.higher_is_better else -1, scale_of(target)
    lines = {}
    for group in groups:
        held = curves_at(group, moments, axis)
        held = held[np.isfinite(held).all(axis=1)] if held.size else held
        if held.size:
            lines[group.id] = mean_band(scale * (held if best is None else sign * (best - held)))
    return Curves(axis, moments, best is not None, lines)
