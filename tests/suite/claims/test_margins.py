"""The rules for margins and replicates, by hand."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from nasrepro.suite.claims.margins import (
    DRAW,
    MARGINS,
    OTHER_DRAW,
    REPLICATES,
    band,
    draw_spread,
    least_difference,
    replicates,
    sampling_error,
)
from nasrepro.suite.claims.statement import Statement


def statement(**fields: object) -> Statement:
    about = {"id": "x", "paper": "p", "statement": "s", "where": "w", "source": "paper"}
    return Statement.model_validate({**about, "value": 90.0, **fields})


def test_an_accuracy_has_half_the_standard_deviation_and_its_own_error():
    published = band(statement(spread=0.4, n=100), "accuracy", spread=9.0)
    assert (published.low, published.high) == pytest.approx((89.8, 90.2))
    assert published.theirs == pytest.approx(1.959964 * 0.4 / 10)
    ours = band(statement(), "accuracy", spread=0.4)
    assert (ours.low, ours.high) == pytest.approx((89.8, 90.2))
    assert ours.theirs == pytest.approx(1.959964 * 0.4), "no number of runs: it is of one"


def test_a_correlation_has_two_units_of_the_second_digit():
    about = band(statement(value=0.6), "correlation")
    assert (about.low, about.high, about.theirs) == pytest.approx((0.58, 0.62, 0.0))
    sampled = band(statement(value=0.6, n=725), "correlation")
    assert sampled.theirs == pytest.approx(1.959964 * 0.64 * math.sqrt(1.18 / 722))
    assert sampling_error(0.6, 3) == math.inf
    drawn = band(statement(value=0.6), "drawn correlation", spread=0.008)
    assert (drawn.low, drawn.high) == pytest.approx((0.58, 0.62))
    assert drawn.theirs == pytest.approx(stats.t.ppf(0.975, 2) * 0.008)
    bound = band(statement(value=0.98, test="at least"), "correlation")
    assert (bound.low, bound.high) == (pytest.approx(0.975), math.inf)
    assert band(statement(value=0.0, test="at least"), "correlation").low == 0.0


def test_a_difference_of_two_scorers_has_the_draws_of_both():
    assert draw_spread("zico") == DRAW["zico"]
    assert draw_spread("zico", "fisher") == pytest.approx(math.hypot(0.006, 0.013))
    assert draw_spread("zen") == OTHER_DRAW, "it was not measured"
    assert draw_spread() == 0.0


def test_a_time_has_a_factor_and_a_bound_has_nothing():
    about = band(statement(value=0.1), "time")
    assert (about.low, about.high) == pytest.approx((0.05, 0.2))
    bound = band(statement(value=1.0, test="at most"), "time")
    assert (bound.low, bound.high) == (-math.inf, 1.0)


@pytest.mark.parametrize(
    ("value", "digits", "inside", "outside"),
    [
        (0.96, None, (0.955, 0.9699), (0.9549, 0.97)),
        (94.0, 1, (93.95, 94.09), (93.9, 94.1)),
        (384, None, (383.5, 384.9), (383.4, 385.0)),
        (-0.09, None, (-0.099, -0.085), (-0.1, -0.084)),
    ],
)
def test_a_printed_digit_was_rounded_or_cut(value, digits, inside, outside):
    ends = band(statement(value=value, digits=digits), "exact")
    assert all(ends.low <= ours <= ends.high for ours in inside)
    assert not any(ends.low <= ours <= ends.high for ours in outside)


def test_a_margin_of_ones_own_stands_in_place_of_the_rule():
    own = statement(value=0.6, margin={"width": 0.1, "why": "it is so"})
    assert not own.by_rule and statement().by_rule
    assert (band(own, "correlation").low, band(own, "exact").high) == pytest.approx((0.5, 0.7))
    assert least_difference(own, 5.0) == 0.1 and least_difference(statement(), 5.0) == 1.0


def test_the_number_of_replicates_is_fixed_by_kind():
    numbers = [replicates(statement(n=n), "search") for n in (None, 3, 200, 4000)]
    assert numbers == [100, 20, 200, 500], "the paper's, where it prints one"
    assert replicates(statement(n=500, long=True), "search") == 20
    assert [replicates(statement(long=long), "order") for long in (False, True)] == [100, 20]
    assert [replicates(statement(long=long), "study") for long in (False, True)] == [20, 5]
    own = statement(replicates={"n": 7, "why": "a phone takes an hour"})
    assert replicates(own, "order") == 7 and not own.by_rule
    assert all(rule.least <= rule.long <= rule.count for rule in REPLICATES.values())
    assert all(text for text in MARGINS.values())
