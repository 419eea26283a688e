"""AMC and CompactNet on networks: what is cut, what is refitted, and that budgets hold."""

import numpy as np
import pytest
import torch
from torch import nn

from nasrepro.methods.amc_network import REFIT_S, Layers
from nasrepro.methods.nets import pruning
from nasrepro.methods.nets.chain import Chain, cosine, epochs_left, step_s, widths_of
from nasrepro.oracles.training.workshop import ImageWorkshop
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget, Session


def session(seconds):
    return Session(
        load_oracle("workshop201"), dataset="digits", epochs=30, budget=Budget(seconds=seconds)
    )


@pytest.fixture
def chain():
    """A chain whose batch norms have seen images, and images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        made = Chain((1, 8, 8), [4, 5, 4, 3], 10)
        images = torch.randn(32, 1, 8, 8)
        made(images)
        return made.eval(), images


def test_macs_are_those_that_the_workshop_counts():
    opened, rng = session(5), np.random.default_rng(0)
    with opened.workshop(rng) as shop:
        for widths in ([3, 4, 5, 6], [8, 8, 8, 8], [2, 7, 3]):
            counted = shop.measure(Chain(shop.shape, widths, shop.classes)).macs
            assert pruning.chain_macs(shop.shape, widths, shop.classes) == counted


def test_channels_of_the_largest_norm_stay(chain):
    network, _ = chain
    kept = pruning.kept_channels(network, [2, 3, 4, 1], "writers")
    assert list(map(len, kept)) == [2, 3, 4, 1]
    first = next(m for m in network.modules() if isinstance(m, nn.Conv2d))
    norms = first.weight.detach().abs().flatten(1).sum(1)
    assert set(kept[0]) == set(norms.topk(2).indices.tolist())
    readers = pruning.kept_channels(network, [2, 3, 4, 1], "readers")
    norms = network.classifier.weight.detach().abs().sum(0)
    assert readers[3] == [int(norms.argmax())]
    assert widths_of(pruning.narrowed(network, kept)) == [2, 3, 4, 1]


def test_each_position_of_a_kernel_ranks_for_itself_in_the_code_of_compactnet():
    """Filters 1 and 2 by norm; at the first position of the kernel 0 and 1, at the last 0 and 2."""
    network = Chain((1, 8, 8), [3, 2], 10).eval()
    first, norm, second = network.layers[0], network.layers[1], network.layers[3]
    kernels = torch.zeros(3, 9)
    kernels[0, [0, 8]] = torch.tensor([3.0, 3.0])
    kernels[1, [0, 1, 2]] = torch.tensor([2.0, 9.0, 9.0])
    kernels[2, [1, 8]] = torch.tensor([8.0, 2.0])
    with torch.no_grad():
        first.weight.copy_(kernels.view(3, 1, 3, 3))
        norm.weight.copy_(torch.tensor([0.5, 1.5, 2.5]))
    assert pruning.kept_channels(network, [2, 2], "writers")[0] == [1, 2]
    made = [m for m in pruning.overwritten(network, [2, 2]).modules() if list(m.parameters(False))]
    wanted = torch.zeros(2, 9)
    wanted[:, 0], wanted[:, 1] = torch.tensor([3.0, 2.0]), torch.tensor([9.0, 8.0])
    wanted[:, 2], wanted[:, 8] = torch.tensor([0.0, 9.0]), torch.tensor([3.0, 2.0])
    assert torch.equal(made[0].weight.flatten(1), wanted)
    assert made[1].weight.tolist() == [0.5, 2.5]  # the last position kept filters 0 and 2
    assert torch.equal(made[2].weight, second.weight[:, [0, 2]])


def test_each_network_that_is_refitted_is_counted(monkeypatch):
    """Uniform pruning refits twice: once to have an answer, once at the end."""
    entry, stated = methods.get("amc_network"), []
    monkeypatch.setattr(ImageWorkshop, "work", lambda shop, seconds: stated.append(seconds))
    params = entry.params({"choose": "uniform", "width": 4})
    entry.search(session(0.5), np.random.default_rng(0), **params)
    assert stated == [REFIT_S] * 2


def test_refits_change_nothing_at_full_width_and_help_below(chain):
    network, images = chain
    everything = [list(range(width)) for width in widths_of(network)]
    whole = pruning.narrowed(network, everything)
    pruning.refitted(whole, network, everything, images)
    torch.testing.assert_close(whole(images), network(images), rtol=1e-3, atol=1e-4)
    kept = pruning.kept_channels(network, [3, 4, 3, 3], "readers")
    plain, refit = pruning.narrowed(network, kept), pruning.narrowed(network, kept)
    pruning.refitted(refit, network, kept, images)
    errors = [
        float((each.eval()(images) - network(images)).detach().square().mean())
        for each in (plain, refit)
    ]
    assert errors[1] < errors[0]


def test_full_shares_keep_all_and_the_wall_holds_for_any_action():
    def macs(widths):
        return pruning.chain_macs((1, 8, 8), widths, 10)

    layers = Layers(macs, 8, 0.2, 1.0)
    assert [layers.keep(1.0) for _ in range(4)] == [1.0] * 4 and layers.widths == layers.full
    rng = np.random.default_rng(0)
    for _ in range(50):
        layers = Layers(macs, 8, 0.2, 0.3)
        for _ in range(4):
            layers.keep(float(rng.random()))
        assert macs(layers.widths) <= layers.most


def test_uniform_widths_leave_no_macs_that_a_channel_more_would_fit_in():
    def macs(widths):
        return pruning.chain_macs((1, 8, 8), widths, 10)

    for most in (0.1, 0.2, 0.5):
        narrow = pruning.uniform(macs, [16] * 4, most * macs([16] * 4))
        assert macs(narrow) <= most * macs([16] * 4)
        assert max(narrow) - min(narrow) <= 1


def test_widths_within_a_number_of_macs():
    def macs(widths):
        return pruning.chain_macs((1, 8, 8), widths, 10)

    full = [8, 8, 8, 8]
    for most in (macs(full), 0.5 * macs(full), 0.2 * macs(full)):
        narrow = pruning.uniform(macs, full, most)
        assert macs(narrow) <= most
        for layer in range(4):
            width = pruning.widest(macs, full, layer, most)
            best = [w for w in range(1, 9) if macs([*full[:layer], w, *full[layer + 1 :]]) <= most]
            assert width == max(best, default=0)


def test_the_price_of_a_step_is_what_a_training_pays():
    opened, rng = session(50), np.random.default_rng(0)
    with opened.workshop(rng) as shop:
        network = Chain(shop.shape, [4, 4], shop.classes)
        epochs = epochs_left(opened, shop, network, 0.02)
        network(torch.zeros(500, *shop.shape))  # not yet booked, and no part of a step
        price = step_s(opened, shop, network)
        before = opened.clock_s
        shop.train(network, epochs)
        assert opened.clock_s - before == pytest.approx(price * 6 * epochs, rel=1e-6)
        assert opened.clock_s <= 50 * 0.03
    assert [cosine(0), cosine(0.5), cosine(1)] == pytest.approx([0.1, 0.05, 0])
    unlimited = Session(
        load_oracle("workshop201"), dataset="digits", epochs=30, budget=Budget(queries=1)
    )
    with unlimited.workshop(rng) as shop, pytest.raises(NasreproError, match="budget in seconds"):
        epochs_left(unlimited, shop, network)


CASES = [
    ("amc_network", {"choose": "ddpg", "episodes": 6, "warmup": 3}),
    ("amc_network", {"choose": "random", "episodes": 4}),
    ("amc_network", {"choose": "uniform"}),
    ("compactnet_network", {"iterations": 3, "epochs": 1}),
    ("compactnet_network", {"choose": "uniform"}),
    ("compactnet_network", {"ranking": "code", "iterations": 2, "epochs": 1}),
    ("compactnet_network", {"choose": "rewound", "iterations": 2, "epochs": 1}),
]


@pytest.mark.parametrize(("name", "params"), CASES)
def test_a_network_within_its_macs_and_its_budget(name, params):
    opened, entry = session(1.2), methods.get(name)
    params = entry.params({**params, "width": 8})
    network = entry.search(opened, np.random.default_rng(1), **params)
    asked = 1 - 0.8 * sum(0.96 ** (step + 1) for step in range(4)) / 4
    trims_alike = name == "compactnet_network" and params["choose"] == "uniform"
    limit = 0.2 if name == "amc_network" else asked if trims_alike else 0.7
    full = pruning.chain_macs((1, 8, 8), [8] * 4, 10)
    assert pruning.chain_macs((1, 8, 8), widths_of(network), 10) <= limit * full
    assert opened.clock_s <= 1.2


@pytest.mark.parametrize("name", ["amc_network", "compactnet_network"])
def test_an_unknown_choice_is_refused(name):
    entry = methods.get(name)
    with pytest.raises(NasreproError, match="unknown choice 'best'; accepted"):
        entry.search(session(1), np.random.default_rng(0), **entry.params({"choose": "best"}))
