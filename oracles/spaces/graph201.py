"""Graphs of NAS-Bench-201's cells: their order, and which of them compute the same function."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from importlib import resources
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.space import Topology

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP, CONV1, CONV3, POOL = range(5)
#: (source node, target node) of each decision, in the order of the official string.
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
SIZE = len(OPS) ** len(EDGES)

#: The cell as a guide of 6 edges that each hold an operation, sorted by source.
TOPOLOGY = Topology(tuple(sorted(EDGES)), OPS[1:], on_edges=True, output=3)


@cache
def official_order() -> NDArray[np.uint16]:
    """Base-5 number of the cell at each official index, shape (15625,).

    The benchmark's authors listed all cells in the order of their numbers and shuffled the list
    with Python's `random` seeded by 88; the same two steps give the official order (the tests check
    its published sha256, and the converter checks it against the table of strings).
    """
    numbers = list(range(SIZE))
    random.Random(88).shuffle(numbers)
    return np.array(numbers, dtype=np.uint16)


@cache
def official_index() -> NDArray[np.uint16]:
    """Inverse of `official_order`."""
    inverse = np.empty(SIZE, dtype=np.uint16)
    inverse[official_order()] = np.arange(SIZE, dtype=np.uint16)
    return inverse


@cache
def representatives() -> NDArray[np.uint16]:
    """Smallest number in the functional class of each number, shape (15625,).

    `compute_representatives`, stored.
    """
    stored = resources.files("nasrepro.oracles.data").joinpath("cell201_representatives.npy")
    with stored.open("rb") as file:
        table: NDArray[np.uint16] = np.load(file, allow_pickle=False)
    return table


def compute_representatives() -> NDArray[np.uint16]:
    """Group all cells by `function_of` (about a second).

    What `oracles/data/cell201_representatives.npy` holds.
    """
    first: dict[object, int] = {}
    codes = np.stack(np.unravel_index(np.arange(SIZE), (len(OPS),) * len(EDGES)), axis=1).tolist()
    return np.array(
        [first.setdefault(function_of(tuple(code)), number) for number, code in enumerate(codes)],
        dtype=np.uint16,
    )


def function_of(code: tuple[int, ...]) -> object:
    """What a cell computes: a value equal for functionally equal cells and for no others.

    A node is a sum of terms (pool^k of a base, times a count), where a base is the cell's input or
    one convolution, identified by its edge since two convolutions have two weights. Convolutions
    that do not reach the output are dropped; the names of the others are made irrelevant by taking
    the smallest description over all renamings.
    """
    nodes: list[Counter[tuple[int, int]]] = [
        Counter({(0, -1): 1})
    ]  # (number of poolings, base) -> count
    convs: dict[int, tuple[int, Counter[tuple[int, int]]]] = {}
    for target in (1, 2, 3):
        total: Counter[tuple[int, int]] = Counter()
        for edge, (source, to) in enumerate(EDGES):
            op = code[edge]
            if to != target or op == NONE:
                continue
            value = nodes[source]
            if not value:
                continue
            if op == SKIP:
                total.update(value)
            elif op == POOL:
                total.update({(pools + 1, base): count for (pools, base), count in value.items()})
            else:
                convs[edge] = (op, value)
                total[0, edge] += 1
        nodes.append(total)
    live: list[int] = []
    todo = [base for _, base in nodes[3] if base >= 0]
    while todo:
        conv = todo.pop()
        if conv not in live:
            live.append(conv)
            todo += [base for _, base in convs[conv][1] if base >= 0]

    def described(names: dict[int, int]) -> tuple[object, ...]:
        def terms(value: Counter[tuple[int, int]]) -> tuple[tuple[int, int, int], ...]:
            return tuple(
                sorted((pools, names[base], count) for (pools, base), count in value.items())
            )

        body = sorted((names[conv], convs[conv][0], terms(convs[conv][1])) for conv in live)
        return (*body, terms(nodes[3]))

    return min(
        described({-1: -1, **dict(zip(live, order, strict=True))})
        for order in permutations(range(len(live)))
    )


@cache
def line_graph() -> NDArray[np.bool_]:
    """Adjacency of input, edges and output of the cell, (8, 8)."""
    adjacency = np.zeros((8, 8), dtype=bool)
    for edge, (source, target) in enumerate(EDGES, start=1):
        adjacency[0, edge] = source == 0
        adjacency[edge, 7] = target == 3
        for later, (start, _) in enumerate(EDGES, start=1):
            adjacency[edge, later] = start == target
    adjacency.setflags(write=False)
    return adjacency
