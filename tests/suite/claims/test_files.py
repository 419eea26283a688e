"""What a file of claims may say."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from claimed import BASE, FILE, SETTING

from nasrepro.suite.claims import (
    Claim,
    judge_all,
    load_claims,
)
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.store import Store

pytestmark = pytest.mark.usefixtures("few_seeds_count")


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
        ({"needs": ""}, "the claim has no test"),
        ({"search": SETTING, "value": 90.0, "margin": 1.0}, "dictionary"),
        ({"search": SETTING, "value": 90.0, "margin": {"width": 1.0, "why": ""}}, "at least 1"),
        ({"search": SETTING, "value": 90.0, "seeds": 4}, "not permitted"),
        ({"search": SETTING, "value": 90.0, "grade": "ours"}, "needs a `reason`"),
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
