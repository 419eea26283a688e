"""Meta-graphs: what GRAM's edges are worth when it prunes them, drawn as their widths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import COLOURS, Drawing, new_figure, spelled
from nasrepro.reports.groups import Group, Setting
from nasrepro.reports.summary import Results
from nasrepro.reports.words import budget_words, changed_params, labels
from nasrepro.suite.experiments.kinds.search import events_of
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import oracles

METHOD, EVENT = "gram", "meta_graph"
#: Points: of the thickest edge.
WIDEST = 5.0

Graphs = list[Mapping[str, Any]]


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each setting that GRAM was run in, with a panel for each variant.

    All else is as near to the defaults as there is.
    """
    groups = [group for group in results.chosen.groups if group.method == METHOD and group.run_ids]
    for setting, members in groupby(groups, key=lambda group: group.setting):
        found = list(members)
        others = [len(set(changed_params(group, found)) - {"variant"}) for group in found]
        nearest = [
            group for group, count in zip(found, others, strict=True) if count == min(others)
        ]
        named = [
            (name, graphs)
            for name, group in zip(labels(nearest), nearest, strict=True)
            if (graphs := graphs_of(results.store, group))
        ]
        if named:
            yield _drawing(setting, named)


def graphs_of(store: Store, group: Group) -> Graphs:
    """The meta-graph of every run that came to prune it."""
    events = (event for run_id in group.run_ids for event in events_of(store, run_id))
    return [event for event in events if event["event"] == EVENT]


def _drawing(setting: Setting, named: Sequence[tuple[str, Graphs]]) -> Drawing:
    vertices = 1 + max(max(edge) for _, graphs in named for edge in graphs[0]["edges"])
    figure = (
        new_figure("page", height=1.6)
        if len(named) > 1
        else new_figure("column", height=1.9 if vertices < 6 else 2.2)
    )
    for panel, (name, graphs) in zip(
        figure.subplots(1, len(named), squeeze=False)[0], named, strict=True
    ):
        _panel(panel, graphs)
        panel.set_title(spelled(name))
    from matplotlib.lines import Line2D

    keys = (
        (COLOURS[1], "strongest"),
        (COLOURS[0], "between, wider is stronger"),
        ("0.55", "weakest"),
    )
    handles = [Line2D([], [], color=colour, linewidth=2, label=label) for colour, label in keys]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=1.2)
    runs = "; ".join(f"{name}: {len(graphs):,}" for name, graphs in named)
    objective = oracles.get(setting.oracle).info.objective_of(setting.dataset).name
    caption = (
        f"{setting.oracle}, {setting.dataset} ({budget_words(setting.budget)}, by {objective}): "
        "GRAM's meta-graph when it is pruned. Node "
        "0 is the input. The wider an edge, the stronger it is (log-mean-exp of its weights, mean "
        "over runs), from the weakest to the "
        "strongest edge of its panel; these two are labelled with their values. "
        f"Runs: {runs}."
    )
    return Drawing(
        slug("meta-graph", setting.oracle, setting.dataset, budget_words(setting.budget, unit="s")),
        caption,
        figure,
    )


def _panel(panel: Any, graphs: Graphs) -> None:
    """Nodes in a row, edges as arcs.

    Those to the next node straight, longer ones in turn above and below.
    """
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.patheffects import withStroke

    edges = graphs[0]["edges"]
    weights: NDArray[np.float64] = np.mean([graph["weights"] for graph in graphs], axis=0)
    share = (weights - weights.min()) / max(float(np.ptp(weights)), 1e-12)
    vertices = 1 + max(max(edge) for edge in edges)
    strongest, weakest = int(weights.argmax()), int(weights.argmin())
    reach = 0.0
    for i, (source, target) in enumerate(edges):
        span = target - source
        side = 0.0 if span == 1 else (1.0 if (source + span) % 2 else -1.0)
        bend = side * 0.45
        reach = max(reach, abs(bend) * span / 2)
        colour = COLOURS[1] if i == strongest else "0.55" if i == weakest else COLOURS[0]
        arc = FancyArrowPatch(
            (source, 0), (target, 0), connectionstyle=f"arc3,rad={-bend}", arrowstyle="-",
            linewidth=0.3 + (WIDEST - 0.3) * share[i],
            color=colour, alpha=0.35 + 0.6 * share[i], shrinkA=0, shrinkB=0, zorder=1,
        )  # fmt: skip
        panel.add_patch(arc)
        if i in (strongest, weakest):
            middle = (source + target) / 2, side * 0.45 * span / 2 or 0.2
            text = panel.annotate(
                f"{weights[i]:.2f}",
                middle,
                ha="center",
                va="center",
                color="black",
                fontsize=6.5,
                zorder=4,
            )
            text.set_path_effects([withStroke(linewidth=2, foreground="white")])
    panel.plot(
        range(vertices),
        np.zeros(vertices),
        linestyle="none",
        marker="o",
        markersize=11,
        color="white",
        markeredgecolor="black",
        zorder=2,
    )
    for vertex in range(vertices):
        panel.annotate(str(vertex), (vertex, 0), ha="center", va="center", zorder=3)
    named = len(graphs) == 1 and not graphs[0]["on_edges"]  # runs differ in their operations
    if named:
        for vertex, op in enumerate(graphs[0]["ops"], start=1):
            panel.annotate(
                op, (vertex, -0.06 - reach), ha="right", va="top", rotation=35, fontsize=6
            )
    panel.set_xlim(-0.4, vertices - 0.6)
    panel.set_ylim(-reach - (1.2 if named else 0.2), reach + 0.2)
    panel.set_aspect("equal")  # arcs bend in inches, labels stand in units of the axes
    panel.set_axis_off()
