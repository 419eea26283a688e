"""HAQ's quantisers (arXiv:1811.08886; the authors' code, mit-han-lab/haq, commit 8228d126).

Linear: weights symmetric around zero, activations from zero to a range; gradients pass straight
through the rounding. K-means: every weight is one of 2^bits values of its layer.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

Values = NDArray[np.float64]
#: From this many bits on the threshold is the greatest absolute value.
PLAIN_BITS = 5


def on_levels(weights: torch.Tensor, bits: int, limit: float) -> torch.Tensor:
    """Weights on 2^bits - 1 levels in [-limit, limit]."""
    step = limit / (2 ** (bits - 1) - 1) if limit > 0 else 1.0
    return torch.round(weights.clamp(-limit, limit) / step) * step


def quantised_weights(weights: torch.Tensor, bits: int, limit: float) -> torch.Tensor:
    """Weights on levels, whose gradient is their own; 32 bits change nothing."""
    if bits >= 32:
        return weights
    return weights + (on_levels(weights, bits, limit) - weights).detach()


def quantised_activations(
    inputs: torch.Tensor, bits: int, limit: torch.Tensor | float
) -> torch.Tensor:
    """Activations on 2^bits levels in [0, limit]; `limit` gets the gradient of what is cut off."""
    if bits >= 32:
        return inputs
    limit = torch.as_tensor(limit, dtype=inputs.dtype)
    clipped = 0.5 * (inputs.abs() - (inputs - limit).abs() + limit)
    step = float(limit.detach()) / (2**bits - 1)
    rounded = torch.round(clipped / step) * step
    result: torch.Tensor = clipped + (rounded - clipped).detach()
    return result


def threshold(values: Values, bits: int) -> float:
    """Where to cut absolute values off before they are rounded.

    The greatest one for `PLAIN_BITS` and more; else the one with the least symmetric divergence
    between the cumulative histogram (bins by the square-root rule) and itself interpolated to
    2^(bits - 1) points and back.
    """
    absolute = np.abs(np.asarray(values, dtype=np.float64)).ravel()
    greatest = float(absolute.max())
    if bits >= PLAIN_BITS or np.isclose(greatest, 0):
        return greatest
    counts, edges = np.histogram(absolute, bins="sqrt", range=(0, greatest))
    cumulative = np.cumsum(counts / counts.sum())
    points = 2 ** (bits - 1)
    if points + 1 > len(counts):
        return greatest
    ends = range(points + 1, len(edges))
    best = min(ends, key=lambda end: divergence(cumulative, end, points))
    return (best + 0.5) * float(edges[1] - edges[0])


def divergence(cumulative: Values, end: int, points: int) -> float:
    """Symmetric divergence of a cumulative histogram cut off at bin `end` and kept at `points`."""
    cut = cumulative.copy()
    cut[end - 1 :] = 1
    fine, coarse = np.linspace(0, 1, end), np.linspace(0, 1, points)
    cut[:end] = np.interp(fine, coarse, np.interp(coarse, fine, cut[:end]))
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = (cumulative - cut) * np.log2(cumulative / cut)
    return round(float(np.nansum(terms)), 12)


def clustered(weights: Values, bits: int, *, seed: int, iterations: int = 3) -> NDArray[np.int64]:
    """The cluster of each weight, of at most 2^bits, by k-means; shape as the weights'."""
    from sklearn.cluster import KMeans

    flat = np.asarray(weights, dtype=np.float64).reshape(-1, 1)
    clusters = min(2**bits, len(np.unique(flat)))
    fitted = KMeans(clusters, n_init=1, max_iter=iterations, random_state=seed).fit(flat)
    labels: NDArray[np.int64] = fitted.labels_.astype(np.int64).reshape(weights.shape)
    return labels


def shared(weights: Values, labels: NDArray[np.int64]) -> Values:
    """Each weight replaced by the mean of its cluster; so are the gradients of a training step."""
    sums = np.bincount(labels.ravel(), weights=np.asarray(weights, np.float64).ravel())
    means = sums / np.maximum(np.bincount(labels.ravel()), 1)
    result: Values = means[labels]
    return result
