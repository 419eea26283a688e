"""The DARTS space (arXiv:1806.09055, section 3.1): a normal and a reduction cell of four nodes.

A node adds two operations, each on the output of another earlier node: of the two cells before, 0
and 1, or of the nodes 2 to 5 themselves. The cell's output is all four, side by side.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from nasrepro.oracles.spaces.layers import conv, conv_norm, head, norm, pool, shared
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Complexity, Graph, Layer, SearchSpace

if TYPE_CHECKING:
    from torch import nn

OPS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
CELLS = ("normal", "reduce")
NODES = (2, 3, 4, 5)
#: Which two of the earlier nodes a node may read, in the order of the option.
INPUTS = {node: tuple(combinations(range(node), 2)) for node in NODES}
_GENOTYPE = re.compile(
    r"Genotype\(normal=(?P<normal>\[.*?\]), normal_concat=(?P<normal_concat>[^=]*), "
    r"reduce=(?P<reduce>\[.*?\]), reduce_concat=(?P<reduce_concat>[^=]*)\)"
)


class Edge(NamedTuple):
    """An operation on the output of `source`, added to node `target`."""

    source: int
    target: int
    op: str


Cell = tuple[Edge, ...]


class DartsCell(SearchSpace):
    """For each cell and node which two earlier nodes it reads, and the operation on either.

    Written as the authors' `Genotype(normal=[...], normal_concat=range(2, 6), ...)`.

    Args:
        channels: of the first cell; doubled by each reduction cell.
        cells: in a row; those at a third and at two thirds are reduction cells.
        stem: what comes before the cells: one convolution, or ImageNet's three with stride 2.
        in_channels: channels of the images.
    """

    name = "darts"
    settings = ("channels", "cells", "stem", "in_channels")

    def __init__(
        self,
        *,
        channels: int = 32,
        cells: int = 8,
        stem: Literal["cifar", "imagenet"] = "cifar",
        in_channels: int = 3,
    ) -> None:
        self.channels, self.cells, self.stem = channels, cells, stem
        self.in_channels = in_channels
        decisions, cardinalities = [], []
        for cell in CELLS:
            for node in NODES:
                if len(INPUTS[node]) > 1:
                    decisions.append(f"inputs of {cell} {node}")
                    cardinalities.append(len(INPUTS[node]))
                for place in ("first", "second"):
                    decisions.append(f"{place} operation of {cell} {node}")
                    cardinalities.append(len(OPS))
        self.decisions, self.cardinalities = tuple(decisions), tuple(cardinalities)

    # -- names -------------------------------------------------------------------------------------
    def edges(self, arch: Arch) -> dict[str, Cell]:
        """The eight edges of either cell, by target, then source."""
        self.check(arch)
        options = iter(arch.code)
        return {cell: tuple(_read(options)) for cell in CELLS}

    def wire(self, cells: dict[str, Iterable[Edge]]) -> Arch:
        """The architecture of these edges, in any order; inverse of `edges`.

        Raises:
            InvalidArch: not two edges to each node, from two earlier ones, with known operations.
        """
        return Arch(self.name, tuple(option for cell in CELLS for option in _code(cells[cell])))

    def parse(self, text: str) -> Arch:
        """Read a genotype as DARTS and its successors print it.

        The two edges of a node may stand in either order.
        """
        genotype = _GENOTYPE.fullmatch(" ".join(text.split()))
        if genotype is None:
            raise InvalidArch(
                f"{self.name}: {text[:200]!r} is not of the form Genotype(normal=[('skip_connect', "
                "0), ...], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6))"
            )
        for cell in CELLS:
            concat = re.sub(r"[()\[\] ]", "", genotype[f"{cell}_concat"])
            if concat not in ("range2,6", "2,3,4,5"):
                raise InvalidArch(
                    f"{self.name}: {cell}_concat={genotype[f'{cell}_concat']} is not the four "
                    "nodes 2, 3, 4, 5; this space has no other cells"
                )
        return self.wire({cell: _listed(cell, genotype[cell]) for cell in CELLS})

    def format(self, arch: Arch) -> str:
        """The genotype, the edges of a node by their source."""
        parts = []
        for cell, edges in self.edges(arch).items():
            pairs = ", ".join(f"({edge.op!r}, {edge.source})" for edge in edges)
            parts.append(f"{cell}=[{pairs}], {cell}_concat=range(2, 6)")
        return f"Genotype({', '.join(parts)})"

    def canonical(self, arch: Arch) -> Arch:
        """The least code of the same cells with their nodes renumbered.

        Nodes are summed and set side by side, so their order changes nothing but the numbering of
        channels.
        """
        least = (_least(edges) for edges in self.edges(arch).values())
        return Arch(self.name, tuple(itertools.chain(*least)))

    # -- structure ---------------------------------------------------------------------------------
    def graph(self, arch: Arch) -> Graph:
        """Both cells side by side, 22 nodes: input, two cells' two inputs and 8 edges, output."""
        ops, links = ["input"], []
        for cell, edges in self.edges(arch).items():
            first = len(ops)
            ops += [f"{cell} {source}" for source in (0, 1)]
            links += [(0, first), (0, first + 1)]
            writers: dict[int, list[int]] = {0: [first], 1: [first + 1]}
            for edge in edges:
                links += [(writer, len(ops)) for writer in writers[edge.source]]
                writers.setdefault(edge.target, []).append(len(ops))
                ops.append(edge.op if cell == "normal" else f"reduce {edge.op}")
        ops.append("output")
        adjacency = np.zeros((len(ops), len(ops)), dtype=bool)
        adjacency[tuple(np.transpose(links))] = True
        adjacency[[i for i, op in enumerate(ops) if op.split()[-1] in OPS], -1] = True
        return Graph(tuple(ops), adjacency)

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """Of the network that is evaluated (the authors' `model.py`), without auxiliary heads.

        Pooling there has no batch norm, unlike in the supernet.
        """
        edges = self.edges(arch)
        layers, before, last, reduced = self._stem(size)
        width = self.channels
        for kind in self._kinds():
            width *= 2 if kind == "reduce" else 1
            channels, side = last
            if reduced:
                layers += _halving(*before, width)
            else:
                layers += conv_norm(before[0], width, 1, before[1])
            layers += conv_norm(channels, width, 1, side)
            for edge in edges[kind]:
                stride = 2 if kind == "reduce" and edge.source < 2 else 1
                inner = side if edge.source < 2 or kind == "normal" else -(-side // 2)
                layers += _operation(edge.op, width, inner, stride)
            before, reduced = last, kind == "reduce"
            last = 4 * width, -(-side // 2) if reduced else side
        return (*layers, *head(*last, classes))

    def _stem(self, size: int) -> tuple[list[Layer], tuple[int, int], tuple[int, int], bool]:
        """Layers, channels and side of the two outputs, whether the second is half the first."""
        width = self.channels
        if self.stem == "cifar":
            out = 3 * width, size
            return [*conv_norm(self.in_channels, 3 * width, 3, size)], out, out, False
        half, quarter = -(-size // 2), -(-size // 4)
        layers = [
            *conv_norm(self.in_channels, width // 2, 3, size, stride=2),
            *conv_norm(width // 2, width, 3, half, stride=2),
            *conv_norm(width, width, 3, quarter, stride=2),
        ]
        return layers, (width, quarter), (width, -(-quarter // 2)), True

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs."""
        return Complexity.of(self.layers(arch, classes=classes, size=size))

    def supernet_params(self, arch: Arch, *, classes: int) -> int:
        """Parameters with the supernet's operations, whose batch norms have none.

        What NASLib counts.
        """
        total, width = self.complexity(arch, classes=classes, size=32).params, self.channels
        edges = self.edges(arch)
        for kind in self._kinds():
            width *= 2 if kind == "reduce" else 1
            for edge in edges[kind]:
                stride = 2 if kind == "reduce" and edge.source < 2 else 1
                layers = _operation(edge.op, width, 1, stride)
                total -= sum(layer.params for layer in layers if layer.kind == "batch_norm")
        return total

    def _kinds(self) -> list[str]:
        """Of the cells, in a row."""
        reducing = (self.cells // 3, 2 * self.cells // 3)
        return ["reduce" if cell in reducing else "normal" for cell in range(self.cells)]

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The authors' evaluation network, with PyTorch's default initialisation."""
        from nasrepro.oracles.spaces.netdarts import NetworkDarts

        return NetworkDarts(
            self.edges(arch),
            classes=classes,
            channels=self.channels,
            count=self.cells,
            stem=self.stem,
            in_channels=self.in_channels,
        )


def _read(options: Iterator[int]) -> Iterator[Edge]:
    """The edges of the next cell."""
    for node in NODES:
        pair = INPUTS[node][next(options) if len(INPUTS[node]) > 1 else 0]
        for source in pair:
            yield Edge(source, node, OPS[next(options)])


def _code(edges: Iterable[Edge]) -> Iterator[int]:
    """The options of one cell's decisions."""
    listed = list(edges)
    for node in NODES:
        own = sorted(edge for edge in listed if edge.target == node)
        pair = tuple(edge.source for edge in own)
        if pair not in INPUTS[node]:
            raise InvalidArch(
                f"darts: node {node} reads {list(pair)}, not two different ones of the nodes "
                f"0..{node - 1}"
            )
        if len(INPUTS[node]) > 1:
            yield INPUTS[node].index(pair)
        for edge in own:
            if edge.op not in OPS:
                raise InvalidArch(f"darts: {edge.op!r} is not one of {', '.join(OPS)}")
            yield OPS.index(edge.op)
    if len(listed) != 2 * len(NODES):
        raise InvalidArch(f"darts: a cell has {2 * len(NODES)} edges, not {len(listed)}")


def _options(edges: Iterable[Edge]) -> tuple[int, ...]:
    return tuple(_code(edges))


def _listed(cell: str, text: str) -> list[Edge]:
    """The edges of `[('sep_conv_3x3', 1), ...]`: two for each node in turn."""
    try:
        pairs = [(str(op), int(source)) for op, source in ast.literal_eval(text)]
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise InvalidArch(
            f"darts: {cell}={text[:200]} is not a list of pairs such as ('sep_conv_3x3', 1)"
        ) from None
    return [Edge(source, 2 + place // 2, op) for place, (op, source) in enumerate(pairs)]


@lru_cache(maxsize=1 << 14)
def _least(edges: Cell) -> tuple[int, ...]:
    """The least options of a cell, however its nodes are numbered."""
    return min(_options(renumbered) for renumbered in _renumbered(edges))


def _renumbered(edges: Cell) -> Iterator[list[Edge]]:
    """The cell under every numbering of its nodes in which edges ascend."""
    for order in permutations(NODES):
        names = {0: 0, 1: 1, **dict(zip(NODES, order, strict=True))}
        if all(names[edge.source] < names[edge.target] for edge in edges):
            moved = [Edge(names[edge.source], names[edge.target], edge.op) for edge in edges]
            yield sorted(moved, key=lambda edge: (edge.target, edge.source))


@shared
def _halving(channels: int, side: int, outputs: int) -> tuple[Layer, ...]:
    """Two 1x1 convolutions with stride 2, one shifted by a pixel, side by side."""
    half = conv(channels, outputs // 2, 1, side, stride=2)
    return half, half, norm(outputs, half.out_side)


@shared
def _operation(op: str, width: int, side: int, stride: int) -> tuple[Layer, ...]:
    """The layers of one edge, on `width` channels."""
    if op == "skip_connect":
        return () if stride == 1 else _halving(width, side, width)
    if op.endswith("pool_3x3"):
        kind: Literal["avg_pool", "max_pool"] = "avg_pool" if op.startswith("avg") else "max_pool"
        return (pool(kind, width, 3, side, stride=stride),)
    kernel, after = int(op[-1]), -(-side // stride)
    first = (conv(width, width, kernel, side, stride=stride, groups=width),)
    if op.startswith("dil"):
        return (*first, *conv_norm(width, width, 1, after))
    second = conv(width, width, kernel, after, groups=width)
    return (*first, *conv_norm(width, width, 1, after), second, *conv_norm(width, width, 1, after))
