"""NAS-Bench-Graph: a pickle per graph, {key: validation, test, latency, parameters}."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact, tau, whole_numbers
from nasrepro.oracles.convert.pickles import load_pickle
from nasrepro.oracles.spaces.graphnet import LINKS, NODES, OPS

Column = NDArray[Any]

#: Stands for the length of the training, which the files do not state: one whole training.
WHOLE = 1
ROWS, PROTEINS_ROWS = 26206, 2021
#: The five operations of proteins.
PROTEINS_OPS = ("gcn", "sage", "arma", "fc", "skip")
#: Architectures of each link class.
PER_LINK = [330, 2304, 2880, 2080, 4096, 1440, 5120, 3276, 4680]
#: Best validation and its key.
BEST = {
    "cora": (0.819333, 87072),
    "citeseer": (0.728, 31144),
    "pubmed": (0.811333, 30224),
    "cs": (0.921333, 26503),
    "physics": (0.94, 60717),
    "photo": (0.940667, 30743),
    "computers": (0.919, 73033),
    "arxiv": (0.736667, 83533),
    "proteins": (0.853333, 74578),
}
#: column -> (name in the pickle, factor to our unit)
_FIELDS = {
    "valid_accuracy": ("valid_perf", 1.0),
    "test_accuracy": ("perf", 1.0),
    "latency": ("latency", 1e3),
    "params": ("para", 1e6),
}


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, Column], dict[str, Any]]:
    """The table of the eight graphs, one row per key, ascending.

    Raises DataCorrupt where a fact fails.
    """
    return _convert("nasbench_graph", paths, ROWS)


def convert_proteins(paths: Mapping[str, Path]) -> tuple[dict[str, Column], dict[str, Any]]:
    """The table of proteins; its metric is the area under the ROC curve."""
    columns, meta = _convert("nasbench_graph_proteins", paths, PROTEINS_ROWS)
    digits = {digit for key in columns["key"].tolist() for digit in f"{key:05d}"[1:]}
    names = [OPS[int(digit)] for digit in sorted(digits)]
    fact("nasbench_graph_proteins", "operations", names, list(PROTEINS_OPS))
    return columns, meta


def _convert(
    table: str, paths: Mapping[str, Path], rows: int
) -> tuple[dict[str, Column], dict[str, Any]]:
    columns: dict[str, Column] = {}
    for dataset, path in paths.items():
        entries: Mapping[int, Mapping[str, Any]] = load_pickle(path)
        keys = sorted(entries)
        columns.setdefault("key", np.array(keys))
        fact(table, f"keys of {dataset} are those of all", keys, columns["key"].tolist())
        for column, (field, factor) in _FIELDS.items():
            values = factor * np.array([float(entries[key][field]) for key in keys])
            if column == "params":
                columns[f"{dataset}/{column}"] = whole_numbers(
                    table, f"{column} of {dataset}", values
                )
            else:
                columns[f"{dataset}/{WHOLE}/mean/{_renamed(dataset, column)}"] = values
        _check(table, dataset, columns)
    fact(table, "architectures", len(columns["key"]), rows)
    if rows == ROWS:
        links = columns["key"] // 10**NODES
        counts = [int((links == link).sum()) for link in range(len(LINKS))]
        fact(table, "architectures per link class", counts, PER_LINK)
    return columns, {"rows": rows, "row_order": "the benchmark's keys"}


def _renamed(dataset: str, column: str) -> str:
    return column.replace("accuracy", "auc") if dataset == "proteins" else column


#: Kendall's tau of validation and test: the least and the most of the nine graphs.
_TAU = {"proteins": 0.35, "arxiv": 0.87}


def _check(table: str, dataset: str, columns: Mapping[str, Column]) -> None:
    """The best of a graph, and that its parameters are sums over the operations."""
    valid = columns[f"{dataset}/{WHOLE}/mean/{_renamed(dataset, 'valid_accuracy')}"]
    best = int(valid.argmax())
    known = BEST[dataset]
    fact(table, f"best validation of {dataset}", float(valid[best]), known[0])
    fact(table, f"its key on {dataset}", int(columns["key"][best]), known[1])
    if dataset == "cora":
        test = columns[f"cora/{WHOLE}/mean/test_accuracy"]
        fact(table, "test of the best by validation on cora", float(test[best]), 0.826333)
        top = int(test.argmax())
        fact(table, "best test on cora", float(test[top]), 0.831333)
        fact(table, "its key", int(columns["key"][top]), 77016)
    if dataset in _TAU:
        both = tau(valid, columns[f"{dataset}/{WHOLE}/mean/{_renamed(dataset, 'test_accuracy')}"])
        fact(table, f"tau of validation and test on {dataset}", both, _TAU[dataset])
    if dataset != "physics":  # where the widths differ between networks
        design = np.array([_counted(key) for key in columns["key"].tolist()])
        params = columns[f"{dataset}/params"]
        weights = np.linalg.lstsq(design, params, rcond=None)[0]
        worst = float(np.abs(design @ weights - params).max())
        fact(table, f"parameters of {dataset} are sums over operations", worst < 0.5, True)


@cache  # the graphs have the same keys
def _counted(key: int) -> tuple[int, ...]:
    """Operations by name and by what they read (features, or an operation), and leaves likewise."""
    link, *ops = map(int, f"{key:05d}")
    of_features, counts = [True], [0] * (2 * len(OPS) + 3)
    for source, option in zip(LINKS[link], ops, strict=True):
        raw = of_features[source]
        of_features.append(raw and OPS[option] == "skip")
        counts[option + (0 if raw else len(OPS))] += 1
    for node in set(range(1, NODES + 1)) - set(LINKS[link]):
        counts[2 * len(OPS) + (0 if of_features[node] else 1)] += 1
    counts[-1] = 1
    return tuple(counts)
