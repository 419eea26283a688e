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

from nasrepro.oracles.spaces.kernels import KERNELS, Conv, divisible
from nasrepro.oracles.spaces.leafdag import LeafDag
from nasrepro.suite.errors import UnknownName
from nasrepro.suite.space import Arch, Complexity

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
        self.stem, self.stem_stride, self.head, self.in_channels = (
            divisible(stem * width),
            stem_stride,
            head,
            in_channels,
        )
        self.repeats, self.pools, self.residual = tuple(repeats), tuple(pools), residual
        #: Filters of a node in each stage.
        self.widths = tuple(divisible(filters * scale * width) for scale in scales)

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters (batch norms included) and MACs (convolutions and classifier, without biases)."""
        convs, features = self.layers(arch, size=size)
        params = sum(conv.weights + 2 * conv.channels for conv in convs)
        macs = sum(conv.weights * conv.side**2 for conv in convs)
        return Complexity(params + (features + 1) * classes, macs + features * classes)

    def layers(self, arch: Arch, *, size: int) -> tuple[list[Conv], int]:
        """Every convolution of the network for images of `size` pixels, in order.

        And the channels that the classifier sees.
        """
        graph = self.graph(arch)
        last = len(graph.ops) - 1
        sources = [np.flatnonzero(graph.adjacency[:, node]).tolist() for node in range(last + 1)]
        channels, side = self.stem, -(-size // self.stem_stride)
        convs = [Conv(9 * self.in_channels * channels, channels, side)]
        for width, pool, repeats in zip(self.widths, self.pools, self.repeats, strict=True):
            for repeat in range(repeats):
                before = channels, side
                side = -(-side // pool) if repeat == 0 else side
                outputs = [channels] + [width] * (last - 1)
                for node in range(1, last):
                    inputs = sum(outputs[source] for source in sources[node])
                    kernel, separable = KERNELS[graph.ops[node]]
                    convs.append(
                        Conv(
                            inputs * (kernel**2 + width if separable else kernel**2 * width),
                            width,
                            side,
                        )
                    )
                channels = sum(outputs[source] for source in sources[last])
                if self.residual and before != (channels, side):
                    convs.append(Conv(before[0] * channels, channels, side))
        if self.head:
            convs.append(Conv(channels * self.head, self.head, side))
        return convs, self.head or channels

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The network, with PyTorch's default initialisation."""
        from nasrepro.oracles.spaces.netnodedag import NetworkDag

        return NetworkDag(self, self.graph(arch), classes=classes)


def shrinkcnn() -> NodeDag:
    """The space of 5 nodes in ShrinkCNN's ImageNet network.

    Repeats, scales and width of the authors' README, head of their prototxt.
    """
    return NodeDag(
        nodes=5, stem_stride=2, repeats=(1, 3, 4, 6, 4), scales=(0.5, 1, 2, 4, 8), pools=(1, 2, 2, 2, 2), width=1.4, head=1280
    )  # fmt: skip
