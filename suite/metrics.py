"""Agreement between a score and a target, regret, and accuracy density.

Two rules hold in the whole file. A score that is not finite is a failed prediction: it ranks worst, below every finite score and tied with
the other failures. And where there is no order to compare (all scores or all targets are equal) the answer is nan, or what the caller
of `spearman` names for it.
Correlations are signed: a proxy that ranks backwards is shown doing so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

from suite.stats import percentile_interval

Values = NDArray[np.float64]
Ranks = NDArray[np.intp]
Status = Literal["ok", "constant", "non-finite"]

TOP = 0.1  # the share of architectures that `RankAgreement.top_kendall` looks at
_CELLS = 1 << 20  # counts in one block of resamples
_MIN_ROWS = 32  # resamples in a block at least: the matrices of `_discordant` are built once per block


@dataclass(frozen=True, slots=True)
class RankAgreement:
    """How well scores rank architectures, with intervals from a bootstrap over the architectures.

    Attributes:
        n: architectures compared.
        non_finite: how many of their scores are not finite (ranked worst, not left out).
        kendall, spearman: tau-b and rho over all of them.
        top_kendall: tau-b among the `top_n` whose target is in the top 10 %.
        precision_1, precision_10: `precision_at` 1 % and 10 %.
        kendall_ci, spearman_ci, top_kendall_ci: (low, high); nan where too many resamples have no correlation.
        status: "ok"; "constant" (all scores or all targets are equal) or "non-finite" (no score is finite), and then every figure
            but the counts is nan.
    """

    n: int
    non_finite: int
    kendall: float
    kendall_ci: tuple[float, float]
    spearman: float
    spearman_ci: tuple[float, float]
    top_n: int
    top_kendall: float
    top_kendall_ci: tuple[float, float]
    precision_1: float
    precision_10: float
    status: Status


def kendall(scores: ArrayLike, target: ArrayLike) -> float:
    """Kendall's tau-b (scipy) of `scores` (n,) with `target` (n,); see the module for scores that are not finite and constant input.

    Raises:
        ValueError: empty input, unequal lengths, or a target that is not finite.
    """
    x, y = _ranks(scores, target)
    if _constant(x, y):
        return math.nan
    from scipy.stats import kendalltau  # half a second to import

    return float(kendalltau(x, y).statistic)


def spearman(scores: ArrayLike, target: ArrayLike, *, constant: float = math.nan) -> float:
    """Spearman's rho, ties by mean rank; arguments and errors as for `kendall`.

    `constant` is the answer where all scores or all targets are equal: nan, unless the caller needs a number (who picks the best of
    several predictors gives -1, so that one without an order is never picked).
    """
    x, y = _ranks(scores, target)
    if _constant(x, y):
        return constant
    return float(np.corrcoef(_mean_ranks(x), _mean_ranks(y))[0, 1])


def finite(scores: ArrayLike) -> Values:
    """Scores (n,) of a search with a number for each diverged training (not finite): 0, or the lowest where scores are negative."""
    given = np.asarray(scores, dtype=np.float64)
    there = np.isfinite(given)
    return np.where(there, given, np.min(given[there], initial=0.0))


def top_kendall(scores: ArrayLike, target: ArrayLike, fraction: float = TOP) -> float:
    """Tau-b among the architectures whose target is in the top `fraction`, those tied with the last of them included.

    `fraction` of n is rounded to the nearest whole number (a half to the even one), at least one.

    Raises:
        ValueError: as for `kendall`, or a fraction outside (0, 1].
    """
    x, y = _ranks(scores, target)
    top = _top(y, fraction)
    return kendall(x[top], y[top])


def precision_at(scores: ArrayLike, target: ArrayLike, fraction: float) -> float:
    """Share of the top `fraction` by score that is in the top `fraction` by target.

    Ties: an architecture tied with the last of the top by target is in that top, since none is better than the other. Scores tied at
    the cut are drawn from at random, and the expected share is returned. So 1.0 can always be reached, and the order in which the
    architectures are listed changes nothing.

    Raises:
        ValueError: as for `top_kendall`.
    """
    x, y = _ranks(scores, target)
    hit = _top(y, fraction)
    if _constant(x, y):
        return math.nan
    size = _top_size(x.size, fraction)
    cut = np.sort(x)[-size]
    above, tied = x > cut, x == cut
    return float((hit[above].sum() + (size - above.sum()) * hit[tied].mean()) / size)


def regret(value: float, best: float) -> float:
    """How far `value` falls short of `best`, in their unit.

    A negative regret means that `best` was not the best (another split, or one seed against a mean), and is not hidden.
    """
    return best - value


def accuracy_density(accuracy: float, count: float) -> float:
    """Accuracy in percent per million of `count`: once with parameters, once with MACs; two columns that are never mixed.

    These two are this project's own definitions. How the SwiftNet paper defines its accuracy density is not confirmed, so neither
    may be reported under that paper's name.

    Args:
        accuracy: test accuracy as a fraction in [0, 1].
        count: parameters or multiply-accumulates of the network, as a plain number (not millions).

    Raises:
        ValueError: an accuracy outside [0, 1] (percent, most likely) or a count that is not positive.
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy must be a fraction in [0, 1], not {accuracy}; divide a percentage by 100")
    if not 0 < count < math.inf:
        raise ValueError(f"count must be a positive number of parameters or MACs, not {count}")
    return 100 * accuracy / (count / 1e6)


def rank_agreement(scores: ArrayLike, target: ArrayLike, *, resamples: int, seed: int, level: float = 0.95) -> RankAgreement:
    """All rank figures of `scores` (n,) against `target` (n,), with percentile bootstrap intervals over the architectures.

    Resample r is row r of `numpy.random.default_rng(seed).integers(n, size=(resamples, n))`. All correlations are taken on the same
    resamples, and the top 10 % is chosen anew in each. Costs about 1.5 ms per resample at n = 15,625 and grows like n ** 1.5: for
    hundreds of thousands of architectures ask for fewer resamples.

    Raises:
        ValueError: as for `kendall`; `resamples` below 1, or a level outside (0, 1).
    """
    x, y = _ranks(scores, target)
    n, non_finite = x.size, int((~np.isfinite(np.asarray(scores, dtype=np.float64))).sum())
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, not {resamples}")
    top_n = int(_top(y, TOP).sum())
    if _constant(x, y):
        nothing = (math.nan, math.nan)
        status: Status = "non-finite" if non_finite == n else "constant"
        return RankAgreement(n, non_finite, math.nan, nothing, math.nan, nothing, top_n, math.nan, nothing, math.nan, math.nan, status)
    tau, rho, top = (float(value[0]) for value in resampled_correlations(x, y, np.ones((1, n), dtype=np.intp)))
    rng = np.random.default_rng(seed)
    rows = max(_MIN_ROWS, _CELLS // n)
    blocks = []
    # One BLAS thread: the products are small, and on a busy machine threads that wait for each other take ten times as long.
    with threadpool_limits(1, user_api="blas"):
        for start in range(0, resamples, rows):
            size = min(rows, resamples - start)
            drawn = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
            blocks.append(resampled_correlations(x, y, counts))
    tau_ci, rho_ci, top_ci = (percentile_interval(np.concatenate(values), level) for values in zip(*blocks, strict=True))
    near = (precision_at(x, y, 0.01), precision_at(x, y, 0.1))
    return RankAgreement(n, non_finite, tau, tau_ci, rho, rho_ci, top_n, top, top_ci, *near, "ok")


def resampled_correlations(scores: ArrayLike, target: ArrayLike, counts: NDArray[np.integer[Any]]) -> tuple[Values, Values, Values]:
    """Tau-b, rho and tau-b inside the top 10 % of many resamples at once, exactly as if each resample had been written out.

    Args:
        scores: (n,).
        target: (n,).
        counts: (resamples, n), how often each resample holds each architecture.

    Returns:
        Three arrays (resamples,): `kendall`, `spearman` and `top_kendall` of every resample, nan where a resample has none.

    Raises:
        ValueError: as for `kendall`.
    """
    x, y = _ranks(scores, target)
    weights = counts.astype(np.float64)
    tau, rho = _correlations(x, y, weights)
    order = np.argsort(y, kind="stable")
    per_value = _grouped(weights[:, order], y[order])
    better = weights.sum(axis=1, keepdims=True) - np.cumsum(per_value, axis=1)
    size = np.maximum(1, np.rint(TOP * weights.sum(axis=1, keepdims=True)))
    kept = better < size  # (resamples, distinct targets)
    rows = y >= np.argmax(kept.any(axis=0))  # in the top of some resample; y counts the distinct targets from zero
    top, _ = _correlations(x[rows], y[rows], weights[:, rows] * kept[:, y[rows]])
    return tau, rho, top


def _ranks(scores: ArrayLike, target: ArrayLike) -> tuple[Ranks, Ranks]:
    """Both as dense ranks from zero (equal values, equal ranks), checked; scores that are not finite take the lowest rank."""
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"scores and target must be one-dimensional and equally long, not of shapes {x.shape} and {y.shape}")
    if x.size == 0:
        raise ValueError("scores and target are empty: nothing to rank")
    bad = np.flatnonzero(~np.isfinite(y))
    if bad.size:
        raise ValueError(f"target has {bad.size} values that are not finite, the first ({y[bad[0]]}) at position {bad[0]}")
    x = np.where(np.isfinite(x), x, -np.inf)
    return np.unique(x, return_inverse=True)[1], np.unique(y, return_inverse=True)[1]


def _mean_ranks(x: Ranks) -> Values:
    """Ranks from one, equal values by the mean of theirs, of dense ranks (n,)."""
    counts = np.bincount(x)
    means: Values = np.cumsum(counts) - (counts - 1) / 2
    return means[x]


def _constant(x: Ranks, y: Ranks) -> bool:
    return bool(x.max() == 0 or y.max() == 0)


def _top_size(n: int, fraction: float) -> int:
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must lie in (0, 1], not {fraction}")
    return max(1, round(fraction * n))


def _top(y: Ranks, fraction: float) -> NDArray[np.bool_]:
    top: NDArray[np.bool_] = y >= np.sort(y)[-_top_size(y.size, fraction)]
    return top


def _grouped(weights: Values, key: Ranks) -> Values:
    """Sums of the columns of `weights` (resamples, n) over runs of equal `key` (n,)."""
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    return weights if starts.size == key.size else np.add.reduceat(weights, starts, axis=1)


def _correlations(x: Ranks, y: Ranks, weights: Values) -> tuple[Values, Values]:
    """Tau-b and rho (resamples,) of points (x, y), each (n,), that occur weights (resamples, n) times.

    With N the sum of the weights, X, Y and J the sums of squared weights of equal x, of equal y and of equal (x, y), and D the weight
    of discordant pairs, tau-b is (N^2 - X - Y + J - 4 D) / sqrt((N^2 - X) (N^2 - Y)). Every sum is of whole or half numbers and exact.
    """
    x, y = np.unique(x, return_inverse=True)[1], np.unique(y, return_inverse=True)[1]
    by_x, by_y = np.lexsort((y, x)), np.lexsort((x, y))
    in_x, in_y = weights[:, by_x], weights[:, by_y]
    same_x, same_y = _grouped(in_x, x[by_x]), _grouped(in_y, y[by_y])
    same_both = _grouped(in_x, x[by_x] * y.size + y[by_x])
    total = weights.sum(axis=1, keepdims=True)
    # mean rank of each distinct value, minus the mean of all ranks
    rank_x = np.cumsum(same_x, axis=1) - (same_x + total) / 2
    rank_y = np.cumsum(same_y, axis=1) - (same_y + total) / 2
    covariance = np.einsum("rn,rn,rn->r", in_x, rank_x[:, x[by_x]], rank_y[:, y[by_x]])
    variances = np.einsum("rn,rn,rn->r", same_x, rank_x, rank_x) * np.einsum("rn,rn,rn->r", same_y, rank_y, rank_y)
    pairs, tied_x, tied_y, tied = total[:, 0] ** 2, *(np.einsum("rn,rn->r", same, same) for same in (same_x, same_y, same_both))
    place = np.empty(x.size, dtype=np.intp)
    place[by_y] = np.arange(x.size)
    difference = pairs - tied_x - tied_y + tied - 4 * _discordant(place[by_x], in_x.T)
    with np.errstate(invalid="ignore"):  # 0 / 0, nan, is the answer for a constant resample
        return difference / np.sqrt((pairs - tied_x) * (pairs - tied_y)), covariance / np.sqrt(variances)


def _discordant(place: Ranks, weights: Values) -> Values:
    """Weight of the inversions of a permutation: sum of w[i] w[j] over i < j with place[i] > place[j], for many weightings at once.

    Ties need no care here: the callers order equal x by y and equal y by x, so that no tied pair is an inversion. Positions and places
    are both cut into b = sqrt(n) blocks. A pair lies inside one block of positions, or else inside one block of places, or else is
    told by its two blocks alone. The first two are b products with (b, b) matrices, the third cumulative sums over a (b, b) grid:
    about n ** 1.5 multiplications per weighting, nearly all of them in BLAS, several times faster than to sort each resample.

    Args:
        place: (n,), a permutation.
        weights: (n, resamples), whole numbers. Single precision holds the sums of one block exactly up to 2 ** 24.

    Returns:
        (resamples,).
    """
    n, resamples = weights.shape
    b = math.isqrt(n - 1) + 1
    place = np.concatenate([place, np.arange(n, b * b)])  # the padding has weight zero
    by_position = np.zeros((b * b, resamples), dtype=np.float32)
    by_position[:n] = weights
    position = np.argsort(place)
    by_place = by_position[position]
    later = np.triu(np.ones((b, b), dtype=np.bool_), 1)
    seen = np.zeros((b, resamples))  # weight per block of places, over the blocks of positions before this one
    result = np.zeros(resamples)
    for block in range(b):
        here = slice(block * b, (block + 1) * b)
        w, places = by_position[here], place[here]
        inside = (later & (places[:, None] > places)).astype(np.float32)
        result += _dot(w, inside @ w)
        v, blocks = by_place[here], position[here]
        inside = (later & (blocks[:, None] > blocks) & (blocks[:, None] // b != blocks // b)).astype(np.float32)
        result += _dot(v, inside @ v)
        cell = (np.arange(b)[:, None] == places // b).astype(np.float32) @ w  # weight per block of places, in this block
        beyond = np.cumsum(seen[::-1], axis=0)[::-1]
        result += _dot(cell[:-1], beyond[1:])
        seen += cell
    return result


def _dot(a: NDArray[Any], b: NDArray[Any]) -> Values:
    """Column-wise dot product in double precision."""
    product: Values = np.einsum("nr,nr->r", a, b, dtype=np.float64)
    return product
