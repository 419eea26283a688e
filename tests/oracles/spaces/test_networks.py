"""Built networks of the image spaces.

Their sizes are the spaces' formulas and the tables' entries, and they compute what they say.

Sizes are counted on the meta device, where a network has shapes and no numbers. NAS-Bench-201's
network is in `test_net201.py`, the recurrent ones in `test_recurrent.py`.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from counting import counted
from torch import nn

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.macro import MacroSpace
from nasrepro.oracles.spaces.net101 import Cell101
from nasrepro.oracles.spaces.netmacro import InvertedResidual
from nasrepro.oracles.spaces.netsize import SizeCell
from nasrepro.oracles.spaces.nettransnas import BasicBlock, FactorizedReduce, MicroCell
from nasrepro.oracles.spaces.part101 import Part101
from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.oracles.spaces.transnas import TransNasMacro, TransNasMicro
from nasrepro.suite.space import Complexity, ConfinedSpace

C3, C1, POOL = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
#: Every space twice, as published and small: (space, classes, size, whether biases count).
SPACES = {
    "cell201": (Cell201(), 10, 32, True),
    "dag101": (Dag101(), 10, 32, False),
    "size": (SizeSpace(), 100, 32, True),
    "macro": (MacroSpace(), 10, 32, False),
    "transnas_micro": (TransNasMicro(), 47, 256, False),
    "transnas_macro": (TransNasMacro(), 75, 256, False),
    "small cell201": (Cell201(channels=4, cells=1, in_channels=1), 7, 9, True),
    "small dag101": (Dag101(channels=7, stacks=2, modules=2, in_channels=1), 7, 9, False),
    "small size": (SizeSpace(in_channels=1), 7, 9, True),
    "small macro": (MacroSpace(channels=4, head=12, in_channels=1), 7, 9, False),
    "small transnas_micro": (TransNasMicro(channels=4, stem_stride=1, in_channels=1), 7, 9, False),
    "small transnas_macro": (TransNasMacro(channels=4, stem_stride=1, in_channels=1), 7, 9, False),
}
each = pytest.mark.parametrize("name", SPACES)


def built_size(name, arch):
    """Parameters and MACs of the built network.

    Without the head where `complexity` is of the backbone alone.
    """
    space, classes, size, biases = SPACES[name]
    with torch.device("meta"):
        network = space.build(arch, classes=classes)
        found = counted(network, torch.empty(1, space.in_channels, size, size), biases=biases)
    if not isinstance(space, (TransNasMicro, TransNasMacro)):
        return found
    head = network.head
    return Complexity(
        found.params - head.weight.numel() - head.bias.numel(), found.macs - head.weight.numel()
    )


def sampled(space, count, seed=0):
    """Uniform over the cells where several codes are one."""
    return [
        space.at(int(index))
        for index in np.random.default_rng(seed).integers(len(space), size=count)
    ]


# -- sizes -----------------------------------------------------------------------------------------
def check_sizes(name, archs):
    space, classes, size, _ = SPACES[name]
    for arch in archs:
        assert built_size(name, arch) == space.complexity(arch, classes=classes, size=size)


@each
def test_sizes_are_those_of_complexity(name):
    check_sizes(name, sampled(SPACES[name][0], 8 if name.startswith("small") else 3))


@pytest.mark.nightly
@each
def test_sizes_are_those_of_complexity_for_many(name):
    check_sizes(name, sampled(SPACES[name][0], 300, seed=1))


@pytest.mark.parametrize("count", [30, pytest.param(600, marks=pytest.mark.nightly)])
def test_nas_bench_101_has_the_parameters_of_its_table(real, count):
    oracle = real("nasbench101_slice")
    archs = [
        oracle.archs()[row]
        for row in np.random.default_rng(1).integers(len(oracle.archs()), size=count)
    ]
    table = oracle.query_many(archs, dataset="cifar10", epochs=108)["params"]
    with torch.device("meta"):
        networks = (oracle.space.build(arch, classes=10) for arch in archs)
        assert [
            sum(parameter.numel() for parameter in network.parameters()) for network in networks
        ] == table.tolist()


def test_nas_bench_macro_has_the_sizes_of_its_table(real):
    oracle = real("nasbench_macro")
    archs = sampled(oracle.space, 10, seed=1)
    table = oracle.query_many(archs, dataset="cifar10", epochs=50)
    expected = [
        Complexity(int(params), int(macs))
        for params, macs in zip(table["params"], table["macs"], strict=True)
    ]
    assert [built_size("macro", arch) for arch in archs] == expected


@pytest.mark.parametrize(
    ("name", "text", "params", "macs"),
    [
        ("size", "8:8:8:8:8", 12_524, 4_481_924),  # the official record of index 0, CIFAR-100
        ("size", "8:8:8:16:32", 52_172, 6_843_620),  # and of index 11
        ("macro", "22212220", 1_985_514, 85_164_544),  # the benchmark's file
    ],
)
def test_published_sizes(name, text, params, macs):
    assert built_size(name, SPACES[name][0].parse(text)) == Complexity(params, macs)


def test_the_cell_of_nas_bench_101_s_notebook():
    """The Inception-like one; its number of parameters is published, its MACs are not."""
    arch = Dag101().parse(
        "0111010/0000001/0000001/0000100/0000001/0000001/0000000;"
        f"input,{C1},{C3},{C3},{C3},{POOL},output"
    )
    assert built_size("dag101", arch).params == 2_694_282


# -- what all networks do
# ------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [name for name in SPACES if name.startswith("small")])
def test_networks_learn(name):
    """Finite logits and features of the right shape; every live parameter has a gradient."""
    space, classes, size, _ = SPACES[name]
    torch.manual_seed(0)
    for arch in sampled(space, 3, seed=2):
        network, images = (
            space.build(arch, classes=classes),
            torch.randn(5, space.in_channels, size, size),
        )
        logits = network(images)
        assert logits.shape == (5, classes) and torch.isfinite(logits).all()
        nn.functional.cross_entropy(logits, torch.arange(5)).backward()
        linear = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
        assert linear.weight.grad.abs().sum() > 0
        torch.testing.assert_close(linear(network.eval().features(images)), network(images))


@each
def test_a_part_of_a_space_builds_the_same(name):
    space, classes, _, _ = SPACES[name]
    arch = space.canonical(sampled(space, 1)[0])
    part = Part101(space, [arch]) if isinstance(space, Dag101) else ConfinedSpace(space, [arch])
    with torch.device("meta"):
        one, other = space.build(arch, classes=classes), part.build(arch, classes=classes)
    assert {key: value.shape for key, value in one.state_dict().items()} == {
        key: value.shape for key, value in other.state_dict().items()
    }


# -- NAS-Bench-101
# -------------------------------------------------------------------------------------------
def test_relabelled_cells_build_one_network():
    first = Dag101().parse(f"01100/00010/00001/00001/00000;input,{C3},{C1},{POOL},output")
    second = Dag101().parse(f"01100/00001/00010/00001/00000;input,{C1},{C3},{POOL},output")
    assert Dag101().canonical(first) == Dag101().canonical(second)
    one, other = (Dag101(channels=4).build(arch, classes=3) for arch in (first, second))
    other.load_state_dict(one.state_dict())
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(one(images), other(images))


def test_channels_are_shared_truncated_and_concatenated():
    """Vertices 1 and 2 feed the output of 5 channels, so 3 and 2.

    Vertex 2 sees the first 2 of vertex 1's, and its own projection.
    """
    arch = Dag101().parse(f"0111/0011/0001/0000;input,{POOL},{POOL},output")
    cell = Cell101(Dag101().graph(arch), inputs=4, channels=5).eval()
    assert cell.widths == [4, 3, 2, 5]
    x = torch.randn(2, 4, 6, 6)
    first = cell.ops[0](cell.projections["1"](x))
    second = cell.ops[1](first[:, :2] + cell.projections["2"](x))
    torch.testing.assert_close(cell(x), torch.cat([first, second], 1) + cell.projections["3"](x))


def test_a_cell_that_is_one_edge_is_one_projection():
    cell = Cell101(
        Dag101().graph(Dag101().parse("01/00;input,output")), inputs=4, channels=6
    ).eval()
    x = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(cell(x), cell.projections["1"](x))
    assert [type(module).__name__ for module in cell.modules()].count("Conv2d") == 1


# -- the others
# ----------------------------------------------------------------------------------------------
def test_a_size_cell_is_the_topology_space_s_cell():
    """With the same weights both networks of a cell compute the same.

    They are the cell of equal widths and NAS-Bench-201's network of that cell.
    """
    from nasrepro.oracles.spaces.net201 import Cell
    from nasrepro.oracles.spaces.size import CELL

    torch.manual_seed(0)
    one, other = SizeCell(4, 4), Cell(Cell201().parse(CELL).code, 4)
    other.load_state_dict(one.state_dict())
    x = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(one(x), other(x))
    assert SizeCell(4, 6)(x).shape == (2, 6, 5, 5)


def test_an_inverted_residual_adds_its_input_where_the_shape_stays():
    block, x = InvertedResidual(4, 4, 1, 3, 3).eval(), torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(block(x), block.conv(x) + x)
    strided = InvertedResidual(4, 8, 2, 6, 5).eval()
    assert strided(x).shape == (2, 8, 3, 3)
    torch.testing.assert_close(strided(x), strided.conv(x))


def test_the_place_of_an_identity_makes_no_difference():
    space = MacroSpace(channels=4, head=12)
    first = space.parse("10201210")
    second = space.canonical(first)
    assert space.format(second) == "10210210"
    one, other = (space.build(arch, classes=3) for arch in (first, second))
    other.load_state_dict(dict(zip(other.state_dict(), one.state_dict().values(), strict=True)))
    x = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(one(x), other(x))


def test_a_factorised_skip_is_two_halves_a_pixel_apart():
    skip, x = FactorizedReduce(3, 4).eval(), torch.randn(2, 3, 6, 6)
    y = x.relu()
    parts = [
        torch.einsum("oi,nihw->nohw", conv.weight[:, :, 0, 0], y[:, :, at::2, at::2])
        for at, conv in enumerate(skip.convs)
    ]
    torch.testing.assert_close(skip(x), skip.bn(torch.cat(parts, 1)))
    assert skip(torch.randn(1, 3, 5, 5)).shape == (1, 4, 3, 3)


def test_a_micro_cell_is_the_sum_of_its_operations():
    torch.manual_seed(0)
    cell, x = (
        MicroCell(TransNasMicro().parse("64-41414-3_02_123").code, 3, 4, 2).eval(),
        torch.randn(2, 3, 7, 7),
    )
    first = cell.edges[0](x)
    second = cell.edges[2](first)  # the edge from node 0 is none
    torch.testing.assert_close(
        cell(x), cell.edges[3](x) + cell.edges[4](first) + cell.edges[5](second)
    )
    assert not cell.edges[1](x).any() and cell.edges[1](x).shape == first.shape


def test_a_basic_block_has_a_residual():
    block, x = BasicBlock(4, 4, 1).eval(), torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(block(x), x + block.conv_b(block.conv_a(x)))
    changed = BasicBlock(4, 6, 2).eval()
    torch.testing.assert_close(
        changed(x), changed.downsample(x) + changed.conv_b(changed.conv_a(x))
    )


# -- bytes moved
# -----------------------------------------------------------------------------------------------
def test_bytes_moved_by_hand():
    space = MacroSpace(channels=1, head=2, in_channels=1)
    arch = space.parse(
        "00000000"
    )  # an identity inside a stage is nothing, one that begins it a 1x1 convolution with stride 2
    sides, widths = (8, 4, 2, 1), (1, 2, 4, 8)
    numbers = 2 * 64 + 9  # stem, 3x3 on one channel
    for stage in range(3):
        numbers += (
            widths[stage] * sides[stage] ** 2
            + widths[stage + 1] * sides[stage + 1] ** 2
            + widths[stage] * widths[stage + 1]
        )
    numbers += 8 + 2 + 8 * 2  # head
    numbers += 2 + 2  # global pooling of one place
    numbers += 2 + 3 + 2 * 3 + 3  # classifier, three classes
    assert space.traffic(arch, classes=3, size=8) == 4 * numbers
