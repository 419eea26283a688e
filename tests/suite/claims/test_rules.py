"""The rules, called by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.suite.claims.margins import Band
from nasrepro.suite.claims.rules import (
    CorrectedTest,
    mean_within,
    named,
    ordered,
    within,
)
from nasrepro.suite.claims.statement import Statement
from nasrepro.suite.statistics import Interval, PairedTest


def statement(**fields: object) -> Statement:
    about = {"id": "x", "paper": "p", "statement": "s", "where": "w", "source": "paper"}
    return Statement.model_validate({**about, "value": 90.0, "spread": 2.0, "n": 10**6, **fields})


@pytest.mark.parametrize(
    ("low", "high", "theirs", "verdict"),
    [
        (89.5, 90.5, 0.0, "reproduced"),
        (91.1, 92.0, 0.0, "not reproduced"),
        (90.5, 91.5, 0.0, "inconclusive"),
        (89.5, 90.5, 2.0, "inconclusive"),  # what is published is not known better
    ],
)
def test_an_interval_inside_outside_or_over_an_end(low, high, theirs, verdict):
    ours = Interval((low + high) / 2, low, high, 50, 0.95)
    found = within(statement(), Band(89.0, 91.0, theirs), ours)
    assert found.verdict == verdict
    if theirs:  # the interval that is compared is the one that is told
        assert found.why.startswith(
            "90 [89.5, 90.5], widened by the published number's own error (2) to [87.94, 92.06], "
            "overlaps the edge of 90 ± 1"
        )


def test_nobody_is_asked_for_seeds_until_it_fits():
    wide = within(statement(), Band(89.0, 91.0), Interval(90.5, 89.5, 91.5, 50, 0.95))
    assert wide.needed == 200 and wide.why.endswith("; a fresh block of 200 seeds would settle it")
    ended = within(statement(), Band(89.0, 91.0), Interval(90.5, 90.3, 91.2, 50, 0.95))
    assert (
        ended.verdict == "inconclusive" and ended.needed == 41 and "would settle" not in ended.why
    )


def test_below_the_least_number_there_is_no_verdict():
    runs = [("a", 90.0)]
    few = mean_within(statement(), "accuracy", runs, least=20)
    assert (few.verdict, few.n, few.why) == (
        "inconclusive",
        1,
        "1 run, but a verdict needs at least 20",
    )
    same = mean_within(statement(), "accuracy", runs * 20, least=20)
    assert same.verdict == "reproduced" and same.why.endswith("all 20 runs gave the same")
    nan = mean_within(statement(), "accuracy", [("a", np.nan)] * 20, least=20)
    assert nan.verdict == "not judged"


@pytest.mark.parametrize(
    ("value", "ours", "verdict"),
    [
        (99.99, 99.99, "reproduced"),
        (99.99, 99.993, "reproduced"),  # printed as 99.99
        (99.99, 100.0, "inconclusive"),  # nobody knows how far off counts
    ],
)
def test_without_any_spread_another_figure_is_open(value, ours, verdict):
    claim = statement(value=value, spread=None, n=None, unit="%")
    found = mean_within(claim, "accuracy", [("a", ours)] * 5, least=5)
    assert found.verdict == verdict and "all 5 runs gave the same" in found.why


def test_an_interval_ends_where_the_quantity_cannot_be():
    values = [*(4 * [("a", 0.999)]), ("b", 0.90)]
    claim = statement(value=0.97, spread=None, n=None)
    free, ours = (mean_within(claim, kind, values, least=5) for kind in ("accuracy", "correlation"))
    assert free.low == ours.low and free.high > 1.0 == ours.high
    timed = mean_within(claim, "time", [("a", 0.0)] * 4 + [("b", 1.0)], least=5)
    assert timed.low == 0.0


@pytest.mark.parametrize(
    ("difference", "p_value", "agree", "n", "verdict", "words"),
    [
        ((0.5, 0.3, 0.7), 0.01, True, 100, "reproduced", "significant as claimed"),
        ((0.5, 0.3, 0.7), 0.01, True, 19, "inconclusive", "19 pairs, but a verdict needs"),
        ((0.5, 0.3, 0.7), 0.20, True, 100, "inconclusive", "not significant"),
        ((0.5, 0.3, 0.7), 0.01, False, 100, "inconclusive", "opposite directions"),
        ((-0.5, -0.7, 0.3), 0.01, True, 100, "not reproduced", "the other way round"),
        ((0.1, 0.05, 0.15), 0.01, True, 100, "not reproduced", "not better by 0.2 or more"),
        ((0.15, 0.05, 0.25), 0.01, True, 100, "inconclusive", "smaller than 0.2"),
    ],
)
def test_orders(difference, p_value, agree, n, verdict, words):
    test = PairedTest(Interval(*difference, n, 0.95), p_value)
    order = CorrectedTest(test, p_value, 3, agree, spread=1.0, runs=())
    found = ordered(statement(), order, least=20)
    assert found.verdict == verdict and words in found.why


def test_what_a_finding_is_called():
    assert named("reproduced", "measured") == "reproduced"
    assert named("reproduced", "own data") == "consistent"
    assert named("not reproduced", "own data") == "inconsistent"
    assert named("inconclusive", "ours") == "ours: open"
    assert named("blocked", "ours") == "blocked"
