"""Every method on every space that trains what it is asked for: an answer, or a reason, soon."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import numpy as np
import pytest

from nasrepro.oracles.training.oracle import TrainedOracle
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.plan import load_plan
from nasrepro.suite.registry import load_images, methods, oracles
from nasrepro.suite.search import Budget, Session

QUERIES = 6
ORACLES = (
    "trained201",
    "trained201_cifar10",
    "trained_dense",
    "shrinkcnn",
    "shrinkcnn_cifar10_jpeg",
    "trained_rnn",
)
METHODS = (
    "autoshrink",
    "gram",
    "epnas",
    "zico",
    "flash",
    "arch2vec",
    "local_search",
    "regularized_evolution",
    "random_search",
    "size_walk",
)
#: Pairs that cannot be, and what the error says.
REFUSED = {
    ("autoshrink", "trained_dense"): "has no topology",
    ("gram", "trained_dense"): "has no topology",
    ("arch2vec", "trained_dense"): "too many to be packed",
    ("arch2vec", "shrinkcnn"): "too many to be packed",
    ("arch2vec", "shrinkcnn_cifar10_jpeg"): "too many to be packed",
    ("arch2vec", "trained_rnn"): "too many to be packed",
    ("zico", "trained_rnn"): "images",
}
#: ZiCo scores fewer networks. arch2vec embeds by a network that was not trained: its pre-training
#: takes 25 CPU seconds for the cells of NAS-Bench-201 and is kept for all searches.
SMALL = {"zico": {"candidates": 2}, "arch2vec": {"epochs": 0}}


def opened(name, folder) -> TrainedOracle:
    """The oracle with a trainer that takes no time; scores follow the code."""
    info = oracles.get(name).info

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


def resident_mb(peak: str) -> float:
    """Memory of this process, MB: VmRSS now, VmHWM at most since it was last forgotten."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if peak in line) / 1024


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("name", METHODS)
def test_a_method_answers_or_says_why_not(name, oracle, tmp_path):
    made, method = opened(oracle, tmp_path), methods.get(name)
    dataset = made.info.datasets[0].name
    session = Session(made, dataset=dataset, epochs=1, seed=0, budget=Budget(queries=QUERIES))
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forget the peak so far
    before, started = resident_mb("VmRSS"), time.process_time()
    why = REFUSED.get((name, oracle))
    with pytest.raises(NasreproError, match=why) if why else contextlib.nullcontext():
        method.run(session, np.random.default_rng(0), **SMALL.get(name, {}))
    assert time.process_time() - started < 5 and resident_mb("VmHWM") - before < 1000
    if why is None:
        assert session.best() in [done.arch for done in session.ledger.evaluations]


def test_the_plan_runs_each_method_or_says_why_not():
    for experiment in load_plan("trained").experiment:
        absent = {name for names in experiment.without.values() for name in names}
        assert sorted({use.name for use in experiment.methods} | absent) == sorted(METHODS)
        assert {(name, experiment.oracle) for name in absent} == {
            pair for pair in REFUSED if pair[1] == experiment.oracle
        }
