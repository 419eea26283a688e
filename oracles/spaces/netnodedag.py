"""Networks of node-wise DAGs: what `NodeDag.build` returns.

The layers are those of AutoShrink's authors' code; see `nodedag`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasrepro.oracles.spaces.kernels import KERNELS
from nasrepro.suite.space import Graph


def _pooled(x: Tensor, pool: int) -> Tensor:
    """Max-pooled by `pool`, the side rounded up."""
    return x if pool == 1 else F.max_pool2d(x, pool, ceil_mode=True)


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch norm, and a ReLU unless `linear`.

    A separable convolution is in its two halves.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        separable: bool = False,
        stride: int = 1,
        linear: bool = False,
    ) -> None:
        if separable:
            convs = [
                nn.Conv2d(inputs, inputs, kernel, stride, kernel // 2, groups=inputs, bias=False),
                nn.Conv2d(inputs, outputs, 1, bias=False),
            ]
        else:
            convs = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)]
        super().__init__(*convs, nn.BatchNorm2d(outputs), *([] if linear else [nn.ReLU()]))


class DagCell(nn.Module):
    """One cell.

    Args:
        graph: the live cell, as `NodeDag.graph` gives it.
        inputs: channels of its input.
        width: channels of a node.
        pool: max-pooling of node 0.
        residual: whether the input is added to the output.
    """

    def __init__(self, graph: Graph, inputs: int, width: int, *, pool: int, residual: bool) -> None:
        super().__init__()
        last = len(graph.ops) - 1
        self.sources = [
            np.flatnonzero(graph.adjacency[:, node]).tolist() for node in range(1, last + 1)
        ]
        channels = [inputs] + [width] * (last - 1)
        leaves = self.sources[-1]
        self.outputs = sum(channels[leaf] for leaf in leaves)
        self.nodes = nn.ModuleList()
        for node in range(1, last):
            kernel, separable = KERNELS[graph.ops[node]]
            into = sum(channels[source] for source in self.sources[node - 1])
            self.nodes.append(
                ConvNorm(
                    into, width, kernel, separable=separable, linear=residual and node in leaves
                )
            )
        self.pool, self.residual = pool, residual
        same = pool == 1 and inputs == self.outputs
        self.shortcut = (
            None
            if same or not residual
            else ConvNorm(inputs, self.outputs, 1, stride=pool, linear=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H / pool, W / pool)."""
        values = [_pooled(x, self.pool)]
        for sources, node in zip(self.sources, [*self.nodes, nn.Identity()], strict=True):
            values.append(
                node(
                    torch.cat([values[source] for source in sources], dim=1)
                    if len(sources) > 1
                    else values[sources[0]]
                )
            )
        if not self.residual:
            return values[-1]
        return values[-1] + (x if self.shortcut is None else self.shortcut(x))


class NetworkDag(nn.Module):
    """Stem, stages of cells, an optional 1x1 convolution, pooling, linear classifier.

    The pooling is a global average.

    Args:
        graph: the live cell.
        classes: outputs of the classifier.
        stem: channels of the stem.
        stem_stride: of the stem.
        stages: filters of a node, max-pooling before its first cell, and cells of each stage.
        head: channels of the 1x1 convolution; 0 for none.
        residual: whether each cell has a residual connection.
        in_channels: channels of the images.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        classes: int,
        stem: int,
        stem_stride: int,
        stages: Sequence[tuple[int, int, int]],
        head: int,
        residual: bool,
        in_channels: int,
    ) -> None:
        super().__init__()
        self.stem = ConvNorm(in_channels, stem, 3, stride=stem_stride)
        channels = stem
        self.cells = nn.Sequential()
        for width, pool, repeats in stages:
            for step in [pool] + [1] * (repeats - 1):
                cell = DagCell(graph, channels, width, pool=step, residual=residual)
                self.cells.append(cell)
                channels = cell.outputs
        self.head = ConvNorm(channels, head, 1) if head else None
        self.classifier = nn.Linear(head or channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> logits (batch, classes)."""
        x = self.cells(self.stem(x))
        if self.head is not None:
            x = self.head(x)
        out: Tensor = self.classifier(x.mean((2, 3)))
        return out
