"""Networks of NATS-Bench's size space (arXiv:2009.00437; the authors' `DynamicShapeTinyNet`).

What `SizeSpace.build` returns.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from nasrepro.oracles.spaces.net201 import Reduction, ReLUConvBN


class SizeCell(nn.Module):
    """The space's one cell: 3x3 convolutions on all edges but 0 -> 3, a skip.

    Edges from node 0 carry the change of width.

    Args:
        inputs: channels of its input.
        outputs: channels of its other nodes; where they differ, the skip is a 1x1 convolution with
            batch norm.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        skip = (
            nn.Identity()
            if inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        )
        self.layers = nn.ModuleList(
            [
                ReLUConvBN(inputs, outputs, 3),  # 0 -> 1
                ReLUConvBN(inputs, outputs, 3),  # 0 -> 2
                ReLUConvBN(outputs, outputs, 3),  # 1 -> 2
                skip,  # 0 -> 3
                ReLUConvBN(outputs, outputs, 3),  # 1 -> 3
                ReLUConvBN(outputs, outputs, 3),  # 2 -> 3
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H, W)."""
        first = self.layers[0](x)
        second = self.layers[1](x) + self.layers[2](first)
        third: Tensor = self.layers[3](x) + self.layers[4](first) + self.layers[5](second)
        return third


class NetworkSize(nn.Module):
    """Stem, cells and reductions of the given widths, linear classifier.

    Args:
        blocks: "cell" or "reduction", in order.
        widths: output channels of each block; the stem has the first one's.
        classes: outputs of the classifier.
        in_channels: channels of the images.
    """

    def __init__(
        self, blocks: Sequence[str], widths: Sequence[int], *, classes: int, in_channels: int
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0])
        )
        made = zip(blocks, (widths[0], *widths), widths, strict=False)
        self.cells = nn.ModuleList(
            Reduction(before, width) if block == "reduction" else SizeCell(before, width)
            for block, before, width in made
        )
        self.lastact = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(widths[-1], classes)

    def features(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> what the classifier sees, (batch, last width)."""
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        out: Tensor = self.global_pooling(self.lastact(x)).flatten(1)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> logits (batch, classes)."""
        out: Tensor = self.classifier(self.features(x))
        return out
