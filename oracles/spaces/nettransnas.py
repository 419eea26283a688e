"""Networks of the two TransNAS-Bench-101 spaces (arXiv:2105.11871; the authors' code).

What their `build` returns.

The backbone is the one that `complexity` counts, with the benchmark's head for its two
classification tasks on it, global pooling and a linear layer; the decoders of the other tasks are
not built.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasrepro.oracles.spaces.net201 import ReLUConvBN

#: Source node of each edge, in the order of the official string, grouped by target node.
_SOURCES = ((0,), (0, 1), (0, 1, 2))


class Zero(nn.Module):
    """Operation `none`: zeros of the shape that the edge leads to.

    Its gradient is zero and not none at all.
    """

    def __init__(self, outputs: int, stride: int) -> None:
        super().__init__()
        self.outputs, self.stride = outputs, stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H / stride, W / stride)."""
        zeros = x[:, :1, :: self.stride, :: self.stride].mul(0.0)
        return zeros.expand(-1, self.outputs, -1, -1)


class FactorizedReduce(nn.Module):
    """A skip that halves the side.

    ReLU, two strided 1x1 convolutions, the second one pixel off, side by side; batch norm.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        halves = outputs // 2, outputs - outputs // 2
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, half, 1, stride=2, bias=False) for half in halves
        )
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H / 2, W / 2)."""
        x = F.relu(x)
        shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        out: Tensor = self.bn(torch.cat([self.convs[0](x), self.convs[1](shifted)], 1))
        return out


def _operation(option: int, inputs: int, outputs: int, stride: int) -> nn.Module:
    """The operation with the number `option` in `transnas.OPS`."""
    if option == 0:
        return Zero(outputs, stride)
    if option == 1:
        return (
            nn.Identity() if (inputs, stride) == (outputs, 1) else FactorizedReduce(inputs, outputs)
        )
    return ReLUConvBN(inputs, outputs, 1 if option == 2 else 3, stride)


class MicroCell(nn.Module):
    """Four nodes, each the sum of the operations on its incoming edges.

    Those from node 0 carry the change of shape.

    Args:
        code: operation of each of the 6 edges, as in `Arch.code`.
        inputs: channels of its input.
        outputs: channels of its other nodes.
        stride: 2 where the side is halved.
    """

    def __init__(self, code: Sequence[int], inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        sources = [source for group in _SOURCES for source in group]
        self.edges = nn.ModuleList(
            _operation(option, *((outputs, outputs, 1) if source else (inputs, outputs, stride)))
            for option, source in zip(code, sources, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H / stride, W / stride)."""
        nodes = [x]
        edges = iter(self.edges)
        for sources in _SOURCES:
            terms = [next(edges)(nodes[source]) for source in sources]
            nodes.append(sum(terms[1:], start=terms[0]))
        return nodes[-1]


class BasicBlock(nn.Module):
    """ResNet's basic block in the order ReLU, convolution, batch norm.

    The shortcut has a 1x1 convolution where the shape changes.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv_a = ReLUConvBN(inputs, outputs, 3, stride)
        self.conv_b = ReLUConvBN(outputs, outputs, 3)
        self.downsample: nn.Module = nn.Identity()
        if (inputs, stride) != (outputs, 1):
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H / stride, W / stride)."""
        out: Tensor = self.downsample(x) + self.conv_b(self.conv_a(x))
        return out


class NetworkTransNas(nn.Module):
    """Stem, modules of two blocks, global pooling, linear layer.

    Convolutions drawn by He's rule (fan out), as the authors draw them.

    Args:
        block: makes a block of (inputs, outputs, stride).
        modules: (whether it widens, whether it halves the image) of each module.
        classes: outputs of the linear layer.
        channels: behind the stem.
        stem_stride: of each of the stem's two convolutions.
        in_channels: channels of the images.
    """

    def __init__(
        self,
        block: Callable[[int, int, int], nn.Module],
        modules: Sequence[tuple[bool, bool]],
        *,
        classes: int,
        channels: int,
        stem_stride: int,
        in_channels: int,
    ) -> None:
        super().__init__()
        half = channels // 2
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, half, 3, stride=stem_stride, padding=1, bias=False),
            nn.BatchNorm2d(half),
            ReLUConvBN(half, channels, 3, stem_stride),
        )
        blocks: list[nn.Module] = []
        width = channels
        for widens, halves in modules:
            out = 2 * width if widens else width
            blocks += [block(width, out, 2 if halves else 1), block(out, out, 1)]
            width = out
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> what the linear layer sees.

        The result has shape (batch, width of the last module).
        """
        out: Tensor = self.blocks(self.stem(x))
        return out.mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, in_channels, H, W) -> logits (batch, classes)."""
        out: Tensor = self.head(self.features(x))
        return out
