"""Local search: what it counts as seen, and where it ends."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.suite.errors import BudgetExhausted
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget, Session

LOCAL = methods.get("local_search")


@pytest.mark.parametrize("seed", range(3))
def test_it_ends_when_all_cells_were_seen_and_pays_for_each_once(real, seed):
    oracle = real("ecnas_4v")  # 91 cells in 346 codes
    session = Session(oracle, dataset="cifar10", epochs=108, budget=Budget(queries=2000))
    LOCAL.search(session, np.random.default_rng(seed), **LOCAL.params({}))
    cells = [session.space.canonical(done.arch) for done in session.ledger.evaluations]
    assert len(cells) == len(set(cells)) == 91


def test_a_climb_goes_up():
    session = Session(
        load_oracle("digits201"), dataset="digits", epochs=12, budget=Budget(queries=200)
    )
    with pytest.raises(BudgetExhausted):
        LOCAL.search(session, np.random.default_rng(0), **LOCAL.params({"initial": 1}))
    first, best = session.ledger.evaluations[0], max(d.score for d in session.ledger.evaluations)
    assert best > first.score + 0.05
