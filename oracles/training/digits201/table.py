"""`digits201`: the table of every functionally distinct NAS-Bench-201 cell trained on digits.

Trains, collects and describes it.

    # trains; may be killed and started again
    nasrepro train-table digits201 --out DIR --workers 2
    # writes the table and its data card
    nasrepro train-table digits201 --out DIR --collect oracles/data/digits201.parquet

Columns of the table, one row per cell, sorted by `number` (the base-5 number of the canonical cell,
`Cell201.number`):
    digits/{epochs}/{seed}/valid_accuracy   fraction, after each epoch of the one 30-epoch training
    digits/{epochs}/{seed}/train_loss       mean cross-entropy over that epoch, nats; NaN where the
                                            training diverged
    digits/30/{seed}/test_accuracy          fraction, after the last epoch
    digits/{seed}/cost_s_per_epoch          CPU seconds of one epoch of training, without the
                                            evaluations
    digits/params, digits/macs              of the network of the canonical cell
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.training.digits201.card import benchmark, card
from nasrepro.oracles.training.digits201.layout import (
    ABOUT,
    CLASSES,
    DATASET,
    GROUP,
    NAME,
    SEEDS,
    SHARD,
    SIDE,
)
from nasrepro.oracles.training.digits201.shards import (
    read_shard,
    shard_path,
    train_table,
    work_order,
)
from nasrepro.oracles.training.digits201.trials import recipe_of, trial
from nasrepro.suite.data import Table, atomic_write, write_table, write_text
from nasrepro.suite.errors import DataMissing
from nasrepro.suite.registry import load_oracle


# Torch is imported by what trains, and not by reading this file: all files of this folder are read
# to find the oracles.
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
        raise DataMissing(
            f"no trained cells in {folder}; train some: nasrepro train-table digits201 --out "
            f"{folder}"
        )
    run = json.loads(run_file.read_text(encoding="utf-8"))
    shards = [
        ([int(seed) for seed in file.stem.rpartition("-seeds-")[2].split("-")], read_shard(file))
        for file in files
    ]
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
                put(
                    f"{DATASET}/{epoch + 1}/{seed}/valid_accuracy",
                    rows,
                    shard.valid_accuracy[:, k, epoch],
                )
                put(f"{DATASET}/{epoch + 1}/{seed}/train_loss", rows, shard.train_loss[:, k, epoch])
            put(f"{DATASET}/{epochs}/{seed}/test_accuracy", rows, shard.test_accuracy[:, k])
            put(f"{DATASET}/{seed}/cost_s_per_epoch", rows, shard.epoch_s[:, k])
    space = Cell201(
        **{name: run["recipe"][name] for name in ("channels", "cells", "stages")}, in_channels=1
    )
    sizes = [
        space.complexity(space.numbered(int(number)), classes=CLASSES, size=SIDE)
        for number in numbers
    ]
    columns[f"{DATASET}/params"] = np.array([size.params for size in sizes], dtype=np.int64)
    columns[f"{DATASET}/macs"] = np.array([size.macs for size in sizes], dtype=np.int64)
    write_table(
        path,
        columns,
        {
            **ABOUT,
            "rows": len(numbers),
            "seeds": seeds,
            "groups": groups,
            "recipe": run["recipe"],
            "starts": run["starts"],
        },
    )
    return len(numbers)


def unpack(path: Path, folder: Path, seeds: Sequence[int]) -> int:
    """Write the shards that the table at `path` has whole into `folder`.

    A training can then go on from a shipped table.

    Inverse of `collect` for shards of these `seeds`, trained together.

    Returns:
        Number of shards written; those that are there already are left alone.
    """
    table = Table(path)
    recipe, epochs = table.meta["recipe"], int(table.meta["recipe"]["epochs"])
    numbers = table.column("number")

    def measured(
        metric: str, lengths: Sequence[int], rows: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Shape (cells, seeds, lengths)."""
        return np.stack(
            [
                [table.column(f"{DATASET}/{e}/{seed}/{metric}")[rows] for e in lengths]
                for seed in seeds
            ]
        ).transpose(2, 0, 1)

    written, order = 0, work_order()
    for k, start in enumerate(range(0, len(order), SHARD)):
        cells, target = order[start : start + SHARD], shard_path(folder, k, seeds)
        rows = np.searchsorted(numbers, cells)
        if target.exists() or not np.array_equal(
            numbers[np.minimum(rows, len(numbers) - 1)], cells
        ):
            continue
        test = measured("test_accuracy", [epochs], rows)[..., 0]
        if np.isnan(test).any():
            continue
        curves: dict[str, Any] = {
            name: measured(name, range(1, epochs + 1), rows)
            for name in ("valid_accuracy", "train_loss")
        }
        epoch_s = np.stack(
            [table.column(f"{DATASET}/{seed}/cost_s_per_epoch")[rows] for seed in seeds], axis=1
        )
        with atomic_write(target) as temporary:
            np.savez_compressed(
                temporary, numbers=cells, test_accuracy=test, epoch_s=epoch_s, **curves
            )
        written += 1
    if not (folder / "run.json").exists():
        write_text(
            folder / "run.json",
            json.dumps({"recipe": recipe, "starts": table.meta["starts"]}, indent=1) + "\n",
        )
    return written


def make(
    *,
    out: Path,
    seeds: Sequence[int] = SEEDS,
    workers: int = 2,
    cells: int | None = None,
    unpack_from: Path | None = None,
    collect_to: Path | None = None,
    trial_of: str | None = None,
    recipe: str | None = None,
    group: int = GROUP,
) -> str:
    """Train the table into shards, or do one of the other steps.

    What `nasrepro train-table digits201` does.

    Args:
        out: folder of the shards.
        seeds: trained `group` at a time, as one grouped network, one group after the other.
        workers: single-threaded processes.
        cells: only the first so many of the random order.
        unpack_from: a table to fill the folder from, to go on from there.
        collect_to: the Parquet file to write, with its data card beside it.
        trial_of: a recipe of `trials.TRIALS`, to be tried on a sample of the cells.
        recipe: one of them to train all cells by; the table's own if not given.
        group: seeds trained together; the table's were three.

    Returns:
        What was done, in one line.
    """
    groups = [list(seeds[start : start + group]) for start in range(0, len(seeds), group)]
    if trial_of is not None:
        return trial(trial_of, out, load_oracle("nasbench201"), load_oracle(NAME))
    if unpack_from is not None:
        return (
            f"{out}: {sum(unpack(unpack_from, out, each) for each in groups)} shards from "
            f"{unpack_from}"
        )
    if collect_to is not None:
        rows, card_path = collect(out, collect_to), collect_to.with_suffix(".md")
        write_text(card_path, card(collect_to, benchmark()))
        return (
            f"{collect_to}: {rows} cells, {collect_to.stat().st_size / 1e6:.2f} MB; its data "
            f"card is {card_path.name}"
        )
    chosen = recipe_of(recipe) if recipe else None
    for side_by_side in groups:
        train_table(out, side_by_side, recipe=chosen, workers=workers, cells=cells)
    return f"{out}: trained; write the table with --collect FILE.parquet"
