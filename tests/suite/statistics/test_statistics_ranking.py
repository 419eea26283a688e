"""Average ranks over tasks with their uncertainty, by hand."""

import numpy as np
import pytest

from nasrepro.suite.statistics import duels, rank_methods


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


def test_duels_by_hand():
    tasks = [
        [np.array([3.0, 5.0]), np.array([2.0, 2.0]), np.array([4.0, 4.0])],  # means 4, 2, 4
        [np.array([1.0, 1.0]), np.array([2.0, 2.0]), None],
    ]
    found = duels(tasks)
    # first against second: one task each; against third: a tie on the one task of both
    assert found.shares.tolist() == [0.5, 0.25, 0.75]
    assert np.isnan(found.over_seeds).all() and np.isnan(found.over_tasks).all()
    alone = duels([[np.ones(2), None], [None, np.ones(2)]])
    assert np.isnan(alone.shares).all()


def test_a_task_that_a_method_does_not_have_neither_helps_nor_harms_it():
    rng = np.random.default_rng(2)
    both = [[x, x - 1, x - 2] for x in rng.normal(size=(6, 10))]
    without = [[x, None, x - 2] for x in rng.normal(size=(6, 10))]
    for tasks in (both, both + without):
        found = duels(tasks)
        assert found.shares.tolist() == [1, 0.5, 0]
        assert (
            found.over_seeds.tolist() == found.over_tasks.tolist() == [[1, 1], [0.5, 0.5], [0, 0]]
        )
    assert rank_methods(both + without).ranks.tolist() == [1, 2.5, 2.5]


def test_duels_vary_with_seeds_and_tasks():
    rng = np.random.default_rng(3)
    tasks = [[x, x + rng.normal(size=20)] for x in rng.normal(size=(8, 20))]
    found = duels(tasks)
    assert found.shares.sum() == 1
    for ends in (found.over_seeds, found.over_tasks):
        assert (ends[:, 0] < ends[:, 1]).all()
        assert (ends[:, 0] <= found.shares).all() and (found.shares <= ends[:, 1]).all()


def test_bad_input():
    with pytest.raises(ValueError, match="nothing to compare"):
        duels([])
    with pytest.raises(ValueError, match="nothing to rank"):
        rank_methods([])
    with pytest.raises(ValueError, match="share their seeds"):
        rank_methods([[np.ones(2), np.ones(3)]])
