"""What bit widths cost on hardware, and a score of them without a network, for HAQ's searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
#: (weight bits, activation bits) of each layer.
Policy = list[tuple[int, int]]
Score = Callable[[Policy], float]
MOST = 8


def analytic_costs(layers: Sequence[Any], multipliers: float, bandwidth: float) -> Values:
    """Cycles of each layer for all bits: computing or moving, whichever is longer, shape (L, 8, 8).

    Args:
        layers: convolutions and linear layers of a space's `layers`.
        multipliers: products of single bits a cycle.
        bandwidth: bits a cycle.
    """
    bits = np.arange(1, MOST + 1, dtype=np.float64)
    weights, activations = np.meshgrid(bits, bits, indexing="ij")
    tables = []
    for layer in layers:
        computing = layer.macs * weights * activations / multipliers
        read = layer.in_channels * layer.in_side**2 * activations
        written = layer.out_channels * layer.out_side**2 * activations
        tables.append(np.maximum(computing, (layer.weights * weights + read + written) / bandwidth))
    return np.array(tables)


def noise_score(layers: Sequence[Any]) -> Score:
    """Decibels of quantisation noise, of weights and of activations each by the layers' shares."""
    shares = [
        np.array([layer.weights for layer in layers], float),
        np.array([layer.in_channels * layer.in_side**2 for layer in layers], float),
    ]
    shares = [share / share.sum() for share in shares]

    def score(policy: Policy) -> float:
        noise = sum(
            float((share * 4.0 ** -np.array([pair[part] for pair in policy])).sum())
            for part, share in enumerate(shares)
        )
        return round(float(-10 * np.log10(noise)), 9)

    return score


def described(layers: Sequence[Any]) -> Values:
    """Type, channels, stride, kernel, weights, size of the input, of each layer."""
    return np.array(
        [
            [
                float(layer.groups > 1),
                layer.in_channels,
                layer.out_channels,
                layer.stride if layer.kind == "conv" else 0,
                layer.kernel,
                layer.weights,
                layer.in_side**2,
            ]
            for layer in layers
        ]
    )


def weighted(layers: Sequence[Any]) -> list[Any]:
    """Those layers that have weights."""
    return [layer for layer in layers if layer.kind in ("conv", "linear")]
