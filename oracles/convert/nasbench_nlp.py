"""NAS-Bench-NLP's logs on WikiText-2 (a zip of JSON files), and its Penn Treebank losses by model.

Several models have one recipe, but for the names of its nodes: they are trainings of one cell, and
together say how much training varies.
"""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.spaces.rnnrecipe import RnnRecipe
from nasrepro.suite.errors import DataCorrupt, InvalidArch
from nasrepro.suite.space import Arch

_NAME = "nasbench_nlp"
#: Epochs of a training on WikiText-2; the one length of Penn Treebank's, whose curves are not here.
EPOCHS, WHOLE = 50, 1
#: Words of the vocabulary.
WIKITEXT2, PTB = 33278, 10000
LOSSES = {"valid_loss": "val_losses", "test_loss": "test_losses", "train_loss": "train_losses"}
_LARGEST = 2**20


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, a row per recipe in the order of its first model.

    A training that diverged has no values from then on.

    Raises:
        DataCorrupt: a file is damaged, or a fact fails.
    """
    space, rows = RnnRecipe(), _trainings(paths["logs"])
    losses = _ptb_losses(paths["ptb"])
    logs = [log for trainings in rows.values() for log in trainings]
    fact(_NAME, "trainings", len(logs), 345)
    fact(_NAME, "distinct recipes", len(rows), 265)
    fact(_NAME, "diverged trainings", sum(log["status"] != "OK" for log in logs), 4)
    fact(
        _NAME,
        "trainings with a Penn Treebank loss",
        sum(_model(log) in losses for log in logs),
        275,
    )
    params = [
        space.complexity(arch, classes=WIKITEXT2, size=1).params == log["num_params"]
        for arch, trainings in rows.items()
        for log in trainings
    ]
    fact(_NAME, "logs with the parameters counted here", sum(params), len(logs))
    columns: dict[str, NDArray[Any]] = {}
    for run in range(max(map(len, rows.values()))):
        of_run = [trainings[run] if run < len(trainings) else None for trainings in rows.values()]
        label = f"run{run + 1}"
        for metric, field in LOSSES.items():
            curves = np.array([_curve(log, field) for log in of_run])
            for epoch in range(1, EPOCHS + 1):
                columns[f"wikitext-2/{epoch}/{label}/{metric}"] = curves[:, epoch - 1].copy()
        columns[f"wikitext-2/{label}/cost_s_per_epoch"] = np.array(
            [np.nan if log is None else float(np.mean(log["wall_times"])) for log in of_run]
        )
        columns[f"ptb/{WHOLE}/{label}/valid_loss"] = np.array(
            [np.nan if log is None else losses.get(_model(log), np.nan) for log in of_run]
        )
    for dataset, classes in (("wikitext-2", WIKITEXT2), ("ptb", PTB)):
        sizes = [space.complexity(arch, classes=classes, size=1) for arch in rows]
        columns[f"{dataset}/params"] = np.array([size.params for size in sizes])
        columns[f"{dataset}/macs"] = np.array([size.macs for size in sizes])
    codes = np.array([arch.code for arch in rows], dtype=np.int64)
    columns |= {f"decision{place}": codes[:, place].copy() for place in range(codes.shape[1])}
    return columns, {"rows": len(rows), "row_order": "by the first model of each recipe"}


def _trainings(path: Path) -> dict[Arch, list[dict[str, Any]]]:
    """The logs of each recipe, by model."""
    space = RnnRecipe()
    rows: dict[Arch, list[dict[str, Any]]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for file in sorted(archive.infolist(), key=lambda file: file.filename):
                if file.file_size > _LARGEST:
                    raise DataCorrupt(f"{path}: {file.filename} is larger than any log")
                log = json.loads(archive.read(file))
                recipe = log["recepie"]  # the files' own spelling
                arch = space.described(json.loads(recipe) if isinstance(recipe, str) else recipe)
                rows.setdefault(arch, []).append(
                    {
                        **{field: list(log[field]) for field in LOSSES.values()},
                        "wall_times": list(log["wall_times"]),
                        "num_params": int(log["num_params"]),
                        "status": str(log["status"]),
                        "model": str(log["recepie_id"]),
                    }
                )
    except (zipfile.BadZipFile, OSError, ValueError, LookupError, TypeError, InvalidArch) as error:
        raise DataCorrupt(
            f"{path} is not the zip of NAS-Bench-NLP's logs ({error}); fetch it again: nasrepro "
            f"data fetch {_NAME}"
        ) from error
    return rows


def _model(log: Mapping[str, Any]) -> str:
    return str(log["model"])


def _curve(log: Mapping[str, Any] | None, field: str) -> list[float]:
    values = [] if log is None else [float(value) for value in log[field]][:EPOCHS]
    return values + [float("nan")] * (EPOCHS - len(values))


def _ptb_losses(path: Path) -> dict[str, float]:
    """Loss by model."""
    losses = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                model = re.search(r"model_(\d+)_", row["log name"])
                if model is not None and row["loss"]:
                    losses[model[1]] = float(row["loss"])
    except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
        raise DataCorrupt(
            f"{path} is not the table of losses ({error}); fetch it again: nasrepro data fetch "
            f"{_NAME}"
        ) from error
    return losses
