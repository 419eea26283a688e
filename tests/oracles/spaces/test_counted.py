"""Released networks to the digit: ProxylessNAS, AMC's MobileNets, tree cells; and their spaces."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.oracles.spaces.proxyless import ProxylessSpace
from nasrepro.oracles.spaces.treecell import TREE_CELL_A, TREE_CELL_B, TreeCells
from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.registry import networks, studies
from nasrepro.suite.space import Complexity

#: Parameters and MACs; the authors' logs print 4.36, 7.12, 4.08 M and 439.2, 465.3, 320.4 M.
PROXYLESS = {
    "cpu": Complexity(4_361_648, 439_243_864),
    "gpu": Complexity(7_119_848, 465_260_160),
    "mobile": Complexity(4_080_512, 320_427_584),
    "mobile14": Complexity(6_857_568, 580_883_408),
}


@pytest.mark.parametrize("name", list(PROXYLESS))
def test_proxylessnas_networks(name):
    network = networks.get(f"proxylessnas.{name}")
    space, expected = network.space, PROXYLESS[name]
    arch = space.parse(network.arch)
    assert space.complexity(arch, classes=1000, size=224) == expected
    assert space.format(arch) == network.arch
    again = space.canonical(arch)
    assert space.canonical(again) == again
    assert space.complexity(again, classes=1000, size=224) == expected


def test_proxyless_space():
    space = ProxylessSpace()
    assert len(space) == 6**6 * 7**15
    with pytest.raises(InvalidArch, match="is not 21 of e3k3"):
        space.parse("e3k3-e3k3")
    with pytest.raises(InvalidArch, match="option 6 of decision block 1 "):
        space.parse("-".join(["zero"] * 21))  # the first of a stage changes the width
    with pytest.raises(NasreproError, match="is not 9 widths"):
        ProxylessSpace(widths=(32, 16))


@pytest.mark.parametrize(
    ("name", "macs"),
    [
        ("mobilenet", 568_740_352),
        ("0.75mobilenet", 325_400_448),
        ("0.5flops", 293_870_000),
        ("0.5time", 273_976_912),
        ("mobilenetv2", 300_774_272),
        ("mobilenetv2_0.7flops", 210_620_528),
        ("mobilenetv2_0.75", 209_069_792),
    ],
)
def test_amc_networks(name, macs):
    network = networks.get(f"amc.{name}")
    arch = network.space.parse(network.arch)
    assert network.space.complexity(arch, classes=1000, size=224).macs == macs


@pytest.mark.parametrize(
    ("options", "cell", "classes", "size", "params", "macs"),
    [
        ({}, TREE_CELL_A, 10, 32, 5_724_330, None),
        ({"alpha": 150}, TREE_CELL_A, 10, 32, 14_273_454, None),
        ({}, "g3", 10, 32, 2_740_368, None),  # without cells
        ({"family": "densenet", "blocks": 16}, TREE_CELL_A, 10, 32, 13_116_010, None),
        ({"family": "condensenet", "groups": 8}, TREE_CELL_B, 1000, 224, 6_660_600, 595_244_672),
        (
            {"family": "condensenet", "groups": 8, "classifier": 0.5},
            TREE_CELL_B,
            1000,
            224,
            5_628_600,
            594_212_672,
        ),
    ],
)
def test_tree_cell_networks(options, cell, classes, size, params, macs):
    space = TreeCells(**options)
    counted = space.complexity(space.parse(cell), classes=classes, size=size)
    assert counted.params == params
    assert macs in (None, counted.macs)


def test_trees_are_written_read_and_ordered():
    space = TreeCells()
    for cell in (TREE_CELL_A, TREE_CELL_B):
        arch = space.parse(cell)
        assert space.format(arch) == cell and space.canonical(arch) == arch
    turned = space.parse("add(g3>add(dw7,dw3),g3>add(conv1,avg3))")
    assert space.format(space.canonical(turned)) == "add(g3>add(avg3,conv1),g3>add(dw3,dw7))"
    kept = space.parse("add(g3>concat(dw7,avg3),g3)")  # the order of a concatenation matters
    assert space.format(space.canonical(kept)) == "add(g3,g3>concat(dw7,avg3))"
    rng = np.random.default_rng(0)
    for arch in (space.sample(rng) for _ in range(50)):
        same = space.canonical(arch)
        assert space.parse(space.format(arch)) == arch
        assert space.canonical(same) == same
        sizes = [space.complexity(each, classes=10, size=32) for each in (arch, same)]
        assert sizes[0] == sizes[1]
        graph = space.graph(arch)
        assert graph.ops[0] == "input" and graph.ops[-1] == "output"
        assert not np.tril(graph.adjacency).any()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "add(g3)",
        "add(g3,dw3)",
        "add(g3>sep3,g3)",
        "add(g3,g3",
        "g3>dw3>dw3>dw3",
        "concat(g3,g3,g3)",
    ],
)
def test_what_is_no_tree_of_the_space_is_refused(text):
    with pytest.raises(InvalidArch, match="treecell"):
        TreeCells().parse(text)


def test_unknown_family():
    with pytest.raises(NasreproError, match="unknown family 'resnet'"):
        TreeCells(family="resnet")


def test_the_study_counts_all_of_them():
    rows = {row["network"]: row for row in studies.get("released_networks.counts").measure(None)}
    assert {network.name for network in networks.all()} <= set(rows)
    assert rows["path_level.pyramidnet84"]["params"] == 5_724_330
    assert rows["proxylessnas.cpu"]["macs"] == 439_243_864


def test_shrinkcnn_and_shrinkrnn_are_as_large_as_their_repository_says():
    """3.6 M parameters and 384 M MACs; 23 M parameters at 745 units."""
    rows = {row["network"]: row for row in studies.get("released_networks.counts").measure(None)}
    assert (rows["ShrinkCNN"]["params"], rows["ShrinkCNN"]["macs"]) == (3_615_804, 383_676_392)
    assert rows["ShrinkRNN"]["params"] == 23_000_700
