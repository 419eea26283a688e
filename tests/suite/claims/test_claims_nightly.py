"""Verdicts are stable: judged again by other seeds, none of the recorded ones changes.

See `suite.claims.repeats`.

Takes hours of CPU time where nothing is kept (the 20 blocks of OneProxy's alone about 77 minutes),
else what is new since the last night.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nasrepro.suite.claims import BLOCKS, load_claims, repeat, repeatable
from nasrepro.suite.oracle import DeviceTable, Oracle
from nasrepro.suite.registry import devices, oracles, studies

pytestmark = pytest.mark.nightly


@pytest.mark.parametrize(
    "paper", sorted({claim.file for claim in load_claims() if repeatable(claim)})
)
def test_other_seeds_change_no_verdict(
    paper: str,
    real: Callable[[str], Oracle],
    real_devices: Callable[[str], DeviceTable],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """NASREPRO_REPEATS names a folder in which `nasrepro claims repeat` has done some of it."""
    everything = load_claims()
    claims = [claim for claim in everything if claim.file == paper and repeatable(claim)]
    for name in {setting.oracle for claim in claims for setting in claim.settings}:
        assert oracles.get(name).info.table is None or real(name)
    for study in [claim.study for claim in claims if claim.study is not None]:
        params = studies.get(study.study).params(study.params)
        assert params.get("devices", "") not in devices.names() or real_devices(params["devices"])
    folder = Path(os.environ.get("NASREPRO_REPEATS") or tmp_path)
    found = [
        each for block in range(1, BLOCKS + 1) for each in repeat(claims, everything, folder, block)
    ]
    flips = [
        f"{each.claim}: {each.verdict} with seed block {each.block}"
        for each in found
        if each.flipped
    ]
    record_property("flip_rate", len(flips) / len(found))
    assert not flips, f"{len(flips)} of {len(found)} verdicts changed: {'; '.join(flips)}"
