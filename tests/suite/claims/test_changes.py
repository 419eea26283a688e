"""Verdicts of now against earlier ones."""

from __future__ import annotations

import pytest

from nasrepro.suite.claims import Verdict, load_claims
from nasrepro.suite.claims.changes import FIRST, Earlier, changes, counts, earlier
from nasrepro.suite.errors import NasreproError


def test_the_first_edition_is_whole():
    first = earlier(FIRST)
    assert len(first) == 798
    assert sum(each.verdict == "reproduced" for each in first.values()) == 153


def test_each_change_has_its_reason():
    claims = {claim.id: claim for claim in load_claims()}
    read, ours = claims["zico-tss-flops-c10-kendall"], claims["epnas-prediction-nasbench201"]
    own = claims["nasbench201-optimal-cifar10-test"]
    before = {
        read.id: Earlier(file="zico", verdict="not reproduced", read=True),
        ours.id: Earlier(file="epnas", verdict="not reproduced", read=True),
        own.id: Earlier(file="nas_bench_201", verdict="reproduced", read=True),
        "gone": Earlier(file="amc", verdict="not reproduced", read=True),
    }
    verdicts = [
        Verdict("reproduced", 0.542, why="it lies within", claim=read),
        Verdict("ours: does not hold", claim=ours),
        Verdict("consistent", claim=own),
        Verdict("blocked", claim=claims["fbnet-b-top1"]),
    ]
    found = {each.id: (each.before, each.after, each.reason) for each in changes(before, verdicts)}
    assert found[read.id] == ("not reproduced", "reproduced", "by the rules: it lies within")
    assert found[ours.id][2].startswith("of our reconstruction")
    assert "no experiment was repeated" in found[own.id][2]
    assert found["gone"][1] == "" and found["fbnet-b-top1"][:2] == ("", "blocked")
    name, old, new = counts(before, verdicts)[-1]
    assert (name, str(old["not reproduced"]), str(new["consistent"])) == ("all", "3", "1")


def test_a_file_that_holds_no_verdicts(tmp_path):
    (tmp_path / "x.json").write_text('{"a": 3}', encoding="utf-8")
    with pytest.raises(NasreproError, match="earlier verdicts"):
        earlier(str(tmp_path / "x.json"))
