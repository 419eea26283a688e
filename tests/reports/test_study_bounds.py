"""Bounds of studies' columns: of studies and columns that exist, where intervals end."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import pytest

from nasrepro.reports.tables.studies import BOUNDS, study_tables
from nasrepro.suite.experiments.kinds.study import StudyKey
from nasrepro.suite.registry import studies

RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize("name", BOUNDS)
def test_the_columns_are_those_of_the_study(name: str) -> None:
    assert studies.has(name)
    seen: dict[str, set[str]] = {}
    for path in RESULTS.glob("study-*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                seen.setdefault(row["study"], set()).update(row)
    if name in seen:  # the last full run had it
        assert {f"{column}_mean" for column in BOUNDS[name]} <= seen[name]


@pytest.mark.parametrize(("name", "high"), [("oneproxy.loop", 1.0), ("compactnet.schedule", 4.0)])
def test_an_interval_ends_at_the_bounds_of_its_own_study(name: str, high: float) -> None:
    """`reused` is a share in one study alone; here both measure it."""
    records = [
        SimpleNamespace(
            key=StudyKey(name, "", {}, {}, seed),
            status="done",
            by=("of",),
            rows=({"of": "all", "reused": value},),
            error="",
        )
        for seed, value in enumerate([0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    ]
    (table,) = study_tables(records, 0)
    place = [column.name for column in table.columns].index("reused")
    _, _, end = table.rows[0][place].values
    assert (end == 1.0) if high == 1.0 else (1.0 < end < high)
