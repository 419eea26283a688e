"""Attainment fronts: the best target that half of a method's searches reach within each cost."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import (
    Drawing,
    legend_below,
    logarithmic,
    look_of,
    new_figure,
    spelled,
)
from nasrepro.reports.summary import Results
from nasrepro.reports.words import title_of, unit_words
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import oracles

STUDY = "multi_objective.fronts"
TRUE = "true front"
#: Lines in a figure at most, beside the true front; more would not be told apart.
LINES = 6


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each setting of the study."""
    settings: dict[str, list[Any]] = defaultdict(list)
    for record in results.studies:
        if record.key.study == STUDY and record.status == "done":
            settings[json.dumps(record.key.params, sort_keys=True)].append(record)
    for _, records in sorted(settings.items()):
        params = records[0].key.params
        fronts: dict[str, list[tuple[list[float], list[float]]]] = defaultdict(list)
        for record in records:
            for row in record.rows:
                fronts[row["method"]].append(tuple(json.loads(row["_front"])))
        yield _drawing(params, fronts, len(records))


def attained(
    fronts: Sequence[tuple[Sequence[float], Sequence[float]]],
    costs: Sequence[float],
    higher_is_better: bool = True,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Median over fronts (costs ascending, targets) of the best target within each cost.

    NaN where half of the fronts or more have nothing so cheap.
    """
    worst = -np.inf if higher_is_better else np.inf
    reached = []
    for front_costs, targets in fronts:
        places = np.searchsorted(front_costs, costs, side="right") - 1
        reached.append(np.where(places >= 0, np.asarray(targets)[np.maximum(places, 0)], worst))
    middle = np.quantile(reached, 0.5, axis=0, method="lower" if higher_is_better else "higher")
    return np.where(np.isfinite(middle), middle, np.nan)


def _drawing(params: Any, fronts: dict[str, Any], seeds: int) -> Drawing:
    info = oracles.get(params["oracle"]).info
    target: Metric = info.target_of(params["dataset"])
    scale = 100.0 if target.unit == "fraction" else 1.0
    names = [name for name in fronts if name != TRUE][:LINES]
    looks = look_of(names, {name: name.partition(", ")[0] for name in names})
    cost, unit, per_unit = _cost(params)
    figure = new_figure("column", height=2.9 + 0.14 * -(-(len(names) + 1) // 2))
    axes = figure.add_subplot()
    costs = sorted({each for members in fronts.values() for front in members for each in front[0]})
    shown = np.asarray(costs) / per_unit
    true = attained(fronts[TRUE], costs, target.higher_is_better)
    axes.step(shown, scale * true, where="post", color="0.4", linestyle=":", label=TRUE)
    for name in names:
        values = scale * attained(fronts[name], costs, target.higher_is_better)
        label = ", ".join([title_of(name.partition(", ")[0]), *name.split(", ")[1:]])
        axes.step(shown, values, where="post", label=spelled(label), **looks[name].line)
    true_costs, true_targets = fronts[TRUE][0]
    nadir = max(true_costs) / per_unit, scale * true_targets[0]
    axes.plot(*nadir, "k+", markersize=7, label="reference point")
    logarithmic(axes)
    axes.set_xlabel(f"{cost} ({unit})" if unit else cost)
    goal = target.name.replace("_", " ")
    axes.set_ylabel(f"{goal.capitalize()} {unit_words(target)}".rstrip())
    axes.grid(visible=True)
    legend_below(figure, axes, columns=2)
    share = f"half of {seeds:,} searches" if seeds > 1 else "one search"
    caption = (
        f"{params['oracle']}, {params['dataset']}: what {share} of "
        f"{params['queries']:,} queries reach. A line gives, for each limit on the network's "
        f"{cost}, the best {goal} that at least half of a method's searches have found "
        f"within it (the median attainment front). Searches choose their fronts by validation "
        f"after {params['epochs']} epochs; dotted: the front of the whole table. Hypervolumes are "
        f"measured from its nadir, the cross at {cost} {nadir[0]:,.4g} {unit} and {goal} "
        f"{nadir[1]:.4g}{' %' if scale > 1 else ''}; a front that lies wholly beyond it has none."
    )
    on = f" on {params['device']}" if params["device"] else ""
    name = slug("attainment", params["oracle"], params["dataset"], params["cost"] + on)
    return Drawing(name, caption, figure)


def _cost(params: Any) -> tuple[str, str, float]:
    """A study's cost as people read it: name, unit, and how much of it is one unit."""
    cost, device = params["cost"], params["device"]
    if cost in ("latency", "energy"):
        return f"{cost.capitalize()} on {device}", "ms" if cost == "latency" else "mJ", 1.0
    known = {"macs": ("MACs", "M", 1e6), "params": ("Parameters", "M", 1e6)}
    words, found, unit = cost.rpartition("_")  # a metric of the oracle, such as energy_kwh
    named = (words if found else cost).replace("_", " ").capitalize()
    return known.get(cost, (named, unit.replace("kwh", "kWh") if found else "", 1.0))
