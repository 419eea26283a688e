"""Searches by one supernet: what they would have chosen, and its skips, over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from nasrepro.reports.figures.style import Drawing, legend_below, look_of, new_figure
from nasrepro.reports.summary import Results
from nasrepro.reports.words import title_of

PANELS = {"regret": "regret (points)", "skips": "share of skips"}


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle, of all studies `<method>.inherited` and all their seeds."""
    rows: dict[str, dict[str, dict[float, list[tuple[float, ...]]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for record in results.studies:
        method, _, what = record.key.study.partition(".")
        if what == "inherited" and record.status == "done":
            for row in record.rows:
                values = tuple(row[name] for name in PANELS)
                rows[record.key.params["oracle"]][method][row["done"]].append(values)
    for oracle, methods in sorted(rows.items()):
        figure = new_figure("page", height=2.4)
        looks = look_of(methods)
        axes = figure.subplots(1, len(PANELS))
        for place, (panel, label) in enumerate(zip(axes, PANELS.values(), strict=True)):
            for method, by_time in sorted(methods.items()):
                times = sorted(by_time)
                means = [np.mean([row[place] for row in by_time[time]]) for time in times]
                look = looks[method]
                panel.plot(times, means, label=title_of(method), **(look.points | look.line))
            panel.set_xlabel("share of the search")
            panel.set_ylabel(label)
            panel.grid(visible=True)
        legend_below(figure, axes[0], columns=5)
        seeds = max(len(values) for by_time in methods.values() for values in by_time.values())
        yield Drawing(
            f"one-shot-{oracle}",
            f"{oracle}: what searches by one supernet would have chosen over time, by the table's "
            f"own trainings, and how many of its decisions are skips; means of {seeds} "
            f"{'seed' if seeds == 1 else 'seeds'}.",
            figure,
        )
