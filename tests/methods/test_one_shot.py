"""The one-shot family: gradients against their formulas, and short searches in a workshop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import nasrepro as nr
from nasrepro.methods import proxylessnas
from nasrepro.methods.gdas import straight_through
from nasrepro.methods.nets.one_shot import code_of, inherited, skips
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import methods, studies
from nasrepro.suite.search import Budget, Session

SHORT: dict[str, dict[str, Any]] = {
    "spos": {"epochs": 2, "population": 4, "generations": 1},
    "enas": {"epochs": 2, "steps": 2, "samples": 3},
    "darts": {"epochs": 2},
    "gdas": {"epochs": 2},
    "proxylessnas": {"warmup": 1, "epochs": 2, "gates": "two", "latency": "mul"},
}


@pytest.fixture(scope="module", name="oracle")
def oracle_fixture() -> Oracle:
    return nr.load("workshop201")


def opened(oracle: Oracle, seconds: float = 100) -> Session:
    return Session(oracle, dataset="digits", epochs=30, budget=Budget(seconds=seconds))


@pytest.mark.parametrize("name", SHORT)
def test_search_repeats_and_books_its_work(name: str, oracle: Oracle) -> None:
    found = methods.get(name)
    outcomes = []
    for _ in range(2):
        session = opened(oracle)
        chosen = found.search(session, np.random.default_rng(1), **found.params(SHORT[name]))
        oracle.space.check(chosen)
        outcomes.append((chosen, session.clock_s, session.ledger.events))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1] > 0.01
    assert found.workshop and found.floating and found.deviations


def test_every_method_of_a_workshop_is_tried_here() -> None:
    names = {name for name in methods.names() if f"{name}.inherited" in studies.names()}
    assert names == set(SHORT)


def test_one_hot_draw_has_the_gradient_of_the_soft_one() -> None:
    alpha = torch.randn(6, 5, dtype=torch.double, requires_grad=True)
    values = torch.randn(6, 5, dtype=torch.double)
    gates, active = straight_through(alpha, 2.0, np.random.default_rng(0))
    assert gates.detach().sum(1).tolist() == pytest.approx([1] * 6)
    assert [(int(row.argmax()),) for row in gates.detach()] == active
    (gates * values).sum().backward()
    noise = torch.tensor(np.random.default_rng(0).gumbel(size=(6, 5)))

    def soft(at: torch.Tensor) -> float:
        return float((((at.log_softmax(1) + noise) / 2.0).softmax(1) * values).sum())

    assert alpha.grad is not None
    for place in ((0, 0), (3, 2), (5, 4)):
        step = torch.zeros(6, 5, dtype=torch.double)
        step[place] = 1e-5
        slope = (soft(alpha.detach() + step) - soft(alpha.detach() - step)) / 2e-5
        assert float(alpha.grad[place]) == pytest.approx(slope, abs=1e-7)


def test_gradient_of_alpha_is_that_of_the_softmax() -> None:
    alpha = torch.randn(6, 5, dtype=torch.double, requires_grad=True)
    slopes = torch.randn(6, 5, dtype=torch.double)
    (alpha.softmax(1) * slopes).sum().backward()
    made = proxylessnas.gradient_of_alpha(alpha.detach().softmax(1), slopes)
    assert alpha.grad is not None and torch.allclose(made, alpha.grad)


def test_gradients_of_gates_are_finite_differences(oracle: Oracle) -> None:
    """The sum over a place of o_i(x) dL/dy is dL/dg_i."""
    session, rng = opened(oracle), np.random.default_rng(0)
    with session.workshop(rng) as shop:
        supernet = shop.supernet().double().eval()
        images, labels = next(shop.batches("valid", 32))
        everything = [range(5)] * 6

        def loss(gates: torch.Tensor) -> torch.Tensor:
            supernet.mix(gates, everything)
            return torch.nn.functional.cross_entropy(supernet(images.double()), labels)

        gates = torch.full((6, 5), 0.2, dtype=torch.double, requires_grad=True)
        (slopes,) = torch.autograd.grad(loss(gates), gates)
        for place in ((0, 1), (3, 3), (5, 4)):
            step = torch.zeros_like(gates)
            step[place] = 1e-5
            change = (loss(gates.detach() + step) - loss(gates.detach() - step)) / 2e-5
            assert float(slopes[place]) == pytest.approx(change.item(), rel=1e-4, abs=1e-9)


def test_two_gates_leave_the_other_chances_alone() -> None:
    alpha = torch.randn(6, 5)
    pair = torch.tensor([[0, 1], [2, 3], [1, 4], [0, 4], [3, 1], [2, 0]])
    moved = alpha.scatter(1, pair, torch.randn(6, 2))
    back = proxylessnas.shifted_back(alpha, moved, pair)
    others = torch.ones(6, 5).scatter(1, pair, 0.0).bool()
    assert torch.allclose(back.softmax(1)[others], alpha.softmax(1)[others], atol=1e-6)
    gained = moved.gather(1, pair).diff(dim=1)
    assert torch.allclose(back.gather(1, pair).diff(dim=1), gained, atol=1e-5)


def test_one_step_on_two_gates_moves_two_chances_of_each_decision(oracle: Oracle) -> None:
    session, rng = opened(oracle), np.random.default_rng(0)
    alpha = torch.zeros(6, 5).requires_grad_()
    optimiser = torch.optim.Adam([alpha], 0.1, betas=(0.0, 0.999))
    price = proxylessnas.Latency(session, 0.5)
    with session.workshop(rng) as shop:
        supernet = shop.supernet()
        batch = next(shop.batches("valid", 64))
        for _ in range(3):
            before = alpha.detach().softmax(1)
            proxylessnas._step(supernet, alpha, optimiser, batch, rng, "two", "none", price)
            moved = (alpha.detach().softmax(1) - before).abs() > 1e-6
            assert moved.sum(1).max() <= 2 and moved.any()


def test_expected_latency_of_one_architecture_is_its_own(oracle: Oracle) -> None:
    session = opened(oracle)
    price = proxylessnas.Latency(session, 0.5)
    for arch in (oracle.space.sample(np.random.default_rng(seed)) for seed in range(5)):
        chances = torch.eye(5)[list(arch.code)]
        assert float(price.expected(chances)) == pytest.approx(session.complexity(arch).macs / 1000)
    even = price.expected(torch.full((6, 5), 0.2))
    slope = torch.full((6, 5), 0.2).requires_grad_()
    price.loss("add", torch.tensor(0.0), slope).backward()
    assert slope.grad is not None
    assert torch.allclose(slope.grad, 0.2 * price.table / price.target)
    assert float(price.loss("mul", torch.tensor(1.0), torch.full((6, 5), 0.2))) == pytest.approx(
        0.2 * (np.log(float(even)) / np.log(price.target)) ** 0.3
    )


def test_latency_alone_leads_to_the_fastest(oracle: Oracle) -> None:
    price = proxylessnas.Latency(opened(oracle), 0.01)
    alpha = torch.zeros(6, 5).requires_grad_()
    optimiser = torch.optim.Adam([alpha], 0.1, betas=(0.0, 0.999))
    for _ in range(100):
        optimiser.zero_grad()
        price.loss("add", torch.tensor(0.0), alpha.softmax(1)).backward()
        optimiser.step()
    assert float(price.table.gather(1, torch.tensor([code_of(alpha)]).T).sum()) == 0


def test_inherited_accuracy_is_that_of_the_path(oracle: Oracle) -> None:
    session, rng = opened(oracle), np.random.default_rng(0)
    with session.workshop(rng) as shop:
        supernet = shop.supernet()
        shop.train(supernet, 1, before=lambda: supernet.choose(oracle.space.sample(rng).code))
        arch = oracle.space.sample(rng)
        shared = inherited(shop, supernet, arch)
        alone = supernet.path(arch.code)
        shop.calibrate(alone, images=200)
        assert shop.validate(alone) == shared


def test_skips_are_counted(oracle: Oracle) -> None:
    arch = oracle.space.parse(
        "|skip_connect~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    )
    assert skips(oracle.space, arch) == 0.5


def test_study_holds_inherited_accuracies_against_the_table() -> None:
    found = studies.get("spos.inherited")
    given = found.params({"epochs": 2, "generations": 0, "cells": 12})
    rows = [dict(row) for row in found.measure(np.random.default_rng(0), **given)]
    assert [row["done"] for row in rows] == [0.5, 1.0]
    assert np.isnan(rows[0]["kendall"]) and -1 <= rows[1]["kendall"] <= 1
    assert rows[1]["regret"] >= 0 and rows[1]["kendall_params"] > 0


def test_wrong_parameters_are_named(oracle: Oracle) -> None:
    found = methods.get("proxylessnas")
    with pytest.raises(NasreproError, match="gates 'three'"):
        found.search(opened(oracle), np.random.default_rng(0), **found.params({"gates": "three"}))
