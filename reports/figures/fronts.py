"""Fronts of the result against cost.

The cost is that of the search, or that of the network that it returned.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import (
    Drawing,
    Look,
    emphasised,
    legend_below,
    logarithmic,
    look_of,
    new_figure,
    spelled,
)
from nasrepro.reports.groups import Group, Setting, Values, size_metric
from nasrepro.reports.summary import Results
from nasrepro.reports.words import budget_words, labels, scale_of, searched, unit_words
from nasrepro.suite.errors import DataMissing, InvalidArch, NotTabulated
from nasrepro.suite.oracle import Device, Metric
from nasrepro.suite.registry import devices, load_devices, oracles
from nasrepro.suite.statistics import LEAST, mean_interval

#: What an axis is called, and per method the cost of each run.
Costs = tuple[str, list[Values]]
#: A name with the intervals of its mean cost and its mean result: (value, low, high) each.
Point = tuple[str, tuple[float, float, float], tuple[float, float, float]]
#: Where the dearest search costs less than this times the cheapest, the budget was the same for all
#: and a front would show noise.
SPREAD = 1.05
DEVICES = 2


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each setting and data set that is reported on."""
    of = {
        name: group.method
        for task in results.tasks
        for name, group in zip(task.labels, task.groups, strict=True)
    }
    looks = look_of(of, of)
    for task in results.tasks:
        yield from _drawing(task.setting, task.dataset, task.groups, looks, results.highlighted)


def _drawing(
    setting: Setting,
    dataset: str,
    groups: Sequence[Group],
    looks: dict[str, Look],
    highlighted: Sequence[str],
) -> Iterator[Drawing]:
    info = oracles.get(setting.oracle).info
    target = info.target_of(dataset)
    names = labels(groups)
    results = [group.values[dataset, target.name] for group in groups]
    panels = []
    for label, costs in (
        *_search_costs(setting, groups),
        *_network_costs(setting, dataset, groups),
    ):
        points = _points(names, costs, results, scale_of(target))
        if len(points) > 1:
            panels.append((label, points))
    if not panels:
        return
    methods = {name: group.method for name, group in zip(names, groups, strict=True)}
    shown = emphasised(methods, highlighted)
    wide = len(panels) > 1
    across = 2 if len(panels) == 4 else min(3, len(panels))
    down = -(-len(panels) // across)
    figure = new_figure(
        "page" if wide else "column",
        height=2.1 * down + 0.15 * -(-(len(shown) + 2) // (4 if wide else 2)),
    )
    axes = figure.subplots(down, across, sharey=True, squeeze=False)
    for panel, (label, points) in zip(axes.flat, panels, strict=False):
        _panel(panel, label, points, looks, shown, target)
    for panel in axes.flat[len(panels) :]:
        panel.set_axis_off()
    for row in axes:
        row[0].set_ylabel(
            f"{target.name.replace('_', ' ').capitalize()} {unit_words(target)}".rstrip()
        )
    legend_below(figure, axes[0][0], columns=4 if wide else 2)
    intervals = " with 95 % intervals of both quantities, cut where they leave the panel" * any(
        group.seeds.size >= LEAST for group in groups
    )
    caption = (
        f"{setting.oracle}, {searched(setting, dataset)} ({budget_words(setting.budget)}): "
        f"{target.name} against cost. Points are means "
        f"over search seeds, in colour{intervals}; "
        "the line is the front of the means: for a method on it, no other is both cheaper and "
        "better. Simulated and measured cost have an axis each and are never added up."
    )
    epochs = f"{setting.protocol.search_epochs}ep"
    yield Drawing(
        slug(
            "front",
            setting.oracle,
            setting.dataset,
            epochs,
            budget_words(setting.budget, unit="s"),
            "on",
            dataset,
        ),
        caption,
        figure,
    )


def _search_costs(setting: Setting, groups: Sequence[Group]) -> Iterator[Costs]:
    """Simulated training, where searches were not all ended by the same number of seconds.

    And measured overhead.
    """
    if oracles.get(setting.oracle).info.cost:
        hours = [group.costs["simulated_s"] / 3600 for group in groups]
        means = [each.mean() for each in hours if each.size]
        if means and max(means) > SPREAD * min(means):
            yield "Search, simulated training (h)", hours
    yield "Search, overhead (CPU s)", [group.costs["overhead_s"] for group in groups]


def _network_costs(setting: Setting, dataset: str, groups: Sequence[Group]) -> Iterator[Costs]:
    """Latency on the first device of up to `DEVICES` sources that have the data set, else MACs."""
    info = oracles.get(setting.oracle).info
    measured = [
        (f"Latency, {device.name} ({device.unit})", found)
        for device in _devices(info.space.name, dataset)
        if (found := _latencies(device, dataset, groups)) is not None
    ][:DEVICES]
    yield from measured
    macs = size_metric(info, "MAC")
    if not measured and macs is not None:
        yield "Network, MACs (M)", [group.values[dataset, macs.name] / 1e6 for group in groups]


def _devices(space: str, dataset: str) -> Iterator[Device]:
    """The first latency of each source, in its own order.

    Only latencies measured for networks of the data set count.
    """
    for entry in devices.all():
        if entry.info.space.name == space:
            fitting = (
                d
                for d in entry.info.devices
                if d.kind == "latency"
                and not d.copy_of
                and (not d.datasets or dataset in d.datasets)
            )
            yield from list(fitting)[:1]


def _latencies(device: Device, dataset: str, groups: Sequence[Group]) -> list[Values] | None:
    """Per group the latency of what each run chose, nan where it was not measured.

    None where the device's table is not here, or has nothing of what was chosen.
    """
    try:
        table = load_devices(device.name)
        table.values(device.name, dataset)
    except (DataMissing, NotTabulated):
        return None
    space, known = table.info.space, {}
    for text in {text for group in groups for text in group.chosen}:
        with contextlib.suppress(NotTabulated, InvalidArch):
            known[text] = table.value(space.parse(text), device.name, dataset)
    if not known:
        return None
    return [np.array([known.get(text, np.nan) for text in group.chosen]) for group in groups]


def _points(
    names: Sequence[str], costs: Sequence[Values], results: Sequence[Values], scale: float
) -> list[Point]:
    points = []
    for name, cost, result in zip(names, costs, results, strict=True):
        both = np.isfinite(cost) & np.isfinite(result)
        if both.any():
            means = [mean_interval(values[both]) for values in (cost, scale * result)]
            x, y = ((each.value, each.low, each.high) for each in means)
            points.append((name, x, y))
    return points


def front_of(points: Sequence[Point], *, higher: bool) -> list[tuple[float, float]]:
    """(cost, result) of the points that no other point beats in both, by cost."""
    kept: list[tuple[float, float]] = []
    for _, (cost, *_), (result, *_) in sorted(
        points, key=lambda point: (point[1][0], -point[2][0] if higher else point[2][0])
    ):
        if not kept or (result > kept[-1][1] if higher else result < kept[-1][1]):
            kept.append((cost, result))
    return kept


def _around(values: Sequence[float], *, log: bool = False) -> tuple[float, float]:
    """An axis around values, with a margin of an eighth."""
    low, high = (math.log10(end) if log else end for end in (min(values), max(values)))
    margin = (high - low) / 8 or abs(high) / 20 or 1.0
    ends = low - margin, high + margin
    return (10 ** ends[0], 10 ** ends[1]) if log else ends


def _panel(
    panel: Any,
    label: str,
    points: Sequence[Point],
    looks: dict[str, Look],
    shown: Collection[str],
    target: Metric,
) -> None:
    front = front_of(points, higher=target.higher_is_better)
    panel.plot(
        *zip(*front, strict=True),
        color="0.6",
        linewidth=0.9,
        drawstyle="steps-post",
        zorder=1,
        label="front of the means",
    )
    others = [(x[0], y[0]) for name, x, y in points if name not in shown]
    for name, x, y in points:
        if name not in shown:
            continue
        bars = [
            None if np.isnan(low) else [[value - low], [high - value]]
            for value, low, high in (x, y)
        ]
        panel.errorbar(
            x[0],
            y[0],
            xerr=bars[0],
            yerr=bars[1],
            color=looks[name].colour,
            linewidth=0.9,
            zorder=2,
        )
        panel.plot(x[0], y[0], label=spelled(name), zorder=3, **looks[name].points)
    if others:
        style: Any = {"color": "0.75", "marker": "o", "markersize": 3, "linestyle": "none"}
        panel.plot(*zip(*others, strict=True), label="other methods", zorder=1.5, **style)
    costs = [x[0] for _, x, _ in points]
    log = max(costs) > 8 * min(costs) > 0
    # means decide what is shown: one interval of few seeds does not squeeze the others
    panel.set_xlim(*_around(costs, log=log))
    if log:
        logarithmic(panel)
    panel.set_ylim(*_around([y[0] for _, _, y in points]))
    panel.grid(visible=True)
    panel.set_xlabel(label)
