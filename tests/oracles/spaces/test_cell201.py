"""The NAS-Bench-201 space.

Official names and order, its three equivalences, sizes, the benchmark's mutation.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chisquare

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.graph201 import (
    CONV1,
    CONV3,
    EDGES,
    NONE,
    OPS,
    POOL,
    SIZE,
    SKIP,
    compute_representatives,
    official_order,
)
from nasrepro.suite.errors import InvalidArch, NasreproError, UnknownName
from nasrepro.suite.space import Arch

SPACE = Cell201()
ARCHS = tuple(SPACE)
#: Index 1 of the benchmark, as its own query examples print it.
FIRST = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|"
    "skip_connect~2|"
)
SIXTH = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|"


def cell(*code: int) -> Arch:
    return SPACE.arch(code)


# -- names -----------------------------------------------------------------------------------------
def test_official_order():
    text = "\n".join(SPACE.format(arch) for arch in ARCHS)
    assert (
        hashlib.sha256(text.encode()).hexdigest()
        == "83abc799e45cf34e9d2163654668ab998b9a54d01c39e72ca1f71f2cdf356d84"
    )
    assert len(SPACE) == len(set(ARCHS)) == SIZE == 15625
    assert SPACE.index(SPACE.parse(FIRST)) == 1
    assert SPACE.index(SPACE.parse(SIXTH)) == 284
    # it is no base-5 number, in either digit order: a peer's reader assumes so
    numbers = [SPACE.number(arch) for arch in ARCHS]
    mirrored = [sum(option * 5**edge for edge, option in enumerate(arch.code)) for arch in ARCHS]
    assert (
        max(sum(number == i for i, number in enumerate(each)) for each in (numbers, mirrored)) <= 1
    )


def test_every_name_index_and_number_finds_its_cell():
    for index, arch in enumerate(ARCHS):
        assert SPACE.index(arch) == index and SPACE.at(index) == arch
        assert SPACE.parse(SPACE.format(arch)) == arch
        assert SPACE.numbered(SPACE.number(arch)) == arch


def test_the_order_does_not_disturb_the_global_generator():
    code = (
        "import random; random.seed(1); from nasrepro.oracles.spaces.cell201 import "
        "official_order; official_order(); print(random.random())"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert float(shown) == pytest.approx(0.13436424411240122)
    assert official_order().dtype == np.uint16


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            FIRST.replace("nor_conv_3x3~0", "nor_conv_5x5~0", 1),
            "operation on edge 0->1 .*'nor_conv_5x5'; did you mean 'nor_conv_3x3'",
        ),
        (
            FIRST.replace("skip_connect~2", "skip-connect~2"),
            "edge 2->3 .*did you mean 'skip_connect'",
        ),
        ("|none~0|+|none~0|none~1|", "has 3 edges in 2 nodes, expected 6 edges in 3 nodes"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|", "has 5 edges in 3 nodes, expected 6"),
        (
            "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|none~3|",
            "has 7 edges in 3 nodes, expected 6",
        ),
        ("|none~0|none~0|+|none~1|+|none~0|none~1|none~2|", "expected 6 edges in 3 nodes"),
        (
            FIRST.replace("avg_pool_3x3~1", "avg_pool_3x3~0"),
            "edge 'avg_pool_3x3~0' into node 2 .* must end in ~1",
        ),
        (FIRST.replace("skip_connect~2", "skip_connect"), "must end in ~2"),
        (FIRST.replace("~", "-"), "unknown operation"),
        ("6111", "expected 6 edges"),
        ("", "expected 6 edges"),
    ],
)
def test_a_wrong_string_is_told_what_is_wrong(text, message):
    with pytest.raises((InvalidArch, UnknownName), match=message) as caught:
        SPACE.parse(text)
    assert isinstance(caught.value, NasreproError)


# -- equivalences
# --------------------------------------------------------------------------------------------
def test_three_equivalences_are_counted():
    assert len({SPACE.unique_string(arch, zeros=False) for arch in ARCHS}) == 12751
    assert len({SPACE.unique_string(arch) for arch in ARCHS}) == 6466
    assert len({SPACE.canonical(arch) for arch in ARCHS}) == 5044


def test_stored_representatives_are_the_computed_ones():
    representatives = compute_representatives()
    assert np.array_equal(
        [SPACE.number(SPACE.canonical(SPACE.numbered(number))) for number in range(SIZE)],
        representatives,
    )


def test_canonical_form_is_the_smallest_of_its_class_and_blind_to_dead_edges():
    for arch in ARCHS:
        canonical = SPACE.canonical(arch)
        assert SPACE.number(canonical) <= SPACE.number(arch)
        assert SPACE.canonical(canonical) == canonical == SPACE.canonical(SPACE.live(arch))


def test_canonical_form_is_constant_under_renaming_the_inner_nodes():
    for arch in ARCHS:
        first, second, between, direct, from_first, from_second = arch.code
        if between == NONE:
            assert SPACE.canonical(arch) == SPACE.canonical(
                cell(second, first, NONE, direct, from_second, from_first)
            )


def test_known_equalities():
    conv_twice = cell(CONV3, NONE, SKIP, NONE, SKIP, SKIP)  # 2 conv_a(x)
    two_convs = cell(SKIP, CONV3, NONE, NONE, CONV3, SKIP)  # conv_a(x) + conv_b(x)
    assert SPACE.unique_string(conv_twice) == SPACE.unique_string(two_convs)
    assert SPACE.canonical(conv_twice) != SPACE.canonical(two_convs)
    # pooling is linear: pool(x) + pool(x) is pool(x + x)
    assert SPACE.canonical(cell(POOL, POOL, NONE, NONE, SKIP, SKIP)) == SPACE.canonical(
        cell(SKIP, SKIP, SKIP, NONE, NONE, POOL)
    )
    # a convolution is not: conv(x + x) is not 2 conv(x)
    assert SPACE.canonical(cell(SKIP, SKIP, SKIP, NONE, NONE, CONV1)) != SPACE.canonical(
        cell(CONV1, NONE, SKIP, NONE, SKIP, SKIP)
    )
    # a skip through a node is a skip
    assert SPACE.canonical(cell(SKIP, NONE, NONE, NONE, CONV3, NONE)) == SPACE.canonical(
        cell(NONE, NONE, NONE, CONV3, NONE, NONE)
    )
    # nothing that reaches the output
    assert SPACE.canonical(cell(CONV3, CONV3, CONV3, NONE, NONE, NONE)) == cell(
        NONE, NONE, NONE, NONE, NONE, NONE
    )


def evaluate(arch, weights):
    """Output of a cell with stand-ins.

    Any smooth non-linear map for a convolution, one fixed linear map for pooling.

    `weights` gives the two matrices of each convolution by its edge. A map of zero is zero, as
    everywhere in this space.
    """
    pool = np.random.default_rng(99).normal(size=(4, 4)) / 3
    nodes = [np.random.default_rng(98).normal(size=4), *np.zeros((3, 4))]
    for edge, (source, target) in enumerate(EDGES):
        x = nodes[source]
        if arch.code[edge] == SKIP:
            nodes[target] = nodes[target] + x
        elif arch.code[edge] == POOL:
            nodes[target] = nodes[target] + pool @ x
        elif arch.code[edge] in (CONV1, CONV3):
            linear, squared = weights[edge]
            nodes[target] = nodes[target] + linear @ x + (squared @ x) ** 2
    return nodes[3]


def same_function(one, other):
    """Whether the two cells agree at a random input.

    By some pairing of their live convolutions, kind by kind.
    """
    one, other = SPACE.live(one), SPACE.live(other)
    ours = [edge for edge, op in enumerate(one.code) if op in (CONV1, CONV3)]
    theirs = [edge for edge, op in enumerate(other.code) if op in (CONV1, CONV3)]
    if sorted(one.code[edge] for edge in ours) != sorted(other.code[edge] for edge in theirs):
        return False
    rng = np.random.default_rng(len(ours))
    weights = {edge: rng.normal(size=(2, 4, 4)) / 3 for edge in ours}
    expected = evaluate(one, weights)
    for order in permutations(ours):
        if all(one.code[a] == other.code[b] for a, b in zip(order, theirs, strict=True)):
            renamed = {b: weights[a] for a, b in zip(order, theirs, strict=True)}
            if np.allclose(evaluate(other, renamed), expected, rtol=1e-9, atol=1e-9):
                return True
    return False


def test_equal_canonical_forms_compute_equal_functions():
    rng = np.random.default_rng(0)
    for index in rng.choice(SIZE, 400, replace=False):
        assert same_function(ARCHS[index], SPACE.canonical(ARCHS[index]))


def test_different_canonical_forms_compute_different_functions():
    merged = defaultdict(
        list
    )  # cells that the benchmark's own string does not tell apart, or that have the same operations
    for arch in dict.fromkeys(map(SPACE.canonical, ARCHS)):
        merged[SPACE.unique_string(arch)].append(arch)
        merged[tuple(sorted(arch.code))].append(arch)
    rng = np.random.default_rng(1)
    groups = [group for group in merged.values() if len(group) > 1]
    for choice in rng.choice(len(groups), 200, replace=False):
        one, other = rng.choice(len(groups[choice]), 2, replace=False)
        assert not same_function(groups[choice][one], groups[choice][other])


def test_live_cells_keep_what_lies_on_a_path():
    assert SPACE.live(cell(CONV3, NONE, CONV1, SKIP, NONE, NONE)) == cell(
        NONE, NONE, NONE, SKIP, NONE, NONE
    )
    assert SPACE.live(cell(NONE, CONV3, CONV1, NONE, CONV3, POOL)) == cell(
        NONE, CONV3, NONE, NONE, NONE, POOL
    )
    assert SPACE.live(cell(CONV3, NONE, CONV1, NONE, NONE, POOL)) == cell(
        CONV3, NONE, CONV1, NONE, NONE, POOL
    )
    networkx = pytest.importorskip("networkx")
    for arch in ARCHS[::23]:
        graph = networkx.DiGraph(
            [edge for edge, op in zip(EDGES, arch.code, strict=True) if op != NONE]
        )
        graph.add_nodes_from(range(4))
        kept = networkx.descendants(graph, 0) | {0}, networkx.ancestors(graph, 3) | {3}
        expected = [
            op if source in kept[0] and target in kept[1] else NONE
            for op, (source, target) in zip(arch.code, EDGES, strict=True)
        ]
        assert SPACE.live(arch).code == tuple(expected)


# -- moving about
# --------------------------------------------------------------------------------------------
def test_neighbours_are_the_24_cells_that_differ_on_one_edge():
    for arch in ARCHS[::500]:
        near = SPACE.neighbours(arch)
        assert len(set(near)) == 24
        assert {
            sum(a != b for a, b in zip(arch.code, other.code, strict=True)) for other in near
        } == {1}


def test_sampling_is_uniform():
    rng = np.random.default_rng(0)
    drawn = np.array([SPACE.sample(rng).code for _ in range(20_000)])
    for edge in range(6):
        assert chisquare(np.bincount(drawn[:, edge], minlength=5)).pvalue > 1e-4
    distinct = len({tuple(code) for code in drawn.tolist()})
    assert distinct == pytest.approx(SIZE * (1 - np.exp(-20_000 / SIZE)), rel=0.02)


def test_mutation_is_the_benchmarks_own():
    rng = np.random.default_rng(0)
    arch = SPACE.parse(FIRST)
    changed: Counter[int] = Counter()
    options: Counter[int] = Counter()
    for _ in range(9000):
        child = SPACE.mutate(arch, rng)
        (edge,) = (edge for edge in range(6) if child.code[edge] != arch.code[edge])
        changed[edge] += 1
        if edge == 0:
            options[child.code[0]] += 1
    # a node first, then one of its edges: 1/3; 1/6 each; 1/9 each
    assert (
        chisquare([changed[edge] for edge in range(6)], [3000, 1500, 1500, 1000, 1000, 1000]).pvalue
        > 1e-4
    )
    assert sorted(options) == [0, 1, 2, 4] and chisquare(list(options.values())).pvalue > 1e-4


# -- structure
# -----------------------------------------------------------------------------------------------
def test_graph_is_the_line_graph_of_the_cell():
    graph = SPACE.graph(SPACE.parse(FIRST))
    assert graph.ops == (
        "input",
        "nor_conv_3x3",
        "nor_conv_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "nor_conv_3x3",
        "skip_connect",
        "output",
    )
    edges = {(int(a), int(b)) for a, b in np.argwhere(graph.adjacency)}
    assert edges == {(0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7)}
    with pytest.raises(ValueError, match="read-only"):
        graph.adjacency[0, 1] = False


def test_encoding_is_one_hot():
    encoded = SPACE.encode(SPACE.parse(FIRST)).reshape(6, 5)
    assert (encoded.sum(1) == 1).all() and tuple(encoded.argmax(1)) == SPACE.parse(FIRST).code


def test_complexity_of_known_cells():
    sixth = SPACE.complexity(ARCHS[284], classes=10, size=32)
    assert (sixth.params, sixth.macs / 1e6) == (101306, pytest.approx(11.7152, abs=5e-5))
    first = SPACE.complexity(ARCHS[0], classes=10, size=32)
    assert (first.params, first.macs) == (129306, 15647370)


@pytest.mark.parametrize(
    ("classes", "size", "constant", "one", "three"),
    [(10, 32, 7.78305, 3.93216, 35.38944), (120, 16, 1.9534, 0.98304, 8.84736)],
)
def test_macs_follow_the_operation_counts(classes, size, constant, one, three):
    for arch in ARCHS[::7]:
        expected = constant + one * arch.code.count(CONV1) + three * arch.code.count(CONV3)
        assert SPACE.complexity(arch, classes=classes, size=size).macs / 1e6 == pytest.approx(
            expected, abs=1e-4
        )


def test_complexity_depends_on_classes_and_size_alone_where_it_should():
    small, large = (SPACE.complexity(ARCHS[5], classes=10, size=size) for size in (16, 32))
    assert small.params == large.params and small.macs < large.macs
    many = SPACE.complexity(ARCHS[5], classes=100, size=32)
    assert many.params - large.params == 90 * (64 + 1)


def test_convolutions_are_counted():
    for arch in ARCHS[::97]:
        assert SPACE.convs(arch) == sum(op in (CONV1, CONV3) for op in arch.code)
    assert [OPS[op] for op in (NONE, SKIP, CONV1, CONV3, POOL)] == [
        "none",
        "skip_connect",
        "nor_conv_1x1",
        "nor_conv_3x3",
        "avg_pool_3x3",
    ]
