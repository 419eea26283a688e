"""NATS-Bench, size space.

Validation accuracy after 90 epochs, one numpy file per data set, rows in official order.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.suite.errors import DataCorrupt

_NAME = "natsbench_size"
#: data set -> (file, classes, image size)
DATASETS = {
    "cifar10": ("cifar10", 10, 32),
    "cifar100": ("cifar100", 100, 32),
    "ImageNet16-120": ("imagenet", 120, 16),
}
#: data set -> validation accuracy in %: best, of index 0 and of index 11 (these two from the
#: official sample records).
PUBLISHED = {
    "cifar10": (90.712, 76.888, 83.724),
    "cifar100": (70.92, 32.24, 54.46),
    "ImageNet16-120": (46.7333, 16.6, 25.6667),
}


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, one row per width vector in official (lexicographic) order.

    Raises DataCorrupt where a fact fails.
    """
    space = SizeSpace()
    archs = list(space)
    strings = _load(paths["strings"])
    fact(
        _NAME,
        "order of the width vectors is the official one",
        strings.tolist() == [space.format(arch) for arch in archs],
        True,
    )
    columns: dict[str, NDArray[Any]] = {}
    for dataset, (source, classes, size) in DATASETS.items():
        percent = _load(paths[source])
        fact(
            _NAME,
            f"shape and type of the {dataset} file",
            (percent.shape, percent.dtype.str),
            ((len(archs),), "<f8"),
        )
        fact(_NAME, f"missing values in the {dataset} file", int(np.isnan(percent).sum()), 0)
        found = (float(percent.max()), float(percent[0]), float(percent[11]))
        for what, value, expected in zip(
            ("best", "index 0's", "index 11's"), found, PUBLISHED[dataset], strict=True
        ):
            fact(_NAME, f"{what} {dataset} validation accuracy in %", round(value, 4), expected)
        sizes = [space.complexity(arch, classes=classes, size=size) for arch in archs]
        columns[f"{dataset}/90/777/valid_accuracy"] = percent / 100
        columns[f"{dataset}/params"] = np.array([each.params for each in sizes])
        columns[f"{dataset}/macs"] = np.array([each.macs for each in sizes])
    return columns, {"rows": len(archs), "row_order": "official index"}


def _load(path: Path) -> NDArray[Any]:
    try:
        values: NDArray[Any] = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataCorrupt(
            f"{path} is not a numpy file ({error}); fetch it again: nasrepro data fetch {_NAME}"
        ) from error
    return values
