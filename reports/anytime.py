"""Performance over time: what each search held at every moment, and how soon it reached a goal.

A run's curve is the target of its incumbent, the architecture with the best validation score so
far: nothing here picks by test accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from nasrepro.reports.groups import REGRET, Group, Setting, Values
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import oracles

Axis = Literal["queries", "clock_s"]

_PLACE = {"queries": 0, "clock_s": 1}
_TARGET = 3
BASELINE = "random_search"


def target_of(setting: Setting) -> tuple[str, Metric]:
    """The data set and the metric that curves are of: the first that is reported on."""
    dataset = setting.protocol.report_datasets[0]
    return dataset, oracles.get(setting.oracle).info.target_of(dataset)


def best_of(groups: Sequence[Group]) -> float | None:
    """The target of the best architecture in the table, from any run's regret.

    None where there is none.
    """
    dataset, target = target_of(groups[0].setting)
    for group in groups:
        values, regret = group.values[dataset, target.name], group.values[dataset, REGRET]
        there = np.flatnonzero(np.isfinite(values) & np.isfinite(regret))
        if there.size:
            sign = 1 if target.higher_is_better else -1
            return float(values[there[0]] + sign * regret[there[0]])
    return None


def curves_at(group: Group, moments: Values, axis: Axis) -> Values:
    """Target of each run's incumbent at `moments` (m,).

    Shape (n, m), nan before the first evaluation.
    """
    curves = group.curves
    count = curves.counts(curves.rows[:, [_PLACE[axis]]] <= moments)
    last = np.maximum(curves.starts[:-1, None] + count - 1, 0)
    if not len(curves.rows):
        return np.full(count.shape, np.nan)
    return np.where(count > 0, curves.rows[last, _TARGET], np.nan)


def moments_of(groups: Sequence[Group], axis: Axis, count: int = 60) -> Values:
    """Moments from when every run has an incumbent to where the longest ended.

    They are evenly spread by ratio, and empty where there is no time.
    """
    begun = [
        group.curves.rows[group.curves.starts[group.curves.some], _PLACE[axis]] for group in groups
    ]
    if not any(each.size for each in begun):
        return np.empty(0)
    first = float(np.concatenate(begun).max())
    cost = "queries" if axis == "queries" else "simulated_s"
    last = max(float(np.nanmax(group.costs[cost])) for group in groups if group.seeds.size)
    if not 0 < first < last:
        return np.empty(0)
    moments = np.geomspace(first, last, count)
    return np.unique(np.round(moments)) if axis == "queries" else moments


def times_to(group: Group, goal: float, target: Metric, axis: Axis) -> Values:
    """When each run first held an incumbent at least as good as `goal`; inf where it never did.

    Shape (n + failed runs,): a failed run reaches nothing.
    """
    values, clock = group.curves.rows[:, _TARGET], group.curves.rows[:, _PLACE[axis]]
    reached = values >= goal - 1e-12 if target.higher_is_better else values <= goal + 1e-12
    times = np.append(clock, np.inf)[group.curves.firsts(reached)]
    return np.append(times, np.full(len(group.failed), np.inf))
