"""HAQ's space (arXiv:1811.08886): bit widths of MobileNetV2's weights and activations."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from nasrepro.oracles.spaces.widths import MobileNetV2Channels
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Complexity, Graph, Layer, SearchSpace

_NETWORK = MobileNetV2Channels()
_FULL = _NETWORK.of_widths(_NETWORK.cardinalities)
LAYERS, MOST = 53, 8


class MobileNetV2Bits(SearchSpace):
    """1 to 8 bits for weights and activations of 53 layers; an option is the bits less one."""

    name = "mobilenetv2_bits"
    cardinalities = (MOST,) * (2 * LAYERS)
    decisions = tuple(
        f"{part} {layer}" for layer in range(1, LAYERS + 1) for part in ("weights", "activations")
    )

    def of_policy(self, policy: Sequence[Sequence[int]]) -> Arch:
        """The architecture of (weight bits, activation bits) by layer."""
        return self.arch([bits - 1 for pair in policy for bits in pair])

    def policy(self, arch: Arch) -> tuple[tuple[int, int], ...]:
        """(weight bits, activation bits) by layer."""
        self.check(arch)
        bits = [option + 1 for option in arch.code]
        return tuple(zip(bits[::2], bits[1::2], strict=True))

    def parse(self, text: str) -> Arch:
        """Read `w8a8-w5a6-...`."""
        found = [re.fullmatch(r"w(\d)a(\d)", part) for part in text.strip().split("-")]
        if len(found) != LAYERS or None in found:
            raise InvalidArch(f"{self.name}: {text!r} is not {LAYERS} layers such as w8a8-w5a6-...")
        return self.of_policy([(int(pair[1]), int(pair[2])) for pair in found if pair])

    def format(self, arch: Arch) -> str:
        """Bits of the layers with hyphens between them."""
        return "-".join(f"w{weights}a{activations}" for weights, activations in self.policy(arch))

    def graph(self, arch: Arch) -> Graph:
        """The chain of layers with their bits."""
        ops = ("input", *self.format(arch).split("-"), "output")
        return Graph(ops, np.eye(len(ops), k=1, dtype=bool))

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """All layers of MobileNetV2; bit widths change none."""
        self.check(arch)
        return _NETWORK.layers(_FULL, classes=classes, size=size)

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Parameters and MACs of MobileNetV2, the same for all bit widths."""
        return Complexity.of(self.layers(arch, classes=classes, size=size))
