"""AnalogNAS-Bench: a pickle of plain objects by NAS-Bench-201 cell, read without its classes.

Beside NAS-Bench-201's extracts, for what a search sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert import nasbench201
from nasrepro.oracles.convert.facts import fact, tau
from nasrepro.oracles.convert.pickles import load_pickle
from nasrepro.oracles.convert.zc_combine import coded
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.errors import DataCorrupt

_NAME = "nasbench201_analog"
#: field of a record -> metric
PLAIN = {
    "baseline_accuracy": "test_accuracy",
    "ptq_accuracy": "test_accuracy_ptq",
    "qat_accuracy": "test_accuracy_qat",
    "noisy_accuracy": "test_accuracy_noisy",
    "analog_accuracy": "test_accuracy_analog",
}
#: seconds after programming -> what the metrics say
TIMES = {60: "1min", 3600: "1h", 86400: "1d", 2592000: "30d"}
#: field's first word -> network; the spread over 25 readings stands beside
DRIFT = {"baseline": "noisy", "analog": "analog"}
#: One reading that cannot be: 87 % of a network that has 57 % before it drifts.
_WRONG = (0, 0, 0, 0, 0, 0), "analog", 60


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, by official index; raises DataCorrupt where a fact fails."""
    space = Cell201()
    records = load_pickle(paths["analog"], recorded=("analognasbench",))
    try:
        states = {key: record.state for key, record in records.items()}
        order = sorted(states, key=lambda key: space.index(coded(key)))
        values = {
            metric: np.array([states[key][field] for key in order])
            for field, metric in PLAIN.items()
        }
        for field, network in DRIFT.items():
            for seconds, after in TIMES.items():
                drifted = [states[key][f"{field}_drift_{seconds}"].state for key in order]
                values[f"test_accuracy_{network}_{after}"] = np.array(
                    [one["value"] for one in drifted]
                )
                values[f"spread_{network}_{after}"] = np.array(
                    [one["uncertainty"] for one in drifted]
                )
    except (AttributeError, LookupError, TypeError) as error:
        raise DataCorrupt(
            f"{paths['analog']} has not the records of AnalogNAS-Bench ({error}); get it again: "
            f"nasrepro data fetch {_NAME}"
        ) from error
    columns: dict[str, NDArray[Any]] = nasbench201.searched(
        nasbench201.convert(paths)[0], ("cifar10",)
    )
    _check(values, columns, [space.index(coded(key)) for key in order])
    key, network, seconds = _WRONG
    for kind in ("test_accuracy", "spread"):
        values[f"{kind}_{network}_{TIMES[seconds]}"][order.index(key)] = np.nan
    columns |= {f"cifar10/200/one/{metric}": column / 100 for metric, column in values.items()}
    return columns, {"rows": len(space), "row_order": "official index"}


def _check(
    values: Mapping[str, NDArray[Any]], searched: Mapping[str, NDArray[Any]], indices: list[int]
) -> None:
    """Every fact that is known of the file."""
    space = Cell201()
    fact(_NAME, "cells", indices == list(range(len(space))), True)
    best = {
        metric: (round(float(values[metric].max()), 4), int(values[metric].argmax()))
        for metric in ("test_accuracy", "test_accuracy_analog", "test_accuracy_analog_30d")
    }
    known = (94.0664, 13714), (91.326, 5780), (90.0, 5780)
    fact(_NAME, "best cells", tuple(best.values()), known)
    dead = [i for i, arch in enumerate(space) if not any(space.live(arch).code)]
    clean = values["test_accuracy"]
    fact(_NAME, "cells at 10 % are the disconnected", np.flatnonzero(clean == 10).tolist(), dead)
    # 25 passes over 10,000 images: else the codes or the accuracy would mean something else
    hundredths = clean * 2500
    fact(_NAME, "means of 25 passes", bool(np.allclose(hundredths, hundredths.round())), True)
    agreement = tau(clean, searched["cifar10/200/mean/valid_accuracy"], 3)
    fact(_NAME, "tau with NAS-Bench-201's validation", agreement, 0.901)
    row = indices.index(space.index(coded(_WRONG[0])))
    wrong = values["test_accuracy_analog"][row], values["test_accuracy_analog_1min"][row]
    fact(_NAME, "the reading that is wrong", [round(float(v), 4) for v in wrong], [57.49, 87.4944])
