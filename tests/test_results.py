"""What is committed under results/ is what this code gives."""

from __future__ import annotations

import csv
import json
import lzma
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from nasrepro.suite.experiments.identity import ENGINE
from nasrepro.suite.experiments.kind import KINDS

RESULTS = Path(__file__).parent.parent / "results"
PACKED = Path(__file__).parent / "data" / "runs.jsonl.xz"
TABLE = "main-nasbench201-cifar10-12ep-12000-s-on-cifar10.csv"
SAMPLE = RESULTS / "sample.sqlite"
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


def test_the_packed_store_gives_the_numbers_of_the_tables() -> None:
    """It is the store behind them: of every row as many seeds, and the same mean."""
    with lzma.open(PACKED) as lines:
        head, *rest = (json.loads(line) for line in lines)
    assert head["engine"] == ENGINE
    assert {line["kind"] for line in rest} <= set(KINDS)
    runs = [line["record"] for line in rest if line["kind"] == "run"]
    with (RESULTS / TABLE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        found = [
            run["reports"]["cifar10"]["metrics"]["test_accuracy"]
            for run in runs
            if run["key"]["oracle"] == "nasbench201"
            and run["key"]["dataset"] == "cifar10"
            and run["key"]["method"] == row["method"]
            and run["key"]["params"] == json.loads(row["params"])
            and run["key"]["budget"] == {"queries": None, "seconds": 12_000.0}
        ]
        assert len(found) == int(row["seeds"]), row["label"]
        mean = pytest.approx(float(row["test_accuracy_mean"]), abs=1e-12)
        assert statistics.fmean(found) == mean, row["label"]
    assert len(rows) >= 20
