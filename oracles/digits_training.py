"""`digits201`: the table of every functionally distinct NAS-Bench-201 cell trained on digits; trains, collects and describes it.

    python -m oracles.digits_training --out DIR --workers 2                        trains; may be killed and started again
    python -m oracles.digits_training --out DIR --collect oracles/data/digits201.parquet    writes the table and its data card

Columns of the table, one row per cell, sorted by `number` (the base-5 number of the canonical cell, `Cell201.number`):
    digits/{epochs}/{seed}/valid_accuracy   fraction, after each epoch of the one 30-epoch training
    digits/{epochs}/{seed}/train_loss       mean cross-entropy over that epoch, nats; NaN where the training diverged
    digits/30/{seed}/test_accuracy          fraction, after the last epoch
    digits/{seed}/cost_s_per_epoch          CPU seconds of one epoch of training, without the evaluations
    digits/params, digits/macs              of the network of the canonical cell
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import sys
import time
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oracles.spaces.cell201 import Cell201
from oracles.training import provenance
from oracles.training.recipe import Recipe
from suite.errors import DataCorrupt, DataMissing, NasreproError, ProtocolError
from suite.files import replacing, write_text
from suite.metrics import kendall, rank_agreement
from suite.oracle import Oracle
from suite.table import Table, write_table

# Torch is imported by what trains, and not by reading this file: all files of this folder are read to find the oracles.
if TYPE_CHECKING:
    from oracles.training.digits import Digits

SPACE = Cell201()
NAME, DATASET = "digits201", "digits"
CLASSES, SIDE = 10, 8
#: Cells per shard file: what a killed worker loses at most.
SHARD = 16
#: Seeds of the table, and how many of them are trained together as one grouped network.
SEEDS, GROUP = (0, 1, 2, 3, 4, 5), 3
#: Seed of `work_order`.
ORDER_SEED = 0
#: Functionally distinct cells, and images in the data set.
DISTINCT, DIGITS = 5044, 1797


# -- many cells, in shards -------------------------------------------------------------------------------------------------
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
    """Numbers of the 5,044 functionally distinct cells in a fixed random order, so that a part of the table is a random sample."""
    numbers = sorted({SPACE.number(SPACE.canonical(arch)) for arch in SPACE})
    order: NDArray[np.uint16] = np.random.default_rng(ORDER_SEED).permutation(np.array(numbers, dtype=np.uint16))
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
        if not shard.valid_accuracy.shape == shard.train_loss.shape == (*shard.test_accuracy.shape, shard.valid_accuracy.shape[-1]):
            raise ValueError("arrays of different shapes")
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataCorrupt(f"shard {path} cannot be read ({error}); start the training again: it trains these cells anew") from error
    return shard


def train_shard(path: Path, numbers: NDArray[np.uint16], seeds: Sequence[int], recipe: Recipe, data: Digits) -> None:
    """Train some cells and write them to `path`, which appears whole or not at all."""
    from oracles.training.digits import train

    outcomes = [train(SPACE.numbered(int(number)), seeds, recipe, data) for number in numbers]
    columns: dict[str, Any] = {name: np.stack([getattr(outcome, name) for outcome in outcomes]) for name in _MEASURED}
    with replacing(path) as temporary:
        np.savez_compressed(temporary, numbers=numbers, **columns)


def _work(jobs: Sequence[_Job], seeds: Sequence[int], recipe: Recipe, parent: int) -> None:
    """Body of a worker process: its shards one after the other, on one thread, until done or orphaned."""
    import torch

    from oracles.training.digits import load_digits

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


def train_table(
    folder: Path, seeds: Sequence[int], *, recipe: Recipe | None = None, workers: int = 2, cells: int | None = None, every_s: float = 30.0
) -> None:
    """Train all cells that `folder` does not hold yet; may be killed at any moment and started again.

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
    shards = [(shard_path(folder, k, seeds), order[start : start + SHARD]) for k, start in enumerate(range(0, cells or len(order), SHARD))]
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
            _tell(shards, todo, len(seeds), told - began)
    failed = [worker.exitcode for worker in team if worker.exitcode]
    for worker in team:
        worker.terminate()
    if failed:
        raise ProtocolError(f"a worker ended with exit code {failed[0]}; what it finished is in {folder}: start again to go on")


def _have(path: Path, numbers: NDArray[np.uint16]) -> bool:
    """Whether the shard is there and whole; one that is damaged is named and removed, to be trained anew."""
    if not path.exists():
        return False
    try:
        shard = read_shard(path)
    except DataCorrupt as error:
        print(error, file=sys.stderr)
        path.unlink()
        return False
    if not np.array_equal(shard.numbers, numbers):
        raise ProtocolError(f"shard {path} holds other cells than this version puts there; choose another --out")
    return True


def _tell(shards: Sequence[_Job], todo: Sequence[_Job], seeds: int, seconds: float) -> None:
    """One line of progress: of all `shards`, those in `todo` were missing `seconds` ago."""
    total, missing = (sum(len(numbers) for _, numbers in jobs) for jobs in (shards, todo))
    done = sum(len(numbers) for path, numbers in todo if path.exists())
    left = f"{(missing - done) * seconds / done / 60:.0f} min left, {done * seeds / seconds * 60:.0f} runs/min" if done else "estimating"
    print(f"{NAME}: {total - missing + done} of {total} cells, {left}", file=sys.stderr, flush=True)


# -- the table -------------------------------------------------------------------------------------------------------------
def collect(folder: Path, path: Path) -> int:
    """Join all shards of `folder` into the Parquet file `path`, which appears whole or not at all.

    A cell that a seed was not trained on has NaN there, which the table's readers take as missing.

    Returns:
        Number of rows.

    Raises:
        DataMissing: no shards there.
        DataCorrupt: a shard cannot be read.
    """
    run_file = folder / "run.json"
    files = sorted(folder.glob("cells-*-seeds-*.npz"))
    if not files or not run_file.exists():
        raise DataMissing(f"no trained cells in {folder}; train some: python -m oracles.digits_training --out {folder}")
    run = json.loads(run_file.read_text(encoding="utf-8"))
    shards = [([int(seed) for seed in file.stem.rpartition("-seeds-")[2].split("-")], read_shard(file)) for file in files]
    numbers = np.unique(np.concatenate([shard.numbers for _, shard in shards]))
    groups = sorted({tuple(group) for group, _ in shards})
    seeds = sorted({seed for group in groups for seed in group})
    epochs = int(run["recipe"]["epochs"])
    columns: dict[str, NDArray[Any]] = {"number": numbers}

    def put(name: str, rows: NDArray[np.intp], values: NDArray[np.float32]) -> None:
        columns.setdefault(name, np.full(len(numbers), np.nan, np.float32))[rows] = values

    for group, shard in shards:
        rows = np.searchsorted(numbers, shard.numbers)
        for k, seed in enumerate(group):
            for epoch in range(epochs):
                put(f"{DATASET}/{epoch + 1}/{seed}/valid_accuracy", rows, shard.valid_accuracy[:, k, epoch])
                put(f"{DATASET}/{epoch + 1}/{seed}/train_loss", rows, shard.train_loss[:, k, epoch])
            put(f"{DATASET}/{epochs}/{seed}/test_accuracy", rows, shard.test_accuracy[:, k])
            put(f"{DATASET}/{seed}/cost_s_per_epoch", rows, shard.epoch_s[:, k])
    space = Cell201(**{name: run["recipe"][name] for name in ("channels", "cells", "stages")}, in_channels=1)
    sizes = [space.complexity(space.numbered(int(number)), classes=CLASSES, size=SIDE) for number in numbers]
    columns[f"{DATASET}/params"] = np.array([size.params for size in sizes], dtype=np.int64)
    columns[f"{DATASET}/macs"] = np.array([size.macs for size in sizes], dtype=np.int64)
    write_table(
        path, columns, {**_ABOUT, "rows": len(numbers), "seeds": seeds, "groups": groups, "recipe": run["recipe"], "starts": run["starts"]}
    )
    return len(numbers)


def unpack(path: Path, folder: Path, seeds: Sequence[int]) -> int:
    """Write the shards that the table at `path` has whole into `folder`, so that a training goes on from a shipped table.

    Inverse of `collect` for shards of these `seeds`, trained together.

    Returns:
        Number of shards written; those that are there already are left alone.
    """
    table = Table(path)
    recipe, epochs = table.meta["recipe"], int(table.meta["recipe"]["epochs"])
    numbers = table.column("number")

    def measured(metric: str, lengths: Sequence[int], rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Shape (cells, seeds, lengths)."""
        return np.stack([[table.column(f"{DATASET}/{e}/{seed}/{metric}")[rows] for e in lengths] for seed in seeds]).transpose(2, 0, 1)

    written, order = 0, work_order()
    for k, start in enumerate(range(0, len(order), SHARD)):
        cells, target = order[start : start + SHARD], shard_path(folder, k, seeds)
        rows = np.searchsorted(numbers, cells)
        if target.exists() or not np.array_equal(numbers[np.minimum(rows, len(numbers) - 1)], cells):
            continue
        test = measured("test_accuracy", [epochs], rows)[..., 0]
        if np.isnan(test).any():
            continue
        curves: dict[str, Any] = {name: measured(name, range(1, epochs + 1), rows) for name in ("valid_accuracy", "train_loss")}
        epoch_s = np.stack([table.column(f"{DATASET}/{seed}/cost_s_per_epoch")[rows] for seed in seeds], axis=1)
        with replacing(target) as temporary:
            np.savez_compressed(temporary, numbers=cells, test_accuracy=test, epoch_s=epoch_s, **curves)
        written += 1
    if not (folder / "run.json").exists():
        write_text(folder / "run.json", json.dumps({"recipe": recipe, "starts": table.meta["starts"]}, indent=1) + "\n")
    return written


def card(path: Path, nasbench201: Oracle | None = None) -> str:
    """The data card of the table at `path`, in Markdown; every number in it is computed here.

    Args:
        path: the table.
        nasbench201: that oracle, to compare with; without it the card says that there was none.
    """
    table = Table(path)
    meta, recipe = table.meta, table.meta["recipe"]
    seeds, epochs, n = meta["seeds"], int(recipe["epochs"]), len(table)
    test = np.stack([table.column(f"{DATASET}/{epochs}/{seed}/test_accuracy") for seed in seeds])
    valid = np.stack([table.column(f"{DATASET}/{epochs}/{seed}/valid_accuracy") for seed in seeds])
    loss = np.stack([table.column(f"{DATASET}/{epochs}/{seed}/train_loss") for seed in seeds])
    cost = epochs * np.stack([table.column(f"{DATASET}/{seed}/cost_s_per_epoch") for seed in seeds])
    low, middle, high = np.nanpercentile(test, (5, 50, 95))
    rows = [
        ("test accuracy, 5th / 50th / 95th percentile over all runs", f"{low:.4f} / {middle:.4f} / {high:.4f}"),
        ("best mean test accuracy", f"{np.nanmax(test.mean(0)):.4f}"),
        ("training, median / sum over all runs", f"{np.nanmedian(cost):.2f} CPU s / {np.nansum(cost) / 3600:.2f} CPU h"),
        ("runs that diverged (NaN loss)", str(int((np.isnan(loss) & ~np.isnan(test)).sum()))),
        *_between_seeds(test, seeds),
        ("Kendall of validation with test accuracy, means over seeds", _tau(valid.mean(0), test.mean(0))),
        ("Kendall of params with mean test accuracy", _tau(table.column(f"{DATASET}/params"), test.mean(0))),
        ("Kendall of MACs with mean test accuracy", _tau(table.column(f"{DATASET}/macs"), test.mean(0))),
        *_transfer(table, test.mean(0), nasbench201),
    ]
    measured = "\n".join(f"| {name} | {value} |" for name, value in rows)
    starts = "\n".join(
        f"* {start['date']}, commit {start['commit'][:12]}: `{start['command']}`\n"
        f"  (Python {start['python']}, torch {start['torch']}, numpy {start['numpy']}, scikit-learn {start['scikit-learn']}; "
        f"{start['machine']})"
        for start in meta["starts"]
    )
    complete = "complete" if n == DISTINCT else f"**not complete**: a uniform random sample of {n} of the {DISTINCT} cells"
    groups = ", and ".join(" ".join(map(str, group)) for group in meta["groups"])
    settings = "\n".join(f"| {name} | {value} |" for name, value in recipe.items())
    return _CARD.format(
        n=n, distinct=DISTINCT, complete=complete, runs=int((~np.isnan(test)).sum()), epochs=epochs,
        seeds=" ".join(map(str, seeds)), listed=",".join(map(str, seeds)), groups=groups,
        train=recipe["train_images"], valid=recipe["valid_images"], test=DIGITS - recipe["train_images"] - recipe["valid_images"],
        settings=settings, starts=starts, measured=measured, sha=table.sha256, size=path.stat().st_size / 1e6,
    )  # fmt: skip


def _tau(scores: NDArray[Any], target: NDArray[Any]) -> str:
    """Kendall's tau-b with a 95 % bootstrap interval over the cells that have both values."""
    both = ~(np.isnan(scores) | np.isnan(target))
    found = rank_agreement(scores[both], target[both], resamples=1000, seed=0)
    return f"{found.kendall:.3f} [{found.kendall_ci[0]:.3f}, {found.kendall_ci[1]:.3f}], n = {found.n}"


def _between_seeds(test: NDArray[np.float32], seeds: Sequence[int]) -> list[tuple[str, str]]:
    """Rows of the card: agreement between two seeds, and between the means of two disjoint halves of the seeds, (seeds, cells)."""
    named = "Kendall of test accuracy"
    if len(seeds) < 4:
        two = combinations(range(len(seeds)), 2)
        return [(f"{named}, seeds {seeds[i]} and {seeds[j]}", _tau(test[i], test[j])) for i, j in two]
    half = len(seeds) // 2
    first = range(len(seeds))[:half], range(len(seeds))[half : 2 * half]
    halves = [
        (left, right)
        for left in combinations(range(len(seeds)), half)
        for right in combinations(range(len(seeds)), half)
        if left < right and not set(left) & set(right)
    ]
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((i,), (j,)) for i, j in combinations(range(len(seeds)), 2)]
    rows = []
    for what, splits in (("two seeds", pairs), (f"means of {half} seeds and of {half} others", halves)):
        taus = [_plain_tau(*(test[list(side)].mean(0) for side in split)) for split in splits]
        rows.append(
            (
                f"{named} between {what}, {len(taus)} ways: lowest / mean / highest",
                " / ".join(f"{f(taus):.3f}" for f in (min, np.mean, max)),
            )
        )
    shown = " and ".join(" ".join(str(seeds[i]) for i in side) for side in first)
    return [*rows, (f"{named}, means of seeds {shown}", _tau(*(test[list(side)].mean(0) for side in first)))]


def _plain_tau(scores: NDArray[Any], target: NDArray[Any]) -> float:
    """Kendall's tau-b over the cells that have both values."""
    both = ~(np.isnan(scores) | np.isnan(target))
    return kendall(scores[both], target[both])


def _transfer(table: Table, accuracy: NDArray[np.float32], nasbench201: Oracle | None) -> list[tuple[str, str]]:
    """Rows of the card: agreement with the benchmark's CIFAR-10 test accuracy of the same cells (200 epochs, mean over runs)."""
    name = "Kendall of mean test accuracy with NAS-Bench-201's CIFAR-10 test accuracy"
    if nasbench201 is None:
        return [(name, "not computed: the table of NAS-Bench-201 was not there")]
    archs = [SPACE.numbered(int(number)) for number in table.column("number")]
    target = nasbench201.query_many(archs, dataset="cifar10", epochs=200, seed="mean")["test_accuracy"]
    best = target >= np.quantile(target, 0.9)
    return [(name, _tau(accuracy, target)), (f"{name}, its best 10 % of cells", _tau(accuracy[best], target[best]))]


def make(
    *,
    out: Path,
    seeds: Sequence[int] = SEEDS,
    workers: int = 2,
    cells: int | None = None,
    unpack_from: Path | None = None,
    collect_to: Path | None = None,
) -> str:
    """Train the table into shards, or do one of the other steps; what `nasrepro train-table digits201` does.

    Args:
        out: folder of the shards.
        seeds: trained `GROUP` at a time, as one grouped network, one group after the other.
        workers: single-threaded processes.
        cells: only the first so many of the random order.
        unpack_from: a table to fill the folder from, to go on from there.
        collect_to: the Parquet file to write, with its data card beside it.

    Returns:
        What was done, in one line.
    """
    groups = [list(seeds[start : start + GROUP]) for start in range(0, len(seeds), GROUP)]
    if unpack_from is not None:
        return f"{out}: {sum(unpack(unpack_from, out, group) for group in groups)} shards from {unpack_from}"
    if collect_to is not None:
        rows, card_path = collect(out, collect_to), collect_to.with_suffix(".md")
        write_text(card_path, card(collect_to, _benchmark()))
        return f"{collect_to}: {rows} cells, {collect_to.stat().st_size / 1e6:.2f} MB; its data card is {card_path.name}"
    for group in groups:
        train_table(out, group, workers=workers, cells=cells)
    return f"{out}: trained; write the table with --collect FILE.parquet"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m oracles.digits_training", description=f"Train the table {NAME}, or collect it.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="trained three at a time, as one grouped network")
    parser.add_argument("--workers", type=int, default=2, help="single-threaded processes")
    parser.add_argument("--cells", type=int, help="only the first so many cells of the random order, rounded up to whole shards")
    parser.add_argument(
        "--unpack",
        dest="unpack_from",
        type=Path,
        metavar="PARQUET",
        help="train nothing: fill the folder from a table, to go on from there",
    )
    parser.add_argument(
        "--collect", dest="collect_to", type=Path, metavar="PARQUET", help="train nothing: write the table, and its data card beside it"
    )
    try:
        print(make(**vars(parser.parse_args(arguments))), file=sys.stderr)
    except NasreproError as error:
        parser.exit(2, f"{error}\n")


def _benchmark() -> Oracle | None:
    from oracles import load

    try:
        return load("nasbench201")
    except DataMissing as error:
        print(f"the card does without NAS-Bench-201: {error}", file=sys.stderr)
        return None


_ABOUT = {
    "name": NAME,
    "what": "NAS-Bench-201 cells trained on scikit-learn's digits",
    "space": SPACE.name,
    "row_order": "base-5 number of the canonical cell",
    "distinct_cells": DISTINCT,
    "work_order_seed": ORDER_SEED,
    "licence": "numbers: that of this project; digits: UCI Machine Learning Repository, CC BY 4.0",
}

_CARD = """\
# digits201

Written from the table beside it by `python -m oracles.digits_training`; make it anew instead of editing it.

**What it is.** {n} cells of the NAS-Bench-201 space, really trained on scikit-learn's 8x8 digits with seeds {seeds}: {runs} runs of
{epochs} epochs. The 15,625 cells of the space compute {distinct} different functions; of each, the cell with the smallest number stands
for all (`Cell201.canonical`). The table is {complete}.
It has {size:.2f} MB; sha256 of its contents: `{sha}`.

**Columns.** `number`: base-5 number of the cell. `digits/<epochs>/<seed>/valid_accuracy` and `train_loss` (mean cross-entropy over the
epoch, nats): after each epoch of the one schedule. `digits/{epochs}/<seed>/test_accuracy`: after the last.
`digits/<seed>/cost_s_per_epoch`: CPU seconds of one epoch of training of one seed, on one thread, without the evaluations.
`digits/params`, `digits/macs`: exact, of the network of the cell that was trained.

## How it was made

The 1,797 images are split once, stratified by class: {train} for training, {valid} for validation, {test} for test. Training images are
shifted anew in each epoch; validation and test are two fixed shifted copies of each image. Seeds {groups}
of a cell are trained at once as one grouped network, each with its own weights, batch order and shifts; a seed's batches and shifts are
the same for all cells.

| setting | value |
|---|---|
{settings}

{starts}

Train, then collect (a training that was stopped goes on where it was):

    nasrepro train-table digits201 --out .work/digits201 --seeds {listed}
    nasrepro train-table digits201 --out .work/digits201 --collect oracles/data/digits201.parquet

## What was measured

Kendall is tau-b, with a 95 % bootstrap interval over cells.

| quantity | value |
|---|---|
{measured}

## Limits

* Few and small images, one stage of few channels: it is here so that everything runs on real numbers without a download, not as a
  stand-in for CIFAR-10. How far it agrees with NAS-Bench-201 is in the table above.
* All epochs are points of one schedule of {epochs}; a training of fewer epochs with a schedule of its own would end elsewhere.
* Costs were taken on a machine that did other work as well: their ratios are meant, not their third digit.
* Functionally equal cells share one row, also where one of them has dead convolutions, which would cost time and parameters.

## Licence

Images: *Optical Recognition of Handwritten Digits*, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository (1998), CC BY 4.0; the
1,797 of its test part, as scikit-learn carries them. The numbers are this project's own, under its licence.
"""


if __name__ == "__main__":
    main()
