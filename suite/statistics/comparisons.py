"""Comparisons of methods: paired tests, Holm's correction, ranks over tasks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasrepro.suite.statistics.intervals import (
    LEAST,
    SAME,
    Interval,
    Values,
    finite_values,
    mean_interval,
)


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Mean of the paired differences a - b with its interval, and a p-value.

    The p-value is that of the two-sided Wilcoxon signed-rank test.
    """

    difference: Interval
    p_value: float


def significant(values: ArrayLike, *, scale: float = 0.0) -> Values:
    """Values without the noise of their last bits, so that equal means of equal runs compare equal.

    Rounded to 12 significant digits, those of `scale` where one is given: a difference of numbers
    of that size. Values that are not finite stay as they are.
    """
    data = np.array(values, dtype=np.float64)
    finite = data[np.isfinite(data)]
    if scale:
        data[np.isfinite(data)] = _rounded(finite, 11 - math.floor(math.log10(scale)))
    else:
        data[np.isfinite(data)] = [float(f"{x:.12g}") for x in finite]
    return data


def _rounded(values: Values, decimals: int) -> Values:
    """Python's `round` of each: the float next to the decimal that is nearest.

    A power of ten up to 22 is exact, so the quotient is that float; a product next to a half may
    have been rounded to the other side, and is left to Python.
    """
    whole: Values = np.empty(0)
    doubtful = np.arange(values.size)
    if 0 <= decimals <= 22 and values.size:
        product = values * 10.0**decimals
        if np.abs(product).max() < 1e13:
            whole = np.rint(product) / 10.0**decimals
            doubtful = np.flatnonzero(np.abs(product - np.floor(product) - 0.5) < 0.01)
    whole = whole if whole.size else values.copy()
    whole[doubtful] = [round(x, decimals) for x in values[doubtful].tolist()]
    return whole


def paired_test(
    a: ArrayLike, b: ArrayLike, *, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> PairedTest:
    """Is `a` better than `b`, where a[i] and b[i] share a seed? Shapes (n,).

    The p-value is scipy's two-sided Wilcoxon signed-rank test with its defaults (differences of
    zero are left out); it is 1.0 where all differences are zero.

    Raises:
        ValueError: nothing to compare, unequal lengths, a value that is not finite, or a level
            outside (0, 1).
    """
    first, second = finite_values("a", a), finite_values("b", b)
    if first.size != second.size:
        raise ValueError(
            f"a has {first.size} values and b {second.size}: a paired test needs one of each per "
            "seed"
        )
    difference = significant(first - second, scale=max(np.abs(first).max(), np.abs(second).max()))
    p_value = 1.0
    if difference.any():
        from scipy.stats import wilcoxon  # half a second to import

        p_value = float(wilcoxon(difference).pvalue)
    return PairedTest(
        mean_interval(difference, seed=seed, resamples=resamples, level=level), p_value
    )


def not_worse(gaps: ArrayLike, margin: float, *, level: float = 0.95, seed: int = 0) -> bool:
    """Whether something is shown to fall short by less than `margin` (non-inferiority).

    The upper end of the interval of the mean shortfall lies below the margin, so that few values
    show nothing; where all values are equal, and enough for an interval, that value does.

    Args:
        gaps: (n,), the best's value less the other's at each seed, where higher is better.
        margin: as large as what does not matter.
        level: of the two-sided interval, so the error rate is half of what it leaves.
        seed: of the bootstrap.

    Raises:
        ValueError: as for `mean_interval`.
    """
    data = significant(gaps, scale=float(np.abs(gaps).max()) if np.any(gaps) else 0.0)
    interval = mean_interval(data, seed=seed, level=level)
    if data.size >= LEAST and math.isnan(interval.high):
        return interval.value < margin
    return interval.high < margin


def holm(p_values: ArrayLike) -> Values:
    """Holm's step-down adjusted p-values (m,), in the order given.

    The procedure is that of Holm, Scand. J. Statist. 6, 1979.

    Raises:
        ValueError: no p-values, or one outside [0, 1].
    """
    p = finite_values("p_values", p_values)
    if p.min() < 0 or p.max() > 1:
        raise ValueError(f"p_values must lie in [0, 1]: {p.min():g} to {p.max():g}")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)))
    return adjusted


def tied_levels(values: ArrayLike) -> NDArray[np.intp]:
    """The place of each value among the distinct ones of its row, lowest first.

    Values that differ by no more than rounding (`SAME`) have one place, so that a mean over 7 equal
    numbers equals the mean over 10 of them.

    Args:
        values: (..., n), -inf for what is below all.

    Returns:
        Shape (..., n).
    """
    data = np.asarray(values, dtype=np.float64)
    order = np.argsort(data, axis=-1, kind="stable")
    ascending = np.take_along_axis(data, order, axis=-1)
    size = np.max(np.abs(np.where(np.isfinite(data), data, 0.0)), axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):  # -inf less -inf
        steps = np.diff(ascending, axis=-1) > SAME * size
    levels = np.zeros(data.shape, dtype=np.intp)
    np.cumsum(steps, axis=-1, out=levels[..., 1:])
    places = np.empty_like(levels)
    np.put_along_axis(places, order, levels, axis=-1)
    return places


def average_ranks(table: ArrayLike) -> Values:
    """Each method's rank averaged over tasks.

    1 is best, values that are equal to 12 digits share the mean of their ranks.

    Args:
        table: (tasks, methods), higher is better.

    Returns:
        Average ranks, (methods,).

    Raises:
        ValueError: an empty table, one that is not two-dimensional, or a NaN in it.
    """
    data = np.asarray(table, dtype=np.float64)
    if data.size == 0:
        raise ValueError("table is empty: nothing to rank")
    if data.ndim != 2:
        raise ValueError(f"table must be (tasks, methods), not of shape {data.shape}")
    if np.isnan(data).any():
        task, column = np.argwhere(np.isnan(data))[0]
        raise ValueError(
            f"table has NaN at task {task}, method {column}: leave out the task, or the method"
        )
    ranks: Values = ranks_of_rows(data).mean(axis=0)
    return ranks


def ranks_of_rows(table: Values) -> Values:
    """Ranks within each row (..., methods), 1 for the highest.

    Equal values share their mean rank.
    """
    levels = tied_levels(table)
    better = (levels[..., None, :] > levels[..., :, None]).sum(axis=-1)
    equal = (levels[..., None, :] == levels[..., :, None]).sum(axis=-1)  # counts the method itself
    ranks: Values = better + (equal + 1) / 2
    return ranks


@dataclass(frozen=True, slots=True)
class RankTest:
    """Whether methods differ in their ranks over tasks, and which.

    Attributes:
        ranks: average ranks, (methods,).
        tasks: how many tasks they are over.
        p_value: of Friedman's test that all methods are alike.
        critical_difference: average ranks that are closer than this do not differ significantly
            (Nemenyi's test).
        cliques: the largest sets of methods, as columns in the order of their ranks, of which no
            two differ.
    """

    ranks: Values
    tasks: int
    p_value: float
    critical_difference: float
    cliques: tuple[tuple[int, ...], ...]


def rank_test(table: ArrayLike, *, level: float = 0.05) -> RankTest:
    """Friedman's test and Nemenyi's critical difference (Demsar, JMLR 7, 2006, Sec. 3.2.2).

    The tasks are the replicates: the critical difference shrinks with their number, not with that
    of the seeds behind each entry. Both tests assume independent tasks, and are weak for few
    of them.

    Args:
        table: (tasks, methods), higher is better; two of each at least.
        level: of the critical difference.

    Raises:
        ValueError: as for `average_ranks`, or fewer than two tasks or methods, or a level outside
            (0, 1).
    """
    from scipy.stats import (  # half a second to import
        friedmanchisquare,
        studentized_range,
        wilcoxon,
    )

    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    ranks = average_ranks(table)
    data = np.asarray(table, dtype=np.float64)
    tasks, methods = data.shape
    if tasks < 2 or methods < 2:
        raise ValueError(
            f"table must have two tasks and two methods at least, not {tasks} and {methods}"
        )
    levels = tied_levels(data)
    if (levels == levels[:, :1]).all():
        p_value = 1.0
    elif methods == 2:  # Friedman's test needs three; for two Demsar names Wilcoxon's
        differences = np.where(levels[:, 0] == levels[:, 1], 0.0, data[:, 0] - data[:, 1])
        p_value = float(wilcoxon(differences).pvalue)
    else:
        p_value = float(friedmanchisquare(*levels.T).pvalue)
    quantile = float(studentized_range.ppf(1 - level, methods, np.inf)) / math.sqrt(2)
    difference = quantile * math.sqrt(methods * (methods + 1) / (6 * tasks))
    return RankTest(ranks, tasks, p_value, difference, _cliques(ranks, difference))


def _cliques(ranks: Values, difference: float) -> tuple[tuple[int, ...], ...]:
    order = np.argsort(ranks, kind="stable")
    found: list[tuple[int, ...]] = []
    for start in range(order.size):
        near = [
            int(column)
            for column in order[start:]
            if ranks[column] - ranks[order[start]] < difference
        ]
        if len(near) > 1 and not (found and set(near) <= set(found[-1])):
            found.append(tuple(near))
    return tuple(found)
