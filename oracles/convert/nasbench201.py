"""NAS-Bench-201: four public extracts of the official file, joined by the official index.

csv_*       mean over seeds at 200 epochs; the CIFAR-10 one is of the networks trained on half the
data
cifar10_50k CIFAR-10 test accuracy of each run trained on all of the training data, without seed
labels
seeds       per-seed results at 200 epochs and training time, without an index: rows in index order
epochs12    accuracies after the 12-epoch schedule
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact, whole_numbers
from nasrepro.oracles.convert.pickles import Recorded, load_pickle
from nasrepro.oracles.spaces.cell201 import Cell201

SEEDS = (777, 888, 999)
#: data set -> (csv, key in the per-seed file, column stem in the 12-epoch file, classes, image
#: size)
DATASETS = {
    "cifar10": ("csv_cifar10", "cifar10", "cifar10", 10, 32),
    "cifar100": ("csv_cifar100", "cifar100", "cifar100", 100, 32),
    "ImageNet16-120": ("csv_imagenet", "imagenet", "imagenet", 120, 16),
}
_NAME = "nasbench201"

Column = NDArray[np.float64]


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, one row per cell in official order.

    Raises DataCorrupt where a published fact fails.
    """
    space = Cell201()
    archs = list(space)
    strings = [space.format(arch) for arch in archs]
    columns: dict[str, NDArray[Any]] = {}

    for dataset, (source, _, _, classes, size) in DATASETS.items():
        sizes = [space.complexity(arch, classes=classes, size=size) for arch in archs]
        columns[f"{dataset}/params"] = np.array([each.params for each in sizes])
        columns[f"{dataset}/macs"] = np.array([each.macs for each in sizes])
        for metric, values in _read_means(paths[source], strings).items():
            if (
                dataset == "cifar10"
            ):  # trained on 25,000 images: its test is not the one that results are reported in
                metric = {"valid_accuracy": "valid_accuracy"}.get(metric, f"{metric}_25k")
            columns[f"{dataset}/200/mean/{metric}"] = values

    runs = _read_runs(paths["cifar10_50k"], archs)
    columns["cifar10/200/mean/test_accuracy"] = np.nanmean(runs, axis=1)
    for run in range(3):
        columns[f"cifar10/200/run{run + 1}/test_accuracy"] = runs[:, run].copy()

    per_seed = load_pickle(paths["seeds"])
    rows = _rows_of_seeds(per_seed)
    for dataset, (_, key, _, _, _) in DATASETS.items():
        # CIFAR-10: validation; the others: validation and test images together
        metric = "valid_accuracy" if dataset == "cifar10" else "valid_test_accuracy"
        accuracy = 1 - np.asarray(per_seed[key]["loss"], dtype=np.float64) / 100
        by_seed = np.where(rows >= 0, accuracy[rows], np.nan)
        for seed, values in zip(SEEDS, by_seed.T, strict=True):
            columns[f"{dataset}/200/{seed}/{metric}"] = values.copy()
        if dataset != "cifar10":
            columns[f"{dataset}/200/mean/{metric}"] = np.nanmean(by_seed, axis=1)
        seconds = np.asarray(per_seed[key]["runtime"], dtype=np.float64)[rows[:, 0]]
        columns[f"{dataset}/200/mean/cost_s"] = seconds
        for seed, present in zip(SEEDS, (rows >= 0).T, strict=True):
            columns[f"{dataset}/200/{seed}/cost_s"] = np.where(present, seconds, np.nan)
        columns[f"{dataset}/12/mean/cost_s"] = seconds * (12 / 200)

    short = _read_frame(paths["epochs12"], strings)
    for dataset, (_, _, stem, _, _) in DATASETS.items():
        columns[f"{dataset}/12/mean/valid_accuracy"] = short[f"{stem}-val"] / 100
        columns[f"{dataset}/12/mean/test_accuracy"] = short[f"{stem}-test"] / 100

    millions = np.asarray(per_seed["cifar10"]["size_in_mb"])[rows[:, 0]]
    official_params = whole_numbers("nasbench201", "size_in_mb of cifar10", millions * 1e6)
    _check_facts(columns, runs, rows, official_params)
    return columns, {"rows": len(archs), "row_order": "official index"}


#: What a search may see of the table, and what it pays.
SEARCHED = ("valid_accuracy", "cost_s", "params", "macs")


def searched(
    columns: Mapping[str, NDArray[Any]], datasets: tuple[str, ...] = tuple(DATASETS)
) -> dict[str, NDArray[Any]]:
    """Those of `convert` that a search on the means reads, for tables with other test results."""
    return {
        name: values
        for name, values in columns.items()
        for dataset, *training, metric in [name.split("/")]
        if dataset in datasets and metric in SEARCHED and training[1:] in ([], ["mean"])
    }


def _read_means(path: Path, strings: list[str]) -> dict[str, Column]:
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    fact(_NAME, f"number of cells in {path.name}", len(lines), 15625)
    fact(
        _NAME,
        f"order of the cells in {path.name} is the official one",
        [line["arch str"] for line in lines] == strings,
        True,
    )
    source = {
        "train_accuracy": "train accuracy",
        "valid_accuracy": "validation accuracy",
        "test_accuracy": "test accuracy",
    }
    return {
        metric: np.array([float(line[column]) for line in lines]) / 100
        for metric, column in source.items()
    }


def _read_runs(path: Path, archs: list[Any]) -> Column:
    """Accuracy of up to three runs, shape (15625, 3), NaN where there was no such run."""
    by_code = load_pickle(path)
    runs = np.full((len(archs), 3), np.nan)
    for row, arch in enumerate(archs):
        values = by_code[arch.code]
        runs[row, : len(values)] = values
    return runs / 100


def _rows_of_seeds(per_seed: Mapping[str, Any]) -> NDArray[np.int64]:
    """Row of each cell and seed in the per-seed file, shape (15625, 3).

    -1 where the seed is missing.

    The file has no index: consecutive rows of equal time and size are the runs of one cell.
    """
    groups = []
    for _, key, _, _, _ in DATASETS.values():
        time, size = per_seed[key]["runtime"], per_seed[key]["size_in_mb"]
        starts = np.flatnonzero(np.r_[True, (np.diff(time) != 0) | (np.diff(size) != 0)])
        fact(_NAME, f"number of cells in the per-seed file ({key})", len(starts), 15625)
        groups.append(starts)
    fact(
        _NAME,
        "same runs for all data sets in the per-seed file",
        all(np.array_equal(groups[0], other) for other in groups),
        True,
    )
    starts = groups[0]
    total = len(per_seed["cifar10"]["loss"])
    counts = np.diff(np.r_[starts, total])
    rows = starts[:, None] + np.arange(3)
    return np.where(np.arange(3) < counts[:, None], rows, -1)


def _read_frame(path: Path, strings: list[str]) -> dict[str, Column]:
    """The numeric columns of a pickled pandas frame, read without pandas (its layout of 2022)."""
    frame = load_pickle(path, recorded=("pandas",))
    try:
        layout = frame.state["_data"].state[3]["0.14.1"]
        axis: Recorded = layout["axes"][0]
        names = list(axis.made_of[1]["data"])
        values = {
            names[i]: row
            for block in layout["blocks"]
            for i, row in zip(
                range(*block["mgr_locs"].indices(len(names))), block["values"], strict=True
            )
        }
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        fact(_NAME, f"layout of {path.name}", f"unreadable ({error!r})", "a pandas frame")
        raise
    fact(
        _NAME,
        f"order of the cells in {path.name} is the official one",
        list(values["cellstr"]) == strings,
        True,
    )
    return {
        name: np.asarray(row, dtype=np.float64)
        for name, row in values.items()
        if name not in ("arch", "cellstr")
    }


def _check_facts(
    columns: Mapping[str, Column],
    runs: Column,
    rows: NDArray[np.int64],
    official_params: NDArray[np.int64],
) -> None:
    """Every fact that is known of this table in print or from its carriers."""
    _check_best(columns)
    _check_seeds(columns, runs, rows)
    _check_means(columns)
    _check_networks(columns, official_params)


def _check_best(columns: Mapping[str, Column]) -> None:
    best = {
        ("cifar10", "valid_accuracy"): (91.6067, 6111),
        ("cifar10", "test_accuracy_25k"): (91.5233, 1459),
        ("cifar10", "test_accuracy"): (94.3733, 6111),
        ("cifar100", "valid_accuracy"): (73.4933, 9930),
        ("cifar100", "test_accuracy"): (73.5133, 9930),
        ("ImageNet16-120", "valid_accuracy"): (46.7333, 10676),
        ("ImageNet16-120", "test_accuracy"): (47.3111, 857),
    }
    for (dataset, metric), (percent, index) in best.items():
        values = columns[f"{dataset}/200/mean/{metric}"]
        fact(_NAME, f"index of the best {dataset} {metric}", int(values.argmax()), index)
        fact(_NAME, f"best {dataset} {metric} in %", round(100 * float(values.max()), 4), percent)


def _check_seeds(columns: Mapping[str, Column], runs: Column, rows: NDArray[np.int64]) -> None:
    run_counts = (~np.isnan(runs)).sum(1)
    fact(
        _NAME,
        "cells with 3, 2, 1 CIFAR-10 runs",
        [int((run_counts == n).sum()) for n in (3, 2, 1)],
        [7961, 5439, 2225],
    )
    seed_counts = (rows >= 0).sum(1)
    fact(
        _NAME,
        "cells with 3 and 2 seeds",
        [int((seed_counts == n).sum()) for n in (3, 2)],
        [8169, 7456],
    )
    fact(_NAME, "rows of the per-seed file", int(seed_counts.sum()), 39419)
    fact(
        _NAME,
        "training time of index 0 (s)",
        float(columns["cifar10/200/mean/cost_s"][0]),
        1444.2186,
    )
    # in the file the doubled value was rounded once more
    twice = np.allclose(
        columns["cifar100/200/mean/cost_s"], 2 * columns["cifar10/200/mean/cost_s"], rtol=1e-6
    )
    fact(_NAME, "CIFAR-100 training time is twice cifar10-valid's", bool(twice), True)


def _check_means(columns: Mapping[str, Column]) -> None:
    """The means are of an earlier release, in which some cells lack a run that the seeds have."""
    by_seed = np.stack([columns[f"cifar10/200/{seed}/valid_accuracy"] for seed in SEEDS])
    published = columns["cifar10/200/mean/valid_accuracy"]
    of_all, of_two, of_second = (
        np.isclose(np.nanmean(values, axis=0), published, atol=1e-6)
        for values in (by_seed, by_seed[:2], by_seed[1:2])
    )
    fact(
        _NAME,
        "published mean is that of all seeds, of 777 and 888, or of 888",
        bool((of_all | of_two | of_second).all()),
        True,
    )
    fact(_NAME, "cells whose published mean leaves out a seed", int((~of_all).sum()), 2418)


def _check_networks(columns: Mapping[str, Column], official_params: NDArray[np.int64]) -> None:
    fact(
        _NAME,
        "cells whose official params differ from the network's",
        int((official_params != columns["cifar10/params"]).sum()),
        150,
    )
    ones, threes = _count_convs()
    for dataset, (constant, one, three) in {
        "cifar10": (7.78305, 3.93216, 35.38944),
        "ImageNet16-120": (1.9534, 0.98304, 8.84736),
    }.items():
        formula = constant + one * ones + three * threes
        fact(
            _NAME,
            f"{dataset} MACs follow the operation counts",
            bool(np.allclose(columns[f"{dataset}/macs"] / 1e6, formula, atol=1e-4)),
            True,
        )


def _count_convs() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    codes = np.array([arch.code for arch in Cell201()])
    return (codes == 2).sum(1), (codes == 3).sum(1)
