"""BANANAS, NAS-BOWL, GP-BO, PNAS and the forest: what each reads, chooses and evaluates."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from nasrepro.methods.bananas import thompson
from nasrepro.methods.graph_forest import graph_features
from nasrepro.methods.nas_bowl import _contracted, kernels, label_counts
from nasrepro.methods.pnas import expanded
from nasrepro.suite.errors import BudgetExhausted, NasreproError
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch, Graph

GUIDED = ("bananas", "nas_bowl", "gp_bo", "graph_forest", "pnas")
QUICK = {"bananas": {"epochs": 20}, "pnas": {"epochs": 20}, "graph_forest": {"trees": 10}}


def searched(name: str, queries: int = 60, seed: int = 0, **params: object) -> Session:
    session = Session(
        load_oracle("digits201"), dataset="digits", epochs=30, budget=Budget(queries=queries)
    )
    entry = methods.get(name)
    with pytest.raises(BudgetExhausted):
        params = {**QUICK.get(name, {}), **params}
        entry.search(session, np.random.default_rng(seed), **entry.params(params))
    return session


@pytest.mark.parametrize("name", GUIDED)
def test_no_cell_is_evaluated_twice(name: str) -> None:
    session = searched(name)
    archs = [session.space.canonical(done.arch) for done in session.ledger.evaluations]
    assert len(set(archs)) == len(archs) == 60


@pytest.mark.parametrize("name", GUIDED)
def test_the_predictor_is_better_than_chance(name: str) -> None:
    """What it chose in the second half is better than a random sample, on average."""
    session = searched(name)
    scores = [done.score for done in session.ledger.evaluations]
    rng = np.random.default_rng(0)
    oracle = load_oracle("digits201")
    chance = [
        oracle.query(session.space.sample(rng), dataset="digits", epochs=30).values[
            "valid_accuracy"
        ]
        for _ in range(300)
    ]
    assert np.mean(scores[30:]) > np.mean(chance) + 0.05


# -- BANANAS ---------------------------------------------------------------------------------------
def test_thompson_sampling_without_spread_takes_the_lowest_mean() -> None:
    predictions = np.array([[3.0, 1.0, 2.0]] * 5)
    assert thompson(predictions, np.random.default_rng(0)).tolist() == [1, 2, 0]


def test_thompson_sampling_draws_each_candidate_by_itself() -> None:
    """Equal means, one candidate spread wide: it comes first in half of the draws."""
    predictions = np.array([[0.0, -1.0], [0.0, 1.0]])
    rng = np.random.default_rng(0)
    firsts = [int(thompson(predictions, rng)[0]) for _ in range(2000)]
    assert np.mean(firsts) == pytest.approx(0.5, abs=0.05)


def test_an_encoding_that_is_none_says_so() -> None:
    session = Session(
        load_oracle("digits201"), dataset="digits", epochs=30, budget=Budget(queries=60)
    )
    entry = methods.get("bananas")
    with pytest.raises(NasreproError, match="encoding 'paths' is neither"):
        entry.search(session, np.random.default_rng(0), **entry.params({"encoding": "paths"}))


# -- NAS-BOWL --------------------------------------------------------------------------------------
def graph(ops: str, *edges: tuple[int, int]) -> Graph:
    adjacency = np.zeros((len(ops), len(ops)), dtype=bool)
    for source, target in edges:
        adjacency[source, target] = True
    return Graph(tuple(ops), adjacency)


def test_labels_of_a_worked_example() -> None:
    """i -> a -> o and i -> a -> o with a second a that also feeds the first."""
    counts = label_counts(graph("iaao", (0, 1), (1, 2), (1, 3), (2, 3)), 1)
    assert counts[0] == {"i": 1, "a": 2, "o": 1}
    assert counts[1] == {
        ("i", ("a",)): 1,
        ("a", ("a", "o")): 1,
        ("a", ("o",)): 1,
        ("o", ()): 1,
    }


def test_kernel_of_a_worked_example_with_products_and_with_minima() -> None:
    """Counts of i, a, o: 1, 2, 1 and 1, 1, 1. Products 4 / sqrt(6 * 3); minima 3 / sqrt(4 * 3)."""
    counts = [
        label_counts(graph("iaao", (0, 1), (1, 2), (2, 3)), 0),
        label_counts(graph("iao", (0, 1), (1, 2)), 0),
    ]
    assert kernels(counts, False)[0][0, 1] == pytest.approx(4 / np.sqrt(18))
    assert kernels(counts, True)[0][0, 1] == pytest.approx(3 / np.sqrt(12))


def test_isomorphic_graphs_have_kernel_one() -> None:
    left = graph("iabo", (0, 1), (0, 2), (1, 3), (2, 3))
    right = graph("ibao", (0, 1), (0, 2), (1, 3), (2, 3))
    counts = [label_counts(each, 3) for each in (left, right)]
    assert kernels(counts, False)[3][0, 1] == pytest.approx(1)


@pytest.mark.parametrize("assignment", [False, True])
def test_kernel_is_positive_semi_definite(assignment: bool) -> None:
    space, rng = load_oracle("digits201").space, np.random.default_rng(0)
    counts = [label_counts(space.graph(space.sample(rng)), 3) for _ in range(300)]
    matrix = kernels(counts, assignment)[3]
    assert np.diag(matrix) == pytest.approx(1)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9


def test_skips_become_edges_and_what_passes_nothing_goes() -> None:
    whole = Graph(
        ("input", "conv", "skip_connect", "none", "output"),
        graph("icsno", (0, 1), (1, 2), (2, 4), (0, 3), (3, 4)).adjacency,
    )
    adjacency, ops = _contracted(whole)
    assert ops == ["input", "conv", "output"]
    assert np.argwhere(adjacency).tolist() == [[0, 1], [1, 2]]


# -- the forest ------------------------------------------------------------------------------------
def test_features_against_networkx() -> None:
    """Shortest and longest path through nodes of one operation, by all simple paths."""
    space, rng = load_oracle("digits201").space, np.random.default_rng(0)
    graphs = [space.graph(space.sample(rng)) for _ in range(20)]
    ops = sorted({op for each in graphs for op in each.ops[1:-1]})
    features = graph_features(graphs)
    op = ops.index("nor_conv_3x3")
    columns = 2 + len(ops) + 4 * op
    for row, each in zip(features, graphs, strict=True):
        assert row[: 2 + len(ops)].tolist() == [
            8,
            each.adjacency.sum(),
            *(each.ops.count(name) for name in ops),
        ]
        inside = [0, *(n for n, name in enumerate(each.ops) if name == ops[op]), 7]
        part = nx.from_numpy_array(each.adjacency, create_using=nx.DiGraph).subgraph(inside)
        lengths = [len(path) - 1 for path in nx.all_simple_paths(part, 0, 7)] or [0]
        assert row[columns] == min(lengths) and row[columns + 1] == max(lengths)
        fed = sum(each.adjacency[0, node] for node in inside[1:-1])
        assert row[columns + 2] == fed


# -- PNAS ------------------------------------------------------------------------------------------
def test_expansions_are_all_ways_to_grow_the_beam() -> None:
    space = load_oracle("digits201").space
    first, second, _ = space.growth()
    rng = np.random.default_rng(0)
    grown = expanded(space, first, [()], 100, rng)
    assert sorted(grown.values()) == [(option,) for option in range(5)]
    assert len(expanded(space, second, [(3,), (1,)], 100, rng)) == 2 * 25
    some = expanded(space, second, [(3,), (1,)], 20, rng)
    assert 0 < len(some) <= 20 and {prefix[0] for prefix in some.values()} == {1, 3}


def test_a_beam_that_holds_everything_is_enumeration_by_size() -> None:
    session = searched("pnas", 100, beam=10**5)
    space, rng = session.space, np.random.default_rng(0)
    first, second, _ = space.growth()
    small = expanded(space, first, [()], 10**5, rng)
    large = expanded(space, second, list(small.values()), 10**5, rng)
    sizes = [{space.canonical(arch) for arch in archs} for archs in (small, {**small, **large})]
    done = [space.canonical(each.arch) for each in session.ledger.evaluations]
    assert set(done[: len(sizes[0])]) == sizes[0]
    assert set(done[: len(sizes[1])]) == sizes[1]


def test_with_a_perfect_predictor_the_best_expansions_are_evaluated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    oracle = load_oracle("digits201")
    space = oracle.space

    def error(arch: Arch) -> float:
        return 1 - oracle.query(arch, dataset="digits", epochs=30).values["valid_accuracy"]

    class Perfect:
        def __init__(self, *given: object, **settings: object) -> None: ...

        def __call__(self, inputs: np.ndarray) -> np.ndarray:
            codes = inputs.reshape(len(inputs), 6, 5).argmax(axis=2)
            return np.array([[error(space.arch(code)) for code in codes]])

    monkeypatch.setattr("nasrepro.methods.pnas.Ensemble", Perfect)
    session = searched("pnas", 5 + 3, beam=3)
    first, second, _ = space.growth()
    done = [each.arch for each in session.ledger.evaluations]
    beam = expanded(space, first, [()], 100, np.random.default_rng(0))
    assert set(done[:3]) <= set(beam)
    grown = expanded(space, second, [beam[arch] for arch in done[:3]], 100, None)
    new = {space.canonical(arch) for arch in grown} - {space.canonical(a) for a in done[:3]}
    best = sorted(map(error, new))[:3]
    assert [error(arch) for arch in done[3:6]] == pytest.approx(best)
