"""The contract that every method keeps, line by line.

What tests of methods and of plug-ins share.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import Method
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch


@dataclass(frozen=True)
class Trial:
    """One search, with everything that the contract speaks of."""

    oracle: Oracle
    chosen: Arch
    session: Session
    generators_untouched: bool

    @property
    def trace(self) -> list[Any]:
        return [*self.session.ledger.evaluations, self.chosen]


def setting(oracle: Oracle) -> tuple[str, int]:
    dataset = oracle.info.datasets[0].name
    return dataset, oracle.epochs(dataset)[-1]


def tried(method: Method, oracle: Oracle, budget: Budget, seed: int = 0) -> Trial:
    dataset, epochs = setting(oracle)
    session = Session(oracle, dataset=dataset, epochs=epochs, budget=budget)
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    chosen = method.run(session, np.random.default_rng(seed))
    after = random.getstate(), np.random.get_state()  # noqa: NPY002
    untouched = before[0] == after[0] and all(
        np.array_equal(one, other) for one, other in zip(before[1], after[1], strict=True)
    )
    return Trial(oracle, chosen, session, untouched)


def budgets(oracle: Oracle) -> list[Budget]:
    """One of each kind that the oracle can have."""
    found = [Budget(queries=25)]
    if oracle.info.cost:
        dataset, epochs = setting(oracle)
        price = oracle.query(oracle.archs()[0], dataset=dataset, epochs=epochs).values[
            oracle.info.cost
        ]
        found += [Budget(seconds=20 * price), Budget(seconds=20 * price, queries=15)]
    return found


def repeatable(method: Method, oracle: Oracle) -> None:
    assert (
        tried(method, oracle, Budget(queries=25)).trace
        == tried(method, oracle, Budget(queries=25)).trace
    ), "the same key gave another trace"


def seeded(method: Method, oracle: Oracle) -> None:
    traces = [tried(method, oracle, Budget(queries=25), seed).trace for seed in range(3)]
    assert traces[0] != traces[1] and traces[1] != traces[2], "another seed gave the same trace"


def thrifty(method: Method, oracle: Oracle) -> None:
    for budget in budgets(oracle):
        session = tried(method, oracle, budget).session
        spent = sum(done.cost_s for done in session.ledger.evaluations)
        assert (
            session.queries
            == len(session.ledger.evaluations)
            <= (budget.queries or session.queries)
        ), "more queries than the budget has"
        assert spent == pytest.approx(session.clock_s) and spent <= (budget.seconds or spent), (
            "more seconds than the budget has"
        )
        assert session.queries > 0


def blind(method: Method, oracle: Oracle) -> None:
    names = {
        name
        for done in tried(method, oracle, Budget(queries=25)).session.ledger.evaluations
        for name in done.metrics
    }
    assert names and not [name for name in names if oracle.info.metric(name).split == "test"], (
        "a test metric in the ledger"
    )


def contained(method: Method, oracle: Oracle) -> None:
    assert tried(method, oracle, Budget(queries=25)).generators_untouched, (
        "the global random state was touched"
    )


def inside(method: Method, oracle: Oracle) -> None:
    oracle.space.check(tried(method, oracle, Budget(queries=25)).chosen)


def documented(method: Method, oracle: Oracle) -> None:
    assert "Deviations" in method.doc and method.deviations, (
        "no Deviations list in the docstring of the module"
    )
    assert all(item and not item.startswith("-") for item in method.deviations)


CONTRACT: list[Callable[[Method, Oracle], None]] = [
    repeatable,
    seeded,
    thrifty,
    blind,
    contained,
    inside,
    documented,
]
