"""AutoShrink's recurrent cells: the space, its language models, their training."""

import numpy as np
import pytest
import torch
from counting import counted
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.spaces.netrnn import INIT_RANGE, RecurrentCell
from oracles.spaces.recurrent import ACTIVATIONS, SHRINKRNN, RecurrentSpace
from suite.errors import InvalidArch, NasreproError, UnknownName

SPACE = RecurrentSpace()
SMALL = RecurrentSpace(embedding=5, hidden=4, tied=False)
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=60, deadline=None)


def drawn(seed):
    return SPACE.sample(np.random.default_rng(seed))


# -- the space -----------------------------------------------------------------------------------------------
def test_the_released_cell_has_the_published_edges():
    arch = SPACE.parse(SHRINKRNN)
    assert SPACE.format(arch) == SHRINKRNN
    assert SPACE.canonical(arch) == SPACE.live(SPACE.canonical(arch))
    assert len(SPACE.live_edges(arch)) == 12
    assert SPACE.graph(arch).ops == ("input", "identity", "sigmoid", "sigmoid", "tanh", "identity", "output")


@few
@given(seed=SEEDS)
def test_names_are_inverse(seed):
    arch = drawn(seed)
    assert SPACE.parse(SPACE.format(arch)) == arch == SPACE.at(SPACE.index(arch))


@pytest.mark.parametrize(
    "text", ["", "tanh", "0-1", "1-0;tanh", "0-2;tanh", "0-6;tanh", "0_1;tanh", ";" + ",".join(["tanh"] * 6), "0-\u0661;tanh"]
)
def test_what_is_no_cell_is_refused(text):
    with pytest.raises(InvalidArch, match="recurrent"):
        SPACE.parse(text)


def test_an_unknown_activation_is_named():
    with pytest.raises(UnknownName, match="tan"):
        SPACE.parse("0-1;tan")


@few
@given(seed=SEEDS)
def test_relabelled_cells_have_one_canonical_form(seed):
    rng = np.random.default_rng(seed)
    arch = SPACE.sample(rng)
    graph, nodes = SPACE.graph(arch), SPACE.nodes
    count = len(graph.ops) - 2
    while True:  # another order of the live nodes, with the dead ones anywhere between
        places = [0, *rng.permutation(np.arange(1, nodes))[:count].tolist()]
        edges = [(places[source], places[target]) for source, target in zip(*np.nonzero(graph.adjacency[:-1, :-1]), strict=True)]
        if all(source < target for source, target in edges):
            break
    ops = rng.integers(len(ACTIVATIONS), size=nodes - 1)
    for place, op in zip(places[1:], graph.ops[1:-1], strict=True):
        ops[place - 1] = ACTIVATIONS.index(op)
    dead = [pair for pair in SPACE.topology().edges if pair[0] not in places and rng.random() < 0.5 and pair[1] not in places]
    there = {*edges, *dead}
    other = SPACE.arch([*(pair in there for pair in SPACE.topology().edges), *ops])
    assert SPACE.canonical(other) == SPACE.canonical(arch)
    assert SPACE.complexity(other, classes=50, size=1) == SPACE.complexity(arch, classes=50, size=1)


def test_isomorphic_cells_compute_the_same():
    """Two orders of one cell, the second one given the weights of the first."""
    first, second = SMALL.parse("0-1,0-2,1-3;tanh,relu,sigmoid"), SMALL.parse("0-1,0-2,2-3;relu,tanh,sigmoid")
    assert SMALL.canonical(first) == SMALL.canonical(second)
    torch.manual_seed(0)
    one, other = (SMALL.build(arch, classes=7) for arch in (first, second))
    weights = one.state_dict()
    c1, c2, u1, u2 = weights["cell.edges.0.weight"].chunk(4)
    weights["cell.edges.0.weight"] = torch.cat([c2, c1, u2, u1])
    other.load_state_dict(weights)
    tokens = torch.arange(6).view(3, 2)
    for x, y in zip(one(tokens), other(tokens), strict=True):
        torch.testing.assert_close(x, y)


def test_wired_drops_what_the_input_does_not_reach():
    edges = SPACE.topology().edges
    kept = [edges.index(pair) for pair in ((0, 1), (2, 3), (1, 4))]
    arch = SPACE.wired(kept, [2, 1, 1, 3, 2])
    assert SPACE.format(arch) == "0-1,1-4;tanh,relu,relu,identity"
    assert SPACE.format(SPACE.wired([], [2, 1, 1, 3, 2])) == ";"


def test_tied_weights_need_equal_widths():
    with pytest.raises(NasreproError, match="tied=False"):
        RecurrentSpace(embedding=5, hidden=4)


# -- the network ---------------------------------------------------------------------------------------------
def reference_step(network, arch, x, h):
    """The equations, edge by edge; `x` is the embedded token."""
    cell, graph = network.cell, SMALL.graph(arch)
    functions = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "identity": lambda u: u}
    c, u = (torch.cat([x, h], 1) @ torch.cat([cell.from_x.weight, cell.from_h.weight], 1).T).chunk(2, 1)
    states = [h + torch.sigmoid(c) * (torch.tanh(u) - h)]
    last = len(graph.ops) - 1
    weight, products = {}, iter(cell.edges)
    for node in range(last):
        targets = [target for target in range(last) if graph.adjacency[node, target]]
        if targets:
            halves = next(products).weight.chunk(2)
            for target, gate, value in zip(targets, *(half.chunk(len(targets)) for half in halves), strict=True):
                weight[node, target] = torch.cat([gate, value])
    for node in range(1, last):
        brought = []
        for source in range(node):
            if graph.adjacency[source, node]:
                c, u = (states[source] @ weight[source, node].T).chunk(2, 1)
                brought.append(states[source] + torch.sigmoid(c) * (functions[graph.ops[node]](u) - states[source]))
        states.append(sum(brought) / len(brought))
    leaves = [states[node] for node in range(last) if graph.adjacency[node, last]]
    return sum(leaves) / len(leaves)


@pytest.mark.parametrize("seed", range(12))
def test_the_network_computes_the_equations(seed):
    arch = SMALL.sample(np.random.default_rng(seed))
    torch.manual_seed(seed)
    network = SMALL.build(arch, classes=7)
    for parameter in network.parameters():
        parameter.data.normal_()
    tokens, state = torch.randint(7, (3, 2)), torch.randn(2, 4)
    h, logits = state, []
    for step in tokens:
        h = reference_step(network, arch, network.embedding(step), h)
        logits.append(network.decoder(h))
    found, last = network(tokens, state)
    torch.testing.assert_close(found, torch.stack(logits))
    torch.testing.assert_close(last, h)


def test_a_text_in_two_parts_is_one_text():
    torch.manual_seed(0)
    network = SPACE.build(SPACE.parse(SHRINKRNN), classes=9)
    tokens = torch.randint(9, (8, 3))
    whole, last = network(tokens)
    first, state = network(tokens[:5])
    second, end = network(tokens[5:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(end, last)


@pytest.mark.parametrize("space", [SMALL, RecurrentSpace(embedding=6, hidden=6), RecurrentSpace(nodes=8, embedding=3, hidden=3)])
def test_sizes_are_those_of_complexity(space):
    rng = np.random.default_rng(0)
    for arch in [space.at(0), space.at(len(space) - 1), *(space.sample(rng) for _ in range(30))]:
        network = space.build(arch, classes=11)
        assert counted(network, torch.zeros(4, 1, dtype=torch.int64)) == space.complexity(arch, classes=11, size=4)


@pytest.mark.parametrize(("tied", "params"), [(True, 23_000_700), (False, 30_450_700)])
def test_the_released_cell_has_about_the_published_size(tied, params):
    """README of the authors' code: 24 M for PTB (10,000 words, 745 wide). Tied, as their code is, gives 23.0 M; one more edge 24.1 M."""
    space = RecurrentSpace(embedding=745, hidden=745, tied=tied)
    arch = space.parse(SHRINKRNN)
    with torch.device("meta"):
        network = space.build(arch, classes=10_000)
    assert sum(parameter.numel() for parameter in network.parameters()) == params == space.complexity(arch, classes=10_000, size=1).params


def test_weights_begin_as_the_authors_do():
    torch.manual_seed(0)
    network = SPACE.build(SPACE.parse(SHRINKRNN), classes=50)
    assert network.decoder.weight is network.embedding.weight
    assert not network.decoder.bias.any()
    for parameter in network.parameters():
        assert parameter.abs().max() <= INIT_RANGE
    assert network.cell.from_h.weight.std().item() == pytest.approx(INIT_RANGE / 3**0.5, rel=0.05)


def test_a_cell_without_edges_is_a_gated_unit():
    cell = RecurrentCell(np.zeros((1, 1), dtype=bool), (), embedding=3, hidden=2)
    h = torch.randn(4, 2)
    torch.testing.assert_close(cell(torch.full((4, 4), -100.0), h), h)  # a closed gate keeps the state
