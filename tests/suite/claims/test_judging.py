"""The rule behind the verdict of a figure, and what counts as evidence."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from claimed import SETTING, claim, run_of, verdict
from ranked import rank_key

from nasrepro.suite.claims import (
    Verdict,
)
from nasrepro.suite.errors import UnknownName
from nasrepro.suite.experiments.kinds.ranking import RankRecord
from nasrepro.suite.experiments.kinds.search import Protocol, Report
from nasrepro.suite.registry import scorers
from nasrepro.suite.search import Budget
from nasrepro.suite.statistics import RankAgreement

pytestmark = pytest.mark.usefixtures("few_seeds_count")


@pytest.mark.parametrize(
    ("values", "test", "expected"),
    [
        ((89.9, 90.0, 90.1, 90.2), "about", "reproduced"),
        ((95.0, 95.1, 95.2, 95.3), "about", "not reproduced"),
        ((90.0, 90.5, 91.0, 92.0), "about", "inconclusive"),
        ((95.0, 95.1, 95.2, 95.3), "at least", "reproduced"),
        ((85.0, 85.1, 85.2, 85.3), "at least", "not reproduced"),
        ((85.0, 85.1, 85.2, 85.3), "at most", "reproduced"),
        ((88.0, 89.0, 90.0, 91.5), "at least", "inconclusive"),
    ],
)
def test_inside_the_margin_outside_it_or_over_its_end(values, test, expected):
    runs = [run_of(seed, value) for seed, value in enumerate(2 * values)]
    found = verdict(runs, claim(test=test, seeds=8))
    assert found.verdict == expected and found.n == 8 and len(found.runs) == 8
    few = verdict(runs[:4], claim(test=test, seeds=4))
    assert few.verdict == "inconclusive" and few.low is None and "too few" in few.why
    assert (
        found.ours == pytest.approx(np.mean(values))
        and found.low is not None
        and found.low < found.ours < (found.high or 0)
    )
    assert found.needed is None or expected == "inconclusive"


def test_an_inconclusive_verdict_says_how_many_seeds_would_decide_it():
    rng = np.random.default_rng(0)
    few = [run_of(seed, value) for seed, value in enumerate(rng.normal(90.8, 1.0, 12))]
    found = verdict(few, claim(seeds=12))
    assert (
        found.verdict == "inconclusive"
        and found.needed is not None
        and f"a fresh block of {found.needed:,} seeds would settle it" in found.why
    )
    ours, spread = found.ours or 0.0, (found.high or 0) - (found.low or 0)
    assert (
        spread / 2 * math.sqrt(12 / found.needed)
        <= abs(ours - 91)
        < spread / 2 * math.sqrt(12 / (found.needed - 1))
    )


def test_the_published_error_widens_the_interval():
    runs = [run_of(seed, value) for seed, value in enumerate((90.6, 90.7, 90.75, 90.8, 90.9))]
    assert verdict(runs, claim(seeds=5)).verdict == "reproduced"
    wide = verdict(runs, claim(seeds=5, spread=2.0, n=10))  # their mean is known to 1.24 only
    assert wide.verdict == "inconclusive" and wide.needed is None and "would settle" not in wide.why


def test_the_seeds_are_the_first_ones_or_those_of_a_block():
    runs = [run_of(seed, 90 + seed) for seed in range(12)]
    assert list(claim().seeds_of(2)) == [8, 9, 10, 11]
    assert verdict(runs, claim()).ours == pytest.approx(91.5) and verdict(
        runs, claim(), block=2
    ).ours == pytest.approx(99.5)


def test_what_other_sources_parameters_or_settings_gave_is_no_evidence():
    good = [run_of(seed, 90.0) for seed in range(3)]
    for changes in (
        {"method_sha256": "0" * 64},
        {"table_sha256": "0" * 64},
        {"device_tables": {"digits201": "0" * 64}},
        {"budget": Budget(queries=31)},
        {"protocol": Protocol(30, 30, ("digits",))},
        {"params": {"x": 1}},
        {"dataset": "other"},
    ):
        found = verdict([*good, run_of(3, 90.0, **changes)], claim())
        assert found.verdict == "not judged" and "3 of the 4 runs" in found.why, changes
    failed = dataclasses.replace(run_of(3, 90.0), status="failed", reports={})
    assert verdict([*good, failed], claim()).verdict == "not judged"


def test_a_regret_and_a_value_that_is_no_number():
    setting = {**SETTING, "metric": "regret"}
    runs = [
        dataclasses.replace(run_of(seed, 90.0), reports={"digits": Report({}, 0.01 + seed / 1000)})
        for seed in range(4)
    ]
    found = verdict(runs, claim(search=setting, value=1.15, margin=0.5, seeds=4))
    assert found.ours == pytest.approx(1.15)
    assert verdict([run_of(seed, math.nan) for seed in range(4)], claim()).verdict == "not judged"


def test_names_that_do_not_exist():
    assert (
        "there is no method no_such"
        in verdict([], claim(search={**SETTING, "method": "no_such"}, value=1, margin=1)).why
    )
    with pytest.raises(UnknownName, match="metric of digits201"):
        verdict([], claim(search={**SETTING, "metric": "no_such"}, value=1, margin=1))
    ranking = {
        "oracle": "digits201",
        "dataset": "digits",
        "epochs": 30,
        "scorer": "no_such",
        "coefficient": "kendall",
    }
    assert verdict([], claim(ranking=ranking, value=1, margin=1)).verdict == "not judged"
    blocked = claim(ranking=ranking, value=1, margin=1, needs="the scorer no_such")
    assert (verdict([], blocked).verdict, verdict([], blocked).why) == (
        "blocked",
        "the scorer no_such",
    )


def test_a_result_whose_table_is_not_here_is_not_judged_and_says_how_to_get_it(
    monkeypatch, tmp_path
):
    """To compare two samples, their scores are looked up again, and so is the table."""
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))
    monkeypatch.setattr("nasrepro.suite.registry.loading._open", {})
    ranking = {
        "oracle": "nasbench201",
        "dataset": "cifar10",
        "epochs": 200,
        "coefficient": "kendall",
    }
    agreement = RankAgreement(
        n=1000,
        non_finite=0,
        status="ok",
        **dict.fromkeys(("kendall", "spearman", "top_kendall", "precision_1", "precision_10"), 0.5),
        **dict.fromkeys(("kendall_ci", "spearman_ci", "top_kendall_ci"), (0.4, 0.6)),
        top_n=100,
    )
    records = [
        RankRecord(
            rank_key(scorer, scorer_sha256=scorers.get(scorer).source_sha256, sample=1000),
            "done",
            dataclasses.asdict(agreement),
            "x",
            0.9,
        )
        for scorer in ("zico", "synflow")
    ]
    about = claim(ranking={**ranking, "scorer": "zico", "over": "synflow"}, value=0.1, margin=0.1)
    found = verdict(records, about)
    assert (found.verdict, found.changed) == ("not judged", False)
    assert "nasrepro data fetch nasbench201" in found.why
    assert "fetch" not in verdict(records[:1], about).why, "without its results, those are missing"


@pytest.mark.parametrize(
    ("recorded", "found", "changed"),
    [
        ("reproduced", "reproduced", False),
        ("reproduced", "inconclusive", True),
        ("", "reproduced", True),
        ("reproduced", "not judged", False),
        ("blocked", "reproduced", False),  # this machine has what others lack
        ("reproduced", "blocked", True),
    ],
)
def test_what_counts_as_a_change(recorded, found, changed):
    assert Verdict(found, claim=claim(recorded=recorded)).changed is changed


def test_a_time_is_of_its_machine():
    """Another machine is faster or slower; only the first verdict is news."""
    study = {"study": "no_such", "column": "seconds"}
    timed = claim(study=study, value=1, unit="s", recorded="reproduced")
    assert not Verdict("inconclusive", claim=timed).changed
    assert Verdict("inconclusive", claim=timed.model_copy(update={"recorded": ""})).changed
    assert Verdict("inconclusive", claim=timed.model_copy(update={"unit": ""})).changed
