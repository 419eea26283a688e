"""What is committed under results/ is what this code gives."""

from __future__ import annotations

import csv
import json
import lzma
import shutil
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

RESULTS = Path(__file__).parent.parent / "results"
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


def packed() -> list[dict]:
    """The lines of the packed store, its head first."""
    with lzma.open(RESULTS / "runs.jsonl.xz") as lines:
        return [json.loads(line) for line in lines]


def test_the_packed_store_is_the_one_behind_the_tables() -> None:
    head, *lines = packed()
    manifest = json.loads((RESULTS / "manifest.json").read_text(encoding="utf-8"))
    assert head["engine"] == manifest["engine"]
    counts = Counter(f"{line['kind']} {line['record']['status']}" for line in lines)
    assert dict(counts) == manifest["results"]
    times = [line["created"] for line in lines]
    assert (min(times), max(times)) == (manifest["first_result"], manifest["last_result"])
    runs = [line["record"] for line in lines if line["kind"] == "run"]
    table = RESULTS / "main-nasbench201-cifar10-12ep-12000-s-on-cifar10.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 20
    for row in rows:
        found = [
            run["reports"]["cifar10"]["metrics"]["test_accuracy"]
            for run in runs
            if run["key"]["oracle"] == "nasbench201"
            and run["key"]["method_sha256"] == row["method_sha256"]
            and run["key"]["params"] == json.loads(row["params"])
            and run["key"]["budget"] == {"queries": None, "seconds": 12_000.0}
            and run["key"]["protocol"]["report_datasets"][:1] == ["cifar10"]
        ]
        assert len(found) == int(row["seeds"]), row["label"]
        assert statistics.fmean(found) == pytest.approx(float(row["test_accuracy_mean"]), abs=1e-12)
