"""How often the interval of a mean holds the true mean, beside what other intervals do.

    pytest tests/bench/bench_intervals.py --benchmark-only -s

Populations: normal, exponential and log-normal values, and the final regrets of 400 searches each
of the baselines on digits201, of 25 and of 150 queries (drawn from with replacement, so that the
true mean is known). Asked of ours: at most 2 points below 95 for 50 and 100 values; at most 2 below
for 20 and 4 below for 5 and 10 on ten of the twelve populations, and 5 below on the others. A tail
that 20 values have not met cannot be covered by any method that knows only them: below `NAMED`
values reports do not call it a 95 % interval. "Unguarded" is ours without the smaller error rate on
the side of the tail.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.statistics import intervals, mean_band

REPEATS, SIZES = 2000, (5, 10, 20, 50, 100)
BASELINES = ("random_search", "local_search", "regularized_evolution", "reinforce")
Values = NDArray[np.float64]


def regrets(name: str, queries: int, runs: int = 400) -> Values:
    """Final regrets of a baseline on digits201."""
    oracle, entry = load_oracle("digits201"), methods.get(name)
    target = oracle.query_many(dataset="digits", epochs=30)["test_accuracy"]
    found = []
    for seed in range(runs):
        session = Session(oracle, dataset="digits", epochs=12, budget=Budget(queries=queries))
        chosen = entry.run(session, np.random.default_rng(seed))
        values = oracle.query(chosen, dataset="digits", epochs=30).values
        found.append(float(target.max() - values["test_accuracy"]))
    return np.array(found)


def percentile(data: Values, rng: np.random.Generator) -> tuple[Values, Values]:
    shares = rng.multinomial(len(data), np.full(len(data), 1 / len(data)), size=1000) / len(data)
    low, high = np.quantile(shares @ data, [0.025, 0.975], axis=0)
    return low, high


def student(data: Values, rng: np.random.Generator) -> tuple[Values, Values]:
    half = stats.t.ppf(0.975, len(data) - 1) * data.std(axis=0, ddof=1) / np.sqrt(len(data))
    return data.mean(axis=0) - half, data.mean(axis=0) + half


def ours(data: Values, rng: np.random.Generator) -> tuple[Values, Values]:
    return mean_band(data)[1:]


def unguarded(data: Values, rng: np.random.Generator) -> tuple[Values, Values]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "TAIL", 1.0)
        return ours(data, rng)


def coverage(
    draw: Callable[[np.random.Generator, tuple[int, int]], Values],
    mean: float,
    interval: Callable[[Values, np.random.Generator], tuple[Values, Values]],
    size: int,
) -> float:
    """Share of the intervals there are that hold the mean, in percent."""
    rng = np.random.default_rng(size)
    low, high = interval(draw(rng, (size, REPEATS)), rng)
    there = np.isfinite(low)
    return float(100 * ((low <= mean) & (mean <= high))[there].mean())


def populations() -> dict[str, tuple[Callable[..., Values], float]]:
    known: dict[str, tuple[Callable[..., Values], float]] = {
        "normal": (lambda rng, shape: rng.normal(size=shape), 0.0),
        "exponential": (lambda rng, shape: rng.exponential(size=shape), 1.0),
        "log-normal, 0.5": (lambda rng, shape: rng.lognormal(0, 0.5, shape), np.exp(0.125)),
        "log-normal, 1": (lambda rng, shape: rng.lognormal(0, 1, shape), np.exp(0.5)),
    }
    for queries in (150, 25):
        for name in BASELINES:
            values = regrets(name, queries)
            known[f"{name}, {queries} queries"] = (
                lambda rng, shape, values=values: rng.choice(values, size=shape),
                float(values.mean()),
            )
    return known


def test_coverage(benchmark: pytest.FixtureRequest) -> None:
    data = np.random.default_rng(0).normal(size=(50, 1))
    benchmark(mean_band, data)  # type: ignore[operator]
    kinds = ours, unguarded, student, percentile
    print(f"\n{'':34s}" + "".join(f"{kind.__name__:^35s}" for kind in kinds))
    print(f"{'values':34s}" + "".join(f"{size:7d}" for _ in kinds for size in SIZES))
    low = []
    for name, (draw, mean) in populations().items():
        shares = [coverage(draw, mean, kind, size) for kind in kinds for size in SIZES]
        print(f"{name:34s}" + "".join(f"{share:7.1f}" for share in shares))
        assert min(shares[:3]) >= 90 and min(shares[3:5]) >= 93, name
        low += [name] if min(shares[:2]) < 91 or shares[2] < 93 else []
    assert len(low) <= 2
