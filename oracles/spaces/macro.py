"""The NAS-Bench-Macro space (arXiv:2103.11922).

3^8 networks, each of eight layers one of three blocks.

The layers form stages of 2, 3 and 3; the first layer of a stage halves the image and doubles the
channels (32, 64, 128, 256). Blocks are those of MobileNetV2: expansion 3 with a 3x3 kernel, or
expansion 6 with a 5x5 kernel; an identity in the first layer of a stage is a 1x1 convolution with
stride 2. That this is the network is known from the authors' public training code; parameters and
MACs below equal the benchmark's file for all 6,561 networks.

An identity inside a stage does nothing, so where it stands does not matter: the authors trained
3,969 networks, and `canonical` gives the one that stands for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasrepro.oracles.spaces.layers import conv, conv_norm, head, norm
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Complexity, Graph, Growth, Layer, SearchSpace

if TYPE_CHECKING:
    from nasrepro.oracles.spaces.netmacro import NetworkMacro
    from nasrepro.oracles.spaces.supernet import Supernet

OPS = ("identity", "mbconv3_k3", "mbconv6_k5")
STAGES = (2, 3, 3)
LAYERS = sum(STAGES)
#: (expansion, kernel) of the options that are not the identity.
_BLOCKS = {1: (3, 3), 2: (6, 5)}
_FIRST = tuple(sum(STAGES[:stage]) for stage in range(len(STAGES)))


class MacroSpace(SearchSpace):
    """6,561 networks; an architecture's code is the option of each layer.

    0 identity, 1 `mbconv3_k3`, 2 `mbconv6_k5`.

    Args:
        channels: of the stem.
        head: channels of the 1x1 convolution before the classifier.
        in_channels: channels of the image.
    """

    name = "macro"
    cardinalities = (len(OPS),) * LAYERS
    decisions = tuple(f"layer {layer}" for layer in range(1, LAYERS + 1))
    settings = ("channels", "head", "in_channels")

    def __init__(self, *, channels: int = 32, head: int = 1280, in_channels: int = 3) -> None:
        self.channels, self.head, self.in_channels = channels, head, in_channels

    def parse(self, text: str) -> Arch:
        """Read `22212220`."""
        digits = text.strip()
        if len(digits) != LAYERS or not set(digits) <= set("012"):
            raise InvalidArch(
                f"{self.name}: {text!r} is not {LAYERS} digits such as 22212220 (0 identity, 1 "
                "mbconv3_k3, 2 mbconv6_k5)"
            )
        return Arch(self.name, tuple(map(int, digits)))

    def format(self, arch: Arch) -> str:
        """The benchmark's own string."""
        self.check(arch)
        return "".join(map(str, arch.code))

    def canonical(self, arch: Arch) -> Arch:
        """The same network with the identities of each stage behind its blocks.

        The stage's first layer stays.
        """
        self.check(arch)
        code: list[int] = []
        for first, layers in zip(_FIRST, STAGES, strict=True):
            head, *rest = arch.code[first : first + layers]
            code += [
                head,
                *sorted(rest, key=lambda option: option == 0),
            ]  # a stable sort: blocks keep their order
        return Arch(self.name, tuple(code))

    def graph(self, arch: Arch) -> Graph:
        """The chain of layers, 10 nodes: input, eight layers, output."""
        self.check(arch)
        return Graph(
            ("input", *(OPS[option] for option in arch.code), "output"),
            np.eye(LAYERS + 2, k=1, dtype=bool),
        )

    def convs(self, arch: Arch) -> int:
        """Convolutions in the layers: three in a block, one in an identity that begins a stage."""
        self.check(arch)
        return sum(3 if option else int(layer in _FIRST) for layer, option in enumerate(arch.code))

    def growth(self) -> tuple[Growth, ...]:
        """Stage by stage, the layers of later ones all `mbconv3_k3`."""
        ends = [*_FIRST[1:], LAYERS]
        return tuple(
            Growth(tuple(range(first, end)), tuple(range(end)), (1,) * LAYERS)
            for first, end in zip(_FIRST, ends, strict=True)
        )

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """Stem, blocks, the 1x1 convolution behind them, classifier."""
        self.check(arch)
        width, side = self.channels, size
        layers = [*conv_norm(self.in_channels, width, 3, side)]
        for layer, option in enumerate(arch.code):
            begins = layer in _FIRST
            out, stride = (2 * width, 2) if begins else (width, 1)
            after = -(-side // stride)
            if option:
                expansion, kernel = _BLOCKS[option]
                inner = expansion * width
                layers += [
                    *conv_norm(width, inner, 1, side),
                    conv(inner, inner, kernel, side, stride=stride, groups=inner),
                    norm(inner, after),
                    *conv_norm(inner, out, 1, after),
                ]
            elif begins:
                layers += conv_norm(width, out, 1, side, stride=stride)
            width, side = out, after
        layers += conv_norm(width, self.head, 1, side)
        return (*layers, *head(self.head, side, classes))

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs.

        MACs count convolutions and the classifier's weights, as the benchmark's "flops" do.
        """
        self.check(arch)
        width, side = self.channels, size
        stem = 9 * self.in_channels * width
        params, macs = stem + 2 * width, stem * side**2  # stem: 3x3 convolution and batch norm
        for layer, option in enumerate(arch.code):
            begins = layer in _FIRST
            out, after = (2 * width, -(-side // 2)) if begins else (width, side)
            if option:
                expansion, kernel = _BLOCKS[option]
                inner = expansion * width
                widen, depthwise, narrow = width * inner, kernel**2 * inner, inner * out
                params += widen + depthwise + narrow + 2 * (2 * inner + out)
                macs += widen * side**2 + (depthwise + narrow) * after**2
            elif begins:
                params += width * out + 2 * out
                macs += width * out * after**2
            width, side = out, after
        head = self.head  # 1x1 convolution and batch norm, then the classifier
        params += width * head + 2 * head + (head + 1) * classes
        macs += width * head * side**2 + head * classes
        return Complexity(params, macs)

    def build(self, arch: Arch, *, classes: int) -> NetworkMacro:
        """The benchmark's network, with PyTorch's default initialisation."""
        from nasrepro.oracles.spaces.netmacro import NetworkMacro

        self.check(arch)
        blocks = [_BLOCKS.get(option) for option in arch.code]
        return NetworkMacro(
            blocks,
            stages=STAGES,
            classes=classes,
            channels=self.channels,
            head=self.head,
            in_channels=self.in_channels,
        )

    def supernet(self, *, classes: int) -> Supernet:
        """All 6,561 networks in one."""
        from nasrepro.oracles.spaces.netmacro import supernet_macro

        return supernet_macro(
            self.build(self.arch((0,) * LAYERS), classes=classes),
            [_BLOCKS.get(option) for option in range(len(OPS))],
            stages=STAGES,
            channels=self.channels,
        )
