"""The built NAS-Bench-201 network.

Names, sizes, operations, and the outputs of the benchmark's own network.
"""

import numpy as np
import pytest
import torch
from counting import counted
from torch import nn

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.net201 import Cell, Reduction, Zero

SPACE = Cell201()
SMALL = Cell201(channels=4, cells=1)
DENSE = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|"
    "nor_conv_3x3~2|"
)
MIXED = "|avg_pool_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|nor_conv_3x3~0|none~1|avg_pool_3x3~2|"
DEAD = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_1x1~2|"
EMPTY = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


def cells_of_every_count():
    """One cell for every possible pair of 1x1 and 3x3 counts.

    The other edges filled with the other operations in turn.
    """
    for ones in range(7):
        for threes in range(7 - ones):
            code = [2] * ones + [3] * threes + [0, 1, 4, 0, 1, 4][: 6 - ones - threes]
            yield SPACE.arch(np.random.default_rng(ones * 7 + threes).permutation(code))


@pytest.mark.parametrize(
    ("space", "classes", "size"),
    [
        (SMALL, 10, 8),
        (Cell201(channels=3, cells=2, stages=2), 120, 9),
        (Cell201(channels=8, cells=1, stages=1, in_channels=1), 10, 8),
    ],
)
def test_sizes_are_those_of_complexity_for_all_operation_counts(space, classes, size):
    for arch in cells_of_every_count():
        with torch.device("meta"):
            found = counted(
                space.build(arch, classes=classes),
                torch.empty(1, space.in_channels, size, size),
                biases=True,
            )
        assert found == space.complexity(arch, classes=classes, size=size)


def test_the_published_skeleton_is_the_default():
    arch = SPACE.parse(DENSE)
    found = counted(SPACE.build(arch, classes=10), torch.zeros(1, 3, 32, 32), biases=True)
    assert found == SPACE.complexity(arch, classes=10, size=32)
    assert found.macs == 184_730_250


def test_modules_have_the_benchmark_s_names_in_its_order():
    network = SPACE.build(SPACE.parse(DENSE), classes=10)
    names = [
        name
        for name, module in network.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    expected = ["stem.0"]
    for index in range(17):
        if index in (5, 11):
            expected += [
                f"cells.{index}.{part}" for part in ("conv_a.op.1", "conv_b.op.1", "downsample.1")
            ]
        else:
            expected += [f"cells.{index}.layers.{edge}.op.1" for edge in (0, 1, 2, 4, 5)]
    assert names == [*expected, "classifier"]


def test_a_cell_is_the_sum_of_its_operations():
    torch.manual_seed(0)
    cell, x = Cell(SPACE.parse(MIXED).code, 4), torch.randn(2, 4, 5, 5)
    first = torch.nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    second = cell.layers[1](x) + cell.layers[2](first)
    third = cell.layers[3](x) + torch.nn.functional.avg_pool2d(
        second, 3, 1, 1, count_include_pad=False
    )
    torch.testing.assert_close(cell(x), third)


def test_a_pool_at_the_border_averages_what_is_inside():
    pool, x = Cell((0, 0, 0, 4, 0, 0), 1), torch.arange(9.0).view(1, 1, 3, 3)
    assert pool(x)[0, 0, 0, 0] == pytest.approx((0 + 1 + 3 + 4) / 4)
    assert pool(x)[0, 0, 1, 1] == pytest.approx(4)


def test_a_reduction_halves_the_side_and_keeps_a_residual():
    torch.manual_seed(0)
    block, x = Reduction(3, 6).eval(), torch.randn(2, 3, 8, 8)
    assert block(x).shape == (2, 6, 4, 4)
    block.conv_b.op[
        2
    ].weight.data.zero_()  # the block's own branch off: what is left is the shortcut
    pooled = x.view(2, 3, 4, 2, 4, 2).mean((3, 5))
    torch.testing.assert_close(
        block(x), torch.einsum("oi,nihw->nohw", block.downsample[1].weight[:, :, 0, 0], pooled)
    )
    assert block(torch.randn(1, 3, 7, 7)).shape == (1, 6, 4, 4)


@pytest.mark.parametrize("text", [DEAD, EMPTY])
def test_a_dead_cell_runs_and_learns_nothing_but_its_bias(text):
    network = SMALL.build(SPACE.parse(text), classes=10)
    logits = network(torch.randn(4, 3, 8, 8))
    nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    assert torch.isfinite(logits).all()
    assert network.stem[0].weight.grad is not None
    assert not network.stem[0].weight.grad.any()
    assert network.classifier.bias.grad.any()


def test_zero_hands_a_zero_gradient_back():
    x = torch.ones(1, requires_grad=True)
    Zero()(x).sum().backward()
    assert x.grad == 0


def test_features_are_what_the_classifier_sees():
    network, x = SMALL.build(SPACE.parse(MIXED), classes=7).eval(), torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(network.classifier(network.features(x)), network(x))
    assert network.features(x).shape == (2, 16)


def test_outputs_are_those_of_the_benchmark_s_own_network():
    """With the same weights and images the authors' network gave these logits.

    C is 16, N is 5, in training mode.
    """
    network = SPACE.build(SPACE.parse(DENSE), classes=10)
    weights = np.random.RandomState(0)
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            bound = 1 / module.weight[0].numel() ** 0.5
            for tensor in (module.weight, module.bias):
                if tensor is not None:
                    tensor.data = torch.from_numpy(
                        weights.uniform(-bound, bound, size=tuple(tensor.shape)).astype(np.float32)
                    )
    images = torch.from_numpy(
        np.random.RandomState(1000).standard_normal((128, 3, 32, 32)).astype(np.float32)
    )
    with torch.no_grad():
        logits = network.train()(images)[0, :5]
    expected = [-0.07294803, -0.3397879, -0.09216791, -0.05027083, -0.32915264]
    torch.testing.assert_close(logits, torch.tensor(expected), rtol=0, atol=1e-4)
