"""HAQ's searches of bits: what each arm reaches under each budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from nasrepro.reports.figures.style import Drawing, legend_below, look_of, new_figure
from nasrepro.reports.summary import Results

UNITS = {
    "analytic": "points over full precision",
    "table": "signal over quantisation noise (dB)",
}


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each cost of `haq.search`, of all its seeds."""
    scores: dict[str, dict[str, dict[float, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for record in results.studies:
        if record.key.study == "haq.search" and record.status == "done":
            for row in record.rows:
                scores[row["cost"]][row["arm"]][row["budget"]].append(row["score"])
    for cost, arms in sorted(scores.items()):
        figure = new_figure("column", 0.8)
        axes = figure.add_subplot()
        looks = look_of(arms)
        for arm, by_budget in sorted(arms.items()):
            budgets = sorted(by_budget)
            look = looks[arm]
            means = [np.mean(by_budget[budget]) for budget in budgets]
            axes.plot(budgets, means, label=arm, **(look.points | look.line))
        axes.set_xticks(budgets)
        axes.set_xlabel("budget, share of the cost at 8 bits")
        axes.set_ylabel(UNITS[cost])
        legend_below(figure, axes, columns=3)
        seeds = max(len(values) for values in arms[arm].values())
        where = "MobileNetV2 on the authors' table" if cost == "table" else "a network on digits"
        yield Drawing(
            f"haq-search-{cost}",
            f"What searches of bit widths reach at equal episodes for {where}; means of {seeds} "
            f"{'seed' if seeds == 1 else 'seeds'}.",
            figure,
        )
