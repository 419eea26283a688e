"""NAS-Bench-301's own surrogates, as `docs/pages/how-to/nasbench301.md` exports them: plain JSON.

The authors' files are pickles of xgboost's and lightgbm's objects, which are not opened here; in an
environment that has `nasbench301`, the export writes their trees, the order of the inputs, and some
predictions, which the converter holds its own against.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.convert.nasbench301_yahpo import taken
from nasrepro.oracles.spaces.dartscell import DartsCell, Edge
from nasrepro.suite.data import Columns, Progress, cache_dir
from nasrepro.suite.errors import DataCorrupt, DataMissing

_NAME = "nasbench301"
FILE, PATH_VARIABLE = "nasbench301_export.json", "NASBENCH301_PATH"
_FORMAT = "nasbench301 export 1"
_PREFIX = "NetworkSelectorDatasetInfo:darts:"
#: What is predicted, and the largest difference from the export's own predictions (percent,
#: seconds): sums of thousands of single-precision leaves.
_OUTPUTS = {"accuracy": 1e-3, "seconds": 0.5}


def find() -> dict[str, Path]:
    """The export: NASBENCH301_PATH (the file, or its folder), else TORCH_HOME or the cache folder.

    Raises:
        DataMissing: none of them has it; it is made from the authors' models and never downloaded.
    """
    given = os.environ.get(PATH_VARIABLE, "")
    if given and Path(given).expanduser().is_file():
        return {"export": Path(given).expanduser()}
    torch = Path(os.environ.get("TORCH_HOME") or "~/.torch").expanduser()
    folders = [Path(given).expanduser()] if given else [torch, cache_dir()]
    for folder in folders:
        if (folder / FILE).is_file():
            return {"export": folder / FILE}
    pickled = any(
        next(folder.glob("nb_models*/**/surrogate_model.model"), None) for folder in folders
    )
    there = " (the authors' models, which are there, are pickles and not opened)" if pickled else ""
    raise DataMissing(
        f"{_NAME} needs {FILE}, which is not in {' or '.join(map(str, folders))}{there}: make it "
        "from the authors' models in an environment that has the package nasbench301, as "
        f"docs/pages/how-to/nasbench301.md shows, set {PATH_VARIABLE} to it, and run: nasrepro "
        f"data fetch {_NAME}"
    )


def convert(paths: Mapping[str, Path], progress: Progress) -> tuple[Columns, dict[str, Any]]:
    """A row per node of a tree; raises DataCorrupt where the export's own predictions differ."""
    path = paths["export"]
    try:
        export: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        fact(_NAME, "format of the export", export["format"], _FORMAT)
        nodes: list[tuple[float, ...]] = []
        members: dict[str, list[float]] = {}
        for number, output in enumerate(_OUTPUTS):
            progress(number, len(_OUTPUTS), output)
            members[output] = []
            for member in export[output]:
                place = len(members[output])
                members[output].append(float(member["base_score"]))
                for tree in member["trees"]:
                    nodes += _flat(tree, len(nodes), number, place)
        columns = {
            name: np.array(values, dtype=np.float64 if name in _REAL else np.int32)
            for name, values in zip(_COLUMNS, zip(*nodes, strict=True), strict=True)
        }
        meta = {
            "rows": len(nodes),
            "row_order": "node by node, tree by tree",
            "names": [name.removeprefix(_PREFIX) for name in export["names"]],
            "base": [float(value) for value in export["base"]],
            "choices": {
                name.removeprefix(_PREFIX): list(options)
                for name, options in export["choices"].items()
            },
            "base_scores": members,
        }
        checks: list[dict[str, Any]] = export["checks"]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataCorrupt(
            f"{path} is not an export of NAS-Bench-301's surrogates ({error!r}); make it again, "
            "see docs/pages/how-to/nasbench301.md"
        ) from error
    _check(Ensemble(columns, meta), checks)
    return columns, meta


#: Of a node: the output it serves (0 accuracy, 1 seconds) and its member, whether a tree begins
#: there, the input it asks about (-1 for a leaf), the largest value that goes left, the rows of its
#: children, and a leaf's value.
_REAL = ("threshold", "value")
_COLUMNS = ("output", "member", "root", "feature", "threshold", "left", "right", "value")


def _flat(
    tree: Mapping[str, Any], first: int, output: int, member: int
) -> Iterator[tuple[float, ...]]:
    """The nodes of a tree of xgboost's or lightgbm's JSON, from row `first` on."""
    rows: list[list[float]] = []
    waiting = [(tree, -1, 0)]
    while waiting:
        node, parent, side = waiting.pop()
        if parent >= 0:
            rows[parent][5 + side] = first + len(rows)
        leaf = node.get("leaf", node.get("leaf_value"))
        if leaf is not None:
            rows.append([output, member, not rows, -1, 0.0, -1, -1, float(leaf)])
            continue
        here = len(rows)
        if "split_feature" in node:  # lightgbm: at most the threshold goes left
            feature, threshold = int(node["split_feature"]), float(node["threshold"])
            children = node["left_child"], node["right_child"]
            if node["decision_type"] != "<=":
                raise ValueError(f"a decision {node['decision_type']!r}")
        else:  # xgboost, in single precision: below it
            feature = int(str(node["split"]).removeprefix("f"))
            below = np.nextafter(np.float32(node["split_condition"]), np.float32(-np.inf))
            threshold = float(below)
            by_id = {child["nodeid"]: child for child in node["children"]}
            children = by_id[node["yes"]], by_id[node["no"]]
        rows.append([output, member, not rows, feature, threshold, -1, -1, 0.0])
        waiting += [(children[1], here, 1), (children[0], here, 0)]
    return map(tuple, rows)


class Ensemble:
    """The surrogates: mean of the members' sums over their trees.

    Args:
        columns: of the table.
        meta: the table's notes.
    """

    def __init__(self, columns: Columns, meta: Mapping[str, Any]) -> None:
        self._columns: dict[str, NDArray[Any]] = {n: np.asarray(columns[n]) for n in _COLUMNS}
        roots = self._columns["root"] == 1
        self._roots = [
            np.flatnonzero(roots & (self._columns["output"] == number))
            for number in range(len(_OUTPUTS))
        ]
        self._base_scores: Mapping[str, Sequence[float]] = meta["base_scores"]
        self._base = np.array(meta["base"], dtype=np.float64)
        self._places = {name: place for place, name in enumerate(meta["names"])}
        self._choices: Mapping[str, Sequence[str]] = meta["choices"]

    def __call__(self, cells: Mapping[str, Sequence[Edge]]) -> dict[str, float]:
        """Validation accuracy (percent) and seconds of the whole training."""
        inputs = self._base.copy()
        for name in self._choices:
            inputs[self._places[name]] = -1  # what is not chosen is missing, -1 to the authors
        for name, option in taken(cells):
            inputs[self._places[name]] = self._choices[name].index(option)
        return {
            output: self._predict(number, output, inputs) for number, output in enumerate(_OUTPUTS)
        }

    def _predict(self, number: int, output: str, inputs: NDArray[np.float64]) -> float:
        columns, at = self._columns, self._roots[number]
        values = inputs.astype(np.float32).astype(np.float64) if number == 0 else inputs
        while (inner := columns["feature"][at] >= 0).any():
            asked = at[inner]
            left = values[columns["feature"][asked]] <= columns["threshold"][asked]
            at = at.copy()
            at[inner] = np.where(left, columns["left"][asked], columns["right"][asked])
        sums = np.array(self._base_scores[output])
        np.add.at(sums, columns["member"][at], columns["value"][at])
        return float(sums.mean())


def _check(surrogate: Ensemble, checks: Sequence[Mapping[str, Any]]) -> None:
    """Our predictions are the export's."""
    space = DartsCell()
    fact(_NAME, "predictions to hold ours against, at least one", bool(checks), True)
    for one in checks:
        ours = surrogate(space.edges(space.parse(one["genotype"])))
        for output, most in _OUTPUTS.items():
            near = abs(ours[output] - float(one[output])) <= most
            fact(_NAME, f"our {output} of {one['genotype']} is the export's", near, True)
