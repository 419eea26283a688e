"""Claims: what a file may say, the rule behind every verdict, the command, what is broken."""

from __future__ import annotations

import dataclasses
import json
import math
import platform
import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import toys
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from nasrepro import __main__ as cli
from nasrepro.suite import registry
from nasrepro.suite.claims import (
    Claim,
    Evidence,
    Verdict,
    by_resampling,
    by_store,
    claim_files,
    first_verdicts,
    gather,
    judge_all,
    junit,
    load_claims,
    margins,
    missing,
    plan_of,
    record,
    tabulated,
)
from nasrepro.suite.claims.evidence import SAMPLE
from nasrepro.suite.claims.formula import bounds, evaluate, half_digit, names_in
from nasrepro.suite.data import Table, write_table
from nasrepro.suite.errors import DataMissing, NasreproError, UnknownName
from nasrepro.suite.experiments.identity import environment
from nasrepro.suite.experiments.kind import Record
from nasrepro.suite.experiments.ranking import RankKey, RankRecord
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.search import Protocol, Report, RunKey, RunRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.experiments.study import StudyKey, StudyRecord
from nasrepro.suite.oracle import Metric, TableOracle
from nasrepro.suite.registry import load_oracle, methods, scorer, scorers, studies
from nasrepro.suite.search import Budget
from nasrepro.suite.statistics import holm

toy = toys.toy_fixture

SETTING = {
    "oracle": "digits201",
    "dataset": "digits",
    "searched_on": "digits",
    "method": "random_search",
    "metric": "test_accuracy",
    "epochs": 30,
    "search_epochs": 12,
    "budget_queries": 30,
}
BASE = {
    "id": "paper-x",
    "paper": "arXiv:0",
    "statement": "It is so",
    "where": "Table 1",
    "source": "paper",
}


def claim(**fields: Any) -> Claim:
    """A claim about random search on digits201, or about what `fields` say."""
    kinds = {"search", "order", "ranking", "study", "lookup", "formula", "needs"}
    about = (
        {}
        if kinds & set(fields)
        else {"search": SETTING, "value": 90.0, "n": 10**6, "margin": 1.0, "seeds": 4}
    )
    return Claim.model_validate(own({**BASE, **about, **fields}))


def own(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Margins and numbers of seeds of a test are not those of the rules."""
    changed = dict(fields)
    if changed.get("margin") is not None:
        changed["margin"] = {"width": float(changed["margin"]), "why": "a test"}
    if "seeds" in changed:
        changed["replicates"] = {"n": changed.pop("seeds"), "why": "a test"}
    return changed


@pytest.fixture(autouse=True)
def _few_seeds_count(request, monkeypatch):
    """Tests are quick: their verdicts rest on few seeds; the rules' own numbers have a test."""
    if "rules" not in request.keywords:
        for kind, rule in margins.REPLICATES.items():
            few = rule if kind == "ranking" else dataclasses.replace(rule, least=2)
            monkeypatch.setitem(margins.REPLICATES, kind, few)


def run_of(
    seed: int, percent: float, *, method: str = "random_search", **changes: Any
) -> RunRecord:
    """A finished run whose test accuracy is `percent`."""
    entry = methods.get(method)
    protocol = Protocol(12, 30, ("digits",))
    table = load_oracle("digits201").table_sha256
    key = RunKey(
        method,
        entry.source_sha256,
        dict(entry.defaults),
        "digits201",
        table,
        "digits",
        protocol,
        Budget(queries=30),
        seed,
    )
    return RunRecord(
        dataclasses.replace(key, **changes),
        "budget",
        "",
        {"digits": Report({"test_accuracy": percent / 100})},
    )


def held(store: Store, claims: Sequence[Claim]) -> Evidence:
    """What a store has for claims."""
    return gather(store, [need for each in claims for need in each.results])


def verdict(records: Sequence[Record], one: Claim, *others: Claim, block: int = 0) -> Verdict:
    """One claim, judged by these records alone."""
    with Store(Path(":memory:")) as store:
        for each in records:
            store.add(each)
        return judge_all([one], store, claims=[one, *others], block=block)[0]


# -- files
# -------------------------------------------------------------------------------------------------
def test_the_shipped_claims_are_whole():
    claims = load_claims()
    assert len(claims) > 500 and len({each.id for each in claims}) == len(claims)
    papers = {each.file for each in claims}
    assert papers >= {
        "autoshrink",
        "swiftnet",
        "msnas",
        "epnas",
        "rena",
        "zico",
        "flash",
        "nn_mass",
        "arch2vec",
        "oneproxy",
        "nas_bench_201",
        "nas_bench_101",
        "zero_cost_nas",
        "firefly",
        "path_level",
        "compactnet",
        "supertickets",
        "proxylessnas",
        "amc",
        "haq",
        "accpar",
        "fbnet",
    }
    for each in claims:
        assert (
            each.title and each.where and each.id.split("-")[0] and not each.statement.endswith(".")
        ), each.id
        assert each.by_rule, f"{each.id} has a margin or a number of replicates of its own"
        if each.kind == "blocked":
            assert each.needs and each.recorded == "blocked", each.id


def test_what_takes_no_runs_is_as_recorded(real_devices):
    exact = [each for each in load_claims() if each.kind in ("formula",)]
    with Store(Path(":memory:")) as store:
        verdicts = judge_all(exact, store, claims=load_claims())
        assert len(verdicts) >= 4 and {each.verdict for each in verdicts} == {
            "consistent",
            "inconsistent",
        }
        assert [each.why for each in verdicts if each.changed] == []
        for source in ("hwnasbench", "oneproxy"):
            real_devices(source)
        assert [
            each.why
            for each in judge_all([each for each in load_claims() if each.kind == "devices"], store)
            if each.changed
        ] == []


def test_what_was_not_read_is_known_as_such():
    claims = {each.id: each for each in load_claims()}
    assert (
        claims["zico-tss-zico-c10-kendall"].read
        and claims["zico-tss-zico-c10-kendall"].value == 0.61
    )
    assert not claims["nasbench201-rea-cifar10-test"].read
    assert not claims["routability-kendall-arithmetic"].read, "a digest has the figures"
    assert claims["autoshrink-params-48"].kind == "blocked", (
        "its abstract does not say which network it compares with: one that fits shows nothing"
    )
    assert claims["epnas-prediction-nasbench201"].said == "ours"
    assert claims["nasbench201-optimal-cifar10-test"].said == "own data"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {
                "search": SETTING,
                "value": 1,
                "margin": {"width": 1.0, "why": "x"},
                "formula": {"text": "a", "figures": {"a": {"value": 1, "where": "here"}}},
            },
            "one of them",
        ),
        ({"needs": ""}, "nothing says how it is tested"),
        ({"search": SETTING, "value": 90.0, "margin": 1.0}, "dictionary"),
        ({"search": SETTING, "value": 90.0, "margin": {"width": 1.0, "why": ""}}, "at least 1"),
        ({"search": SETTING, "value": 90.0, "seeds": 4}, "not permitted"),
        ({"search": SETTING, "value": 90.0, "grade": "ours"}, "says in `reason`"),
        ({"search": SETTING}, "give the published `value`"),
        (
            {"search": {**SETTING, "budget": 3}, "value": 1, "margin": {"width": 1.0, "why": "x"}},
            "budget",
        ),
        (
            {
                "formula": {"text": "a / b", "figures": {"a": {"value": 1, "where": "here"}}},
                "value": 1,
            },
            "differ: b",
        ),
        (
            {"formula": {"text": "a", "figures": {"a": {"value": 1}}}, "value": 1},
            "either `claim`, or `value`",
        ),
        ({"value": "1", "needs": "x"}, "valid number"),
        ({"value": math.nan, "needs": "x"}, "finite number"),
        (
            {
                "search": {**SETTING, "budget_queries": 20.0},
                "value": 1,
                "margin": {"width": 1.0, "why": "x"},
            },
            "integer",
        ),
        (
            {
                "ranking": {
                    "oracle": "a",
                    "dataset": "b",
                    "epochs": 1,
                    "scorer": "c",
                    "coefficient": "kendall",
                    "setting": {"batchs": 3},
                },
                "value": 1,
                "margin": {"width": 1.0, "why": "x"},
            },
            "`setting` has no batchs; it has batch, batches",
        ),
    ],
)
def test_wrong_claims_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Claim.model_validate({**BASE, **fields})


FILE = """\
# a comment that stays
paper = "arXiv:0000.00000"
title = "Mine"

[defaults]
source = "paper"
reason = "ours"

[[claim]]
id = "mine-random"  # the first
statement = "Random search reaches 89 %"
where = "Table 1"
value = 89.0
n = 10000
margin = { width = 7.0, why = "a test" }
replicates = { n = 20, why = "a test" }
search.oracle = "digits201"
search.dataset = "digits"
search.searched_on = "digits"
search.method = "random_search"
search.metric = "test_accuracy"
search.epochs = 30
search.search_epochs = 12
search.budget_queries = 10

[[claim]]
id = "mine-impossible"
statement = "It flies"
where = "Table 2"
value = 1.5
needs = "wings"

[[claim]]
id = "mine-ratio"
statement = "Half as many"
where = "abstract"
value = 50
formula.text = "100 * a / b"

[claim.formula.figures]
a = { value = 3, source = "recalled", where = "elsewhere" }
b = { value = 6, where = "Table 3" }
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A user's own file of claims."""
    path = tmp_path / "mine.toml"
    path.write_text(FILE, encoding="utf-8")
    recorded(path, "not reproduced")
    return path


def recorded(path: Path, random: str, **more: str) -> None:
    """Write the verdicts beside a file: of `mine-random`, and of others."""
    lines = {"mine-random": random, **{f"mine-{name}": verdict for name, verdict in more.items()}}
    text = "".join(f'{id} = "{verdict}"\n' for id, verdict in lines.items())
    path.with_suffix(".verdicts.toml").write_text(text, encoding="utf-8")


def test_defaults_of_a_file_stand_for_its_claims(mine):
    impossible, random, ratio = (
        load_claims([mine])[0],
        load_claims([mine])[1],
        load_claims([mine])[2],
    )
    assert (random.id, random.kind, random.source, random.reason) == (
        "mine-random",
        "search",
        "paper",
        "ours",
    )
    assert (impossible.kind, impossible.recorded, ratio.kind, ratio.recorded, ratio.read) == (
        "blocked",
        "blocked",
        "formula",
        "",
        False,
    )
    assert {each.file for each in load_claims([mine])} == {"mine"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "mine-ratio"', 'id = "mine-random"', "occurs twice"),
        ("width = 7.0", 'width = "wide"', "margin.width"),
        ("[[claim]]", "[[claim]", "mine.toml"),
        (
            'a = { value = 3, source = "recalled", where = "elsewhere" }',
            'a = { claim = "nobody" }',
            "nobody",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said(mine, old, new, message):
    mine.write_text(FILE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(NasreproError, match=message):
        load_claims([mine])


def test_a_file_that_is_not_there():
    with pytest.raises(NasreproError, match="cannot read claims"):
        load_claims([Path("nowhere.toml")])


# -- arithmetic
# --------------------------------------------------------------------------------------------
def test_formulas():
    assert evaluate("100 * (1 - ours / theirs)", {"ours": 3.6, "theirs": 6.9}) == pytest.approx(
        47.826, abs=1e-3
    )
    assert evaluate("-a + 2", {"a": 0.5}) == 1.5
    assert names_in("a * (b - 1) / a") == {"a", "b"}
    assert bounds("a / b", {"a": 10, "b": 5}, {"a": 1, "b": 1}) == (9 / 6, 11 / 4)
    assert [half_digit(value) for value in (6.9, 384, 0.45, 1.5)] == pytest.approx(
        [0.05, 0.5, 0.005, 0.05]
    )


@given(
    st.lists(st.integers(-9, 9), min_size=3, max_size=3),
    st.sampled_from(["a + b * c", "(a - b) * c", "a - b - c", "-a * (b + c)"]),
)
def test_formulas_are_pythons_arithmetic(numbers, formula):
    values = dict(zip("abc", map(float, numbers), strict=True))
    assert evaluate(formula, values) == eval(formula, {}, values)


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os')",
        "a.real",
        "a ** 9",
        "a[0]",
        "f(1)",
        "1 if a else 2",
        "'a'",
        "a, a",
        "a <",
        "True",
    ],
)
def test_a_formula_is_arithmetic_or_refused(formula):
    with pytest.raises(NasreproError, match="formula"):
        evaluate(formula, {"a": 1.0})


def test_a_formula_without_a_value_says_so():
    with pytest.raises(NasreproError, match="b has no value"):
        evaluate("a / b", {"a": 1.0})
    with pytest.raises(NasreproError, match="divides by zero"):
        evaluate("a / b", {"a": 1.0, "b": 0.0})


# -- the rule for figures
# ----------------------------------------------------------------------------------
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
        and f"a fresh block of {found.needed:,} seeds would decide it" in found.why
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
    assert wide.verdict == "inconclusive" and wide.needed is None and "would decide" not in wide.why


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


# -- orders
# ------------------------------------------------------------------------------------------------
def order(
    id: str = "paper-order",
    *,
    better: str = "regularized_evolution",
    worse: str = "random_search",
    **fields: Any,
) -> Claim:
    return claim(
        **{
            "id": id,
            "order": {"search": {**SETTING, "method": better}, "than": worse},
            "seeds": 12,
            **fields,
        }
    )


def pairs(difference: float, noise: float = 1.0) -> list[Record]:
    """Twelve seeds of both methods: evolution is better by `difference` points, give or take."""
    rng = np.random.default_rng(1)
    base, steps = rng.normal(90, 2, 12), rng.permutation(np.linspace(-noise, noise, 12))
    evolved = [
        run_of(seed, base[seed] + difference + steps[seed], method="regularized_evolution")
        for seed in range(12)
    ]
    return [*evolved, *(run_of(seed, base[seed]) for seed in range(12))]


@pytest.mark.parametrize(
    ("difference", "margin", "expected"),
    [
        (1.0, None, "reproduced"),
        (-1.0, None, "not reproduced"),
        (0.1, None, "inconclusive"),
        (0.1, 2.0, "not reproduced"),  # whatever it is, it is less than 2
        (0.5, 2.0, "not reproduced"),  # significant, but less than what would count
    ],
)
def test_orders(difference, margin, expected):
    found = verdict(pairs(difference), order(margin=margin))
    assert found.verdict == expected and found.ours == pytest.approx(difference) and found.n == 12
    assert (found.needed is None) == (expected != "inconclusive")


def test_an_order_whose_mean_and_ranks_point_in_two_directions_is_inconclusive():
    """Worse in eleven of twelve seeds by a little, better in one by much.

    The mean is up, the test is significant the other way.
    """
    differences = [50.0, *np.linspace(-2, -1, 11)]
    assert wilcoxon(differences).pvalue < 0.05 and np.mean(differences) > 0
    runs = [
        run_of(seed, 50 + difference, method="regularized_evolution")
        for seed, difference in enumerate(differences)
    ]
    found = verdict([*runs, *(run_of(seed, 50.0) for seed in range(12))], order())
    assert (
        found.verdict == "inconclusive" and found.needed is None and "two directions" in found.why
    )


def test_orders_are_corrected_over_the_paper_and_only_over_it():
    one, other, foreign = (
        order(),
        order("paper-order2", better="random_search", worse="regularized_evolution"),
        order("x", paper="arXiv:1"),
    )
    alone = verdict(pairs(0.35), one)
    raw = wilcoxon(
        0.35 + np.random.default_rng(1).permutation(np.linspace(-1, 1, 12))
    ).pvalue  # the same differences, shuffled otherwise
    assert alone.p_value == pytest.approx(raw, abs=0.05)
    assert verdict(pairs(0.35), one, foreign).p_value == alone.p_value
    assert verdict(pairs(0.35), one, other).p_value == pytest.approx(
        holm([alone.p_value or 0] * 2)[0]
    )
    assert "Holm over 2" in verdict(pairs(0.35), one, other).why


def test_an_order_needs_the_runs_of_both():
    found = verdict(pairs(1.0)[:20], order())
    assert found.verdict == "not judged" and "8 of the 12 runs" in found.why


# -- rankings, studies, counts
# -----------------------------------------------------------------------------
RANKING = {
    "oracle": "digits201",
    "dataset": "digits",
    "epochs": 30,
    "scorer": "params",
    "coefficient": "kendall",
}


def rank_of(
    tau: float, *, n: int = 1000, half: float = 0.03, scorer: str = "params", best: float = 0.9
) -> RankRecord:
    table = load_oracle("digits201").table_sha256
    key = RankKey(
        scorer,
        scorers.get(scorer).source_sha256,
        "digits201",
        table,
        "digits",
        30,
        "test_accuracy",
        1000,
        0,
    )
    agreement = {"n": n, "kendall": tau, "kendall_ci": (tau - half, tau + half), "status": "ok"}
    return RankRecord(key, "done", agreement, "x", best)


def test_the_interval_of_a_ranking_counts_over_a_sample_not_over_a_whole_space():
    about = claim(ranking=RANKING, value=0.55, margin=0.02)
    sample = verdict([rank_of(0.54, half=0.02)], about)
    assert (
        sample.verdict == "inconclusive"
        and sample.needed == 4000
        and "4,000 architectures would decide it" in sample.why
    )
    for tau, margin in (
        (0.54, 0.02),
        (0.55, 0.0),
    ):  # by the interval's width 9,000 would, or no number
        more = verdict([rank_of(tau)], claim(ranking=RANKING, value=0.55, margin=margin))
        assert (more.verdict, more.needed) == (
            "inconclusive",
            5_044,
        ) and "; all 5,044 architectures would decide it" in more.why
    unsure = verdict([rank_of(0.54)], about.model_copy(update={"spread": 0.1, "n": 2}))
    assert unsure.needed is None and "would decide" not in unsure.why, (
        "the published error is there over all, too"
    )
    whole = verdict([rank_of(0.54, n=5_044)], about)
    assert (whole.verdict, whole.low, whole.n) == ("reproduced", None, 5_044)
    assert verdict([rank_of(0.45)], about).verdict == "not reproduced"


def test_all_the_architectures_there_are(monkeypatch):
    """One for equal cells where the table has one; a slice of a published space is a part of it."""
    assert tabulated("digits201") == len(load_oracle("digits201").archs()) == 5_044
    assert tabulated("trained201") == 15_625, "it has no table"
    part = types.SimpleNamespace(space=object(), archs=lambda: range(30_001))
    monkeypatch.setattr("nasrepro.suite.claims.evidence.load_oracle", lambda name: part)
    assert tabulated("nasbench101_slice") == 423_624

    def gone(name: str) -> Any:
        raise DataMissing("no table")

    monkeypatch.setattr("nasrepro.suite.claims.evidence.load_oracle", gone)
    assert tabulated("digits201") == 15_625


def test_a_ranking_of_an_oracle_that_nobody_has_is_passed_over():
    ours, claimed = rank_of(0.54), claim(ranking=RANKING, value=0.55, margin=0.1)
    foreign = dataclasses.replace(
        ours, key=dataclasses.replace(ours.key, oracle="of_a_plug_in", sample=50)
    )
    assert verdict([foreign, ours], claimed) == verdict([ours], claimed)


def test_of_several_samples_the_largest_counts_and_other_networks_do_not():
    about = claim(ranking={**RANKING, "scorer": "zico"}, value=0.5, margin=0.1)

    def of(tau: float, sample: int, **setting: Any) -> RankRecord:
        record = rank_of(tau, scorer="zico", n=sample)
        return dataclasses.replace(
            record, key=dataclasses.replace(record.key, setting=setting, sample=sample)
        )

    found = verdict(
        [of(0.9, 299), of(0.52, 2000), of(0.9, 1000), of(0.1, 9000, network={"channels": 8})], about
    )
    assert (found.verdict, found.n, found.ours) == ("reproduced", 2000, 0.52)
    assert "over a random sample of 2,000 of the 5,044 architectures" in found.why
    assert verdict([of(0.9, 299)], about).verdict == "not judged", "too few"
    assert verdict([of(0.9, 300)], about).verdict == "not reproduced"
    reduced = claim(
        ranking={**RANKING, "scorer": "zico", "setting": {"network": {"channels": 8}}},
        value=0.1,
        margin=0.1,
    )
    assert verdict([of(0.52, 2000), of(0.1, 9000, network={"channels": 8})], reduced).n == 9000


def test_a_ranking_of_a_sample_is_judged_by_other_samples_and_one_of_a_whole_table_is_not():
    near = claim(ranking=RANKING, value=0.55, margin=0.05)
    for n, times in ((1000, 20), (5_044, 0)):
        with Store(Path(":memory:")) as store:
            store.add(rank_of(0.54, n=n, half=0.03))
            first = first_verdicts([near], [near], store)
            found = by_resampling(first, [near], store, 20)
        assert len(found) == times and not any(each.first != "reproduced" for each in found)


def test_what_the_best_scored_reaches_and_differences_and_absolute_values():
    best = claim(ranking={**RANKING, "coefficient": "best_value"}, value=90.2, margin=0.5)
    whole = verdict([rank_of(0.5, n=5_044)], best)
    assert (whole.verdict, whole.ours) == (
        "reproduced",
        pytest.approx(90.0),
    ) and "best-scored of" not in whole.why
    assert verdict([rank_of(0.5, n=5_044, best=0.8)], best).verdict == "not reproduced"
    for reached in (0.9, 0.8):
        part = verdict([rank_of(0.5, best=reached)], best)
        assert (part.verdict, part.needed) == (
            "inconclusive",
            5_044,
        ) and "the best-scored of the 1,000 of 5,044" in part.why
    tied = dataclasses.replace(rank_of(0.5, n=5_044), best_tied=64)
    assert "(the mean of the 64 that tie at the top)" in verdict([tied], best).why
    constant = dataclasses.replace(tied, best_value=None)
    assert verdict([constant], best).verdict == "not judged", "all alike: none is the best"
    over = claim(
        ranking={**RANKING, "scorer": "live_params", "over": "params"}, value=0, test="at least"
    )
    all_of = [rank_of(0.6, n=5_044, scorer="live_params"), rank_of(0.5, n=5_044)]
    apart = verdict(all_of, over)
    assert (apart.verdict, apart.ours, apart.low) == ("reproduced", pytest.approx(0.1), None)
    assert verdict([rank_of(0.6, scorer="live_params")], over).verdict == "not judged"
    absolute = claim(ranking={**RANKING, "absolute": True}, value=0.5, margin=0.1)
    turned = verdict([rank_of(-0.5)], absolute)
    assert turned.verdict == "reproduced" and (turned.low or 0) < (turned.ours or 0) < (
        turned.high or 0
    )
    around = verdict(
        [rank_of(0.01)], claim(ranking={**RANKING, "absolute": True}, value=0.03, margin=0.015)
    )
    assert (around.low, around.high) == (0.0, pytest.approx(0.04)), (
        "an interval over zero begins at zero"
    )
    assert (
        verdict([rank_of(math.nan)], claim(ranking=RANKING, value=0.5, margin=0.1)).verdict
        == "not judged"
    )


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Record]]:
    """A study of a user's file; gives records of it, one per seed."""
    monkeypatch.setattr(studies, "_found", dict(studies._found))
    text = (
        "from nasrepro.suite.registry import study\n"
        '@study("mine.speed", paper="none", by=("what",), size=3)\n'
        "def m(rng, *, size):\n    yield {}\n"
    )
    (tmp_path / "mine.py").write_text(text)
    entry = studies.from_file(tmp_path / "mine.py")
    studies.add(entry.name, entry, __name__)

    def made(*tables: Sequence[Mapping[str, Any]], size: int = 3) -> list[Record]:
        keys = [
            StudyKey("mine.speed", entry.source_sha256, {"size": size}, {}, seed)
            for seed in range(len(tables))
        ]
        return [
            StudyRecord(key, "done", ("what",), tuple(rows))
            for key, rows in zip(keys, tables, strict=True)
        ]

    return made


def test_studies(study):
    rows = [{"what": "ours", "fast_s": 2.0}, {"what": "theirs", "fast_s": 1.0}]
    wanted = {"study": "mine.speed", "where": {"what": "ours"}, "column": "fast_s"}
    once = claim(study=wanted, value=1.5, test="at least", seeds=2)
    found = verdict(study(rows, rows), once)
    assert (found.claim.kind, found.verdict, found.ours, found.low, found.n) == (
        "study",
        "reproduced",
        2.0,
        2.0,
        2,
    )
    here = [dataclasses.replace(each, environment=environment()) for each in study(rows)]
    timed = claim(study=wanted, unit="s", value=2, margin=1, seeds=1)
    assert (
        f"on {platform.machine()} {platform.system()}, Python {platform.python_version()}"
        in verdict(here, timed).why
    )
    for value, expected in ((2.0, "consistent"), (3.0, "inconsistent")):
        fixed = claim(study={**wanted, "fixed": True}, value=value, seeds=1)
        assert verdict(study(rows), fixed).verdict == expected, "held against the printed digits"
    assert (
        "; measured on " in verdict(here, timed).why
        and "measured on" not in verdict(here, timed.model_copy(update={"unit": ""})).why
    )
    assert verdict(study(rows, size=4), once).verdict == "not judged", (
        "other parameters are another measurement"
    )
    several = claim(
        study={**wanted, "column": "fast_s", "scale": 10}, value=20, margin=0.5, seeds=3
    )
    assert verdict(study(rows, rows), several).verdict == "not judged"
    assert verdict(study(rows, rows, rows), several).verdict == "reproduced"
    with pytest.raises(UnknownName, match="column of study"):
        verdict(
            study(rows), claim(study={**wanted, "column": "no_such"}, value=1, margin=1, seeds=1)
        )
    with pytest.raises(NasreproError, match="2 rows of study"):
        verdict(study(rows), claim(study={**wanted, "where": {}}, value=1, margin=1, seeds=1))


def test_values_of_tables_are_exact():
    best = {"oracle": "digits201", "dataset": "digits", "epochs": 30, "metric": "test_accuracy"}
    found = verdict([], claim(lookup=best, value=50))
    assert found.verdict == "inconsistent" and 90 < (found.ours or 0) < 100
    assert verdict([], claim(lookup=best, value=round(found.ours or 0, 2))).verdict == "consistent"


def test_without_its_table_nothing_is_judged(monkeypatch, tmp_path):
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))
    monkeypatch.setattr("nasrepro.suite.registry.loading._open", {})
    looked = claim(
        lookup={
            "oracle": "nasbench201",
            "dataset": "cifar10",
            "epochs": 200,
            "metric": "test_accuracy",
        },
        value=94.37,
    )
    found = verdict([], looked)
    assert (
        found.verdict == "not judged"
        and "nasrepro data fetch nasbench201" in found.why
        and not found.changed
    )
    away = claim(
        search={
            **SETTING,
            "oracle": "nasbench201",
            "dataset": "cifar10",
            "searched_on": "cifar10",
        },
        value=94,
        margin=1,
    )
    assert "nasrepro data fetch nasbench201" in verdict([], away).why
    with Store(Path(":memory:")) as store:
        cells, left_out = missing([away], held(store, [away]), [away])
    assert cells == [] and list(left_out) == ["nasbench201"]


def test_derived_figures_are_as_sure_as_their_digits():
    figures = {"ours": {"value": 3.6, "where": "Table 1"}, "theirs": {"claim": "paper-y"}}
    theirs = claim(id="paper-y", value=6.9, needs="a phone")
    text = "100 * (1 - ours / theirs)"
    for value, expected in ((48, "consistent"), (45, "inconsistent")):
        found = verdict([], claim(formula={"text": text, "figures": figures}, value=value), theirs)
        assert (
            found.verdict == expected
            and found.ours == pytest.approx(47.83, abs=0.01)
            and "theirs = 6.9" in found.why
        )


# -- what is run
# -------------------------------------------------------------------------------------------
def test_only_what_is_missing_runs_and_one_run_serves_all_its_data_sets():
    wanted = {"oracle": "nasbench201", "searched_on": "cifar10", "epochs": 200, "budget_queries": 3}
    claims = [
        claim(
            id=f"c-{dataset}",
            search={**SETTING, **wanted, "dataset": dataset},
            value=1,
            margin=1,
            seeds=seeds,
        )
        for dataset, seeds in (("cifar100", 2), ("cifar10", 3))
    ]
    (experiment,) = plan_of(claims, claims).experiment
    assert experiment.report_datasets == ("cifar10", "cifar100") and experiment.seeds == (0, 1, 2)
    (alone,) = plan_of(claims[:1], claims).experiment
    assert alone.report_datasets == ("cifar10", "cifar100") and alone.seeds == (0, 1), (
        "asked for alone it is the same run"
    )
    with Store(Path(":memory:")) as store:
        store.add(run_of(1, 90.0))
        about = claim()
        (rest,) = plan_of([about], [about], held(store, [about])).experiment
    assert rest.seeds == (0, 2, 3)


def of_the_toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims see the oracles of the toy's test."""
    for name, module in list(sys.modules.items()):
        if name.startswith("nasrepro.suite.claims") and hasattr(module, "oracles"):
            monkeypatch.setattr(module, "oracles", registry.oracles)


@pytest.fixture
def installed(toy, monkeypatch, tmp_path) -> Callable[[float | None], None]:
    """Install a table in which every test accuracy is that number plus a little; None.

    Take it away. One process knows one version.
    """
    of_the_toys(monkeypatch)
    methods.get("random_search")  # its file is imported once: it must be known after this test, too
    methods.get("random_search")  # a file is imported once: not into a copy alone
    monkeypatch.setattr(methods, "_found", dict(methods._found))
    monkeypatch.setattr(scorers, "_found", dict(scorers._found))
    registered(toys.source(SEARCH, "toy_best"))
    scorer("toy_sum", paper="none", needs_network=False)(
        lambda space, arch, dataset: sum(arch.code)
    )
    info, path, numbers = (
        toys.named("changing", cost=""),
        tmp_path / "t.arrow",
        np.arange(81) / 1000,
    )
    gone = DataMissing("the table of changing is not here")

    def opened() -> TableOracle:
        if not path.exists():
            raise gone
        return TableOracle(info, Table(path), row=toys.SPACE.index, archs=lambda: tuple(toys.SPACE))

    registry.oracle(info)(opened)

    def install(level: float | None) -> None:
        monkeypatch.setattr("nasrepro.suite.registry.loading._open", {})
        path.unlink(missing_ok=True)
        if level is not None:
            write_table(
                path,
                {"toys/1/0/valid_accuracy": numbers, "toys/9/0/test_accuracy": numbers + level},
                {},
            )

    return install


def test_results_of_another_version_of_a_table_count_as_missing(installed):
    setting = {**NOISY, "oracle": "changing", "method": "toy_best"}
    rank = {
        "oracle": "changing",
        "dataset": "toys",
        "epochs": 9,
        "scorer": "toy_sum",
        "coefficient": "best_value",
    }
    claims = [
        claim(id="value", search=setting, value=50.0, margin=9.0, seeds=5),
        claim(id="order", order={"search": setting, "than": "random_search"}, seeds=5),
        claim(id="rank", ranking=rank, value=50.0, margin=9.0),
    ]
    with Store(Path(":memory:")) as store:

        def ours() -> dict[str, tuple[str, float, int]]:
            return {
                each.claim.id: (each.verdict, round(each.ours or 0), each.n)
                for each in judge_all(claims, store, claims=claims)
            }

        def cells() -> list[Any]:
            return missing(claims, held(store, claims), claims)[0]

        installed(0.5)
        assert len(cells()) == 11 and run_cells(cells(), store, executor="inline").failed == ()
        assert cells() == [] and (ours()["value"], ours()["rank"]) == (
            ("reproduced", 58, 5),
            ("reproduced", 58, 81),
        )

        installed(0.2)
        stale = judge_all(claims, store, claims=claims)
        assert {each.verdict for each in stale} == {"not judged"} and not any(
            each.changed for each in stale
        )
        assert all(
            "5 of another version of the table than what is here" in each.why for each in stale[:2]
        )
        assert "1 of another version" in stale[2].why
        assert len(cells()) == 11 and run_cells(cells(), store, executor="inline").failed == ()
        assert (ours()["value"], ours()["rank"]) == (
            ("not reproduced", 28, 5),
            ("not reproduced", 28, 81),
        ), "of the new table alone"

        installed(0.5)
        assert cells() == [] and ours()["value"] == ("reproduced", 58, 5), (
            "what was run of a table counts again when it is back"
        )
        installed(None)
        assert ours()["value"][1] in (58, 28), (
            "where no table is to compare with, one version counts, never a mixture"
        )
        assert ours()["rank"][1] in (58, 28)


def test_of_tables_just_the_hash_is_read_and_only_of_those_that_results_are_of(monkeypatch):
    asked: list[str] = []
    sha256 = load_oracle("digits201").table_sha256

    def opened(name: str) -> Any:
        asked.append(name)
        return types.SimpleNamespace(table_sha256=sha256)  # nothing else of it is there

    monkeypatch.setattr("nasrepro.suite.claims.evidence.load_oracle", opened)
    elsewhere = {**SETTING, "oracle": "nasbench201", "dataset": "cifar10", "searched_on": "cifar10"}
    claims = [
        claim(),
        claim(id="y", search=elsewhere, value=1, margin=1),
        claim(id="z", ranking=RANKING, value=1, margin=1),
    ]
    with Store(Path(":memory:")) as store:
        for each in (*(run_of(seed, 90.0) for seed in range(4)), rank_of(0.5)):
            store.add(each)
        evidence = held(store, claims)
    assert evidence.stale == {} and len(evidence.rankings) == 1 and asked == ["digits201"]


def test_networks_are_never_scored_for_a_claim():
    slow = claim(
        ranking={**RANKING, "scorer": "zico", "setting": {"seed": 12345}}, value=0.6, margin=0.1
    )  # nobody has scored with that
    quick = claim(id="q", ranking=RANKING, value=0.6, margin=0.1)
    assert [each.scorers for each in plan_of([slow, quick], []).ranking] == [("params",)]
    why = verdict([], slow).why
    assert f"over at least {SAMPLE} networks" in why and why.endswith(
        f"nasrepro score digits201 --scorer zico --sample {SAMPLE}"
    )


def test_what_takes_long_runs_only_where_it_is_asked_for():
    long = claim(long=True)
    assert (
        plan_of([long], [long], long=False).experiment == ()
        and len(plan_of([long], [long]).experiment) == 1
    )


# -- the command
# -------------------------------------------------------------------------------------------
@pytest.fixture
def nasrepro(monkeypatch, capsys, tmp_path):
    """Run the command line in this process with a store of its own.

    Gives its exit code, standard output and standard error.
    """
    methods.get("random_search")  # a file is imported once: not into a copy alone
    monkeypatch.setattr(methods, "_found", dict(methods._found))

    def run(*arguments: object, store: bool = True) -> tuple[int, str, str]:
        options = ["--store", str(tmp_path / "s.sqlite")] if store else []
        monkeypatch.setattr(sys, "argv", ["anything", *map(str, arguments), *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


OWN = toys.source("return session.evaluate(session.space.sample(rng)).arch", "random_search")


def test_a_users_claims_from_the_first_run_to_the_record(nasrepro, mine, tmp_path):
    code, out, err = nasrepro(
        "claims", "--file", mine, "--workers", 1, "--junit", tmp_path / "out.xml"
    )
    assert (
        code == 1
        and "changed: mine-random is reproduced, recorded: not reproduced" in err
        and "changed: mine-ratio is consistent, recorded: nothing yet" in err
    )
    cases = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (cases.get("tests"), cases.get("failures"), cases.get("skipped")) == ("3", "2", "1")

    code, out, _ = nasrepro("claims", "record", "--file", mine, "--no-run")
    assert code == 0 and "mine-ratio: nothing -> consistent" in out and "mine-impossible" not in out
    found = {each.id: each.recorded for each in load_claims([mine])}
    assert found["mine-ratio"] == "consistent" and found["mine-random"] == "reproduced"
    assert mine.read_text(encoding="utf-8") == FILE, "verdicts stand beside the file"

    code, out, err = nasrepro("claims", "--paper", "mine", "record", "--file", mine)
    assert (code, out, err) == (
        2,
        "",
        "error: give the options after record: nasrepro claims record --paper ...\n",
    )

    code, out, err = nasrepro("claims", "--file", mine, "--no-run", "--json")
    rows = {row["id"]: row for row in json.loads(out)}
    assert (
        code == 0
        and err == ""
        and rows["mine-random"]["n"] == 20
        and len(rows["mine-random"]["runs"]) == 20
    )
    assert (
        nasrepro("claims", "--file", mine, "--no-run", "--paper", "mine", "--id", "mine-ratio")[0]
        == 0
    )

    code, out, _ = nasrepro("claims", "--file", mine, "--no-run", "--explain", "mine-random")
    runs = rows["mine-random"]["runs"]
    assert (
        code == 0
        and '"seeds": 20' in out
        and "margin      7: a test" in out
        and f"runs        20: {', '.join(runs[:4])} ..." in out
    )
    (command,) = re.findall(r"one of them +nasrepro (show .*) --store", out)
    code, out, _ = nasrepro(*command.split(), "--trace")
    shown = json.loads(out)
    assert (
        code == 0
        and shown["id"] == runs[0]
        and shown["key"]["method"] == "random_search"
        and shown["queries"] == 10
    )
    assert len(shown["evaluations"]) == 10 and "evaluations" not in json.loads(
        nasrepro(*command.split())[1]
    )
    assert "has no result 'no_such'" in nasrepro("show", "no_such")[2]


def test_a_users_method_is_held_to_the_claims(nasrepro, mine, tmp_path):
    (tmp_path / "one.py").write_text(OWN, encoding="utf-8")
    recorded(mine, "reproduced")
    assert nasrepro("claims", "--file", mine, "--id", "mine-random", "--workers", 1)[0] == 0
    code, _, err = nasrepro(
        "claims",
        "--file",
        mine,
        "--id",
        "mine-random",
        "--method",
        tmp_path / "one.py",
        "--workers",
        1,
    )
    assert code == 1 and "changed: mine-random is not reproduced, recorded: reproduced" in err


def test_verdicts_by_other_seeds_are_counted_and_kept(nasrepro, mine, tmp_path, monkeypatch):
    def repeated(blocks: int, *more: object) -> tuple[int, str, str]:
        runs = tmp_path / "blocks.sqlite"
        options = ["--blocks", blocks, "--runs", runs, "--workers", 1, "--quiet", *more]
        return nasrepro("claims", "repeat", "--file", mine, *options)

    mine.write_text(FILE.replace("width = 7.0", "width = 15.0"), encoding="utf-8")
    code, _, err = repeated(2)
    assert code == 2 and "no results store" in err
    nasrepro("claims", "--file", mine, "--workers", 1, "--quiet")
    code, out, _ = repeated(2)
    (row,) = [line.split() for line in out.splitlines() if line.startswith("mine-random")]
    assert (code, row) == (0, ["mine-random", "reproduced", "seeds", "2", "of", "2"])
    with Store(tmp_path / "blocks.sqlite") as store:
        seeds = sorted(run.key.seed for run in store.runs())
    assert seeds == list(range(20, 60)), "no seed is in two blocks, nor in the store's runs"

    monkeypatch.setattr("nasrepro.suite.claims.repeats.run_cells", lambda *_, **__: 1 / 0)
    assert repeated(2, "--no-run")[0] == 0, "nothing that is slow, nothing to resample"
    mine.write_text(FILE.replace("width = 7.0", "width = 4.5"), encoding="utf-8")
    assert repeated(2)[0] == 0, "another margin is judged by the same runs"


def test_what_is_missing_is_named_once_with_the_claims_that_wait(nasrepro, mine, tmp_path):
    twice = FILE.replace('id = "mine-impossible"', 'id = "mine-again"').replace(
        'needs = "wings"',
        FILE[FILE.index("search.oracle") : FILE.index('\n[[claim]]\nid = "mine-imp')],
    )
    mine.write_text(twice, encoding="utf-8")
    with Store(tmp_path / "s.sqlite") as store:
        for seed in range(7):
            store.add(run_of(seed, 88.0, budget=Budget(queries=10)))
    code, out, _ = nasrepro("claims", "missing", "--file", mine, "--json")
    (row,) = json.loads(out)
    assert code == 0 and row["what"] == "random_search on digits201/digits, 10 queries"
    assert (row["have"], row["count"], row["long"], row["needs"]) == (7, 100, False, "")
    assert row["claims"] == ["mine-again", "mine-random"]
    out = nasrepro("claims", "missing", "--file", mine)[1]
    assert "7 of 100" in out and "mine-again" in out


def test_slow_claims_are_judged_by_resampled_seeds_and_by_another_kernel(mine, tmp_path):
    text = FILE.replace('id = "mine-random"', 'long = true\nid = "mine-random"')
    mine.write_text(text.replace("width = 7.0", "width = 0.25"), encoding="utf-8")
    claims = load_claims([mine])
    with Store(tmp_path / "s.sqlite") as store, Store(tmp_path / "other.sqlite") as other:
        for seed in range(20):
            store.add(run_of(seed, 88.0 + seed / 10, budget=Budget(queries=10)))
            other.add(run_of(seed, 60.0 + seed / 10, budget=Budget(queries=10)))
        first = first_verdicts(claims, claims, store)
        assert {id: each.verdict for id, each in first.items()} == {
            "mine-random": "inconclusive",
            "mine-ratio": "consistent",
        }
        resampled = by_resampling(first, claims, store, 20)
        kernels = by_store(first, claims, other)
    assert {(each.claim, each.varied) for each in resampled} == {("mine-random", "resampled seeds")}
    assert len({each.why for each in resampled}) == 20, "each time others"
    assert [(each.claim, each.verdict, each.flipped) for each in kernels] == [
        ("mine-random", "not reproduced", True),
        ("mine-ratio", "consistent", False),
    ]


def test_the_command_of_contributing_is_one(nasrepro, mine, tmp_path, monkeypatch):
    text = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"- run: nasrepro (claims .*)", text)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_claims.toml").write_text(FILE, encoding="utf-8")
    recorded(tmp_path / "my_claims.toml", "reproduced", ratio="consistent")
    searching = toys.source(
        "while True:\n    session.evaluate(session.space.sample(rng))", "random_search"
    )
    (tmp_path / "my_method.py").write_text(searching, encoding="utf-8")
    code, out, err = nasrepro(*command.split(), "--workers", 1)
    assert code == 0 and "mine-random" in out, err
    assert ElementTree.parse(tmp_path / "claims.xml").getroot().get("failures") == "0"


def test_a_run_that_fails_is_not_passed_over(nasrepro, mine, tmp_path):
    (tmp_path / "bad.py").write_text(
        toys.source("raise ValueError('no idea')", "random_search"), encoding="utf-8"
    )
    code, out, err = nasrepro(
        "claims",
        "--file",
        mine,
        "--id",
        "mine-random",
        "--method",
        tmp_path / "bad.py",
        "--workers",
        1,
    )
    assert code == 1 and "a run failed: ValueError: no idea" in err and "not judged" in out


def test_strict_and_bad_names(nasrepro, mine):
    (code, _, err), first = nasrepro("claims", "--file", mine, "--no-run"), "not judged"
    assert code == 2 and "there is no results store" in err
    assert nasrepro("claims", "--file", mine, "--id", "mine-impossible")[0] == 0
    code, out, _ = nasrepro("claims", "--file", mine, "--no-run", "--id", "mine-random")
    assert code == 0 and first in out
    code, _, err = nasrepro("claims", "--file", mine, "--no-run", "--id", "mine-random", "--strict")
    assert code == 1 and "not judged: mine-random" in err
    assert (
        "did you mean 'mine-random'" in nasrepro("claims", "--file", mine, "--id", "mine-randon")[2]
    )
    assert "unknown paper" in nasrepro("claims", "--paper", "nobody")[2]


def test_recording_touches_nothing_that_was_not_judged(mine):
    impossible, random, _ = load_claims([mine])
    assert (
        record([mine], [Verdict("not judged", claim=random), Verdict("blocked", claim=impossible)])
        == {}
    )
    assert mine.read_text(encoding="utf-8") == FILE
    assert record([mine], [Verdict("reproduced", claim=random)]) == {
        "mine-random": ("not reproduced", "reproduced")
    }
    beside = mine.with_suffix(".verdicts.toml").read_text(encoding="utf-8")
    assert beside.splitlines()[1:] == ['mine-random = "reproduced"']


def test_every_shipped_file_can_be_recorded_in(tmp_path):
    for path in claim_files():
        copy = tmp_path / path.name
        copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        beside = path.with_suffix(".verdicts.toml")
        if beside.exists():
            (tmp_path / beside.name).write_text(beside.read_text(encoding="utf-8"))
        claims = [each for each in load_claims([copy]) if each.kind != "blocked"]
        flipped = [
            Verdict("inconclusive", claim=each)
            for each in claims
            if each.recorded not in ("inconclusive", "blocked")
        ]
        assert set(record([copy], flipped)) == {each.claim.id for each in flipped}
        assert {each.id: each.recorded for each in load_claims([copy])} == {
            each.id: "inconclusive" if each.id in {f.claim.id for f in flipped} else each.recorded
            for each in load_claims([path])
        }


def test_junit_says_what_differs():
    text = junit(
        [
            Verdict("inconclusive", why="3 < 4 & more", claim=claim(recorded="reproduced")),
            Verdict("not judged", why="x", claim=claim(id="b")),
        ]
    )
    root = ElementTree.fromstring(text.partition("\n")[2])
    assert (
        root[0][0].tag == "failure"
        and root[0][0].get("message") == "inconclusive, recorded: reproduced"
        and root[1][0].tag == "skipped"
    )
    coloured = junit([Verdict("not judged", why="\x1b[31mred", claim=claim())]).partition("\n")[2]
    assert ElementTree.fromstring(coloured)[0][0].get("message") == "not judged: ?[31mred"


# -- mutations: what is broken must not go unnoticed
# -------------------------------------------------------
def noisy(arch: Any, epochs: int) -> dict[str, float]:
    """Validation and test accuracy share a little; the rest of each is luck."""
    luck = np.random.default_rng([toys.SPACE.index(arch), 7]).uniform(-0.2, 0.2, 2)
    true = 0.5 + 0.02 * sum(arch.code)
    return {
        **toys.values(arch, epochs),
        "valid_accuracy": true + luck[0],
        "test_accuracy": true + luck[1],
    }


LEAKED = toys.named(
    "noisy",
    metrics=tuple(
        dataclasses.replace(each, split="valid") if each.name == "test_accuracy" else each
        for each in toys.INFO.metrics
    ),
    objective="test_accuracy",
)
SEARCH = (
    "done = [session.evaluate(session.space.sample(rng)) for _ in range(20)]\n"
    "return max(done, key=lambda each: each.score).arch"
)
NOISY = {
    **SETTING,
    "oracle": "noisy",
    "dataset": "toys",
    "searched_on": "toys",
    "epochs": 9,
    "search_epochs": 1,
    "budget_queries": 20,
}
SEEDS = 60


def registered(text: str) -> str:
    entry = methods.from_file(Path("toy.py"), text)
    methods.add(entry.name, entry, __name__)
    return entry.name


def toy_claims(value: float) -> list[Claim]:
    """What was found when nothing was broken, as claims."""
    best, first = {**NOISY, "method": "toy_best"}, "toy_first"
    known = {
        "oracle": "noisy",
        "dataset": "toys",
        "epochs": 9,
        "scorer": "toy_sum",
        "metric": "test_accuracy",
        "coefficient": "kendall",
    }
    return [
        claim(
            id="best",
            search=best,
            value=value,
            n=10**6,
            margin=4.0,
            seeds=SEEDS,
            recorded="reproduced",
        ),
        claim(
            id="order", order={"search": best, "than": first}, seeds=SEEDS, recorded="reproduced"
        ),
        claim(id="proxy", ranking=known, value=0.1, test="at least", recorded="reproduced"),
    ]


@pytest.fixture
def broken(toy, monkeypatch):
    """Which of the three claims change when method, description or scorer is another one."""
    methods.get("random_search")  # a file is imported once: not into a copy alone
    monkeypatch.setattr(methods, "_found", dict(methods._found))
    monkeypatch.setattr(scorers, "_found", dict(scorers._found))
    plain = toys.named("noisy")
    first = registered(
        toys.source("return session.evaluate(session.space.sample(rng)).arch", "toy_first")
    )
    assert first == "toy_first"

    def changed(
        value: float, text: str = SEARCH, info: Any = plain, sign: int = 1
    ) -> tuple[set[str], float]:
        monkeypatch.setattr("nasrepro.suite.registry.loading._open", {})
        toys.known(toys.Toy(info, noisy))
        of_the_toys(monkeypatch)
        registered(toys.source(text, "toy_best"))
        scorer("toy_sum", paper="none", needs_network=False)(
            lambda space, arch, dataset: sign * sum(arch.code)
        )
        claims = toy_claims(value)
        with Store(Path(":memory:")) as store:
            cells, _ = missing(claims, held(store, claims), claims)
            assert run_cells(cells, store, executor="inline").failed == ()
            verdicts = judge_all(claims, store, claims=claims)
        return {each.claim.id for each in verdicts if each.changed}, verdicts[0].ours or 0.0

    return changed


def test_a_broken_method_a_leak_and_a_negated_proxy_each_change_a_verdict(broken):
    _, value = broken(0.0)
    assert broken(value)[0] == set(), "nothing is broken"
    reversed_best, worst = broken(value, SEARCH.replace("max(", "min("))
    assert reversed_best == {"best", "order"} and worst < value - 5
    leaked, better = broken(value, info=LEAKED)
    assert leaked == {"best"} and better > value + 5
    assert broken(value, sign=-1)[0] == {"proxy"}


def test_the_leak_of_the_mutation_is_one():
    assert (
        LEAKED.objective_of("toys").name == "test_accuracy"
        and LEAKED.target_of("toys").name == "test_accuracy"
    )
    assert (
        isinstance(LEAKED.metric("test_accuracy"), Metric)
        and toys.INFO.objective_of("toys").name == "valid_accuracy"
    )
