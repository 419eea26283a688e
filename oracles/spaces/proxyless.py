"""ProxylessNAS's space on ImageNet (arXiv:1812.00332): a chain of 21 inverted residuals.

Each has expansion 3 or 6 and kernel 3, 5 or 7, or is left out ("zero") where it would not change
width or side. Blocks and released networks are those of the authors' logs and of
osmr/imgclsmob (commit 08bdd083), which holds the same configurations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasrepro.oracles.spaces.layers import conv_norm, head
from nasrepro.oracles.spaces.widths import depthwise_norm, inverted_residual
from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.space import Arch, Complexity, Graph, Layer, SearchSpace

#: (expansion, kernel) by option; one more option, zero, where a block may be left out.
BLOCKS = tuple((expansion, kernel) for expansion in (3, 6) for kernel in (3, 5, 7))
ZERO = "zero"
#: Blocks and stride of each stage.
STAGES = ((4, 2), (4, 2), (4, 2), (4, 1), (4, 2), (1, 1))
_FIRST = tuple(
    block == 0 for blocks, _ in STAGES for block in range(blocks)
)  # the block that changes the width


class ProxylessSpace(SearchSpace):
    """6^6 x 7^15 chains.

    Args:
        widths: channels of the stem, of the block before the stages (expansion 1), of the six
            stages, of the last convolution; by default the search's, released networks differ.
    """

    name = "proxyless"
    cardinalities = tuple(len(BLOCKS) + (not first) for first in _FIRST)
    decisions = tuple(f"block {block}" for block in range(1, len(_FIRST) + 1))

    def __init__(self, *, widths: Sequence[int] = (32, 16, 24, 40, 80, 96, 192, 320, 1280)) -> None:
        if len(widths) != len(STAGES) + 3:
            raise NasreproError(
                f"proxyless: {list(widths)} is not {len(STAGES) + 3} widths: stem, first block, "
                f"{len(STAGES)} stages, last convolution"
            )
        self.channels = tuple(widths)

    def parse(self, text: str) -> Arch:
        """Read `e3k5-zero-...`, 21 blocks."""
        names = [*(f"e{expansion}k{kernel}" for expansion, kernel in BLOCKS), ZERO]
        parts = text.strip().split("-")
        if len(parts) != len(_FIRST) or not set(parts) <= set(names):
            raise InvalidArch(
                f"{self.name}: {text!r} is not {len(_FIRST)} of {', '.join(names)} with hyphens"
            )
        return self.arch([names.index(part) for part in parts])

    def format(self, arch: Arch) -> str:
        """The blocks with hyphens between them."""
        return "-".join(self._names(arch))

    def _names(self, arch: Arch) -> list[str]:
        self.check(arch)
        return [
            ZERO if option == len(BLOCKS) else "e{}k{}".format(*BLOCKS[option])
            for option in arch.code
        ]

    def canonical(self, arch: Arch) -> Arch:
        """The same network with the left-out blocks of each stage behind the others."""
        self.check(arch)
        code: list[int] = []
        for blocks, _ in STAGES:
            first, *rest = arch.code[len(code) : len(code) + blocks]
            code += [first, *sorted(rest, key=lambda option: option == len(BLOCKS))]
        return Arch(self.name, tuple(code))

    def graph(self, arch: Arch) -> Graph:
        """The chain of blocks."""
        ops = ("input", *self._names(arch), "output")
        return Graph(ops, np.eye(len(ops), k=1, dtype=bool))

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """All layers on an image of `size` pixels."""
        self.check(arch)
        stem, width, *stages, last = self.channels
        listed = [*conv_norm(3, stem, 3, size, stride=2)]
        listed += depthwise_norm(stem, 3, listed[-1].out_side)
        listed += conv_norm(stem, width, 1, listed[-1].out_side)
        code = iter(arch.code)
        for (blocks, stride), outputs in zip(STAGES, stages, strict=True):
            for block in range(blocks):
                option = next(code)
                if option < len(BLOCKS):
                    expansion, kernel = BLOCKS[option]
                    side, step = listed[-1].out_side, stride if block == 0 else 1
                    listed += inverted_residual(
                        width, expansion * width, outputs, kernel, side, step
                    )
                    width = outputs
        listed += conv_norm(width, last, 1, listed[-1].out_side)
        return *listed, *head(last, listed[-1].out_side, classes)

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs."""
        return Complexity.of(self.layers(arch, classes=classes, size=size))
