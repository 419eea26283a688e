"""The study of how far the fallback ranks as a benchmark does.

Against two toys, one of which trains.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toys import INFO, SPACE, Toy, named, values

from nasrepro.oracles.training.oracle import TrainedOracle, Training
from nasrepro.suite.oracle import Metric, Oracle
from nasrepro.suite.registry import studies
from nasrepro.suite.space import Arch
from nasrepro.suite.statistics import kendall


class Benchmark(Toy):
    """The toy at the benchmark's lengths."""

    def __init__(self) -> None:
        super().__init__(named("benchmark"), lambda arch, epochs: values(arch, epochs // 100))

    def epochs(self, dataset: str) -> tuple[int, ...]:
        return (12, 200)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A benchmark, and an oracle that trains and agrees with it up to noise."""
    asked.clear()

    def train(training: Training) -> dict[tuple[int, int], dict[str, float]]:
        asked.append(training.arch)
        noise = np.random.default_rng(SPACE.index(training.arch)).normal(0, 0.1)
        found = values(training.arch, training.epochs)
        found |= {
            "test_accuracy": float(np.clip(found["test_accuracy"] + noise, 0, 1)),
            "macs": 1.0,
        }
        return {(training.epochs, training.seed): found}

    info = named(
        "ours", trains=True, metrics=(*INFO.metrics, Metric("macs", "MAC", "none", False, (0, 9)))
    )
    made: dict[str, Oracle] = {
        "ours": TrainedOracle(
            info, train, epochs=(3,), seeds=(0,), determined_by={}, folder=tmp_path
        ),
        "benchmark": Benchmark(),
    }
    monkeypatch.setattr("nasrepro.suite.registry.loading._open", made)
    return list(made)


asked: list[Arch] = []


def test_agreement_is_of_the_cells_drawn_and_more_cells_begin_with_the_same(two: list[str]) -> None:
    study = studies.get("fallback.transfer")
    params = study.params({"oracles": two, "dataset": "toys", "cells": 30, "resamples": 50})
    rows = {
        (row["scores"], row["benchmark"]): row
        for row in study.measure(np.random.default_rng(0), **params)
    }
    assert len(asked) == len(set(asked)) == 30 and len(rows) == 16
    row = rows["test_accuracy, 3 epochs", "test_accuracy, 200 epochs"]
    ours = [
        values(arch, 3)["test_accuracy"] + np.random.default_rng(SPACE.index(arch)).normal(0, 0.1)
        for arch in asked
    ]
    assert row["kendall"] == pytest.approx(
        kendall(np.clip(ours, 0, 1), [values(arch, 2)["test_accuracy"] for arch in asked])
    )
    assert (
        row["n"] == 30
        and row["kendall_low"] < row["kendall"] < row["kendall_high"]
        and 0.2 < row["kendall"] < 1
    )
    first = list(asked)
    list(study.measure(np.random.default_rng(0), **{**params, "cells": 20}))
    assert asked == first, "nothing is trained twice"


def test_the_plan_names_it() -> None:
    from nasrepro.suite.experiments.plan import load_plan

    (use,) = load_plan("fallback").study
    assert (
        use.name == "fallback.transfer"
        and use.params.keys() <= studies.get(use.name).defaults.keys()
    )
