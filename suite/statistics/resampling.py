"""Rank correlations of many resamples at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasrepro.suite.statistics.intervals import Values

Ranks = NDArray[np.intp]

TOP = 0.1  # the share of architectures that `RankAgreement.top_kendall` looks at

BLOCK = 1 << 21  # counts in one block of resamples

MIN_ROWS = (
    32  # resamples in a block at least: the matrices of `_discordant` are built once per block
)


def resampled_correlations(
    scores: ArrayLike, target: ArrayLike, counts: NDArray[np.integer[Any]]
) -> tuple[Values, Values, Values]:
    """Tau-b, rho and tau-b inside the top 10 % of many resamples at once.

    They are exactly as if each resample had been written out.

    Args:
        scores: (n,).
        target: (n,).
        counts: (resamples, n), how often each resample holds each architecture.

    Returns:
        Three arrays (resamples,): `kendall`, `spearman` and `top_kendall` of every resample, nan
        where a resample has none.

    Raises:
        ValueError: as for `kendall`.
    """
    x, y = ranks_of(scores, target)
    weights = counts.astype(np.float64)
    tau, rho = _correlations(x, y, weights)
    order = np.argsort(y, kind="stable")
    per_value = _grouped(np.take(weights, order, axis=1), y[order])
    better = weights.sum(axis=1, keepdims=True) - np.cumsum(per_value, axis=1)
    size = np.maximum(1, np.rint(TOP * weights.sum(axis=1, keepdims=True)))
    kept = better < size  # (resamples, distinct targets)
    rows = y >= np.argmax(
        kept.any(axis=0)
    )  # in the top of some resample; y counts the distinct targets from zero
    top, _ = _correlations(
        x[rows], y[rows], np.compress(rows, weights, axis=1) * np.take(kept, y[rows], axis=1)
    )
    return tau, rho, top


def ranks_of(scores: ArrayLike, target: ArrayLike) -> tuple[Ranks, Ranks]:
    """Both as dense ranks from zero (equal values, equal ranks), checked.

    Scores that are not finite take the lowest rank.
    """
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"scores and target must be one-dimensional and equally long, not of shapes {x.shape} "
            f"and {y.shape}"
        )
    if x.size == 0:
        raise ValueError("scores and target are empty: nothing to rank")
    bad = np.flatnonzero(~np.isfinite(y))
    if bad.size:
        raise ValueError(
            f"target has {bad.size} values that are not finite, the first ({y[bad[0]]}) at "
            f"position {bad[0]}"
        )
    x = np.where(np.isfinite(x), x, -np.inf)
    return np.unique(x, return_inverse=True)[1], np.unique(y, return_inverse=True)[1]


def mean_ranks(x: Ranks) -> Values:
    """Ranks from one, equal values by the mean of theirs, of dense ranks (n,)."""
    counts = np.bincount(x)
    means: Values = np.cumsum(counts) - (counts - 1) / 2
    return means[x]


def is_constant(x: Ranks, y: Ranks) -> bool:
    """Whether either side has no order at all."""
    return bool(x.max() == 0 or y.max() == 0)


def top_size(n: int, fraction: float) -> int:
    """How many of `n` values the best `fraction` is, at least one."""
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must lie in (0, 1], not {fraction}")
    return max(1, round(fraction * n))


def top_rows(y: Ranks, fraction: float) -> NDArray[np.bool_]:
    """Which values are among the best `fraction`, ties at the edge included."""
    top: NDArray[np.bool_] = y >= np.sort(y)[-top_size(y.size, fraction)]
    return top


def _grouped(weights: Values, key: Ranks) -> Values:
    """Sums of the columns of `weights` (resamples, n) over runs of equal `key` (n,)."""
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    return weights if starts.size == key.size else np.add.reduceat(weights, starts, axis=1)


def _correlations(x: Ranks, y: Ranks, weights: Values) -> tuple[Values, Values]:
    """Tau-b and rho (resamples,) of points (x, y), each (n,), with weights.

    The points occur weights (resamples, n) times.

    With N the sum of the weights, X, Y and J the sums of squared weights of equal x, of equal y and
    of equal (x, y), and D the weight of discordant pairs, tau-b is (N^2 - X - Y + J - 4 D) /
    sqrt((N^2 - X) (N^2 - Y)). Every sum is of whole or half numbers and exact.
    """
    x, y = np.unique(x, return_inverse=True)[1], np.unique(y, return_inverse=True)[1]
    by_x, by_y = np.lexsort((y, x)), np.lexsort((x, y))
    in_x, in_y = (np.take(weights, order, axis=1) for order in (by_x, by_y))
    same_x, same_y = _grouped(in_x, x[by_x]), _grouped(in_y, y[by_y])
    same_both = _grouped(in_x, x[by_x] * y.size + y[by_x])
    total = weights.sum(axis=1, keepdims=True)
    # mean rank of each distinct value, minus the mean of all ranks
    rank_x = np.cumsum(same_x, axis=1) - (same_x + total) / 2
    rank_y = np.cumsum(same_y, axis=1) - (same_y + total) / 2
    covariance = np.einsum(
        "rn,rn,rn->r",
        in_x,
        np.take(rank_x, x[by_x], axis=1),
        np.take(rank_y, y[by_x], axis=1),
    )
    variances = np.einsum("rn,rn,rn->r", same_x, rank_x, rank_x) * np.einsum(
        "rn,rn,rn->r", same_y, rank_y, rank_y
    )
    pairs, tied_x, tied_y, tied = (
        total[:, 0] ** 2,
        *(np.einsum("rn,rn->r", same, same) for same in (same_x, same_y, same_both)),
    )
    place = np.empty(x.size, dtype=np.intp)
    place[by_y] = np.arange(x.size)
    difference = pairs - tied_x - tied_y + tied - 4 * _discordant(place[by_x], in_x.T)
    with np.errstate(invalid="ignore"):  # 0 / 0, nan, is the answer for a constant resample
        return difference / np.sqrt((pairs - tied_x) * (pairs - tied_y)), covariance / np.sqrt(
            variances
        )


def _discordant(place: Ranks, weights: Values) -> Values:
    """Weight of the inversions of a permutation.

    Sum of w[i] w[j] over i < j with place[i] > place[j], for many weightings at once.

    Ties need no care here: the callers order equal x by y and equal y by x, so that no tied pair is
    an inversion. Positions and places are both cut into b = sqrt(n) blocks. A pair lies inside one
    block of positions, or else inside one block of places, or else is told by its two blocks alone.
    The first two are b products with (b, b) matrices, the third cumulative sums over a (b, b) grid:
    about n ** 1.5 multiplications per weighting, nearly all of them in BLAS, several times faster
    than to sort each resample.

    Args:
        place: (n,), a permutation.
        weights: (n, resamples), whole numbers. Single precision holds the sums of one block exactly
            up to 2 ** 24.

    Returns:
        (resamples,).
    """
    n, resamples = weights.shape
    b = math.isqrt(n - 1) + 1
    place = np.concatenate([place, np.arange(n, b * b)])  # the padding has weight zero
    by_position = np.zeros((b * b, resamples), dtype=np.float32)
    by_position[:n] = weights
    position = np.argsort(place)
    by_place = np.take(by_position, position, axis=0)
    later = np.triu(np.ones((b, b), dtype=np.bool_), 1)
    seen = np.zeros(
        (b, resamples)
    )  # weight per block of places, over the blocks of positions before this one
    result = np.zeros(resamples)
    for block in range(b):
        here = slice(block * b, (block + 1) * b)
        w, places = by_position[here], place[here]
        inside = (later & (places[:, None] > places)).astype(np.float32)
        result += _dot(w, inside @ w)
        v, blocks = by_place[here], position[here]
        inside = (
            later & (blocks[:, None] > blocks) & (blocks[:, None] // b != blocks // b)
        ).astype(np.float32)
        result += _dot(v, inside @ v)
        cell = (np.arange(b)[:, None] == places // b).astype(
            np.float32
        ) @ w  # weight per block of places, in this block
        beyond = np.cumsum(seen[::-1], axis=0)[::-1]
        result += _dot(cell[:-1], beyond[1:])
        seen += cell
    return result


def _dot(a: NDArray[Any], b: NDArray[Any]) -> Values:
    """Column-wise dot product in double precision."""
    product: Values = np.einsum("nr,nr->r", a, b, dtype=np.float64)
    return product
