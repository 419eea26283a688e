"""Networks of DenseNet-type cells: what `DenseCell.build` returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn


def _layer(inputs: int, outputs: int) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class DenseNetwork(nn.Module):
    """Stem, cells with average pooling between them, global pooling, linear classifier.

    Args:
        layers: (cell, channels of what it reads first, width, linked channels) of each layer, in
            order.
        linked: `linked(cell, layer, count, available)`: which channels the links of a layer bring.
        classes: outputs of the classifier.
        in_channels: channels of the images.
    """

    def __init__(
        self,
        layers: Sequence[tuple[int, int, int, int]],
        linked: Callable[[int, int, int, int], NDArray[np.intp]],
        *,
        classes: int,
        in_channels: int,
    ) -> None:
        super().__init__()
        self.stem = _layer(in_channels, layers[0][1])
        made: list[list[nn.Sequential]] = [[] for _ in range(layers[-1][0] + 1)]
        for cell, inputs, width, count in layers:
            layer = len(made[cell])
            channels = torch.as_tensor(linked(cell, layer, count, max(0, layer - 1) * width))
            self.register_buffer(f"links_{cell}_{layer}", channels, persistent=False)
            made[cell].append(_layer(inputs + count, width))
        self.cells = nn.ModuleList(nn.ModuleList(cell) for cell in made)
        self.classifier = nn.Linear(layers[-1][2], classes)

    def features(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> what the classifier sees.

        The result has shape (batch, width of the last cell).
        """
        x = self.stem(x)
        for number, cell in enumerate(self.cells):
            if number:
                x = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
            before: list[Tensor] = []  # outputs of the layers before the previous one
            for layer, module in enumerate(cell.children()):
                given = x
                if layer > 1:
                    channels = getattr(self, f"links_{number}_{layer}")
                    if len(channels):
                        x = torch.cat([x, torch.cat(before, dim=1)[:, channels]], dim=1)
                x = module(x)
                if layer:
                    before.append(given)
        return x.mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> logits (batch, classes)."""
        out: Tensor = self.classifier(self.features(x))
        return out
