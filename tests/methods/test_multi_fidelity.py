"""Successive halving, Hyperband, BOHB and ASHA: what each trains, and for how long."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nasrepro.methods.bohb import Density, _Model
from nasrepro.suite.errors import BudgetExhausted
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget, Session

EVERY = ("successive_halving", "hyperband", "bohb", "asha")


def searched(name: str, queries: int = 120, *, seed: int = 0, **params: object) -> Session:
    session = Session(
        load_oracle("digits201"), dataset="digits", epochs=30, budget=Budget(queries=queries)
    )
    entry = methods.get(name)
    with pytest.raises(BudgetExhausted):
        entry.search(session, np.random.default_rng(seed), **entry.params(params))
    return session


def trained(session: Session) -> list[tuple[tuple[int, ...], int]]:
    return [(done.arch.code, done.epochs) for done in session.ledger.evaluations]


def test_a_round_of_hyperband_is_its_four_brackets() -> None:
    """Of 1, 3, 10, 30 epochs: 27 9 3 1, 12 4 1, 6 2, 4 by the paper."""
    counts = Counter(epochs for _, epochs in trained(searched("hyperband", 40 + 17 + 8 + 4)))
    assert counts == {1: 27, 3: 9 + 12, 10: 3 + 4 + 6, 30: 1 + 1 + 2 + 4}
    counts = Counter(epochs for _, epochs in trained(searched("bohb", 40 + 13 + 8 + 4)))
    assert counts == {1: 27, 3: 9 + 9, 10: 3 + 3 + 6, 30: 1 + 1 + 2 + 4}


def test_successive_halving_starts_as_many_as_bring_one_to_the_end() -> None:
    assert Counter(epochs for _, epochs in trained(searched("successive_halving", 80))) == {
        1: 54,
        3: 18,
        10: 6,
        30: 2,
    }
    assert Counter(e for _, e in trained(searched("successive_halving", 7, initial=2))) == {
        1: 2,
        3: 1,
        10: 1,
        30: 1,
    } | {1: 4}


def test_only_random_architectures_make_bohb_hyperband() -> None:
    plain = searched("hyperband", 300, brackets="hpbandster")
    assert trained(searched("bohb", 300, rho=1.0)) == trained(plain)
    assert trained(searched("bohb", 300)) != trained(plain)


@pytest.mark.parametrize("name", ["successive_halving", "hyperband", "asha"])
def test_one_rung_is_random_search(name: str) -> None:
    assert trained(searched(name, shortest=30)) == trained(searched("random_search"))


@pytest.mark.parametrize("name", EVERY)
def test_more_workers_take_less_wall_clock_for_the_same_budget(name: str) -> None:
    walls = [searched(name, workers=workers).ledger.wall_s for workers in (1, 4, 16)]
    assert walls[0] > 2 * walls[1] > 2 * walls[2]


def test_one_worker_takes_the_sum() -> None:
    ledger = searched("asha").ledger
    assert ledger.wall_s == pytest.approx(ledger.simulated_s)


@pytest.mark.parametrize("workers", [1, 5])
def test_asha_promotes_the_best_third_of_a_rung_and_what_it_can_first(workers: int) -> None:
    """What is trained at a longer length was among the best third of those done before it began."""
    session = searched("asha", 200, workers=workers)
    counts = Counter(done.epochs for done in session.ledger.evaluations)
    assert counts[30] > 0 and counts[1] > counts[3] > counts[10]
    lengths, done = (1, 3, 10, 30), session.ledger.evaluations
    for at, longer in enumerate(done):
        if longer.epochs == 1:
            continue
        shorter = lengths[lengths.index(longer.epochs) - 1]
        below = [each for each in done[:at] if each.epochs == shorter]
        if workers == 1:  # more workers end other trainings between its start and its end
            below = sorted(below, key=lambda each: -each.score)[: len(below) // 3]
        assert longer.arch in [each.arch for each in below]


# -- BOHB's densities ------------------------------------------------------------------------------
def test_density_is_the_mean_of_products_of_aitchison_aitken_kernels() -> None:
    """Two points, two decisions of 3 and 2 options; bandwidths 0.2 and 0.4, set by hand."""
    density = Density(np.array([[0, 1], [2, 1]]), (3, 2), 1e-3)
    density.bandwidths = np.array([0.2, 0.4])
    at = density(np.array([[0, 1], [1, 0]]))
    assert at == pytest.approx([(0.8 * 0.6 + 0.1 * 0.6) / 2, (0.1 * 0.4 + 0.1 * 0.4) / 2])


def test_density_sums_to_one() -> None:
    density = Density(np.array([[0, 1], [2, 1], [2, 0]]), (3, 2), 1e-3)
    every = np.array([[a, b] for a in range(3) for b in range(2)])
    assert density(every).sum() == pytest.approx(1)


def test_bandwidth_is_the_normal_reference_rule_within_its_limits() -> None:
    points = np.array([[0, 0, 0]] * 90 + [[1, 0, 4]] * 10)
    bandwidths = Density(points, (5, 5, 5), 1e-3).bandwidths
    # standard deviation 0.3 of 100 points in 3 decisions; a constant; four times the first
    assert bandwidths[0] == pytest.approx(1.06 * 0.3 * 100 ** (-1 / 7))
    assert bandwidths[1] == 1e-3
    assert bandwidths[2] == pytest.approx(min(4 * bandwidths[0], 0.8))


def test_draws_keep_a_decision_with_probability_one_less_its_bandwidth() -> None:
    density = Density(np.array([[3, 0]] * 2), (5, 2), 1e-3)
    density.bandwidths = np.array([0.5, 0.0])
    drawn = density.draw(20_000, np.random.default_rng(0))
    assert (drawn[:, 0] == 3).mean() == pytest.approx(0.5 + 0.5 / 5, abs=0.01)
    assert (drawn[:, 1] == 0).all()


def test_the_model_is_of_the_longest_length_with_enough_points() -> None:
    """Six decisions: 7 good and 7 bad points; what is trained shorter no longer counts."""
    session = searched("random_search", 20)
    evaluations = session.ledger.evaluations
    model = _Model(session.space, np.random.default_rng(0), 15, 1e-3)
    for number, done in enumerate(evaluations, start=1):
        assert not model.ready or number > 14
        model.add(done._replace(epochs=10))
    assert model.ready and model.epochs == 10
    ranked = sorted(evaluations, key=lambda done: -done.score)
    assert model.densities[0].points.tolist() == [list(done.arch.code) for done in ranked[:7]]
    before = model.densities
    model.add(evaluations[0]._replace(epochs=3))
    assert model.densities is before and 3 not in model.codes
