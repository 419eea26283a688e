"""Moments of gradients over batches, and ZiCo's sum over layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nasrepro.methods.nets.passes import gradients

if TYPE_CHECKING:
    from torch import Tensor, nn


def over_layers(
    network: nn.Module,
    batches: Sequence[tuple[Tensor, Tensor]],
    value: Callable[[Tensor, Tensor], Tensor],
) -> float:
    """Sum over convolutions and linear layers of ln(sum over weights of `value`).

    `value` is given the mean and the deviation (of the population) of |g| over the batches, of the
    weights where both are positive; a layer without such a weight is left out.
    """
    import torch

    total = 0.0
    for layer in zip(*(gradients(network, batches, i) for i in range(len(batches))), strict=True):
        if layer[0] is None:
            continue
        sizes = torch.stack(layer).abs()
        mean, deviation = sizes.mean(0), sizes.std(0, correction=0)
        there = (mean != 0) & (deviation != 0)  # NaN stays
        if there.any():
            total += float(value(mean[there], deviation[there]).sum().log())
    return total
