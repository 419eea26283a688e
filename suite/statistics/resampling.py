"""Rank correlations of many resamples at once."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

from nasrepro.suite.statistics.intervals import Values

Ranks = NDArray[np.intp]
Weights = NDArray[np.floating[Any]]

TOP = 0.1  # the share of architectures that `RankAgreement.top_kendall` looks at

#: Counts in one block of resamples: it takes a dozen arrays of this size at once.
BLOCK = 1 << 21

#: Resamples in a block at least: the matrices of `_Pairs.discordant` are built once per block.
MIN_ROWS = 32

#: Up to this total, ranks and cumulated weights (whole and half numbers) are exact in single
#: precision.
SINGLE = 1 << 23


@lru_cache(maxsize=1)
def resample_counts(n: int, resamples: int, seed: int) -> NDArray[np.uint8]:
    """How often each resample holds each of n architectures: (resamples, n).

    Resample r is row r of `numpy.random.default_rng(seed).integers(n, size=(resamples, n))`. The
    last answer is kept: rankings of one table share it.
    """
    rng = np.random.default_rng(seed)
    counts = np.empty((resamples, n), dtype=np.uint8)  # of over 255, none is drawn 256 times
    rows = max(1, BLOCK // n)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        places = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        counts[start : start + size] = np.bincount(places.ravel(), minlength=size * n).reshape(
            size, n
        )
    counts.flags.writeable = False
    return counts


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
    pairs = _Pairs(*ranks_of(scores, target))
    rows = max(MIN_ROWS, BLOCK // pairs.x.size)
    # One BLAS thread: the products are small, and on a busy machine threads that wait for each
    # other take ten times as long.
    with threadpool_limits(1, user_api="blas"):
        blocks = [
            _resampled(pairs, counts[start : start + rows]) for start in range(0, len(counts), rows)
        ]
    tau, rho, top = (np.concatenate(values) for values in zip(*blocks, strict=True))
    return tau, rho, top


def _resampled(pairs: _Pairs, counts: NDArray[np.integer[Any]]) -> tuple[Values, Values, Values]:
    """`resampled_correlations` of one block."""
    totals = counts.sum(axis=1)
    # One row per architecture, so that putting rows in order copies whole rows.
    single = totals.max(initial=0) < SINGLE
    weights: Weights = counts.T.astype(np.float32 if single else np.float64)
    tau, rho, below = pairs.correlations(weights)
    better = below[-1] - below[1:]  # (distinct targets, resamples)
    kept = better < np.maximum(1, np.rint(TOP * totals))
    # In the top of some resample; y counts the distinct targets from zero.
    rows = pairs.y >= np.argmax(kept.any(axis=1))
    x, y = pairs.x[rows], pairs.y[rows]
    top, _, _ = _Pairs(_dense(x), _dense(y)).correlations(weights[rows] * kept[y])
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
    return _dense(x), _dense(y)


def _dense(values: NDArray[Any]) -> Ranks:
    """Ranks from zero, equal values by the same: how many distinct values lie below each."""
    return np.unique(values, return_inverse=True)[1]


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


class _Pairs:
    """Points (x, y), each dense ranks (n,), and what of them depends on no weights.

    With N the sum of the weights, X, Y and J the sums of squared weights of equal x, of equal y and
    of equal (x, y), and D the weight of discordant pairs, tau-b is (N^2 - X - Y + J - 4 D) /
    sqrt((N^2 - X) (N^2 - Y)). Every sum is of whole or half numbers and exact.

    Points in the order of x have a position, in the order of y a place. Equal x are in the order of
    y and equal y in that of x, so that no tied pair is an inversion of places. Both orders are cut
    into blocks of sqrt(n / 2).
    """

    def __init__(self, x: Ranks, y: Ranks) -> None:
        self.x, self.y = x, y
        self.by_x, self.by_y = np.lexsort((y, x)), np.lexsort((x, y))
        in_x, in_y = x[self.by_x], y[self.by_y]
        self.of_x, self.of_y = in_x, y[self.by_x]  # the distinct values, by position
        self.edges_x, self.edges_y = _edges(in_x), _edges(in_y)
        self.edges_both = _edges(in_x * y.size + self.of_y)
        positions = np.arange(x.size)
        place, position = np.empty_like(positions), np.empty_like(positions)
        place[self.by_y] = positions
        position[self.by_x] = positions
        self.place = place[self.by_x]  # by position
        self.width = math.isqrt(x.size // 2) + 1
        self.block = position[self.by_y] // self.width  # of positions, by place
        self.blocks = -(-x.size // self.width)
        cell = positions // self.width * self.blocks + self.place // self.width
        self.by_cell = self.by_x[np.argsort(cell, kind="stable")]
        self.edges_cell = np.searchsorted(np.sort(cell), np.arange(self.blocks**2 + 1))

    def correlations(self, weights: Weights) -> tuple[Values, Values, Weights]:
        """Tau-b and rho (resamples,) of the points, which occur weights (n, resamples) times.

        And the weight below each distinct y, and of all: (distinct + 1, resamples).
        """
        by_position, cumulated = _cumulated(weights, self.by_x)
        below_x, below_both = cumulated[self.edges_x], cumulated[self.edges_both]
        by_place, cumulated = _cumulated(weights, self.by_y)
        below_y = cumulated[self.edges_y]
        same_x, rank_x = _ranked(below_x)
        same_y, rank_y = _ranked(below_y)
        same_both = np.diff(below_both, axis=0)
        covariance = _dot(by_position, rank_x[self.of_x], rank_y[self.of_y])
        variances = _dot(same_x, rank_x, rank_x) * _dot(same_y, rank_y, rank_y)
        pairs, tied_x, tied_y, tied = (
            below_y[-1].astype(np.float64) ** 2,
            *(_dot(same, same) for same in (same_x, same_y, same_both)),
        )
        discordant = self.discordant(weights, by_position, by_place)
        difference = pairs - tied_x - tied_y + tied - 4 * discordant
        with np.errstate(invalid="ignore"):  # 0 / 0, nan, is the answer for a constant resample
            tau = difference / np.sqrt((pairs - tied_x) * (pairs - tied_y))
            return tau, covariance / np.sqrt(variances), below_y

    def discordant(self, weights: Weights, by_position: Weights, by_place: Weights) -> Values:
        """Weight of the inversions, sums of w[i] w[j] over pairs in opposite orders: (resamples,).

        A pair lies inside one block of positions, or else inside one block of places, or else is
        told by its two blocks alone. The first two are products with square matrices, the third
        cumulative sums over a grid of blocks: about n ** 1.5 multiplications per weighting, nearly
        all of them in BLAS, several times faster than to sort each resample.

        Args:
            weights: (n, resamples), whole numbers.
            by_position: the same in the order of positions.
            by_place: the same in the order of places.
        """
        later = np.triu(np.ones((self.width, self.width), dtype=np.bool_), 1)
        result = np.zeros(weights.shape[1])
        for ordered, keys in ((by_position, self.place), (by_place, self.block)):
            for start in range(0, keys.size, self.width):
                here = slice(start, start + self.width)
                key, w = keys[here], ordered[here]
                inside = later[: key.size, : key.size] & (key[:, None] > key)
                result += _dot(w, inside.astype(w.dtype) @ w)
        # The weight of each (block of positions, block of places).
        below = _cumulated(weights, self.by_cell)[1][self.edges_cell]
        grid = np.diff(below, axis=0).reshape(self.blocks, self.blocks, -1)
        beyond = grid.copy()  # becomes the weight at earlier positions and later places
        for block in range(1, self.blocks):
            beyond[block] += beyond[block - 1]
        for block in reversed(range(self.blocks - 1)):
            beyond[:, block] += beyond[:, block + 1]
        return result + _dot(grid[1:, :-1], beyond[:-1, 1:])


def _edges(key: Ranks) -> Ranks:
    """Where runs of equal `key` (n,) begin, and n: (runs + 1,)."""
    return np.append(np.flatnonzero(np.diff(key, prepend=-1)), key.size)


def _cumulated(weights: Weights, order: Ranks) -> tuple[Weights, Weights]:
    """Weights (n, resamples) in an order, and sums of the first 0, 1 .. n: (n + 1, resamples).

    `numpy.cumsum` adds number by number along columns; here a triangular matrix adds up 64 rows at
    a time, five times as fast.
    """
    n, resamples = weights.shape
    blocks = -(-n // 64)
    ordered = np.empty((64 * blocks, resamples), weights.dtype)
    np.take(weights, order, axis=0, out=ordered[:n], mode="clip")  # "raise" takes a buffer
    ordered[n:] = 0
    sums = np.empty((1 + 64 * blocks, resamples), weights.dtype)
    sums[0] = 0
    within = sums[1:].reshape(blocks, 64, resamples)
    lower = np.tril(np.ones((64, 64), weights.dtype))
    np.matmul(lower, ordered.reshape(blocks, 64, resamples), out=within)
    within[1:] += np.cumsum(within[:-1, -1:], axis=0)
    return ordered[:n], sums[: n + 1]


def _ranked(below: Weights) -> tuple[Weights, Weights]:
    """Weight of each distinct value, and its mean rank minus the mean of all ranks.

    Both (distinct, resamples), of the weight below each value and of all, (distinct + 1,
    resamples).
    """
    low, high = below[:-1], below[1:]
    return high - low, (high + low - below[-1]) / 2


def _dot(*factors: Weights) -> Values:
    """Sum of products over all axes but the last, in double precision."""
    axes = "mn"[-factors[0].ndim + 1 :] + "r"
    product: Values = np.einsum(",".join([axes] * len(factors)) + "->r", *factors, dtype=np.float64)
    return product
