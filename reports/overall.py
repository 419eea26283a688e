"""Methods over all oracles and data sets: average ranks, and the share of regret that each removes.

Table, page and figures place what is computed here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from nasrepro.reports.anytime import BASELINE, target_of
from nasrepro.reports.groups import REGRET, Group, Setting, Values, is_here
from nasrepro.reports.words import budget_words, changes_of, labels, title_of
from nasrepro.suite.experiments.plan import absences, stand_ins
from nasrepro.suite.registry import oracles
from nasrepro.suite.statistics import (
    Duels,
    Interval,
    Ranking,
    RankTest,
    duels,
    rank_methods,
    rank_test,
    stratified_mean,
)

RESAMPLES = 10_000

BySetting = Sequence[tuple[Setting, Sequence[Group]]]


@dataclass(frozen=True)
class Overall:
    """Methods that were run on the same tasks.

    Attributes:
        names: of m methods.
        settings: of t tasks.
        rows: the runs of each method on each task, t rows of m; None where it was not run.
        left_out: methods that were run on too few of the tasks, with their numbers of tasks.
        share: a method must be run on one in so many of the tasks.
        total: tasks there are.
        seed: of the bootstrap.
    """

    names: tuple[str, ...]
    settings: tuple[Setting, ...]
    rows: tuple[tuple[Group | None, ...], ...]
    left_out: Mapping[str, int]
    total: int
    seed: int = 0
    share: int = 2

    @cached_property
    def shared(self) -> tuple[tuple[int, ...], ...]:
        """The seeds of each task that all of its methods were run with, failed or not."""
        return tuple(_shared(row) for row in self.rows)

    @cached_property
    def values(self) -> list[list[Values | None]]:
        """The target of every run on the shared seeds, higher is better.

        A run that failed or diverged counts as the worst of all runs of its task.
        """
        tables = []
        for setting, row, seeds in zip(self.settings, self.rows, self.shared, strict=True):
            dataset, target = target_of(setting)
            sign = 1 if target.higher_is_better else -1
            tables.append(_by_seed(row, (dataset, target.name), seeds, sign))
        return tables

    @cached_property
    def ranking(self) -> Ranking:
        """Ranks, their intervals, groups."""
        return rank_methods(self.values, seed=self.seed, resamples=RESAMPLES)

    @cached_property
    def duels(self) -> Duels:
        """How often each method beats another, on the tasks that both were run on."""
        return duels(self.values, seed=self.seed, resamples=RESAMPLES)

    @cached_property
    def tested(self) -> RankTest:
        """Friedman's and Nemenyi's tests over the tasks."""
        means = [[-math.inf if x is None else x.mean() for x in row] for row in self.values]
        return rank_test(means)

    @cached_property
    def order(self) -> list[int]:
        """Columns of the methods, best average rank first."""
        ranks = self.ranking.ranks
        return sorted(
            range(len(self.names)), key=lambda column: (ranks[column], self.names[column])
        )

    @property
    def base(self) -> str:
        """The name of random search, if it is among them."""
        return title_of(BASELINE)

    @cached_property
    def _gaps(self) -> dict[int, dict[str, Values]]:
        """Of each method, by task, the share of random search's mean regret that each run removes.

        The tasks are those with a best cell on which random search was run and missed it.
        """
        closed: dict[int, dict[str, Values]] = {}
        for place, (setting, row) in enumerate(zip(self.settings, self.rows, strict=True)):
            dataset, _ = target_of(setting)
            regrets = _by_seed(row, (dataset, REGRET), self.shared[place], -1)
            base = next(
                (x for name, x in zip(self.names, regrets, strict=True) if name == self.base), None
            )
            if base is None or not np.isfinite(base).all() or base.mean() >= 0:
                continue
            for column, values in enumerate(regrets):
                if values is not None:
                    closed.setdefault(column, {})[str(place)] = 1 - values / base.mean()
        return closed

    @cached_property
    def gap_closed(self) -> dict[int, Interval]:
        """By method: the share of random search's mean regret that its runs remove.

        Mean over `gap_tasks` tasks, of the methods that were run on all of them.
        """
        return {
            column: stratified_mean(tasks, seed=self.seed)
            for column, tasks in self._gaps.items()
            if len(tasks) == self.gap_tasks
        }

    @property
    def gap_tasks(self) -> int:
        """How many tasks the gaps are over."""
        return max(map(len, self._gaps.values()), default=0)

    def covered(self, column: int) -> int:
        """The number of tasks that a method was run on."""
        return sum(row[column] is not None for row in self.rows)


def _seeds(group: Group) -> set[int]:
    return {*group.seeds.tolist(), *group.failed}


def _shared(row: Sequence[Group | None]) -> tuple[int, ...]:
    groups = [_seeds(group) for group in row if group is not None]
    return tuple(sorted(set.intersection(*groups)))


def _by_seed(
    row: Sequence[Group | None], place: tuple[str, str], seeds: Sequence[int], sign: int
) -> list[Values | None]:
    """For each method its value at each seed, times `sign`; the worst of all where it failed."""
    tables: list[Values | None] = []
    for group in row:
        if group is None:
            tables.append(None)
            continue
        known = dict(zip(group.seeds.tolist(), sign * group.values[place], strict=True))
        tables.append(np.array([known.get(seed, math.nan) for seed in seeds]))
    finite = [x for values in tables if values is not None for x in values[np.isfinite(values)]]
    worst = min(finite, default=math.nan)
    return [None if x is None else np.where(np.isfinite(x), x, worst) for x in tables]


def overall(
    by_setting: BySetting, seed: int = 0, *, share: int = 2, least: float = 0.5
) -> Overall | None:
    """The methods that were run on at least half of the tasks; None for fewer than two of either.

    A task is an oracle and a data set searched on, reported on the first of its data sets: the
    setting that most methods were run in, the one with the largest budget among those, on the
    version of the table that is installed. Reporting one search on three data sets does not make
    three tasks of it. An arm that a plan runs in place of a method's own counts as the method. A
    task counts if at least half of the methods, and two, were run on it, and
    they share a seed. A task of a third as many methods as another has, or fewer, is there for the
    baselines alone, and counts nowhere. Nor do oracles that train what they are asked for: each
    query is paid for, so their searches are short, of few methods and few seeds, and stand in a
    table of their own.

    Args:
        by_setting: rows of each setting.
        seed: of the bootstrap.
        share: methods count that were run on one in so many of the tasks.
        least: and tasks that at least this share of them were run on.
    """
    tasks: dict[tuple[str, str], tuple[Setting, dict[str, Group]]] = {}
    for setting, groups in by_setting:
        if oracles.get(setting.oracle).info.trains:
            continue
        rows = dict(zip(_names(setting, groups), groups, strict=True))
        place = setting.oracle, setting.dataset
        if place not in tasks or _size(setting, rows) > _size(*tasks[place]):
            tasks[place] = setting, rows
    methods = {place: _known(*task) for place, task in tasks.items()}
    few = max(1.0, max(methods.values(), default=0) / 3)
    known = {place: task for place, task in tasks.items() if methods[place] > few}
    counts: dict[str, int] = {}
    for _, rows in known.values():
        for name in rows:
            counts[name] = counts.get(name, 0) + 1
    names = sorted(name for name, count in counts.items() if share * count >= len(known))
    chosen = [
        (setting, row)
        for setting, rows in known.values()
        if len(row := {name: rows[name] for name in names if name in rows}) >= least * len(names)
        and _known(setting, row) > 1
        and _shared(tuple(row.values()))
    ]
    if len(names) < 2 or len(chosen) < 2:
        return None
    return Overall(
        tuple(names),
        tuple(setting for setting, _ in chosen),
        tuple(tuple(row.get(name) for name in names) for _, row in chosen),
        {name: count for name, count in sorted(counts.items()) if name not in names},
        len(known),
        seed,
        share,
    )


def _names(setting: Setting, groups: Sequence[Group]) -> list[str]:
    """Names of the rows; what stands in for a method has the method's, if no other row has it."""
    names = labels(groups)
    for place, group in enumerate(groups):
        if _stands_in(setting, group) and title_of(group.method) not in names:
            names[place] = title_of(group.method)
    return names


def _stands_in(setting: Setting, group: Group) -> bool:
    params = json.dumps(dict(group.params), sort_keys=True)
    return (setting.oracle, setting.dataset, group.method, params) in stand_ins()


def _known(setting: Setting, rows: Mapping[str, Group]) -> int:
    """How many methods can be compared: all, also those of which every run failed or diverged.

    None where no run of any has a value.
    """
    dataset, target = target_of(setting)
    known = any(np.isfinite(group.values[dataset, target.name]).any() for group in rows.values())
    return len(rows) if known else 0


def _size(setting: Setting, rows: Mapping[str, Group]) -> tuple[float, ...]:
    current = is_here(setting.oracle, setting.table_sha256)
    return current, len(rows), setting.budget.seconds or 0, setting.budget.queries or 0


# -- words -----------------------------------------------------------------------------------------
TESTS = (
    "The replicates of these tests are the tasks, not the seeds, so more seeds cannot make a "
    "difference of ranks significant. The tests assume independent tasks, but the tasks of one "
    "benchmark are not independent."
)


def overall_caption(found: Overall) -> str:
    """Which tasks the ranks are over."""
    where = "; ".join(
        f"{oracle}/{', '.join(setting.dataset for setting in alike)} ({budget})"
        for (oracle, budget), alike in groupby(
            found.settings,
            key=lambda setting: (setting.oracle, budget_words(setting.budget, unit="s")),
        )
    )
    return (
        f"Rank by mean target over the search seeds that all methods of a task share (1 is best; "
        f"equal means share their ranks), averaged over {len(found.settings)} tasks, one for each "
        f"oracle and data set searched on: {where}."
    )


def tested_words(found: Overall) -> str:
    """The results of the tests over tasks."""
    tested = found.tested
    cliques = [
        "{" + ", ".join(found.names[column] for column in clique) + "}" for clique in tested.cliques
    ]
    return (
        f"Friedman's test that all methods are equal: p = {tested.p_value:.2g}. Critical "
        f"difference of average ranks at 0.05 (Nemenyi): {tested.critical_difference:.2f}; "
        + (
            f"not significantly different: {', '.join(cliques)}."
            if cliques
            else "all differ significantly."
        )
    )


def _tasks_words(tasks: Sequence[Setting], among: Sequence[Setting]) -> str:
    """Tasks of an overall table by their oracles; those of one oracle at once where all are."""
    words = []
    for oracle, found in groupby(tasks, key=lambda setting: setting.oracle):
        datasets = [setting.dataset for setting in found]
        if len(datasets) > 1 and len(datasets) == sum(each.oracle == oracle for each in among):
            words.append(f"the {len(datasets)} tasks of {oracle}")
        else:
            words += [f"{oracle}/{dataset}" for dataset in datasets]
    return ", ".join(words)


def _with_reasons(tasks: Sequence[Setting], among: Sequence[Setting], method: str) -> str:
    """Tasks by the reason that a shipped plan gives for leaving the method out there."""
    reasons = absences()
    by_reason: dict[str, list[Setting]] = {}
    for setting in tasks:
        reason = reasons.get((setting.oracle, setting.dataset, method), "")
        by_reason.setdefault(reason, []).append(setting)
    return "; ".join(
        _tasks_words(without, among) + (f" ({reason})" if reason else "")
        for reason, without in by_reason.items()
    )


def _stand_in_words(found: Overall, groups: Sequence[Group | None]) -> str:
    """The tasks of a method on which a plan's other arm stands for it, by the arm."""
    by_arm: dict[str, list[Setting]] = {}
    for setting, group in zip(found.settings, groups, strict=True):
        if group is not None and _stands_in(setting, group):
            by_arm.setdefault(changes_of(group), []).append(setting)
    return "; ".join(
        f"run with {arm} on {_tasks_words(tasks, found.settings)}" for arm, tasks in by_arm.items()
    )


def missing_words(found: Overall, *, ranked: bool = True) -> list[str]:
    """Failed runs, tasks that a method was not run on, stand-ins, and methods that are not ranked.

    `ranked`: last where it was not run; else it is only compared where it was.
    """
    last = ", and ranked last on these tasks" if ranked else ""
    lines: list[str] = []
    absent: dict[str, list[str]] = {}  # methods by what they were not run on
    for column, name in enumerate(found.names):
        groups = [row[column] for row in found.rows]
        failed = sum(
            len(group.failed.keys() & set(seeds))
            for group, seeds in zip(groups, found.shared, strict=True)
            if group is not None
        )
        lost = [
            setting for setting, group in zip(found.settings, groups, strict=True) if group is None
        ]
        if failed:
            lines.append(
                f"{name}: {failed:,} of its runs failed; each counts as the worst run of its task."
            )
        if lost:
            method = next(group.method for group in groups if group is not None)
            words = _with_reasons(lost, found.settings, method)
            absent.setdefault(words, []).append(name)
        if others := _stand_in_words(found, groups):
            lines.append(f"{name}: {others}.")
    lines += [f"{', '.join(names)}: not run on {words}{last}." for words, names in absent.items()]
    few = ", ".join(f"{name} ({count})" for name, count in found.left_out.items())
    if few:
        part = {2: "half", 4: "a quarter"}[found.share]
        more = found.total - len(found.settings)
        why = "not averaged over, since too few of the ranked methods can be compared there"
        of = f" ({more} of them {why})" if more else ""
        lines.append(f"Run on fewer than {part} of {found.total} tasks{of}, so not ranked: {few}.")
    return lines
