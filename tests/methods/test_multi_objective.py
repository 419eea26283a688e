"""NSGA-II, hypervolume, the study of fronts and its figure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nasrepro.methods.nets.fronts import cost_of, front, hypervolume, share_of_front
from nasrepro.methods.nsga2 import crowding, fronts
from nasrepro.reports.figures.attainment import attained, draw
from nasrepro.reports.summary import Results
from nasrepro.suite.errors import BudgetExhausted, NasreproError
from nasrepro.suite.experiments.kinds.study import StudyKey, StudyRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import load_oracle, methods, studies
from nasrepro.suite.search import Budget, Session


def session(queries: int = 100) -> Session:
    return Session(
        load_oracle("digits201"), dataset="digits", epochs=30, budget=Budget(queries=queries)
    )


# -- fronts ----------------------------------------------------------------------------------------
def test_front_is_ascending_in_cost_and_of_equal_ones_the_first() -> None:
    cost, gain = np.array([3.0, 1, 2, 2, 1]), np.array([5.0, 1, 3, 3, 1])
    assert front(cost, gain).tolist() == [1, 2, 0]


def test_share_of_the_true_front_by_hand() -> None:
    """The true front: costs 1, 2, 3 with gains 0, 1, 2. Scaled: (1, 0), (1/2, 1/2), (0, 1)."""
    true = np.array([1.0, 2, 3, 3]), np.array([0.0, 1, 2, 1])
    assert hypervolume(np.array([1, 0.5, 0]), np.array([0, 0.5, 1])) == pytest.approx(0.25)
    assert share_of_front(*true, *true) == 1
    # cost 2.5, gain 1: scaled (1/4, 1/2)
    assert share_of_front(np.array([2.5]), np.array([1.0]), *true) == pytest.approx(0.5)
    # what is beyond the nadir counts nothing
    assert share_of_front(np.array([4.0, 1]), np.array([2.0, -1]), *true) == 0


def test_one_best_of_all_is_no_front() -> None:
    with pytest.raises(NasreproError, match="no front"):
        share_of_front(*np.ones((2, 1)), np.array([1.0, 2]), np.array([2.0, 1]))


def test_cost_is_a_size_or_a_metric_or_says_so() -> None:
    made = session()
    done = made.evaluate(made.space.at(7000))
    assert cost_of(made, done, "macs") == made.complexity(done.arch).macs
    assert cost_of(made, done, "cost_s") == done.metrics["cost_s"]
    with pytest.raises(NasreproError, match="cost 'flops' is none of params, macs"):
        cost_of(made, done, "flops")


# -- NSGA-II ---------------------------------------------------------------------------------------
def test_sorting_into_fronts_by_hand() -> None:
    """Cost, score: a (1, 1), b (2, 2) dominate neither; c (2, 1) is below both; d (3, 0)."""
    assert fronts(np.array([1, 2, 2, 3]), np.array([1, 2, 1, 0])) == [[0, 1], [2], [3]]
    assert fronts(np.array([1, 1]), np.array([1, 1])) == [[0, 1]]  # equal ones do not dominate


def test_crowding_by_hand() -> None:
    """Of points at 0, 1, 4 in both objectives the middle one has (4 - 0) / 4 twice."""
    points = np.array([[0.0, 4], [4, 0], [1, 3]])
    assert crowding(points).tolist() == [np.inf, np.inf, 2]
    assert crowding(np.ones((3, 2))).tolist() == [np.inf, 0, np.inf]


def test_its_last_generation_dominates_more_than_its_first() -> None:
    made, entry = session(200), methods.get("nsga2")
    with pytest.raises(BudgetExhausted):
        entry.search(made, np.random.default_rng(0), **entry.params({}))
    done = made.ledger.evaluations
    cost = np.array([made.complexity(each.arch).macs for each in done], dtype=float)
    gain = np.array([each.score for each in done])
    first, last = (
        share_of_front(cost[rows], gain[rows], cost, gain)
        for rows in (slice(0, 20), slice(-20, None))
    )
    assert last > first


# -- the study -------------------------------------------------------------------------------------
@pytest.fixture(scope="module", name="rows")
def measured() -> list[dict[str, object]]:
    entry = studies.get("multi_objective.fronts")
    searches = ["random_search", {"name": "epnas", "arm": "reinforce"}]
    given = {"queries": 40, "searches": searches}
    return list(entry.measure(np.random.default_rng(0), **entry.params(given)))


def test_the_true_front_has_all_and_searches_have_less(rows: list[dict[str, object]]) -> None:
    true, random, epnas = rows
    assert true["method"] == "true front" and true["hypervolume"] == pytest.approx(1)
    assert random["method"] == "random_search" and epnas["method"] == "epnas, arm = reinforce"
    oracle = load_oracle("digits201")
    assert true["best"] == oracle.best("digits", 30, "test_accuracy")[0]
    for row in (random, epnas):
        assert 0 < row["hypervolume"] < 1 and row["evaluated"] == 40
        costs, targets = json.loads(row["_front"])
        assert costs == sorted(costs) and targets == sorted(targets)
        assert len(costs) == row["front"] and max(targets) == row["best"]


def test_attainment_is_the_median_of_what_is_reached_within_a_cost() -> None:
    members = [([1.0, 3.0], [0.1, 0.9]), ([2.0], [0.5]), ([1.0], [0.3])]
    assert attained(members, [0.5, 1, 2, 3])[1:].tolist() == [0.1, 0.3, 0.5]
    assert np.isnan(attained(members, [0.5])[0])


def test_the_figure_has_a_line_for_each_method(
    rows: list[dict[str, object]], tmp_path: Path
) -> None:
    entry = studies.get("multi_objective.fronts")
    with Store(tmp_path / "store.db") as store:
        assert list(draw(Results(store))) == []
        key = StudyKey(entry.name, "0", entry.params({}), {}, 0)
        store.add(StudyRecord(key, "done", ("method",), tuple(rows)))
        (drawing,) = draw(Results(store))
    (axes,) = drawing.figure.axes
    labels = [line.get_label() for line in axes.lines]
    assert labels == ["true front", "Random search", "EPNAS, arm = reinforce", "reference point"]
    assert axes.get_xlabel() == "MACs (M)" and axes.get_ylabel() == "Test accuracy (%)"
    costs, targets = json.loads(str(rows[0]["_front"]))
    (cost,), (target,) = axes.lines[-1].get_data()
    assert (cost, target) == (max(costs) / 1e6, 100 * min(targets))
    assert drawing.name == "attainment-digits201-digits-macs"
