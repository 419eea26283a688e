"""Verdicts of the first edition beside those of now, as the report shows them."""

from __future__ import annotations

from types import SimpleNamespace

from nasrepro.reports.tables import changes
from nasrepro.suite.claims import Verdict, load_claims


def test_classes_by_paper_and_each_change_with_its_reason():
    claims = {claim.id: claim for claim in load_claims()}
    verdicts = [
        Verdict("blocked", why="the text", claim=claims["fbnet-b-top1"]),
        Verdict("ours: does not hold", claim=claims["epnas-prediction-nasbench201"]),
    ]
    by_class, changed = changes.tables(SimpleNamespace(verdicts=verdicts))
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in by_class.rows}
    assert rows["all"][5] == "0 > 1", "of ours"
    assert rows["epnas"][1].endswith(" > 0") and rows["epnas"][5] == "0 > 1"
    found = {row[0].text: [cell.text for cell in row[1:]] for row in changed.rows}
    assert found["fbnet-b-top1"] == ["", "blocked", "a new claim"]
    before, now, reason = found["epnas-prediction-nasbench201"]
    assert (before, now) == ("not reproduced", "ours: does not hold")
    assert reason.startswith("of our reconstruction")


def test_nothing_of_papers_that_the_first_edition_did_not_have():
    claim = next(iter(load_claims())).model_copy(update={"file": "mine"})
    verdicts = [Verdict("blocked", claim=claim)]
    assert list(changes.tables(SimpleNamespace(verdicts=verdicts))) == []
