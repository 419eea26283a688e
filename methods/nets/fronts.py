"""Two objectives: what an architecture costs, what is not dominated, how much a front dominates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.search import Evaluation, Session

Values = NDArray[np.float64]


def cost_of(session: Session, done: Evaluation, cost: str, device: str = "") -> float:
    """What an evaluated architecture costs.

    Args:
        session: the search session.
        done: its evaluation.
        cost: "params", "macs"; "latency" or "energy" on `device`; or a metric of the oracle.
        device: "source/device".

    Raises:
        NasreproError: `cost` is none of these.
    """
    if cost in ("params", "macs"):
        return float(getattr(session.complexity(done.arch), cost))
    if cost == "latency":
        return session.latency(done.arch, device)
    if cost == "energy":
        return session.energy(done.arch, device)
    if cost not in done.metrics:
        raise NasreproError(
            f"cost {cost!r} is none of params, macs, latency, energy, {', '.join(done.metrics)}"
        )
    return done.metrics[cost]


def front(cost: Values, gain: Values) -> NDArray[np.intp]:
    """Rows, ascending in cost, that no other row beats in cost and gain.

    Of equal ones the first.
    """
    order = np.lexsort((np.arange(len(cost)), -gain, cost))
    best = np.maximum.accumulate(gain[order])
    first: NDArray[np.intp] = order[np.concatenate([[True], gain[order][1:] > best[:-1]])]
    return first


def hypervolume(one: Values, other: Values) -> float:
    """Area between the origin and points in the unit square, both coordinates higher is better."""
    order = np.argsort(-one, kind="stable")
    heights = np.maximum.accumulate(other[order])
    widths = one[order] - np.append(one[order][1:], 0.0)
    return float((widths * heights).sum())


def share_of_front(cost: Values, gain: Values, true_cost: Values, true_gain: Values) -> float:
    """Hypervolume of points as a share of that of the true front.

    The reference point is the nadir of the true front: its largest cost and its smallest gain. Both
    objectives are scaled between there and the front's best; what lies beyond the nadir counts
    nothing.

    Args:
        cost: of the points, shape (n,), lower is better.
        gain: of the points, shape (n,), higher is better.
        true_cost: of everything that there is, shape (m,).
        true_gain: of the same.
    """
    rows = front(true_cost, true_gain)
    costs, gains = true_cost[rows], true_gain[rows]
    if len(rows) == 1:
        raise NasreproError("one architecture is best in both objectives: there is no front")

    def area(some: Values, others: Values) -> float:
        cheap = (costs[-1] - some) / (costs[-1] - costs[0])
        good = (others - gains[0]) / (gains[-1] - gains[0])
        inside = (cheap > 0) & (good > 0)
        if not inside.any():
            return 0.0
        return hypervolume(np.minimum(cheap[inside], 1.0), np.minimum(good[inside], 1.0))

    return area(cost, gain) / area(costs, gains)
