"""CompactNet's space: MobileNetV2 for CIFAR-10 with any smaller widths (arXiv:1905.11669).

Eighteen layers have a width: the stem, the projection behind its depthwise convolution, and the
projections of sixteen inverted residuals with expansion 6. The stem keeps its 32 filters, and
residual additions tie the widths of a stage, so seven decisions are left. That this is the network
is known from the authors' code (commit 34a9a9c8) and from the shapes in their checkpoints:
convolutions have a bias, only depthwise ones are followed by a batch norm, and the classifier is a
1x1 convolution. The code's index is the width less one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from nasrepro.oracles.spaces.layers import norm
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Complexity, Graph, Layer, SearchSpace

#: Widths of the trained network that is trimmed, layer by layer.
FULL = (32, 16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320)
#: Layers that share a width; the stem is none of them.
GROUPS = ((1,), (2, 3), (4, 5, 6), (7, 8, 9, 10), (11, 12, 13), (14, 15, 16), (17,))
_STRIDED = (1, 3, 6, 13)  # inverted residuals that halve the side
_LAST = 1280


class MobileNetV2Widths(SearchSpace):
    """3.9e12 networks; an architecture's code has the width less one of each group."""

    name = "mobilenetv2_widths"
    cardinalities = tuple(FULL[group[0]] for group in GROUPS)
    decisions = tuple(f"layers {group[0]} to {group[-1]}" for group in GROUPS)

    def of_widths(self, widths: Sequence[int]) -> Arch:
        """The architecture with a width for each of the 18 layers; raises InvalidArch."""
        tied = len(widths) == len(FULL) and widths[0] == FULL[0]
        if not tied or any(len({widths[i] for i in group}) > 1 for group in GROUPS):
            raise InvalidArch(
                f"{self.name}: {':'.join(map(str, widths))} is not {len(FULL)} widths that begin "
                f"with {FULL[0]} and are equal in each of the groups {GROUPS}"
            )
        return self.arch([widths[group[0]] - 1 for group in GROUPS])

    def widths(self, arch: Arch) -> tuple[int, ...]:
        """Output channels of the 18 layers."""
        self.check(arch)
        widths = [FULL[0]] * len(FULL)
        for group, option in zip(GROUPS, arch.code, strict=True):
            for layer in group:
                widths[layer] = option + 1
        return tuple(widths)

    def parse(self, text: str) -> Arch:
        """Read the seven widths, `16:24:32:64:96:160:320`."""
        parts = text.strip().split(":")
        if len(parts) != len(GROUPS) or not all(part.isdecimal() for part in parts):
            raise InvalidArch(
                f"{self.name}: {text!r} is not {len(GROUPS)} widths such as 16:24:32:64:96:160:320"
            )
        return self.arch([int(part) - 1 for part in parts])

    def format(self, arch: Arch) -> str:
        """The seven widths."""
        self.check(arch)
        return ":".join(str(option + 1) for option in arch.code)

    def graph(self, arch: Arch) -> Graph:
        """The chain of layers with their widths."""
        ops = tuple(f"conv_{width}" for width in self.widths(arch))
        return Graph(("input", *ops, "output"), np.eye(len(ops) + 2, k=1, dtype=bool))

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """All layers on an image of `size` pixels; the simulator's latencies are of 224."""

        def conv(inputs: int, outputs: int, kernel: int, side: int, stride: int = 1) -> Layer:
            return Layer(
                "conv", inputs, outputs, kernel, stride, 1, side, -(-side // stride), bias=True
            )

        def depthwise(width: int, side: int, stride: int = 1) -> tuple[Layer, Layer]:
            after = -(-side // stride)
            return Layer("conv", width, width, 3, stride, width, side, after), norm(width, after)

        widths = self.widths(arch)
        side = -(-size // 2)
        listed = [conv(3, widths[0], 3, size, 2), *depthwise(widths[0], side)]
        listed.append(conv(widths[0], widths[1], 1, side))
        for block, (inputs, outputs) in enumerate(itertools.pairwise(widths[1:]), start=1):
            listed.append(conv(inputs, 6 * inputs, 1, side))
            listed += depthwise(6 * inputs, side, 2 if block in _STRIDED else 1)
            side = listed[-1].out_side
            listed.append(conv(6 * inputs, outputs, 1, side))
        listed.append(conv(widths[-1], _LAST, 1, side))
        pooled = Layer("global_pool", _LAST, _LAST, kernel=side, in_side=side)
        return *listed, pooled, conv(_LAST, classes, 1, 1)

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs; running statistics of batch norms are no parameters."""
        return Complexity.of(self.layers(arch, classes=classes, size=size))
