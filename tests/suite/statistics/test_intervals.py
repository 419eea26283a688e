"""Intervals, paired tests, Holm and ranks: by hand, by property, and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, t, trim_mean, wilcoxon

from nasrepro.suite import statistics as stats

numbers = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))
samples = st.lists(numbers, min_size=2, max_size=30)


def test_an_interval_is_at_least_students():
    """Of symmetric values the bootstrap is hardly wider; of skewed ones it is, on the long side."""
    even = np.linspace(-1.0, 1.0, 21)
    half = t.ppf(0.975, 20) * even.std(ddof=1) / math.sqrt(21)
    result = stats.mean_interval(even)
    assert (result.value, result.n, result.level) == (pytest.approx(0, abs=1e-12), 21, 0.95)
    assert 1 <= -result.low / half < 1.1 and 1 <= result.high / half < 1.1
    skewed = np.array([0.0, 0.1, 0.1, 0.2, 0.3, 0.3, 0.4, 3.0])
    half = t.ppf(0.975, 7) * skewed.std(ddof=1) / math.sqrt(8)
    result = stats.mean_interval(skewed)
    assert skewed.mean() - result.low == pytest.approx(half)
    assert 1.2 * half < result.high - skewed.mean() <= 3 * half * (1 + 1e-9)


def test_an_interval_by_the_definition_of_the_studentised_bootstrap():
    data = np.random.default_rng(3).exponential(size=12)
    error = data.std(ddof=1) / math.sqrt(12)
    drawn = data[np.random.default_rng(5).integers(12, size=(40_000, 12))]
    ratios = (drawn.mean(axis=1) - data.mean()) / (drawn.std(axis=1, ddof=1) / math.sqrt(12))
    student = t.ppf(0.975, 11)
    low, high = np.quantile(ratios, [0.025 / 3, 0.975])  # the tail is on the right
    low = max(low, -3 * student)  # no end is farther
    expected = data.mean() - error * max(high, student), data.mean() - error * min(low, -student)
    result = stats.mean_interval(data, resamples=40_000)
    assert (result.low, result.high) == pytest.approx(expected, abs=0.1 * error)
    mirrored = stats.mean_interval(-data, resamples=40_000)
    assert (mirrored.high, mirrored.low) == pytest.approx((-result.low, -result.high), rel=0.01)


def test_many_values_take_halls_expansion():
    data = np.random.default_rng(3).exponential(size=100)
    away = data - data.mean()
    skewness = (away**3).mean() / (away**2).mean() ** 1.5
    student, error = t.ppf(0.975, 99), data.std(ddof=1) / 10
    shift = skewness * (2 * student**2 + 1) / 60
    result = stats.mean_interval(data)
    assert result.low == pytest.approx(data.mean() - student * error)
    assert result.high == pytest.approx(data.mean() + (student + shift) * error)


@pytest.mark.parametrize("values", [[0.7], [0.1, 0.2, 0.3, 0.4], [0.1 + 0.2] * 9 + [0.3]])
@pytest.mark.parametrize(
    "function", [stats.mean_interval, lambda values: stats.stratified_mean({"a": values})]
)
def test_few_values_and_equal_ones_have_no_interval(function, values):
    result = function(values)
    assert (result.value, result.n) == (pytest.approx(np.mean(values)), len(values))
    assert math.isnan(result.low) and math.isnan(result.high)


@settings(deadline=None)
@given(st.lists(numbers, min_size=5, max_size=30))
def test_intervals_contain_the_estimate(values):
    for result in (
        stats.mean_interval(values, resamples=300),
        stats.stratified_mean({"a": values, "b": values}, resamples=300),
    ):
        assert math.isnan(result.low) or result.low < result.value < result.high


@pytest.mark.parametrize(
    "function",
    [
        stats.mean_interval,
        lambda values, **options: stats.stratified_mean({"a": values, "b": values}, **options),
        lambda values, **options: stats.paired_test(values, values[::-1], **options),
    ],
)
def test_same_seed_same_result_and_global_state_untouched(function):
    values = np.random.default_rng(0).exponential(size=20)
    np.random.seed(1)  # noqa: NPY002
    untouched = np.random.random()  # noqa: NPY002
    first = function(values, seed=3, resamples=50)
    np.random.seed(1)  # noqa: NPY002
    assert function(values, seed=3, resamples=50) == first
    assert np.random.random() == untouched  # noqa: NPY002


def test_other_seed_other_interval():
    data = np.random.default_rng(0).exponential(size=20)
    assert stats.mean_interval(data, seed=0, resamples=100) != stats.mean_interval(
        data, seed=1, resamples=100
    )


@pytest.mark.parametrize(("size", "margin"), [(5, 0.04), (10, 0.04), (20, 0.02), (50, 0.02)])
@pytest.mark.parametrize("skewed", [False, True])
def test_coverage(size, margin, skewed):
    """Normal and exponential values; 3 standard errors of 1,500 trials are 1.7 %."""
    rng = np.random.default_rng(size)
    draw = rng.exponential if skewed else rng.standard_normal
    data = draw(size=(size, 1500))
    _, low, high = stats.mean_band(data, resamples=500)
    covered = ((low <= skewed) & (skewed <= high)).mean()
    assert abs(covered - 0.95) <= margin + 0.017


def test_iqm_by_hand():
    assert stats.iqm([100.0, 1.0, 2.0, -50.0]) == 1.5
    # Of 5 values, 1.25 go at each end: the second and fourth count by three quarters.
    assert stats.iqm([0.0, 1.0, 2.0, 4.0, 90.0]) == pytest.approx((0.75 * 1 + 2 + 0.75 * 4) / 2.5)


@settings(deadline=None)
@given(
    st.integers(1, 6).flatmap(
        lambda quarter: st.lists(numbers, min_size=4 * quarter, max_size=4 * quarter)
    )
)
def test_iqm_is_scipys_trimmed_mean_where_four_divides_n(values):
    assert stats.iqm(values) == pytest.approx(trim_mean(values, 0.25), abs=1e-9)


def test_stratified_mean_weighs_tasks_alike():
    result = stats.stratified_mean({"a": [1.0] * 9, "b": [3.0, 5.0] * 3})
    assert (result.value, result.n) == (2.5, 15)
    # "a" never varies, so half of what the interval of "b" alone is
    alone = stats.mean_interval([3.0, 5.0] * 3)
    assert result.high - result.low == pytest.approx((alone.high - alone.low) / 2, rel=0.2)


def test_stratified_interval_is_shorter_than_the_pooled_one():
    rng = np.random.default_rng(0)
    groups = {str(task): 10.0 * task + rng.normal(size=20) for task in range(4)}
    inside = stats.stratified_mean(groups, resamples=1000)
    pooled = stats.mean_interval(np.concatenate(list(groups.values())))
    assert inside.value == pytest.approx(pooled.value)
    assert inside.high - inside.low < (pooled.high - pooled.low) / 5


def test_paired_test_by_hand():
    a, b = np.array([2.0, 4.0, 6.0, 8.0, 11.0]), np.array([1.0, 2.0, 3.0, 4.0, 6.0])
    result = stats.paired_test(a, b)
    assert result.difference.value == 3.0
    assert result.p_value == 2 / 2**5  # all five signs alike
    assert stats.paired_test(b, a).difference.value == -3.0
    assert stats.paired_test(b, a).p_value == result.p_value


def test_paired_test_uses_the_pairs():
    rng = np.random.default_rng(0)
    seed_effect = rng.normal(0, 100, size=30)
    result = stats.paired_test(seed_effect + 1 + rng.normal(0, 0.1, size=30), seed_effect)
    assert 0.9 < result.difference.low < 1 < result.difference.high < 1.1
    assert result.p_value < 1e-5


def test_equal_values_have_no_deviation():
    values = [0.1 + 0.2] * 3 + [0.3] * 2
    assert np.std(values, ddof=1) > 0 and stats.deviation(values) == 0.0
    assert stats.deviation([1.0, 2.0, 3.0]) == 1.0


def test_paired_test_of_equal_results():
    result = stats.paired_test([0.5, 0.6, 0.7], [0.5, 0.6, 0.7])
    assert result.p_value == 1.0
    assert result.difference.value == 0 and math.isnan(result.difference.low)


def test_paired_test_with_some_equal_results():
    a, b = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), np.array([1.0, 2.0, 2.0, 2.0, 2.0, 7.0])
    assert stats.paired_test(a, b).p_value == wilcoxon(a, b).pvalue


def test_holm_by_hand():
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert stats.holm([0.2]).tolist() == [0.2]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.randoms())
def test_holm_properties(p_values, random):
    adjusted = stats.holm(p_values)
    order = np.argsort(p_values)
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (adjusted >= p_values).all() and (
        adjusted <= np.minimum(1, len(p_values) * np.array(p_values))
    ).all()
    shuffle = random.sample(range(len(p_values)), len(p_values))
    assert stats.holm(np.array(p_values)[shuffle]) == pytest.approx(adjusted[shuffle])


def test_average_ranks_by_hand():
    assert stats.average_ranks([[0.9, 0.8, 0.8], [0.1, 0.3, 0.2]]).tolist() == [2.0, 1.75, 2.25]
    assert stats.average_ranks([[5, 5, 5]]).tolist() == [2.0, 2.0, 2.0]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=8))
def test_average_ranks_are_scipys(table):
    assert stats.average_ranks(table) == pytest.approx(
        rankdata(-np.array(table), axis=1).mean(axis=0)
    )


def test_rank_test_is_demsars():
    """The worked example of Demsar 2006, Sec. 3.2.2.

    Four classifiers, 14 data sets, CD 1.25 at 0.05.
    """
    table = np.random.default_rng(0).normal(size=(14, 4))
    assert stats.rank_test(table).critical_difference == pytest.approx(1.25, abs=0.005)
    assert stats.rank_test(np.ones((6, 2)) * [1, 0]).critical_difference == pytest.approx(
        1.960 * math.sqrt(6 / 36), abs=1e-3
    )
    ten = stats.rank_test(np.random.default_rng(0).normal(size=(5, 10)), level=0.1)
    assert ten.critical_difference == pytest.approx(2.920 * math.sqrt(110 / 30), abs=2e-3)


def test_rank_test_finds_who_differs():
    clear = np.arange(5.0)[None, :] + np.zeros((40, 1))
    result = stats.rank_test(clear)
    assert result.ranks.tolist() == [5, 4, 3, 2, 1] and result.tasks == 40
    assert result.p_value < 1e-20 and result.critical_difference == pytest.approx(
        2.728 * math.sqrt(30 / 240), abs=1e-3
    )
    assert result.cliques == ()  # neighbours are a rank apart, the critical difference is 0.96
    few = stats.rank_test(clear[:10])  # 1.93
    assert few.cliques == ((4, 3), (3, 2), (2, 1), (1, 0))
    assert stats.rank_test(clear[:4]).cliques == ((4, 3, 2, 1), (3, 2, 1, 0))  # 3.05
    assert stats.rank_test(np.zeros((3, 3))).p_value == 1 and stats.rank_test(
        np.zeros((3, 3))
    ).cliques == ((0, 1, 2),)


def test_a_band_is_pointwise_the_mean_and_its_interval():
    curves = np.random.default_rng(3).normal(size=(40, 4))
    curves[:, 2] = [np.nan, *np.zeros(39)]
    curves[:, 3] = 1
    mean, low, high = stats.mean_band(curves)
    for step in range(2):
        plain = stats.mean_interval(curves[:, step])
        assert (mean[step], low[step], high[step]) == pytest.approx(
            (plain.value, plain.low, plain.high)
        )
    assert np.isnan([mean[2], low[2], high[2], low[3], high[3]]).all() and mean[3] == 1


def test_time_to_reach_counts_those_that_never_did():
    some = stats.time_to_reach([1.0, 2.0, 3.0, math.inf, math.inf])
    assert (some.n, some.share, some.median) == (5, 0.6, 3.0)
    assert some.low <= 3.0 <= some.high == math.inf
    assert (
        stats.time_to_reach([1.0, 2.0, math.inf, math.inf]).median == 2.0
    )  # half of them had, at 2
    assert stats.time_to_reach([1.0, math.inf, math.inf]).median == math.inf
    one = stats.time_to_reach([4.0])
    assert (one.share, one.median) == (1, 4) and math.isnan(one.low) and math.isnan(one.high)
    draws = np.random.default_rng(0)
    values = draws.exponential(size=37)
    medians = np.sort(draws.choice(values, size=(40_000, 37)), axis=1)[:, 18]
    exact = stats.time_to_reach(values)
    low, high = np.quantile(medians, [0.025, 0.975], method="inverted_cdf")
    ranks = np.searchsorted(np.sort(values), [exact.low, exact.high, low, high])
    assert exact.median == np.median(values) and (abs(ranks[:2] - ranks[2:]) <= 1).all()
    never = stats.time_to_reach([math.inf] * 3)
    assert (never.share, never.median, never.low, never.high) == (0, math.inf, math.inf, math.inf)


def test_percentile_interval_and_undefined_results():
    assert stats.percentile_interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))
    few = np.concatenate([np.arange(101.0), [np.nan] * 5])
    assert stats.percentile_interval(few, 0.9) == pytest.approx((5, 95))
    assert np.isnan(stats.percentile_interval([np.nan, np.nan, 1.0, 2.0], 0.95)).all()
    assert np.isnan(stats.percentile_interval([np.nan], 0.95)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.mean_interval([]), "values is empty"),
        (lambda: stats.iqm([]), "values is empty"),
        (lambda: stats.stratified_mean({}), "groups is empty"),
        (
            lambda: stats.stratified_mean({"cifar10": [1.0], "cifar100": []}),
            "group 'cifar100' is empty",
        ),
        (lambda: stats.paired_test([], []), "a is empty"),
        (lambda: stats.holm([]), "p_values is empty"),
        (lambda: stats.average_ranks([]), "table is empty"),
        (lambda: stats.average_ranks([[]]), "table is empty"),
        (lambda: stats.percentile_interval([], 0.95), "samples is empty"),
        (lambda: stats.paired_test([1.0, 2.0], [1.0]), "a has 2 values and b 1"),
        (lambda: stats.mean_interval([1.0, math.nan]), "position 1"),
        (lambda: stats.mean_interval([[1.0]]), "one-dimensional"),
        (lambda: stats.mean_interval([1.0], level=95), "level"),
        (lambda: stats.mean_interval([1.0], resamples=0), "resamples"),
        (lambda: stats.holm([0.5, 1.5]), r"\[0, 1\]"),
        (lambda: stats.average_ranks([1.0, 2.0]), "tasks, methods"),
        (lambda: stats.rank_test([[1.0, 2.0]]), "two tasks and two methods at least, not 1 and 2"),
        (lambda: stats.rank_test([[1.0, 2.0], [2.0, 1.0]], level=5), "level"),
        (lambda: stats.mean_band([]), "curves must be"),
        (lambda: stats.mean_band([[1.0]], level=1), "level"),
        (lambda: stats.time_to_reach([]), "times must be"),
        (lambda: stats.time_to_reach([math.nan]), "times must be"),
        (lambda: stats.time_to_reach([1.0], level=0), "level"),
        (lambda: stats.average_ranks([[1.0, math.nan]]), "task 0, method 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
