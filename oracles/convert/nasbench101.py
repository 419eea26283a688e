"""NAS-Bench-101: its official files, the public slice of 30,001 cells.

Converters:
    convert        nasbench_full.tfrecord or nasbench_only108.tfrecord, where a user has one
    convert_slice  three JSON files: values of one run each, cells named by module hash; the first
        1,000 with their graphs
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.convert.tfrecord import Training, read_trainings
from nasrepro.oracles.spaces.dag101 import DISTINCT, Dag101
from nasrepro.oracles.spaces.graph101 import INPUT, OPS, OUTPUT, enumerate_cells
from nasrepro.oracles.spaces.hash101 import HASHES, find
from nasrepro.suite.data import Progress, cache_dir, fetch_table, sha256_file
from nasrepro.suite.errors import DataCorrupt, DataMissing, InvalidArch, UnknownName
from nasrepro.suite.space import Arch

#: Official files (all budgets; 108 epochs alone), the better one first, with their published
#: sha256.
OFFICIAL = {
    "nasbench_full.tfrecord": "3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c",
    "nasbench_only108.tfrecord": "4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1",
}
PATH_VARIABLE = "NASBENCH101_PATH"
EPOCHS = (4, 12, 36, 108)
CLASSES, SIZE = 10, 32

Columns = dict[str, NDArray[Any]]
#: Metric -> (evaluation: 1 half-way, 2 at the end; field of it).
Sources = Mapping[str, tuple[int, int]]
METRICS: Sources = {
    "valid_accuracy": (2, 4),
    "test_accuracy": (2, 5),
    "train_accuracy": (2, 3),
    "cost_s": (2, 2),
    "halfway_valid_accuracy": (1, 4),
    "halfway_test_accuracy": (1, 5),
    "halfway_train_accuracy": (1, 3),
    "halfway_cost_s": (1, 2),
}


# -- TFRecord files
# ----------------------------------------------------------------------------------------
def columns_of(name: str, trainings: Iterable[Training], sources: Sources) -> Columns:
    """Columns over all trainings, one row per distinct cell by ascending number.

    The trainings of a cell are run1, run2 ... as they come.

    Raises:
        DataCorrupt: a module hash or a number of parameters is not that of the cell.
    """
    space = Dag101()
    rows: dict[str, int] = {}
    numbers: list[int] = []
    params: list[int] = []
    macs: list[int] = []
    found: dict[int, tuple[array[int], array[float]]] = {}
    for training in trainings:
        row = rows.get(training.module_hash)
        if row is None:
            row = rows[training.module_hash] = len(rows)
            arch = _arch(name, space, training)
            size = space.complexity(arch, classes=CLASSES, size=SIZE)
            numbers.append(space.number(arch))
            params.append(size.params)
            macs.append(size.macs)
        if training.params != params[row]:
            fact(
                name,
                f"number of parameters of {training.module_hash}",
                training.params,
                params[row],
            )
        of_rows, values = found.setdefault(training.epochs, (array("q"), array("d")))
        of_rows.append(row)
        values.extend(
            [
                training.evaluations[evaluation].get(field, np.nan)
                for evaluation, field in sources.values()
            ]
        )

    fact(name, "number of distinct cells", len(set(numbers)), len(rows))
    order = np.argsort(np.array(numbers, dtype=np.int64))
    place = np.argsort(order)
    columns: Columns = {"number": np.array(numbers, dtype=np.int64)[order]}
    columns["cifar10/params"], columns["cifar10/macs"] = (
        np.array(params)[order],
        np.array(macs)[order],
    )
    for epochs, (of_rows, flat) in sorted(found.items()):
        where = place[np.frombuffer(of_rows, dtype=np.int64)]
        of_metrics = np.frombuffer(flat).reshape(len(where), len(sources)).T
        runs = _runs(where)
        for run in range(runs.max() + 1):
            for metric, values_ in zip(sources, of_metrics, strict=True):
                column = columns[f"cifar10/{epochs}/run{run + 1}/{metric}"] = np.full(
                    len(rows), np.nan
                )
                column[where[runs == run]] = values_[runs == run]
    return columns


def _arch(name: str, space: Dag101, training: Training) -> Arch:
    """The cell of a training, with its hash checked."""
    size = round(len(training.matrix) ** 0.5)
    try:
        matrix = np.array([int(digit) for digit in training.matrix]).reshape(size, size)
        arch = space.from_spec(matrix, training.ops.split(","))
    except (InvalidArch, UnknownName, ValueError) as error:
        raise DataCorrupt(
            f"{name}: module {training.module_hash} is no cell of the benchmark ({error})"
        ) from error
    if training.module_hash != (expected := space.module_hash(arch)):
        fact(name, f"module hash of {space.format(arch)}", training.module_hash, expected)
    return arch


def _runs(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many times each row was there before, shape (n,)."""
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    runs = np.empty(len(rows), dtype=np.int64)
    runs[order] = np.arange(len(rows)) - np.searchsorted(ordered, ordered)
    return runs


def official() -> dict[str, Path]:
    """An official file.

    NASBENCH101_PATH (the file, or its folder), else TORCH_HOME (~/.torch) or the cache folder has
    it.

    Raises:
        DataMissing: none of them has one; it is never downloaded by itself.
    """
    given = os.environ.get(PATH_VARIABLE, "")
    if given and Path(given).expanduser().is_file():
        return {"records": Path(given).expanduser()}
    folders = (
        [Path(given).expanduser()]
        if given
        else [Path(os.environ.get("TORCH_HOME") or "~/.torch").expanduser(), cache_dir()]
    )
    for file in OFFICIAL:
        for folder in folders:
            if (folder / file).is_file():
                return {"records": folder / file}
    raise DataMissing(
        "nasbench101 needs nasbench_full.tfrecord (1.95 GB) or nasbench_only108.tfrecord (499 "
        "MB), which is not in "
        f"{' or '.join(map(str, folders))}: get it from https://storage.googleapis.com/nasbench/ "
        "(it is not downloaded automatically), "
        f"set {PATH_VARIABLE} to it, and run: nasrepro data fetch nasbench101"
    )


def convert(paths: Mapping[str, Path], progress: Progress) -> tuple[Columns, dict[str, Any]]:
    """Columns of the official file, three runs of every cell and budget.

    Raises DataCorrupt where it is not the published one.
    """
    path = paths["records"]
    sha256 = sha256_file(path)
    if sha256 not in OFFICIAL.values():
        expected = OFFICIAL.get(path.name, " or ".join(OFFICIAL.values()))
        raise DataCorrupt(
            f"{path} has sha256 {sha256}, expected {expected} (cut short, or another version); "
            "get it again"
        )
    budgets = EPOCHS if sha256 == OFFICIAL["nasbench_full.tfrecord"] else EPOCHS[-1:]
    columns = columns_of(
        "nasbench101",
        _followed(read_trainings(path), 3 * len(budgets) * DISTINCT, progress),
        METRICS,
    )
    fact(
        "nasbench101",
        "its cells are those of the enumeration",
        np.array_equal(columns["number"], enumerate_cells()),
        True,
    )
    expected_columns = {
        f"cifar10/{epochs}/run{run}/{metric}"
        for epochs in budgets
        for run in (1, 2, 3)
        for metric in METRICS
    }
    fact(
        "nasbench101",
        "columns",
        sorted(name for name in columns if name.count("/") == 3),
        sorted(expected_columns),
    )
    fact(
        "nasbench101",
        "missing values",
        sum(int(np.isnan(columns[name]).sum()) for name in expected_columns),
        0,
    )
    return columns, {
        "rows": DISTINCT,
        "row_order": "benchmark's enumeration",
        "sha256": {path.name: sha256},
    }


def _followed(trainings: Iterable[Training], total: int, progress: Progress) -> Iterator[Training]:
    for done, each in enumerate(trainings):
        if done % 10_000 == 0:
            progress(done, total, "trainings")
        yield each


# -- the slice
# ---------------------------------------------------------------------------------------------
def convert_slice(paths: Mapping[str, Path]) -> tuple[Columns, dict[str, Any]]:
    """Columns of the 30,001 cells by ascending number.

    Raises DataCorrupt where a published fact fails.
    """
    name = "nasbench101_slice"
    first, second, graphs = (
        json.loads(paths[part].read_text(encoding="utf-8"))
        for part in ("first", "second", "graphs")
    )
    values = {key: first[key] + second[key] for key in first}
    hashes = values["key"]
    fact(name, "number of cells", (len(hashes), len(set(hashes))), (30001, 30001))
    beginning = {key: first[key][: len(graphs["key"])] for key in first}
    fact(
        name,
        "file with graphs is the beginning of the first one",
        {key: graphs[key] for key in first} == beginning,
        True,
    )

    fetch_table(HASHES)
    space = Dag101()
    index = find(hashes)
    archs = [space.at(row) for row in index]
    for arch, matrix, ops in zip(archs, graphs["adjacency"], graphs["operations"], strict=False):
        labels = [label for label in ops if label != -3]  # -3 fills up to 7 vertices
        names = [INPUT, *(OPS[label] for label in labels[1:-1]), OUTPUT]
        spec = space.from_spec(np.array(matrix)[: len(labels), : len(labels)], names)
        fact(
            name,
            "graph of a cell is the one that the enumeration met first",
            space.format(spec),
            space.format(arch),
        )

    sizes = [space.complexity(arch, classes=CLASSES, size=SIZE) for arch in archs]
    params = np.array([size.params for size in sizes])
    fact(
        name,
        "cells whose params differ from the channel rules",
        int((params != values["trainable_parameters"]).sum()),
        0,
    )
    order = np.argsort(index)
    columns: Columns = {"number": np.array([space.number(arch) for arch in archs])[order]}
    columns["cifar10/params"], columns["cifar10/macs"] = (
        params[order],
        np.array([size.macs for size in sizes])[order],
    )
    columns["cifar10/one/cost_s_per_epoch"] = (
        np.array(values["final_training_time"])[order] / EPOCHS[-1]
    )
    for epochs in EPOCHS:
        columns[f"cifar10/{epochs}/one/valid_accuracy"] = np.array(
            values[f"{epochs}_final_validation_accuracy"]
        )[order]
    _check_slice(name, columns)
    return columns, {"rows": len(hashes), "row_order": "benchmark's enumeration"}


def _check_slice(name: str, columns: Columns) -> None:
    """Facts known of the slice from those who read it before."""
    from scipy.stats import spearmanr

    at = {epochs: columns[f"cifar10/{epochs}/one/valid_accuracy"] for epochs in EPOCHS}
    found = [round(float(spearmanr(at[epochs], at[108])[0]), 2) for epochs in EPOCHS[:-1]]
    fact(name, "Spearman correlation of 4, 12, 36 epochs with 108", found, [0.45, 0.62, 0.88])
    fact(
        name,
        "best validation accuracy at 108 epochs in %",
        round(100 * float(at[108].max()), 4),
        94.9119,
    )
