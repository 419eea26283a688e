"""What determines a training.

Apart from the trainers, so that it can be named without importing torch.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class ImageRecipe(Sgd):
    """All that determines a training on a set of images besides the network and the seed.

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

    batch: int = 256
    train_images: int = 0
    valid_images: int = 0
    test_images: int = 0
    flip: bool = True
    shift: int = 4
    split_seed: int = 201
