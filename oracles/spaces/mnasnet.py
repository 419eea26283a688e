"""The space of Accel-NASBench: seven blocks of MobileNetV2 layers, as in MnasNet and EfficientNet.

A block has an expansion (1, 4, 6), a kernel (3, 5), 1 to 3 layers (the sixth up to 4) and
squeeze-excite or not. Around them stand a 3x3 stem of 32 channels with stride 2, a 1x1 convolution
to 1,280 channels and a linear classifier. Parameters and MACs equal the benchmark's for all 5,138
networks (its MACs also count batch norms and poolings, see the converter).
"""

from __future__ import annotations

import re

import numpy as np

from nasrepro.oracles.spaces.layers import conv, conv_norm, head, norm, shared
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Complexity, Graph, Layer, SearchSpace

EXPANSIONS, KERNELS = (1, 4, 6), (3, 5)
#: Most layers of each block, and the stride of its first one.
DEPTHS, STRIDES = (3, 3, 3, 3, 3, 4, 3), (1, 2, 2, 2, 1, 2, 1)
#: Channels into the first block and out of each.
WIDTHS = (32, 16, 24, 40, 80, 112, 192, 320)
_HEAD = 1280
_BLOCK = re.compile(r"e(\d)k(\d)l(\d)(s?)")


class MnasNet(SearchSpace):
    """About 10^11 networks; a code has expansion, kernel, layers, squeeze-excite of each block."""

    name = "mnasnet"
    cardinalities = tuple(n for depth in DEPTHS for n in (3, 2, depth, 2))
    decisions = tuple(
        f"{what} of block {block}"
        for block in range(len(DEPTHS))
        for what in ("expansion", "kernel", "layers", "squeeze-excite")
    )

    def parse(self, text: str) -> Arch:
        """Read seven blocks such as `e4k5l2s`, joined by `-`.

        Expansion 4, kernel 5, 2 layers, squeeze-excite.
        """
        parts = [_BLOCK.fullmatch(part) for part in text.strip().split("-")]
        code: list[int] = []
        for block, part in enumerate(parts):
            if part is None or len(parts) != len(DEPTHS):
                break
            expansion, kernel, layers = (int(digit) for digit in part.groups()[:3])
            if expansion not in EXPANSIONS or kernel not in KERNELS:
                break
            if not 1 <= layers <= DEPTHS[block]:
                break
            code += [
                EXPANSIONS.index(expansion),
                KERNELS.index(kernel),
                layers - 1,
                int(bool(part[4])),
            ]
        if len(code) != len(self.cardinalities):
            raise InvalidArch(
                f"{self.name}: {text!r} is not seven blocks such as e4k5l2s joined by - "
                f"(expansion 1, 4, 6; kernel 3, 5; layers 1 to {DEPTHS}; s for squeeze-excite)"
            )
        return Arch(self.name, tuple(code))

    def format(self, arch: Arch) -> str:
        """Seven blocks, joined by `-`."""
        return "-".join(
            f"e{expansion}k{kernel}l{layers}{'s' if squeeze else ''}"
            for expansion, kernel, layers, squeeze in self.blocks_of(arch)
        )

    def blocks_of(self, arch: Arch) -> tuple[tuple[int, int, int, bool], ...]:
        """Expansion, kernel, layers, squeeze-excite of each block."""
        self.check(arch)
        fours = (arch.code[i : i + 4] for i in range(0, len(arch.code), 4))
        return tuple((EXPANSIONS[e], KERNELS[k], n + 1, bool(s)) for e, k, n, s in fours)

    def graph(self, arch: Arch) -> Graph:
        """The chain of blocks, 9 nodes: input, seven blocks, output."""
        ops = self.format(arch).split("-")
        return Graph(("input", *ops, "output"), np.eye(len(ops) + 2, k=1, dtype=bool))

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """Stem, blocks, the 1x1 convolution behind them, classifier."""
        side = -(-size // 2)
        layers = [*conv_norm(3, WIDTHS[0], 3, size, stride=2)]
        for block, (expansion, kernel, depth, squeeze) in enumerate(self.blocks_of(arch)):
            width, out = WIDTHS[block : block + 2]
            for layer in range(depth):
                stride = 1 if layer else STRIDES[block]
                inner, after = expansion * width, -(-side // stride)
                if expansion > 1:
                    layers += conv_norm(width, inner, 1, side)
                layers.append(conv(inner, inner, kernel, side, stride=stride, groups=inner))
                layers.append(norm(inner, after))
                if squeeze:
                    layers += _squeeze(inner, max(1, width // 4), after)
                layers += conv_norm(inner, out, 1, after)
                width, side = out, after
        layers += conv_norm(WIDTHS[-1], _HEAD, 1, side)
        return (*layers, *head(_HEAD, side, classes))

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs."""
        return Complexity.of(self.layers(arch, classes=classes, size=size))


@shared
def _squeeze(channels: int, reduced: int, side: int) -> tuple[Layer, Layer, Layer]:
    return (
        Layer("global_pool", channels, channels, kernel=side, in_side=side),
        Layer("conv", channels, reduced, in_side=1, out_side=1, bias=True),
        Layer("conv", reduced, channels, in_side=1, out_side=1, bias=True),
    )
