"""EC-NAS: NAS-Bench-101 cells of few vertices, trained anew with the energy measured.

Its files have the layout of NAS-Bench-101:
    convert_4v  all 91 cells of up to 4 vertices, 4, 12, 36 and 108 epochs, three runs
    convert_5v  all 2,532 cells of up to 5 vertices, 4 epochs, one run
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.convert.nasbench101 import EPOCHS, columns_of
from nasrepro.oracles.convert.tfrecord import read_trainings
from nasrepro.oracles.spaces.graph101 import enumerate_cells

#: Metric -> (evaluation at the end, field); field 6 is the energy of the training so far, in kWh.
METRICS = {
    "valid_accuracy": (2, 4),
    "test_accuracy": (2, 5),
    "train_accuracy": (2, 3),
    "cost_s": (2, 2),
    "energy_kwh": (2, 6),
}

Converted = tuple[dict[str, NDArray[Any]], dict[str, Any]]


def convert_4v(paths: Mapping[str, Path]) -> Converted:
    """Columns of the cells of up to 4 vertices."""
    return _convert("ecnas_4v", paths["records"], vertices=4, budgets=EPOCHS, runs=3)


def convert_5v(paths: Mapping[str, Path]) -> Converted:
    """Columns of the cells of up to 5 vertices."""
    return _convert("ecnas_5v", paths["records"], vertices=5, budgets=EPOCHS[:1], runs=1)


def _convert(
    name: str, path: Path, *, vertices: int, budgets: Sequence[int], runs: int
) -> Converted:
    columns = columns_of(name, read_trainings(path), METRICS)
    fact(
        name,
        f"its cells are all those of up to {vertices} vertices",
        np.array_equal(columns["number"], enumerate_cells(vertices)),
        True,
    )
    expected = {
        f"cifar10/{epochs}/run{run + 1}/{metric}"
        for epochs in budgets
        for run in range(runs)
        for metric in METRICS
    }
    fact(
        name,
        "columns",
        sorted(column for column in columns if column.count("/") == 3),
        sorted(expected),
    )
    fact(
        name, "missing values", sum(int(np.isnan(columns[column]).sum()) for column in expected), 0
    )
    return columns, {"rows": len(columns["number"]), "row_order": "benchmark's enumeration"}
