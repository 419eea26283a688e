"""The NAS-Bench-101 space.

The benchmark's hash, pruning, canonical form, enumeration, moves and sizes.
"""

from __future__ import annotations

import hashlib
from itertools import permutations, product

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasrepro.oracles.spaces import hash101
from nasrepro.oracles.spaces.dag101 import DISTINCT, Dag101
from nasrepro.oracles.spaces.graph101 import MAX_EDGES, OPS, PAIRS, enumerate_cells, vertex_channels
from nasrepro.oracles.spaces.part101 import Part101
from nasrepro.suite.errors import DataMissing, InvalidArch, NasreproError, UnknownName
from nasrepro.suite.space import Arch, Complexity

SPACE = Dag101()
C3, C1, POOL = OPS
#: The Inception-like cell of the benchmark's README, and the cell of its issue 32 (a matrix of
#: floats there).
INCEPTION = [
    [0, 1, 1, 1, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0],
    *[[0, 0, 0, 0, 0, 0, 1]] * 2,
    [0] * 7,
]
INCEPTION_OPS = ["input", C1, C3, C3, C3, POOL, "output"]
ISSUE = [
    [0, 1, 0, 1, 0, 1, 1],
    [0, 0, 0, 0, 1, 1, 1],
    [0, 0, 0, 1, 0, 1, 1],
    [0, 0, 0, 0, 0, 1, 1],
    [0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0],
]
ISSUE_OPS = ["input", POOL, C1, C3, C3, C3, "output"]
few = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed):
    """A cell.

    Half of them as the space samples (mostly small ones), half uniform over distinct cells.
    """
    rng = np.random.default_rng(seed)
    return SPACE.sample(rng) if seed % 2 else SPACE.at(rng.integers(len(SPACE)))


def relabelled(arch, rng):
    """The same cell with its live vertices in another order and at other places.

    And with edges that will be pruned.
    """
    graph = SPACE.graph(arch)
    size = len(graph.ops)
    orders = [(0, *order, size - 1) for order in permutations(range(1, size - 1))]
    valid = [order for order in orders if not np.tril(graph.adjacency[np.ix_(order, order)]).any()]
    order = np.array(valid[rng.integers(len(valid))])
    places = np.array([0, *sorted(rng.choice(np.arange(1, 6), size - 2, replace=False)), 6])
    matrix = np.zeros((7, 7), dtype=int)
    matrix[np.ix_(places, places)] = graph.adjacency[np.ix_(order, order)]
    dead = sorted(set(range(7)) - set(places))
    if rng.random() < 0.5:  # edges into dead vertices alone
        for vertex in dead:
            matrix[:vertex, vertex] = rng.integers(2, size=vertex)
    else:  # edges out of them alone
        for vertex in dead:
            matrix[vertex, vertex + 1 :] = rng.integers(2, size=6 - vertex)
    ops = [OPS[i] for i in rng.integers(3, size=7)]
    for place, vertex in zip(places, order, strict=True):
        ops[place] = graph.ops[vertex]
    return SPACE.from_spec(matrix, ops)


def as_networkx(arch):
    graph = SPACE.graph(arch)
    made = nx.from_numpy_array(graph.adjacency, create_using=nx.DiGraph)
    nx.set_node_attributes(made, dict(enumerate(graph.ops)), "op")
    return made


def isomorphic(first, second):
    return nx.is_isomorphic(
        as_networkx(first), as_networkx(second), node_match=lambda a, b: a["op"] == b["op"]
    )


# -- hash ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("type_", [int, float, bool, np.int8, np.uint64, np.float32, list, tuple])
def test_the_hash_does_not_depend_on_the_type_of_the_matrix(type_):
    for matrix, ops, expected in (
        (INCEPTION, INCEPTION_OPS, "28cfc7874f6d200472e1a9dcd8650aa0"),
        (ISSUE, ISSUE_OPS, "edb7648dd596405eddc9a5c607b494a6"),
    ):
        given_matrix = type_(matrix) if type_ in (list, tuple) else np.array(matrix, dtype=type_)
        assert SPACE.module_hash(SPACE.from_spec(given_matrix, ops)) == expected


def test_the_hash_takes_labels_of_any_integer_type():
    chain = np.eye(4, k=1)
    assert hash101.module_hash(chain, [-1, 0, 1, -2]) == hash101.module_hash(
        chain, np.array([-1, 0, 1, -2])
    )
    assert hash101.module_hash(chain, [-1, 0, 1, -2]) != hash101.module_hash(chain, [-1, 1, 0, -2])


def test_the_hash_of_two_vertices_by_hand():
    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    first, last = md5("(1, 0, -1)"), md5("(0, 1, -2)")
    for _ in range(2):
        first, last = md5(f"|{last}|{first}"), md5(f"{first}||{last}")
    assert SPACE.module_hash(SPACE.at(0)) == md5(str(sorted([first, last])))


def test_hashes_tell_all_cells_of_up_to_five_vertices_apart():
    hashes = {SPACE.module_hash(SPACE.numbered(number)) for number in enumerate_cells(5)}
    assert len(hashes) == 2532
    assert "edb7648dd596405eddc9a5c607b494a6" in hashes


@pytest.mark.nightly
def test_hashes_tell_all_cells_apart():
    from nasrepro.oracles.spaces.hash101 import hash_cells, pack

    columns, _ = hash_cells({})
    pairs = set(zip(columns["high"].tolist(), columns["low"].tolist(), strict=True))
    inception = pack(["28cfc7874f6d200472e1a9dcd8650aa0"])  # of the benchmark's README
    assert len(pairs) == len(columns["high"]) == DISTINCT
    assert (int(inception["high"][0]), int(inception["low"][0])) in pairs


# -- enumeration
# ---------------------------------------------------------------------------------------------
def test_the_published_number_of_distinct_cells():
    assert [len(enumerate_cells(vertices)) for vertices in (2, 3, 4, 5, 6)] == [
        1,
        7,
        91,
        2532,
        64542,
    ]
    numbers = enumerate_cells()
    assert len(numbers) == len(SPACE) == DISTINCT == 423_624
    assert (np.diff(numbers) > 0).all()


def test_the_enumeration_finds_what_exhaustion_finds_and_keeps_the_first_of_each_class():
    kept: list[Arch] = []
    for size in (2, 3, 4):
        for bits in range(2 ** (size * (size - 1) // 2)):
            matrix = np.zeros((size, size), dtype=int)
            for target in range(1, size):  # column by column, as in the benchmark
                for source in range(target):
                    matrix[source, target] = bits >> (source + target * (target - 1) // 2) & 1
            if not (matrix[:-1].any(1).all() and matrix[:, 1:].any(0).all()):
                continue
            for labels in product(OPS, repeat=size - 2):
                arch = SPACE.from_spec(matrix, ["input", *labels, "output"])
                if not any(isomorphic(arch, other) for other in kept):
                    kept.append(arch)
    assert kept == [SPACE.numbered(number) for number in enumerate_cells(4)]


def test_indices_and_numbers_are_inverse_all_over():
    for index in [0, 1, 90, 91, 2531, 64_541, 64_542, *range(0, DISTINCT, 20_011), DISTINCT - 1]:
        arch = SPACE.at(index)
        assert SPACE.index(arch) == index
        assert SPACE.numbered(SPACE.number(arch)) == SPACE.canonical(arch) == arch
    assert [arch for arch, _ in zip(SPACE, range(3), strict=False)] == [
        SPACE.at(i) for i in range(3)
    ]


# -- canonical form
# ------------------------------------------------------------------------------------------
@few
@given(seed=SEEDS)
def test_the_canonical_form_is_constant_under_relabelling_and_pruning(seed):
    arch = drawn(seed)
    same = relabelled(arch, np.random.default_rng(seed))
    canonical = SPACE.canonical(arch)
    assert (
        SPACE.canonical(same)
        == SPACE.canonical(canonical)
        == SPACE.canonical(SPACE.live(same))
        == canonical
    )
    assert SPACE.module_hash(same) == SPACE.module_hash(arch)
    assert SPACE.index(same) == SPACE.index(arch)
    assert SPACE.complexity(same, classes=10, size=32) == SPACE.complexity(
        arch, classes=10, size=32
    )
    assert isomorphic(same, arch)


@few
@given(seed=SEEDS)
def test_cells_are_equal_where_networkx_says_so(seed):
    rng = np.random.default_rng(seed)
    arch = drawn(seed)
    graph = SPACE.graph(arch)
    inner = rng.permutation(
        np.array(graph.ops[1:-1], dtype=object)
    ).tolist()  # same operations, other places: often the same cell
    others = [
        SPACE.from_spec(graph.adjacency, ["input", *inner, "output"]),
        *SPACE.neighbours(arch)[:5],
        SPACE.sample(rng),
    ]
    for other in others:
        same = isomorphic(arch, other)
        assert (SPACE.canonical(arch) == SPACE.canonical(other)) == same
        assert (SPACE.module_hash(arch) == SPACE.module_hash(other)) == same


def test_the_canonical_form_is_the_graph_that_the_benchmark_stores():
    graph = SPACE.graph(
        SPACE.canonical(SPACE.from_spec(INCEPTION, INCEPTION_OPS))
    )  # as printed by the benchmark's notebook
    assert graph.ops == ("input", C3, C1, POOL, C3, C3, "output")
    edges = {(0, 1), (0, 2), (0, 3), (0, 4), (1, 6), (2, 6), (3, 6), (4, 5), (5, 6)}
    assert set(zip(*np.nonzero(graph.adjacency), strict=True)) == edges


def test_pruning_leaves_the_rest_in_its_place():
    arch = SPACE.from_spec(ISSUE, ISSUE_OPS)
    live = SPACE.live(arch)
    assert SPACE.format(live) == (
        "0101011/0000011/0000000/0000011/0000000/0000001/0000000;"
        f"input,{POOL},{C3},{C3},{C3},{C3},output"
    )
    assert SPACE.live(live) == live
    assert (
        SPACE.graph(arch).ops == ("input", POOL, C3, C3, "output")
        and SPACE.graph(arch).adjacency.sum() == 9
    )


# -- what is a cell
# ------------------------------------------------------------------------------------------
def test_codes_without_a_path_or_with_too_many_edges_are_refused():
    code = np.zeros(26, dtype=int)
    with pytest.raises(InvalidArch, match="no path leads from input to output"):
        SPACE.arch(code)
    code[:21] = 1
    with pytest.raises(InvalidArch, match="21 edges are left after pruning"):
        SPACE.arch(code)
    for row, (_, target) in enumerate(
        PAIRS
    ):  # 10 edges, one of them to a vertex that leads nowhere
        code[row] = target in (1, 2, 3, 4)
    code[PAIRS.index((3, 6))] = 1
    assert int(code[:21].sum()) == 11
    assert SPACE.graph(SPACE.arch(code)).adjacency.sum() == 7


def test_specifications_of_any_size():
    small = SPACE.from_spec([[0, 1, 1], [0, 0, 1], [0, 0, 0]], ["input", POOL, "output"])
    assert SPACE.format(small) == f"011/001/000;input,{POOL},output"
    large = np.eye(9, k=1)
    large[2, 4] = large[4, 6] = 1
    large[2, 3] = large[4, 5] = 0  # 3 and 5 are not reached
    arch = SPACE.from_spec(large, ["input", *[C3] * 7, "output"])
    assert len(SPACE.graph(arch).ops) == 7
    with pytest.raises(
        InvalidArch, match="9 vertices are left after pruning of 9, expected 2 to 7"
    ):
        SPACE.from_spec(np.eye(9, k=1), ["input", *[C3] * 7, "output"])


@pytest.mark.parametrize(
    ("matrix", "ops", "message"),
    [
        ([[0, 1], [0]], ["input", "output"], "rows of different lengths"),
        ([[0, 1], [0, 0]], ["input", C3, "output"], r"shape \(2, 2\) for 3 operations"),
        ([[0]], ["input"], "at least 2"),
        ([[0, 2], [0, 0]], ["input", "output"], "other values than 0 and 1"),
        ([[0, 0.5], [0, 0]], ["input", "output"], "other values than 0 and 1"),
        ([[0, np.nan], [0, 0]], ["input", "output"], "other values than 0 and 1"),
        ([[0, 1], [1, 0]], ["input", "output"], "not strictly upper triangular"),
        ([[1, 1], [0, 0]], ["input", "output"], "not strictly upper triangular"),
        ([[0, 1], [0, 0]], ["output", "input"], "must begin with 'input' and end with 'output'"),
        (np.eye(3, k=1), ["input", "conv5x5", "output"], "unknown operation of dag101: 'conv5x5'"),
        (np.zeros((3, 3)), ["input", C3, "output"], "no path leads"),
    ],
)
def test_specifications_that_are_none_are_refused(matrix, ops, message):
    with pytest.raises((InvalidArch, UnknownName), match=message):
        SPACE.from_spec(matrix, ops)


def test_texts():
    arch = SPACE.from_spec(INCEPTION, INCEPTION_OPS)
    text = SPACE.format(arch)
    assert (
        text == f"0111010/0000001/0000001/0000100/0000001/0000001/0000000;{','.join(INCEPTION_OPS)}"
    )
    assert (
        SPACE.parse(text)
        == SPACE.parse(f" {text.replace('/', ' / ').replace(',', ', ')}\n")
        == arch
    )
    for wrong in (
        "",
        "01/00",
        "01/0;input,output",
        "01/02;input,output",
        "01/00;input",
        "01/00;input,output,output",
        "0" * 31,
        "G" * 32,
    ):
        with pytest.raises(NasreproError, match="dag101"):
            SPACE.parse(wrong)


def test_a_hash_is_a_name_once_hashes_are_computed(tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))
    hash101.hashes.cache_clear()
    with pytest.raises(DataMissing, match="nasrepro data fetch nasbench101_slice"):
        SPACE.parse("28cfc7874f6d200472e1a9dcd8650aa0")


# -- moving about
# --------------------------------------------------------------------------------------------
def test_samples_are_uniform_over_valid_codes():
    rng = np.random.default_rng(0)
    sizes = np.array([len(SPACE.graph(SPACE.sample(rng)).ops) for _ in range(4000)])
    shares = [(sizes == size).mean() for size in range(2, 8)]
    assert shares == pytest.approx([0.095, 0.20, 0.277, 0.305, 0.12, 0.003], abs=0.03)
    uniform = rng.integers(2, size=(4000, 21))
    valid = [code for code in uniform if SPACE_has(code)]
    assert np.mean([SPACE.sample(rng).code[:21] for _ in range(4000)], axis=0) == pytest.approx(
        np.mean(valid, axis=0), abs=0.06
    )


def SPACE_has(edges):  # noqa: N802
    try:
        SPACE.arch([*edges, 0, 0, 0, 0, 0])
    except InvalidArch:
        return False
    return True


@few
@given(seed=SEEDS)
def test_neighbours_are_one_step_away_and_other_cells(seed):
    arch = drawn(seed)
    near = SPACE.neighbours(arch)
    for other in near:
        assert sum(a != b for a, b in zip(arch.code, other.code, strict=True)) == 1
        assert SPACE.index(other) != SPACE.index(arch)
        assert arch in SPACE.neighbours(other)
    valid = 0
    for place, options in enumerate(SPACE.cardinalities):
        for option in range(options):
            code = (*arch.code[:place], option, *arch.code[place + 1 :])
            valid += SPACE_has(code[:21]) and SPACE.index(SPACE.arch(code)) != SPACE.index(arch)
    assert len(near) == valid


def test_mutation_flips_edges_and_operations_at_the_demo_s_rates():
    # most children of a cell whose output hangs on one edge are valid if that edge stays, whatever
    # else flips
    rng = np.random.default_rng(0)
    arch = SPACE.from_spec([[0, 1], [0, 0]], ["input", "output"])
    children = np.array([SPACE.mutate(arch, rng).code for _ in range(4000)])
    changed = (children != arch.code).mean(0)
    assert changed[[PAIRS.index(pair) for pair in ((1, 2), (2, 3), (3, 4))]] == pytest.approx(
        1 / 7, abs=0.03
    )
    assert changed[21:] == pytest.approx(1 / 5, abs=0.03)
    assert not (children == arch.code).all(1).any()
    assert (children[:, 21:] == 1).mean() == pytest.approx((children[:, 21:] == 2).mean(), abs=0.02)


# -- sizes -----------------------------------------------------------------------------------------
def test_channels_by_hand():
    fan = np.zeros((5, 5), dtype=bool)
    fan[0, 1:4] = fan[1:4, 4] = True
    assert vertex_channels(fan, 128) == [43, 43, 42]
    chain = np.eye(4, k=1, dtype=bool)
    assert vertex_channels(chain, 128) == [128, 128]
    branch = np.array(
        [[0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]],
        dtype=bool,
    )
    assert vertex_channels(branch, 129) == [65, 65, 64]
    assert vertex_channels(np.eye(2, k=1, dtype=bool), 128) == []


def test_sizes_by_hand_and_in_print():
    stem, classifier = 27 * 128, 512 * 10
    cells = (
        [(128, 128, 32)] * 3
        + [(128, 256, 16)]
        + [(256, 256, 16)] * 2
        + [(256, 512, 8)]
        + [(512, 512, 8)] * 2
    )
    size = SPACE.complexity(SPACE.at(0), classes=10, size=32)  # each cell is one 1x1 convolution
    assert size.params == stem + 2 * 128 + sum(a * b + 2 * b for a, b, _ in cells) + classifier + 10
    assert size.macs == stem * 32**2 + sum(a * b * side**2 for a, b, side in cells) + classifier
    chain = SPACE.complexity(
        SPACE.from_spec(np.eye(3, k=1), ["input", C3, "output"]), classes=10, size=32
    )
    assert chain.params - size.params == sum(9 * b * b + 2 * b for _, b, _ in cells)
    assert chain.macs - size.macs == sum(9 * b * b * side**2 for _, b, side in cells)
    assert (
        SPACE.complexity(SPACE.from_spec(INCEPTION, INCEPTION_OPS), classes=10, size=32).params
        == 2_694_282
    )  # the benchmark's notebook


def test_another_skeleton_has_other_sizes():
    small = Dag101(channels=8, stacks=1, modules=1, in_channels=1).complexity(
        SPACE.at(0), classes=10, size=8
    )
    assert (small.params, small.macs) == (9 * 8 + 16 + 64 + 16 + 90, 64 * (9 * 8 + 64) + 80)


# -- beside the pip-installable fork of the benchmark
# -----------------------------------------------------------
def test_hashes_are_those_of_nasbench_pytorch():
    graph_util = pytest.importorskip(
        "nasbench_pytorch.model.graph_util",
        reason="nasbench-pytorch is not installed (extra: official)",
    )
    for seed in range(100):
        graph = SPACE.graph(drawn(seed))
        labels = [-1, *(OPS.index(op) for op in graph.ops[1:-1]), -2]
        assert SPACE.module_hash(drawn(seed)) == graph_util.hash_module(
            graph.adjacency.astype(int), labels
        )


def test_sizes_are_those_of_the_network_that_nasbench_pytorch_builds():
    model = pytest.importorskip(
        "nasbench_pytorch.model", reason="nasbench-pytorch is not installed (extra: official)"
    )
    import torch

    space = Dag101(channels=13, modules=2)  # a prime, so that no division is even
    for seed in range(0, 30, 2):
        arch = space.canonical(drawn(seed))
        graph = space.graph(arch)
        spec = model.ModelSpec(graph.adjacency.astype(int), list(graph.ops))
        network = model.Network(
            spec, num_labels=7, stem_out_channels=13, num_modules_per_stack=2
        ).eval()
        macs = 0

        def count(module, _, output):
            nonlocal macs
            macs += module.weight.numel() * (output[0, 0].numel() if output.ndim == 4 else 1)

        for module in network.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
                module.register_forward_hook(count)
        with torch.no_grad():
            network(torch.zeros(1, 3, 8, 8))
        params = sum(
            each.numel() for each in network.parameters() if each.ndim
        )  # its placeholders have a parameter each, a scalar
        assert space.complexity(arch, classes=7, size=8) == Complexity(params, macs)


# -- a part of the space
# -------------------------------------------------------------------------------------
PART = Part101(SPACE, [SPACE.numbered(number) for number in enumerate_cells(5)[::3]])


@few
@given(seed=SEEDS)
def test_any_code_of_a_cell_of_a_part_is_inside(seed):
    rng = np.random.default_rng(seed)
    arch = PART.sample(rng)
    same = relabelled(arch, rng)
    PART.check(same)
    assert PART.at(PART.index(same)) == arch
    for near in PART.neighbours(same):
        PART.check(near)
        assert same in PART.neighbours(near)
    child = PART.mutate(same, rng)
    PART.check(child)
    assert PART.index(child) != PART.index(same)


def test_other_cells_are_outside_a_part():
    outside = SPACE.numbered(enumerate_cells(5)[1])
    for use in (PART.check, PART.index):
        with pytest.raises(
            InvalidArch, match="is not among the 844 cells of dag101 that this table has"
        ):
            use(outside)
    with pytest.raises(InvalidArch):
        PART.arch(outside.code)
    lone = Part101(SPACE, [SPACE.at(0)])
    assert (
        lone.mutate(SPACE.at(0), np.random.default_rng(0)) == SPACE.at(0)
        and lone.neighbours(SPACE.at(0)) == ()
    )


def test_checking_is_cheap_enough_for_drawing_until_valid():
    rng = np.random.default_rng(0)
    codes = rng.integers(SPACE.cardinalities, size=(500, 26))
    valid = sum(SPACE_has(code[:21]) for code in codes)
    assert 300 < valid < 430  # 74 % of all codes
    assert max(SPACE.graph(SPACE.sample(rng)).adjacency.sum() for _ in range(500)) <= MAX_EDGES
