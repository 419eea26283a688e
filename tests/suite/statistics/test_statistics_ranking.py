"""Average ranks over tasks with their uncertainty, by hand."""

import numpy as np
import pytest

from nasrepro.suite.statistics import rank_methods


def test_ranks_by_hand():
    tasks = [
        [np.array([3.0, 5.0]), np.array([2.0, 2.0]), np.array([4.0, 4.0])],  # means 4, 2, 4
        [np.array([1.0, 1.0]), np.array([2.0, 2.0]), None],
    ]
    found = rank_methods(tasks)
    assert found.by_task.tolist() == [[1.5, 3, 1.5], [2, 1, 3]]
    assert found.ranks.tolist() == [1.75, 2, 2.25]
    # beaten: 1.5 and 1 methods; 0 and 2; 1.5, and none where it has no result
    assert found.borda.tolist() == [2.5, 2, 1.5]
    assert found.best_on.tolist() == [0.5, 1, 0.5]
    # two seeds, two tasks: no interval, no group
    assert np.isnan(found.over_seeds).all() and np.isnan(found.over_tasks).all()
    assert found.groups.tolist() == [0, 0, 0]


def test_equal_searches_share_everything():
    """Rounding is no difference: a mean of 10 and one of 7 equal numbers are equal."""
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=10) for _ in range(6)]
    found = rank_methods([[row, row[::-1][::-1] + 0.0, row - 5] for row in rows])
    assert found.ranks.tolist() == [1.5, 1.5, 3] and found.best_on.tolist() == [3, 3, 0]
    assert found.over_seeds.tolist() == [[1.5, 1.5], [1.5, 1.5], [3, 3]]
    assert found.groups.tolist() == [1, 1, 3]


def test_groups_say_what_is_separable():
    rng = np.random.default_rng(1)
    base = [rng.normal(size=30) for _ in range(5)]
    tasks = [[x + rng.normal(size=30), x + rng.normal(size=30), x - 3] for x in base]
    found = rank_methods(tasks)
    assert found.groups.tolist() == [1, 1, 3]
    low, high = found.over_seeds[2]
    assert low == high == 3 and (found.over_tasks[2] == 3).all()


def test_bad_input():
    with pytest.raises(ValueError, match="nothing to rank"):
        rank_methods([])
    with pytest.raises(ValueError, match="share their seeds"):
        rank_methods([[np.ones(2), np.ones(3)]])
