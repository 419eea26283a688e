"""`layers`: what the built network computes, and a second count of `complexity`."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from counting import executed
from hypothesis import given, settings
from hypothesis import strategies as st

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.dartscell import DartsCell
from nasrepro.oracles.spaces.densecell import DenseCell
from nasrepro.oracles.spaces.macro import MacroSpace
from nasrepro.oracles.spaces.nodedag import NodeDag, shrinkcnn
from nasrepro.oracles.spaces.recurrent import RecurrentSpace
from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.oracles.spaces.transnas import TransNasMacro, TransNasMicro
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import oracles
from nasrepro.suite.space import Complexity, ConfinedSpace, Layer, Layered

#: Every space twice, as published and small with odd sides: (space, classes, image size).
SPACES = {
    "cell201": (Cell201(), 10, 32),
    "dag101": (Dag101(), 10, 32),
    "size": (SizeSpace(), 100, 32),
    "macro": (MacroSpace(), 10, 32),
    "transnas_micro": (TransNasMicro(), 47, 256),
    "transnas_macro": (TransNasMacro(), 75, 256),
    "nodedag": (NodeDag(), 10, 32),
    "shrinkcnn": (shrinkcnn(), 1000, 224),
    "densecell": (DenseCell(), 10, 8),
    "darts": (DartsCell(), 10, 32),
    "darts for imagenet": (DartsCell(channels=4, cells=5, stem="imagenet"), 7, 37),
    "small cell201": (Cell201(channels=4, cells=1, in_channels=1), 7, 9),
    "small dag101": (Dag101(channels=7, stacks=2, modules=2, in_channels=1), 7, 9),
    "small size": (SizeSpace(in_channels=1), 7, 9),
    "small macro": (MacroSpace(channels=4, head=12, in_channels=1), 7, 9),
    "small transnas_micro": (TransNasMicro(channels=4, stem_stride=1, in_channels=1), 7, 9),
    "small transnas_macro": (TransNasMacro(channels=4, stem_stride=1, in_channels=1), 7, 9),
    "small nodedag": (NodeDag(nodes=4, filters=4, stem=8, in_channels=1), 7, 9),
    "nodedag without residuals": (NodeDag(nodes=4, residual=False, head=12), 7, 5),
    "small densecell": (DenseCell(widths=(2, 4), cells=4), 7, 9),
    # sides that stop shrinking at 1, where a stride changes the shape no more
    "tiny macro": (MacroSpace(channels=2, head=4), 3, 2),
    "tiny transnas_micro": (TransNasMicro(channels=4, stem_stride=1), 3, 1),
    "tiny transnas_macro": (TransNasMacro(channels=4, stem_stride=1), 3, 1),
    "tiny nodedag": (NodeDag(nodes=3, filters=4, stem=8), 3, 2),
}
#: NAS-Bench-201's counter adds one operation for each bias of the classifier.
COUNTS_BIASES = (Cell201, SizeSpace)
each_space = pytest.mark.parametrize("name", SPACES)


@each_space
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_parameters_and_macs_of_the_layers_are_those_of_complexity(name, seed):
    space, classes, size = SPACES[name]
    arch = space.sample(np.random.default_rng(seed))
    count = Complexity.of(space.layers(arch, classes=classes, size=size))
    biases = classes if isinstance(space, COUNTS_BIASES) else 0
    expected = space.complexity(arch, classes=classes, size=size)
    assert count == Complexity(expected.params, expected.macs - biases)


@each_space
def test_the_layers_are_those_that_torch_computes(name):
    """On the meta device; the order inside a cell may be another one.

    The first and last may not.
    """
    space, classes, size = SPACES[name]
    rng = np.random.default_rng(0)
    for arch in [space.sample(rng) for _ in range(2 if space.name == "dag101" else 6)]:
        with torch.device("meta"):
            network = space.build(arch, classes=classes)
            ran = executed(network, torch.empty(1, space.in_channels, size, size))
        listed = list(space.layers(arch, classes=classes, size=size))
        if isinstance(space, TransNasMicro | TransNasMacro):  # the head is the task's
            ran = ran[:-2]
        assert Counter(listed) == Counter(ran)
        assert listed[0] == ran[0] and listed[-1] == ran[-1]


def test_layers_by_hand():
    """One 3x3 on edge 0 -> 1 and a pooling on 1 -> 3 of a cell of 4 channels.

    Twice, on sides of 9 and 5 pixels.
    """
    space = Cell201(channels=4, cells=1, stages=2, in_channels=1)
    arch = space.parse("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|avg_pool_3x3~1|none~2|")
    layers = space.layers(arch, classes=3, size=9)
    assert layers == (
        Layer("conv", 1, 4, 3, 1, 1, 9, 9),
        Layer("batch_norm", 4, 4, in_side=9, out_side=9),
        Layer("conv", 4, 4, 3, 1, 1, 9, 9),
        Layer("batch_norm", 4, 4, in_side=9, out_side=9),
        Layer("avg_pool", 4, 4, 3, 1, 1, 9, 9),
        Layer("conv", 4, 8, 3, 2, 1, 9, 5),
        Layer("batch_norm", 8, 8, in_side=5, out_side=5),
        Layer("conv", 8, 8, 3, 1, 1, 5, 5),
        Layer("batch_norm", 8, 8, in_side=5, out_side=5),
        Layer("avg_pool", 4, 4, 2, 2, 1, 9, 5),
        Layer("conv", 4, 8, 1, 1, 1, 5, 5),
        Layer("conv", 8, 8, 3, 1, 1, 5, 5),
        Layer("batch_norm", 8, 8, in_side=5, out_side=5),
        Layer("avg_pool", 8, 8, 3, 1, 1, 5, 5),
        Layer("batch_norm", 8, 8, in_side=5, out_side=5),
        Layer("global_pool", 8, 8, 5, 1, 1, 5, 1),
        Layer("linear", 8, 3, bias=True),
    )
    assert Complexity.of(layers).params == (
        (36 + 8) + (144 + 8) + (288 + 16) + (576 + 16) + 32 + (576 + 16) + 16 + 27
    )


def test_a_depthwise_layer_by_hand():
    depthwise = Layer("conv", 6, 6, 3, 2, 6, 8, 4)
    assert (depthwise.weights, depthwise.params, depthwise.macs) == (54, 54, 54 * 16)
    assert depthwise.moved == 6 * 64 + 6 * 16 + 54
    linear = Layer("linear", 6, 5, bias=True)
    assert (linear.weights, linear.params, linear.macs, linear.moved) == (30, 35, 30, 6 + 5 + 35)


def test_the_layers_of_a_recurrent_cell_are_what_its_complexity_counts():
    space = RecurrentSpace()
    for seed in range(10):
        arch = space.sample(np.random.default_rng(seed))
        counted = Complexity.of(space.layers(arch, classes=97, size=1))
        assert counted == space.complexity(arch, classes=97, size=1)


def test_every_convolutional_space_of_an_oracle_lists_its_layers():
    listed = set()
    for entry in oracles.all():
        space, of = entry.info.space, entry.info.datasets[0]
        arch = space.sample(np.random.default_rng(0))
        if not hasattr(type(space), "layers") or type(space).layers is Layered.layers:
            with pytest.raises(NasreproError, match="does not list the layers"):
                space.layers(arch, classes=of.classes, size=of.size)
            continue
        layers = space.layers(arch, classes=of.classes, size=of.size)
        images = getattr(space, "in_channels", 3) > 0
        first = ("conv", of.size) if images else ("linear", 1)
        assert (layers[0].kind, layers[0].in_side) == first
        listed.add(space.name)
    assert {"cell201", "dag101", "size", "macro", "transnas_micro"} <= listed


def test_a_part_of_a_space_has_the_same_layers():
    space, classes, size = SPACES["small cell201"]
    arch = space.at(7)
    part = ConfinedSpace(space, [arch])
    assert part.layers(arch, classes=classes, size=size) == space.layers(
        arch, classes=classes, size=size
    )
