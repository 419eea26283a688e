"""HW-NAS-Bench-360: one Parquet file, a row per cell (official index), task, device and runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.spaces.cell201 import Cell201

_NAME = "nasbench201_360"
#: Stands for the length of the training, which the file does not state: one whole training.
WHOLE = 1
CELLS = 15625
#: Name here -> name in the file.
TASKS = {"cifar100": "cifar100", "ninapro": "ninapro", "darcy": "darcy"}
#: Device and runtime, and cells whose graph was folded away on cifar100, ninapro and darcy.
RUNTIMES = {
    ("pi5", "litert"): (283, 283, 225),
    ("pi5", "onnx"): (0, 0, 0),
    ("pi5", "torchmobile"): (0, 0, 0),
    ("pixel", "litert"): (225, 225, 225),
}
#: Below this many ms nothing was computed: the graph is a constant.
FOLDED_MS = 0.05
#: Of the disconnected cells on NinaPro, in %.
CONSTANT = 64.79514


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, by official index; raises DataCorrupt where a fact fails."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(paths["measured"]) as file:
        read = file.read().to_pydict()
    fact(_NAME, "states", set(read["status"]), {"ok"})
    groups: dict[tuple[str, str, str], list[int]] = {}
    for row, key in enumerate(zip(read["device"], read["framework"], read["task"], strict=True)):
        groups.setdefault(key, []).append(row)
    columns: dict[str, NDArray[Any]] = {}
    accuracies: dict[str, list[NDArray[np.float64]]] = {task: [] for task in TASKS}
    for (device, runtime), folded in RUNTIMES.items():
        for (task, field), constant in zip(TASKS.items(), folded, strict=True):
            rows = groups[device, runtime, field]
            order = sorted(rows, key=read["arch_idx"].__getitem__)
            indices = [read["arch_idx"][row] for row in order]
            what = f"{device}, {runtime}, {task}"
            fact(_NAME, f"cells of {what} are all", indices == list(range(CELLS)), True)
            latency, energy, accuracy = (
                np.array([np.nan if read[name][row] is None else read[name][row] for row in order])
                for name in ("lat_ms_median", "energy_mj", "accuracy")
            )
            accuracies[task].append(accuracy)
            empty = latency < FOLDED_MS
            fact(_NAME, f"graphs folded away on {what}", int(empty.sum()), constant)
            columns[f"{task}/{device}_{runtime}"] = np.where(empty, np.nan, latency)
            fact(_NAME, f"energies of {what}", bool(np.isfinite(energy).all()), device == "pi5")
            if device == "pi5":
                columns[f"{task}/{device}_{runtime}-energy"] = np.where(empty, np.nan, energy)
    for task, all_of in accuracies.items():
        same = all(np.array_equal(all_of[0], other) for other in all_of)
        fact(_NAME, f"accuracy of {task} is the same for all devices", same, True)
    ninapro, darcy = accuracies["ninapro"][0], accuracies["darcy"][0]
    columns[f"ninapro/{WHOLE}/one/valid_accuracy"] = ninapro / 100
    columns[f"darcy/{WHOLE}/one/valid_score"] = darcy
    _check(columns, accuracies["cifar100"][0], ninapro, darcy)
    return columns, {"rows": CELLS, "row_order": "official index"}


def _check(
    columns: Mapping[str, NDArray[Any]],
    cifar100: NDArray[np.float64],
    ninapro: NDArray[np.float64],
    darcy: NDArray[np.float64],
) -> None:
    """Every fact that is known of the file."""
    best = [(int(a.argmax()), round(float(a.max()), 5)) for a in (ninapro, darcy, cifar100)]
    known = [(6186, 94.38543), (3976, 0.98481), (9930, 73.51333)]
    fact(_NAME, "best cells and values", best, known)
    fact(_NAME, "NinaPro at index 0", round(float(ninapro[0]), 5), 90.74355)
    fact(_NAME, "Darcy at index 0", round(float(darcy[0]), 5), 0.92918)
    space = Cell201()
    dead = [i for i, arch in enumerate(space) if not any(space.live(arch).code)]
    constant = np.flatnonzero(np.isclose(ninapro, CONSTANT, atol=1e-5)).tolist()
    fact(_NAME, "cells at 64.79514 % on NinaPro are the disconnected ones", constant, dead)
    fact(_NAME, "their number", len(dead), 341)
    latency, energy = columns["cifar100/pi5_litert"][0], columns["cifar100/pi5_litert-energy"][0]
    fact(_NAME, "Pi, LiteRT, index 0 (ms)", round(float(latency), 6), 1.487672)
    fact(_NAME, "Pi, LiteRT, index 0 (mJ)", round(float(energy), 6), 2.575322)
