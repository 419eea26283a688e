"""Networks of the NAS-Bench-101 space, which `Dag101.build` returns.

They follow arXiv:1902.09635 (Fig. 1, Sec. 2) and the authors' model builder.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nasrepro.oracles.spaces.graph101 import vertex_channels
from nasrepro.suite.space import Graph


class ConvBNReLU(nn.Module):
    """Convolution without bias, batch norm, ReLU; the side is kept."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.op = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H, W)."""
        out: Tensor = self.op(x)
        return out


def _operation(name: str, channels: int) -> nn.Module:
    """An operation of `dag101.OPS` on `channels` channels."""
    if name == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    return ConvBNReLU(channels, channels, kernel=3 if name == "conv3x3-bn-relu" else 1)


class Cell101(nn.Module):
    """A cell by the benchmark's rules of channels.

    What the input feeds gets it through a 1x1 convolution to its own channels; an inner vertex sums
    that and the first of its sources' channels, as many as it has; the output concatenates the
    inner vertices that feed it, and adds the projected input where that does.

    Args:
        graph: the pruned cell.
        inputs: channels of its input.
        channels: channels of its output.
    """

    def __init__(self, graph: Graph, inputs: int, channels: int) -> None:
        super().__init__()
        self.matrix: list[list[bool]] = graph.adjacency.tolist()
        self.widths = [inputs, *vertex_channels(graph.adjacency, channels), channels]
        last = len(self.widths) - 1
        self.projections = nn.ModuleDict(
            {
                str(vertex): ConvBNReLU(inputs, self.widths[vertex], 1)
                for vertex in range(1, last + 1)
                if self.matrix[0][vertex]
            }
        )
        self.ops = nn.ModuleList(
            _operation(graph.ops[vertex], self.widths[vertex]) for vertex in range(1, last)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, channels, H, W)."""
        last = len(self.widths) - 1
        values = [x]
        for vertex, op in enumerate(self.ops, start=1):
            terms = [
                values[source][:, : self.widths[vertex]]
                for source in range(1, vertex)
                if self.matrix[source][vertex]
            ]
            if self.matrix[0][vertex]:
                terms.append(self.projections[str(vertex)](x))
            values.append(op(sum(terms[1:], start=terms[0])))
        feeding = [values[vertex] for vertex in range(1, last) if self.matrix[vertex][last]]
        if not feeding:
            only: Tensor = self.projections[str(last)](x)
            return only
        out = torch.cat(feeding, 1)
        return out + self.projections[str(last)](x) if self.matrix[0][last] else out


class Network101(nn.Module):
    """Stem, `stacks` stacks of `modules` cells, linear classifier.

    Between stacks there is max-pooling and twice the channels.

    Args:
        graph: the pruned cell.
        classes: outputs of the classifier.
        channels: of the stem and the first stack.
        stacks: number of stacks.
        modules: cells per stack.
        in_channels: channels of the images.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        classes: int,
        channels: int,
        stacks: int,
        modules: int,
        in_channels: int,
    ) -> None:
        super().__init__()
        self.stem = ConvBNReLU(in_channels, channels, 3)
        self.layers = nn.ModuleList()
        inputs = width = channels
        for stack in range(stacks):
            if stack:
                self.layers.append(nn.MaxPool2d(2, stride=2, ceil_mode=True))
                width *= 2
            for _ in range(modules):
                self.layers.append(Cell101(graph, inputs, width))
                inputs = width
        self.classifier = nn.Linear(width, classes)

    def features(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> what the classifier sees.

        The result has shape (batch, width of the last stack).
        """
        x = self.stem(x)
        for layer in self.layers:
            x = layer(x)
        return x.mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> logits (batch, classes)."""
        out: Tensor = self.classifier(self.features(x))
        return out
