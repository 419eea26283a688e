"""GRAM: the rule, its variants, the pruned front and the trace.

The published rule is checked by hand, and each variant on a space of its own.
"""

from __future__ import annotations

import math
from itertools import chain, combinations

import numpy as np
import pytest
from toys import Toy, named

from nasrepro.methods.nets.metagraph import chances, earned, softmax, strength
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.nodedag import NodeDag
from nasrepro.suite.errors import BudgetExhausted, NasreproError
from nasrepro.suite.experiments.kinds.search import Protocol, RunCell, RunKey
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.experiments.worker import execute_here
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import ConfinedSpace, Topology

GRAM = methods.get("gram")


def searched(oracle, queries=40, seed=0, epochs=None, dataset=None, **params):
    """The session of a search; it is over when the budget is."""
    dataset = dataset or oracle.info.datasets[0].name
    session = Session(
        oracle,
        dataset=dataset,
        epochs=epochs or oracle.epochs(dataset)[-1],
        budget=Budget(queries=queries),
    )
    GRAM.run(session, np.random.default_rng(seed), **params)
    return session


def dag(space, value):
    """An oracle over a space; `value(arch)` is its accuracy."""

    def read(arch, epochs):
        return {"valid_accuracy": value(arch), "test_accuracy": value(arch), "cost_s": 1.0}

    return Toy(named("dag", space=space), read, space)


def complete(n):
    return Topology(
        tuple((i, j) for i in range(n) for j in range(i + 1, n)),
        ("op",),
        on_edges=True,
        output=n - 1,
    )


# -- the rule --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("n", "path", "empty"), [(4, 0.67, 0.30), (5, 0.62, 0.32), (6, 0.58, 0.33)]
)
def test_what_uniform_weights_sample(n, path, empty):
    """Exact: over all subsets of edges, each independent with its chance.

    The expected out-degree is 1 whatever the weights.
    """
    guide = complete(n)
    sources = np.array([source for source, _ in guide.edges])
    p = chances(np.ones(len(sources)), sources)
    found = none = 0.0
    for kept in chain.from_iterable(
        combinations(range(len(p)), size) for size in range(len(p) + 1)
    ):
        there = np.isin(np.arange(len(p)), kept)
        weight = float(np.where(there, p, 1 - p).prod())
        found += weight * bool(guide.live(kept))
        none += weight * (not there[sources == 0].any())
    assert (round(found, 2), round(none, 2)) == (path, empty)
    skewed = chances(np.random.default_rng(0).normal(size=len(p)), sources)
    assert np.bincount(sources, skewed) == pytest.approx(np.ones(n - 1))


def test_the_largest_chance_of_an_edge_where_all_weight_is_on_it():
    """Weights of mean 1 at a vertex with three edges: e^3 / (e^3 + 2)."""
    assert (
        chances(np.array([3.0, 0, 0]), np.zeros(3, int))[0]
        == pytest.approx(math.e**3 / (math.e**3 + 2))
        == pytest.approx(0.909, abs=1e-3)
    )


def test_what_a_sample_earns_by_hand():
    seen = [0.1, 0.5, 0.6, 0.7, 0.8, 0.9]  # the five best have mean 0.7
    assert earned(0.8, seen, 2.0, 1.0) == pytest.approx(math.exp(0.2))
    assert (
        earned(0.2, seen, 2.0, 1.0) == pytest.approx(math.exp(-1.0)) == earned(0.0, seen, 2.0, 1.0)
    )  # clipped
    assert earned(0.5, [0.2, 0.4], 1.0, 1.0) == pytest.approx(
        math.exp(0.2)
    )  # mean of those seen while there are fewer


def test_the_strength_of_an_edge_by_hand():
    assert strength(np.ones((2, 4)), False) == pytest.approx([1, 1])
    assert strength(np.array([[math.log(1), math.log(3)]]), False) == pytest.approx([math.log(2)])
    assert strength(np.array([[0.0, 0.0, 0.5]]), True) == pytest.approx(
        [-0.5]
    )  # the last column is "no edge"
    assert softmax(np.log([[1.0, 3.0]])) == pytest.approx(np.array([[0.25, 0.75]]))


def test_unknown_variants_are_refused():
    with pytest.raises(
        NasreproError, match="unknown variant 'edge'; accepted: edges, edges_and_ops, gibbs"
    ):
        searched(load_oracle("digits201"), variant="edge")


# -- what it does ----------------------------------------------------------------------------------
def test_edges_alone_see_one_assignment_of_operations():
    oracle = load_oracle("digits201")
    for seed in range(5):
        codes = {
            done.arch.code
            for done in searched(oracle, variant="edges", seed=seed, queries=60).ledger.evaluations
        }
        options = [{code[edge] for code in codes} - {0} for edge in range(6)]
        assert (
            all(len(each) == 1 for each in options) and 2 < len(codes) <= 15
        )  # cleaned connected topologies of 4 nodes
        assert {1, 2, 3, 4} == set().union(*options)  # balanced


@pytest.mark.parametrize(("variant", "edge"), [("edges_and_ops", 3), ("gibbs", 3)])
def test_an_operation_that_decides_is_learnt(variant, edge):
    """Cells with a convolution 3x3 from the input to the output are good, all others bad.

    Late samples have it more often.
    """
    space = load_oracle("digits201").space
    oracle = dag(space, lambda arch: 0.9 if arch.code[edge] == 3 else 0.1)
    worth = []
    for seed in range(10):
        session = searched(oracle, variant=variant, queries=150, seed=seed, alpha=5.0, prune=0)
        worth.append([done.score for done in session.ledger.evaluations])
    early, late = np.mean(worth, axis=0)[:30].mean(), np.mean(worth, axis=0)[-30:].mean()
    assert late > early + 0.15


def test_most_samples_lower_the_weights_that_made_them():
    """The baseline is the mean of the five best.

    So an average sample counts against its edges, whatever they are worth.
    """
    session = searched(load_oracle("digits201"), queries=100, prune=0)
    seen, raised = [], 0
    for rating in session.ledger.ratings:
        raised += bool(seen) and earned(rating.score, seen, 1.0, 1.0) > 1
        seen.append(rating.score)
    assert 0 < raised < 20


@pytest.mark.parametrize("variant", ["edges", "edges_and_ops", "gibbs"])
@pytest.mark.parametrize("space", [Dag101(), NodeDag(nodes=5)], ids=["dag101", "nodedag"])
def test_it_runs_where_operations_sit_on_vertices(variant, space):
    session = searched(dag(space, lambda arch: sum(arch.code) / 40), variant=variant)
    assert session.queries == 40 and len({done.arch for done in session.ledger.evaluations}) > 5
    assert all(space.live(done.arch) == done.arch for done in session.ledger.evaluations)


def test_learning_prefers_the_edge_that_earns():
    """Only graphs with 0 -> 4 are good: its weight ends above all others of vertex 0."""
    space = NodeDag(nodes=5)
    edge = space.topology().edges.index((0, 4))
    session = searched(
        dag(space, lambda arch: 0.1 + 0.8 * arch.code[edge]),
        variant="edges",
        queries=120,
        alpha=5.0,
    )
    (graph,) = [event for event in session.ledger.events if event["event"] == "meta_graph"]
    assert np.argmax(graph["weights"][:4]) == edge
    assert graph["edges"][edge] == (0, 4) and len(graph["ops"]) == 4 and not graph["on_edges"]


def test_without_normalising_weights_drift_towards_zero():
    space = NodeDag(nodes=5)
    ends = {}
    for normalise in (True, False):
        session = searched(
            dag(space, lambda arch: sum(arch.code) / 40),
            variant="edges",
            queries=120,
            normalise=normalise,
            alpha=5.0,
        )
        (graph,) = [event for event in session.ledger.events if event["event"] == "meta_graph"]
        ends[normalise] = np.mean(graph["weights"])
    assert ends[True] == pytest.approx(1) and ends[False] < 0.6


@pytest.mark.parametrize("prune", [0, 1, 3, 6])
def test_the_pruned_front_is_paid_for_by_the_budget(prune):
    oracle = load_oracle("digits201")
    session = searched(oracle, queries=50, prune=prune)
    front = [event for event in session.ledger.events if event["event"] == "front"]
    assert session.queries == 50 and len(front) <= prune and bool(front) == bool(prune)
    if prune > 1:
        assert front[0]["edges"] == 6 and len(front) > 1
        sizes = [event["macs"] for event in front]
        assert sizes == sorted(sizes, reverse=True) and front[-1]["edges"] < 6


def test_the_front_fits_a_budget_in_seconds():
    oracle = load_oracle("digits201")
    session = Session(oracle, dataset="digits", epochs=12, budget=Budget(seconds=3))
    with pytest.raises(BudgetExhausted):
        GRAM.search(session, np.random.default_rng(0), **GRAM.defaults)
    front = [event for event in session.ledger.events if event["event"] == "front"]
    assert 1 < len(front) < GRAM.defaults["prune"] and session.clock_s <= 3


def test_macs_count_where_they_are_asked_to():
    oracle = load_oracle("digits201")
    found = {
        lam: [searched(oracle, seed=seed, lam=lam).best() for seed in range(5)]
        for lam in (0.0, 0.3)
    }
    macs = {
        lam: np.mean([oracle.space.complexity(arch, classes=10, size=8).macs for arch in archs])
        for lam, archs in found.items()
    }
    assert macs[0.3] < 0.7 * macs[0.0]
    session = searched(oracle, lam=0.3, queries=10)
    for rating in session.ledger.ratings:
        macs_m = session.complexity(rating.evaluation.arch).macs / 1e6
        assert rating.score == pytest.approx(rating.evaluation.score - 0.3 * math.log10(macs_m))


def test_a_space_without_a_connected_cell_ends_with_an_error(monkeypatch):
    space = load_oracle("digits201").space
    empty = ConfinedSpace(space, [space.arch((0,) * 6)])
    monkeypatch.setattr("nasrepro.methods.gram.TRIES", 2000)
    with pytest.raises(
        NasreproError, match="2,000 samples in a row are no architectures of cell201"
    ):
        searched(dag(empty, lambda arch: 0.5), epochs=9)


# -- its figure ------------------------------------------------------------------------------------
def test_the_figure_has_a_panel_for_each_variant_with_an_arc_for_each_edge(tmp_path):
    from matplotlib.patches import FancyArrowPatch

    from nasrepro.reports.figures.meta_graph import draw
    from nasrepro.reports.summary import Results

    oracle = load_oracle("digits201")
    with Store(tmp_path / "runs.sqlite") as store:
        assert list(draw(Results(store))) == []
        for params in ({}, {"variant": "gibbs"}, {"alpha": 5.0}):
            for seed in range(2):
                protocol, budget = Protocol(12, 30, ("digits",)), Budget(queries=40)
                key = RunKey(
                    "gram",
                    GRAM.source_sha256,
                    GRAM.params(params),
                    oracle.name,
                    oracle.table_sha256,
                    "digits",
                    protocol,
                    budget,
                    seed,
                )
                store.add(*execute_here(RunCell(key)))
        (drawing,) = draw(Results(store))
    assert (
        drawing.name == "meta-graph-digits201-digits-40-queries"
        and "GRAM: 2; GRAM (variant=gibbs): 2." in drawing.caption
    )
    for axes in drawing.figure.axes:
        arcs = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
        widths = [arc.get_linewidth() for arc in arcs]
        assert (
            len(arcs) == 6
            and max(widths) == pytest.approx(5.0)
            and min(widths) == pytest.approx(0.3)
        )
        assert len(axes.texts) == 4 + 2  # nodes; the strongest and the weakest edge


def test_the_measured_variants_by_hand():
    seen = [0.1, 0.9, 0.8, 0.7, 0.6, 0.5]
    assert earned(0.8, seen, 2.0, 9.0) == pytest.approx(np.exp(2 * (0.8 - 0.7)))
    assert earned(0.8, seen, 2.0, 9.0, len(seen)) == pytest.approx(np.exp(2 * (0.8 - 0.6)))
    assert chances(np.array([1.0, 1 + np.log(3)])).tolist() == pytest.approx([0.5, 0.75])
    for what in ("sampling", "baseline"):
        with pytest.raises(NasreproError, match=f"unknown {what} 'other'"):
            searched(load_oracle("digits201"), **{what: "other"})
