"""Searches by one supernet: what they would have chosen, and its skips, over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nasrepro.reports.figures.style import Drawing, legend_below, look_of, new_figure
from nasrepro.reports.summary import Results
from nasrepro.reports.words import title_of

PANELS = {"regret": "regret (points)", "skips": "share of skips"}
#: At the end of the search: what orders the cells, against their own trainings.
ORDERS = {"kendall": "inherited accuracy", "kendall_params": "parameters"}


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle, of all studies `<method>.inherited` and all their seeds."""
    rows: dict[str, dict[str, dict[float, list[tuple[float, ...]]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    orders: dict[str, dict[str, list[tuple[float, ...]]]] = defaultdict(lambda: defaultdict(list))
    for record in results.studies:
        method, _, what = record.key.study.partition(".")
        if what == "inherited" and record.status == "done":
            for row in record.rows:
                values = tuple(row[name] for name in PANELS)
                rows[record.key.params["oracle"]][method][row["done"]].append(values)
            last = tuple(record.rows[-1][name] for name in ORDERS)
            orders[record.key.params["oracle"]][method].append(last)
    for oracle, methods in sorted(rows.items()):
        figure = new_figure("page", height=2.6)
        looks = look_of(methods)
        axes = figure.subplots(1, len(PANELS) + 1)
        _orders(axes[-1], orders[oracle])
        for place, (panel, label) in enumerate(zip(axes[:-1], PANELS.values(), strict=True)):
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
            f"{oracle}: searches by one supernet. Left and middle: regret, by the table's own "
            f"trainings, and share of skips of the architecture that each would have chosen by "
            f"then; lines are means of {seeds} {'seed' if seeds == 1 else 'seeds'}. Right: on the "
            f"same random cells at the end, Kendall's tau-b of inherited accuracies (filled) and "
            f"of parameters (open) with the table's trainings; one dot per seed.",
            figure,
        )


def _orders(panel: Any, methods: Mapping[str, Sequence[tuple[float, ...]]]) -> None:
    """Kendall's tau of each method's seeds, filled: inherited accuracies; open: parameters."""
    names = sorted(methods)
    looks = look_of(names)
    for place, name in enumerate(names):
        for shift, column in ((-0.15, 0), (0.15, 1)):
            taus = [values[column] for values in methods[name]]
            panel.plot(
                [place + shift] * len(taus),
                taus,
                linestyle="",
                marker=looks[name].marker,
                color=looks[name].colour,
                markerfacecolor=looks[name].colour if column == 0 else "none",
            )
    panel.set_xticks(range(len(names)), [title_of(name) for name in names], rotation=60)
    panel.set_ylabel("Kendall's tau-b")
    panel.grid(visible=True, axis="y")
