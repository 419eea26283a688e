"""Regularized evolution: one worker is the paper's loop; more take less wall clock."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from nasrepro.suite.errors import BudgetExhausted, NasreproError
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget, Session


def session() -> Session:
    return Session(
        load_oracle("digits201"), dataset="digits", epochs=12, budget=Budget(queries=120)
    )


def searched(**params: int) -> Session:
    made, entry = session(), methods.get("regularized_evolution")
    with pytest.raises(BudgetExhausted):
        entry.search(made, np.random.default_rng(3), **entry.params(params))
    return made


def test_one_worker_is_the_loop_of_the_paper() -> None:
    made, rng = session(), np.random.default_rng(3)
    with pytest.raises(BudgetExhausted):
        alive = deque(made.evaluate(made.space.sample(rng)) for _ in range(10))
        while True:
            drawn = [alive[place] for place in rng.integers(10, size=3)]
            parent = max(drawn, key=lambda member: member.score)
            alive.append(made.evaluate(made.space.mutate(parent.arch, rng)))
            alive.popleft()
    assert searched().ledger == made.ledger


def test_more_workers_take_less_wall_clock_for_the_same_queries() -> None:
    walls = [searched(workers=workers).ledger.wall_s for workers in (1, 4, 16)]
    assert walls[0] > 3 * walls[1] > 3 * 3 * walls[2] * 0.8


def test_workers_must_be_positive() -> None:
    with pytest.raises(NasreproError, match=r"workers .* 0 is too small; give at least 1"):
        searched(workers=0)
