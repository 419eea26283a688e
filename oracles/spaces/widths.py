"""Networks of one shape with any smaller widths: MobileNets, from which channels are pruned.

A decision is a number of channels, and its option that number less one.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from nasrepro.oracles.spaces.layers import conv, conv_norm, head, norm
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Complexity, Graph, Layer, SearchSpace


class WidthSpace(SearchSpace):
    """Base of spaces of widths.

    Attributes:
        cardinalities: the full widths.
    """

    def of_widths(self, widths: Sequence[int]) -> Arch:
        """The architecture with these widths; raises InvalidArch."""
        return self.arch([width - 1 for width in widths])

    def widths(self, arch: Arch) -> tuple[int, ...]:
        """Channels by decision."""
        self.check(arch)
        return tuple(option + 1 for option in arch.code)

    def parse(self, text: str) -> Arch:
        """Read the widths with colons between them."""
        parts = text.strip().split(":")
        if len(parts) != len(self.cardinalities) or not all(part.isdecimal() for part in parts):
            raise InvalidArch(
                f"{self.name}: {text!r} is not {len(self.cardinalities)} widths such as "
                f"{':'.join(map(str, self.cardinalities))}"
            )
        return self.of_widths([int(part) for part in parts])

    def format(self, arch: Arch) -> str:
        """The widths with colons between them."""
        return ":".join(map(str, self.widths(arch)))

    def graph(self, arch: Arch) -> Graph:
        """The chain of layers with their widths."""
        ops = tuple(f"conv_{width}" for width in self.widths(arch))
        return Graph(("input", *ops, "output"), np.eye(len(ops) + 2, k=1, dtype=bool))

    @abstractmethod
    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """All layers on an image of `size` pixels."""

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs; running statistics of batch norms are no parameters."""
        return Complexity.of(self.layers(arch, classes=classes, size=size))


def depthwise_norm(width: int, kernel: int, side: int, stride: int = 1) -> tuple[Layer, Layer]:
    """A depthwise convolution and its batch norm."""
    layer = conv(width, width, kernel, side, stride=stride, groups=width)
    return layer, norm(width, layer.out_side)


class MobileNetV1Widths(WidthSpace):
    """MobileNetV1 (arXiv:1704.04861): a stem and thirteen separable convolutions.

    `32:64:128:128:256:256:512:512:512:512:512:512:1024:1024` is the whole network.
    """

    name = "mobilenetv1_widths"
    cardinalities = (32, 64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024)
    decisions = ("stem", *(f"block {block}" for block in range(1, 14)))
    _STRIDED = (2, 4, 6, 12)

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """All layers on an image of `size` pixels."""
        widths = self.widths(arch)
        listed = [*conv_norm(3, widths[0], 3, size, stride=2)]
        for block, (inputs, outputs) in enumerate(itertools.pairwise(widths), start=1):
            stride = 2 if block in self._STRIDED else 1
            listed += depthwise_norm(inputs, 3, listed[-1].out_side, stride)
            listed += conv_norm(inputs, outputs, 1, listed[-1].out_side)
        return *listed, *head(widths[-1], listed[-1].out_side, classes)


#: Of MobileNetV2's stages: width, blocks, stride of the first; the first stage has no expansion.
_STAGES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
_BLOCKS = tuple(
    (width, stride if block == 0 else 1)
    for width, blocks, stride in _STAGES
    for block in range(blocks)
)


class MobileNetV2Channels(WidthSpace):
    """MobileNetV2 (arXiv:1801.04381) by all its channels, those inside the blocks, too.

    Stem; of seventeen inverted residuals the inner channels (but of the first, which does not
    expand) and the output; the last convolution. Widths of one stage may differ, where no residual
    addition is left then.
    """

    name = "mobilenetv2_channels"
    cardinalities = (
        32,
        16,
        *(
            width
            for (inputs, _), (outputs, _) in itertools.pairwise(_BLOCKS)
            for width in (6 * inputs, outputs)
        ),
        1280,
    )
    decisions = (
        "stem",
        "block 1",
        *(f"{part} {block}" for block in range(2, 18) for part in ("inside block", "block")),
        "last",
    )

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """All layers on an image of `size` pixels."""
        stem, first, *inner, last = self.widths(arch)
        listed = [*conv_norm(3, stem, 3, size, stride=2)]
        listed += depthwise_norm(stem, 3, listed[-1].out_side)
        listed += conv_norm(stem, first, 1, listed[-1].out_side)
        width = first
        for (_, stride), expanded, outputs in zip(
            _BLOCKS[1:], inner[::2], inner[1::2], strict=True
        ):
            listed += inverted_residual(width, expanded, outputs, 3, listed[-1].out_side, stride)
            width = outputs
        listed += conv_norm(width, last, 1, listed[-1].out_side)
        return *listed, *head(last, listed[-1].out_side, classes)


def inverted_residual(
    inputs: int, expanded: int, outputs: int, kernel: int, side: int, stride: int
) -> list[Layer]:
    """Expansion, depthwise convolution, projection, each with its batch norm."""
    listed = [*conv_norm(inputs, expanded, 1, side)]
    listed += depthwise_norm(expanded, kernel, side, stride)
    return [*listed, *conv_norm(expanded, outputs, 1, listed[-1].out_side)]
