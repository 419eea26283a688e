"""HAQ: bits and their wall, the released table and policies, the quantisers, the searches."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from nasrepro.methods.haq import ARMS, readme_policy, resnet50_weights
from nasrepro.methods.nets.bit_costs import analytic_costs, noise_score
from nasrepro.methods.nets.bit_search import Problem, bits_of, cost_of, fixed_ends, walled
from nasrepro.methods.nets.chain import Chain
from nasrepro.methods.nets.quantised import QuantisedDigits
from nasrepro.methods.nets.quantised_chain import layers_of, quantised, settled
from nasrepro.methods.nets.quantisers import (
    clustered,
    divergence,
    quantised_activations,
    quantised_weights,
    shared,
    threshold,
)
from nasrepro.oracles.spaces.bits import MobileNetV2Bits
from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.registry import load_oracle, methods, studies
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Layer

LAYERS = (
    Layer("conv", 3, 8, 3, 1, 1, 8, 8),
    Layer("conv", 8, 16, 3, 2, 1, 8, 4),
    Layer("conv", 16, 16, 3, 1, 1, 4, 4),
    Layer("linear", 16, 10),
)
COSTS = analytic_costs(LAYERS, multipliers=4096, bandwidth=64)
FULL = cost_of(COSTS, [(8, 8)] * 4)


# -- bits and budget -------------------------------------------------------------------------------
def test_equal_parts_of_the_action_for_each_number_of_bits():
    assert [bits_of(action) for action in (0, 0.14, 0.15, 0.5, 0.99, 1)] == [2, 2, 3, 5, 8, 8]
    shares = np.bincount([bits_of(action) for action in np.linspace(0, 1, 7001)])[2:]
    assert np.ptp(shares) <= 2
    assert bits_of(0.0, least=1) == 1  # half to even would say 0


@pytest.mark.parametrize("budget", [0.2, 0.4, 0.6, 0.8, 1.0])
def test_the_budget_is_met_or_the_floor_reached(budget):
    rng = np.random.default_rng(0)
    floor = fixed_ends([(2, 2)] * 4)
    for _ in range(50):
        policy = [(int(w), int(a)) for w, a in rng.integers(2, 9, size=(4, 2))]
        lowered = walled(COSTS, policy, budget * FULL)
        assert lowered[0] == lowered[-1] == (8, 8)
        assert cost_of(COSTS, lowered) <= budget * FULL or lowered == floor
        assert all(
            w <= before[0] and a <= before[1]
            for (w, a), before in zip(lowered, fixed_ends(policy), strict=True)
        )


def test_the_last_layers_lose_activations_first():
    costs = np.ones((4, 8, 8)) * np.add.outer(np.arange(1, 9), np.arange(1, 9))
    start = [(8, 8)] * 4
    full = cost_of(costs, start)
    assert walled(costs, start, full - 1) == [(8, 8), (8, 8), (8, 7), (8, 8)]
    assert walled(costs, start, full - 2) == [(8, 8), (8, 8), (7, 7), (8, 8)]
    assert walled(costs, start, full - 5) == [(8, 8), (7, 7), (7, 6), (8, 8)]


def test_released_policies(real_devices):
    real_devices("haq")
    study = studies.get("haq.table")
    rows = {row["policy"]: row for row in study.measure(None, devices="haq")}
    readme = rows["README, 60 %"]
    assert round(readme["share"] * 39_624_933) == 23_433_397
    assert round(readme["share_first_at_8"], 3) == pytest.approx(0.596, abs=1e-3)
    assert round(readme["speedup"], 2) == 1.69
    shares = [round(rows[f"uniform, {bits} bits"]["share"], 3) for bits in (6, 4, 2)]
    assert shares == [0.673, 0.397, 0.178]
    (row,) = studies.get("haq.kmeans").measure(None)
    assert round(row["share"], 4) == 0.0996 and round(row["times_smaller"], 2) == 10.04
    assert len(resnet50_weights()) == 54 and round(row["weights"], 2) == 25.5


def test_space_of_bits():
    space = MobileNetV2Bits()
    arch = space.of_policy(readme_policy())
    assert space.parse(space.format(arch)) == arch
    assert space.policy(arch)[1] == (7, 7)
    assert space.complexity(arch, classes=1000, size=224).macs == 300_774_272
    with pytest.raises(InvalidArch, match="is not 53 layers"):
        space.parse("w8a8-w9")


# -- quantisers ------------------------------------------------------------------------------------
def test_weights_lie_on_few_levels_and_stay_there():
    weights = torch.from_numpy(np.random.default_rng(0).normal(size=500))
    for bits in (2, 3, 4, 8):
        limit = threshold(weights.numpy(), bits)
        once = quantised_weights(weights, bits, limit)
        # the straight-through sum moves last bits
        assert len(torch.unique(once.round(decimals=9))) <= 2**bits - 1
        assert torch.allclose(quantised_weights(once, bits, limit), once)
    assert quantised_weights(weights, 32, 1.0) is weights
    positive = weights.abs()
    for bits in (1, 3):
        once = quantised_activations(positive, bits, 2.0)
        assert len(torch.unique(once.round(decimals=9))) <= 2**bits and once.max() <= 2
        assert torch.allclose(quantised_activations(once, bits, 2.0), once)


def test_gradients_pass_straight_through():
    weights = torch.tensor([-3.0, -0.4, 0.3, 2.0], requires_grad=True)
    quantised_weights(weights, 3, 1.0).sum().backward()
    assert weights.grad.tolist() == [1, 1, 1, 1]
    inputs = torch.tensor([-1.0, 0.3, 5.0], requires_grad=True)
    limit = torch.tensor(2.0, requires_grad=True)
    quantised_activations(inputs, 3, limit).sum().backward()
    assert inputs.grad.tolist() == [0, 1, 0]
    assert limit.grad == 1  # of the one that is cut off


def test_threshold_is_the_least_divergence_of_all():
    values = np.random.default_rng(1).normal(size=2000)
    absolute = np.abs(values)
    counts, edges = np.histogram(absolute, bins="sqrt", range=(0, absolute.max()))
    cumulative = np.cumsum(counts / counts.sum())
    for bits in (2, 3, 4):
        points = 2 ** (bits - 1)
        every = {end: divergence(cumulative, end, points) for end in range(points + 1, len(edges))}
        best = min(every, key=every.get)
        assert threshold(values, bits) == pytest.approx((best + 0.5) * (edges[1] - edges[0]))
    assert threshold(values, 5) == threshold(values, 8) == absolute.max()
    assert threshold(np.zeros(4), 2) == 0


def test_clusters_share_their_mean():
    weights = np.random.default_rng(2).normal(size=(20, 10))
    errors = []
    for bits in (1, 2, 4):
        labels = clustered(weights, bits, seed=0)
        once = shared(weights, labels)
        assert len(np.unique(once)) <= 2**bits
        assert np.allclose(shared(once, labels), once)
        errors.append(float(((weights - once) ** 2).sum()))
    assert errors[0] > errors[1] > errors[2]
    gradients = np.arange(4.0).reshape(2, 2)
    assert shared(gradients, np.array([[0, 1], [0, 1]])).tolist() == [[1, 2], [1, 2]]


# -- searches --------------------------------------------------------------------------------------
def test_noise_falls_six_decibels_a_bit():
    score = noise_score(LAYERS)
    steps = [score([(bits, bits)] * 4) for bits in (2, 3, 8)]
    assert steps[1] - steps[0] == pytest.approx(6.0206, abs=1e-3)
    assert steps[2] - steps[1] == pytest.approx(5 * 6.0206, abs=1e-3)


def test_analytic_cost_is_computing_or_moving():
    middle = LAYERS[2]
    computing = middle.macs * 64 / 4096
    moved = (middle.weights * 8 + 2 * 16 * 16 * 8) / 64
    assert COSTS[2, 7, 7] == pytest.approx(max(computing, moved))
    assert all(
        COSTS[layer, w, a] <= COSTS[layer, w + 1, a]
        for layer, w, a in itertools.product(range(4), range(7), range(8))
    )


@pytest.mark.parametrize("arm", list(ARMS))
def test_every_search_keeps_the_budget(arm):
    problem = Problem(COSTS, 0.5 * FULL, noise_score(LAYERS), np.arange(8.0).reshape(4, 2))
    policy, score = ARMS[arm](problem, 9, np.random.default_rng(0))
    assert cost_of(COSTS, policy) <= 0.5 * FULL
    assert score == problem.score(policy)


def test_eight_bits_change_a_real_network_little():
    network = QuantisedDigits(0, epochs=4)
    assert network.before > 0.7
    kept = [layer.clone() for layer in network.weights]
    scores = {bits: network.score([(bits, bits)] * 5) for bits in (32, 8, 2)}
    assert abs(scores[8] - scores[32]) < 2 and scores[2] < scores[8]
    assert all(torch.equal(one, other) for one, other in zip(kept, network.weights, strict=True))
    with pytest.raises(NasreproError, match="unknown reward_on 'test'"):
        QuantisedDigits(0, "test")


def test_study_says_where_the_floor_is(real_devices):
    real_devices("haq")
    study = studies.get("haq.search")
    given = study.params(
        {"cost": "table", "budgets": [0.1, 0.6], "episodes": 3, "arms": ["random", "uniform"]}
    )
    rows = list(study.measure(np.random.default_rng(0), **given))
    assert [row["budget_is"] for row in rows] == ["floor", "floor", "met", "met"]
    assert rows[0]["share"] == pytest.approx(rows[0]["floor"])


# -- in a workshop ---------------------------------------------------------------------------------
@pytest.fixture(name="chain")
def chain_fixture():
    """A chain whose batch norms have seen images, and images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        made = Chain((1, 8, 8), [4, 4, 4, 4], 10)
        images = torch.randn(64, 1, 8, 8)
        made(images)
        return made.eval(), images


def test_many_bits_change_little_and_32_nothing(chain):
    network, images = chain
    with torch.no_grad():
        before = network(images)
        plain = quantised(network, [(32, 32)] * 5, images)
        assert torch.equal(plain(images), before)
        errors = [
            float((quantised(network, [(bits, bits)] * 5, images)(images) - before).abs().mean())
            for bits in (8, 4, 2)
        ]
    assert errors == sorted(errors) and errors[0] < 0.02 * float(before.abs().mean())


def test_a_settled_network_is_the_one_that_was_trained_and_on_its_levels(chain):
    network, images = chain
    made = quantised(network, [(8, 8), (2, 3), (3, 2), (4, 4), (8, 8)], images)
    still = settled(made)
    with torch.no_grad():
        torch.testing.assert_close(still(images), made(images), rtol=1e-4, atol=1e-5)
    convs = [m for m in still.modules() if isinstance(m, torch.nn.Conv2d)]
    for conv, bits in zip(convs[1:], (2, 3, 4), strict=True):
        assert len(conv.weight.unique()) <= 2**bits - 1


@pytest.mark.parametrize("choose", ["ddpg", "random", "uniform"])
def test_a_quantised_network_within_its_cost_and_its_budget(choose):
    oracle = load_oracle("workshop201")
    session = Session(oracle, dataset="digits", epochs=30, budget=Budget(seconds=1.5))
    entry = methods.get("haq_network")
    params = entry.params({"choose": choose, "width": 8, "episodes": 4})
    network = entry.search(session, np.random.default_rng(0), **params)
    assert session.clock_s <= 1.5
    layers = layers_of(network, (1, 8, 8))
    costs = analytic_costs(layers, multipliers=64 * 64, bandwidth=512)
    modules = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    shares = [event["share"] for event in session.ledger.events if event["event"] == "haq"]
    assert all(share <= 1 for share in shares) and len(shares) == (choose != "uniform")
    if choose == "uniform":
        assert [len(m.weight.unique()) <= 7 for m in modules[1:-1]] == [True] * 3
        assert [m.bits[1] for m in modules] == [32, 3, 3, 3, 8]
    assert costs.shape == (5, 8, 8)


def test_bits_out_of_range_are_named():
    session = Session(
        load_oracle("workshop201"), dataset="digits", epochs=30, budget=Budget(seconds=1)
    )
    entry = methods.get("haq_network")
    with pytest.raises(NasreproError, match="bits 1; give 2 to 8"):
        entry.search(session, np.random.default_rng(0), **entry.params({"bits": 1}))
