"""Incumbents of many runs as one array, against the plain loops over runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from nasrepro.reports.anytime import curves_at, moments_of, times_to
from nasrepro.reports.groups import Curves
from nasrepro.suite.experiments.columns import PACKED
from nasrepro.suite.oracle import Metric

RNG = np.random.default_rng(0)
#: Runs of 0 to 6 incumbents: queries, seconds, score, target.
RUNS = [np.sort(RNG.uniform(1, 50, (size, 4)), axis=0).round(3) for size in (3, 0, 1, 6, 0, 2)]
RUNS[3][:, 3] = np.nan  # diverged


def group(runs: list[Any]) -> Any:
    curves = Curves.joined([run.astype(PACKED).tobytes() for run in runs])
    ends = np.array([run[-1, 0] if len(run) else 0 for run in runs])
    return SimpleNamespace(curves=curves, costs={"queries": ends}, seeds=ends, failed={})


def test_what_runs_held_at_moments() -> None:
    moments = np.array([0.5, 10.0, RUNS[0][1, 0], 25.0, 99.0])
    held = np.full((len(RUNS), len(moments)), np.nan)
    for row, run in enumerate(RUNS):
        for column, moment in enumerate(moments):
            if (before := run[run[:, 0] <= moment]).size:
                held[row, column] = before[-1, 3]
    np.testing.assert_array_equal(curves_at(group(RUNS), moments, "queries"), held)
    assert np.isnan(curves_at(group([RUNS[1]]), moments, "queries")).all()
    starts = [run[0, 0] for run in RUNS if len(run)]
    assert moments_of([group(RUNS)], "queries")[0] == round(max(starts))
    assert not moments_of([group([RUNS[1]])], "queries").size


def test_when_runs_reached_a_goal() -> None:
    for higher in (True, False):
        target = Metric("target", "fraction", "test", higher, (0, 50))
        times = []
        for run in RUNS:
            good = run[run[:, 3] >= 20] if higher else run[run[:, 3] <= 20]
            times.append(good[0, 1] if good.size else np.inf)
        assert times_to(group(RUNS), 20.0, target, "clock_s").tolist() == times


def test_some_of_the_runs() -> None:
    kept = np.array([3, 1, 0])
    chosen = group(RUNS).curves.only(kept)
    alone = Curves.joined([RUNS[row].astype(PACKED).tobytes() for row in kept])
    np.testing.assert_array_equal(chosen.rows, alone.rows)
    assert chosen.starts.tolist() == alone.starts.tolist() and len(chosen) == 3
