"""The size space of NATS-Bench (arXiv:2009.00437): 8^5 width vectors of one fixed network.

The network is stem, cell, reduction, cell, reduction, cell, classifier, with the best cell of the
benchmark's topology space; the five decisions are the output channels of its five blocks. That this
is the network is known from the authors' public code (AutoDL-Projects, `DynamicShapeTinyNet`, and
the genotype and channels in the records' configurations) and from the benchmark's two official
sample records: parameters and MACs below equal both on all data sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasrepro.oracles.spaces.layers import conv_norm, head, norm, reduction
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Block, Complexity, Graph, Growth, Layer, SearchSpace

if TYPE_CHECKING:
    from torch import nn

WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64)
BLOCKS = ("cell", "reduction", "cell", "reduction", "cell")
#: The cell of all architectures, in the topology space's notation.
CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|"
    "nor_conv_3x3~2|"
)


class SizeSpace(SearchSpace):
    """32,768 width vectors; an architecture's code is the index in `WIDTHS` of each block's width.

    Args:
        in_channels: channels of the image.
    """

    name = "size"
    cardinalities = (len(WIDTHS),) * len(BLOCKS)
    decisions = tuple(f"{block} {position}" for position, block in enumerate(BLOCKS, start=1))
    settings = ("in_channels",)

    def __init__(self, *, in_channels: int = 3) -> None:
        self.in_channels = in_channels

    def parse(self, text: str) -> Arch:
        """Read `8:16:24:32:64`."""
        parts = text.strip().split(":")
        if len(parts) != len(BLOCKS):
            raise InvalidArch(
                f"{self.name}: {text!r} has {len(parts)} widths, expected {len(BLOCKS)}: "
                "8:16:24:32:64"
            )
        names = [str(width) for width in WIDTHS]
        for part in parts:
            if part not in names:
                raise InvalidArch(
                    f"{self.name}: width {part!r} of {text!r} is not one of {', '.join(names)}"
                )
        return Arch(self.name, tuple(names.index(part) for part in parts))

    def format(self, arch: Arch) -> str:
        """The official string."""
        return ":".join(map(str, self.widths(arch)))

    def widths(self, arch: Arch) -> tuple[int, ...]:
        """Output channels of the five blocks."""
        self.check(arch)
        return tuple(WIDTHS[option] for option in arch.code)

    def graph(self, arch: Arch) -> Graph:
        """The chain of blocks, 7 nodes: input, five blocks with their widths (`cell_8`), output."""
        blocks = tuple(
            f"{block}_{width}" for block, width in zip(BLOCKS, self.widths(arch), strict=True)
        )
        return Graph(("input", *blocks, "output"), np.eye(len(blocks) + 2, k=1, dtype=bool))

    def convs(self, arch: Arch) -> int:
        """Convolutions of the cell: 5 for every architecture."""
        self.check(arch)
        return CELL.count("conv")

    def growth(self) -> tuple[Growth, ...]:
        """Width by width from the left, the others at 32."""
        middle = (WIDTHS.index(32),) * len(BLOCKS)
        return tuple(
            Growth((block,), tuple(range(block + 1)), middle) for block in range(len(BLOCKS))
        )

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """Stem, blocks, batch norm, classifier; a cell's edges in the official order."""
        widths = self.widths(arch)
        width, side = widths[0], size
        layers = [*conv_norm(self.in_channels, width, 3, side)]
        for block, out in zip(BLOCKS, widths, strict=True):
            if block == "reduction":
                layers += reduction(width, out, side)
                side = -(-side // 2)
            else:
                skip = conv_norm(width, out, 1, side) if width != out else ()
                first, later = conv_norm(width, out, 3, side), conv_norm(out, out, 3, side)
                layers += [*first, *first, *later, *skip, *later, *later]
            width = out
        return (*layers, norm(width, side), *head(width, side, classes))

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs.

        MACs count convolutions and the classifier as the benchmark does.
        """
        widths = self.widths(arch)
        width, side = widths[0], size
        weights = 9 * self.in_channels * width  # stem: 3x3 convolution and batch norm
        params, macs = weights + 2 * width, weights * side**2
        for block, out in zip(BLOCKS, widths, strict=True):
            if (
                block == "reduction"
            ):  # 3x3 stride 2, 3x3, and a 1x1 on the pooled shortcut, without batch norm
                side = -(-side // 2)
                weights, norms = 9 * width * out + 9 * out**2 + width * out, 2
            # Two 3x3 see the cell's input, three its inner nodes; a skip over a change of width is
            # a 1x1.
            else:
                weights, norms = 2 * 9 * width * out + 3 * 9 * out**2, 5
                if width != out:
                    weights, norms = weights + width * out, norms + 1
            params += weights + norms * 2 * out
            macs += weights * side**2
            width = out
        params += 2 * width + (width + 1) * classes  # last batch norm, classifier
        macs += (width + 1) * classes  # the benchmark's own counter adds one operation per bias
        return Complexity(params, macs)

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The benchmark's network, with PyTorch's default initialisation."""
        from nasrepro.oracles.spaces.netsize import NetworkSize

        return NetworkSize(BLOCKS, self.widths(arch), classes=classes, in_channels=self.in_channels)

    def blocks(self, arch: Arch) -> tuple[Block, ...]:
        """The five blocks, each with one link.

        The cell's skip over its 3 layers, the reduction's shortcut over its 2.
        """
        widths = self.widths(arch)
        return tuple(
            Block(out, 2, out, inputs=width, kernels=18)
            if block == "reduction"
            else Block(out, 3, out, inputs=width, kernels=45)
            for block, width, out in zip(BLOCKS, (widths[0], *widths), widths, strict=False)
        )
