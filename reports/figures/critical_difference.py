"""Critical-difference diagram: average ranks over all tasks, and who does not differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nasrepro.reports.figures.style import Drawing, new_figure, spelled
from nasrepro.reports.overall import Overall, missing_words, overall_caption, tested_words
from nasrepro.reports.summary import Results
from nasrepro.suite.statistics import RankTest

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(results: Results) -> Iterator[Drawing]:
    """One diagram of the methods that were run on most tasks."""
    view = results.overview
    if view is not None:
        found = view.overall
        caption = " ".join(
            (
                overall_caption(found),
                "Bars join methods whose ranks do not differ significantly.",
                tested_words(found),
                "The tasks are the replicates, not the seeds.",
                *missing_words(found),
            )
        )
        yield Drawing("critical-difference", caption, _figure(found, found.tested))


def _figure(found: Overall, tested: RankTest):  # type: ignore[no-untyped-def]
    """Demsar's layout of ranks.

    The best rank is at the left, names are at both sides, and the bars of the cliques under the
    axis.
    """
    order = np.argsort(tested.ranks, kind="stable")
    count = len(order)
    left = order[: (count + 1) // 2]
    right = order[(count + 1) // 2 :]
    bars = tested.cliques
    rows = len(left)
    step, first = 0.3, 0.35 + 0.16 * len(bars)
    figure = new_figure("page", height=0.75 + 0.62 * (first + step * rows))
    axes = figure.add_subplot()
    axes.set_axis_off()
    best, worst = 1, count
    margin = 0.75 * (worst - best)
    axes.set_xlim(best - margin, worst + margin)
    axes.set_ylim(first + step * rows, -0.85)
    axes.plot([best, worst], [0, 0], color="black", linewidth=0.8)
    for rank in range(best, worst + 1):
        axes.plot([rank, rank], [0, -0.1], color="black", linewidth=0.8)
        axes.text(rank, -0.14, str(rank), ha="center", va="bottom")
    width = min(tested.critical_difference, worst - best)
    axes.plot(
        [best, best + width], [-0.55, -0.55], color="black", linewidth=1.2, marker="|", markersize=5
    )
    axes.text(
        best + width / 2, -0.6, f"CD = {tested.critical_difference:.2f}", ha="center", va="bottom"
    )
    for row, column in enumerate(left):
        _name(axes, found, tested, int(column), first + step * row, best - 0.06 * margin, "right")
    for row, column in enumerate(reversed(right)):
        _name(axes, found, tested, int(column), first + step * row, worst + 0.06 * margin, "left")
    for place, clique in enumerate(bars):
        ends = tested.ranks[list(clique)]
        height = 0.16 * (place + 1)
        axes.plot(
            [ends.min() - 0.03, ends.max() + 0.03],
            [height, height],
            color="black",
            linewidth=2.6,
            solid_capstyle="round",
        )
    return figure


def _name(
    axes: Axes,
    found: Overall,
    tested: RankTest,
    column: int,
    height: float,
    edge: float,
    side: str,
) -> None:
    rank = tested.ranks[column]
    axes.plot([rank, rank, edge], [0, height, height], color="0.45", linewidth=0.7)
    text = (
        f"{spelled(found.names[column])}  {rank:.2f}"
        if side == "right"
        else f"{rank:.2f}  {spelled(found.names[column])}"
    )
    axes.text(edge, height, f" {text} ", ha=side, va="center")
