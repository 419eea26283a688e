"""Rank agreement, regret and density.

By hand, by property, and against scipy on written-out resamples.
"""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from nasrepro.suite import statistics as metrics
from nasrepro.suite.statistics import resampling

NAN, INF = math.nan, math.inf
FEW = st.integers(-5, 5)


def pairs(low, high, values=FEW):
    """Two equally long lists with many ties."""
    return st.lists(st.tuples(values, values), min_size=low, max_size=high).map(
        lambda rows: tuple(map(list, zip(*rows, strict=True)))
    )


def varies(scores, target):
    return len(set(scores)) > 1 and len(set(target)) > 1


def test_kendall_and_spearman_by_hand():
    assert metrics.kendall([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(4 / 6)
    assert metrics.spearman([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert metrics.kendall([3, 2, 1], [1, 2, 3]) == -1.0  # signed
    # Ties, tau-b: 5 concordant pairs, one tied in the scores alone: 5 / sqrt(5 * 6).
    assert metrics.kendall([1, 1, 2, 3], [1, 2, 3, 4]) == pytest.approx(5 / math.sqrt(30))


@pytest.mark.parametrize("function", [metrics.kendall, metrics.spearman])
def test_scores_that_are_not_finite_rank_worst_and_tied(function):
    target = [5, 1, 4, 2, 3]
    assert function([9.0, NAN, 7.0, INF, -2.0], target) == function([9, -99, 7, -99, -2], target)
    assert function([9.0, -INF, 7.0, NAN, -2.0], target) == function([9, -99, 7, -99, -2], target)


@pytest.mark.parametrize("function", [metrics.kendall, metrics.spearman, metrics.top_kendall])
def test_constant_input_has_no_correlation(function):
    assert math.isnan(function([1, 1, 1], [1, 2, 3]))
    assert math.isnan(function([1, 2, 3], [1, 1, 1]))
    assert math.isnan(function([NAN, INF, -INF], [1, 2, 3]))
    assert math.isnan(function([1], [1]))


def test_the_caller_may_name_what_stands_for_a_constant():
    assert (
        metrics.spearman([1, 1, 1], [1, 2, 3], constant=-1.0)
        == -1
        == metrics.spearman([1, 2, 3], [1, 1, 1], constant=-1.0)
    )
    assert metrics.spearman([1, 2, 2], [1, 2, 3], constant=-1.0) == pytest.approx(math.sqrt(3) / 2)


def test_a_diverged_training_counts_as_nothing_or_as_the_worst_loss():
    assert metrics.finite([0.3, -INF, 0.9, NAN]).tolist() == [0.3, 0, 0.9, 0]
    assert metrics.finite([-0.3, -INF, -0.9]).tolist() == [-0.3, -0.9, -0.9]
    assert metrics.finite([-INF, NAN]).tolist() == [0, 0]


@pytest.mark.parametrize(
    "function",
    [
        metrics.kendall,
        metrics.spearman,
        metrics.top_kendall,
        lambda scores, target: metrics.precision_at(scores, target, 0.1),
        lambda scores, target: metrics.rank_agreement(scores, target, resamples=10, seed=0),
    ],
)
@pytest.mark.parametrize(
    ("scores", "target", "message"),
    [
        ([1, 2], [1.0, NAN], "position 1"),
        ([1, 2], [INF, 1.0], "not finite"),
        ([], [], "empty"),
        ([1, 2, 3], [1, 2], "equally long"),
        ([[1, 2]], [[1, 2]], "one-dimensional"),
    ],
)
def test_bad_input(function, scores, target, message):
    with pytest.raises(ValueError, match=message):
        function(scores, target)


@settings(deadline=None)
@given(pairs(2, 40))
def test_correlations_are_scipys_invariant_and_antisymmetric(data):
    scores, target = map(np.array, data)
    for function, reference in ((metrics.kendall, kendalltau), (metrics.spearman, spearmanr)):
        value = function(scores, target)
        assert math.isnan(value) != varies(*data)
        if varies(*data):
            assert value == pytest.approx(reference(scores, target).statistic)
            assert function(scores**3 + 7.0, np.exp(target)) == pytest.approx(value)
            assert function(-scores, target) == pytest.approx(-value)
            assert function(target, scores) == pytest.approx(value)


def test_top_kendall_by_hand():
    target = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    scores = [0, 0, 0, 0, 0, 0, 0, 1, 3, 2]
    assert metrics.top_kendall(scores, target, 0.3) == pytest.approx(1 / 3)
    assert metrics.top_kendall(scores, target, 1.0) == metrics.kendall(scores, target)
    assert math.isnan(metrics.top_kendall(scores, target, 0.1))  # one architecture has no order
    # The top two by target are three when the third equals the second.
    assert metrics.top_kendall([5, 1, 2, 3], [0, 7, 7, 9], 0.5) == metrics.kendall(
        [1, 2, 3], [7, 7, 9]
    )


def test_precision_by_hand():
    target = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert metrics.precision_at(target, target, 0.2) == 1.0
    assert metrics.precision_at([1, 0, 0, 0, 0, 0, 0, 0, 0, 2], target, 0.2) == 0.5
    assert metrics.precision_at(np.negative(target), target, 0.2) == 0.0
    # One seat goes to the first; the other is drawn from three, one of them a hit.
    assert metrics.precision_at([9, 5, 5, 5, 0, 0, 0, 0, 0, 0], target, 0.2) == pytest.approx(
        (1 + 1 / 3) / 2
    )
    # Equal targets at the cut are all in the top.
    assert metrics.precision_at([0, 0, 5, 6], [9, 8, 8, 1], 0.5) == 0.5
    assert metrics.precision_at([0, 0, 5, 6], [9, 8, 7, 1], 0.5) == 0.0
    assert math.isnan(metrics.precision_at([1, 1], [1, 2], 0.5))
    assert math.isnan(metrics.precision_at([1, 2], [1, 1], 0.5))


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.5, 10, NAN])
def test_bad_fraction(fraction):
    for function in (metrics.top_kendall, metrics.precision_at):
        with pytest.raises(ValueError, match="fraction"):
            function([1, 2], [1, 2], fraction)


@settings(deadline=None)
@given(pairs(3, 6, st.integers(0, 2)), st.sampled_from([0.2, 0.5, 0.8]))
def test_precision_is_the_mean_over_all_ways_to_break_ties(data, fraction):
    scores, target = data
    value = metrics.precision_at(scores, target, fraction)
    if not varies(scores, target):
        assert math.isnan(value)
        return
    size = max(1, round(fraction * len(scores)))
    cut = sorted(target)[-size]
    ways = [
        np.mean([target[i] >= cut for i in sorted(order, key=lambda i: -scores[i])[:size]])
        for order in itertools.permutations(range(len(scores)))
    ]
    assert value == pytest.approx(np.mean(ways))


@settings(deadline=None)
@given(pairs(2, 60), st.integers(0, 2**32 - 1))
def test_resamples_by_counts_equal_resamples_written_out(data, seed):
    scores, target = np.array(data[0], dtype=float), np.array(data[1])
    scores[scores == 5] = NAN
    drawn = np.random.default_rng(seed).integers(scores.size, size=(4, scores.size))
    counts = np.array([np.bincount(row, minlength=scores.size) for row in drawn])
    got = metrics.resampled_correlations(scores, target, counts)
    for function, values in zip(
        (metrics.kendall, metrics.spearman, metrics.top_kendall), got, strict=True
    ):
        assert values == pytest.approx(
            [function(scores[row], target[row]) for row in drawn], abs=1e-12, nan_ok=True
        )


@pytest.mark.parametrize("n", [1000, 15_625])
def test_resamples_by_counts_are_exact_for_large_n(n):
    rng = np.random.default_rng(n)
    target = rng.normal(size=n)
    for scores in (-target + 0.1 * rng.normal(size=n), np.round(target + rng.normal(size=n))):
        drawn = rng.integers(n, size=(2, n))
        counts = np.array([np.bincount(row, minlength=n) for row in drawn])
        tau, rho, top = metrics.resampled_correlations(scores, target, counts)
        for number, row in enumerate(drawn):
            assert tau[number] == pytest.approx(
                kendalltau(scores[row], target[row]).statistic, abs=1e-13
            )
            assert rho[number] == pytest.approx(
                spearmanr(scores[row], target[row]).statistic, abs=1e-11
            )
            assert top[number] == pytest.approx(
                metrics.top_kendall(scores[row], target[row]), abs=1e-13
            )


def test_rank_agreement_is_the_plain_bootstrap():
    rng = np.random.default_rng(1)
    target = rng.normal(size=300)
    scores = np.round(target + rng.normal(size=300), 1)
    scores[:7] = NAN
    got = metrics.rank_agreement(scores, target, resamples=60, seed=11, level=0.9)
    drawn = np.random.default_rng(11).integers(300, size=(60, 300))
    for function in (metrics.kendall, metrics.spearman, metrics.top_kendall):
        assert getattr(got, function.__name__) == pytest.approx(function(scores, target), abs=1e-12)
        interval = np.quantile([function(scores[row], target[row]) for row in drawn], [0.05, 0.95])
        assert getattr(got, function.__name__ + "_ci") == pytest.approx(interval, abs=1e-12)
    assert (got.n, got.non_finite, got.top_n, got.status) == (300, 7, 30, "ok")
    assert got.precision_1 == metrics.precision_at(scores, target, 0.01)
    assert got.precision_10 == metrics.precision_at(scores, target, 0.1)


def test_rank_agreement_blocks_and_seeds(monkeypatch):
    rng = np.random.default_rng(1)
    target = rng.normal(size=50)
    scores = target + rng.normal(size=50)
    whole = metrics.rank_agreement(scores, target, resamples=100, seed=3)
    assert metrics.rank_agreement(scores, target, resamples=100, seed=4) != whole
    resampling.resample_counts.cache_clear()
    monkeypatch.setattr(resampling, "BLOCK", 1)
    assert metrics.rank_agreement(scores, target, resamples=100, seed=3) == whole


@settings(deadline=None)
@given(pairs(20, 40, st.integers(0, 50)))
def test_rank_agreement_intervals_contain_the_estimate(data):
    got = metrics.rank_agreement(*data, resamples=200, seed=0, level=0.99)
    if got.status == "ok":
        for value, (low, high) in ((got.kendall, got.kendall_ci), (got.spearman, got.spearman_ci)):
            assert math.isnan(low) or (-1 <= low <= value + 1e-12 and value - 1e-12 <= high <= 1)


def test_rank_agreement_coverage():
    """For a bivariate normal pair with correlation r, tau is 2 / pi * asin(r).

    The source is Kruskal, JASA 53, 1958.
    """
    rng, tau = np.random.default_rng(2), 2 / math.pi * math.asin(math.sqrt(0.5))
    hits = []
    for trial in range(250):
        target = rng.normal(size=80)
        low, high = metrics.rank_agreement(
            target + rng.normal(size=80), target, resamples=300, seed=trial
        ).kendall_ci
        hits.append(low <= tau <= high)
    assert 0.89 <= np.mean(hits) <= 0.99


@pytest.mark.parametrize(
    ("scores", "target", "status", "non_finite"),
    [
        ([1, 1, 1], [1, 2, 3], "constant", 0),
        ([1, 2, 3], [4, 4, 4], "constant", 0),
        ([NAN, INF, -INF], [1, 2, 3], "non-finite", 3),
        ([7], [1], "constant", 0),
    ],
)
def test_rank_agreement_without_an_order(scores, target, status, non_finite):
    got = metrics.rank_agreement(scores, target, resamples=10, seed=0)
    assert (got.status, got.n, got.non_finite) == (status, len(scores), non_finite)
    figures = (
        got.kendall,
        *got.kendall_ci,
        got.spearman,
        *got.spearman_ci,
        got.top_kendall,
        *got.top_kendall_ci,
    )
    assert np.isnan([*figures, got.precision_1, got.precision_10]).all()


def test_rank_agreement_with_failures_among_finite_scores_is_ok():
    got = metrics.rank_agreement([1.0, NAN], [2, 1], resamples=10, seed=0)
    assert (got.kendall, got.non_finite, got.status) == (1.0, 1, "ok")
    assert np.isnan(got.kendall_ci).all()  # half of the resamples hold one architecture twice


def test_rank_agreement_without_resamples():
    with pytest.raises(ValueError, match="resamples"):
        metrics.rank_agreement([1, 2], [1, 2], resamples=0, seed=0)


def test_regret():
    assert metrics.regret(0.75, 1.0) == 0.25
    assert metrics.regret(1.0, 0.75) == -0.25


def test_accuracy_density():
    assert metrics.accuracy_density(0.9, 2_000_000) == pytest.approx(45.0)  # % per million
    assert metrics.accuracy_density(0.0, 1) == 0.0
    for accuracy, count, message in (
        (94.4, 1e6, "fraction"),
        (NAN, 1e6, "fraction"),
        (0.9, 0, "positive"),
        (0.9, NAN, "positive"),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.accuracy_density(accuracy, count)


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(1, 1e9), st.floats(1, 100))
def test_accuracy_density_scales(accuracy, count, factor):
    density = metrics.accuracy_density(accuracy, count)
    assert metrics.accuracy_density(accuracy, count * factor) == pytest.approx(density / factor)
    assert density * count / 1e8 == pytest.approx(accuracy)


def test_import_is_light():
    """Importing, and ranking with intervals, loads neither scipy nor pandas nor torch."""
    code = (
        "import sys; from nasrepro.suite import statistics as metrics; "
        "metrics.rank_agreement([1, 2, 3], [1, 3, 2], resamples=5, seed=0);"
        "print([name for name in ('scipy', 'pandas', 'torch') if name in sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )
