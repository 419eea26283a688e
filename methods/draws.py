"""How far another draw of initial weights and images moves a scorer's rank correlation.

Small networks of the same cells are scored `draws` times, each time by other weights and other
images; what is reported is the standard deviation of the coefficient over those draws. The verdicts
on rankings have it in their intervals (`suite/claims/margins.py`, DRAW).

Deviations: no paper's; networks of 4 channels and one cell a stage by default, so that it takes
minutes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nasrepro.suite.registry import load_oracle, study
from nasrepro.suite.registry import scorers as registered
from nasrepro.suite.scoring import ScoringSetting, sample, score, scored
from nasrepro.suite.statistics import kendall, spearman


@study(
    "draws.spread",
    paper="none",
    by=("scorer", "dataset"),
    oracle="nasbench201",
    scorers=("zico",),
    networks=150,
    draws=4,
    channels=4,
    cells=1,
    batch=128,
    data="",
    epochs=200,
)
def spread(
    rng: np.random.Generator,
    *,
    oracle: str,
    scorers: tuple[str, ...],
    networks: int,
    draws: int,
    channels: int,
    cells: int,
    batch: int,
    data: str,
    epochs: int,
) -> list[dict[str, Any]]:
    """Mean and standard deviation of each coefficient over the draws, on every data set.

    Args:
        rng: seeds the draws.
        oracle: whose networks.
        scorers: what scores them.
        networks: how many, the first of the fixed random order.
        draws: of weights and images.
        channels: of the first stage; 16 in the benchmark.
        cells: of each stage; 5 in the benchmark.
        batch: images of a batch.
        data: images, as in a scoring setting.
        epochs: of the trainings whose test accuracy is ranked.
    """
    opened = load_oracle(oracle)
    entries = [registered.get(name) for name in scorers]
    archs = [opened.archs()[row] for row in sample(opened, networks)]
    tables = [
        score(
            opened,
            entries,
            archs,
            ScoringSetting(
                batch=batch,
                data=data,
                seed=int(seed),
                network={"channels": channels, "cells": cells},
            ),
        )
        for seed in rng.integers(2**31, size=draws)
    ]
    rows = []
    for name in scorers:
        for dataset in opened.info.datasets:
            target = opened.info.target_of(dataset.name).name
            values = opened.query_many(dataset=dataset.name, epochs=epochs)[target]
            taus, rhos = [], []
            for table in tables:
                ranked, scores, *_ = scored(opened, table, name, networks)
                taus.append(kendall(scores, values[ranked]))
                rhos.append(spearman(scores, values[ranked]))
            rows.append(
                {
                    "scorer": name,
                    "dataset": dataset.name,
                    "networks": networks,
                    "draws": draws,
                    "kendall": float(np.mean(taus)),
                    "kendall_sd": float(np.std(taus, ddof=1)),
                    "spearman": float(np.mean(rhos)),
                    "spearman_sd": float(np.std(rhos, ddof=1)),
                }
            )
    return rows
