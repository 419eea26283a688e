"""What is broken must not go unnoticed: each mutation changes a verdict."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys
from claimed import (
    NOISY,
    SEARCH,
    claim,
    held,
    of_the_toys,
    registered,
)

from nasrepro.suite.claims import (
    Claim,
    judge_all,
    missing,
)
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import methods, scorer, scorers

pytestmark = pytest.mark.usefixtures("few_seeds_count")


def noisy(arch: Any, epochs: int) -> dict[str, float]:
    """Validation and test accuracy share a little; the rest of each is luck."""
    luck = np.random.default_rng([toys.SPACE.index(arch), 7]).uniform(-0.2, 0.2, 2)
    true = 0.5 + 0.02 * sum(arch.code)
    return {
        **toys.values(arch, epochs),
        "valid_accuracy": true + luck[0],
        "test_accuracy": true + luck[1],
    }


LEAKED = toys.named(
    "noisy",
    metrics=tuple(
        dataclasses.replace(each, split="valid") if each.name == "test_accuracy" else each
        for each in toys.INFO.metrics
    ),
    objective="test_accuracy",
)
SEEDS = 60


def toy_claims(value: float) -> list[Claim]:
    """What was found when nothing was broken, as claims."""
    best, first = {**NOISY, "method": "toy_best"}, "toy_first"
    known = {
        "oracle": "noisy",
        "dataset": "toys",
        "epochs": 9,
        "scorer": "toy_sum",
        "metric": "test_accuracy",
        "coefficient": "kendall",
    }
    return [
        claim(
            id="best",
            search=best,
            value=value,
            n=10**6,
            margin=4.0,
            seeds=SEEDS,
            recorded="reproduced",
        ),
        claim(
            id="order", order={"search": best, "than": first}, seeds=SEEDS, recorded="reproduced"
        ),
        claim(id="proxy", ranking=known, value=0.1, test="at least", recorded="reproduced"),
    ]


@pytest.fixture
def broken(toy, monkeypatch):
    """Which of the three claims change when method, description or scorer is another one."""
    toys.registered_apart(monkeypatch, methods, scorers)
    plain = toys.named("noisy")
    first = registered(
        toys.source("return session.evaluate(session.space.sample(rng)).arch", "toy_first")
    )
    assert first == "toy_first"

    def changed(
        value: float, text: str = SEARCH, info: Any = plain, sign: int = 1
    ) -> tuple[set[str], float]:
        monkeypatch.setattr("nasrepro.suite.registry.loading._open", {})
        toys.known(toys.Toy(info, noisy))
        of_the_toys(monkeypatch)
        registered(toys.source(text, "toy_best"))
        scorer("toy_sum", paper="none", needs_network=False)(
            lambda space, arch, dataset: sign * sum(arch.code)
        )
        claims = toy_claims(value)
        with Store(Path(":memory:")) as store:
            cells, _ = missing(claims, held(store, claims), claims)
            assert run_cells(cells, store, executor="inline").failed == ()
            verdicts = judge_all(claims, store, claims=claims)
        return {each.claim.id for each in verdicts if each.changed}, verdicts[0].ours or 0.0

    return changed


def test_a_broken_method_a_leak_and_a_negated_proxy_each_change_a_verdict(broken):
    _, value = broken(0.0)
    assert broken(value)[0] == set(), "nothing is broken"
    reversed_best, worst = broken(value, SEARCH.replace("max(", "min("))
    assert reversed_best == {"best", "order"} and worst < value - 5
    leaked, better = broken(value, info=LEAKED)
    assert leaked == {"best"} and better > value + 5
    assert broken(value, sign=-1)[0] == {"proxy"}


def test_the_leak_of_the_mutation_is_one():
    assert (
        LEAKED.objective_of("toys").name == "test_accuracy"
        and LEAKED.target_of("toys").name == "test_accuracy"
    )
    assert (
        isinstance(LEAKED.metric("test_accuracy"), Metric)
        and toys.INFO.objective_of("toys").name == "valid_accuracy"
    )
