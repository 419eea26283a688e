"""A model of Accel-NASBench's accuracies, fitted here: gradient-boosted trees of scikit-learn.

The table holds the trees, a row per node, so that what answers is fixed and needs no scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert import accel_nasbench

#: Settings, and the share held out; chosen before the fit and not tuned.
TREES, DEPTH, RATE, SHARE, HELD_OUT = 600, 5, 0.05, 0.7, 0.2

Column = NDArray[Any]


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, Column], dict[str, Any]]:
    """Nodes of the trees fitted to all networks; the error is that of a fit to four fifths."""
    from scipy.stats import kendalltau

    columns, _ = accel_nasbench.convert(paths)
    inputs = np.array([accel_nasbench.unpacked(code) for code in columns["code"].tolist()])
    runs = [
        columns[f"imagenet/{accel_nasbench.WHOLE}/{label}/valid_accuracy"]
        for label in ("first", "second")
    ]
    truth = np.nanmean(runs, axis=0)
    order = np.random.default_rng(0).permutation(len(truth))
    held = order[: int(HELD_OUT * len(truth))]
    rest = order[len(held) :]
    trial = _fitted(inputs[rest], truth[rest])
    predicted = predict(trial, roots_of(trial), inputs[held])
    error = predicted - truth[held]
    nodes = _fitted(inputs, truth)
    return nodes, {
        "rows": len(nodes["value"]),
        "row_order": "nodes, tree by tree",
        "held_out": len(held),
        "mean_absolute_error": float(np.abs(error).mean()),
        "r2": float(1 - (error**2).sum() / ((truth[held] - truth[held].mean()) ** 2).sum()),
        "kendall_tau": float(kendalltau(predicted, truth[held]).statistic),
    }


def _fitted(inputs: Column, truth: Column) -> dict[str, Column]:
    """Children of a leaf are the leaf itself, so that descending `DEPTH` times ends in a leaf."""
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(
        n_estimators=TREES, max_depth=DEPTH, learning_rate=RATE, subsample=SHARE, random_state=0
    ).fit(inputs, truth)
    parts: dict[str, list[Column]] = {
        name: [] for name in ("root", "decision", "threshold", "left", "right", "value")
    }
    first = 0
    for (tree,) in model.estimators_:
        own = np.arange(first, first + tree.tree_.node_count)
        leaf = tree.tree_.children_left < 0
        parts["root"].append(np.full(len(own), first))
        parts["decision"].append(np.where(leaf, 0, tree.tree_.feature))
        parts["threshold"].append(tree.tree_.threshold)
        parts["left"].append(np.where(leaf, own, first + tree.tree_.children_left))
        parts["right"].append(np.where(leaf, own, first + tree.tree_.children_right))
        parts["value"].append(RATE * tree.tree_.value[:, 0, 0])
        first += len(own)
    nodes = {name: np.concatenate(columns) for name, columns in parts.items()}
    nodes["value"] += float(truth.mean()) / TREES
    return nodes


def roots_of(nodes: Mapping[str, Column]) -> Column:
    """The first node of each tree."""
    return np.flatnonzero(nodes["root"] == np.arange(len(nodes["root"])))


def predict(nodes: Mapping[str, Column], roots: Column, inputs: Column) -> NDArray[np.float64]:
    """Sum over the trees, shape (n,), for codes (n, 28)."""
    places = np.broadcast_to(roots, (len(inputs), len(roots)))
    rows = np.arange(len(inputs))[:, None]
    for _ in range(DEPTH):
        right = inputs[rows, nodes["decision"][places]] > nodes["threshold"][places]
        places = np.where(right, nodes["right"][places], nodes["left"][places])
    total: NDArray[np.float64] = nodes["value"][places].sum(axis=1)
    return total
