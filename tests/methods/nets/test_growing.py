"""Firefly's gates and scores against finite differences, the loss and the network rebuilt."""

import numpy as np
import pytest
import torch
from torch import nn

from nasrepro.methods.nets.chain import Chain, widths_of
from nasrepro.methods.nets.channels import channel_map
from nasrepro.methods.nets.growing import (
    SPLIT,
    Directions,
    Gated,
    cheapest,
    selected,
    size_of,
)
from nasrepro.suite.registry import load_oracle, methods, studies
from nasrepro.suite.search import Budget, Session


class Depthwise(nn.Module):
    """A convolution and a depthwise pair before the classifier."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.pointwise, self.last = nn.Conv2d(4, 5, 1, bias=False), nn.BatchNorm2d(5)
        self.classifier = nn.Linear(5, 10)

    def forward(self, x):
        """Logits."""
        x = self.depthwise(torch.relu(self.norm(self.first(x))))
        return self.classifier(torch.relu(self.last(self.pointwise(x))).mean((2, 3)))


@pytest.fixture(params=[lambda: Chain((1, 8, 8), [3, 4, 3], 10), Depthwise], ids=["chain", "pair"])
def case(request):
    """Directions in float64, an image batch, labels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        network = request.param()
        network(torch.randn(32, 1, 8, 8))
        network = network.double().eval()
        directions = Directions(channel_map(network), 2)
        images, labels = torch.randn(16, 1, 8, 8, dtype=torch.float64), torch.randint(10, (16,))
    return network, directions, images, labels


def loss(directions, images, labels, gates):
    """With the gates given by candidate, the others closed."""
    gated = Gated(directions, directions.candidates)
    values = torch.tensor([gates.get(c, 0.0) for c in gated.chosen], dtype=torch.float64)
    return nn.functional.cross_entropy(gated(images, values), labels).item()


def test_closed_gates_change_nothing(case):
    network, directions, images, _ = case
    gated = Gated(directions, directions.candidates)
    closed = gated(images, torch.zeros(len(gated.chosen), dtype=torch.float64))
    torch.testing.assert_close(closed, network(images), rtol=0, atol=1e-12)


def test_at_closed_gates_splits_score_nothing_and_new_neurons_their_finite_difference(case):
    _, directions, images, labels = case
    scores = directions.scores([(images, labels)], [0.0], joint=True).tolist()
    for candidate, score in zip(directions.candidates, scores, strict=True):
        if candidate[1] == SPLIT:
            assert abs(score) < 1e-10
        else:
            above, below = (
                loss(directions, images, labels, {candidate: step}) for step in (1e-4, -1e-4)
            )
            assert score == pytest.approx((above - below) / 2e-4, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize(("which", "small"), [(0, 1.0), (-1, 1.0), (-1, 0.02)])
def test_the_integral_of_one_gate_is_the_change_of_the_loss(case, which, small):
    _, directions, images, labels = case
    candidate = directions.candidates[which]
    for direction in (*directions.v.values(), *directions.u.values()):
        direction.mul_(small)
    alone = Gated(directions, [candidate])

    def mean_gradient(points):
        total = 0.0
        for z in range(1, points + 1):
            gate = torch.tensor([(2 * z - 1) / (2 * points)], dtype=torch.float64).requires_grad_()
            value = nn.functional.cross_entropy(alone(images, gate), labels)
            total += float(torch.autograd.grad(value, gate)[0])
        return total / points

    change = loss(directions, images, labels, {candidate: 1.0}) - loss(
        directions, images, labels, {}
    )
    assert mean_gradient(200) == pytest.approx(change, rel=1e-3)
    if small < 1:  # the loss along a split has kinks where its ReLU has
        assert mean_gradient(1) == pytest.approx(change, rel=0.05)


def test_gates_of_one_layer_at_a_time_score_as_if_the_others_were_closed(case):
    _, directions, images, labels = case
    scores = directions.scores([(images, labels)], [1.0], joint=False)
    first = directions.anchors[0]
    new = [candidate for candidate in directions.candidates if candidate[0] == first]
    for candidate in [each for each in new if each[1] != SPLIT]:
        layer = {
            each: 1.0
            for each in directions.candidates
            if directions.channels.writers(each[0])[0][0]
            == directions.channels.writers(first)[0][0]
        }
        above, below = (
            loss(directions, images, labels, {**layer, candidate: 1 + step})
            for step in (1e-5, -1e-5)
        )
        at = directions.candidates.index(candidate)
        assert float(scores[at]) == pytest.approx((above - below) / 2e-5, rel=1e-3, abs=1e-8)


def test_the_network_grown_is_the_gated_one_with_the_chosen_gates_open(case):
    _, directions, images, _ = case
    chosen = directions.candidates[::2]
    gated = Gated(directions, directions.candidates)
    gates = torch.tensor([float(c in chosen) for c in gated.chosen], dtype=torch.float64)
    grown = Gated(directions, chosen).settled()
    torch.testing.assert_close(grown(images), gated(images, gates), rtol=0, atol=1e-10)
    assert sum(p.numel() for p in grown.parameters()) == size_of(directions.channels, chosen)


def test_the_smallest_eigenvalue_of_the_splitting_matrix_is_what_the_best_split_gains():
    """For tanh: loss(e) - loss(0) = e^2 / 2 * lambda_min for a split along its eigenvector."""
    rng = np.random.default_rng(2)
    x, y = torch.tensor(rng.normal(size=(200, 3))), torch.tensor(rng.normal(size=200))
    w, a = torch.tensor(rng.normal(size=(1, 3))), torch.tensor(rng.normal(size=1))

    def value(weights, out):
        return ((torch.tanh(x @ weights.T) @ out - y) ** 2).mean()

    inner = torch.tanh(x @ w[0])
    outer = 2 * (inner * a[0] - y) * a[0] / len(x)  # dL/dsigma of each example
    curvature = -2 * inner * (1 - inner**2)
    matrix = (x.T * (outer * curvature)) @ x
    values, vectors = torch.linalg.eigh(matrix)
    step = 1e-2
    two = torch.stack([w[0] + step * vectors[:, 0], w[0] - step * vectors[:, 0]])
    change = float(value(two, torch.stack([a[0] / 2, a[0] / 2])) - value(w, a))
    assert change == pytest.approx(step**2 / 2 * float(values[0]), rel=0.05)


def test_a_round_is_filled_by_score_a_parameter_and_never_past_its_size(case):
    _, directions, _, _ = case
    candidates = directions.candidates
    scores = {candidate: -float(i % 5) for i, candidate in enumerate(candidates)}
    base = size_of(directions.channels, [])
    for most in (base, base + 40, base + 150):
        chosen = selected(directions.channels, scores, most)
        assert size_of(directions.channels, chosen) <= most
        left = [c for c in candidates if c not in chosen]
        assert all(size_of(directions.channels, [*chosen, c]) > most for c in left)
    ranked = cheapest(scores)
    assert [scores[c] for c in ranked] == sorted(scores.values())


@pytest.mark.parametrize("one_more", [False, True])
def test_a_round_by_neurons_adds_a_share_and_in_the_released_code_one_more(one_more):
    oracle, entry = load_oracle("workshop201"), methods.get("firefly")
    session = Session(oracle, dataset="digits", epochs=30, budget=Budget(seconds=0.8))
    given = {"price": "neurons", "rounds": 1, "width": 4, "new": 2, "epochs": 1}
    params = entry.params({**given, "take_one_more": one_more})
    network = entry.search(session, np.random.default_rng(0), **params)
    assert sum(widths_of(network)) == 16 + int(0.35 * 16) + one_more


def test_one_width_from_the_start_leaves_no_room_for_a_channel_more():
    oracle, entry = load_oracle("workshop201"), methods.get("firefly")
    session = Session(oracle, dataset="digits", epochs=30, budget=Budget(seconds=0.3))
    params = entry.params({"choose": "wide", "size": 2000, "width": 4})
    network = entry.search(session, np.random.default_rng(0), **params)
    widths = widths_of(network)
    assert max(widths) - min(widths) <= 1
    assert sum(map(torch.numel, network.parameters())) <= 2000
    narrow = widths.index(min(widths))
    wider = Chain((1, 8, 8), [w + (i == narrow) for i, w in enumerate(widths)], 10)
    assert sum(map(torch.numel, wider.parameters())) > 2000


def test_widths_of_a_chain():
    assert widths_of(Chain((1, 8, 8), [3, 4, 5], 10)) == [3, 4, 5]


def test_the_greedy_set_is_ranked_among_all_sets():
    study = studies.get("firefly_greedy.rank")
    params = study.params({"epochs": 2, "count": 2})
    rows = list(study.measure(np.random.default_rng(0), **params))
    assert [row["scores"] for row in rows] == ["integral", "gradient at the end"]
    for row in rows:
        assert row["sets"] == 36 and 1 <= row["rank"] <= 36
        assert row["best_change"] <= row["change"] and row["best_change"] < row["mean_change"]
        assert (row["rank"] == 1) == (row["change"] == row["best_change"])
