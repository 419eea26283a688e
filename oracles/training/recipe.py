"""What determines a training on digits; apart from the trainer, so that it can be named without importing torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that determines a training besides the cell and the seed."""

    channels: int = 8
    cells: int = 1
    stages: int = 1
    epochs: int = 30
    batch: int = 64
    learning_rate: float = 0.1
    schedule: str = "cosine over the epochs, from learning_rate at the first towards 0 after the last"
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    initialisation: str = "PyTorch's default"
    train_images: int = 384
    valid_images: int = 600
    shift: int = 1
    eval_copies: int = 2
    split_seed: int = 201
