"""Moves that keep a network's function, on every convolutional space, and the others by hand."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from nasrepro.methods.nets import surgery
from nasrepro.methods.nets.channels import channel_map
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.dartscell import DartsCell
from nasrepro.oracles.spaces.densecell import DenseCell
from nasrepro.oracles.spaces.macro import MacroSpace
from nasrepro.oracles.spaces.nodedag import NodeDag
from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.oracles.spaces.transnas import TransNasMacro, TransNasMicro
from nasrepro.suite.errors import NasreproError

SPACES = {
    "cell201": Cell201(channels=4, cells=1, stages=2, in_channels=1),
    "size": SizeSpace(in_channels=1),
    "macro": MacroSpace(channels=4, head=16, in_channels=1),
    "nodedag": NodeDag(in_channels=1),
    "dag101": Dag101(channels=8, stacks=2, modules=1, in_channels=1),
    "densecell": DenseCell(in_channels=1),
    "darts": DartsCell(channels=2, cells=3, in_channels=1),
    "transnas_micro": TransNasMicro(channels=8, stem_stride=1, in_channels=1),
    "transnas_macro": TransNasMacro(channels=8, stem_stride=1, in_channels=1),
}


def trained(space, seed):
    """A random network of the space whose batch norms have seen images, and images.

    In double precision: whether a function is kept does not hang on last bits.
    """
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = space.build(space.sample(rng), classes=10)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0, 0.2)
        with torch.no_grad():
            network(torch.randn(8, 1, 8, 8))
        return network.eval().double(), torch.randn(3, 1, 8, 8).double(), rng


def differ(one, other, images):
    """Greatest difference of two networks' logits."""
    with torch.no_grad():
        return float((one.eval()(images) - other.eval()(images)).abs().max())


def parameters(network):
    """How many it has."""
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=2, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_moves_on_channels_keep_the_function(name, seed):
    network, images, rng = trained(SPACES[name], seed)
    channels = channel_map(network)
    assert differ(channels.network, network, images) == 0
    free = channels.free()
    chosen = rng.choice(free, size=min(3, len(free)), replace=False).tolist()
    wider = surgery.split(channels, chosen)
    assert differ(wider, network, images) <= 1e-6 * max(1, network(images).abs().max().item())
    again = channel_map(wider)
    grown = surgery.added(again, again.free()[:1], lambda row: nn.init.normal_(row, 0, 0.1))
    assert differ(grown, network, images) <= 1e-6 * max(1, network(images).abs().max().item())
    assert parameters(network) < parameters(wider) < parameters(grown)


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=2, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
@example(seed=159)
def test_cutting_what_is_zero_keeps_the_function(name, seed):
    network, images, rng = trained(SPACES[name], seed)
    channels = channel_map(network)
    group = int(rng.choice(channels.free()))
    silent = channels.network
    with torch.no_grad():
        for _, module, _, gives in channels.calls():
            if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.Linear):
                for row, other in enumerate(gives):
                    if other == group:
                        module.weight[row] = 0
                        if module.bias is not None:
                            module.bias[row] = 0
                        if isinstance(module, nn.BatchNorm2d):
                            module.running_mean[row] = 0
    smaller = surgery.cut(channels, [group])
    assert differ(smaller, silent, images) <= 1e-6 * max(1, silent(images).abs().max().item())
    assert parameters(smaller) < parameters(silent)


def edges_of(network):
    """Channels that each inner module gives, by its name.

    Left out is what widens without weights: a strided "none".
    """
    edges = {}

    def note(name):
        def hook(module, given, result):
            if not isinstance(result, torch.Tensor) or result.dim() != 4:
                return
            if list(module.parameters()) or result.shape[1] == given[0].shape[1]:
                edges[name] = result.shape[1]

        return hook

    handles = [
        module.register_forward_hook(note(name))
        for name, module in network.named_modules()
        if name and not isinstance(module, nn.ModuleList)
    ]
    with torch.no_grad():
        network(torch.randn(1, 1, 8, 8).double())
    for handle in handles:
        handle.remove()
    return edges


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=2, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_moves_on_edges_keep_the_function(name, seed):
    moved_on_edges(name, seed)


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("transnas_micro", 156),  # zeros, of another width than what they read
        ("dag101", 2072),  # a vertex and its pooling side by side: the same group twice
    ],
)
def test_moves_on_edges_that_failed_once(name, seed):
    moved_on_edges(name, seed)


def moved_on_edges(name, seed):
    network, images, rng = trained(SPACES[name], seed)
    edges = edges_of(network)
    edge = str(rng.choice(sorted(edges)))
    changed = copy.deepcopy(network)
    changed.set_submodule(edge, surgery.replicated(network.get_submodule(edge), 3))
    bound = 1e-6 * max(1, network(images).abs().max().item())
    assert differ(changed, network, images) <= bound
    parts = surgery.dealt(network.get_submodule(edge), edges[edge], 2)
    changed.set_submodule(edge, parts)
    assert differ(changed, network, images) <= bound


class Reading(nn.Module):
    """An edge of which some outputs are read by layers that write others, or are its input's."""

    def __init__(self, residual):
        super().__init__()
        self.residual = residual
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)

    def forward(self, x):
        """8 channels, or the 4 of the input and what is added to them."""
        first = torch.relu(self.first(x))
        second = self.second(first)
        return x + second if self.residual else torch.cat([first, second], 1)


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("count", [2, 3])
def test_channels_that_others_are_computed_from_stay(residual, count):
    edge, images = Reading(residual).double(), torch.randn(2, 4, 8, 8).double()
    parts = surgery.dealt(edge, 4 if residual else 8, count)
    assert len(parts.branches) == count
    assert differ(parts, edge, images) <= 1e-12


@pytest.mark.parametrize("edge", [nn.Identity(), nn.AvgPool2d(3, 1, 1), nn.MaxPool2d(3, 1, 1)])
def test_what_has_no_weights_reads_its_share(edge):
    images = torch.randn(2, 5, 8, 8)
    parts = surgery.dealt(edge, 5, 2)
    assert parts.places == [[0, 1, 2], [3, 4]]
    assert differ(parts, edge, images) == 0


class Chain(nn.Module):
    """Convolution, depthwise pair, residual sum, classifier."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.depthwise = nn.Conv2d(3, 3, 3, padding=1, groups=3)
        self.pointwise = nn.Conv2d(3, 3, 1)
        self.inner = nn.Conv2d(3, 2, 1)
        self.outer = nn.Conv2d(2, 3, 1)
        self.classifier = nn.Linear(3, 10)

    def forward(self, x):
        """Logits."""
        x = torch.relu(self.norm(self.first(x)))
        x = self.pointwise(torch.relu(self.depthwise(x)))
        return self.classifier((x + self.outer(torch.relu(self.inner(x)))).mean((2, 3)))


def test_ties_by_hand():
    """A depthwise convolution ties its channels to its input's, a residual its two summands."""
    channels = channel_map(Chain())
    first, inner, sums = (channels.written(name) for name in ("first", "inner", "outer"))
    assert channels.written("depthwise") == first
    assert channels.written("pointwise") == sums
    assert len({*first, *inner, *sums}) == 8
    assert channels.writers(first[1]) == [("first", 1), ("depthwise", 1)]
    assert channels.readers(first[1]) == [("pointwise", 1)]
    assert channels.readers(sums[0]) == [("inner", 0), ("classifier", 0)]
    wider = surgery.split(channels, [first[1], sums[0]])
    assert wider.depthwise.groups == 4
    torch.testing.assert_close(
        wider.pointwise.weight[0, :, 0, 0] * torch.tensor([1.0, 2, 2, 1]),
        channels.network.pointwise.weight[0, [0, 1, 1, 2], 0, 0],
    )


def test_what_cannot_be_done_says_so():
    channels = channel_map(Chain())
    with pytest.raises(NasreproError, match="locked"):
        surgery.cut(channels, [channels.written("classifier")[0]])
    with pytest.raises(NasreproError, match="no channel left"):
        surgery.cut(channels, list(channels.written("inner")))
    with pytest.raises(NasreproError, match="cannot follow channels through Tanh"):
        channel_map(nn.Sequential(nn.Conv2d(1, 2, 1), nn.Tanh()))
    with pytest.raises(NasreproError, match="called twice"):
        conv = nn.Conv2d(2, 2, 1)
        channel_map(nn.Sequential(conv, conv))


def test_a_refit_is_exact_at_full_width_and_never_worse_than_zeroing():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        for kernel in (1, 3):
            conv = nn.Conv2d(6, 4, kernel, padding=kernel // 2, bias=False)
            read = torch.randn(5, 6, 8, 8)
            wanted = conv(read).detach()
            whole = copy.deepcopy(conv)
            nn.init.zeros_(whole.weight)
            surgery.refit(whole, read, wanted)
            torch.testing.assert_close(whole.weight, conv.weight, rtol=1e-4, atol=1e-5)
            kept = nn.Conv2d(4, 4, kernel, padding=kernel // 2, bias=False)
            zeroed = float(
                (
                    nn.functional.conv2d(
                        read[:, :4], conv.weight[:, :4].detach(), padding=kernel // 2
                    )
                    - wanted
                )
                .square()
                .sum()
            )
            surgery.refit(kept, read[:, :4], wanted)
            assert float((kept(read[:, :4]) - wanted).detach().square().sum()) < zeroed


def test_global_masks_keep_the_share_and_break_ties_by_position():
    scores = {"a": torch.tensor([[3.0, 1.0], [1.0, 1.0]]), "b": torch.tensor([2.0, 1.0])}
    masks = surgery.global_masks(scores, keep=0.5)
    assert masks["a"].tolist() == [[1, 0], [0, 0]]
    assert masks["b"].tolist() == [1, 1]
    assert all(mask.all() for mask in surgery.global_masks(scores, keep=1.0).values())


@pytest.mark.parametrize("groups", [1, 3])
def test_an_identity_convolution_changes_nothing_in_evaluation(groups):
    conv, norm = nn.Conv2d(3, 3, 5, padding=2, groups=groups, bias=False), nn.BatchNorm2d(3)
    read = torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    surgery.identity_conv(conv, norm, read)
    norm.eval()
    torch.testing.assert_close(torch.relu(norm(conv(read))), read, rtol=1e-5, atol=1e-5)


def test_an_identity_convolution_cuts_off_what_is_negative_and_nothing_else():
    conv, norm = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
    read = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    surgery.identity_conv(conv, norm, read)
    norm.eval()
    torch.testing.assert_close(
        torch.relu(norm(conv(read))), read.clamp(min=0), rtol=1e-5, atol=1e-5
    )


def test_norms_sum_over_the_writers_of_a_group():
    channels = channel_map(Chain())
    group = channels.written("first")[1]
    network = channels.network
    wanted = network.first.weight[1].abs().sum() + network.depthwise.weight[1].abs().sum()
    assert surgery.norms(channels)[group] == pytest.approx(float(wanted))
