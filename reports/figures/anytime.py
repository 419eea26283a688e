"""Anytime curves: what each search held over simulated seconds and over queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from nasrepro.reports.anytime import Axis, best_of, moments_of, target_of
from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, Look, legend_below, look_of, new_figure, spelled
from nasrepro.reports.groups import Group, Setting, groups_of
from nasrepro.reports.summary import curves
from nasrepro.reports.variants import main_and_variants
from nasrepro.reports.words import budget_words, labels, searched, unit_words
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import oracles

#: Points of a curve.
MOMENTS = 60


def draw(store: Store) -> Iterator[Drawing]:
    """One figure for each setting.

    Regret to the best cell where there is one, else the target itself.
    """
    main, _ = main_and_variants(groups_of(store))
    looks = look_of(
        name
        for _, members in groupby(main, key=lambda group: group.setting)
        for name in labels(list(members))
    )
    for setting, members in groupby(main, key=lambda group: group.setting):
        groups = list(members)
        named = [
            (name, group)
            for name, group in zip(labels(groups), groups, strict=True)
            if any(len(curve) for curve in group.curves)
        ]
        axes: list[Axis] = (
            ["clock_s", "queries"] if oracles.get(setting.oracle).info.cost else ["queries"]
        )
        if named and any(moments_of([group for _, group in named], axis).size for axis in axes):
            yield _drawing(setting, named, axes, looks)


def _drawing(
    setting: Setting,
    named: Sequence[tuple[str, Group]],
    axes: Sequence[Axis],
    looks: dict[str, Look],
) -> Drawing:
    dataset, target = target_of(setting)
    best = best_of([group for _, group in named])
    figure = new_figure(
        "page" if len(axes) == 2 else "column",
        height=2.3 + 0.14 * -(-len(named) // (4 if len(axes) == 2 else 2)),
    )
    panels = figure.subplots(1, len(axes), sharey=True, squeeze=False)[0]
    for axis, panel in zip(axes, panels, strict=True):
        _panel(panel, axis, named, looks, best)
    panels[0].set_ylabel(_goal(target, best))
    legend_below(figure, panels[0], columns=4 if len(axes) == 2 else 2)
    counts = sorted({int(group.seeds.size) for _, group in named})
    seeds = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    what = (
        f"regret of the target {target.name} to the best cell of the table"
        if best is not None
        else target.name
    )
    caption = (
        f"{setting.oracle}, {searched(setting, dataset)} ({budget_words(setting.budget)}): {what}, of the architecture with the best "
        f"validation score so far. A curve that leaves at the bottom is below a thousandth of the top. "
        f"Means over {seeds} search seeds; bands are pointwise 95 % percentile bootstrap intervals over seeds."
    )
    epochs = f"{setting.protocol.search_epochs}ep"
    return Drawing(
        slug(
            "anytime",
            setting.oracle,
            setting.dataset,
            epochs,
            budget_words(setting.budget, unit="s"),
        ),
        caption,
        figure,
    )


def _panel(
    panel: Any,
    axis: Axis,
    named: Sequence[tuple[str, Group]],
    looks: dict[str, Look],
    best: float | None,
) -> None:
    drawn = curves([group for _, group in named], axis, MOMENTS)
    for name, group in named:
        if drawn is None or group.id not in drawn.lines:
            continue
        mean, low, high = drawn.lines[group.id]
        panel.plot(drawn.moments, mean, label=spelled(name), **looks[name].line)
        panel.fill_between(
            drawn.moments, low, high, color=looks[name].colour, alpha=0.18, linewidth=0
        )
    panel.set_xscale("log")
    if best is not None and panel.lines:
        panel.set_yscale("log")
        highest = max(float(line.get_ydata().max()) for line in panel.lines)
        panel.set_ylim(
            bottom=max(
                1e-3 * highest, min(float(line.get_ydata().min()) for line in panel.lines) / 1.2
            )
        )
    panel.grid(visible=True, which="major")
    panel.set_xlabel("Simulated training (GPU s)" if axis == "clock_s" else "Queries")


def _goal(target: Metric, best: float | None) -> str:
    name = target.name.replace("_", " ")
    if best is None:
        return f"{name} {unit_words(target)}".capitalize().rstrip()
    unit = {"fraction": "\n(points)", "1": ""}.get(
        target.unit, f"\n({target.unit})"
    )  # on one line it is longer than the axis
    return f"Regret, {name}{unit}"
