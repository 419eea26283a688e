"""Rungs, brackets and one bracket of successive halving, against closed forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from toys import SPACE, Toy, named, values

from nasrepro.methods.nets.halving import brackets, halve, rungs
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch

MONOTONE = Toy(
    named("monotone"),
    read=lambda arch, epochs: {
        **values(arch, epochs),
        "valid_accuracy": (SPACE.index(arch) + epochs) / 100,
        "cost_s": float(epochs),
    },
)


def session(oracle: Toy = MONOTONE) -> Session:
    return Session(oracle, dataset="toys", epochs=9, budget=Budget(queries=1000))


def drawing(seed: int = 0) -> Callable[[], Arch]:
    rng = np.random.default_rng(seed)
    return lambda: SPACE.sample(rng)


@pytest.mark.parametrize(
    ("fidelities", "shortest", "lengths"),
    [
        ((4, 12, 36, 108), 1, (4, 12, 36, 108)),
        (tuple(range(1, 31)), 1, (1, 3, 10, 30)),
        (tuple(range(1, 31)), 3, (3, 10, 30)),
        (tuple(range(1, 99)), 1, (1, 3, 10, 32, 98)),
        ((12, 200), 1, (12, 200)),
        ((108,), 1, (108,)),
    ],
)
def test_rungs_are_a_factor_apart_from_the_longest_down(
    fidelities: tuple[int, ...], shortest: int, lengths: tuple[int, ...]
) -> None:
    assert rungs(fidelities, 3, shortest) == lengths


def test_brackets_of_four_rungs_by_the_paper_and_by_the_code() -> None:
    assert brackets(4, 3, "li") == [(27, 0), (12, 1), (6, 2), (4, 3)]
    assert brackets(4, 3, "hpbandster") == [(27, 0), (9, 1), (6, 2), (4, 3)]
    assert brackets(1, 3, "li") == brackets(1, 3, "hpbandster") == [(1, 0)]


def test_what_is_no_ratio_or_rule_says_so() -> None:
    with pytest.raises(NasreproError, match="eta = 1 must be at least 2"):
        rungs((1, 3), 1)
    with pytest.raises(NasreproError, match="brackets 'lee' is neither"):
        brackets(4, 3, "lee")
    with pytest.raises(NasreproError, match="workers = 0"):
        halve(session(), 3, (1,), eta=3, workers=0, draw=drawing())


@pytest.mark.parametrize("workers", [1, 4])
def test_evaluations_and_seconds_of_a_bracket_are_the_closed_form(workers: int) -> None:
    """27 at 1 epoch, 9 at 3, 3 at 9: 27 s each."""
    made = session()
    halve(made, 27, (1, 3, 9), eta=3, workers=workers, draw=drawing())
    assert Counter(done.epochs for done in made.ledger.evaluations) == {1: 27, 3: 9, 9: 3}
    assert made.clock_s == 81
    # a rung waits for its last training: ceil(27 / 4) + 3 ceil(9 / 4) + 9 ceil(3 / 4)
    assert made.ledger.wall_s == (81 if workers == 1 else 7 + 9 + 9)


def test_where_trainings_resume_a_promotion_pays_the_difference() -> None:
    oracle = Toy(named("resumes", resumable=True), read=MONOTONE._values)
    made = session(oracle)
    archs = iter([SPACE.at(index) for index in range(9)])
    halve(made, 9, (1, 3, 9), eta=3, workers=1, draw=archs.__next__)
    assert made.clock_s == 9 * 1 + 3 * (3 - 1) + 1 * (9 - 3)


@pytest.mark.parametrize("seed", range(5))
def test_where_early_scores_rank_as_late_ones_the_best_that_started_is_found(seed: int) -> None:
    made = session()
    halve(made, 27, (1, 3, 9), eta=3, workers=2, draw=drawing(seed))
    started = [done.arch for done in made.ledger.evaluations if done.epochs == 1]
    assert made.best() == max(started, key=SPACE.index)


def test_a_result_is_told_before_the_next_architecture_is_drawn() -> None:
    made, told = session(), []
    seen = []

    def draw() -> Arch:
        seen.append(len(told))
        return SPACE.at(0)

    halve(made, 4, (1,), eta=3, workers=2, draw=draw, tell=told.append)
    assert seen == [0, 0, 1, 2] and len(told) == 4
