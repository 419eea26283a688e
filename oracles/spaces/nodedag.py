"""Node-wise DAGs of convolutions.

The space of AutoShrink (arXiv:1911.09251) and, with other operations, of SwiftNet
(arXiv:1906.08305).

A cell is a `LeafDag`: node 0 is its input (max-pooled where the stage is smaller than the one
before); every other node has an operation, fed by the concatenation of all nodes with an edge to
it; the concatenation of the leaves is the output, to which a residual connection (1x1 convolution
where shapes differ) adds the cell's input.

From AutoShrink's authors' code (the papers' bodies were not read): operations {separable 3x3,
convolution 1x1}, 16 filters a node times the stage's scale, rounded to a multiple of 4; a separable
convolution has one batch norm, behind both of its halves; leaves have no ReLU where there is a
residual connection; the residual connection starts before the pooling. N = 8 and three stages are
their proxy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nasrepro.oracles.spaces.kernels import KERNELS, divisible
from nasrepro.oracles.spaces.layers import conv, conv_norm, head, pool
from nasrepro.oracles.spaces.leafdag import LeafDag
from nasrepro.suite.errors import UnknownName
from nasrepro.suite.space import Arch, Complexity, Graph, Layer

if TYPE_CHECKING:
    from torch import nn

SHRINK_OPS = ("sep_conv_3x3", "conv_1x1")

#: The released ShrinkCNN cell (authors' code, shrinkCNN-A-release-repro.prototxt): with x = node 0,
#: WL = Sep3x3(x), WR = Sep3x3(x), L = Sep3x3(x, WL), R = Conv1x1(x, WR); 6 edges of the 28 that it
#: was shrunk from.
SHRINKCNN = "0-1,0-2,0-3,0-4,1-3,2-4;sep_conv_3x3,sep_conv_3x3,sep_conv_3x3,conv_1x1"


class NodeDag(LeafDag):
    """Cells of `nodes` nodes in a network of stages.

    The defaults are the authors' proxy for CIFAR-10.

    Args:
        nodes: N, the input included.
        ops: operations, keys of `KERNELS`.
        filters: of a node at scale 1.
        stem: channels of the 3x3 stem.
        stem_stride: of the stem.
        repeats: cells of each stage.
        scales: width of each stage.
        pools: max-pooling before the first cell of each stage, 1 for none.
        width: multiplies `filters` and `stem`.
        head: channels of a 1x1 convolution before the classifier, 0 for none.
        residual: whether each cell has a residual connection.
        in_channels: channels of the image.
    """

    settings = (
        "nodes",
        "ops",
        "filters",
        "stem",
        "stem_stride",
        "repeats",
        "scales",
        "pools",
        "width",
        "head",
        "residual",
        "in_channels",
    )

    def __init__(
        self,
        *,
        nodes: int = 8,
        ops: Sequence[str] = SHRINK_OPS,
        filters: int = 16,
        stem: int = 32,
        stem_stride: int = 1,
        repeats: Sequence[int] = (1, 1, 1),
        scales: Sequence[float] = (1, 1, 1),
        pools: Sequence[int] = (1, 2, 2),
        width: float = 1.0,
        head: int = 0,
        residual: bool = True,
        in_channels: int = 3,
    ) -> None:
        for op in ops:
            if op not in KERNELS:
                raise UnknownName("operation of a node-wise DAG:", op, KERNELS)
        super().__init__(
            f"nodedag{nodes}" if tuple(ops) == SHRINK_OPS else f"nodedag{nodes}x{len(ops)}",
            nodes,
            ops,
        )
        self.filters, self.stem, self.width = filters, stem, width
        self.stem_stride, self.head, self.in_channels = stem_stride, head, in_channels
        self.repeats, self.scales, self.pools = tuple(repeats), tuple(scales), tuple(pools)
        self.residual = residual
        #: Channels of the stem, filters of a node in each stage.
        self.stem_width = divisible(stem * width)
        self.widths = tuple(divisible(filters * scale * width) for scale in scales)

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs.

        Parameters include batch norms; MACs are those of convolutions and the classifier, without
        biases.
        """
        return Complexity.of(self.layers(arch, classes=classes, size=size))

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """Stem, cells node by node, each with its residual connection last, classifier."""
        graph = self.graph(arch)
        channels, side = self.stem_width, -(-size // self.stem_stride)
        layers = [*conv_norm(self.in_channels, channels, 3, size, stride=self.stem_stride)]
        for width, pooling, repeats in zip(self.widths, self.pools, self.repeats, strict=True):
            for step in [pooling] + [1] * (repeats - 1):
                cell, outputs = self._cell_layers(graph, channels, width, side, step)
                layers += cell
                channels, side = outputs, -(-side // step)
        if self.head:
            layers += conv_norm(channels, self.head, 1, side)
            channels = self.head
        return (*layers, *head(channels, side, classes))

    def _cell_layers(
        self, graph: Graph, inputs: int, width: int, side: int, step: int
    ) -> tuple[list[Layer], int]:
        """A cell's layers, and the channels that it writes; `step` is the pooling before node 0."""
        layers = [] if step == 1 else [pool("max_pool", inputs, step, side, stride=step)]
        pooled, last = -(-side // step), len(graph.ops) - 1
        channels = np.array([inputs] + [width] * last)
        for node in range(1, last):
            read = int(channels[graph.adjacency[:, node]].sum())
            kernel, separable = KERNELS[graph.ops[node]]
            if separable:
                layers.append(conv(read, read, kernel, pooled, groups=read))
            layers += conv_norm(read, width, 1 if separable else kernel, pooled)
        outputs = int(channels[graph.adjacency[:, last]].sum())
        if self.residual and (step != 1 or inputs != outputs):
            layers += conv_norm(inputs, outputs, 1, side, stride=step)
        return layers, outputs

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The network, with PyTorch's default initialisation."""
        from nasrepro.oracles.spaces.netnodedag import NetworkDag

        return NetworkDag(
            self.graph(arch),
            classes=classes,
            stem=self.stem_width,
            stem_stride=self.stem_stride,
            stages=list(zip(self.widths, self.pools, self.repeats, strict=True)),
            head=self.head,
            residual=self.residual,
            in_channels=self.in_channels,
        )


def shrinkcnn() -> NodeDag:
    """The space of 5 nodes in ShrinkCNN's ImageNet network.

    Repeats, scales and width of the authors' README, head of their prototxt.
    """
    return NodeDag(
        nodes=5, stem_stride=2, repeats=(1, 3, 4, 6, 4), scales=(0.5, 1, 2, 4, 8),
        pools=(1, 2, 2, 2, 2), width=1.4, head=1280
    )  # fmt: skip
