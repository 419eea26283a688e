"""How far another draw of initial weights and images moves a scorer's rank correlation.

The same cells are scored with several seeds of a scoring setting, each time by other weights and
other images; what is reported is the standard deviation of the coefficient over those draws. The
verdicts on rankings have it in their intervals (`suite/claims/margins.py`, DRAW).

Deviations: no paper's; networks of 4 channels and one cell a stage by default, so that it takes
minutes. The plan `draws` has the published ones, whose scores ship.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nasrepro.suite.errors import NasreproError
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
    draw_seeds=(0, 1, 2, 3),
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
    draw_seeds: tuple[int, ...],
    channels: int,
    cells: int,
    batch: int,
    data: str,
    epochs: int,
) -> list[dict[str, Any]]:
    """Mean and standard deviation of each coefficient over the draws, on every data set.

    Args:
        rng: unused; the draws have their seeds, so that scores that ship are read.
        oracle: whose networks.
        scorers: what scores them.
        networks: how many, the first of the fixed random order.
        draw_seeds: of weights and images, at least two.
        channels: of the first stage; 16 in the benchmark.
        cells: of each stage; 5 in the benchmark.
        batch: images of a batch.
        data: images, as in a scoring setting.
        epochs: of the trainings whose test accuracy is ranked.
    """
    if len(set(draw_seeds)) < 2:
        raise NasreproError(f"draws.spread: draw_seeds {draw_seeds} must be at least two seeds")
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
                seed=seed,
                network={"channels": channels, "cells": cells},
            ),
        )
        for seed in draw_seeds
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
                    "draws": len(draw_seeds),
                    "kendall": float(np.mean(taus)),
                    "kendall_sd": float(np.std(taus, ddof=1)),
                    "spearman": float(np.mean(rhos)),
                    "spearman_sd": float(np.std(rhos, ddof=1)),
                }
            )
    return rows
