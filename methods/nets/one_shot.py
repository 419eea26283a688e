"""What searches by one supernet share: pairs of batches, steps of weights, inherited accuracy."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from nasrepro.suite.registry import load_oracle, study
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch, SearchSpace
from nasrepro.suite.statistics import kendall

Batch = tuple[Tensor, Tensor]
#: Operations that compute nothing, as spaces call them.
SKIPS = ("skip_connect", "identity")


def held_out(shop: Any, batch: int) -> Iterator[Batch]:
    """Validation batches without end, the part in a new order each time it begins again."""
    return itertools.chain.from_iterable(shop.batches("valid", batch) for _ in itertools.count())


def pairs(shop: Any, epochs: int, batch: int = 64) -> Iterator[tuple[float, Batch, Batch]]:
    """Steps of a search that learns weights and decisions in turn.

    Args:
        shop: the workshop.
        epochs: passes over the training images.
        batch: images of a step.

    Yields:
        Share of the steps that are done, a training batch, a validation batch.
    """
    steps = epochs * math.ceil(shop.images["train"] / batch)
    validation = held_out(shop, batch)
    for step, trained in enumerate(shop.batches("train", batch, epochs=epochs)):
        yield step / steps, trained, next(validation)


class Weights:
    """SGD on a supernet's weights: Nesterov momentum 0.9, a rate that falls along a cosine.

    Args:
        supernet: whose weights they are.
        learning_rate: at the start.
    """

    def __init__(self, supernet: nn.Module, learning_rate: float) -> None:
        self._supernet, self._rate = supernet, learning_rate
        self._optimiser = torch.optim.SGD(
            supernet.parameters(), learning_rate, momentum=0.9, nesterov=True, weight_decay=5e-4
        )

    def step(self, done: float, batch: Batch) -> None:
        """One step on cross-entropy, gradients clipped to a norm of 5.

        Args:
            done: share of the steps that are done.
            batch: images and labels.
        """
        images, labels = batch
        self._optimiser.param_groups[0]["lr"] = self._rate * (1 + math.cos(math.pi * done)) / 2
        self._optimiser.zero_grad()
        F.cross_entropy(self._supernet(images), labels).backward()
        nn.utils.clip_grad_norm_(self._supernet.parameters(), 5.0)
        self._optimiser.step()


def code_of(logits: Tensor) -> tuple[int, ...]:
    """The best option of each decision; the first of those that are equal to six digits."""
    return tuple(logits.detach().round(decimals=6).argmax(1).tolist())


def inherited(shop: Any, supernet: Any, arch: Arch, *, images: int = 200) -> float:
    """Validation accuracy of an architecture with the supernet's weights.

    Batch norms get statistics of their own first, from that many training images.
    """
    supernet.choose(arch.code)
    shop.calibrate(supernet, images=images)
    accuracy: float = shop.validate(supernet)
    return accuracy


def skips(space: SearchSpace, arch: Arch) -> float:
    """Share of the decisions that are skips."""
    ops = space.graph(arch).ops
    return sum(op in SKIPS for op in ops) / len(space.cardinalities)


def inherited_study(
    name: str, paper: str, *, at_least: Mapping[str, float] | None = None, **defaults: Any
) -> Callable[[Any], Any]:
    """Register what `against_table` measures of a search as the study `<name>.inherited`.

    Decorates `search(session, shop, rng, *, <parameters>)`, which gives the trained supernet and
    the architecture chosen, and stays as it is. The study's parameters are those of the search,
    `oracle` (with a table and a workshop) and `cells` (for the rank correlation).

    Args:
        name: of the method.
        paper: whose search it is.
        at_least: least values of its parameters, as of a method's.
        defaults: of the search's parameters.
    """

    def register(search: Any) -> Any:
        @functools.wraps(search)
        def measure(rng: Any, *, oracle: str, cells: int, **params: Any) -> Any:
            return against_table(rng, oracle, cells, functools.partial(search, rng=rng, **params))

        keywords = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
            for name in ("oracle", *defaults, "cells")
        ]
        leading = inspect.Parameter("rng", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        measure.__signature__ = inspect.Signature([leading, *keywords])  # type: ignore[attr-defined]
        registered = study(
            f"{name}.inherited",
            paper=paper,
            by=("done",),
            at_least=at_least,
            oracle="workshop201",
            cells=100,
            **defaults,
        )
        registered(measure)
        return search

    return register


def against_table(
    rng: np.random.Generator,
    oracle: str,
    cells: int,
    search: Callable[[Session, Any], tuple[Any, Arch]],
) -> Iterator[dict[str, Any]]:
    """A one-shot search beside trainings of each architecture on its own: rows of a study.

    Columns: share of the search that was done; accuracy in the table of what it would have chosen
    then (%), regret (points), share of skips; at the end Kendall's tau-b of inherited accuracies
    with the table's (test), and of the number of parameters with the table's, on the same cells.

    Args:
        rng: of the search, and of the cells.
        oracle: with a table and a workshop.
        cells: random distinct architectures for the rank correlation.
        search: gives the trained supernet and the architecture chosen; logs "derived" with `done`
            and `code`.
    """
    opened = load_oracle(oracle)
    dataset = opened.info.datasets[0].name
    epochs = opened.epochs(dataset)[-1]
    session = Session(opened, dataset=dataset, epochs=epochs, budget=Budget(queries=1))
    with session.workshop(rng) as shop:
        supernet, chosen = search(session, shop)
        space = session.space
        sample = sorted({space.canonical(space.sample(rng)) for _ in range(cells)})
        shared = [inherited(shop, supernet, arch) for arch in sample]
    target = opened.info.target_of(dataset).name
    truth = opened.query_many(sample, dataset=dataset, epochs=epochs)
    best, _ = opened.best(dataset, epochs, target)
    size = [float(session.complexity(arch).params) for arch in sample]
    path = [(event["done"], space.arch(event["code"])) for event in session.ledger.events]
    for done, arch in [*path, (1.0, chosen)]:
        accuracy = opened.query(arch, dataset=dataset, epochs=epochs).values[target]
        last = done == 1.0
        yield {
            "done": round(done, 2),
            "accuracy": 100 * accuracy,
            "regret": 100 * (best - accuracy),
            "skips": skips(space, arch),
            "kendall": _kendall(shared, truth[target]) if last else math.nan,
            "kendall_params": _kendall(size, truth[target]) if last else math.nan,
        }


def _kendall(scores: Sequence[float], truth: NDArray[np.float64]) -> float:
    return float(kendall(np.asarray(scores), truth))
