"""Ranks and paired tests: what is equal but for rounding is equal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nasrepro.suite.statistics import average_ranks, paired_test, rank_test, significant

NOISE = np.full(100, 0.915).mean(), np.full(500, 0.915).mean()


def test_means_of_equal_runs_tie():
    assert NOISE[0] != NOISE[1]  # 0.9149999999999998 and 0.915
    assert average_ranks([NOISE]).tolist() == [1.5, 1.5]
    assert average_ranks([[*NOISE, 0.9150001]]).tolist() == [2.5, 2.5, 1]
    assert rank_test([NOISE, NOISE]).p_value == 1
    assert average_ranks([[-np.inf, 0.5, -np.inf]]).tolist() == [2.5, 1, 2.5]


def test_differences_of_rounding_are_none():
    a, b = np.full(8, 0.3), np.array([0.1 + 0.2] * 8)
    assert (a != b).all() and paired_test(a, b).p_value == 1
    assert paired_test(a, b).difference.value == 0
    # ranks of |differences|: 0.3 - 0.1 and 0.4 - 0.2 tie
    first, second = [0.3, 0.4, 0.5, 0.1, 0.9, 0.6], [0.1, 0.2, 0.3, 0.3, 0.7, 0.4]
    exact = paired_test([3, 4, 5, 1, 9, 6], [1, 2, 3, 3, 7, 4])
    assert paired_test(first, second).p_value == pytest.approx(exact.p_value, abs=1e-15)


def test_rounding_at_once_is_rounding_one_by_one():
    """To the last bit, next to halves too, and where a power of ten is not exact."""
    rng = np.random.default_rng(0)
    for power in range(-14, 15):
        values = rng.normal(size=200) * 10.0**power
        scale = float(np.abs(values).max())
        decimals = 11 - math.floor(math.log10(scale))
        halves = np.round(values, decimals) + 0.5 * 10.0**-decimals
        for data in (values, halves):
            single = [round(x, decimals) for x in data.tolist()]
            assert significant(data, scale=scale).tolist() == single
