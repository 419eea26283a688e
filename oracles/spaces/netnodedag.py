"""Networks of node-wise DAGs: what `NodeDag.build` returns.

The layers are those of AutoShrink's authors' code; see `nodedag`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasrepro.oracles.spaces.kernels import KERNELS

if TYPE_CHECKING:
    from nasrepro.oracles.spaces.nodedag import NodeDag
    from nasrepro.suite.space import Graph


def _pooled(x: Tensor, pool: int) -> Tensor:
    """Max-pooled by `pool`, the side rounded up."""
    return x if pool == 1 else F.max_pool2d(x, pool, ceil_mode=True)


class ConvNorm(nn.Sequential):
    """Convolution without bias (a separable one in its two halves), batch norm, and a ReLU unless `linear`."""

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
    """Stem, stages of cells, an optional 1x1 convolution, global average pooling, linear classifier.

    Args:
        space: widths, repeats, pools, stem, head.
        graph: the live cell.
        classes: outputs of the classifier.
    """

    def __init__(self, space: NodeDag, graph: Graph, *, classes: int) -> None:
        super().__init__()
        self.stem = ConvNorm(space.in_channels, space.stem, 3, stride=space.stem_stride)
        channels = space.stem
        self.cells = nn.Sequential()
        for width, pool, repeats in zip(space.widths, space.pools, space.repeats, strict=True):
            for repeat in range(repeats):
                cell = DagCell(
                    graph, channels, width, pool=pool if repeat == 0 else 1, residual=space.residual
                )
                self.cells.append(cell)
                channels = cell.outputs
        self.head = ConvNorm(channels, space.head, 1) if space.head else None
        self.classifier = nn.Linear(space.head or channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> logits (batch, classes)."""
        x = self.cells(self.stem(x))
        if self.head is not None:
            x = self.head(x)
        out: Tensor = self.classifier(x.mean((2, 3)))
        return out
