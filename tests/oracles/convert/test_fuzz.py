"""Damaged originals end as one error of ours, or they are read; see tests/bench/fuzz.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "bench" / "fuzz.py"


@pytest.mark.nightly
def test_no_mutant_crashes_hangs_or_prints_a_traceback() -> None:
    """2,000 of each format; of a slow converter as many as a minute holds."""
    arguments = ["--mutants", "2000", "--seconds", "60"]
    done = subprocess.run(
        [sys.executable, str(FUZZ), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
