"""Recipes tried for the second edition of digits201, and the criteria that one must meet.

The first edition's best cell is its largest, and its sizes agree with NAS-Bench-201 better than its
accuracies do. `CRITERIA` and `SAMPLE` were fixed, and committed, before any of `TRIALS` was
trained:

    nasrepro train-table digits201 --out trials --trial steps

trains the sample by one of them and writes `trials/trial-steps.json` with what each criterion gave.
A recipe that meets all of them is trained on all cells; if several do, the one with the highest
agreement among cells of equal size; if none does, the first edition stays.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.training import provenance
from nasrepro.oracles.training.digits201.layout import CLASSES, SIDE, SPACE
from nasrepro.oracles.training.recipe import Recipe
from nasrepro.suite.data import write_text
from nasrepro.suite.errors import UnknownName
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.statistics import kendall

#: Cells of each of the largest groups of equal size, groups, and cells from the top of the sizes.
SAMPLE = (20, 6, 20)
#: Seeds of a trial, trained together.
SEEDS = (0, 1, 2)
#: What a recipe must give on the sample, means over seeds where nothing else is said:
CRITERIA = {
    "largest_rank": "at least 5 cells of the sample have a higher test accuracy than the largest",
    "equal_size_tau": "Kendall with NAS-Bench-201's CIFAR-10 "
    "test accuracy (200 epochs) among cells "
    "of equal size, mean over the six groups, is at "
    "least 0.20 (the first edition's: 0.10 over all)",
    "seeds_tau": "Kendall of test accuracy between two seeds, mean of the three pairs, is at least "
    "the first edition's on the same cells",
    "cost_s": "a run takes at most 0.6 CPU seconds in training, so that all of them fit into a day",
}
#: Each changes one thing, or two that are meant to act together.
TRIALS: Mapping[str, Recipe] = {
    "first": Recipe(),
    "steps": Recipe(batch=16),
    "decay": Recipe(batch=16, weight_decay=5e-3),
    "noise": Recipe(batch=16, label_noise=0.3),
    "few": Recipe(batch=16, epochs=60, train_images=96),
    "few_noise": Recipe(batch=16, epochs=60, train_images=192, label_noise=0.3),
    "deep": Recipe(batch=32, cells=4),
    "deep_noise": Recipe(batch=32, cells=4, label_noise=0.3),
    "deep_narrow": Recipe(batch=16, cells=5, channels=4, epochs=20),
}


def recipe_of(name: str) -> Recipe:
    """The recipe of that name; raises UnknownName."""
    if name not in TRIALS:
        raise UnknownName("recipe of digits201:", name, TRIALS)
    return TRIALS[name]


def sample() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the cells of a trial, and the size (parameters of digits201's network) of each.

    Drawn by seed 0 from each of the largest groups of equal size, then the largest cells, ties by
    number; the last one is the largest of all.
    """
    space = Cell201(channels=8, cells=1, stages=1, in_channels=1)
    numbers = np.array(sorted({space.number(space.canonical(arch)) for arch in space}))
    sizes = np.array(
        [
            space.complexity(space.numbered(int(number)), classes=CLASSES, size=SIDE).params
            for number in numbers
        ]
    )
    each, groups, top = SAMPLE
    values, counts = np.unique(sizes, return_counts=True)
    rng = np.random.default_rng(0)
    drawn = [
        np.sort(rng.choice(np.flatnonzero(sizes == value), each, replace=False))
        for value in np.sort(values[np.argsort(-counts, kind="stable")[:groups]])
    ]
    rows = np.unique(np.concatenate([*drawn, np.lexsort((numbers, sizes))[-top:]]))
    rows = rows[np.lexsort((numbers[rows], sizes[rows]))]
    return numbers[rows], sizes[rows]


def trial(name: str, out: Path, benchmark: Oracle, first: Oracle) -> str:
    """Train the sample by the recipe `name`, write what the criteria give, and say it in one line.

    Args:
        name: of `TRIALS`.
        out: folder of `trial-<name>.json`.
        benchmark: NAS-Bench-201, for the agreement.
        first: the first edition, for the agreement of its seeds.

    Raises:
        UnknownName: no such trial.
    """
    from nasrepro.oracles.training import loop
    from nasrepro.oracles.training.digits import DigitsLearner, load_digits

    recipe, (numbers, sizes) = recipe_of(name), sample()
    data, archs = load_digits(recipe), [SPACE.numbered(int(number)) for number in numbers]
    test, cost_s, started = np.empty((len(SEEDS), len(archs))), 0.0, time.process_time()
    with loop.one_thread():
        for k, arch in enumerate(archs):
            learner = DigitsLearner(arch, SEEDS, recipe, data)
            cost_s += float(loop.train(learner, recipe, validated=()).epoch_s.sum())
            test[:, k] = learner.measure("test")
    target = benchmark.query_many(archs, dataset="cifar10", epochs=200)["test_accuracy"]
    before = np.stack(
        [
            first.query_many(archs, dataset="digits", epochs=30, seed=seed)["test_accuracy"]
            for seed in SEEDS
        ]
    )
    measured = {
        **_agreement(test, target, sizes),
        "cost_s": cost_s / test.size,
        "first_equal_size_tau": _agreement(before, target, sizes)["equal_size_tau"],
        "first_seeds_tau": _between(before),
    }
    met = {
        "largest_rank": measured["largest_rank"] > 5,
        "equal_size_tau": measured["equal_size_tau"] >= 0.20,
        "seeds_tau": measured["seeds_tau"] >= measured["first_seeds_tau"],
        "cost_s": measured["cost_s"] <= 0.6,
    }
    document = {
        "trial": name,
        "recipe": dataclasses.asdict(recipe),
        "cells": len(archs),
        "measured": measured,
        "met": met,
        "cpu_s": time.process_time() - started,
        "test_accuracy": test.tolist(),
        "numbers": numbers.tolist(),
        **provenance(),
    }
    write_text(out / f"trial-{name}.json", json.dumps(document, indent=1) + "\n")
    shown = ", ".join(f"{key} {value:.3f}" for key, value in measured.items())
    missed = [key for key, value in met.items() if not value]
    return f"{name}: {shown}; {'misses ' + ', '.join(missed) if missed else 'meets all criteria'}"


def _agreement(
    test: NDArray[np.float64], target: NDArray[np.float64], sizes: NDArray[np.int64]
) -> dict[str, float]:
    """Figures of one recipe on the sample, (seeds, cells); the last cell is the largest."""
    mean = test.mean(0)
    values, counts = np.unique(sizes, return_counts=True)
    groups = [np.flatnonzero(sizes == value) for value in values[counts >= SAMPLE[0]]]
    return {
        "largest_rank": float(1 + (mean > mean[-1]).sum()),
        "equal_size_tau": float(np.mean([kendall(mean[rows], target[rows]) for rows in groups])),
        "seeds_tau": _between(test),
        "tau": kendall(mean, target),
        "params_tau": kendall(sizes, target),
        "params_own_tau": kendall(sizes, mean),
        "median_accuracy": float(np.median(mean)),
        "best_accuracy": float(mean.max()),
    }


def _between(test: Sequence[NDArray[np.float64]] | NDArray[np.float64]) -> float:
    """Kendall between two seeds, mean over all pairs."""
    return float(np.mean([kendall(one, other) for one, other in combinations(test, 2)]))
