"""Scatter of rank correlations over draws: against rankings of each draw alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import load_oracle, scorers, studies
from nasrepro.suite.scoring import ScoringSetting, sample, score, scored

CELLS = 12
OURS = {"oracle": "digits201", "networks": CELLS, "batch": 16, "epochs": 30, "channels": 2}


def test_the_spread_is_that_of_rankings_by_each_seed() -> None:
    entry = studies.get("draws.spread")
    given = entry.params({**OURS, "draw_seeds": [0, 5, 2], "scorers": ["zico", "snip"]})
    rows = {row["scorer"]: row for row in entry.measure(np.random.default_rng(0), **given)}
    oracle = load_oracle("digits201")
    values = oracle.query_many(dataset="digits", epochs=30)["test_accuracy"]
    for name, row in rows.items():
        taus, rhos = [], []
        for seed in (0, 5, 2):
            setting = ScoringSetting(batch=16, seed=seed, network={"channels": 2, "cells": 1})
            archs = [oracle.archs()[index] for index in sample(oracle, CELLS)]
            table = score(oracle, [scorers.get(name)], archs, setting)
            ranked, found, *_ = scored(oracle, table, name, CELLS)
            taus.append(kendalltau(found, values[ranked]).statistic)
            rhos.append(spearmanr(found, values[ranked]).statistic)
        assert row["draws"] == 3
        assert len(set(taus)) > 1
        assert row["kendall"] == pytest.approx(np.mean(taus))
        assert row["kendall_sd"] == pytest.approx(np.std(taus, ddof=1))
        assert row["spearman_sd"] == pytest.approx(np.std(rhos, ddof=1))


def test_one_draw_has_no_spread() -> None:
    entry = studies.get("draws.spread")
    given = entry.params({**OURS, "draw_seeds": [3, 3]})
    with pytest.raises(NasreproError, match="at least two seeds"):
        entry.measure(np.random.default_rng(0), **given)
