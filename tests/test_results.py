"""What is committed under results/ is what this code gives."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).parent.parent / "results" / "sample.sqlite"
#: What makes the sample anew, from the store of the last full run.
MAKE = (
    "rm results/sample.sqlite; nasrepro verify --store RUNS.sqlite --sample 20 --oracle digits201 "
    "--keep results/sample.sqlite"
)


def test_a_sample_of_the_results_is_verified(tmp_path: Path) -> None:
    """Run again in new processes; at most a change of last bits on another processor."""
    store = shutil.copy(SAMPLE, tmp_path)  # reading leaves SQLite's own files beside a store
    arguments = ["verify", "--store", str(store), "--sample", "20", "--json", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "nasrepro", *arguments],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert len(found) >= 10
    stale = [one["label"] for one in found if one["verdict"] == "not verified"]
    assert len(stale) < len(found) / 2, f"a sample of older sources; make it anew: {MAKE}"
