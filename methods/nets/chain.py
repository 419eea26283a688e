"""A plain chain of convolutions, and how long the rest of a budget lets a network train."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from nasrepro.suite.errors import NasreproError

if TYPE_CHECKING:
    from nasrepro.suite.oracle import Workshop
    from nasrepro.suite.search import Session


class Chain(nn.Module):
    """3x3 convolutions with batch norm and ReLU, global pooling, linear classifier.

    Args:
        shape: of an image: channels, height, width.
        widths: channels of each convolution; the middle one halves the image.
        classes: outputs.
    """

    def __init__(self, shape: tuple[int, int, int], widths: Sequence[int], classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number, (inputs, width) in enumerate(zip((shape[0], *widths), widths, strict=False)):
            stride = 2 if number == len(widths) // 2 else 1
            conv = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(width), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, channels, H, W) -> logits (batch, classes)."""
        out: Tensor = self.classifier(self.layers(x).mean((2, 3)))
        return out


def widths_of(network: nn.Module) -> list[int]:
    """Channels of each convolution, in order."""
    return [module.out_channels for module in network.modules() if isinstance(module, nn.Conv2d)]


def step_s(session: Session, shop: Workshop, network: nn.Module, batch: int = 64) -> float:
    """Seconds that are booked for a step of training on a whole batch; one is booked for this."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()  # the statistics of batch norms stay as they are
    batches = shop.batches("train", batch)
    next(batches)
    images, _ = next(batches)  # what was done before is booked now
    before_s = session.clock_s
    network(images)
    next(batches)
    for module, training in modes:
        module.training = training
    return session.clock_s - before_s


def epochs_left(session: Session, shop: Workshop, network: nn.Module, share: float = 1.0) -> int:
    """Epochs of training that a share of what is left of the budget pays for.

    Raises:
        NasreproError: the budget has no seconds.
    """
    if session.budget.seconds is None:
        raise NasreproError(
            "a method that trains until the budget ends needs a budget in seconds; give one"
        )
    steps = -(-shop.images["train"] // 64)
    epoch_s = steps * step_s(session, shop, network)
    return max(0, int(share * (session.budget.seconds - session.clock_s) / epoch_s))


def cosine(share: float, rate: float = 0.1) -> float:
    """Learning rate when a share of the training is over."""
    return 0.5 * rate * (1 + math.cos(math.pi * share))
