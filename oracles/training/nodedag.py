"""Networks of node-wise DAGs trained as AutoShrink's proxy trains them.

The setting is that of the authors' code (`proxy_estimator.py`), at a reduced size.

Kept: Adam at a constant 4e-3, L2 1e-5, the best validation accuracy of all epochs as the answer.
Left out: their three early stops.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nasrepro.oracles.spaces.nodedag import NodeDag
from nasrepro.oracles.training.loop import one_thread
from nasrepro.suite.oracle import closed_to_methods
from nasrepro.suite.space import Arch


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Normalised float32 images (n, channels, side, side) and their labels (n,).

    Attributes:
        train: padded by `shift` pixels on each side, cropped at random; and labels.
        valid: not padded; and labels.
        test: likewise.
        shift: largest shift of a training image, pixels.
    """

    train: tuple[Tensor, Tensor]
    valid: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    shift: int


def train(
    space: NodeDag,
    arch: Arch,
    images: Images,
    *,
    classes: int,
    epochs: int,
    seed: int,
    batch: int,
    learning_rate: float,
    decay: float,
) -> Mapping[str, float]:
    """Train one network from scratch on one thread.

    Args:
        space: what builds the network.
        arch: the cell.
        images: the data.
        classes: outputs of the network.
        epochs: length.
        seed: of weights, order and shifts; the global random state is left as it was.
        batch: images in a step.
        learning_rate: of Adam.
        decay: L2 of Adam.

    Returns:
        `valid_accuracy`: best of all epochs, `test_accuracy`: after the last one, `cost_s`: CPU
          seconds of training and validation.
        A training whose loss is no longer finite ends there, and has NaN for both accuracies.
    """
    closed_to_methods("a trainer")
    with one_thread():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = space.build(arch, classes=classes)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        stream = torch.Generator().manual_seed(1_000_003 * (seed + 1))
        optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, weight_decay=decay)
        started = time.process_time()
        best = 0.0
        for _ in range(epochs):
            network.train()
            total = torch.zeros(())
            for x, y in _batches(images, batch, stream):
                optimiser.zero_grad()
                loss = F.cross_entropy(network(x), y)
                loss.backward()
                optimiser.step()
                total += loss.detach()
            if not math.isfinite(float(total)):
                return {
                    "valid_accuracy": math.nan,
                    "test_accuracy": math.nan,
                    "cost_s": time.process_time() - started,
                }
            best = max(best, _accuracy(network, images.valid))
        cost_s = time.process_time() - started
        return {
            "valid_accuracy": best,
            "test_accuracy": _accuracy(network, images.test),
            "cost_s": cost_s,
        }


def _batches(
    images: Images, batch: int, stream: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches of randomly shifted images.

    The last, smaller one is left out, as in the authors' code.
    """
    padded, labels = images.train
    side = padded.shape[-1] - 2 * images.shift
    order = torch.randperm(len(labels), generator=stream)
    offsets = torch.randint(0, 2 * images.shift + 1, (len(labels), 2), generator=stream)
    rows = (offsets[:, 0, None] + torch.arange(side))[:, None, :, None]
    columns = (offsets[:, 1, None] + torch.arange(side))[:, None, None, :]
    channels = torch.arange(padded.shape[1])[None, :, None, None]
    shifted = padded[torch.arange(len(labels))[:, None, None, None], channels, rows, columns]
    for chosen in order[: len(order) // batch * batch].split(batch):
        yield shifted[chosen].contiguous(memory_format=torch.channels_last), labels[chosen]


def _accuracy(network: torch.nn.Module, part: tuple[Tensor, Tensor]) -> float:
    """Fraction of correct predictions."""
    network.eval()
    with torch.no_grad():
        correct = sum(
            int((network(x.contiguous(memory_format=torch.channels_last)).argmax(1) == y).sum())
            for x, y in zip(part[0].split(200), part[1].split(200), strict=True)
        )
    return correct / len(part[1])
