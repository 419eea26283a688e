"""Networks of NAS-Bench-201 cells trained on scikit-learn's digits.

All seeds of a cell are trained at once as one grouped network.

Seed g owns the channels g*C .. (g+1)*C-1 of every layer, its own weights, batch order and shifts,
so its result is that of training it alone, up to the rounding of float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from nasrepro.oracles.images.sets import split_digits
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.graph201 import CONV1, CONV3, EDGES, NONE, POOL, SKIP
from nasrepro.oracles.training import loop
from nasrepro.oracles.training.recipe import Recipe
from nasrepro.suite.errors import ProtocolError
from nasrepro.suite.oracle import closed_to_methods
from nasrepro.suite.space import Arch

CLASSES = 10
SIDE = 8
EPSILON = 1e-5  # of batch norm, PyTorch's default
#: Images of an evaluation batch: small enough to stay in the cache.
EVAL_BATCH = 200


# -- data ------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Digits:
    """The three parts; images are normalised float32.

    Attributes:
        train: padded images, (train_images, 1, 8 + 2 shift, 8 + 2 shift), to be cropped by
            `shifted`; and labels.
        valid: all shifted copies, (eval_copies * valid_images, 1, 8, 8), and labels.
        test: likewise.
    """

    train: tuple[Tensor, Tensor]
    valid: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


def shifted(padded: Tensor, offsets: Tensor) -> Tensor:
    """Crop each padded image at its own offset.

    Args:
        padded: (n, 1, side + 2 shift, side + 2 shift).
        offsets: row and column of the crop's corner, (n, 2), each 0..2 shift.

    Returns:
        (n, 1, side, side).
    """
    reach = torch.arange(SIDE)
    rows = (offsets[:, 0, None] + reach)[:, :, None]
    columns = (offsets[:, 1, None] + reach)[:, None, :]
    return padded[torch.arange(len(padded))[:, None, None], 0, rows, columns].unsqueeze(1)


def load_digits(recipe: Recipe) -> Digits:
    """The fixed, stratified split of scikit-learn's 1,797 digits.

    It comes with fixed shifted copies of the digits for evaluation.
    """
    from sklearn.datasets import load_digits as load

    closed_to_methods("the digits")
    bunch = load()
    images, labels = bunch.images.astype(np.float32), bunch.target.astype(np.int64)
    train, valid, test = split_digits(recipe.train_images, recipe.valid_images, recipe.split_seed)
    edge = recipe.shift
    mean, std = images[train].mean(), images[train].std()
    padded = torch.from_numpy(
        (np.pad(images, ((0, 0), (edge, edge), (edge, edge))) - mean) / std
    ).unsqueeze(1)
    target = torch.from_numpy(labels)
    generator = torch.Generator().manual_seed(recipe.split_seed)

    def copies(part: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        chosen = torch.from_numpy(np.tile(part, recipe.eval_copies))
        offsets = torch.randint(0, 2 * edge + 1, (len(chosen), 2), generator=generator)
        return shifted(padded[chosen], offsets), target[chosen]

    valid_part, test_part = copies(valid), copies(test)
    learned = target[train].clone()
    wrong = torch.randperm(len(train), generator=generator)[
        : round(recipe.label_noise * len(train))
    ]
    steps = torch.randint(1, CLASSES, (len(wrong),), generator=generator)
    learned[wrong] = (learned[wrong] + steps) % CLASSES
    return Digits((padded[train], learned), valid_part, test_part)


# -- the grouped network ---------------------------------------------------------------------------
def space_of(recipe: Recipe) -> Cell201:
    """The space whose networks are those of the recipe."""
    return Cell201(
        channels=recipe.channels, cells=recipe.cells, stages=recipe.stages, in_channels=1
    )


def initial(arch: Arch, seed: int, recipe: Recipe) -> nn.Module:
    """The network of `arch` with the initial weights of `seed`.

    The global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return space_of(recipe).build(arch, classes=CLASSES)


class Grouped:
    """The networks of several seeds of one cell, evaluated as one.

    Layers of one kind share one parameter tensor.

    Args:
        arch: the cell; the network must have one stage.
        networks: one per seed, as `initial` makes them.
        recipe: the recipe they were made with.
    """

    def __init__(self, arch: Arch, networks: Sequence[nn.Module], recipe: Recipe) -> None:
        if recipe.stages != 1:
            raise ProtocolError(
                f"the grouped network has one stage, not {recipe.stages}; train with stages=1"
            )
        states = [network.state_dict() for network in networks]
        self.groups, self.cells, self.code = len(states), recipe.cells, arch.code
        layers = [
            (f"cells.{cell}.layers.{edge}.op", op)
            for cell in range(recipe.cells)
            for edge, op in enumerate(arch.code)
        ]
        norms = [
            "stem.1",
            *(f"{name}.2" for name, op in layers if op in (CONV1, CONV3)),
            "lastact.0",
        ]

        def joined(name: str) -> Tensor:
            return torch.cat([state[name] for state in states])

        def stacked(names: list[str]) -> Tensor:
            return torch.stack([joined(name) for name in names]) if names else torch.empty(0)

        self.parameters: dict[str, Tensor] = {
            "stem": joined("stem.0.weight"),
            "conv1": stacked([f"{name}.1.weight" for name, op in layers if op == CONV1]),
            "conv3": stacked([f"{name}.1.weight" for name, op in layers if op == CONV3]),
            "scale": stacked([f"{norm}.weight" for norm in norms]),
            "offset": stacked([f"{norm}.bias" for norm in norms]),
            "classifier": torch.stack([state["classifier.weight"] for state in states]),
            "bias": torch.stack([state["classifier.bias"] for state in states]),
        }
        for parameter in self.parameters.values():
            parameter.requires_grad_()
        self.running_mean = stacked([f"{norm}.running_mean" for norm in norms])
        self.running_var = stacked([f"{norm}.running_var" for norm in norms])

    def __call__(self, x: Tensor, *, training: bool) -> Tensor:
        """Logits, (batch, seeds, classes).

        Args:
            x: images, (batch, seeds, 8, 8), one for each seed; or, where it is not trained,
                (batch, 1, 8, 8), one for all.
            training: whether norms take their statistics from the batch.
        """
        kernels = {
            CONV1: iter(self.parameters["conv1"].unbind()),
            CONV3: iter(self.parameters["conv3"].unbind()),
        }
        scale, offset = self.parameters["scale"], self.parameters["offset"]
        # a norm with fixed statistics is a scale and an offset, which the convolution before it
        # takes in
        if not training:
            scale = scale / (self.running_var + EPSILON).sqrt()
            offset = offset - self.running_mean * scale
        norms = zip(
            self.running_mean.unbind(),
            self.running_var.unbind(),
            scale.unbind(),
            offset.unbind(),
            strict=True,
        )

        def conv_norm(x: Tensor, kernel: Tensor) -> Tensor:
            mean, var, scale, offset = next(norms)
            if training:
                x = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2, groups=self.groups)
                return F.batch_norm(
                    x, mean, var, scale, offset, training=True, momentum=0.1, eps=EPSILON
                )
            return F.conv2d(
                x,
                kernel * scale[:, None, None, None],
                offset,
                padding=kernel.shape[-1] // 2,
                groups=min(self.groups, x.shape[1]),
            )

        x = x.contiguous(memory_format=torch.channels_last)  # faster than rows of channels
        # an image of one channel is in both forms at once, and what follows takes it for rows
        stem = conv_norm(x, self.parameters["stem"])
        x = stem.contiguous(memory_format=torch.channels_last)
        for _ in range(self.cells):
            x = self._cell(x, kernels, conv_norm)
        mean, var, scale, offset = next(norms)
        if training:
            x = F.batch_norm(x, mean, var, scale, offset, training=True, momentum=0.1, eps=EPSILON)
        else:
            x = x * scale[:, None, None] + offset[:, None, None]
        pooled = F.relu(x).mean((2, 3)).view(len(x), self.groups, -1)
        return (
            torch.einsum("bgc,gkc->bgk", pooled, self.parameters["classifier"])
            + self.parameters["bias"]
        )

    def _cell(
        self,
        x: Tensor,
        kernels: Mapping[int, Iterator[Tensor]],
        conv_norm: Callable[[Tensor, Tensor], Tensor],
    ) -> Tensor:
        """One cell; zeros are not added, and a node's ReLU and average pool are computed once."""
        nodes: list[Tensor | None] = [x, None, None, None]
        rectified: dict[int, Tensor] = {}
        averaged: dict[int, Tensor] = {}
        for op, (source, target) in zip(self.code, EDGES, strict=True):
            if op == NONE:
                continue
            value = nodes[source]
            if value is None:
                value = torch.zeros_like(x)
            if op == POOL:
                if source not in averaged:
                    averaged[source] = F.avg_pool2d(
                        value, 3, stride=1, padding=1, count_include_pad=False
                    )
                value = averaged[source]
            elif op != SKIP:
                if source not in rectified:
                    rectified[source] = F.relu(value)
                value = conv_norm(rectified[source], next(kernels[op]))
            known = nodes[target]
            nodes[target] = value if known is None else known + value
        return torch.zeros_like(x) if nodes[3] is None else nodes[3]


# -- training --------------------------------------------------------------------------------------
class DigitsLearner:
    """The seeds of one cell on digits, see `oracles.training.loop.Learner`."""

    metric = "accuracy"

    def __init__(self, arch: Arch, seeds: Sequence[int], recipe: Recipe, data: Digits) -> None:
        self.network = Grouped(arch, [initial(arch, seed, recipe) for seed in seeds], recipe)
        self.seeds, self._recipe, self._data = len(seeds), recipe, data
        self.examples = len(data.train[1])
        # Drawn apart from the weights, so that all cells see the same batches for the same seed.
        self.streams = [torch.Generator().manual_seed(1_000_003 * (seed + 1)) for seed in seeds]
        self.parameters = [
            parameter for parameter in self.network.parameters.values() if parameter.numel()
        ]
        self.buffers = [self.network.running_mean, self.network.running_var]

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Images (batch, seeds, 8, 8) and labels (batch, seeds)."""
        padded, labels = self._data.train
        orders = [torch.randperm(len(labels), generator=stream) for stream in self.streams]
        reach = 2 * self._recipe.shift + 1
        offsets = [
            torch.randint(0, reach, (len(labels), 2), generator=stream) for stream in self.streams
        ]
        images = torch.cat(
            [shifted(padded[order], offset) for order, offset in zip(orders, offsets, strict=True)],
            dim=1,
        )
        targets = torch.stack([labels[order] for order in orders], dim=1)
        return zip(images.split(self._recipe.batch), targets.split(self._recipe.batch), strict=True)

    def losses(self, images: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy, (batch, seeds)."""
        logits = self.network(images, training=True)
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(
            labels.shape
        )

    def measure(self, part: str) -> NDArray[np.float32]:
        """Fraction of correct predictions of each seed, (seeds,)."""
        images, labels = self._data.valid if part == "valid" else self._data.test
        correct = torch.zeros(self.seeds)
        with torch.no_grad():
            for x, y in zip(images.split(EVAL_BATCH), labels.split(EVAL_BATCH), strict=True):
                logits = self.network(x, training=False)
                correct += (logits.argmax(2) == y[:, None]).sum(0)
        out: NDArray[np.float32] = (correct.double() / len(labels)).numpy().astype(np.float32)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What training one cell gave, for each seed.

    A diverged training has NaN losses and the accuracy of what it predicts.

    Attributes:
        valid_accuracy: fraction after each epoch, float32, (seeds, epochs).
        train_loss: mean cross-entropy over the epoch's images, nats, float32, (seeds, epochs).
        test_accuracy: fraction after the last epoch, float32, (seeds,).
        epoch_s: CPU seconds of one epoch of training of one seed, without the evaluations, float32,
            (seeds,).
    """

    valid_accuracy: NDArray[np.float32]
    train_loss: NDArray[np.float32]
    test_accuracy: NDArray[np.float32]
    epoch_s: NDArray[np.float32]


def train(arch: Arch, seeds: Sequence[int], recipe: Recipe, data: Digits) -> Outcome:
    """Train `arch` once per seed, all seeds at once.

    The same seed gives the same result on the same machine.
    """
    learner = DigitsLearner(arch, seeds, recipe, data)
    curves = loop.train(learner, recipe)
    each = np.full(len(seeds), curves.epoch_s.mean() / len(seeds), np.float32)
    return Outcome(curves.valid, curves.train_loss, learner.measure("test"), each)
