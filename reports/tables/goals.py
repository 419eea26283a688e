"""How soon each method reached a goal, and how many of its runs did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nasrepro.reports.anytime import BASELINE, Axis, best_of, target_of, times_to
from nasrepro.reports.document import (
    DASH,
    Column,
    Filled,
    Raw,
    TableCell,
    TableDoc,
    number_column,
    plain_decimals,
    slug,
    text_column,
    transposed,
)
from nasrepro.reports.groups import Group
from nasrepro.reports.summary import Results, setting_id
from nasrepro.reports.words import budget_words, failures, labels, searched, title_of
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import oracles
from nasrepro.suite.statistics import Reached, time_to_reach

ORDER = 40
#: Points (of percent) below the best cell of the table that count as reached.
MARGINS = (0.1, 0.5)
#: Axes of a curve by which time is measured, and their units; the second if known.
AXES: tuple[tuple[Axis, str], ...] = (("queries", "queries"), ("clock_s", "simulated s"))

_LEGEND = (
    "Reached: share of runs whose best architecture by validation score was at some time as good "
    "as the goal. Median: the time by which half of all runs reached it, with its 95 % percentile "
    "bootstrap interval over search seeds. A run that did not reach the goal counts as taking "
    "infinitely long (right-censored at its end), so there is no median (–) if fewer than half of "
    "the runs reached it; > marks an interval without an upper end."
)


def tables(results: Results) -> Iterator[TableDoc]:
    """A table for each setting that has a goal."""
    for _, rows in results.by_setting:
        yield from goal_table(rows)


def goal_table(groups: Sequence[Group]) -> list[TableDoc]:
    """How soon the methods of one setting reached two goals.

    The goals are random search's final result and the neighbourhood of the optimum.
    """
    setting = groups[0].setting
    dataset, target = target_of(setting)
    groups = [group for group in groups if group.curves.some.size or group.failed]
    goals = _goals(groups, dataset, target)
    if not goals:
        return []
    info = oracles.get(setting.oracle).info
    axes = AXES if info.cost else AXES[:1]
    times = {
        (name, axis): [times_to(group, goal, target, axis) for group in groups]
        for name, goal, _ in goals
        for axis, _ in axes
    }
    order = sorted(
        range(len(groups)),
        key=lambda row: tuple(
            -np.isfinite(times[name, "queries"][row]).mean() for name, *_ in goals
        ),
    )
    filled = [_method_column(groups, order)]
    for panel, (name, _, words) in enumerate(goals, start=1):
        reached = {
            axis: [time_to_reach(times[name, axis][row]) for row in order] for axis, _ in axes
        }
        filled.append(_share_column(name, words, reached["queries"], panel))
        filled += [
            _median_column(f"{name}_{axis}", f"median\n{unit}", reached[axis], panel)
            for axis, unit in axes
        ]
    goal_words = "; ".join(f"{words}: {_said(goal, target)}" for _, goal, words in goals)
    return [
        TableDoc(
            slug("goals", setting_id(setting)),
            f"{setting.oracle}: time to a goal, {searched(setting, dataset)} "
            f"({budget_words(setting.budget)})",
            f"How soon searches on {setting.oracle} held an architecture whose {target.name} on "
            f"{dataset} was as good as a goal ({goal_words}).",
            *transposed(filled),
            legend=_LEGEND,
            citations=(info.citation,),
            footnotes=tuple(failures([groups[row] for row in order], count="reach no goal")),
            row_ids=tuple(groups[row].id for row in order),
            part="searches",
        )
    ]


def _goals(groups: Sequence[Group], dataset: str, target: Metric) -> list[tuple[str, float, str]]:
    """(name, value, words) of each goal that this setting has."""
    goals = []
    for group in groups:
        if group.method == BASELINE:
            values = group.values[dataset, target.name]
            if np.isfinite(values).any():
                goals.append(
                    ("baseline", float(np.nanmean(values)), f"{title_of(BASELINE)}'s final mean")
                )
            break
    best = best_of(groups) if groups else None
    if best is not None and target.unit == "fraction":
        sign = 1 if target.higher_is_better else -1
        goals += [
            (
                f"within_{margin:g}",
                best - sign * margin / 100,
                f"within {margin:g} points of the best",
            )
            for margin in reversed(MARGINS)
        ]
    return goals


def _said(goal: float, target: Metric) -> str:
    return f"{100 * goal:.2f} %" if target.unit == "fraction" else f"{goal:.4g}"


def _method_column(groups: Sequence[Group], order: Sequence[int]) -> Filled:
    names = labels(groups)
    rows: list[tuple[Raw, ...]] = [(groups[row].method, groups[row].id) for row in order]
    column = Column("method", "Method", ("method", "row"), "left", 0, 0)
    return text_column(column, [names[row] for row in order], rows)


def _share_column(name: str, words: str, reached: Sequence[Reached], panel: int) -> Filled:
    """The share of runs that reached a goal; with a decimal if one run is less than a percent."""
    column = Column(
        f"{name}_share", f"{words}:\nreached (%)", (f"{name}_share",), terminal=panel, panel=panel
    )
    decimals = 1 if any(each.n > 100 for each in reached) else 0
    return number_column(column, [each.share for each in reached], decimals, scale=100)


def _median_column(name: str, header: str, reached: Sequence[Reached], panel: int) -> Filled:
    """The median time with its interval; the ends may be open."""
    finite = [
        value
        for each in reached
        for value in (each.median, each.low, each.high)
        if np.isfinite(value)
    ]
    decimals = max(0, plain_decimals(finite) - 1)
    cells = []
    for each in reached:
        raw = tuple(
            None if not np.isfinite(value) else float(value)
            for value in (each.median, each.low, each.high)
        )
        if raw[0] is None:
            cells.append(TableCell(DASH, raw))
            continue
        low, high = (f"{value:,.{decimals}f}" if value is not None else None for value in raw[1:])
        ends = "" if each.n == 1 else f" [{low}, {high}]" if high is not None else f" [{low}, >]"
        cells.append(TableCell(f"{raw[0]:,.{decimals}f}{ends}", raw))
    data = (f"{name}_median", f"{name}_median_low", f"{name}_median_high")
    return Column(data[0], header, data, terminal=3 + panel, panel=panel), cells
