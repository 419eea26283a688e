"""Methods over several tasks: ranks, their uncertainty over seeds and over tasks, and groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.statistics.comparisons import holm, ranks_of_rows
from nasrepro.suite.statistics.intervals import Values, percentile_interval

#: Fewer seeds on some task, or fewer tasks, give no interval of a rank: too few resamples differ.
LEAST = 5


@dataclass(frozen=True, slots=True)
class Ranking:
    """Average ranks of m methods over t tasks; 1 is best.

    Attributes:
        by_task: (t, m), equal means share the mean of their ranks.
        ranks: (m,), averaged over the tasks.
        over_seeds: (m, 2), 95 % interval where other seeds might be drawn and the tasks stay; nan
            where some task has fewer than `LEAST` seeds.
        over_tasks: (m, 2), the same where other tasks might be drawn; nan for fewer than `LEAST`.
        groups: (m,), one and the number of methods that are surely better: whose average rank is
            lower on these tasks with p < 0.05 over seeds, by Holm over all pairs; 0 where there is
            no interval over seeds.
        borda: (m,), methods beaten on all tasks together; a tie counts half, and who has no result
            on a task beats none on it.
        best_on: (m,), tasks on which it is best, shared with those that are equal.
    """

    by_task: Values
    ranks: Values
    over_seeds: Values
    over_tasks: Values
    groups: NDArray[np.intp]
    borda: Values
    best_on: Values


def rank_methods(
    tasks: Sequence[Sequence[Values | None]],
    *,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> Ranking:
    """Rank methods by their means on each task, and average the ranks.

    The seeds of a task are shared by its methods and resampled together, so that what a seed does
    to all of them is no difference between them.

    Args:
        tasks: for each task and method the values (n,), higher is better, by the seeds of the task;
            None for a method that has no result on it, which ranks below all that have.
        seed: of the bootstrap.
        resamples: of the seeds, and of the tasks.
        level: nominal coverage of the intervals.

    Raises:
        ValueError: no tasks, or methods of one task with different numbers of seeds.
    """
    if not tasks:
        raise ValueError("tasks is empty: nothing to rank")
    rng = np.random.default_rng(seed)
    table, resampled, enough = _resampled(tasks, rng, resamples)
    by_task = ranks_of_rows(table)
    drawn = ranks_of_rows(resampled).mean(axis=0)
    count = by_task.shape[1]
    nothing = np.full((count, 2), math.nan)
    over_tasks = nothing
    if len(tasks) >= LEAST:
        chosen = rng.integers(len(tasks), size=(resamples, len(tasks)))
        over_tasks = _ends(by_task[chosen].mean(axis=1), level)
    beaten = np.where(np.isfinite(table), count - by_task, 0.0)
    first = by_task == by_task.min(axis=1, keepdims=True)
    return Ranking(
        by_task,
        by_task.mean(axis=0),
        _ends(drawn, level) if enough else nothing,
        over_tasks,
        _groups(by_task.mean(axis=0), drawn, 1 - level) if enough else np.zeros(count, np.intp),
        beaten.sum(axis=0),
        (first / first.sum(axis=1, keepdims=True)).sum(axis=0),
    )


def _resampled(
    tasks: Sequence[Sequence[Values | None]], rng: np.random.Generator, resamples: int
) -> tuple[Values, Values, bool]:
    """Means (t, m), those of resampled seeds (t, resamples, m), and whether seeds are enough.

    -inf where a method has no result.
    """
    means, resampled, sizes = [], [], []
    for row in tasks:
        counts = {values.size for values in row if values is not None}
        if len(counts) != 1:
            raise ValueError(f"the methods of a task must share their seeds, not have {counts}")
        (size,) = counts
        sizes.append(size)
        shares = rng.multinomial(size, np.full(size, 1 / size), size=resamples) / size
        means.append([-math.inf if values is None else values.mean() for values in row])
        resampled.append(
            np.stack(
                [
                    np.full(resamples, -math.inf) if values is None else shares @ values
                    for values in row
                ],
                axis=-1,
            )
        )
    return np.array(means), np.stack(resampled), min(sizes) >= LEAST


@dataclass(frozen=True, slots=True)
class Duels:
    """How often each of m methods beats another, pair by pair on the tasks that both have.

    A method loses nothing by a task that it has no result on, and wins nothing there.

    Attributes:
        shares: (m,), mean over the other methods of the share of the tasks of both on which it is
            better; a tie counts half; nan for a method that shares no task with any.
        over_seeds: (m, 2), 95 % interval where other seeds might be drawn and the tasks stay; nan
            where some task has fewer than `LEAST` seeds.
        over_tasks: (m, 2), the same where other tasks might be drawn; nan for fewer than `LEAST`.
    """

    shares: Values
    over_seeds: Values
    over_tasks: Values


def duels(
    tasks: Sequence[Sequence[Values | None]],
    *,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> Duels:
    """Compare methods in pairs; arguments and errors as for `rank_methods`."""
    if not tasks:
        raise ValueError("tasks is empty: nothing to compare")
    rng = np.random.default_rng(seed)
    table, resampled, enough = _resampled(tasks, rng, resamples)
    there = np.isfinite(table)
    met = (there[:, :, None] & there[:, None, :] & ~np.eye(table.shape[1], dtype=bool)) * 1.0
    won = met * _better(ranks_of_rows(table))
    drawn = sum(
        pairs * _better(ranks_of_rows(means)) for pairs, means in zip(met, resampled, strict=True)
    )
    nothing = np.full((table.shape[1], 2), math.nan)
    over_tasks = nothing
    if len(tasks) >= LEAST:
        times = rng.multinomial(len(tasks), np.full(len(tasks), 1 / len(tasks)), size=resamples)
        chosen = [np.tensordot(times, pairs, axes=1) for pairs in (won, met)]
        over_tasks = _ends(_shares(*chosen), level)
    return Duels(
        _shares(won.sum(axis=0), met.sum(axis=0)),
        _ends(_shares(drawn, met.sum(axis=0)), level) if enough else nothing,
        over_tasks,
    )


def _better(ranks: Values) -> Values:
    """Whether each method (..., m) is better than each other one, (..., m, m): 1, 0, or 1/2."""
    better: Values = (1 + np.sign(ranks[..., None, :] - ranks[..., :, None])) / 2
    return better


def _shares(won: Values, met: Values) -> Values:
    """Mean over opponents (..., m) of the share of their tasks that were won."""
    with np.errstate(invalid="ignore"):
        shares = won / met
    known = np.isfinite(shares)
    total = np.where(known, shares, 0.0).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        mean: Values = total / known.sum(axis=-1)
    return mean


def _ends(samples: Values, level: float) -> Values:
    return np.array([percentile_interval(column, level) for column in samples.T])


def _groups(ranks: Values, drawn: Values, alpha: float) -> NDArray[np.intp]:
    """One and the number of methods that are surely better, for each method.

    The p-value of a pair takes the difference of two average ranks, which are sums over tasks and
    seeds, for normal with the standard deviation that it has over the resamples.
    """
    from scipy.special import ndtr

    count = ranks.size
    better, worse = np.triu_indices(count, 1)
    gaps = ranks[better] - ranks[worse]
    spreads = (drawn[:, better] - drawn[:, worse]).std(axis=0)
    spreads = np.where(spreads > 1e-12, spreads, 1e-12)
    sure = holm(2 * ndtr(-np.abs(gaps) / spreads)) < alpha if count > 1 else np.zeros(0, bool)
    groups = np.ones(count, dtype=np.intp)
    np.add.at(groups, np.where(gaps > 0, better, worse)[sure], 1)
    return groups
