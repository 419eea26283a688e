"""Two scorers on the same architectures, and a sample carried to the whole table."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nasrepro.suite.claims.comparisons import Comparisons
from nasrepro.suite.experiments.kinds.ranking import RankingSetting, RankRecord, rank_key
from nasrepro.suite.registry import load_oracle
from nasrepro.suite.statistics import kendall


@pytest.fixture
def rankings(monkeypatch) -> tuple[RankRecord, RankRecord]:
    """live_conv_count over 400 cells, as if it needed networks, and params over all."""
    oracle = load_oracle("digits201")
    rows = np.sort(np.random.default_rng(0).permutation(len(oracle.archs()))[:400])
    key = rank_key(oracle, "live_conv_count", "digits", 30, resamples=50)
    control = rank_key(oracle, "params", "digits", 30, resamples=50)
    scored = RankingSetting.scored

    def of_sample(self, within=None, progress=None):
        chosen = rows if self.key.sample else within
        return scored(self, chosen)

    monkeypatch.setattr(RankingSetting, "scored", of_sample)
    sampled = dataclasses.replace(key, sample=400)
    monkeypatch.setattr(Comparisons, "stored", lambda self, record: True)
    first, _ = RankingSetting.opened(key).rank(within=rows)
    second, _ = RankingSetting.opened(control).rank()
    return dataclasses.replace(first, key=sampled), second


def test_the_difference_is_over_the_architectures_that_both_rank(rankings):
    first, second = rankings
    rows, values, scores, *_ = RankingSetting.opened(first.key).scored()
    _, _, others, *_ = RankingSetting.opened(second.key).scored(within=rows)
    ours = Comparisons().difference(first, second, "kendall")
    assert ours.n == 400
    assert ours.value == pytest.approx(kendall(scores, values) - kendall(others, values))
    alone, _ = RankingSetting.opened(second.key).rank(within=rows)
    widths = [np.ptp(each.agreement["kendall_ci"]) for each in (first, alone)]
    assert ours.low < ours.value < ours.high
    assert ours.high - ours.low < np.hypot(*widths), "pairs: not two independent samples"
    turned = Comparisons().difference(second, first, "kendall")
    assert turned.value == pytest.approx(-ours.value)


def test_a_control_carries_a_sample_to_the_whole_table(rankings):
    first, second = rankings
    carried = Comparisons().by_control(first, second, "kendall")
    whole, _ = RankingSetting.opened(dataclasses.replace(first.key, sample=0)).rank()
    truth = whole.agreement["kendall"]
    assert carried.low < truth < carried.high
    assert abs(carried.value - truth) < abs(first.agreement["kendall"] - truth) + 0.02


def test_each_pair_is_resampled_once(rankings, monkeypatch):
    comparisons = Comparisons()
    first, second = rankings
    kept = comparisons.difference(first, second, "kendall")
    monkeypatch.setattr(RankingSetting, "scored", None)
    assert comparisons.difference(first, second, "kendall") == kept
    assert comparisons.difference(first, second, "spearman") != kept
