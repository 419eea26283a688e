"""What determines a training.

Apart from the trainers, so that it can be named without importing torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer


class Schedule(Protocol):
    """How a network is optimised: what `oracles.training.loop` needs of a recipe."""

    @property
    def epochs(self) -> int:
        """Length of the schedule."""

    @property
    def batch(self) -> int:
        """Examples per step."""

    @property
    def clip(self) -> float:
        """Largest norm of the gradient, 0 for any."""

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""

    def optimiser(self, parameters: Sequence[Tensor]) -> Optimizer:
        """What makes the steps."""


@dataclass(frozen=True)
class Sgd:
    """The optimiser of NAS-Bench-201 (arXiv:2001.00326, Table 1).

    SGD with Nesterov momentum and a cosine schedule.

    Attributes:
        epochs: length of the schedule.
        batch: images per step.
        learning_rate: at the first epoch.
        schedule: in words.
        momentum: of SGD.
        nesterov: whether it is Nesterov's.
        weight_decay: of all parameters.
        initialisation: in words.
    """

    epochs: int = 30
    batch: int = 64
    learning_rate: float = 0.1
    schedule: str = (
        "cosine over the epochs, from learning_rate at the first towards 0 after the last"
    )
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    initialisation: str = "PyTorch's default"
    clip: ClassVar[float] = 0.0

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))

    def optimiser(self, parameters: Sequence[Tensor]) -> Optimizer:
        """What makes the steps."""
        from torch.optim import SGD

        return SGD(
            parameters,
            lr=self.learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
        )


@dataclass(frozen=True)
class Adam:
    """The optimiser of AutoShrink's proxy (authors' code, proxy_estimator.py): a constant rate.

    Attributes:
        epochs: length; theirs is 20 at most.
        batch: images per step; theirs is 128.
        learning_rate: of all epochs.
        weight_decay: L2 of all parameters.
    """

    epochs: int = 20
    batch: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 1e-5
    clip: ClassVar[float] = 0.0

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch."""
        return self.learning_rate

    def optimiser(self, parameters: Sequence[Tensor]) -> Optimizer:
        """What makes the steps."""
        from torch import optim

        return optim.Adam(parameters, lr=self.learning_rate, weight_decay=self.weight_decay)


@dataclass(frozen=True)
class Recipe(Sgd):
    """All that determines a training on digits besides the cell and the seed.

    Attributes:
        channels: C, channels of the one stage.
        cells: N, cells in a row.
        stages: number of stages; the grouped network has one.
        train_images: for training, stratified by class.
        valid_images: for validation; the rest is the test part.
        shift: largest shift of an image, pixels.
        eval_copies: shifted copies of each validation and test image.
        split_seed: of the split, the copies and the wrong labels.
        label_noise: fraction of the training images whose label is another class's.
    """

    channels: int = 8
    cells: int = 1
    stages: int = 1
    train_images: int = 384
    valid_images: int = 600
    shift: int = 1
    eval_copies: int = 2
    split_seed: int = 201
    label_noise: float = 0.0


@dataclass(frozen=True)
class ImageSplit:
    """Which images of a set a recipe uses, and how they are varied.

    The parts are drawn without regard to class by `split_seed`: training and validation from the
    original's training images (all of them if both are 0, halved), test from its test images.

    Attributes:
        train_images: for training; 0 is half of the original's training images.
        valid_images: for validation, none of them trained on; 0 is the other half.
        test_images: 0 is all of the original's test images.
        flip: mirror half of the training images, at random.
        shift: a random crop of the training images padded by so many black pixels on each side.
        split_seed: of the split.
    """

    train_images: int = 0
    valid_images: int = 0
    test_images: int = 0
    flip: bool = True
    shift: int = 4
    split_seed: int = 201


@dataclass(frozen=True)
class ImageRecipe(ImageSplit, Sgd):
    """All that determines a training on a set of images besides the network and the seed."""

    batch: int = 256


@dataclass(frozen=True)
class AdamRecipe(ImageSplit, Adam):
    """The same by AutoShrink's optimiser."""
