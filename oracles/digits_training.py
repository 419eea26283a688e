"""`digits201`: every functionally distinct NAS-Bench-201 cell really trained on scikit-learn's digits; trainer and table maker.

One command makes the table, two make it and describe it:

    python -m oracles.digits_training --out DIR --seeds 0 1 2 --workers 2
    python -m oracles.digits_training --out DIR --collect oracles/data/digits201.parquet

The seeds of a cell are trained at once as one grouped network: seed g owns the channels g*C .. (g+1)*C-1 of every layer,
its own weights, batch order and shifts, so its result is that of training it alone, up to the rounding of float32.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import multiprocessing
import os
import platform
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from oracles.spaces.cell201 import CONV1, CONV3, EDGES, NONE, POOL, SKIP, Cell201
from suite.errors import DataCorrupt, DataMissing, ProtocolError
from suite.files import replacing, write_text
from suite.space import Arch

CLASSES = 10
EPSILON = 1e-5  # of batch norm, PyTorch's default
SIDE = 8
SPACE = Cell201()
#: Cells per shard file: what a killed worker loses at most.
SHARD = 16
#: Images of an evaluation batch: small enough to stay in the cache.
EVAL_BATCH = 200
#: Seed of `work_order`.
ORDER_SEED = 0


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


# -- data ------------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Digits:
    """The three parts; images are normalised float32.

    Attributes:
        train: padded images, (train_images, 1, 8 + 2 shift, 8 + 2 shift), to be cropped by `shifted`; and labels.
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
    """The fixed, stratified split of scikit-learn's 1,797 digits, and its fixed shifted copies for evaluation."""
    from sklearn.datasets import load_digits as load
    from sklearn.model_selection import train_test_split

    bunch = load()
    images, labels = bunch.images.astype(np.float32), bunch.target.astype(np.int64)
    rest, train = train_test_split(
        np.arange(len(labels)), test_size=recipe.train_images, stratify=labels, random_state=recipe.split_seed
    )
    test, valid = train_test_split(rest, test_size=recipe.valid_images, stratify=labels[rest], random_state=recipe.split_seed)
    edge = recipe.shift
    mean, std = images[train].mean(), images[train].std()
    padded = torch.from_numpy((np.pad(images, ((0, 0), (edge, edge), (edge, edge))) - mean) / std).unsqueeze(1)
    target = torch.from_numpy(labels)
    generator = torch.Generator().manual_seed(recipe.split_seed)

    def copies(part: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        chosen = torch.from_numpy(np.tile(part, recipe.eval_copies))
        offsets = torch.randint(0, 2 * edge + 1, (len(chosen), 2), generator=generator)
        return shifted(padded[chosen], offsets), target[chosen]

    return Digits((padded[train], target[train]), copies(valid), copies(test))


# -- the grouped network ---------------------------------------------------------------------------------------------------
def initial(arch: Arch, seed: int, recipe: Recipe) -> nn.Module:
    """The network of `arch` with the initial weights of `seed`; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SPACE.build(
            arch, classes=CLASSES, channels=recipe.channels, cells=recipe.cells, stages=recipe.stages, in_channels=1
        )


class Grouped:
    """The networks of several seeds of one cell, evaluated as one; layers of one kind share one parameter tensor.

    Args:
        arch: the cell; the network must have one stage.
        networks: one per seed, as `initial` makes them.
        recipe: the recipe they were made with.
    """

    def __init__(self, arch: Arch, networks: Sequence[nn.Module], recipe: Recipe) -> None:
        if recipe.stages != 1:
            raise ProtocolError(f"the grouped network has one stage, not {recipe.stages}; train with stages=1")
        states = [network.state_dict() for network in networks]
        self.groups, self.cells, self.code = len(states), recipe.cells, arch.code
        names = [f"cells.{cell}.layers.{edge}.op" for cell in range(recipe.cells) for edge, op in enumerate(arch.code) if op in (CONV1, CONV3)]

        def joined(name: str) -> Tensor:
            return torch.cat([state[name] for state in states])

        def stacked(layers: list[str], shape: tuple[int, ...]) -> Tensor:
            return torch.stack([joined(layer) for layer in layers]) if layers else torch.empty((0, *shape))

        norms = ["stem.1", *(f"{name}.2" for name in names), "lastact.0"]
        self.parameters: dict[str, Tensor] = {
            "stem": joined("stem.0.weight"),
            "conv1": stacked([f"{n}.1.weight" for n in names if arch.code[int(n.split(".")[3])] == CONV1], (1,)),
            "conv3": stacked([f"{n}.1.weight" for n in names if arch.code[int(n.split(".")[3])] == CONV3], (1,)),
            "scale": stacked([f"{norm}.weight" for norm in norms], (1,)),
            "offset": stacked([f"{norm}.bias" for norm in norms], (1,)),
            "classifier": torch.stack([state["classifier.weight"] for state in states]),
            "bias": torch.stack([state["classifier.bias"] for state in states]),
        }
        for parameter in self.parameters.values():
            parameter.requires_grad_()
        self.running_mean = stacked([f"{norm}.running_mean" for norm in norms], (1,))
        self.running_var = stacked([f"{norm}.running_var" for norm in norms], (1,))

    def __call__(self, x: Tensor, *, training: bool) -> Tensor:
        """Logits, (batch, seeds, classes), of images (batch, seeds, 8, 8): one image per seed."""
        kernels = {CONV1: iter(self.parameters["conv1"].unbind()), CONV3: iter(self.parameters["conv3"].unbind())}
        scale, offset = self.parameters["scale"], self.parameters["offset"]
        if not training:  # a norm with fixed statistics is a scale and an offset, which the convolution before it takes in
            scale = scale / (self.running_var + EPSILON).sqrt()
            offset = offset - self.running_mean * scale
        norms = zip(self.running_mean.unbind(), self.running_var.unbind(), scale.unbind(), offset.unbind(), strict=True)

        def conv_norm(x: Tensor, kernel: Tensor) -> Tensor:
            mean, var, scale, offset = next(norms)
            if training:
                x = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2, groups=self.groups)
                return F.batch_norm(x, mean, var, scale, offset, training=True, momentum=0.1, eps=EPSILON)
            return F.conv2d(x, kernel * scale[:, None, None, None], offset, padding=kernel.shape[-1] // 2, groups=self.groups)

        x = x.contiguous(memory_format=torch.channels_last)  # faster than rows of channels
        x = conv_norm(x, self.parameters["stem"])
        for _ in range(self.cells):
            x = self._cell(x, kernels, conv_norm)
        mean, var, scale, offset = next(norms)
        if training:
            x = F.batch_norm(x, mean, var, scale, offset, training=True, momentum=0.1, eps=EPSILON)
        else:
            x = x * scale[:, None, None] + offset[:, None, None]
        pooled = F.relu(x).mean((2, 3)).view(len(x), self.groups, -1)
        return torch.einsum("bgc,gkc->bgk", pooled, self.parameters["classifier"]) + self.parameters["bias"]

    def _cell(self, x: Tensor, kernels: Mapping[int, Iterator[Tensor]], conv_norm: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
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
                    averaged[source] = F.avg_pool2d(value, 3, stride=1, padding=1, count_include_pad=False)
                value = averaged[source]
            elif op != SKIP:
                if source not in rectified:
                    rectified[source] = F.relu(value)
                value = conv_norm(rectified[source], next(kernels[op]))
            known = nodes[target]
            nodes[target] = value if known is None else known + value
        return torch.zeros_like(x) if nodes[3] is None else nodes[3]


# -- training --------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What training one cell gave, for each seed; a diverged training has NaN losses and the accuracy of what it predicts.

    Attributes:
        valid_accuracy: fraction after each epoch, float32, (seeds, epochs).
        train_loss: mean cross-entropy over the epoch's images, nats, float32, (seeds, epochs).
        test_accuracy: fraction after the last epoch, float32, (seeds,).
        epoch_s: CPU seconds of one epoch of training of one seed, without the evaluations, float32, (seeds,).
    """

    valid_accuracy: NDArray[np.float32]
    train_loss: NDArray[np.float32]
    test_accuracy: NDArray[np.float32]
    epoch_s: NDArray[np.float32]


def learning_rate(epoch: int, recipe: Recipe) -> float:
    """Learning rate of an epoch, counted from 0."""
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / recipe.epochs))


def _accuracy(network: Grouped, part: tuple[Tensor, Tensor]) -> NDArray[np.float32]:
    """Fraction of correct predictions of each seed, (seeds,)."""
    images, labels = part
    correct = torch.zeros(network.groups)
    with torch.no_grad():
        for x, y in zip(images.split(EVAL_BATCH), labels.split(EVAL_BATCH), strict=True):
            logits = network(x.expand(-1, network.groups, -1, -1), training=False)
            correct += (logits.argmax(2) == y[:, None]).sum(0)
    out: NDArray[np.float32] = (correct.double() / len(labels)).numpy().astype(np.float32)
    return out


def train(arch: Arch, seeds: Sequence[int], recipe: Recipe, data: Digits) -> Outcome:
    """Train `arch` once per seed, all seeds at once; the same seed gives the same result on the same machine."""
    network = Grouped(arch, [initial(arch, seed, recipe) for seed in seeds], recipe)
    # Drawn apart from the weights, so that all cells see the same batches for the same seed.
    streams = [torch.Generator().manual_seed(1_000_003 * (seed + 1)) for seed in seeds]
    parameters = [parameter for parameter in network.parameters.values() if parameter.numel()]
    optimiser = torch.optim.SGD(
        parameters, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.nesterov, weight_decay=recipe.weight_decay
    )
    padded, labels = data.train
    shape = (len(seeds), recipe.epochs)
    valid, loss_of = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    seconds = 0.0
    for epoch in range(recipe.epochs):
        started = time.process_time()
        optimiser.param_groups[0]["lr"] = learning_rate(epoch, recipe)
        orders = [torch.randperm(len(labels), generator=stream) for stream in streams]
        offsets = [torch.randint(0, 2 * recipe.shift + 1, (len(labels), 2), generator=stream) for stream in streams]
        images = torch.cat([shifted(padded[order], offset) for order, offset in zip(orders, offsets, strict=True)], dim=1)
        targets = torch.stack([labels[order] for order in orders], dim=1)
        total = torch.zeros(len(seeds), dtype=torch.float64)
        for x, y in zip(images.split(recipe.batch), targets.split(recipe.batch), strict=True):
            logits = network(x, training=True)
            losses = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view(y.shape)
            optimiser.zero_grad()
            losses.mean(0).sum().backward()  # a sum over seeds: each gets the gradient of its own mean
            optimiser.step()
            total += losses.detach().sum(0)
        seconds += time.process_time() - started
        loss_of[:, epoch] = (total / len(labels)).numpy()
        valid[:, epoch] = _accuracy(network, data.valid)
    each = np.full(len(seeds), seconds / recipe.epochs / len(seeds), np.float32)
    return Outcome(valid, loss_of, _accuracy(network, data.test), each)


# -- many cells, in shards -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """Some trained cells: their numbers, (cells,), and `Outcome`s, with a first axis over cells."""

    numbers: NDArray[np.uint16]
    valid_accuracy: NDArray[np.float32]
    train_loss: NDArray[np.float32]
    test_accuracy: NDArray[np.float32]
    epoch_s: NDArray[np.float32]


def work_order() -> NDArray[np.uint16]:
    """Numbers of the 5,044 functionally distinct cells in a fixed random order, so that a part of the table is a random sample."""
    numbers = sorted({SPACE.number(SPACE.canonical(arch)) for arch in SPACE})
    order: NDArray[np.uint16] = np.random.default_rng(ORDER_SEED).permutation(np.array(numbers, dtype=np.uint16))
    return order


def cell_of(number: int) -> Arch:
    """The cell with a base-5 number (`Cell201.number`)."""
    return SPACE.arch([int(option) for option in np.unravel_index(number, SPACE.cardinalities)])


def shard_path(folder: Path, index: int, seeds: Sequence[int]) -> Path:
    """File of the `index`-th shard."""
    return folder / f"cells-{index:04d}-seeds-{'-'.join(map(str, seeds))}.npz"


def read_shard(path: Path) -> Shard:
    """Read a shard.

    Raises:
        DataCorrupt: it is cut short, or not a shard.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            shard = Shard(**{field.name: file[field.name] for field in dataclasses.fields(Shard)})
        if not shard.valid_accuracy.shape == shard.train_loss.shape == (*shard.test_accuracy.shape, shard.valid_accuracy.shape[-1]):
            raise ValueError("arrays of different shapes")
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataCorrupt(f"shard {path} cannot be read ({error}); start the training again: it trains these cells anew") from error
    return shard


def train_shard(path: Path, numbers: NDArray[np.uint16], seeds: Sequence[int], recipe: Recipe, data: Digits) -> None:
    """Train some cells and write them to `path`, which appears whole or not at all."""
    outcomes = [train(cell_of(int(number)), seeds, recipe, data) for number in numbers]
    columns = {field.name: np.stack([getattr(outcome, field.name) for outcome in outcomes]) for field in dataclasses.fields(Outcome)}
    with replacing(path) as temporary:
        np.savez_compressed(temporary, numbers=numbers, **columns)


def _work(jobs: list[tuple[Path, NDArray[np.uint16]]], seeds: Sequence[int], recipe: Recipe, parent: int) -> None:
    """Body of a worker process: its shards one after the other, on one thread, until done or orphaned."""
    torch.set_num_threads(1)
    data = load_digits(recipe)
    for path, numbers in jobs:
        if os.getppid() != parent:
            return
        train_shard(path, numbers, seeds, recipe, data)


def _started(folder: Path, recipe: Recipe, seeds: Sequence[int]) -> None:
    """Note recipe, machine and versions of this start in `folder`/run.json; refuse to mix two recipes."""
    path, wanted = folder / "run.json", dataclasses.asdict(recipe)
    run: dict[str, Any] = {"recipe": wanted, "starts": []}
    if path.exists():
        run = json.loads(path.read_text(encoding="utf-8"))
        if run["recipe"] != wanted:
            differing = [name for name in wanted if run["recipe"].get(name) != wanted[name]]
            raise ProtocolError(f"{folder} holds trainings by another recipe (different: {', '.join(differing)}); choose another --out")
    run["starts"].append({"seeds": list(seeds), "command": " ".join(["python -m oracles.digits_training", *sys.argv[1:]]), **provenance()})
    write_text(path, json.dumps(run, indent=1) + "\n")


def provenance() -> dict[str, str]:
    """Date, machine, versions and commit of this process."""
    import sklearn

    try:
        where = Path(__file__).parent
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=where, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{_processor()}, {os.cpu_count()} logical cores, {platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__,
        "commit": commit,
    }


def _processor() -> str:
    """Model name of the processor, as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def train_table(
    folder: Path, seeds: Sequence[int], *, recipe: Recipe | None = None, workers: int = 2, cells: int | None = None, every_s: float = 30.0
) -> None:
    """Train all cells that `folder` does not hold yet; may be killed at any moment and started again.

    Args:
        folder: where the shards go.
        seeds: trained together, as one grouped network.
        recipe: the recipe; None is the table's own.
        workers: single-threaded processes.
        cells: only the first so many of `work_order`; None is all.
        every_s: seconds between two lines of progress on stderr.

    Raises:
        ProtocolError: the folder holds another recipe's trainings, or a worker died.
    """
    recipe = recipe or Recipe()
    folder.mkdir(parents=True, exist_ok=True)
    _started(folder, recipe, seeds)
    order = work_order()[:cells]
    shards = [(shard_path(folder, k, seeds), order[k * SHARD : (k + 1) * SHARD]) for k in range(-(-len(order) // SHARD))]
    todo = [(path, numbers) for path, numbers in shards if not _have(path, numbers)]
    # The workers' memory stays with them between steps, not given back to the system each time: 1.3 times faster.
    os.environ.update(MALLOC_MMAP_THRESHOLD_="1000000000", MALLOC_TRIM_THRESHOLD_="2000000000", MALLOC_TOP_PAD_="67108864")
    spawn = multiprocessing.get_context("spawn")
    team = [spawn.Process(target=_work, args=(todo[k::workers], seeds, recipe, os.getpid()), daemon=True) for k in range(workers)]
    began = told = time.monotonic()
    for worker in team:
        worker.start()
    while any(worker.is_alive() for worker in team) and not any(worker.exitcode for worker in team):
        time.sleep(0.2)
        if time.monotonic() - told >= every_s:
            told = time.monotonic()
            done = sum(len(numbers) for path, numbers in todo if path.exists())
            _tell(len(order) - sum(len(numbers) for _, numbers in todo), done, len(order), len(seeds), told - began)
    failed = [worker.exitcode for worker in team if worker.exitcode]
    for worker in team:
        worker.terminate()
    if failed:
        raise ProtocolError(f"a worker ended with exit code {failed[0]}; what it finished is in {folder}: start again to go on")


def _have(path: Path, numbers: NDArray[np.uint16]) -> bool:
    """Whether the shard is there and whole; one that is not is named and trained anew."""
    if not path.exists():
        return False
    try:
        whole = np.array_equal(read_shard(path).numbers, numbers)
    except DataCorrupt as error:
        print(error, file=sys.stderr)
        return False
    if not whole:
        print(f"shard {path} holds other cells than expected; they are trained anew", file=sys.stderr)
    return whole


def _tell(before: int, done: int, total: int, seeds: int, seconds: float) -> None:
    """One line of progress; `before` cells were there at the start, `done` came since."""
    left = f"{(total - before - done) * seconds / done / 60:.0f} min left, {done * seeds / seconds * 60:.0f} runs/min" if done else "estimating"
    print(f"digits201: {before + done} of {total} cells, {left}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m oracles.digits_training", description="Train the table digits201.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="trained together as one grouped network")
    parser.add_argument("--workers", type=int, default=2, help="single-threaded processes")
    parser.add_argument("--cells", type=int, help="only the first so many cells of the random order")
    options = parser.parse_args(arguments)
    train_table(options.out, options.seeds, workers=options.workers, cells=options.cells)


if __name__ == "__main__":
    main()
