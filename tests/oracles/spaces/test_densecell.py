"""DenseNet-type cells.

Sizes against the built network, links against their definition, and the oracle that trains them.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nasrepro.oracles.spaces.densecell import DenseCell, linked
from nasrepro.oracles.trained_dense import INFO, SPACE
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Block

SMALL = DenseCell(widths=(4,), depths=(3, 5), links=(0, 5, 40), cells=2)


def archs(space: DenseCell, count: int) -> list:
    rng = np.random.default_rng(0)
    return [space.sample(rng) for _ in range(count)]


def conv_macs(network: torch.nn.Module, size: int) -> int:
    """Counted on a forward pass."""
    total = 0

    def count(module: torch.nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        nonlocal total
        total += module.weight.numel() * (output[0, 0].numel() if output.ndim == 4 else 1)

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(torch.zeros(1, 1, size, size))
    return total


@pytest.mark.parametrize("arch", archs(SPACE, 5), ids=SPACE.format)
@pytest.mark.parametrize("size", [8, 9])
def test_sizes_are_those_of_the_built_network(arch, size):
    network = SPACE.build(arch, classes=10)
    made = SPACE.complexity(arch, classes=10, size=size)
    assert sum(parameter.numel() for parameter in network.parameters()) == made.params
    assert conv_macs(network, size) == made.macs
    assert network(torch.zeros(2, 1, size, size)).shape == (2, 10)


def test_blocks_by_hand():
    # cell 1: width 4, depth 3: layer 2 may read 4 channels of layer 0, and 5 are asked for; cell 2:
    # width 8, depth 5: 8, 16, 24 channels
    arch = SMALL.parse("w4-d3.5-t5.40")
    assert SMALL.blocks(arch) == (Block(4, 3, 4, 4, 4, 27), Block(8, 5, 48, 48, 4, 45))
    assert SMALL.blocks(SMALL.parse("w4-d3.5-t0.5"))[1] == Block(8, 5, 15, 48, 4, 45)


def test_links_are_fixed_and_those_of_fewer_are_among_those_of_more():
    some, more = linked(1, 4, 5, 24), linked(1, 4, 20, 24)
    assert (
        len(set(some.tolist())) == 5
        and set(some) <= set(more)
        and (np.diff(more) > 0).all()
        and more.max() < 24
    )
    assert np.array_equal(linked(1, 4, 24, 24), np.arange(24))
    assert not np.array_equal(some, linked(1, 3, 5, 24))


def test_the_graph_has_the_links_of_the_network():
    chain = SMALL.graph(SMALL.parse("w4-d3.5-t0.0"))
    assert len(chain.ops) == 10 and chain.adjacency.sum() == 9
    dense = SMALL.graph(SMALL.parse("w4-d3.5-t5.40")).adjacency
    assert (
        dense[1, 3] and dense[4, 6] and dense[4, 8] and not dense[3, 5]
    )  # within the cells, not across
    assert dense.sum() == 9 + 1 + (1 + 2 + 3)


def test_a_link_carries_what_it_reads():
    """Without its first layer's output.

    Only networks whose links read that layer change elsewhere than by the chain.
    """
    arch = SMALL.parse("w4-d3.5-t5.0")
    network = SMALL.build(arch, classes=10).eval()
    seen = []
    network.cells[0][2].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    first = []
    network.cells[0][0].register_forward_hook(lambda module, inputs, output: first.append(output))
    with torch.no_grad():
        network(torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert seen[0].shape[1] == 8 and torch.equal(seen[0][:, 4:], first[0])


def test_more_links_than_channels_are_the_same_network():
    full, more = SMALL.parse("w4-d3.3-t5.40"), SMALL.parse("w4-d3.3-t40.40")
    assert SMALL.canonical(more) == full and SMALL.blocks(more) == SMALL.blocks(full)
    one, other = (
        sum(p.numel() for p in SMALL.build(each, classes=10).parameters()) for each in (full, more)
    )
    assert one == other
    apart = {
        SMALL.canonical(SMALL.parse(text))
        for text in ("w4-d5.3-t0.0", "w4-d5.3-t5.0", "w4-d5.3-t40.0")
    }
    assert len(apart) == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "w4",
        "w5-d3.3-t0.0",
        "w4-d3-t0.0",
        "w4-d3.3.3-t0.0.0",
        "w4-d3.4-t0.0",
        "w4-d3.3-t0.1",
        "w4-d3..3-t0.0",
    ],
)
def test_what_is_no_architecture_is_refused(text):
    with pytest.raises(InvalidArch):
        SMALL.parse(text)


def test_the_oracle_trains_and_gives_every_epoch(monkeypatch, tmp_path):
    from dataclasses import replace

    from nasrepro.oracles import trained_dense

    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))
    monkeypatch.setattr(
        trained_dense,
        "RECIPE",
        replace(
            trained_dense.RECIPE, epochs=2, train_images=128, valid_images=100, test_images=100
        ),
    )
    oracle = trained_dense.load()
    arch = SPACE.parse("w4-d3.3.3-t0.5.5")
    first, last = (oracle.query(arch, dataset="digits", epochs=epochs).values for epochs in (1, 2))
    assert oracle.answers == 2 and 0 < first["cost_s"] < last["cost_s"]
    assert "test_accuracy" not in first and 0 <= last["test_accuracy"] <= 1
    assert last["params"] == SPACE.complexity(arch, classes=10, size=8).params
    assert INFO.trains and oracle.info.name == "trained_dense"
