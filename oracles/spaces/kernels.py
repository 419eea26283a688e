"""Convolutions that cells of several spaces share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    pass

#: Operations: kernel side, and whether the convolution is separable.
KERNELS = {
    "sep_conv_3x3": (3, True),
    "sep_conv_5x5": (5, True),
    "conv_1x1": (1, False),
    "conv_3x3": (3, False),
}


class Conv(NamedTuple):
    """A convolution with its batch norm.

    Weights of the convolution, channels out, side out (pixels).
    """

    weights: int
    channels: int
    side: int


def divisible(filters: float) -> int:
    """The nearest multiple of 4, at least 4.

    How the authors' code rounds a scaled width (`make_divisible`).
    """
    return 4 * max(round(filters / 4), 1)
