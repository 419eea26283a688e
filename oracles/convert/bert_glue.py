"""500 BERT-like networks with their GLUE scores: one JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.spaces.bertcell import BertSpace
from nasrepro.suite.errors import DataCorrupt
from nasrepro.suite.space import Arch

_NAME = "bert_glue"
#: One whole training: 100,000 steps.
WHOLE, STEPS = 1, 100_000
TASKS = ("glue", "cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst", "sts")
TRAININGS, NETWORKS = 500, 491


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, a row per network in the order of its first training.

    Raises DataCorrupt where a fact fails.
    """
    space, path = BertSpace(), paths["trainings"]
    try:
        trainings: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataCorrupt(
            f"{path} is not a JSON file ({error}); fetch it again: nasrepro data fetch {_NAME}"
        ) from error
    fact(_NAME, "numbers", [one["id"] for one in trainings], list(range(TRAININGS)))
    fact(_NAME, "steps", {one["hparams"]["num_train_steps"] for one in trainings}, {STEPS})
    rows: dict[Arch, list[int]] = {}
    for number, one in enumerate(trainings):
        rows.setdefault(described(one), []).append(number)
    fact(_NAME, "distinct networks", len(rows), NETWORKS)
    mean = np.array([one["scores"]["glue"] for one in trainings])
    least, most = round(float(mean.min()), 3), round(float(mean.max()), 3)
    fact(_NAME, "range of the mean score", (least, most, int(mean.argmax())), (53.665, 75.130, 179))
    eight = np.array([[one["scores"][task] for task in TASKS[1:]] for one in trainings]).mean(1)
    fact(_NAME, "glue is the mean of the eight", bool(np.allclose(eight, mean, atol=1e-6)), True)
    runs = max(map(len, rows.values()))
    columns: dict[str, NDArray[Any]] = {}
    for run in range(runs):
        numbers = [n[run] if run < len(n) else None for n in rows.values()]
        for task in TASKS:
            columns[f"{task}/{WHOLE}/run{run + 1}/valid_score"] = np.array(
                [np.nan if n is None else trainings[n]["scores"][task] / 100 for n in numbers]
            )
            columns[f"{task}/{WHOLE}/run{run + 1}/cost_s"] = np.array(
                [np.nan if n is None else trainings[n]["time_to_train"] for n in numbers]
            )
    columns["index"] = np.array([space.index(arch) for arch in rows])
    return columns, {"rows": NETWORKS, "row_order": "by the first training"}


def described(training: Mapping[str, Any]) -> Arch:
    """The encoder of one training of the file."""
    overrides = training["hparams"]["model_hparam_overrides"]
    layers = [
        (
            layer["operation_type"],
            layer["operation_parameter"],
            layer["num_operation_heads"],
            layer["feed_forward_dimension"],
            layer["num_feed_forward"],
        )
        for layer in overrides["nas_config"]["encoder_layers"]
    ]
    return BertSpace().described(overrides["hidden_size"], layers)
