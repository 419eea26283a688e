"""FLASH's predictor: accuracy against the metric of topology.

It shows the sampled networks of one search, and the curve fitted to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, legend_below, new_figure, spelled
from nasrepro.reports.summary import Results
from nasrepro.reports.words import scale_of, unit_words
from nasrepro.suite.experiments.kinds.search import events_of
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import oracles


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle: metrics down, data sets across."""
    found: dict[str, dict[tuple[str, str], dict[int, Mapping[str, Any]]]] = {}
    for record in results.runs():
        if record.key.method != "flash" or not record.key.params.get("samples"):
            continue
        for event in events_of(results.store, record.key.run_id):
            if event["event"] == "predictor":
                panel = event["metric"], record.key.dataset
                found.setdefault(record.key.oracle, {}).setdefault(panel, {}).setdefault(
                    record.key.seed, event
                )
    for oracle, panels in sorted(found.items()):
        yield _drawing(oracle, panels)


def _drawing(
    oracle: str, panels: Mapping[tuple[str, str], Mapping[int, Mapping[str, Any]]]
) -> Drawing:
    info = oracles.get(oracle).info
    metrics = sorted({metric for metric, _ in panels})
    datasets = [
        dataset.name for dataset in info.datasets if any(name == dataset.name for _, name in panels)
    ]
    figure = new_figure("page" if len(datasets) > 1 else "column", height=0.6 + 1.9 * len(metrics))
    axes = figure.subplots(len(metrics), len(datasets), squeeze=False)
    others = 0
    for row, metric in zip(axes, metrics, strict=True):
        for axis, dataset in zip(row, datasets, strict=True):
            searches = panels.get((metric, dataset), {})
            if not searches:
                axis.set_axis_off()
                continue
            others = max(others, len(searches) - 1)
            _panel(axis, searches, scale_of(info.objective_of(dataset)))
            axis.set_title(spelled(dataset))
            axis.set_xlabel(
                metric.replace("_", " ")
                .replace("nn ", "NN-")
                .replace("degree", "Degree")
                .replace("mass", "Mass")
            )
        names = dict.fromkeys(score_axis(info.objective_of(name)) for name in datasets)
        row[0].set_ylabel("\n".join(names))
    legend_below(figure, next(axis for axis in axes.flat if axis.lines), columns=3)
    caption = (
        f"{oracle}: the score that the search saw against a metric of topology. Dots: the "
        "networks that the first search sampled; line: "
        f"the three-parameter curve fitted to them; grey: the networks that {others} other "
        "searches sampled, which the curve has not seen."
    )
    return Drawing(slug("predictor-scatter", oracle), caption, figure)


def score_axis(objective: Metric) -> str:
    """What the axis of a score is called: the objective, signed so that higher is better."""
    sign = "" if objective.higher_is_better else "−"
    return f"{sign}{objective.name.replace('_', ' ')} {unit_words(objective)}".rstrip()


def _panel(axis: Any, searches: Mapping[int, Mapping[str, Any]], scale: float) -> None:
    seed, *rest = sorted(searches)
    first = searches[seed]
    if rest:
        g = np.concatenate([searches[each]["g"] for each in rest])
        score = np.concatenate([searches[each]["score"] for each in rest])
        axis.plot(
            g,
            scale * score,
            linestyle="none",
            marker=".",
            markersize=1.5,
            color="0.75",
            label="other searches",
        )
    every = np.concatenate([searches[search]["g"] for search in searches])
    reach = np.linspace(every.min(), every.max(), 200)
    exponent = np.clip(first["c"] * first["unit"] / np.maximum(reach, 1e-12), -60, 60)
    axis.plot(
        reach,
        scale * (first["shift"] + 1 / (first["a"] + first["b"] * np.exp(exponent))),
        color="#D55E00",
        label="curve fitted",
    )
    axis.plot(
        first["g"],
        scale * np.array(first["score"]),
        linestyle="none",
        marker="o",
        markersize=3.5,
        color="#0072B2",
        markeredgecolor="white",
        label="its samples",
    )
