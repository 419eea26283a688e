"""Path-level moves keep the function; the controller's chances, baseline and learning."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nasrepro.methods.nets.tree_controller import Controller
from nasrepro.methods.nets.trees import OPS, Chain, Edge, Node, drawn, renewed, transformed
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget, Session


def chain(seed):
    """A chain in float64 whose batch norms have seen images, and images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = Chain(1, 4, 10).double()
        images = torch.randn(64, 1, 8, 8, dtype=torch.float64)
        made(images)
        return made.eval(), images


def random_cell(seed, ops=OPS):
    rng = np.random.default_rng(seed)

    def draw(kind, whole, edge):
        return int(rng.integers({"merge": 3, "branches": 2, "op": len(ops), "insert": 2}[kind]))

    return drawn(draw)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
@example(seed=66)  # three concatenations on a path: more branches than channels
def test_cells_without_poolings_keep_the_function(seed):
    made, images = chain(1)
    network = transformed(made, random_cell(seed, OPS[:5]), images).eval()
    with torch.no_grad():
        torch.testing.assert_close(network(images), made(images), rtol=1e-9, atol=1e-9)
        new = torch.randn(16, 1, 8, 8, dtype=torch.float64)
        torch.testing.assert_close(network(new), made(new), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("merge", ["none", "add", "concat"])
def test_each_operation_behind_each_merge(op, merge):
    made, images = chain(2)
    cell = Node("none", [Edge("copy", Node(merge, [Edge(op), Edge(op)][: 1 + (merge != "none")]))])
    network = transformed(made, cell, images).eval()
    with torch.no_grad():
        same = torch.allclose(network(images), made(images), rtol=1e-9, atol=1e-9)
    assert same == (op not in ("max3", "avg3"))


def test_noise_changes_the_output_in_proportion():
    made, images = chain(3)
    cell = Node("add", [Edge("copy", Node("add", [Edge("conv1"), Edge("dw3")])), Edge("copy")])
    changes = []
    for noise in (1e-2, 1e-3, 1e-4):
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            network = transformed(made, cell, images, noise).eval()
            changes.append(float((network(images) - made(images)).abs().mean()))
    slope = np.polyfit(np.log10([1e-2, 1e-3, 1e-4]), np.log10(changes), 1)[0]
    assert slope == pytest.approx(1, abs=0.2)


def test_new_weights_are_another_network():
    made, images = chain(4)
    network = transformed(made, random_cell(1), images)
    before = [parameter.clone() for parameter in network.parameters()]
    renewed(network)
    assert not all(map(torch.equal, before, network.parameters()))


def controller(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Controller(hidden=12)


def scripted(made, options, depth=1):
    """The cell of these decisions, with its log-probability."""
    script = iter(options)
    return made.sample(lambda chances: next(script), depth)


def test_chances_of_all_trees_of_depth_one_sum_to_one():
    made = controller()
    trees = [scripted(made, options) for options in ([0], [1, 0], [1, 1], [2])]
    assert [str(tree.cell) for tree in trees] == [
        "none(copy)", "add(copy,copy)", "add(copy,copy,copy)", "concat(copy,copy)",
    ]  # fmt: skip
    assert sum(float(tree.log_chance.detach().exp()) for tree in trees) == pytest.approx(
        1, abs=1e-6
    )


def test_a_decision_sees_the_tree_around_it_both_ways():
    made = controller()
    root = Edge("root", Node("add", [Edge("copy"), Edge("copy", Node("none", [Edge("conv1")]))]))
    first, second = root.node.edges
    before = made.log_chances("insert", root, second.node.edges[0])
    root.node.merge = "concat"  # above
    above = made.log_chances("insert", root, second.node.edges[0])
    assert not torch.equal(before, above)
    assert not torch.equal(  # the second place is not the first
        made.log_chances("insert", root, first),
        made.log_chances("insert", Edge("root", Node("concat", [second, first])), first),
    )
    up = made.log_chances("merge", root, second)
    second.node.edges[0].op = "dw7"  # below
    assert not torch.equal(up, made.log_chances("merge", root, second))


def test_the_baseline_by_hand():
    made = controller()
    cells = [scripted(made, [0]), scripted(made, [2])]
    for rewards, baseline in (([1.0, 3.0], 1.9), ([4.0, 4.0], 1.9 + 0.95 * 2.1)):
        made.learn(cells, rewards) if rewards[0] != rewards[1] else None
        if rewards[0] == rewards[1]:
            weights = [parameter.clone() for parameter in made.parameters()]
            made.learn(cells, rewards)  # equal advantages: no step
            assert all(map(torch.equal, weights, made.parameters()))
        assert made.baseline == pytest.approx(baseline)


def test_it_learns_the_one_tree_that_earns():
    made, rng = controller(), np.random.default_rng(1)

    def pick(chances):
        return int(rng.choice(len(chances), p=np.array(chances) / sum(chances)))

    for _ in range(50):
        cells = [made.sample(pick, 1) for _ in range(10)]
        made.learn(cells, [float(str(one.cell) == "concat(copy,copy)") for one in cells])
    assert float(scripted(made, [2]).log_chance.detach().exp()) > 0.9


@pytest.mark.parametrize(
    "params", [{}, {"inherit": False}, {"choose": "random"}], ids=["ours", "scratch", "random"]
)
def test_a_search_within_its_budget(params):
    session = Session(
        load_oracle("workshop201"), dataset="digits", epochs=30, budget=Budget(seconds=2.0)
    )
    entry = methods.get("path_level")
    params = entry.params({**params, "epochs": 1, "width": 4})
    network = entry.search(session, np.random.default_rng(0), **params)
    assert session.clock_s <= 2.0
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert list(itertools.islice(network.parameters(), 1))
