"""Verdicts are stable: judged again with other search seeds, none of the recorded ones changes. Takes minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from suite.claims import Claim, gather, judge_all, load_claims, missing
from suite.oracle import Oracle
from suite.registry import oracles
from suite.runner import run_cells
from suite.store import Store

pytestmark = pytest.mark.nightly

REPEATS = 20


def judged_anew(claims: list[Claim], folder: Path, block: int) -> dict[str, str]:
    """The verdicts by the `block`-th n seeds, none of which another block has; in a store of its own."""
    with Store(folder / f"{block}.sqlite") as store:
        cells, left_out = missing(claims, gather(store, claims), claims, block=block)
        assert left_out == {}
        assert run_cells(cells, store).failed == ()
        return {each.claim.id: each.verdict for each in judge_all(claims, store, claims=claims, block=block)}


def on_seeds(claim: Claim) -> bool:
    """Whether other search seeds could change the verdict, and can be had in minutes."""
    return claim.kind in ("value", "order") and not claim.long and claim.recorded not in ("", "blocked")


@pytest.mark.parametrize("paper", sorted({claim.file for claim in load_claims() if on_seeds(claim)}))
def test_other_seeds_change_no_verdict(
    paper: str, real: Callable[[str], Oracle], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    claims = [claim for claim in load_claims() if claim.file == paper and on_seeds(claim)]
    for name in {setting.oracle for claim in claims for setting in claim.settings}:
        assert oracles.get(name).info.table is None or real(name)
    flips = [
        f"{id}: {verdict} with seed block {block}"
        for block in range(1, REPEATS + 1)
        for id, verdict in judged_anew(claims, tmp_path, block).items()
        if verdict != next(claim.recorded for claim in claims if claim.id == id)
    ]
    record_property("flip_rate", len(flips) / (REPEATS * len(claims)))
    assert not flips, f"{len(flips)} of {REPEATS * len(claims)} verdicts changed: {'; '.join(flips)}"
