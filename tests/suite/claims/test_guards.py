"""What mutations showed that no test guarded: small checks, each of one thing."""

from __future__ import annotations

import types

import numpy as np
import pytest

from nasrepro.suite.claims.evidence import Evidence
from nasrepro.suite.claims.kinds import Order
from nasrepro.suite.experiments.kinds.ranking import RankingSetting, rank_key
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.scoring import sample


def test_the_first_networks_that_are_scored_are_a_random_sample():
    oracle = load_oracle("digits201")
    rows = sample(oracle, 500)
    size = len(oracle.archs())
    assert len(set(rows.tolist())) == 500 and (np.diff(rows) < 0).any()
    assert abs(rows.mean() - size / 2) < 4 * size / np.sqrt(12 * 500), "of the whole table"


def test_every_architecture_with_the_metric_is_ranked():
    oracle = load_oracle("digits201")
    rows, values = RankingSetting.opened(rank_key(oracle, "params", "digits", 30)).targets()
    assert rows.size == values.size == len(oracle.archs()) == 5_044


def test_of_a_regret_the_lower_is_the_better():
    search = {
        "oracle": "digits201",
        "dataset": "digits",
        "searched_on": "digits",
        "method": "regularized_evolution",
        "metric": "regret",
        "epochs": 30,
        "search_epochs": 12,
        "budget_queries": 30,
    }
    order = Order.model_validate({"search": search, "than": "random_search"})
    first, second = order.needs()
    rng = np.random.default_rng(0)
    runs = {
        need.key: {seed: (f"{seed}", level + rng.normal(0, 0.1)) for seed in range(30)}
        for need, level in ((first, 1.0), (second, 2.0))
    }
    tested = order.paired(Evidence(runs=runs), range(30))
    assert tested is not None and tested.test.difference.value > 0.8, "less regret is as claimed"


def test_evolution_is_that_of_the_benchmark():
    entry = methods.get("regularized_evolution")
    assert (entry.defaults["population"], entry.defaults["sample"]) == (10, 3)


def test_evolution_mutates_the_best_of_its_tournament():
    parents = []
    space = types.SimpleNamespace(
        sample=lambda rng: int(rng.integers(100)),
        mutate=lambda arch, rng: parents.append(arch) or arch,
    )

    running: list[int] = []

    def next_done() -> types.SimpleNamespace:
        if len(parents) == 200:
            raise StopIteration
        arch = running.pop()
        return types.SimpleNamespace(arch=arch, score=arch)

    session = types.SimpleNamespace(space=space, submit=running.append, next_done=next_done)
    entry = methods.get("regularized_evolution")
    rng = np.random.default_rng(0)
    with pytest.raises(StopIteration):
        entry.search(session, rng, **{**entry.defaults, "sample": 10})
    assert np.mean(parents) > 60, "of 0 to 99: the worst parents would drive it to the bottom"
