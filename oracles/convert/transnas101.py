"""TransNAS-Bench-101.

One csv per task, 3,256 macro skeletons and then 4,096 micro cells, by their place in the file
alone.

Each csv has the best over the epochs of each metric, and the training time. A second source (micro
only) has the validation metric, params and "flops" of 711 named cells, which check the order and
the formulas.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.convert.naslib import digits, read_entries
from nasrepro.oracles.spaces.tasks_transnas import LAST, SPLITS, TASKS, Task
from nasrepro.oracles.spaces.transnas import TransNasMacro, TransNasMicro
from nasrepro.suite.errors import DataCorrupt
from nasrepro.suite.space import Arch

#: Best validation value of the micro cells: in %, or on the metric's own scale.
BEST_MICRO = {
    "class_scene": 54.94,
    "class_object": 46.32,
    "room_layout": -0.5938,
    "jigsaw": 95.37,
    "segmentsemantic": 26.27,
    "normal": 0.5962,
    "autoencoder": 0.5772,
}
#: Column of the csv that the second source calls the validation accuracy, where it is not the
#: task's own metric.
SECOND_METRIC = {"segmentsemantic": "acc"}
#: What the second source counts beside the backbone: (parameters, operations). Its heads for scenes
#: and objects have 63 and 100 classes, not the 47 and 75 of the benchmark.
SECOND_EXTRA = {
    "class_scene": (32_319, 73_728),
    "class_object": (51_300, 92_672),
    "room_layout": (4_617, 46_080),
    "jigsaw": (4_609_000, 4_649_472),
    "segmentsemantic": (11_024_177, 935_591_936),
    "normal": (22_871_859, 1_622_474_752),
    "autoencoder": (22_871_859, 1_622_474_752),
}

#: Best validation after the last epoch; pixel accuracies of segmentsemantic stand in no print.
BEST_LAST_MICRO = {
    "class_scene": 54.9363,
    "class_object": 45.5862,
    "jigsaw": 95.3722,
    "autoencoder": 0.5772,
    "normal": 0.5873,
    "room_layout": -0.6010,
}
BEST_LAST_MACRO = {
    "class_scene": 57.4144,
    "class_object": 47.4224,
    "jigsaw": 97.0193,
    "autoencoder": 0.7488,
    "normal": 0.6435,
    "room_layout": -0.5822,
}

Column = NDArray[np.float64]
Converted = tuple[dict[str, NDArray[Any]], dict[str, Any]]


def convert_macro(paths: Mapping[str, Path]) -> Converted:
    """Columns of the macro table, one row per skeleton in official order.

    Raises DataCorrupt where a fact fails.
    """
    name, space = "transnas101_macro", TransNasMacro()
    fact(name, "number of skeletons", len(space), 3256)
    fact(name, "skeleton at index 1", space.format(space.at(1)), "64-2311-basic")
    values = _read(name, paths)
    columns = _columns(
        space,
        {task: {column: all_[:3256] for column, all_ in of.items()} for task, of in values.items()},
    )
    columns |= _last(name, paths["last"], space, values, slice(0, 3256), BEST_LAST_MACRO)
    _check_macro_sizes(name, paths["second"], space)
    # the file names no architecture; where the order were wrong, the times would not follow the
    # work
    from scipy.stats import spearmanr

    agreement = float(
        spearmanr(
            columns["segmentsemantic/macs"], columns["segmentsemantic/30/run1/cost_s"]
        ).statistic
    )
    fact(
        name,
        "rank correlation of segmentsemantic's time and the MACs is above 0.96",
        agreement > 0.96,
        True,
    )
    return columns, {"rows": len(space), "row_order": "official index"}


def convert_micro(paths: Mapping[str, Path]) -> Converted:
    """Columns of the micro table, one row per cell in official order.

    Raises DataCorrupt where a fact fails.
    """
    name, space = "transnas101_micro", TransNasMicro()
    values = {
        task: {column: all_[3256:] for column, all_ in of.items()}
        for task, of in _read(name, paths).items()
    }
    columns = _columns(space, values)
    columns |= _last(name, paths["last"], space, values, slice(None), BEST_LAST_MICRO)
    for task, expected in BEST_MICRO.items():
        digits = 2 if abs(expected) > 1 else 4
        fact(
            name,
            f"best validation value of {task}",
            round(float(values[task][f"valid_{_own(TASKS[task])}"].max()), digits),
            expected,
        )
    _check_second_source(name, paths["second"], space, values)
    return columns, {"rows": len(space), "row_order": "official index less 3256"}


def _own(task: Task) -> str:
    return next(iter(task.measures))


def _read(name: str, paths: Mapping[str, Path]) -> dict[str, dict[str, Column]]:
    """Task -> column of the csv -> values of all 7,352 architectures."""
    found = {}
    for task, of in TASKS.items():
        with paths[task].open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        fact(
            name,
            f"architectures in {paths[task].name}",
            [line["file_id"] for line in lines],
            [str(i) for i in range(7352)],
        )
        wanted = [f"{split}_{column}" for split in SPLITS for column in of.measures]
        found[task] = {
            column: np.array([float(line[column]) for line in lines])
            for column in (*wanted, "time_elapsed")
        }
        finite = all(np.isfinite(values).all() for values in found[task].values())
        fact(name, f"every value of {paths[task].name} that is kept is a number", finite, True)
        if task == "room_layout":  # why the csv's losses are left out
            losses = np.array([float(line["valid_loss"]) for line in lines])
            fact(
                name,
                "room_layout's loss is its worst epoch, not its best",
                bool((losses > -found[task]["valid_neg_loss"]).all()),
                True,
            )
    return found


def _columns(
    space: TransNasMacro | TransNasMicro, values: Mapping[str, Mapping[str, Column]]
) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for task, of in TASKS.items():
        for split in SPLITS:
            for source, measure in of.measures.items():
                percent = measure not in ("ssim", "neg_loss")
                columns[f"{task}/{of.epochs}/run1/{split}_{measure}"] = values[task][
                    f"{split}_{source}"
                ] / (100 if percent else 1)
        columns[f"{task}/{of.epochs}/run1/cost_s"] = values[task]["time_elapsed"].copy()
        sizes = [space.complexity(arch, classes=of.classes, size=of.size) for arch in space]
        columns[f"{task}/params"] = np.array([each.params for each in sizes])
        columns[f"{task}/macs"] = np.array([each.macs for each in sizes])
    return columns


def _last(
    name: str,
    path: Path,
    space: TransNasMacro | TransNasMicro,
    values: Mapping[str, Mapping[str, Column]],
    rows: slice,
    best: Mapping[str, float],
) -> dict[str, NDArray[Any]]:
    """Validation after the last epoch, which is never above the best over the epochs."""
    entries = read_entries(path)
    columns: dict[str, NDArray[Any]] = {}
    for task, of in TASKS.items():
        by_row = np.full(len(space), np.nan)
        for text, entry in entries[
            f"transbench101_{space.name.removeprefix('transnas_')}", task
        ].items():
            by_row[space.index(_of_digits(space, digits(text)))] = entry["val_accuracy"]
        fact(
            name,
            f"architectures with a last epoch ({task})",
            int(np.isfinite(by_row).sum()),
            len(space),
        )
        of_best = values[task][f"valid_{SECOND_METRIC.get(task, _own(of))}"][rows]
        fact(
            name,
            f"last epochs above the best one ({task})",
            int((by_row > of_best + 1e-9).sum()),
            0,
        )
        if task in best:
            fact(name, f"best last epoch of {task}", round(float(by_row.max()), 4), best[task])
        scale = 1 if LAST[task] in ("ssim", "neg_loss") else 100
        columns[f"{task}/{of.epochs}/run1/last_valid_{LAST[task]}"] = by_row / scale
    return columns


def _of_digits(space: TransNasMacro | TransNasMicro, numbers: list[int]) -> Arch:
    if isinstance(space, TransNasMicro):
        return space.arch(numbers)
    return space.parse(f"64-{''.join(map(str, numbers))}-basic")


def _check_macro_sizes(name: str, path: Path, space: TransNasMacro) -> None:
    """Parameters of 662 networks of scenes are the space's and a head of 63 classes."""
    second: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["class_scene"]
    beside = set()
    for text, entry in second.items():
        arch = _of_digits(space, [digit for digit in digits(text) if digit])
        params = space.complexity(arch, classes=47, size=256).params
        width = space.layers(arch, classes=47, size=256)[-1].out_channels
        beside.add(round(entry["params"]["score"] * 1e6) - params - 63 * (width + 1))
    fact(name, "networks of the second source", len(second), 662)
    fact(name, "their parameters without the backbone's and the head's", beside, {0})


def _check_second_source(
    name: str, path: Path, space: TransNasMicro, values: Mapping[str, Mapping[str, Column]]
) -> None:
    """Check that the 711 cells of the second source have the same validation values.

    Their sizes need to be those that the formulas give.
    """
    try:
        second: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataCorrupt(
            f"{path} is not a JSON file ({error}); fetch it again: nasrepro data fetch {name}"
        ) from error
    for task, of in TASKS.items():
        archs = [
            space.arch([int(option) for option in key.strip("()").split(",")])
            for key in second[task]
        ]
        entries = list(second[task].values())
        fact(name, f"cells of the second source ({task})", len(archs), 711)
        own = values[task][f"valid_{SECOND_METRIC.get(task, _own(of))}"]
        equal = sum(
            float(own[space.index(arch)]) == entry["val_accuracy"]
            for arch, entry in zip(archs, entries, strict=True)
        )
        fact(name, f"cells whose validation value is the second source's ({task})", equal, 711)
        params, operations = set(), set()
        for arch, entry in zip(archs, entries, strict=True):
            size = space.complexity(arch, classes=of.classes, size=of.size)
            # it also counts two operations per output of a batch norm and one per input of a ReLU
            # (no ReLU before the first)
            first, *others = space.convolutions(arch, size=of.size)
            norms = sum(2 * each.out_channels * each.out_side**2 for each in (first, *others))
            relus = sum(each.channels * each.side**2 for each in others)
            params.add(round(entry["params"]["score"] * 1e6) - size.params)
            operations.add(round(entry["flops"]["score"] * 1e6) - size.macs - norms - relus)
        expected = tuple({each} for each in SECOND_EXTRA[task])
        fact(
            name,
            f"what the second source counts beside the backbone ({task})",
            (params, operations),
            expected,
        )
