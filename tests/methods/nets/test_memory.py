"""Peak memory against brute force over all orders, closed forms, and networks of real spaces."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nasrepro.methods.nets.memory import Tensors, peak, peak_in, peak_memory, tensors_of
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.densecell import DenseCell
from nasrepro.oracles.spaces.nodedag import SHRINKCNN, NodeDag


def dag(seed, tensors):
    """A random DAG whose last tensor everything leads to."""
    rng = np.random.default_rng(seed)
    reads = [()]
    for tensor in range(1, tensors):
        count = int(rng.integers(1, tensor + 1))
        reads.append(tuple(sorted(rng.choice(tensor, count, replace=False).tolist())))
    ends = set(range(tensors)) - {read for each in reads for read in each} - {tensors - 1}
    reads[-1] = tuple(sorted({*reads[-1], *ends}))
    return Tensors(tuple(rng.integers(1, 20, tensors).tolist()), tuple(reads))


def brute_force(tensors):
    """By all topological orders."""
    peaks = []
    for order in itertools.permutations(range(len(tensors.sizes))):
        place = {tensor: at for at, tensor in enumerate(order)}
        if all(place[r] < place[t] for t, reads in enumerate(tensors.reads) for r in reads):
            last = {
                t: max(
                    [place[u] for u, reads in enumerate(tensors.reads) if t in reads],
                    default=place[t],
                )
                for t in order
            }
            last[len(order) - 1] = len(order)
            peaks.append(
                max(
                    sum(tensors.sizes[t] for t in order if place[t] <= k <= last[t])
                    for k in range(len(order))
                )
            )
    return min(peaks)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), tensors=st.integers(2, 7))
def test_the_peak_is_the_least_of_all_orders(seed, tensors):
    made = dag(seed, tensors)
    assert peak(made) == brute_force(made)
    assert peak(made) <= peak_in(made, range(tensors))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_it_never_rises_when_an_edge_goes(seed):
    made = dag(seed, 8)
    edges = [(t, r) for t, reads in enumerate(made.reads) for r in reads if len(reads) > 1]
    for tensor, read in edges:
        if sum(read in reads for reads in made.reads) > 1:
            reads = list(made.reads)
            reads[tensor] = tuple(each for each in reads[tensor] if each != read)
            assert peak(Tensors(made.sizes, tuple(reads))) <= peak(made)


def test_closed_forms():
    chain = Tensors((5, 7, 2, 9), ((), (0,), (1,), (2,)))
    assert peak(chain) == max(5 + 7, 7 + 2, 2 + 9)
    dense = Tensors((5, 1, 2, 3), ((), (0,), (0, 1), (0, 1, 2)))
    assert peak(dense) == 5 + 1 + 2 + 3


class Branches(nn.Module):
    """A wide and a narrow branch, joined."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Sequential(
            nn.Conv2d(1, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 1)
        )
        self.narrow = nn.Conv2d(1, 2, 1)

    def forward(self, x):
        """(batch, 3, H, W)."""
        return torch.cat([self.narrow(x), self.wide(x)], 1).mean((2, 3))


def test_a_network_by_hand():
    """Wide first, 16 pixels: 1 + 8, 8 + 1, then 1 + 1 + 2; with narrow first 1 + 2 + 8."""
    tensors = tensors_of(Branches(), (1, 4, 4))
    assert sorted(tensors.sizes) == sorted([16, 32, 128, 16, 3])
    assert peak(tensors) == 16 + 128 + 16
    assert peak_in(tensors, range(len(tensors.sizes))) == 16 + 32 + 128


@pytest.mark.parametrize(
    ("space", "text", "shape"),
    [
        (NodeDag(in_channels=1), SHRINKCNN, (1, 8, 8)),
        (Cell201(channels=4, cells=1, stages=1, in_channels=1), None, (1, 8, 8)),
        (Dag101(channels=8, stacks=1, modules=1, in_channels=1), None, (1, 8, 8)),
        (DenseCell(in_channels=1), None, (1, 8, 8)),
    ],
)
def test_spaces(space, text, shape):
    """At least what an operation reads and gives, at most all tensors; four bytes, four times."""
    arch = space.parse(text) if text else space.sample(np.random.default_rng(1))
    with torch.random.fork_rng(devices=[]):
        tensors = tensors_of(space.build(arch, classes=10), shape)
    least = max(
        size + sum(tensors.sizes[read] for read in reads)
        for size, reads in zip(tensors.sizes, tensors.reads, strict=True)
    )
    assert least <= peak(tensors) <= sum(tensors.sizes)
    assert peak_memory(space, arch, classes=10, shape=shape, width=4) == 4 * peak(tensors)
