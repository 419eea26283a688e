"""Keys of rankings for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nasrepro.suite.experiments.kinds.ranking import RankKey


def rank_key(scorer: str, **changes: Any) -> RankKey:
    """Of CIFAR-10 on NAS-Bench-201, but for what `changes` has."""
    epochs, resamples, seed = 200, 1000, 0
    key = RankKey(
        scorer,
        "s" * 64,
        "nasbench201",
        "f" * 64,
        "cifar10",
        epochs,
        "test_accuracy",
        resamples,
        seed,
    )
    return replace(key, **changes)
