"""Scorers: the ZiCo authors' own scores, each proxy by its definition in double precision, what they share, and tables of scores."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from methods.nets import passes
from oracles.spaces.cell201 import Cell201
from suite import scoring
from suite.errors import NasreproError
from suite.registry import load_oracle, scorers
from suite.scoring import Batches, ScoreTable, Setting

NETWORK = [entry.name for entry in scorers.all() if entry.needs_network]
EMPTY = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
DEAD = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"

#: ZiCo authors' code (SLDGroup/ZiCo, commit b0fec659) in double precision: C = 4, N = 1, two batches of 8 images of 8x8 pixels.
TINY = {
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|": 178.67052377925853,
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|nor_conv_3x3~0|none~1|avg_pool_3x3~2|": 121.04834840100787,
    "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|": 61.46936467787454,
}


def reference_case(text, *, channels, cells, batch, size, dtype, seed=0, count=2):
    """A NAS-Bench-201 network and batches drawn as for the reference scores: layer by layer, uniform in 1 / sqrt(fan in)."""
    space = Cell201(channels=channels, cells=cells)
    network, rng = space.build(space.parse(text), classes=10), np.random.RandomState(seed)  # noqa: NPY002
    with torch.no_grad():
        for layer in passes.layers(network):
            bound = 1 / np.sqrt(layer.weight[0].numel())
            for parameter in (layer.weight, layer.bias):
                if parameter is not None:
                    parameter.copy_(torch.from_numpy(rng.uniform(-bound, bound, size=tuple(parameter.shape)).astype(np.float32)))
    rng, batches = np.random.RandomState(1000 + seed), []  # noqa: NPY002
    for _ in range(count):
        images = rng.standard_normal((batch, 3, size, size)).astype(np.float32)
        batches.append((torch.from_numpy(images).to(dtype), torch.from_numpy(rng.randint(0, 10, batch))))
    return network.to(dtype), batches


@pytest.fixture
def references(pytestconfig):
    """Scores that the authors' codes gave, as JSON by file name: folder NASREPRO_SCORES, or `shared/references` beside the repository."""
    folder = Path(os.environ.get("NASREPRO_SCORES") or pytestconfig.rootpath.parent / "shared" / "references")
    if not (folder / "zico_scores.json").exists():
        pytest.skip("the scores of the authors' codes are not here: set NASREPRO_SCORES to a folder with zico_scores.json")
    return lambda name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# -- ZiCo against the authors' code ------------------------------------------------------------------------
@pytest.mark.parametrize(("text", "expected"), TINY.items(), ids=range(len(TINY)))
def test_zico_is_the_authors_in_double_precision(text, expected):
    network, batches = reference_case(text, channels=4, cells=1, batch=8, size=8, dtype=torch.float64)
    assert scorers.get("zico").score(network, batches) == pytest.approx(expected, rel=1e-8)


def check_full_size(references, chosen):
    """Score the chosen full-size cases, in single precision, and compare within the 2 % that threads and rounding make."""
    records = [each for each in references("zico_scores")["scores"] if each["protocol"] == "NP" and each["dtype"] == "float32"]
    seen = 0
    for each in records:
        if chosen(each):
            assert (each["C"], each["N"], each["resolution"], each["num_classes"]) == (16, 5, 32, 10)
            network, batches = reference_case(
                each["arch"],
                channels=16,
                cells=5,
                batch=each["batch_size"],
                size=32,
                dtype=torch.float32,
                seed=each["seed"],
                count=each["n_batches"],
            )
            score = scorers.get("zico").score(network, batches)
            assert score == pytest.approx(each["score"], rel=0.02, abs=1e-6), each
            seen += 1
    return seen


def test_zico_is_the_authors_at_full_size(references, one_thread):
    skips = next(reversed(TINY))
    assert check_full_size(references, lambda each: each["arch"] == skips and each["seed"] == 0) >= 1


@pytest.mark.nightly
def test_zico_is_the_authors_in_every_full_size_case(references, one_thread):
    assert check_full_size(references, lambda each: True) >= 20


def test_zico_of_more_batches_is_mean_over_deviation(references):
    network, batches = reference_case(next(iter(TINY)), channels=4, cells=1, batch=8, size=8, dtype=torch.float64, count=3)
    expected = 0.0
    for layer in zip(*(passes.gradients(network, batches, index) for index in range(3)), strict=True):
        stacked = np.stack([gradient.numpy().ravel() for gradient in layer])
        deviation = stacked.std(axis=0)
        expected += np.log((np.abs(stacked).mean(axis=0) / deviation)[deviation != 0].sum())
    assert scorers.get("zico").score(network, batches) == pytest.approx(expected, rel=1e-10)
    assert scorers.get("zico").score(network, [batches[0]] * 2) == 0.0  # no deviation, no layer


# -- the others by their definitions -----------------------------------------------------------------------
class Small(nn.Module):
    """Convolution, batch norm, ReLU, dead convolution, pooling, linear: few enough weights for a full Hessian."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2), nn.ReLU()
        self.pool, self.unused, self.linear = nn.AdaptiveAvgPool2d(2), nn.Conv2d(2, 2, 1), nn.Linear(8, 3)

    def forward(self, x):
        return self.linear(self.pool(self.relu(self.norm(self.conv(x)))).flatten(1))


@pytest.fixture
def small():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        batch = torch.randn(6, 1, 4, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2])
        return Small().double(), [batch]


def small_loss(conv, linear, network, batch):
    """The loss as a function of the two weights that matter, written out."""
    images, labels = batch
    x = F.conv2d(images, conv, padding=1)
    x = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), keepdim=True, correction=0) + 1e-5).sqrt()
    x = F.avg_pool2d(x.clamp(min=0), 2).flatten(1)
    logits = x @ linear.T + network.linear.bias.detach()
    return (logits.logsumexp(1) - logits[torch.arange(len(labels)), labels]).mean()


def small_weights(network):
    return network.conv.weight.detach(), network.linear.weight.detach()


def test_scorers_of_gradients_by_definition(small):
    network, (batch,) = small
    weights = small_weights(network)
    conv, linear = torch.autograd.functional.jacobian(lambda *given: small_loss(*given, network, batch), weights)
    expected = {
        "grad_norm": conv.square().sum().sqrt() + linear.square().sum().sqrt(),
        "snip": (conv * weights[0]).abs().sum() + (linear * weights[1]).abs().sum(),
        "plain": (conv * weights[0]).sum() + (linear * weights[1]).sum(),
        "l2_norm": sum(weight.square().sum().sqrt() for weight in (*weights, network.unused.weight.detach())),
    }
    for name, value in expected.items():
        assert scorers.get(name).score(network, [batch]) == pytest.approx(float(value), rel=1e-10, abs=1e-12), name


def test_grasp_by_the_full_hessian(small):
    network, (batch,) = small
    weights = small_weights(network)

    def loss(flat):
        return small_loss(flat[:18].view(2, 1, 3, 3), flat[18:].view(3, 8), network, batch)

    flat = torch.cat([weight.flatten() for weight in weights])
    gradient, hessian = torch.autograd.functional.jacobian(loss, flat), torch.autograd.functional.hessian(loss, flat)
    assert scorers.get("grasp").score(network, [batch]) == pytest.approx(-float(flat @ hessian @ gradient), rel=1e-8)


def test_fisher_by_masks_on_the_channels(small):
    """The gradient of a sample's part of the loss by a mask on a channel is the sum over positions of a dL/da."""
    network, (batch,) = small
    images, labels = batch

    def loss(on_conv, on_linear):
        x = network.norm(F.conv2d(images, network.conv.weight.detach(), padding=1) * on_conv[:, :, None, None])
        logits = network.linear(network.pool(network.relu(x)).flatten(1)) * on_linear
        return F.cross_entropy(logits, labels)

    masks = torch.ones(6, 2, dtype=torch.float64), torch.ones(6, 3, dtype=torch.float64)
    conv, linear = torch.autograd.functional.jacobian(loss, masks)
    expected = 9 * conv.square().mean(0).sum() / 2 + 8 * linear.square().mean(0).sum() / 2
    assert scorers.get("fisher").score(network, [batch]) == pytest.approx(float(expected), rel=1e-10)


def test_naswot_by_counting_equal_codes(small):
    network, (batch,) = small
    codes = (network.norm(network.conv(batch[0])) > 0).flatten(1).numpy()
    kernel = np.array([[(one == other).sum() for other in codes] for one in codes], dtype=float)
    assert scorers.get("naswot").score(network, [batch]) == pytest.approx(np.linalg.slogdet(kernel)[1], rel=1e-10)


def test_jacob_cov_by_differences_of_pixels(small):
    network, (batch,) = small
    images, step = batch[0], 1e-6
    jacobian = np.zeros((6, 16))
    for sample in range(6):
        for pixel in range(16):
            values = []
            for sign in (1, -1):
                moved = images.clone()
                moved.view(6, -1)[sample, pixel] += sign * step
                values.append(float(network(moved).sum()))
            jacobian[sample, pixel] = (values[0] - values[1]) / (2 * step)
    eigenvalues = np.linalg.eigvals(np.corrcoef(jacobian)).real
    expected = -(np.log(eigenvalues + 1e-5) + 1 / (eigenvalues + 1e-5)).sum()
    assert scorers.get("jacob_cov").score(network, [batch]) == pytest.approx(expected, rel=1e-4)


def test_synflow_by_hand(small):
    """Without batch norm and with positive weights ReLU does nothing; R is linear in each weight, so |w dR/dw| sums to R per layer."""
    network, (batch,) = small
    x = F.avg_pool2d(F.conv2d(torch.ones(1, 1, 4, 4, dtype=torch.float64), network.conv.weight.detach().abs(), padding=1), 2).flatten(1)
    flow = float((x @ network.linear.weight.detach().abs().T).sum())
    assert scorers.get("synflow").score(network, [batch]) == pytest.approx(2 * flow, rel=1e-10)


def test_zen_by_hand(small):
    network, (batch,) = small
    torch.manual_seed(5)
    score = scorers.get("zen").score(network, [batch])
    torch.manual_seed(5)
    weight = torch.empty_like(network.conv.weight).normal_()
    torch.empty_like(network.unused.weight).normal_()
    torch.empty_like(network.linear.weight).normal_()
    x = torch.randn_like(batch[0])
    inputs = [F.conv2d(each, weight, padding=1) for each in (x, x + 0.01 * torch.randn_like(x))]
    variance = inputs[0].var((0, 2, 3), correction=0).mean()
    first, second = (F.batch_norm(each, None, None, training=True).clamp(min=0) for each in inputs)
    expected = (first - second).abs().sum((1, 2, 3)).mean().log() + variance.sqrt().log()
    assert score == pytest.approx(float(expected), rel=1e-8)


# -- contract: what holds for every scorer -----------------------------------------------------------------
def random_batches(count=2, size=8):
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(size, 3, 8, 8, generator=generator), torch.randint(0, 10, (size,), generator=generator)) for _ in range(count)]


def state(network):
    tensors = [*network.parameters(), *network.buffers()]
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) + ("forward" in vars(module)) for module in network.modules()]
    return [tensor.detach().clone() for tensor in tensors], [module.training for module in network.modules()], hooks


@pytest.mark.parametrize("name", NETWORK)
def test_a_scorer_leaves_the_network_as_it_was(name):
    space = Cell201(channels=4, cells=1)
    network = space.build(space.at(2), classes=10).eval()
    tensors, modes, hooks = state(network)
    score = scorers.get(name).score(network, random_batches())
    assert np.isfinite(score) and isinstance(score, float)
    after = state(network)
    assert all(torch.equal(one, other) for one, other in zip(tensors, after[0], strict=True))
    assert (modes, hooks) == after[1:]
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("text", [EMPTY, DEAD])
def test_disconnected_cells_score_what_the_docstrings_say(text):
    space = Cell201(channels=4, cells=1)
    network, batches = space.build(space.parse(text), classes=10), random_batches()
    found = {name: scorers.get(name).score(network, batches) for name in NETWORK}
    for name in ("zico", "grad_norm", "snip", "plain", "grasp", "synflow"):
        assert found[name] == 0, name
    assert np.isnan(found["jacob_cov"]) and found["zen"] == -np.inf and found["fisher"] > 0 and found["l2_norm"] > 0
    if text == EMPTY:
        assert found["naswot"] == -np.inf


def test_a_network_whose_layers_are_outside_the_graph_is_scored():
    """Modules that are never run have no gradient; a network without ReLU has no codes."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 10))
    network.unused = nn.Identity()
    network.unused.inner = nn.Linear(3, 3)
    batches = random_batches()
    found = {name: scorers.get(name).score(network, batches) for name in NETWORK if name not in ("zen",)}
    assert np.isnan(found.pop("naswot"))
    assert all(np.isfinite(value) for value in found.values())


# -- sharing -----------------------------------------------------------------------------------------------
def test_scorers_share_passes_and_change_nothing_by_it():
    space = Cell201(channels=4, cells=1)
    network, plain = space.build(space.at(2), classes=10), random_batches()
    names = ["zico", "grad_norm", "snip", "plain", "fisher", "naswot", "jacob_cov"]
    alone = [scorers.get(name).score(network, plain) for name in names]
    runs = []
    network.register_forward_pre_hook(lambda module, inputs: runs.append(len(inputs[0])))
    batches = Batches(plain, {each for name in names for each in scorers.get(name).reads})
    together = [scorers.get(name).score(network, batches) for name in names]
    assert together == pytest.approx(alone, rel=1e-5)
    assert runs == [8, 8]  # one pass for each of the two batches
    assert batches.used_s > batches.spent_s > 0
