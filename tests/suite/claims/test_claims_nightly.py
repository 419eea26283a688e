"""Verdicts are stable: judged again by other seeds, what is decided stays so.

See `suite.claims.repeats`. Takes hours of CPU time where no runs are kept.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nasrepro.suite.claims import BLOCKS, by_seeds, first_verdicts, load_claims, measured
from nasrepro.suite.experiments.store import Store

pytestmark = pytest.mark.nightly
#: A store of the plan `reproduce`; read here, because each test starts without it.
STORE = os.environ.get("NASREPRO_STORE", "")
#: A store that keeps the runs by other seeds, as `nasrepro claims repeat --runs` fills it.
REPEATS = os.environ.get("NASREPRO_REPEATS", "")


@pytest.mark.skipif(not STORE, reason="NASREPRO_STORE names a store of the plan reproduce")
def test_other_seeds_change_no_decided_verdict_that_is_not_known_to_be_unstable(tmp_path):
    claims = load_claims()
    with Store(Path(STORE), read_only=True) as store:
        first = first_verdicts(claims, claims, store)
    with Store(Path(REPEATS or tmp_path / "repeats.sqlite")) as runs:
        found, _ = by_seeds(first, claims, runs, BLOCKS)
    # CPU seconds hang on what else the machine does
    known = {claim.id for claim in claims if claim.unstable or claim.unit == "s"}
    decided = {
        id for id, each in first.items() if each.verdict not in ("inconclusive", "ours: open")
    }
    unstable = {id for id, each in measured(found, claims) if each.fragile} & decided
    assert found and unstable <= known
