"""Every method on large spaces that train what they are asked for: an answer, or a reason, soon."""

from __future__ import annotations

import contextlib
import resource
import time

import numpy as np
import pytest

from nasrepro.oracles import shrinkcnn, trained_dense, trained_rnn
from nasrepro.oracles.training.oracle import TrainedOracle
from nasrepro.suite.errors import BudgetExhausted, NasreproError
from nasrepro.suite.oracle import searching
from nasrepro.suite.registry import load_images, methods
from nasrepro.suite.search import Budget, Session

QUERIES = 6


def opened(module, folder) -> TrainedOracle:
    """The oracle with a trainer that takes no time; scores follow the code."""
    info = module.INFO

    def train(training):
        value = 0.5 + 0.4 * (hash(training.arch.code) % 97) / 97
        objective = info.metric(info.objective)
        score = value if objective.higher_is_better else 1 + value
        return {(training.epochs, training.seed): {info.objective: score, "cost_s": 1.0}}

    oracle = TrainedOracle(
        info, train, epochs=(1, 2), seeds=(0, 1), determined_by={"trainer": "toy"}, folder=folder
    )
    oracle.read_images = load_images
    return oracle


@pytest.mark.parametrize(
    "module", [shrinkcnn, trained_dense, trained_rnn], ids=lambda m: m.INFO.name
)
@pytest.mark.parametrize("name", ["autoshrink", "gram", "epnas", "zico", "flash", "arch2vec"])
def test_a_method_answers_or_says_why_not(name, module, tmp_path):
    oracle = opened(module, tmp_path)
    method = methods.get(name)
    small = {"zico": {"candidates": 2}}.get(name, {})
    dataset = oracle.info.datasets[0].name
    session = Session(oracle, dataset=dataset, epochs=1, seed=0, budget=Budget(queries=QUERIES))
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with searching(), contextlib.suppress(BudgetExhausted, NasreproError):
        method.search(session, np.random.default_rng(0), **method.params(small))
    used_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert time.process_time() - started < 5 and used_mb < 1000
