"""CompactNet's space: MobileNetV2 for CIFAR-10 with any smaller widths (arXiv:1905.11669).

Eighteen layers have a width: the stem, the projection behind its depthwise convolution, and the
projections of sixteen inverted residuals with expansion 6. The stem keeps its 32 filters, and
residual additions tie the widths of a stage, so seven decisions are left. That this is the network
is known from the authors' code (commit 34a9a9c8) and from the shapes in their checkpoints:
convolutions have a bias, only depthwise ones are followed by a batch norm, and the classifier is a
1x1 convolution.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from nasrepro.oracles.spaces.widths import WidthSpace, depthwise_norm
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Layer

#: Widths of the trained network that is trimmed, layer by layer.
FULL = (32, 16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320)
#: Layers that share a width; the stem is none of them.
GROUPS = ((1,), (2, 3), (4, 5, 6), (7, 8, 9, 10), (11, 12, 13), (14, 15, 16), (17,))
_STRIDED = (1, 3, 6, 13)  # inverted residuals that halve the side
_LAST = 1280


class MobileNetV2Widths(WidthSpace):
    """3.9e12 networks; a decision is the width of a group of layers."""

    name = "mobilenetv2_widths"
    cardinalities = tuple(FULL[group[0]] for group in GROUPS)
    decisions = tuple(f"layers {group[0]} to {group[-1]}" for group in GROUPS)

    def of_layers(self, widths: Sequence[int]) -> Arch:
        """The architecture with a width for each of the 18 layers; raises InvalidArch."""
        tied = len(widths) == len(FULL) and widths[0] == FULL[0]
        if not tied or any(len({widths[i] for i in group}) > 1 for group in GROUPS):
            raise InvalidArch(
                f"{self.name}: {':'.join(map(str, widths))} is not {len(FULL)} widths that begin "
                f"with {FULL[0]} and are equal in each of the groups {GROUPS}"
            )
        return self.of_widths([widths[group[0]] for group in GROUPS])

    def layer_widths(self, arch: Arch) -> tuple[int, ...]:
        """Output channels of the 18 layers."""
        widths = [FULL[0]] * len(FULL)
        for group, width in zip(GROUPS, self.widths(arch), strict=True):
            for layer in group:
                widths[layer] = width
        return tuple(widths)

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """All layers on an image of `size` pixels; the simulator's latencies are of 224."""

        def conv(inputs: int, outputs: int, kernel: int, side: int, stride: int = 1) -> Layer:
            return Layer(
                "conv", inputs, outputs, kernel, stride, 1, side, -(-side // stride), bias=True
            )

        widths = self.layer_widths(arch)
        side = -(-size // 2)
        listed = [conv(3, widths[0], 3, size, 2), *depthwise_norm(widths[0], 3, side)]
        listed.append(conv(widths[0], widths[1], 1, side))
        for block, (inputs, outputs) in enumerate(itertools.pairwise(widths[1:]), start=1):
            listed.append(conv(inputs, 6 * inputs, 1, side))
            listed += depthwise_norm(6 * inputs, 3, side, 2 if block in _STRIDED else 1)
            side = listed[-1].out_side
            listed.append(conv(6 * inputs, outputs, 1, side))
        listed.append(conv(widths[-1], _LAST, 1, side))
        pooled = Layer("global_pool", _LAST, _LAST, kernel=side, in_side=side)
        return *listed, pooled, conv(_LAST, classes, 1, 1)
