"""The meta-graph: weights of edges that accumulate what sampled graphs earned.

The rule of Chang et al. 2021 (arXiv:2012.01737), from a digest of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.statistics import finite

Values = NDArray[np.float64]


def softmax(rows: Any) -> Values:
    """exp(x) / sum exp(x) of each row, shape (rows, n)."""
    e = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def earned(mu: float, seen: Sequence[float], alpha: float, clip: float, best: int = 5) -> float:
    """What weights are multiplied by: exp(alpha (mu - beta)).

    Beta is the mean of the `best` best scores seen before.
    """
    *before, mu = finite([*seen, mu])  # a diverged training has a score of -inf
    return math.exp(np.clip(alpha * (mu - np.mean(sorted(before)[-best:])), -clip, clip))


def chances(strengths: Values, sources: NDArray[np.intp] | None = None) -> Values:
    """Probability of each edge, (edges,).

    In Algorithm 2 the softmax over the edges with the same source, so they sum to 1; without
    sources each edge's own, e / (1 + e) with e = exp(strength - 1), a half at the start.
    """
    if sources is None:
        return np.asarray(1 / (1 + np.exp(1 - strengths)))
    e = np.exp(strengths - strengths.max())
    return np.asarray(e / np.bincount(sources, e)[sources])


def strength(w: Values, gibbs: bool) -> Values:
    """What an edge counts in the sampling, (edges,).

    The log-mean-exp of its weights, less that of "no edge" where there is one.
    """
    held = w[:, :-1] if gibbs else w
    return np.asarray(np.log(np.exp(held).mean(axis=1)) - (w[:, -1] if gibbs else 0))
