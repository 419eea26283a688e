"""Shrink trajectories of AutoShrink's graph.

They show what it was worth, and what it weighed, as its edges went.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, legend_below, look_of, new_figure, spelled
from nasrepro.reports.groups import Group, Setting
from nasrepro.reports.summary import Results
from nasrepro.reports.words import budget_words, changed_params, labels
from nasrepro.suite.experiments.kinds.search import events_of
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import oracles

METHOD, EVENT = "autoshrink", "shrink"
#: Lines in a figure at most; more bands would not be told apart.
LINES = 2
#: Ends of the band around the median.
BAND = (10, 90)

Rows = Sequence[Mapping[str, Any]]


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each setting that AutoShrink was run in.

    What is nearest to its defaults, and the same with the smallest lambda.
    """
    groups = [group for group in results.chosen.groups if group.method == METHOD and group.run_ids]
    for setting, members in groupby(groups, key=lambda group: group.setting):
        found = list(members)
        changed = {group.id: changed_params(group, found) for group in found}
        ordered = sorted(
            found,
            key=lambda group: (
                len(changed[group.id].keys() - {"lam"}),
                changed[group.id].get("lam", -1),
            ),
        )
        named = [
            (name, steps)
            for name, group in zip(labels(ordered), ordered, strict=True)
            if (steps := steps_of(results.store, group))
        ][:LINES]
        if named:
            yield _drawing(setting, named)


def steps_of(store: Store, group: Group) -> list[Rows]:
    """The steps of every trajectory of every run that was walked to its end."""
    found: list[Rows] = []
    for run_id in group.run_ids:
        trajectories = defaultdict(list)
        for event in events_of(store, run_id):
            if event["event"] == EVENT:
                trajectories[event["trajectory"]].append(event)
        walked = list(trajectories.values())
        found += walked[:-1] if len(walked) > 1 else walked  # the budget cuts the last one short
    return found


def _drawing(setting: Setting, named: Sequence[tuple[str, list[Rows]]]) -> Drawing:
    info = oracles.get(setting.oracle).info
    objective = info.objective_of(setting.dataset)
    looks = look_of([name for name, _ in named], {name: METHOD for name, _ in named})
    figure = new_figure("page", height=3.7)
    panels = figure.subplots(2, 2, sharex=True).ravel()
    for name, trajectories in named:
        for panel, (_, value) in zip(panels, _panels(objective), strict=True):
            _line(panel, trajectories, value, spelled(name), looks[name])
    for panel, (label, _) in zip(panels, _panels(objective), strict=True):
        panel.set_ylabel(label)
        panel.grid(visible=True)
    for panel in panels[2:]:
        panel.set_xlabel("Step")
        panel.xaxis.get_major_locator().set_params(integer=True)
    legend_below(figure, panels[0], columns=4)
    counts = "; ".join(f"{name}: {len(trajectories):,}" for name, trajectories in named)
    single = all(len(trajectories) == 1 for _, trajectories in named)
    spread = (
        ""
        if single
        else (
            " Lines are medians over the trajectories that reach the step, bands their "
            f"{BAND[0]}th to {BAND[1]}th percentiles."
        )
    )
    caption = (
        f"{setting.oracle}, {setting.dataset} ({budget_words(setting.budget)}): at each step of "
        "AutoShrink, the candidate with the best "
        f"score, which is kept.{spread} Trajectories: {counts}."
    )
    return Drawing(
        slug(
            "shrink-trajectory",
            setting.oracle,
            setting.dataset,
            budget_words(setting.budget, unit="s"),
        ),
        caption,
        figure,
    )


def _panels(objective: Metric) -> list[tuple[str, Any]]:
    """Label and value of a step, for each panel."""
    sign = 1 if objective.higher_is_better else -1
    scale, unit = (100.0, " (%)") if objective.unit == "fraction" else (1.0, "")
    return [
        ("Score", lambda row: row["score"]),
        (
            f"{objective.name.replace('_', ' ').capitalize()}{unit}",
            lambda row: scale * sign * row["objective"],
        ),
        ("MACs (M)", lambda row: row["macs"] / 1e6),
        ("Edges", lambda row: row["edges"]),
    ]


def _line(panel: Any, trajectories: Sequence[Rows], value: Any, name: str, look: Any) -> None:
    by_step = defaultdict(list)
    for rows in trajectories:
        for row in rows:
            by_step[row["step"]].append(value(row))
    steps = sorted(by_step)
    panel.plot(
        steps,
        [np.median(by_step[step]) for step in steps],
        label=name,
        marker=look.marker,
        markersize=2.5,
        **look.line,
    )
    if len(trajectories) > 1:
        low, high = zip(*(np.percentile(by_step[step], BAND) for step in steps), strict=True)
        panel.fill_between(steps, low, high, color=look.colour, alpha=0.15, linewidth=0)
