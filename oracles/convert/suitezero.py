"""NAS-Bench-Suite-Zero's further data: trained networks and their scores before training.

- a zip of NASLib's lists: three spaces, three data sets, the same 192 or 199 networks of a space
- a JSON object of 500 NAS-Bench-101 matrices, which are 292 cells
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact, whole_numbers
from nasrepro.oracles.convert.naslib import FAILED, darts_cell, read_entries, spec_cell
from nasrepro.oracles.convert.zc_combine import cell, codes
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.dartscell import DartsCell
from nasrepro.oracles.spaces.graph201 import EDGES
from nasrepro.oracles.spaces.transnas import TransNasMicro
from nasrepro.suite.errors import DataCorrupt
from nasrepro.suite.space import Arch

Converted = tuple[dict[str, NDArray[Any]], dict[str, Any]]

_NAME = "suitezero"
#: One whole training; its epochs are not in the files.
WHOLE = 1
#: Classes of each data set; the names are the files'.
DATASETS = {"svhn": 10, "ninapro": 18, "scifar100": 100}
#: The scores of the zip; `flops` and `params` (millions) stand beside them.
SCORES = (
    "epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot",
    "params", "plain", "snip", "synflow", "zen",
)  # fmt: skip
#: Those of the JSON object.
SCORES_101 = tuple(name for name in SCORES if name not in ("nwot", "zen"))
EPOCHS_101 = 108
#: Weights of the first convolution that a single input channel saves, by its filters.
_CHANNELS_LESS = 2 * 9
#: TransNAS-Bench-101, parameters of an edge's operation beyond a skip's, from the input and after.
_TRANSNAS_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_TRANSNAS_PARAMS = (0, -40_960, 1_361_920, 116_736), (0, 0, 1_771_520, 198_656)
#: What NASLib's codes mean there: 0 skip, 1 none, 2 conv3x3, 3 conv1x1, as digits of the space.
_TRANSNAS_DIGITS = (1, 0, 3, 2)


def convert_201(paths: Mapping[str, Path]) -> Converted:
    """Columns of the table of 199 cells; raises DataCorrupt where a fact fails."""
    space = Cell201()
    return _table(
        paths["scores"],
        "nasbench201",
        cell,
        space.index,
        lambda arch, classes: space.complexity(arch, classes=classes, size=32).params,
        filters=16,
        best={"svhn": 96.7502, "ninapro": 93.1715, "scifar100": 36.51},
    )


def convert_301(paths: Mapping[str, Path]) -> Converted:
    """Columns of the table of 199 cells; raises DataCorrupt where a fact fails."""
    space = DartsCell()
    return _table(
        paths["scores"],
        "nasbench301",
        darts_cell,
        space.index,
        lambda arch, classes: space.supernet_params(arch, classes=classes),
        filters=96,
        best={"svhn": 97.5069, "ninapro": 93.9302, "scifar100": 52.6},
    )


def convert_transnas(paths: Mapping[str, Path]) -> Converted:
    """Columns of the table of 192 cells; raises DataCorrupt where a fact fails."""
    space = TransNasMicro()

    def decoded(text: str) -> Arch:
        on_edge = dict(zip(_TRANSNAS_EDGES, codes(text), strict=True))
        return space.arch([_TRANSNAS_DIGITS[on_edge[edge]] for edge in EDGES])

    def params(arch: Arch, classes: int) -> int:
        options = zip(EDGES, arch.code, strict=True)
        of_edges = sum(
            _TRANSNAS_PARAMS[source > 0][_TRANSNAS_DIGITS.index(digit)]
            for (source, _), digit in options
        )
        return 124_736 + 257 * classes + of_edges

    return _table(
        paths["scores"],
        "transbench101_micro",
        decoded,
        space.index,
        params,
        filters=64,
        best={"svhn": 96.4659, "ninapro": 94.082, "scifar100": 37.53},
    )


def _table(
    path: Path,
    benchmark: str,
    decoded: Callable[[str], Arch],
    key: Callable[[Arch], int],
    params: Callable[[Arch, int], int],
    *,
    filters: int,
    best: Mapping[str, float],
) -> Converted:
    """The accuracies and scores of a space, a row per network.

    That the texts mean what they are taken for shows by the networks' parameters.
    """
    lists = {dataset: entries for (name, dataset), entries in read_entries(path).items()
             if name == benchmark}  # fmt: skip
    fact(_NAME, f"data sets of {benchmark}", set(lists), set(DATASETS))
    texts = list(lists["svhn"])
    archs = list(map(decoded, texts))
    columns: dict[str, NDArray[Any]] = {"key": np.array(list(map(key, archs)))}
    fact(_NAME, f"networks of {benchmark}", len(set(archs)), len(texts))
    for dataset, classes in DATASETS.items():
        entries = lists[dataset]
        fact(_NAME, f"networks of {benchmark} on {dataset}", set(entries), set(texts))
        percent = np.array([float(entries[text]["val_accuracy"]) for text in texts])
        fact(_NAME, f"best of {benchmark}, {dataset}", round(percent.max(), 4), best[dataset])
        columns[f"{dataset}/{WHOLE}/one/valid_accuracy"] = percent / 100
        for score in SCORES:
            values = np.array([float(entries[text][score]["score"]) for text in texts])
            columns[f"{dataset}/{score}"] = np.where(values == FAILED, -np.inf, values)
        printed = whole_numbers(_NAME, "params", 1e6 * columns[f"{dataset}/params"]).tolist()
        less = _CHANNELS_LESS * filters if dataset == "ninapro" else 0  # one channel, not three
        ours = [params(arch, classes) - less for arch in archs]
        fact(_NAME, f"parameters of {benchmark} on {dataset} are ours", printed == ours, True)
    return columns, {"rows": len(archs), "row_order": "as in the file"}


def convert_101(paths: Mapping[str, Path]) -> Converted:
    """Columns of the table of 292 cells; raises DataCorrupt where a fact fails.

    A cell that was drawn several times has the runs that were drawn, and its first scores.
    """
    space, path = Dag101(), paths["scores"]
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["nasbench101"]["cifar10"]
        numbers = [space.number(spec_cell(text)) for text in entries]
        values = list(entries.values())
        drawn: dict[int, list[int]] = {}
        for row, number in enumerate(numbers):
            drawn.setdefault(number, []).append(row)
        runs = {
            number: list(dict.fromkeys(values[row]["val_accuracy"] for row in rows))
            for number, rows in drawn.items()
        }
        columns: dict[str, NDArray[Any]] = {
            f"cifar10/{score}": np.array([float(values[rows[0]][score]) for rows in drawn.values()])
            for score in SCORES_101
        }
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataCorrupt(
            f"{path} is not NASLib's list of scores ({error}); fetch it again: nasrepro data fetch"
        ) from error
    fact(_NAME, "matrices, cells", (len(numbers), len(drawn)), (500, 292))
    fact(_NAME, "most runs of a cell", max(map(len, runs.values())), 3)
    steps = np.array([entry["val_accuracy"] for entry in values]) * 99.84  # of 9,984 images
    fact(
        _NAME, "values are of single runs", bool(np.allclose(steps, steps.round(), atol=1e-3)), True
    )
    columns["number"] = columns["key"] = np.array(list(drawn))
    for run in range(3):
        columns[f"cifar10/{EPOCHS_101}/run{run + 1}/valid_accuracy"] = np.array(
            [ones[run] / 100 if run < len(ones) else np.nan for ones in runs.values()]
        )
    return columns, {"rows": len(drawn), "row_order": "as in the file"}
