"""Training digits201 shard by shard."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
import time
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.training import provenance
from nasrepro.oracles.training.digits201.layout import NAME, ORDER_SEED, SHARD, SPACE
from nasrepro.oracles.training.recipe import Recipe
from nasrepro.suite.data import atomic_write, write_text
from nasrepro.suite.errors import DataCorrupt, ProtocolError
from nasrepro.suite.experiments.kind import OpenCell
from nasrepro.suite.experiments.runner import open_pool
from nasrepro.suite.experiments.worker import Died, Done

# Torch is imported by what trains, and not by reading this file: all files of this folder are read
# to find the oracles.
if TYPE_CHECKING:
    from nasrepro.oracles.training.digits import Digits


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """Some trained cells: their numbers, (cells,), and `Outcome`s, with a first axis over cells."""

    numbers: NDArray[np.uint16]
    valid_accuracy: NDArray[np.float32]
    train_loss: NDArray[np.float32]
    test_accuracy: NDArray[np.float32]
    epoch_s: NDArray[np.float32]


_MEASURED = ("valid_accuracy", "train_loss", "test_accuracy", "epoch_s")

#: A shard to be trained: its file, and the numbers of its cells.
_Job = tuple[Path, NDArray[np.uint16]]


def work_order() -> NDArray[np.uint16]:
    """Numbers of the 5,044 functionally distinct cells in a fixed random order.

    The order makes a part of the table a random sample.
    """
    numbers = sorted({SPACE.number(SPACE.canonical(arch)) for arch in SPACE})
    order: NDArray[np.uint16] = np.random.default_rng(ORDER_SEED).permutation(
        np.array(numbers, dtype=np.uint16)
    )
    return order


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
        if (
            not shard.valid_accuracy.shape
            == shard.train_loss.shape
            == (*shard.test_accuracy.shape, shard.valid_accuracy.shape[-1])
        ):
            raise ValueError("arrays of different shapes")
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataCorrupt(
            f"shard {path} cannot be read ({error}); start the training again: it trains these "
            "cells anew"
        ) from error
    return shard


def train_shard(
    path: Path, numbers: NDArray[np.uint16], seeds: Sequence[int], recipe: Recipe, data: Digits
) -> None:
    """Train some cells and write them to `path`, which appears whole or not at all."""
    from nasrepro.oracles.training.digits import train

    outcomes = [train(SPACE.numbered(int(number)), seeds, recipe, data) for number in numbers]
    columns: dict[str, Any] = {
        name: np.stack([getattr(outcome, name) for outcome in outcomes]) for name in _MEASURED
    }
    buffer = io.BytesIO()  # numpy's archive, when a disk is full, fails once more when it is freed
    np.savez_compressed(buffer, numbers=numbers, **columns)
    with atomic_write(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """What came of a shard: its file, and the traceback of a failure."""

    key: str
    status: str
    error: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """One JSON object."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ShardRecord:
        """Inverse of `to_json`."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class ShardCell(OpenCell):
    """A shard as the suite's pool executes it: the file is its result."""

    path: Path
    numbers: NDArray[np.uint16]
    seeds: tuple[int, ...]
    recipe: Recipe
    timeout_s: ClassVar[float] = 7 * 86400.0

    @property
    def key(self) -> str:
        """The file."""
        return str(self.path)

    @property
    def label(self) -> str:
        """For messages."""
        return self.path.name

    def perform(self) -> tuple[str, bytes]:
        """Train its cells, on one thread."""
        from nasrepro.oracles.training.digits import load_digits
        from nasrepro.oracles.training.loop import one_thread

        with one_thread():
            train_shard(self.path, self.numbers, self.seeds, self.recipe, load_digits(self.recipe))
        return "", b""

    def conclude(self, text: str, packed: bytes) -> tuple[ShardRecord, bytes]:
        """What came of it."""
        return ShardRecord(self.key, "done"), packed

    def failed(self, error: str, environment: Mapping[str, str]) -> ShardRecord:
        """The same of a failure."""
        return ShardRecord(self.key, "failed", error, environment)


def _started(folder: Path, recipe: Recipe, seeds: Sequence[int]) -> None:
    """Note recipe, machine and versions of this start in `folder`/run.json.

    Refuse to mix two recipes.
    """
    path, wanted = folder / "run.json", dataclasses.asdict(recipe)
    run: dict[str, Any] = {"recipe": wanted, "starts": []}
    if path.exists():
        run = json.loads(path.read_text(encoding="utf-8"))
        # a setting that came later had its default before
        held = {**dataclasses.asdict(Recipe()), **run["recipe"]}
        if held != wanted:
            differing = [name for name in wanted if held[name] != wanted[name]]
            raise ProtocolError(
                f"{folder} holds trainings by another recipe (different: {', '.join(differing)}); "
                "choose another --out"
            )
    run["starts"].append(
        {
            "seeds": list(seeds),
            "command": " ".join(["nasrepro train-table digits201", *sys.argv[1:]]),
            **provenance(),
        }
    )
    write_text(path, json.dumps(run, indent=1) + "\n")


def train_table(
    folder: Path,
    seeds: Sequence[int],
    *,
    recipe: Recipe | None = None,
    workers: int = 2,
    cells: int | None = None,
    every_s: float = 30.0,
) -> None:
    """Train all cells that `folder` does not hold yet.

    May be killed at any moment and started again.

    Args:
        folder: where the shards go.
        seeds: trained together, as one grouped network.
        recipe: the recipe; None is the table's own.
        workers: single-threaded processes.
        cells: the first so many of `work_order`, rounded up to whole shards; None is all.
        every_s: seconds between two lines of progress on stderr.

    Raises:
        ProtocolError: the folder holds another recipe's trainings, or a worker died.
    """
    recipe = recipe or Recipe()
    folder.mkdir(parents=True, exist_ok=True)
    _started(folder, recipe, seeds)
    order = work_order()
    shards = [
        (shard_path(folder, k, seeds), order[start : start + SHARD])
        for k, start in enumerate(range(0, cells or len(order), SHARD))
    ]
    todo = [(path, numbers) for path, numbers in shards if not _have(path, numbers)]
    began = told = time.monotonic()
    with open_pool("processes", workers=workers) as pool:
        running = {
            pool.submit(ShardCell(path, numbers, tuple(seeds), recipe), frozenset())
            for path, numbers in todo
        }
        while running:
            ready, running = futures.wait(running, 0.2, return_when=futures.FIRST_COMPLETED)
            for future in ready:
                _check(future, folder)
            if time.monotonic() - told >= every_s:
                told = time.monotonic()
                _tell(shards, todo, len(seeds), told - began)


def _check(future: futures.Future[Any], folder: Path) -> None:
    """Raise ProtocolError where a shard was not trained."""
    try:
        done = future.result()[1]
        error = done.record.error if isinstance(done, Done) else done.why
    except Died as death:
        error = str(death)
    if error:
        raise ProtocolError(
            f"a worker failed: {error.strip().splitlines()[-1]}; what was finished is in {folder}: "
            "start again to go on"
        )


def _have(path: Path, numbers: NDArray[np.uint16]) -> bool:
    """Whether the shard is there and whole.

    One that is damaged is named and removed, to be trained anew.
    """
    if not path.exists():
        return False
    try:
        shard = read_shard(path)
    except DataCorrupt as error:
        print(error, file=sys.stderr)
        path.unlink()
        return False
    if not np.array_equal(shard.numbers, numbers):
        raise ProtocolError(
            f"shard {path} holds other cells than this version puts there; choose another --out"
        )
    return True


def _tell(shards: Sequence[_Job], todo: Sequence[_Job], seeds: int, seconds: float) -> None:
    """One line of progress: of all `shards`, those in `todo` were missing `seconds` ago."""
    total, missing = (sum(len(numbers) for _, numbers in jobs) for jobs in (shards, todo))
    done = sum(len(numbers) for path, numbers in todo if path.exists())
    left = (
        (
            f"{(missing - done) * seconds / done / 60:.0f} min left, "
            f"{done * seeds / seconds * 60:.0f} runs/min"
        )
        if done
        else "estimating"
    )
    print(f"{NAME}: {total - missing + done} of {total} cells, {left}", file=sys.stderr, flush=True)
