"""Throughput of training: what the table digits201 was made with, beside plain ways.

The ratios are what counts.

    tox -e bench        or: pytest tests/bench/bench_training.py --benchmark-only

One NAS-Bench-201 cell on digits by the table's recipe. Ways: the space's own network, one seed
after the other ("eager"); three seeds as one grouped network; the same in two processes side by
side. Rounds of the ways take turns, so that what else the machine does falls on all of them alike.
`images per second` counts training images, epochs and seeds included.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from nasrepro.oracles.digits201 import SPACE
from nasrepro.oracles.training import loop
from nasrepro.oracles.training.digits import DigitsLearner, initial, load_digits
from nasrepro.oracles.training.recipe import Recipe

ARCH = SPACE.parse(
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|avg_pool_3x3~2|"
)
RECIPE = Recipe(epochs=10)
SEEDS = (0, 1, 2)
ROUNDS = 3


class Eager(DigitsLearner):
    """One seed: the space's own network instead of the grouped one.

    Images and batches are the same.
    """

    def __init__(self, seed: int, data: Any) -> None:
        super().__init__(ARCH, [seed], RECIPE, data)
        self.module = initial(ARCH, seed, RECIPE)
        self.parameters = list(self.module.parameters())
        self.buffers = list(self.module.buffers())

    def losses(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return cross_entropy(self.module.train()(images), labels[:, 0], reduction="none")[:, None]

    def measure(self, part: str) -> Any:
        images, labels = self._data.valid if part == "valid" else self._data.test
        with torch.no_grad():
            return (
                (self.module.eval()(images).argmax(1) == labels)
                .float()
                .mean(0, keepdim=True)
                .numpy()
            )


def eager() -> None:
    data = load_digits(RECIPE)
    with loop.one_thread():
        for seed in SEEDS:
            loop.train(Eager(seed, data), RECIPE)


def grouped() -> None:
    data = load_digits(RECIPE)
    with loop.one_thread():
        loop.train(DigitsLearner(ARCH, SEEDS, RECIPE, data), RECIPE)


def _worker(pipe: Any) -> None:
    torch.set_num_threads(1)
    grouped()
    pipe.send("ready")
    while pipe.recv():
        grouped()
        pipe.send("done")


def test_throughput(benchmark: Any, note: Callable[..., None]) -> None:
    images = RECIPE.epochs * RECIPE.train_images * len(SEEDS)
    context = multiprocessing.get_context("spawn")
    pipes, team = [], []
    for _ in range(2):
        here, there = context.Pipe()
        team.append(context.Process(target=_worker, args=(there,), daemon=True))
        team[-1].start()
        pipes.append(here)
    for pipe in pipes:
        assert pipe.recv() == "ready"

    def two_processes() -> None:
        for pipe in pipes:
            pipe.send(True)
        for pipe in pipes:
            pipe.recv()

    eager()
    seconds: dict[str, list[float]] = {
        "eager, one seed after the other": [],
        "three seeds grouped": [],
        "grouped, two processes": [],
    }

    def turn() -> None:
        for each, work in zip(seconds.values(), (eager, grouped, two_processes), strict=True):
            began = time.perf_counter()
            work()
            each.append(time.perf_counter() - began)

    try:
        benchmark.pedantic(turn, rounds=ROUNDS)
    finally:
        for pipe in pipes:
            pipe.send(False)
        for process in team:
            process.join(10)
    slowest = median(seconds["eager, one seed after the other"])
    for what, measured in seconds.items():
        work = 2 if "two" in what else 1
        ratio = median(
            one * work / each
            for one, each in zip(seconds["eager, one seed after the other"], measured, strict=True)
        )
        rate = work * images / median(measured)
        benchmark.extra_info[what] = {"images_per_s": rate, "ratio": ratio}
        note(f"digits201, {what}: {rate:,.0f} images/s, {ratio:.2f} x", median(measured))
    assert slowest > 0
