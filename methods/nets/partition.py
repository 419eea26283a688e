"""Partitions of a network's layers between two halves of an array, for AccPar (HPCA 2020).

Networks as lists of layers, what a partition makes the halves exchange, and the cheapest partition:
exactly, and as the authors' code (linghaosong/AccPar, commit 51515db) finds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.space import Arch, SearchSpace

Values = NDArray[np.float64]
Types = NDArray[np.intp]


# -- networks --------------------------------------------------------------------------------------
class Layer(NamedTuple):
    """A convolution or a fully connected layer (kernel and sides 1).

    `side_out` is behind the pooling that follows, `side` that of the convolution's own output.
    """

    kind: Literal["conv", "fc"]
    inputs: int
    outputs: int
    kernel: int = 1
    side_in: int = 1
    side_out: int = 1
    side: int = 1
    groups: int = 1

    @property
    def weights(self) -> int:
        """Number of weights."""
        return self.inputs * self.outputs * self.kernel**2 // self.groups

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one forward pass of one image."""
        return self.weights * self.side**2


@dataclass(frozen=True)
class Network:
    """Layers in order; `shortcuts[l] = s`: the addition of layer s's output to the input of l."""

    layers: tuple[Layer, ...]
    shortcuts: Mapping[int, int] = field(default_factory=dict)

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one forward pass of one image."""
        return sum(layer.macs for layer in self.layers)

    def sizes(self, batch: float) -> Values:
        """Batch, input channels, output channels of each layer, shape (L, 3)."""
        return np.array([[batch, layer.inputs, layer.outputs] for layer in self.layers], float)


def _conv(inputs: int, outputs: int, kernel: int, before: int, after: int, pool: int = 1) -> Layer:
    return Layer("conv", inputs, outputs, kernel, before, after, after * pool)


def _lenet() -> Network:
    convs = _conv(1, 20, 5, 28, 12, 2), _conv(20, 50, 5, 12, 4, 2)
    return Network((*convs, Layer("fc", 800, 500), Layer("fc", 500, 10)))


def _alexnet() -> Network:
    convs = (
        _conv(3, 96, 11, 224, 55),
        _conv(96, 256, 5, 55, 27, 2),
        _conv(256, 384, 3, 27, 13, 2),
        _conv(384, 384, 3, 13, 13),
        _conv(384, 256, 3, 13, 6, 2),
    )
    return Network((*convs, *_classifier(9216)))


def _classifier(inputs: int) -> tuple[Layer, ...]:
    return Layer("fc", inputs, 4096), Layer("fc", 4096, 4096), Layer("fc", 4096, 1000)


def _vgg(depths: Sequence[int]) -> Network:
    layers, width, side = [], 3, 224
    for depth, outputs in zip(depths, (64, 128, 256, 512, 512), strict=True):
        for _ in range(depth - 1):
            layers.append(_conv(width, outputs, 3, side, side))
            width = outputs
        layers.append(_conv(width, outputs, 3, side, side // 2, 2))
        width, side = outputs, side // 2
    return Network((*layers, *_classifier(512 * 7 * 7)))


def _resnet(depths: Sequence[int], bottleneck: bool) -> Network:
    """As in the authors' code: all blocks of a stage have its own channels, no projections."""
    layers = [_conv(3, 64, 7, 224, 56, 2)]
    for depth, width, side in zip(depths, (64, 128, 256, 512), (56, 28, 14, 7), strict=True):
        three = _conv(width, width, 3, side, side)
        ends = _conv(width, width, 1, side, side), _conv(width, 4 * width, 1, side, side)
        layers += depth * ([ends[0], three, ends[1]] if bottleneck else [three, three])
    span = 3 if bottleneck else 2
    starts = range(1, len(layers) - span + 1, span)
    classifier = Layer("fc", 2048 if bottleneck else 512, 1000)
    return Network((*layers, classifier), {start + span: start for start in starts})


NETWORKS = {
    "LeNet": _lenet(),
    "AlexNet": _alexnet(),
    "VGG-11": _vgg((1, 1, 2, 2, 2)),
    "VGG-13": _vgg((2, 2, 2, 2, 2)),
    "VGG-16": _vgg((2, 2, 3, 3, 3)),
    "VGG-19": _vgg((2, 2, 4, 4, 4)),
    "ResNet-18": _resnet((2, 2, 2, 2), bottleneck=False),
    "ResNet-34": _resnet((3, 4, 6, 3), bottleneck=False),
    "ResNet-50": _resnet((3, 4, 6, 3), bottleneck=True),
}


def network_of(space: SearchSpace, arch: Arch, *, classes: int, size: int) -> Network:
    """The convolutions and linear layers of an architecture, as a chain."""
    return Network(
        tuple(
            Layer(
                "conv" if layer.kind == "conv" else "fc",
                layer.in_channels,
                layer.out_channels,
                layer.kernel,
                layer.in_side,
                layer.out_side,
                layer.out_side,
                layer.groups,
            )
            for layer in space.layers(arch, classes=classes, size=size)
            if layer.kind in ("conv", "linear")
        )
    )


# -- what a level costs ----------------------------------------------------------------------------
def convert(share: float) -> Values:
    """Elements of a feature map and its error that a party with `share` receives.

    As parts of one map, shape (3, 3), by the types of the layers before and after. Derived from
    what each type holds: the layer before leaves its output in rows (I), whole (II) or in
    columns (III), the one after reads its input in rows, columns or whole; errors the other way.
    """
    rest = 1 - share
    return np.array(
        [
            [0, 2 * share * rest, rest],
            [rest, rest, 0],
            [2 * share * rest, 0, rest],
        ]
    )


def level_costs(network: Network, sizes: Values, share: float) -> tuple[Values, Values]:
    """Elements that a party receives inside layers, (L, 3), and before them, (L, 3, 3)."""
    batch, inputs, outputs = sizes.T
    area = np.array([layer.kernel**2 / layer.groups for layer in network.layers])
    before = batch * inputs * np.array([layer.side_in**2 for layer in network.layers])
    after = batch * outputs * np.array([layer.side_out**2 for layer in network.layers])
    inside = np.stack([inputs * outputs * area, after, before], axis=1)
    return inside, before[:, None, None] * convert(share)


def price(
    inside: Values, between: Values, types: Sequence[int] | Types, shortcuts: Mapping[int, int]
) -> float:
    """Elements that a party receives in a level where layer l has `types[l]`."""
    chosen = np.asarray(types)
    layers = np.arange(len(chosen))
    chain = inside[layers, chosen].sum() + between[layers[1:], chosen[:-1], chosen[1:]].sum()
    return float(
        chain + sum(between[end, chosen[start], chosen[end]] for end, start in shortcuts.items())
    )


# -- dynamic programming ---------------------------------------------------------------------------
def best_types(
    inside: Values, between: Values, shortcuts: Mapping[int, int], choices: int = 3
) -> Types:
    """The types of least price, exact for shortcuts that follow one another.

    Args:
        inside: elements inside layers, from `level_costs`.
        between: elements before layers, likewise.
        shortcuts: {end: start}; one may begin where another ends, none inside another.
        choices: 2 for types I and II alone.
    """
    starts = sorted(shortcuts.values())
    if any(start < end for end, start in zip(sorted(shortcuts), starts[1:], strict=False)):
        raise NasreproError("accpar: shortcuts inside one another are not searched exactly")
    kept = slice(choices)
    least = _anchored(inside[0, kept])  # [type at the open shortcut's start, type of this layer]
    steps = []
    for layer in range(1, len(inside)):
        anchor = None
        if layer - 1 in starts:
            anchor = least.argmin(axis=0)
            least = _anchored(least.min(axis=0))
        paths = least[:, :, None] + between[layer, kept, kept]
        steps.append((anchor, paths.argmin(axis=1)))
        least = paths.min(axis=1) + inside[layer, kept]
        if layer in shortcuts:
            least = least + between[layer, kept, kept]
    start, own = divmod(int(least.argmin()), choices)
    types = [own]
    for anchor, before in reversed(steps):
        own = int(before[start, own])
        start = start if anchor is None else int(anchor[own])
        types.append(own)
    return np.array(types[::-1])


def _anchored(least: Values) -> Values:
    table = np.full((len(least), len(least)), np.inf)
    np.fill_diagonal(table, least)
    return table


def released_types(
    inside: Values, between: Values, shortcuts: Mapping[int, int], choices: int = 3
) -> Types:
    """The types that the authors' code finds.

    With shortcuts it is no optimum: the type of their start is that of the best path stored so far,
    and the first value compared, of type I before, leaves the addition out.
    """
    extra = shortcuts if choices == 3 else {}  # their HyPar knows none
    least = inside[:, :choices].copy()
    before = np.zeros((len(inside), choices), dtype=np.intp)
    before[0] = np.arange(choices)
    for layer in range(1, len(inside)):
        for own in range(choices):
            lowest, best = least[layer - 1, 0] + between[layer, 0, own], 0
            for previous in range(choices):
                cost = least[layer - 1, previous] + between[layer, previous, own]
                if layer in extra:
                    start = previous
                    for back in range(layer - 1, extra[layer], -1):
                        start = before[back, start]
                    cost += between[layer, start, own]
                if lowest > cost:
                    lowest, best = cost, previous
            least[layer, own] += lowest
            before[layer, own] = best
    types = [int(least[-1].argmin())]
    for layer in range(len(inside) - 1, 0, -1):
        types.append(int(before[layer, types[-1]]))
    return np.array(types[::-1])
