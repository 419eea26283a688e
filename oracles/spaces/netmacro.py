"""Networks of the NAS-Bench-Macro space (arXiv:2103.11922; the authors' training code).

What `MacroSpace.build` returns.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from nasrepro.oracles.spaces.supernet import Choice, Supernet


class InvertedResidual(nn.Module):
    """MobileNetV2's block: 1x1 to `expansion` times the channels, depthwise, 1x1 without ReLU.

    A residual where the shape is kept.

    Args:
        inputs: channels of its input.
        outputs: channels of its output.
        stride: of the depthwise convolution.
        expansion: inner channels over `inputs`.
        kernel: of the depthwise convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, kernel: int) -> None:
        super().__init__()
        inner = expansion * inputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(
                inner, inner, kernel, stride=stride, padding=kernel // 2, groups=inner, bias=False
            ),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.residual = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H / stride, W / stride)."""
        out: Tensor = self.conv(x)
        return out + x if self.residual else out


def _layer(block: tuple[int, int] | None, inputs: int, outputs: int) -> nn.Module:
    """A layer; the first of a stage, which changes the width, halves the image."""
    begins = inputs != outputs
    if block is not None:
        return InvertedResidual(inputs, outputs, 2 if begins else 1, *block)
    if not begins:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), nn.BatchNorm2d(outputs)
    )


class NetworkMacro(nn.Module):
    """Stem, layers, a 1x1 convolution to `head` channels, linear classifier.

    Args:
        blocks: (expansion, kernel) of each layer; None for an identity, which in the first layer of
            a stage is a strided 1x1 convolution.
        stages: layers per stage; each halves the image and doubles the channels.
        classes: outputs of the classifier.
        channels: of the stem.
        head: what the classifier sees.
        in_channels: channels of the images.
    """

    def __init__(
        self,
        blocks: Sequence[tuple[int, int] | None],
        *,
        stages: Sequence[int],
        classes: int,
        channels: int,
        head: int,
        in_channels: int,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        layers: list[nn.Module] = []
        width, todo = channels, iter(blocks)
        for stage in stages:
            for layer in range(stage):
                out = 2 * width if layer == 0 else width
                layers.append(_layer(next(todo), width, out))
                width = out
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Conv2d(width, head, 1, bias=False),
            nn.BatchNorm2d(head),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Linear(head, classes)

    def features(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> what the classifier sees, (batch, head)."""
        out: Tensor = self.head(self.layers(self.stem(x))).flatten(1)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> logits (batch, classes)."""
        out: Tensor = self.classifier(self.features(x))
        return out


def supernet_macro(
    network: NetworkMacro,
    options: Sequence[tuple[int, int] | None],
    *,
    stages: Sequence[int],
    channels: int,
) -> Supernet:
    """The supernet around a network: every option in every layer."""
    width = channels
    for layer in range(len(network.layers)):
        out = 2 * width if layer in (sum(stages[:stage]) for stage in range(len(stages))) else width
        network.layers[layer] = Choice(layer, [_layer(block, width, out) for block in options])
        width = out
    return Supernet(network)
