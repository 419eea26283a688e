"""Released networks to the digit: ProxylessNAS, AMC's MobileNets, tree cells; and their spaces."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.oracles.spaces.proxyless import ProxylessSpace
from nasrepro.oracles.spaces.treecell import TREE_CELL_A, TREE_CELL_B, TreeCells
from nasrepro.oracles.spaces.widths import MobileNetV1Widths, MobileNetV2Channels
from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.space import Complexity

PROXYLESS = {
    "CPU": (
        (40, 24, 32, 48, 88, 104, 216, 360, 1432),
        "e6k3-e3k3-e3k3-e3k3-e6k3-e3k3-e3k3-e3k5-e6k3-zero-zero-e3k3-e6k5-e3k3-e3k3-e3k3-e6k5-e3k5-"
        "e3k5-e3k3-e6k5",
        Complexity(4_361_648, 439_243_864),
    ),
    "GPU": (
        (40, 24, 32, 56, 112, 128, 256, 432, 1728),
        "e3k5-zero-zero-zero-e3k7-zero-zero-e3k3-e6k7-zero-zero-e3k5-e6k5-zero-e3k3-e3k5-e6k7-e6k7-"
        "e6k7-e6k5-e6k7",
        Complexity(7_119_848, 465_260_160),
    ),
    "Mobile": (
        (32, 16, 32, 40, 80, 96, 192, 320, 1280),
        "e3k5-e3k3-zero-zero-e3k7-e3k3-e3k5-e3k5-e6k7-e3k5-e3k5-e3k5-e6k5-e3k5-e3k5-e3k5-e6k7-e6k7-"
        "e3k7-e3k7-e6k7",
        Complexity(4_080_512, 320_427_584),
    ),
    "Mobile-14": (
        (48, 24, 40, 56, 112, 136, 256, 448, 1792),
        "e3k5-e3k3-zero-zero-e3k7-e3k3-e3k5-e3k5-e6k7-e3k5-e3k5-e3k5-e6k5-e3k5-e3k5-e3k5-e6k7-e6k7-"
        "e3k7-e3k7-e6k7",
        Complexity(6_857_568, 580_883_408),
    ),
}


@pytest.mark.parametrize("name", list(PROXYLESS))
def test_proxylessnas_networks(name):
    widths, text, expected = PROXYLESS[name]
    space = ProxylessSpace(widths=widths)
    arch = space.parse(text)
    assert space.complexity(arch, classes=1000, size=224) == expected
    assert space.format(arch) == text
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
    ("text", "macs"),
    [
        ("32:64:128:128:256:256:512:512:512:512:512:512:1024:1024", 568_740_352),
        ("24:48:96:96:192:192:384:384:384:384:384:384:768:768", 325_400_448),
        ("24:48:96:80:192:200:328:352:368:360:328:400:736:752", 293_870_000),
        ("16:48:88:80:192:168:336:360:360:352:352:368:768:680", 273_976_912),
    ],
)
def test_amc_mobilenets(text, macs):
    space = MobileNetV1Widths()
    assert space.complexity(space.parse(text), classes=1000, size=224).macs == macs


@pytest.mark.parametrize(
    ("text", "macs"),
    [
        (":".join(map(str, MobileNetV2Channels.cardinalities)), 300_774_272),
        (
            "24:16:72:24:104:24:104:32:136:32:136:32:136:64:272:64:272:64:272:64:272:96:408:96:400:"
            "96:400:160:712:160:720:160:712:248:848",
            210_620_528,
        ),
        (
            "24:16:96:24:144:24:144:24:144:24:144:24:144:48:288:48:288:48:288:48:288:72:432:72:432:"
            "72:432:120:720:120:720:120:720:240:1280",
            209_100_000,
        ),
    ],
)
def test_amc_mobilenetv2s(text, macs):
    space = MobileNetV2Channels()
    counted = space.complexity(space.parse(text), classes=1000, size=224).macs
    assert counted == pytest.approx(macs, abs=50_000 if macs % 10**5 == 0 else 0)


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
