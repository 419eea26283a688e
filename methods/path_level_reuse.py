"""What inherited weights are worth to a candidate of path-level transformation, by its training.

    train a chain;  cells <- at random, as `path_level` draws them, distinct
    truth <- accuracy of each cell's network after `truth` epochs from new weights
    for each number of epochs: accuracy of each cell after them, weights inherited or new
    Kendall's tau-b of those accuracies with the truth, and their means

Deviations:
    - The claim is the paper's (arXiv:1806.02639): reuse makes a candidate's evaluation cheap. The
      setting is ours, and the network, the moves and the noise are those of `path_level`.
    - The truth is a training from new weights, so it favours those; both are of validation images.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import load_oracle, study
from nasrepro.suite.search import Budget, Session

#: Epochs of a candidate, and its learning rate with weights that are inherited or new.
LENGTHS, RATES = (1, 2, 5), {"inherited": 0.035, "new": 0.1}


@study(
    "path_level_reuse.curve",
    paper="arXiv:1806.02639; ours",
    by=("weights", "epochs"),
    cells=10,
    chain=20,
    truth=20,
    width=8,
    noise=6e-3,
)
def curve(
    rng: Any, *, cells: int, chain: int, truth: int, width: int, noise: float
) -> Iterator[dict[str, Any]]:
    """Accuracy and rank correlation of candidates, by weights and epochs.

    Columns: mean accuracy of the candidates (%), Kendall's tau-b with the long trainings, seconds
    of one candidate (counted).

    Args:
        rng: of the chain, the cells and all trainings.
        cells: candidates.
        chain: epochs of the chain.
        truth: epochs of the long training of each candidate.
        width: channels of the chain's stem.
        noise: on inherited weights, over their standard deviation.
    """
    from nasrepro.methods.nets.trees import Chain, drawn, renewed, transformed
    from nasrepro.suite.statistics import kendall

    if cells < 2:
        raise NasreproError(f"path_level_reuse.curve: cells {cells}; give at least 2 to rank them")
    options = {"merge": 3, "branches": 2, "op": 7, "insert": 2}
    trees: dict[str, Any] = {}
    while len(trees) < cells:
        tree = drawn(lambda kind, whole, edge: int(rng.integers(options[kind])))
        if tree.height > 1:
            trees.setdefault(str(tree), tree)
    budget = Budget(queries=1)
    session = Session(load_oracle("workshop201"), dataset="digits", epochs=30, budget=budget)
    with session.workshop(rng) as shop:
        with shop.seeded():
            start = Chain(shop.shape[0], width, shop.classes)
        shop.train(start, chain)
        images, _ = next(iter(shop.batches("train", 128)))

        def accuracies(weights: str, epochs: int) -> list[float]:
            """Of each cell after so many epochs, %."""
            values = []
            for tree in trees.values():
                with shop.seeded():
                    network = transformed(
                        start, tree, images, noise if weights == "inherited" else 0.0
                    )
                    if weights == "new":
                        renewed(network)
                shop.train(network, epochs, learning_rate=RATES[weights])
                values.append(100 * shop.validate(network))
            return values

        long = accuracies("new", truth)
        for weights in RATES:
            for epochs in LENGTHS:
                before_s = session.clock_s
                values = accuracies(weights, epochs)
                yield {
                    "weights": weights,
                    "epochs": epochs,
                    "accuracy": sum(values) / cells,
                    "kendall": float(kendall(values, long)),
                    "seconds": (session.clock_s - before_s) / cells,
                }
