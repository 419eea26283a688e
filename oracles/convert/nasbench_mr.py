"""NAS-Bench-MR.

A pickle per task, the same 2,507 networks in each, by their vectors of 27 integers.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact, tau, whole_numbers
from nasrepro.oracles.convert.pickles import load_pickle
from nasrepro.oracles.spaces.multires import MultiRes

_NAME = "nasbench_mr"
#: Stands for the length of the training, which the files do not state: one whole training.
WHOLE = 1
NETWORKS = 2507
#: Best value of each task, in %.
BEST = {
    "cls-50-1000": 86.16,
    "cls-50-100": 57.24,
    "cls-10-1000": 90.4,
    "cls-10c": 67.96,
    "seg": 79.1,
    "seg-4x": 68.74,
    "video": 28.292,
    "video-p": 40.391,
}
#: Name here -> names in the files, of which a task has one.
_FIELDS = {
    "valid_accuracy": "top1",
    "valid_top5": "top5",
    "valid_miou": "mIoU",
    "valid_class_accuracy": "mAcc",
    "valid_pixel_accuracy": "aAcc",
}


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, a row per network in the order of the files.

    Raises DataCorrupt where a fact fails.
    """
    whole, columns = MultiRes(), dict[str, NDArray[Any]]()
    vectors: list[list[int]] = []
    for task, path in paths.items():
        entries: list[dict[str, Any]] = load_pickle(path)
        own = [entry["embedding"] for entry in entries]
        vectors = vectors or own
        fact(_NAME, f"vectors of {task} are those of all", own, vectors)
        for metric, field in _FIELDS.items():
            if field in entries[0]:
                values = np.array([float(entry[field]) for entry in entries]) / 100
                columns[f"{task}/{WHOLE}/one/{metric}"] = values
        best = 100 * float(columns[f"{task}/{WHOLE}/one/{_main(task)}"].max())
        fact(_NAME, f"best of {task} in %", best, BEST[task])
        for size, field, factor in (("params", "params", 1e6), ("counted_macs", "flops", 1e9)):
            counts = factor * np.array([float(entry[field]) for entry in entries])
            columns[f"{task}/{size}"] = whole_numbers(_NAME, f"{field} of {task}", counts)
            first = columns[f"{next(iter(paths))}/{size}"]
            same = bool((columns[f"{task}/{size}"] == first).all())
            fact(
                _NAME, f"{field} of {task} are those of all, so do not follow the task", same, True
            )
    mains = [columns[f"{task}/{WHOLE}/one/{_main(task)}"] for task in paths]
    taus = [tau(*pair) for pair in itertools.combinations(mains, 2)]
    fact(_NAME, "least and most tau of two tasks", (min(taus), max(taus)), (-0.01, 0.62))
    archs = [whole.parse(",".join(map(str, vector))) for vector in vectors]
    fact(_NAME, "distinct networks", len(set(archs)), NETWORKS)
    fact(_NAME, "networks", len(archs), NETWORKS)
    for decision, label in enumerate(whole.decisions):
        columns[f"option {label}"] = np.array([arch.code[decision] for arch in archs])
    return columns, {"rows": NETWORKS, "row_order": "that of the files"}


def _main(task: str) -> str:
    return "valid_miou" if task.startswith("seg") else "valid_accuracy"
