"""The layers that networks of several spaces are made of, as `SearchSpace.layers` lists them.

Each is made once: a space has few different ones, and a search sizes thousands of networks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from nasrepro.suite.space import Layer

#: For what gives layers: the same ones again. Widths that a search draws freely are many.
shared = lru_cache(maxsize=1 << 14)


@shared
def conv(
    inputs: int, outputs: int, kernel: int, side: int, *, stride: int = 1, groups: int = 1
) -> Layer:
    """A convolution without bias; the side is kept at stride 1, and divided, rounded up, else."""
    return Layer("conv", inputs, outputs, kernel, stride, groups, side, -(-side // stride))


@shared
def norm(channels: int, side: int) -> Layer:
    """A batch norm."""
    return Layer("batch_norm", channels, channels, in_side=side, out_side=side)


@shared
def conv_norm(
    inputs: int, outputs: int, kernel: int, side: int, *, stride: int = 1
) -> tuple[Layer, Layer]:
    """A convolution and its batch norm."""
    layer = conv(inputs, outputs, kernel, side, stride=stride)
    return layer, norm(outputs, layer.out_side)


@shared
def pool(
    kind: Literal["avg_pool", "max_pool"], channels: int, kernel: int, side: int, *, stride: int
) -> Layer:
    """A pooling; the side is divided by the stride, rounded up."""
    return Layer(kind, channels, channels, kernel, stride, 1, side, -(-side // stride))


@shared
def head(channels: int, side: int, classes: int) -> tuple[Layer, Layer]:
    """Global average pooling and a linear classifier with bias."""
    pooled = Layer("global_pool", channels, channels, kernel=side, in_side=side)
    return pooled, Layer("linear", channels, classes, bias=True)


@shared
def reduction(inputs: int, outputs: int, side: int) -> tuple[Layer, ...]:
    """NAS-Bench-201's residual block that halves the side.

    Two 3x3, beside them a 2x2 average pooling and a 1x1 without batch norm.
    """
    half = -(-side // 2)
    return (
        *conv_norm(inputs, outputs, 3, side, stride=2),
        *conv_norm(outputs, outputs, 3, half),
        pool("avg_pool", inputs, 2, side, stride=2),
        conv(inputs, outputs, 1, half),
    )
