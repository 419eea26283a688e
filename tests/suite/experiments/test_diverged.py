"""Searches by weights and gradients, where trainings diverge and where scores are losses.

Nothing becomes NaN, and nothing bad pays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from toys import INFO, Toy, values

from nasrepro.suite.registry import methods
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch


def first_diverge(count: int) -> Callable[[Arch, int], dict[str, float]]:
    """The toy's values, but the first `count` trainings diverge."""
    left = [count]

    def read(arch: Arch, epochs: int) -> dict[str, float]:
        left[0] -= 1
        return {**values(arch, epochs), **({"valid_accuracy": math.nan} if left[0] >= 0 else {})}

    return read


def searched(name: str, oracle: Toy, queries: int = 80, **params: Any) -> Session:
    session = Session(oracle, dataset="toys", epochs=9, budget=Budget(queries=queries))
    methods.get(name).run(session, np.random.default_rng(0), **params)
    return session


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("reinforce", {"learning_rate": 0.05}),
        ("gram", {}),
        ("gram", {"variant": "gibbs"}),
        ("epnas", {"arm": "reinforce", "workers": 2}),
        ("epnas", {"arm": "progressive", "workers": 2}),
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [1, 5])
def test_a_search_goes_on_after_trainings_that_diverge(
    name: str, params: dict[str, Any], count: int
) -> None:
    session = searched(name, Toy(read=first_diverge(count)), **params)
    late = session.ledger.evaluations[40:]
    assert session.queries == 80 and math.isfinite(max(done.score for done in late))
    assert (
        len({done.arch for done in late}) >= 5
    )  # NaN among the weights would give the same options again and again


def test_the_first_diverged_training_is_no_reason_to_praise_the_next() -> None:
    """Of two equally good ones after it, the second must not be held against minus infinity."""
    from nasrepro.methods.nets.metagraph import earned

    assert earned(0.5, [-math.inf, 0.5, 0.5, 0.5, 0.5, 0.5], 1.0, 1.0) == 1.0
    assert earned(-math.inf, [-math.inf, -math.inf], 1.0, 1.0) == 1.0
    assert earned(-math.inf, [0.4], 1.0, 1.0) == pytest.approx(math.exp(-0.4))
    assert earned(-math.inf, [-0.9, -0.5], 1.0, 1.0) == pytest.approx(
        math.exp(-0.2)
    )  # losses: as the worst


@pytest.mark.parametrize("penalty", ["hard", "soft"])
def test_breaking_a_constraint_does_not_pay_where_scores_are_losses(penalty: str) -> None:
    """A loss of 3 less half a constraint is not a loss of 1.5."""
    losses = Toy(replace(INFO, objective="valid_loss", target=""))
    session = searched(
        "epnas",
        losses,
        160,
        arm="reinforce",
        workers=8,
        constraints=["params<=50"],
        penalty=penalty,
        learning_rate=0.05,
    )
    steps = [event for event in session.ledger.events if event["event"] == "step"]
    assert all(step["reward"] >= 0 for step in steps)
    early, late = (
        np.mean([step["violating"] for step in part]) for part in (steps[:8], steps[-8:])
    )
    assert late < early


def test_a_predictor_of_losses_takes_a_diverged_training_for_the_worst() -> None:
    """Told of it as 0, it would promise more there than any loss."""
    from nasrepro.methods.epnas import _Predictor

    predictor = _Predictor(INFO.space, 0)
    archs = list(INFO.space)[:20]
    predictor.add(archs, [-math.inf] * 5 + [-0.5] * 15, 8)
    assert predictor(archs[:5]).max() <= -0.45
