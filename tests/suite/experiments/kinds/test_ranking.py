"""Rankings of a table by a scorer."""

import numpy as np
import pytest

from nasrepro.suite.experiments.kinds.ranking import RankingSetting, RankRecord, rank_key
from nasrepro.suite.registry import load_oracle, scorers


def test_best_found_is_the_mean_of_all_that_tie():
    """64 cells of digits201 have six 3x3 convolutions that count; the first is not the best."""
    oracle = load_oracle("digits201")
    key = rank_key(oracle, "live_conv_count", "digits", 30, resamples=2)
    setting = RankingSetting(key, oracle, scorers.get(key.scorer))
    rows, values = setting.targets()
    dataset = oracle.info.dataset("digits")
    scorer = scorers.get("live_conv_count")
    scores = np.array([scorer.score(oracle.space, oracle.archs()[r], dataset) for r in rows])
    record = setting.record(rows, values, scores, 0.0)
    top = scores == scores.max()
    assert record.best_tied == top.sum() > 1
    assert record.best_value == pytest.approx(values[top].mean())
    assert record.best_arch == oracle.space.format(oracle.archs()[rows[np.argmax(top)]])
    assert RankRecord.from_json(record.to_json()).best_tied == record.best_tied
    for flat in (np.zeros(rows.size), np.full(rows.size, np.nan)):
        nothing = setting.record(rows, values, flat, 0.0)
        assert (nothing.best_arch, nothing.best_value) == ("", None)
    shared = np.r_[np.full(3, 9.0), np.full(rows.size - 3, np.nan)]
    assert setting.record(rows, values, shared, 0.0).best_value == pytest.approx(values[:3].mean())
