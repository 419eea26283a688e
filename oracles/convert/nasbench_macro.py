"""NAS-Bench-Macro: one JSON file, three runs per network, keyed by the network's string."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.spaces.macro import MacroSpace
from nasrepro.suite.errors import DataCorrupt

_NAME = "nasbench_macro"
#: Training length, from the authors' training code; the file does not say it.
EPOCHS = 50


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, one row per network in the order of the strings.

    Raises DataCorrupt where a fact fails.
    """
    space = MacroSpace()
    archs = list(space)
    try:
        entries: dict[str, dict[str, Any]] = json.loads(
            paths["networks"].read_text(encoding="utf-8")
        )
    except ValueError as error:
        raise DataCorrupt(
            f"{paths['networks']} is not a JSON file ({error}); fetch it again: nasrepro data "
            f"fetch {_NAME}"
        ) from error
    fact(_NAME, "the networks are all 3^8", sorted(entries), [space.format(arch) for arch in archs])
    rows = [entries[space.format(arch)] for arch in archs]
    runs = np.array([row["test_acc"] for row in rows], dtype=np.float64)
    fact(_NAME, "runs per network", runs.shape, (len(archs), 3))
    means = np.array([row["mean_acc"] for row in rows])
    best = int(means.argmax())
    fact(
        _NAME,
        "best network by the mean of the three runs",
        space.format(space.canonical(archs[best])),
        "22212220",
    )
    fact(_NAME, "its mean in %", round(float(means[best]), 4), 93.1267)
    fact(
        _NAME,
        "mean_acc is the mean of the three runs",
        bool(np.allclose(means, runs.mean(axis=1), rtol=0, atol=1e-9)),
        True,
    )
    sizes = [space.complexity(arch, classes=10, size=32) for arch in archs]
    columns: dict[str, NDArray[Any]] = {
        "cifar10/params": np.array([each.params for each in sizes]),
        "cifar10/macs": np.array([each.macs for each in sizes]),
    }
    for found, ours in (("params", "params"), ("flops", "macs")):
        differ = np.array([row[found] for row in rows]) != columns[f"cifar10/{ours}"]
        fact(
            _NAME,
            f"networks whose {found} differ from the formula for {ours}",
            int(differ.sum()),
            0,
        )
    shared = [
        row == entries[space.format(space.canonical(arch))]
        for row, arch in zip(rows, archs, strict=True)
    ]
    fact(_NAME, "each network has the runs of its canonical form", all(shared), True)
    fact(_NAME, "distinct trainings", len(np.unique(runs, axis=0)), 3969)
    columns[f"cifar10/{EPOCHS}/run1/select_accuracy"] = runs[:, 0] / 100
    for run in (2, 3):
        columns[f"cifar10/{EPOCHS}/run{run}/test_accuracy"] = runs[:, run - 1] / 100
    return columns, {"rows": len(archs), "row_order": "the networks' strings, ascending"}
