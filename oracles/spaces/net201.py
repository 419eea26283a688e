"""Networks of the NAS-Bench-201 space (arXiv:2001.00326, Fig. 1 and Sec. 2).

What `Cell201.build` returns.

Modules are named and ordered as in the benchmark's own network, so that weights drawn module by
module fall in place.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from nasrepro.oracles.spaces.supernet import Choice, Supernet

#: Source node of each edge, in the order of the official string, grouped by target node.
_SOURCES = ((0,), (0, 1), (0, 1, 2))


class Zero(nn.Module):
    """Operation `none`.

    It is a product and not a constant, so that what feeds it gets a gradient of zero and not none
    at all.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Zeros of the shape of `x`, (batch, C, H, W)."""
        return x.mul(0.0)


class ReLUConvBN(nn.Module):
    """ReLU, convolution without bias, batch norm.

    The side is kept at stride 1 and halved (rounding up) at stride 2.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H / stride, W / stride)."""
        out: Tensor = self.op(x)
        return out


def _operation(option: int, width: int) -> nn.Module:
    """The operation with the number `option` in `graph201.OPS`, on `width` channels."""
    if option == 0:
        return Zero()
    if option == 1:
        return nn.Identity()
    if option == 4:
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return ReLUConvBN(width, width, kernel=1 if option == 2 else 3)


class Cell(nn.Module):
    """Four nodes; a node is the sum of the operations on its incoming edges.

    Args:
        code: operation of each of the 6 edges, as in `Arch.code`.
        width: channels.
    """

    def __init__(self, code: Sequence[int], width: int) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.ModuleList(_operation(option, width) for option in code)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, H, W) -> the same shape."""
        nodes = [x]
        edges = iter(self.layers)
        for sources in _SOURCES:
            terms = [next(edges)(nodes[source]) for source in sources]
            nodes.append(sum(terms[1:], start=terms[0]))
        return nodes[-1]


class Reduction(nn.Module):
    """Residual block between two stages: half the side, twice the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_a = ReLUConvBN(inputs, outputs, kernel=3, stride=2)
        self.conv_b = ReLUConvBN(outputs, outputs, kernel=3)
        # Rounding up like the convolution's, so that images of odd side work; the same as the
        # benchmark's on even sides.
        self.downsample = nn.Sequential(
            nn.AvgPool2d(2, stride=2, ceil_mode=True, count_include_pad=False),
            nn.Conv2d(inputs, outputs, kernel_size=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H / 2, W / 2)."""
        out: Tensor = self.conv_b(self.conv_a(x)) + self.downsample(x)
        return out


class Network201(nn.Module):
    """Stem, `stages` stages of `cells` cells, a linear classifier.

    The stages have C, 2C, 4C channels, with a reduction between them.

    Args:
        code: operation of each of the 6 edges, as in `Arch.code`.
        classes: outputs of the classifier.
        channels: C, channels of the first stage.
        cells: N, cells per stage.
        stages: number of stages; the benchmark has 3.
        in_channels: channels of the images.
    """

    def __init__(
        self,
        code: Sequence[int],
        *,
        classes: int,
        channels: int,
        cells: int,
        stages: int,
        in_channels: int,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        self.cells = nn.ModuleList()
        width = channels
        for stage in range(stages):
            if stage:
                self.cells.append(Reduction(width, 2 * width))
                width *= 2
            self.cells.extend(Cell(code, width) for _ in range(cells))
        self.lastact = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(width, classes)

    def features(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> what the classifier sees.

        The result has shape (batch, width of the last stage).
        """
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        out: Tensor = self.global_pooling(self.lastact(x)).flatten(1)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> logits (batch, classes)."""
        out: Tensor = self.classifier(self.features(x))
        return out


def supernet201(network: Network201) -> Supernet:
    """The supernet around a network: every operation on every edge of its cells."""
    for cell in network.cells:
        if isinstance(cell, Cell):
            width = cell.width
            cell.layers = nn.ModuleList(
                Choice(edge, [_operation(option, width) for option in range(5)])
                for edge in range(len(cell.layers))
            )
    return Supernet(network)
