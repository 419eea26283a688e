"""Methods under one limit: what counts, and that it is held."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.methods.constrained import ARMS, Limit, random_within
from nasrepro.reports.figures import constrained_search
from nasrepro.reports.summary import Results
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.kinds.study import StudyKey, StudyRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import load_oracle, studies
from nasrepro.suite.search import Budget, Session

STUDY = studies.get("constrained.search")
GIVEN = {"oracle": "digits201", "dataset": "digits", "devices": [], "queries": 15}


def test_arms_keep_the_limit_or_say_so(tmp_path):
    arms = ["random", "evolution", "compactnet"]
    params = STUDY.params({**GIVEN, "quantiles": [0.5], "arms": arms})
    rows = tuple(STUDY.measure(np.random.default_rng(0), **params))
    assert [row["arm"] for row in rows] == arms
    for row in rows:
        assert row["holds"] == (row["cost_over_limit"] <= 1)
        assert (row["objective"] is None) == (not row["holds"])
        if row["holds"]:
            assert row["below_best"] >= 0
    assert all(row["holds"] for row in rows[:2])
    with Store(tmp_path / "s.db") as store:
        key = StudyKey("constrained.search", "0" * 64, params, {}, 0)
        store.add(StudyRecord(key, "done", STUDY.by, rows))
        (drawing,) = constrained_search.draw(Results(store))
    assert drawing.name.startswith("constrained-search-digits201")


def test_arms_are_the_methods_that_take_a_limit():
    assert set(ARMS) == {"random", "evolution", "flash", "amc", "compactnet"}


def test_a_limit_that_nothing_keeps_is_said():
    limit = Limit("chip", 1.0, 2.0, lambda arch: 2.0)
    oracle = load_oracle("digits201")
    session = Session(oracle, dataset="digits", epochs=30, budget=Budget(queries=1))
    with pytest.raises(NasreproError, match=r"none of 10,000 networks is within 1 \(chip\)"):
        random_within(session, np.random.default_rng(0), limit)
