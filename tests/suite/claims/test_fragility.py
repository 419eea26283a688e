"""Verdicts that flip too often are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasrepro.suite.claims import Claim, Repeat, judge_all, measured
from nasrepro.suite.claims.files import shipped_claims
from nasrepro.suite.claims.fragility import FILE, Fragility, load, record
from nasrepro.suite.errors import DataCorrupt
from nasrepro.suite.experiments.store import Store

CLAIM = Claim.model_validate(
    {
        "id": "paper-best",
        "paper": "arXiv:0",
        "statement": "It is so",
        "where": "Table 1",
        "source": "paper",
        "value": 50.0,
        "lookup": {
            "oracle": "digits201",
            "dataset": "digits",
            "epochs": 30,
            "metric": "test_accuracy",
        },
    }
)


def flipping(flips: int, test: str = CLAIM.test_hash) -> Claim:
    found = Fragility(varied="seeds", repeats=20, flips=flips, test=test)
    steady = Fragility(varied="BLAS kernel", repeats=1, flips=0, test=test)
    return CLAIM.model_copy(update={"fragility": (steady, found)})


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (CLAIM, "inconsistent"),
        (flipping(1), "inconsistent"),
        (flipping(2), "inconclusive"),
        (flipping(20, test="of another test"), "inconsistent"),
    ],
)
def test_more_than_one_flip_in_twenty_is_no_verdict(claim, verdict):
    with Store(Path(":memory:")) as store:
        (found,) = judge_all([claim], store)
    assert found.verdict == verdict
    assert ("flips in 2 of 20 repeats with other seeds" in found.why) == (verdict == "inconclusive")


def test_what_was_measured_is_kept_beside_the_claims(tmp_path):
    repeats = [
        Repeat("paper-best", "reproduced", "seeds", block, verdict, "")
        for block, verdict in enumerate(["reproduced", "inconclusive", "reproduced"], start=1)
    ]
    ((id, found),) = measured(repeats, [CLAIM])
    assert (id, found.flips, found.repeats, found.varied) == ("paper-best", 1, 3, "seeds")
    record(tmp_path, [(id, found)])
    kernel = found.model_copy(update={"varied": "BLAS kernel"})
    record(tmp_path, [(id, kernel), ("another", found)])
    again = found.model_copy(update={"flips": 0})
    record(tmp_path, [(id, again)])
    assert load(tmp_path) == {"another": (found,), "paper-best": (kernel, again)}
    other = found.model_copy(update={"test": "of another test"})
    record(tmp_path, [(id, other)])
    assert load(tmp_path)["paper-best"] == (other,), "what another test gave is no use"
    (tmp_path / FILE).write_text("{", encoding="utf-8")
    with pytest.raises(DataCorrupt, match="delete it"):
        load(tmp_path)


def test_what_ships_was_measured_of_the_tests_as_they_are() -> None:
    """What was measured of another test counts for nothing, and says so nowhere."""
    found = [(claim.id, each) for claim in shipped_claims() for each in claim.fragility]
    assert len(found) > 200
    hashes = {claim.id: claim.test_hash for claim in shipped_claims()}
    stale = [id for id, each in found if each.test != hashes[id]]
    assert not stale, "measure again: nasrepro claims repeat --record"
