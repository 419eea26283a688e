"""DenseNet-type cells with depths, widths and skip-link counts.

They are built as NN-Mass builds them (arXiv:1910.00780; authors' `model_zoo.py`).

Cell c has `depth` layers of `width` channels, twice those of the cell before. A layer reads the one
before it and, from the third on, `links` channels of all layers before that one (or all of these,
where there are fewer), drawn once and for all by a seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.spaces.layers import conv_norm, head, pool
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Block, Complexity, Graph, Layer, SearchSpace

if TYPE_CHECKING:
    from torch import nn

#: The authors' seed of the links.
LINK_SEED = 2


def linked(cell: int, layer: int, count: int, available: int) -> NDArray[np.intp]:
    """Which channels a layer's links bring, ascending, shape (count,).

    Those of fewer links are among those of more.
    """
    return np.sort(np.random.default_rng([LINK_SEED, cell, layer]).permutation(available)[:count])


class DenseCell(SearchSpace):
    """Options of the width, then of each cell's depth, then of each cell's links.

    Written `w8-d3.4.5-t0.10.40`.

    Args:
        widths: channels of a layer of the first cell.
        depths: layers of a cell, at least 3 each.
        links: channels that links may bring to a layer.
        cells: number of cells.
        in_channels: channels of the image.
    """

    name = "densecell"
    settings = ("widths", "depths", "links", "cells", "in_channels")

    def __init__(
        self,
        *,
        widths: Sequence[int] = (4, 6, 8, 12),
        depths: Sequence[int] = (3, 4, 5, 6, 7, 8),
        links: Sequence[int] = (0, 5, 10, 20, 40, 80),
        cells: int = 3,
        in_channels: int = 1,
    ) -> None:
        self.widths, self.depths, self.links = tuple(widths), tuple(depths), tuple(links)
        self.cells, self.in_channels = cells, in_channels
        self.cardinalities = (
            len(self.widths),
            *(len(self.depths),) * cells,
            *(len(self.links),) * cells,
        )
        self.decisions = (
            "width",
            *(f"depth {cell}" for cell in range(1, cells + 1)),
            *(f"links {cell}" for cell in range(1, cells + 1)),
        )

    # -- names -------------------------------------------------------------------------------------
    def parse(self, text: str) -> Arch:
        """Read `w8-d3.4.5-t0.10.40`."""
        found = re.fullmatch(r"w(\d+)-d([\d.]+)-t([\d.]+)", text.strip(), re.ASCII)
        numbers = [] if found is None else [found[1], *found[2].split("."), *found[3].split(".")]
        options = [self.widths, *(self.depths,) * self.cells, *(self.links,) * self.cells]
        if found is None or len(found[2].split(".")) != self.cells or len(numbers) != len(options):
            raise InvalidArch(
                f"{self.name}: {text!r} is not of the form w8-d3.4.5-t0.10.40, with {self.cells} "
                f"depths and {self.cells} links"
            )
        code = []
        for decision, number, accepted in zip(self.decisions, numbers, options, strict=True):
            if number not in map(str, accepted):
                raise InvalidArch(
                    f"{self.name}: {decision} {number!r} of {text!r} is not one of "
                    f"{', '.join(map(str, accepted))}"
                )
            code.append([str(each) for each in accepted].index(number))
        return Arch(self.name, tuple(code))

    def format(self, arch: Arch) -> str:
        """Width, depths and links."""
        width, depths, links = self.sizes(arch)
        return f"w{width}-d{'.'.join(map(str, depths))}-t{'.'.join(map(str, links))}"

    def sizes(self, arch: Arch) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
        """Width of the first cell, depth of each cell, links of each cell's layers."""
        self.check(arch)
        depths, links = arch.code[1 : 1 + self.cells], arch.code[1 + self.cells :]
        return (
            self.widths[arch.code[0]],
            tuple(self.depths[k] for k in depths),
            tuple(self.links[k] for k in links),
        )

    def canonical(self, arch: Arch) -> Arch:
        """With the least option that brings as many channels.

        More links than there are channels make no difference.
        """
        width, depths, links = self.sizes(arch)
        code = list(arch.code)
        for cell, (depth, count) in enumerate(zip(depths, links, strict=True)):
            all_there = (depth - 2) * (width << cell)
            if count >= all_there:
                enough = [
                    (each, option) for option, each in enumerate(self.links) if each >= all_there
                ]
                code[1 + self.cells + cell] = min(enough)[1]
        return Arch(self.name, tuple(code))

    # -- structure ---------------------------------------------------------------------------------
    def wiring(self, arch: Arch) -> Iterator[tuple[int, int, int, int]]:
        """Cell, channels of the cell before, width and linked channels of each layer, in order.

        For the first cell, the channels before are those of the stem.
        """
        width, depths, links = self.sizes(arch)
        before = width
        for cell, (depth, count) in enumerate(zip(depths, links, strict=True)):
            here = width << cell
            for layer in range(depth):
                yield (
                    cell,
                    before if layer == 0 else here,
                    here,
                    min(count, max(0, layer - 1) * here),
                )
            before = here

    def blocks(self, arch: Arch) -> tuple[Block, ...]:
        """The cells, with the links of all their layers.

        A layer's links are out of all channels of all layers before the previous one.
        """
        width, depths, links = self.sizes(arch)
        found = []
        for cell, (depth, count) in enumerate(zip(depths, links, strict=True)):
            here = width << cell
            there = [(layer - 1) * here for layer in range(2, depth)]
            linked_channels = sum(min(count, all_there) for all_there in there)
            found.append(
                Block(here, depth, linked_channels, sum(there), max(width, here // 2), 9 * depth)
            )
        return tuple(found)

    def graph(self, arch: Arch) -> Graph:
        """One node per layer, in order.

        An edge where a layer reads at least one channel of another.
        """
        layers = list(self.wiring(arch))
        adjacency = np.eye(len(layers) + 2, k=1, dtype=bool)
        first = {cell: node for node, (cell, *_) in reversed(list(enumerate(layers, start=1)))}
        for node, (cell, _, here, count) in enumerate(layers, start=1):
            layer = node - first[cell]
            for channel in linked(cell, layer, count, max(0, layer - 1) * here):
                adjacency[first[cell] + channel // here, node] = True
        return Graph(("input", *("conv_3x3" for _ in layers), "output"), adjacency)

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs; MACs count convolutions and the classifier."""
        width = self.sizes(arch)[0]
        weights = 9 * self.in_channels * width
        params, macs, here, side, at = weights + 2 * width, weights * size**2, width, size, 0
        for cell, before, here, count in self.wiring(arch):
            if cell != at:
                at, side = cell, -(-side // 2)
            weights = 9 * (before + count) * here
            params, macs = params + weights + 2 * here, macs + weights * side**2
        return Complexity(params + (here + 1) * classes, macs + here * classes)

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """Stem, layers with the poolings between cells, classifier."""
        here, side, at = self.sizes(arch)[0], size, 0
        layers = [*conv_norm(self.in_channels, here, 3, side)]
        for cell, before, width, count in self.wiring(arch):
            if cell != at:
                layers.append(pool("avg_pool", here, 2, side, stride=2))
                at, side = cell, -(-side // 2)
            layers += conv_norm(before + count, width, 3, side)
            here = width
        return (*layers, *head(here, side, classes))

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The network, with PyTorch's default initialisation."""
        from nasrepro.oracles.spaces.netdense import DenseNetwork

        return DenseNetwork(
            list(self.wiring(arch)), linked, classes=classes, in_channels=self.in_channels
        )
