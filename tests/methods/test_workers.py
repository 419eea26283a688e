"""Wall clock of searches on simulated workers, on the table that ships."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.methods.workers import clock


def test_one_worker_waits_for_itself_and_more_are_faster_but_not_always_busy() -> None:
    rows = list(
        clock(
            np.random.default_rng(0),
            oracle="digits201",
            dataset="digits",
            seconds=8.0,
            counts=[1, 4],
            searches=["asha", "hyperband", "regularized_evolution"],
        )
    )
    assert [(row["method"], row["workers"]) for row in rows] == [
        (name, count) for name in ("asha", "hyperband", "regularized_evolution") for count in (1, 4)
    ]
    for alone, four in zip(rows[::2], rows[1::2], strict=True):
        assert alone["faster"] == 1 and alone["busy"] == pytest.approx(1)
        assert alone["wall_h"] * 3600 == pytest.approx(8, rel=0.2)
        assert four["faster"] == pytest.approx(alone["wall_h"] / four["wall_h"])
        assert 1 < four["faster"] < 4.5 and four["busy"] < 1
        assert min(alone["regret"], four["regret"]) >= 0
    by_rung, without = rows[3], rows[1]  # Hyperband waits for a rung's last training
    assert by_rung["busy"] < without["busy"]
