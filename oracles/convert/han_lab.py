"""Files of the Han lab: AMC's latencies on a phone, HAQ's table of latencies by bit widths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.suite.errors import DataCorrupt

#: AMC's networks in the names of its logs.
AMC_MODELS = ("mobilenet", "0.75mobilenet", "0.5flops", "0.5time")
AMC_RUNS = 3
_AVERAGE = re.compile(r"count=200 .*?avg=([\d.]+)")


def convert_amc_pixel1(
    paths: Mapping[str, Path],
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns run_1 to run_3: means of 200 inferences (ms), a row for each of `AMC_MODELS`."""
    columns = {
        f"run_{run}": np.array([_average(paths[f"{model}_run{run}"]) for model in AMC_MODELS]) / 1e3
        for run in range(1, AMC_RUNS + 1)
    }
    fact("amc_pixel1", "half FLOPs, run 1 (ms)", float(columns["run_1"][2]), 68.3077)
    return columns, {"rows": len(AMC_MODELS), "models": list(AMC_MODELS)}


def _average(path: Path) -> float:
    found = _AVERAGE.findall(path.read_text(encoding="utf-8", errors="replace"))
    if len(found) != 1:
        raise DataCorrupt(f"{path} has {len(found)} measurements of 200 inferences, expected 1")
    return float(found[0])


def convert_haq(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns layer, weight_bits, activation_bits, latency; 53 x 8 x 8 rows."""
    table = np.load(paths["table"], allow_pickle=False)
    fact("haq", "shape", table.shape, (53, 8, 8))
    fact("haq", "whole latency at 8 bits", int(table[:, 7, 7].sum()), 39_624_933)
    layer, weights, activations = (axis.ravel() for axis in np.indices(table.shape))
    columns = {
        "layer": layer,
        "weight_bits": weights + 1,
        "activation_bits": activations + 1,
        "latency": table.ravel().astype(np.float64),
    }
    return columns, {"rows": table.size}
