"""Networks of the DARTS space (arXiv:1806.09055; the authors' evaluation network, `model.py`).

What `DartsCell.build` returns. Auxiliary heads and drop-path, which train it, are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


def _convolved(inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution, batch norm."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def _separable(width: int, kernel: int, stride: int, dilation: int = 1) -> nn.Sequential:
    """ReLU, depthwise convolution, 1x1, batch norm."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(width, width, kernel, stride, padding, dilation, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
    )


class Halving(nn.Module):
    """Two 1x1 convolutions with stride 2, the second shifted by a pixel, side by side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = (
            nn.Conv2d(inputs, outputs // 2, 1, 2, bias=False) for _ in range(2)
        )
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H / 2, W / 2); odd sides are padded."""
        x = nn.functional.pad(torch.relu(x), (0, 1, 0, 1))
        halves = [self.first(x[:, :, :-1, :-1]), self.second(x[:, :, 1:, 1:])]
        out: Tensor = self.norm(torch.cat(halves, dim=1))
        return out


def operation(name: str, width: int, stride: int) -> nn.Module:
    """The operation of one edge."""
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else Halving(width, width)
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, 1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    kernel = int(name[-1])
    if name.startswith("dil"):
        return _separable(width, kernel, stride, dilation=2)
    return nn.Sequential(_separable(width, kernel, stride), _separable(width, kernel, 1))


class CellDarts(nn.Module):
    """One cell: four nodes, each the sum of two operations on earlier ones, side by side.

    Args:
        edges: (source, target, operation) of each edge.
        before: channels of the output of the last cell but one.
        last: channels of the output of the last cell.
        width: channels of a node.
        reduces: whether the side is halved.
        halved: whether the last cell's side is half of that of the one before.
    """

    def __init__(
        self,
        edges: Sequence[tuple[int, int, str]],
        *,
        before: int,
        last: int,
        width: int,
        reduces: bool,
        halved: bool,
    ) -> None:
        super().__init__()
        self.inputs = nn.ModuleList(
            [
                Halving(before, width) if halved else _convolved(before, width),
                _convolved(last, width),
            ]
        )
        self.edges = [(source, target) for source, target, _ in edges]
        self.operations = nn.ModuleList(
            operation(name, width, 2 if reduces and source < 2 else 1) for source, _, name in edges
        )

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """The outputs of the last two cells -> (batch, 4 * width, H, W)."""
        nodes = [self.inputs[0](before), self.inputs[1](last)]
        for (source, target), apply in zip(self.edges, self.operations, strict=True):
            value = apply(nodes[source])
            if target == len(nodes):
                nodes.append(value)
            else:
                nodes[target] = nodes[target] + value
        return torch.cat(nodes[2:], dim=1)


class NetworkDarts(nn.Module):
    """Stem, cells, linear classifier.

    Args:
        cells: edges (source, target, operation), by target, of the cells "normal" and "reduce".
        classes: outputs of the classifier.
        channels: of a node of the first cell.
        count: number of cells.
        stem: "cifar" (one convolution) or "imagenet" (three, with stride 2).
        in_channels: channels of the images.
    """

    def __init__(
        self,
        cells: Mapping[str, Sequence[tuple[int, int, str]]],
        *,
        classes: int,
        channels: int,
        count: int,
        stem: str,
        in_channels: int,
    ) -> None:
        super().__init__()
        self.second_stem: nn.Module | None = None
        if stem == "cifar":
            before = last = 3 * channels
            self.stem = nn.Sequential(
                nn.Conv2d(in_channels, last, 3, padding=1, bias=False), nn.BatchNorm2d(last)
            )
        else:
            before = last = channels
            self.stem = nn.Sequential(
                nn.Conv2d(in_channels, channels // 2, 3, 2, 1, bias=False),
                nn.BatchNorm2d(channels // 2),
                *_convolved(channels // 2, channels, 3, 2),
            )
            self.second_stem = _convolved(channels, channels, 3, 2)
        self.cells, width, halved = nn.ModuleList(), channels, stem == "imagenet"
        for place in range(count):
            reduces = place in (count // 3, 2 * count // 3)
            width *= 2 if reduces else 1
            self.cells.append(
                CellDarts(
                    cells["reduce" if reduces else "normal"],
                    before=before,
                    last=last,
                    width=width,
                    reduces=reduces,
                    halved=halved,
                )
            )
            before, last, halved = last, 4 * width, reduces
        self.pool, self.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(last, classes)

    def features(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> what the classifier sees, (batch, 4 * width)."""
        before = self.stem(x)
        last = before if self.second_stem is None else self.second_stem(before)
        for cell in self.cells:
            before, last = last, cell(before, last)
        pooled: Tensor = self.pool(last)
        return pooled.flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> logits (batch, classes)."""
        logits: Tensor = self.classifier(self.features(x))
        return logits
