"""Methods over all oracles and data sets.

Average ranks, and how much of random search's regret each removes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasrepro.reports.anytime import BASELINE, target_of
from nasrepro.reports.document import (
    BEST,
    Cell,
    Column,
    Filled,
    Raw,
    TableDoc,
    interval_column,
    number_column,
    text_column,
    transposed,
)
from nasrepro.reports.groups import REGRET, Group, Setting, Values, is_here
from nasrepro.reports.words import budget_words, labels
from nasrepro.suite.statistics import (
    RankTest,
    average_ranks,
    percentile_interval,
    rank_test,
    stratified_bootstrap_mean,
)

RESAMPLES = 1000

BySetting = Sequence[tuple[Setting, Sequence[Group]]]


@dataclass(frozen=True)
class Comparison:
    """Methods that were run on the same tasks.

    Attributes:
        names: of m methods.
        settings: of t tasks.
        rows: the runs of each method on each task, t rows of m.
        left_out: methods that were run on too few of the tasks, with their numbers of tasks.
        total: tasks there are.
    """

    names: tuple[str, ...]
    settings: tuple[Setting, ...]
    rows: tuple[tuple[Group, ...], ...]
    left_out: Mapping[str, int]
    total: int

    @property
    def values(self) -> list[list[Values]]:
        """The target of every run, higher is better: t lists of m arrays."""
        found = []
        for setting, groups in zip(self.settings, self.rows, strict=True):
            dataset, target = target_of(setting)
            sign = 1 if target.higher_is_better else -1
            found.append([sign * _finite(group.values[dataset, target.name]) for group in groups])
        return found

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean target, (tasks, methods), higher is better."""
        return np.array([[values.mean() for values in row] for row in self.values])

    def tested(self) -> RankTest:
        """Friedman's and Nemenyi's tests over the tasks."""
        return rank_test(self.means)


def comparison(by_setting: BySetting) -> Comparison | None:
    """The methods that were run on at least half of the tasks, on the tasks that all of them share; None for fewer than two of either.

    A task is an oracle and a data set searched on, reported on the first of its data sets: the
    setting that most methods were run in, the one with the largest budget among those, on the
    version of the table that is installed. Reporting one search on three data sets does not make
    three tasks of it.
    """
    tasks: dict[tuple[str, str], tuple[Setting, dict[str, Group]]] = {}
    for setting, groups in by_setting:
        dataset, target = target_of(setting)
        rows = {
            name: group
            for name, group in zip(labels(groups), groups, strict=True)
            if np.isfinite(group.values[dataset, target.name]).any()
        }
        place = setting.oracle, setting.dataset
        if place not in tasks or _size(setting, rows) > _size(*tasks[place]):
            tasks[place] = setting, rows
    counts: dict[str, int] = {}
    for _, rows in tasks.values():
        for name in rows:
            counts[name] = counts.get(name, 0) + 1
    names = sorted(name for name, count in counts.items() if 2 * count >= len(tasks))
    shared = [(setting, rows) for setting, rows in tasks.values() if set(names) <= set(rows)]
    if len(names) < 2 or len(shared) < 2:
        return None
    return Comparison(
        tuple(names),
        tuple(setting for setting, _ in shared),
        tuple(tuple(rows[name] for name in names) for _, rows in shared),
        {name: count for name, count in sorted(counts.items()) if name not in names},
        len(tasks),
    )


def _size(setting: Setting, rows: Mapping[str, Group]) -> tuple[float, ...]:
    current = is_here(setting.oracle, setting.table_sha256)
    return current, len(rows), setting.budget.seconds or 0, setting.budget.queries or 0


def _finite(values: Values) -> Values:
    return values[np.isfinite(values)]


def rank_intervals(found: Comparison, seed: int) -> list[tuple[float, float]]:
    """95 % bootstrap interval of each average rank over search seeds, the tasks as they are.

    Nan where a method has one seed somewhere.
    """
    rng = np.random.default_rng(seed)
    means = np.empty((RESAMPLES, *found.means.shape))
    for task, row in enumerate(found.values):
        for method, values in enumerate(row):
            weights = rng.multinomial(
                values.size, np.full(values.size, 1 / values.size), size=RESAMPLES
            )
            means[:, task, method] = weights @ values / values.size
    ranks = np.array([average_ranks(each) for each in means])
    single = [
        any(row[method].size == 1 for row in found.values) for method in range(len(found.names))
    ]
    return [
        (np.nan, np.nan) if alone else percentile_interval(column, 0.95)
        for alone, column in zip(single, ranks.T, strict=True)
    ]


def gap_closed(found: Comparison) -> dict[str, dict[str, Values]]:
    """By method and task, per run: the share of random search's mean regret that the run removes.

    Only tasks with a best cell.
    """
    closed: dict[str, dict[str, Values]] = {}
    for setting, row in zip(found.settings, found.rows, strict=True):
        dataset, _ = target_of(setting)
        regrets = {
            name: _finite(group.values[dataset, REGRET])
            for name, group in zip(found.names, row, strict=True)
        }
        base = regrets.get(BASELINE, np.empty(0))
        if base.size and base.mean() > 0 and all(values.size for values in regrets.values()):
            for name, values in regrets.items():
                closed.setdefault(name, {})[f"{setting.oracle}/{setting.dataset}"] = (
                    1 - values / base.mean()
                )
    return closed


def overall_table(by_setting: BySetting, seed: int) -> list[TableDoc]:
    """Average ranks of the methods that were run (almost) everywhere.

    Nothing where there is no such comparison.
    """
    found = comparison(by_setting)
    if found is None:
        return []
    tested = found.tested()
    order = np.argsort(tested.ranks, kind="stable").tolist()
    names = [found.names[column] for column in order]
    intervals = rank_intervals(found, seed)
    closed = gap_closed(found)
    gaps = [
        stratified_bootstrap_mean(closed[name], seed=seed, resamples=RESAMPLES)
        if name in closed
        else None
        for name in names
    ]
    methods: list[tuple[Raw, ...]] = [(found.rows[0][column].method,) for column in order]
    ranks = number_column(
        Column("rank", "Average\nrank", ("average_rank",), terminal=1),
        tested.ranks[order].tolist(),
        2,
    )
    best = min(range(len(order)), key=lambda row: tested.ranks[order[row]])
    marked = [
        Cell(cell.text, cell.values, BEST if row == best else "")
        for row, cell in enumerate(ranks[1])
    ]
    wins = [int((found.means.argmax(axis=1) == column).sum()) for column in order]
    filled: list[Filled] = [
        text_column(Column("method", "Method", ("method",), "left", 0, 0), names, methods),
        (ranks[0], marked),
        interval_column(
            Column("rank_interval", "95 %\ninterval", ("rank_low", "rank_high"), terminal=3),
            [intervals[column] for column in order],
            2,
        ),
        number_column(Column("wins", "Best\non", ("tasks_won",), terminal=4), wins, 0),
    ]
    if closed:
        column = Column("gap_closed", "Gap\nclosed (%)", ("gap_closed",), terminal=2)
        filled.append(
            number_column(
                column, [None if each is None else each.value for each in gaps], 1, scale=100
            )
        )
        ends = [(None, None) if each is None else (each.low, each.high) for each in gaps]
        filled.append(
            interval_column(
                Column("gap_interval", "95 %\ninterval", ("gap_low", "gap_high"), terminal=5),
                ends,
                1,
                scale=100,
            )
        )
    return [
        TableDoc(
            "overall",
            f"All tasks: average ranks of {len(names)} methods over {tested.tasks} tasks",
            overall_caption(found),
            *transposed(filled),
            legend=_legend(closed),
            footnotes=(tested_words(found, tested), _TESTS, *_left_out(found)),
        )
    ]


# -- words -------------------------------------------------------------------------------------------------
_TESTS = (
    "The tests count tasks, not seeds: more seeds make no difference of ranks significant. They take the tasks for independent, which "
    "those of one benchmark are not."
)


def overall_caption(found: Comparison) -> str:
    """Which tasks the ranks are over."""
    where = "; ".join(
        f"{each.oracle}/{each.dataset} ({budget_words(each.budget, unit='s')})"
        for each in found.settings
    )
    return (
        f"Rank by mean target over search seeds (1 is best), averaged over the {len(found.settings)} tasks that all of these methods "
        f"were run on, one for each oracle and data set: {where}."
    )


def tested_words(found: Comparison, tested: RankTest) -> str:
    """What the tests say."""
    cliques = [
        "{" + ", ".join(found.names[column] for column in clique) + "}" for clique in tested.cliques
    ]
    return (
        f"Friedman's test that all are alike: p = {tested.p_value:.2g}. Critical difference of average ranks at 0.05 (Nemenyi): "
        f"{tested.critical_difference:.2f}; "
        + (
            f"not significantly different: {', '.join(cliques)}."
            if cliques
            else "all differ significantly."
        )
    )


def _left_out(found: Comparison) -> list[str]:
    less = ", ".join(f"{name} ({count})" for name, count in found.left_out.items())
    return (
        [f"Run on fewer than half of the {found.total} tasks, so not ranked here: {less}."]
        if less
        else []
    )


def _legend(closed: Mapping[str, Mapping[str, Values]]) -> str:
    words = f"Intervals: 95 % percentile bootstrap over search seeds within each task ({RESAMPLES:,} resamples), tasks as they are."
    if closed:
        counted = len(next(iter(closed.values())))
        words += (
            f" Gap closed: share of {BASELINE}'s mean regret that a method removes, mean over the {counted} tasks with a best cell, "
            "each counting alike (stratified bootstrap); 100 % is the best cell, below 0 is worse than random search."
        )
    return words
