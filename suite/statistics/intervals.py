"""Seeded uncertainty: intervals of means and of mean curves, interquartile means, times to a goal.

The interval of a mean is the wider one, at each end, of Student's t and of the studentised
bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, Sec. 12.5); for `LARGE`
samples Hall's expansion (Ann. Probab. 11, 1983) takes the place of the bootstrap. Fewer than
`NAMED` values that are skewed have not shown their tail: on its side the bootstrap's error rate is
a third (`TAIL`). `tests/bench/bench_intervals.py` measures how often the interval holds the true
mean, on normal and skewed values and on the regrets of our own searches, and what Student's t, the
percentile bootstrap and the interval without that guard do there. There is none for fewer than
`LEAST` values, and none where all values are equal: what could have varied did not. The same seed
gives the same result; nothing here reads or changes NumPy's global random state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]

#: Values nearer to each other than this share of the largest of them are equal: sums in another
#: order differ by about 1e-15 of it.
SAME = 1e-11


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval.

    Attributes:
        value: the estimate from the data as they are.
        low, high: the ends of the interval; nan where there is none.
        n: how many values it rests on.
        level: nominal coverage, in (0, 1).
    """

    value: float
    low: float
    high: float
    n: int
    level: float

    def bounded(self, low: float, high: float) -> Interval:
        """The same, its ends no farther than what is measured can be; nan stays nan."""
        ends = [float(np.clip(end, low, high)) for end in (self.low, self.high)]
        return replace(self, low=ends[0], high=ends[1])


#: With fewer values there is no interval of a mean.
LEAST = 5
#: From so many values on an interval holds the true mean at least 93 times in 100, on all of the
#: bench's twelve populations. With 20 it does on eleven of them, and 92 times in 100 on the other;
#: with 5 and 10 at least 91 times on eleven, and 90 times on the other.
NAMED = 50
#: Values are skewed from this sample skewness on; the error rate on the side of their tail is then
#: divided by `TAIL`.
SKEWED, TAIL = 0.25, 3.0
#: From so many values on an expansion takes the place of the bootstrap.
LARGE = 100
#: No end is farther from the mean than so many times Student's.
WIDEST = 3.0


def mean_interval(
    values: ArrayLike, *, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> Interval:
    """Mean of `values` (n,) with its interval; the ends are nan where there is none.

    Raises:
        ValueError: no values, a value that is not finite, or a level outside (0, 1).
    """
    data = finite_values("values", values)
    mean, low, high = mean_band(data[:, None], seed=seed, resamples=resamples, level=level)
    return Interval(float(mean[0]), float(low[0]), float(high[0]), data.size, level)


def mean_band(
    curves: ArrayLike, *, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> tuple[Values, Values, Values]:
    """Mean curve with the interval of each of its points; whole curves are resampled.

    Args:
        curves: (n, steps), one row per seed.
        seed: of the bootstrap.
        resamples: of the curves.
        level: nominal coverage.

    Returns:
        Means, lower and upper ends, (steps,) each; nan at a step where a curve has none, and the
        ends also where there is no interval.

    Raises:
        ValueError: no curves, not two-dimensional, or a level outside (0, 1).
    """
    data = np.asarray(curves, dtype=np.float64)
    if data.ndim != 2 or not data.size:
        raise ValueError(f"curves must be (n, steps) and not empty, not of shape {data.shape}")
    _check(level, resamples)
    mean = data.mean(axis=0)
    low, high = np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    varied = np.isfinite(mean) & _differ(data)
    if data.shape[0] >= LEAST and varied.any():
        shown = data[:, varied]
        error = shown.std(axis=0, ddof=1) / math.sqrt(data.shape[0])
        lower, upper = _studentised(shown, seed, resamples, level)
        low[varied], high[varied] = mean[varied] - upper * error, mean[varied] - lower * error
    return mean, _short(low), _short(high)


def deviation(values: ArrayLike) -> float:
    """Of a sample (n,), n > 1, the standard deviation; 0 if all are equal but for rounding."""
    data = np.asarray(values, dtype=np.float64)
    return float(data.std(ddof=1)) if _differ(data) else 0.0


def _differ(data: Values) -> NDArray[np.bool_]:
    """For each column of (n, ...), whether its values differ by more than rounding."""
    return np.asarray(np.ptp(data, axis=0) > SAME * np.abs(data).max(axis=0))


def _studentised(data: Values, seed: int, resamples: int, level: float) -> tuple[Values, Values]:
    """Lower and upper quantile of (mean - true mean) / standard error, for each column (n, k)."""
    from scipy.special import stdtrit

    count = data.shape[0]
    student = float(stdtrit(count - 1, (1 + level) / 2))
    away = data - data.mean(axis=0)
    skewness = (away**3).mean(axis=0) / (away**2).mean(axis=0) ** 1.5
    if count >= LARGE:
        shift = skewness * (2 * student**2 + 1) / (6 * math.sqrt(count))
        lower, upper = -student - shift, student - shift
    else:
        weights = _weights(count, resamples, seed)
        means = weights @ away
        spreads = np.sqrt(np.maximum(weights @ away**2 - means**2, 0) / (count - 1))
        means = np.where(np.abs(means) > SAME * np.abs(away).max(axis=0), means, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):  # a resample of equal values
            ratios = np.where(means == 0, 0.0, means / spreads)
        error = (1 - level) / 2
        shares = [error / TAIL, error, 1 - error, 1 - error / TAIL]
        least, lower, upper, most = np.quantile(ratios, shares, axis=0, method="inverted_cdf")
        if count < NAMED:  # a long right tail: the true mean lies above, if anywhere
            skew = np.round(skewness, 9)
            lower = np.where(skew > SKEWED, least, lower)
            upper = np.where(skew < -SKEWED, most, upper)
    widest = WIDEST * student
    return np.clip(lower, -widest, -student), np.clip(upper, student, widest)


def _check(level: float, resamples: int) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, not {resamples}")


def _short(ends: Values) -> Values:
    """To 12 digits: the last bits of a sum are another machine's business."""
    return np.array([float(f"{value:.12g}") for value in ends])


def iqm(values: ArrayLike) -> float:
    """Interquartile mean of `values` (n,): the mean of the middle half.

    The exact form: a quarter of the weight is cut off at each end, so that values at the two cuts
    count by the fraction that remains of them. It is `scipy.stats.trim_mean(values, 0.25)` when 4
    divides n; otherwise that function cuts off less than a quarter.

    Raises:
        ValueError: no values, or a value that is not finite.
    """
    data = np.sort(finite_values("values", values))
    place = np.arange(data.size)
    weight = np.clip(
        np.minimum(place + 1, 0.75 * data.size) - np.maximum(place, 0.25 * data.size), 0, None
    ) / (0.5 * data.size)
    return math.fsum(data * weight)  # a product of vectors rounds as the processor likes


def stratified_mean(
    groups: Mapping[str, ArrayLike], *, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> Interval:
    """Mean over tasks of each task's mean, every task counting alike, with its interval.

    The seeds are resampled inside each task, and the mean over tasks is studentised as that of one
    task is, with Satterthwaite's degrees of freedom (Biometrics 2, 1946).

    `groups` maps each task to its values, one per seed; the tasks may have different numbers of
    them. `n` of the result is the number of values in all tasks. There is no interval (nan) where
    any task has fewer than `LEAST` values.

    Raises:
        ValueError: no groups, an empty group (named), a value that is not finite, or a level
            outside (0, 1).
    """
    if not groups:
        raise ValueError("groups is empty: no task to average over")
    _check(level, resamples)
    data = [finite_values(f"group {name!r}", values) for name, values in groups.items()]
    mean = float(np.mean([task.mean() for task in data]))
    sizes = np.array([task.size for task in data])
    low = high = math.nan
    if sizes.min() >= LEAST and any(_differ(task) for task in data):
        from scipy.special import stdtrit

        rng = np.random.default_rng(seed)
        variances = np.array([task.var(ddof=1) for task in data]) / sizes
        error = math.sqrt(variances.sum()) / len(data)
        freedom = variances.sum() ** 2 / (variances**2 / (sizes - 1)).sum()
        student = float(stdtrit(freedom, (1 + level) / 2))
        moved, spread = np.zeros(resamples), np.zeros(resamples)
        for task, size in zip(data, sizes.tolist(), strict=True):
            shares = rng.multinomial(size, np.full(size, 1 / size), size=resamples) / size
            away = task - task.mean()
            means = shares @ away
            moved += means / len(data)
            spread += np.maximum(shares @ away**2 - means**2, 0) / (size - 1) / len(data) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(np.abs(moved) > SAME * error, moved / np.sqrt(spread), 0.0)
        ends = [(1 - level) / 2, (1 + level) / 2]
        lower, upper = np.quantile(ratios, ends, method="inverted_cdf")
        upper = float(np.clip(upper, student, WIDEST * student))
        lower = float(np.clip(lower, -WIDEST * student, -student))
        low, high = _short(np.array([mean - upper * error, mean - lower * error])).tolist()
    return Interval(mean, low, high, int(sizes.sum()), level)


@lru_cache(maxsize=32)
def _weights(count: int, resamples: int, seed: int) -> Values:
    """Share of each of `count` values in each resample, (resamples, count).

    Kept, since reports resample alike for many methods.
    """
    drawn: Values = (
        np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
        / count
    )
    return drawn


@dataclass(frozen=True, slots=True)
class Reached:
    """How soon a goal was reached, by how many.

    Attributes:
        n: runs.
        share: of them that reached the goal.
        median: time by which half of all runs had; inf where fewer did.
        low, high: its bootstrap interval; inf where fewer than half of the runs did in too many
            resamples, nan for one run.
    """

    n: int
    share: float
    median: float
    low: float
    high: float


def time_to_reach(times: ArrayLike, *, level: float = 0.95) -> Reached:
    """Median time to a goal, of runs of one length that did not all get there.

    Where every run is watched for the same time, runs that did not reach the goal lie above all
    others (right-censored at the end), so the median over all runs is known whenever half of them
    did; the mean over those that did is never taken, it would reward giving up.

    The interval is the percentile bootstrap's, without resampling: the k-th smallest of n draws is
    at most the i-th smallest value with the probability that a binomial of n draws at i / n is at
    least k (Efron, Ann. Statist. 7, 1979, Sec. 3).

    Args:
        times: (n,), inf where the goal was not reached.
        level: nominal coverage.

    Raises:
        ValueError: no times, a nan among them, or a level outside (0, 1).
    """
    data = np.sort(np.asarray(times, dtype=np.float64))
    if data.size == 0 or data.ndim != 1 or np.isnan(data).any():
        raise ValueError(
            "times must be one-dimensional, without NaN and not empty: inf means a goal that "
            "was not reached"
        )
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    count = data.size
    half = (
        count + 1
    ) // 2  # the time by which half of them had: an observed value, also next to infinities
    low = high = math.nan
    if count > 1:
        from scipy.special import betainc  # scipy.stats takes half a second to import

        # the binomial's chance of `half` successes or more, at each share
        below = betainc(half, count - half + 1, np.arange(1, count + 1) / count)
        low, high = (
            float(data[np.searchsorted(below, share)])
            for share in ((1 - level) / 2, (1 + level) / 2)
        )
    return Reached(count, float(np.isfinite(data).mean()), float(data[half - 1]), low, high)


def percentile_interval(samples: ArrayLike, level: float) -> tuple[float, float]:
    """Ends of the central `level` share of bootstrap results.

    Results that are nan (a statistic undefined on that resample) are left out; when they are more
    than 1 - level of all they could hide a whole tail, and both ends are nan.

    Raises:
        ValueError: no samples, or a level outside (0, 1).
    """
    data = np.asarray(samples, dtype=np.float64)
    if data.size == 0:
        raise ValueError("samples is empty: resamples must be at least 1")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    if np.isnan(data).mean() > 1 - level:
        return math.nan, math.nan
    low, high = np.nanquantile(data, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def finite_values(name: str, values: ArrayLike) -> Values:
    """The values as float64, (n,); ValueError names what is wrong with them."""
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        raise ValueError(f"{name} is empty: at least one value is needed")
    if data.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, not of shape {data.shape}")
    bad = np.flatnonzero(~np.isfinite(data))
    if bad.size:
        raise ValueError(
            f"{name} has {bad.size} values that are not finite, the first ({data[bad[0]]}) at "
            f"position {bad[0]}"
        )
    return data
