"""Anytime curves: what each search held over simulated seconds and over queries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nasrepro.reports.anytime import BASELINE, Axis, best_of, moments_of, target_of
from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import (
    Drawing,
    Look,
    emphasised,
    end_labels,
    look_of,
    new_figure,
    spelled,
)
from nasrepro.reports.groups import Group, Setting
from nasrepro.reports.summary import Results, curves
from nasrepro.reports.words import budget_words, failures, searched, title_of, unit_words
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import oracles
from nasrepro.suite.statistics import LEAST

#: Points of a curve.
MOMENTS = 60
#: Lines with a band, beside the baseline's: more would hide each other.
BANDS = 2
#: A curve that goes so many times beyond the next is let out of the panel.
_FAR = 5.0


def _minor(panel: Any) -> Callable[[float, int], str]:
    """Names 2 and 5 between the powers of ten; within half of a power all, then every tick."""
    low, high = panel.get_ylim()
    named = "123456789" if high < 4 * low else "25"
    return lambda value, _: f"{value:g}" if f"{value:e}"[0] in named else ""


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each setting.

    Regret to the best cell where there is one, else the target itself.
    """
    of = {
        name: group.method
        for task in results.tasks
        for name, group in zip(task.labels, task.groups, strict=True)
    }
    looks = look_of(of, of)
    for task in results.tasks:
        if task.dataset != target_of(task.setting)[0]:
            continue  # curves are of the first data set that is reported on
        named = [
            (name, group)
            for name, group in zip(task.labels, task.groups, strict=True)
            if group.curves.some.size
        ]
        timed = bool(oracles.get(task.setting.oracle).info.cost)
        axes: list[Axis] = ["clock_s", "queries"] if timed else ["queries"]
        if named and any(moments_of([group for _, group in named], axis).size for axis in axes):
            shown = emphasised({name: of[name] for name, _ in named}, results.highlighted)
            lost = failures(task.groups, task.labels)
            yield _drawing(task.setting, named, axes, looks, shown, lost)


def _drawing(
    setting: Setting,
    named: Sequence[tuple[str, Group]],
    axes: Sequence[Axis],
    looks: Mapping[str, Look],
    shown: Collection[str],
    lost: Sequence[str],
) -> Drawing:
    dataset, target = target_of(setting)
    best = best_of([group for _, group in named])
    figure = new_figure("page" if len(axes) == 2 else "column", height=2.5)
    panels = figure.subplots(1, len(axes), sharey=True, squeeze=False)[0]
    for axis, panel in zip(axes, panels, strict=True):
        _panel(panel, axis, named, looks, shown, best)
    panels[0].set_ylabel(_goal(target, best))
    ends = [
        (line.get_gid(), float(line.get_ydata()[-1]), line.get_color())
        for line in panels[-1].lines
        if line.get_gid() in shown
    ]
    end_labels(panels[-1], [(spelled(name), at, colour) for name, at, colour in ends])
    counts = sorted({int(group.seeds.size) for _, group in named})
    seeds = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    what = (
        f"regret of the target {target.name} to the best cell of the table"
        if best is not None
        else target.name
    )
    caption = (
        f"{setting.oracle}, {searched(setting, dataset)} ({budget_words(setting.budget)}): "
        f"{what}, of the architecture with the best "
        f"validation score so far. One curve may leave the panel at the bottom or the top. "
        f"Means over {seeds} search seeds"
        + f"; pointwise 95 % intervals for the first {BANDS} and {title_of(BASELINE)}"
        * (counts[-1] >= LEAST)
        + "."
        + "".join(f" {line}" for line in lost)
        + (" In grey: the other methods." if len(shown) < len(named) else "")
    )
    epochs, limit = f"{setting.protocol.search_epochs}ep", budget_words(setting.budget, unit="s")
    name = slug("anytime", setting.oracle, setting.dataset, epochs, limit)
    return Drawing(name, caption, figure)


def _panel(
    panel: Any,
    axis: Axis,
    named: Sequence[tuple[str, Group]],
    looks: Mapping[str, Look],
    shown: Collection[str],
    best: float | None,
) -> None:
    drawn = curves([group for _, group in named], axis, MOMENTS)
    coloured = [name for name, _ in named if name in shown]
    banded = {*coloured[:BANDS], title_of(BASELINE)}
    for name, group in reversed(named):  # the best on top
        if drawn is None or group.id not in drawn.lines:
            continue
        mean, low, high = drawn.lines[group.id]
        if name not in shown:
            panel.plot(
                drawn.moments, mean, color="0.8", linewidth=0.6, label=spelled(name), gid=name
            )
            continue
        panel.plot(drawn.moments, mean, label=spelled(name), gid=name, **looks[name].line)
        if name in banded:
            panel.fill_between(
                drawn.moments, low, high, color=looks[name].colour, alpha=0.15, linewidth=0
            )
    panel.set_xscale("log")
    low, high = np.log10(panel.get_xlim())
    if np.floor(high) > np.floor(low):  # a power of ten is named; more would hide each other
        panel.tick_params(axis="x", which="minor", labelbottom=False)
    heights = [np.asarray(line.get_ydata(), dtype=np.float64) for line in panel.lines]
    if best is not None and any((each > 0).any() for each in heights):
        panel.set_yscale("log")
        # one method that reaches the optimum, or one that fails, does not squeeze the others
        lows = sorted(float(each[each > 0].min()) for each in heights if (each > 0).any())
        tops = sorted(float(each.max()) for each in heights)
        next_low, next_top = lows[min(1, len(lows) - 1)], tops[max(0, len(tops) - 2)]
        panel.set_ylim(max(lows[0] / 1.3, next_low / _FAR), min(1.2 * tops[-1], next_top * _FAR))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(_minor(panel))
    panel.grid(visible=True, which="major")
    panel.set_xlabel("Simulated training (s)" if axis == "clock_s" else "Queries")


def _goal(target: Metric, best: float | None) -> str:
    name = target.name.replace("_", " ")
    if best is None:
        return f"{name} {unit_words(target)}".capitalize().rstrip()
    unit = {"fraction": "\n(points)", "1": ""}.get(
        target.unit, f"\n({target.unit})"
    )  # on one line it is longer than the axis
    return f"Regret, {name}{unit}"
