"""SuperTickets' rules by hand: events, penalty, masks that keep or lose their weights, cuts."""

import numpy as np
import pytest
import torch

from nasrepro.methods.nets.surgery import weights_of
from nasrepro.methods.nets.tickets import MultiKernel, Ticket, dead, prices, strength
from nasrepro.methods.supertickets import _event
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import load_oracle, methods, scorers
from nasrepro.suite.search import Budget, Session


@pytest.fixture
def ticket():
    """A small network, trained for a step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        made = Ticket(MultiKernel(1, 4, 3, (3, 5), 10), (1, 8, 8))
        made.train(batches(), 0.05)
        return made


def batches(count=1):
    generator = torch.Generator().manual_seed(6)
    for _ in range(count):
        yield (
            torch.randn(16, 1, 8, 8, generator=generator),
            torch.randint(10, (16,), generator=generator),
        )


def test_the_schedule_of_the_released_configuration():
    """Events every 25 epochs; 0.9 is reached at epoch 225 of 350 and kept."""
    events = {epoch + 1: _event(epoch, 350, 14) for epoch in range(350) if _event(epoch, 350, 14)}
    ratios = {epoch: min(0.9, event / 10) for epoch, event in events.items()}
    assert ratios == {25 * k: min(0.9, k / 10) for k in range(1, 15)}
    assert min(epoch for epoch, ratio in ratios.items() if ratio == 0.9) == 225


def test_the_penalty_and_its_schedule(ticket):
    assert [strength(epoch, 10, 25, 2.0) for epoch in (0, 10, 35, 99)] == [0, 0, 2, 2]
    assert strength(20, 10, 25, 2.0) == pytest.approx(0.8)
    assert sum(float(price.sum()) for price in ticket.prices.values()) == pytest.approx(1)
    (gradients,) = [
        torch.autograd.grad(ticket.penalty(), [scale(ticket, n) for n in ticket.prices])
    ]
    for (name, price), gradient in zip(ticket.prices.items(), gradients, strict=True):
        assert torch.equal(gradient, price * scale(ticket, name).sign())


def scale(ticket, name):
    return ticket.network.get_parameter(name)


def test_a_price_by_hand():
    """First block of 64 places: 4 in + 9 or 25 + 4 out multiplications a channel and place."""
    found = prices(MultiKernel(1, 4, 3, (3, 5), 10), (1, 8, 8))
    first, second = (float(found[f"blocks.0.branches.{b}.4.weight"][0]) for b in (0, 1))
    assert first / second == pytest.approx((4 + 9 + 4) / (4 + 25 + 4))


def test_a_mask_is_a_product_and_stops_the_gradient(ticket):
    ticket.prune(0.5)
    images, _ = next(batches())
    ticket.network.eval()
    ticket.network.zero_grad()
    masked = ticket(images)
    masked.sum().backward()
    for name, weight in weights_of(ticket.network).items():
        assert not weight.grad[ticket.masks[name] == 0].any()
    ticket.settle()
    assert torch.equal(masked, ticket.network(images))
    assert ticket.kept == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("zero", [False, True])
def test_what_is_pruned_keeps_its_value_in_the_released_code_and_may_come_back(ticket, zero):
    ticket.zero = zero
    name, weight = next(iter(weights_of(ticket.network).items()))
    ticket.prune(0.3)
    place = tuple(torch.nonzero(ticket.masks[name] == 0)[0].tolist())
    before = weight[place].item()
    ticket.train(batches(3), 0.01)
    assert (weight[place].item() == 0) == zero
    if not zero:
        assert 0 < abs(weight[place].item()) < 2 * abs(before)
    with torch.no_grad():  # the weights in use fall below it
        for tensor in weights_of(ticket.network).values():
            tensor[tensor != weight[place]] *= 1e-6
    ticket.prune(0.3)
    assert bool(ticket.masks[name][place]) != zero
    ticket.unmask()
    assert ticket.kept == 1


def test_training_goes_on_after_a_cut_as_that_of_a_network_built_so(ticket):
    """Masks and momenta are cut alike: silent channels make no difference to the others."""
    ticket.prune(0.3)
    names = list(ticket.prices)
    with torch.no_grad():
        for name in names[:2]:
            scale(ticket, name)[0] = 0
            ticket.network.get_parameter(name.replace("weight", "bias"))[0] = 0
    images, _ = next(batches())
    ticket.network.eval()
    before = ticket(images)
    groups = dead(ticket.channels, ticket.prices, 1e-6)
    assert ticket.cut(1e-6) == len(groups) == 2
    ticket.network.eval()
    torch.testing.assert_close(ticket(images), before, rtol=1e-5, atol=1e-6)
    for name, parameter in ticket.network.named_parameters():
        assert ticket.optimiser.state[parameter]["momentum_buffer"].shape == parameter.shape
        assert name not in ticket.masks or ticket.masks[name].shape == parameter.shape
    ticket.train(batches(2), 0.05)


def test_the_widest_scale_of_a_branch_is_never_dead(ticket):
    assert len(dead(ticket.channels, ticket.prices, 1e9)) == sum(
        len(price) - 1 for price in ticket.prices.values()
    )


def test_kernels_of_one_channel_still_have_their_price(ticket):
    kernels = list(ticket.prices)
    ticket.cut(1e9)
    assert list(ticket.prices) == kernels
    assert [price.numel() for price in ticket.prices.values()] == [1] * len(kernels)
    assert float(ticket.penalty()) > 0
    ticket.train(batches(2), 0.05, rho=1.0)
    assert ticket.cut(1e9) == 0


@pytest.mark.parametrize("name", ["snip", "synflow"])
def test_scores_of_weights_sum_to_what_the_scorer_of_that_name_gives(ticket, name):
    ticket.prune(0.5)
    (images, labels) = next(batches())
    scores = ticket.saliency(name, images, labels)
    assert {n: s.shape for n, s in scores.items()} == {n: m.shape for n, m in ticket.masks.items()}
    whole = scorers.get(name).score(ticket.network, [(images, labels)])
    assert sum(float(score.sum()) for score in scores.values()) == pytest.approx(whole, rel=1e-5)
    ticket.prune(0.5, scores)
    assert ticket.kept == pytest.approx(0.5, abs=1e-3)


def test_snip_is_the_slope_of_the_loss_by_the_mask_of_a_weight(ticket):
    network, (images, labels) = ticket.network.double(), next(batches())
    scores = ticket.saliency("snip", images.double(), labels)["blocks.1.project.weight"]
    place, weight = (1, 2, 0, 0), network.get_parameter("blocks.1.project.weight")
    kept, losses = float(weight[place].detach()), []
    network.train()
    for mask in (1 + 1e-5, 1 - 1e-5):
        with torch.no_grad():
            weight[place] = kept * mask
            loss = torch.nn.functional.cross_entropy(network(images.double()), labels)
            losses.append(float(loss))
    assert float(scores[place]) == pytest.approx(abs(losses[0] - losses[1]) / 2e-5, rel=1e-4)


@pytest.mark.parametrize("score", ["random", "snip", "synflow"])
def test_every_score_ends_at_its_sparsity(score):
    assert ended({"score": score}, 0.7) == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize("arm", ["joint", "sequential", "one-shot", "prune"])
def test_every_arm_ends_at_its_sparsity_within_the_budget(arm):
    assert ended({"arm": arm}, 1.0) == pytest.approx(0.6, abs=0.01)


def ended(params, seconds):
    """Share of zeros of a small ticket at 60 %, within so many seconds."""
    oracle = load_oracle("workshop201")
    session = Session(oracle, dataset="digits", epochs=30, budget=Budget(seconds=seconds))
    entry = methods.get("supertickets")
    params = entry.params({**params, "target": 0.6, "width": 4, "inner": 3, "events": 4})
    network = entry.search(session, np.random.default_rng(0), **params)
    weights = torch.cat([weight.flatten() for weight in weights_of(network).values()])
    assert session.clock_s <= seconds
    return float((weights == 0).float().mean())


def test_unknown_arms_are_refused():
    session = Session(
        load_oracle("workshop201"), dataset="digits", epochs=30, budget=Budget(seconds=1)
    )
    entry = methods.get("supertickets")
    with pytest.raises(NasreproError, match="unknown arm 'both'; accepted: joint"):
        entry.search(session, np.random.default_rng(0), **entry.params({"arm": "both"}))
