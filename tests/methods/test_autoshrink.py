"""AutoShrink: trajectories, scores, restarts and blind steps.

Of trajectories: how long they are, and what they keep. Steps are blind where a graph is no cell.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from toys import Toy, named

from nasrepro.methods.nets.operations import assigned
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.graph101 import MAX_EDGES
from nasrepro.oracles.spaces.nodedag import NodeDag
from nasrepro.oracles.spaces.recurrent import RecurrentSpace
from nasrepro.suite.errors import NasreproError, NoTopology
from nasrepro.suite.experiments.kinds.search import Protocol, RunCell, RunKey, Trace
from nasrepro.suite.experiments.worker import execute_here
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget, Session

SHRINK, OP = methods.get("autoshrink"), methods.get("autoshrink_op")
DIGITS = load_oracle("digits201")


def searched(oracle=DIGITS, queries=500, seed=0, **params):
    """The session of a search that ends by itself or by its budget."""
    dataset = oracle.info.datasets[0].name
    session = Session(
        oracle, dataset=dataset, epochs=oracle.epochs(dataset)[-1], budget=Budget(queries=queries)
    )
    SHRINK.run(session, np.random.default_rng(seed), **params)
    return session


def steps(session):
    return [event for event in session.ledger.events if event["event"] == "shrink"]


def made(space, value):
    """An oracle over a space; `value(arch)` is its accuracy."""

    def read(arch, epochs):
        return {"valid_accuracy": value(arch), "test_accuracy": value(arch), "cost_s": 1.0}

    return Toy(named("made", space=space), read, space)


# -- trajectories ----------------------------------------------------------------------------------
@pytest.mark.parametrize(("K", "shortest", "longest"), [(10, 9, 15), (3, 6, 9), (2, 4, 6)])
def test_length_of_a_trajectory_in_a_cell_of_six_edges(K, shortest, longest):  # noqa: N803
    queries = [searched(K=K, seed=seed, trajectories=1).queries for seed in range(100)]
    assert (min(queries), max(queries)) == (shortest, longest)


@pytest.mark.parametrize(
    ("space", "keep", "queries"),
    [
        (NodeDag(), 0.01, 235),
        (RecurrentSpace(), 0.25, 95),
    ],  # 28 edges down to none: 19 x 10 + 45; 15 down to 4: 6 x 10 + 35 and less
    ids=["convolutional", "recurrent"],
)
def test_the_published_searches_take_this_many_trainings(space, keep, queries):
    """Where no edge becomes unreachable, as when the score counts edges."""
    edges = len(space.topology().edges)
    session = searched(
        made(space, lambda arch: sum(arch.code[:edges]) / edges), keep=keep, trajectories=1, lam=0.0
    )
    rows = steps(session)
    assert [row["edges"] for row in rows] == list(range(edges - 1, round(keep * edges) - 1, -1))
    assert [row["candidates"] for row in rows] == [min(10, row["edges"] + 1) for row in rows]
    assert session.queries == queries


def test_each_step_removes_an_edge_and_drops_what_became_unreachable():
    for seed in range(20):
        rows = steps(searched(seed=seed, trajectories=1))
        edges = [row["edges"] for row in rows]
        assert (
            edges[0] < 6
            and all(after < before for before, after in pairwise(edges))
            and edges[-1] in (1, 2, 3)
        )  # a path
        assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))


def test_operations_are_balanced_fixed_and_drawn_anew_for_each_trajectory():
    session = searched(K=1, lam=0.0, score_start=True, trajectories=30)
    starts = [done.arch.code for done in session.ledger.evaluations if 0 not in done.arch.code]
    assert len(starts) == 30 and len(set(starts)) > 20
    assert all(sorted(code.count(op) for op in range(1, 5)) == [1, 1, 2, 2] for code in starts)
    # which two operations come twice is drawn: every one of the six pairs comes up
    twice = {tuple(op for op in range(1, 5) if code.count(op) == 2) for code in starts}
    assert len(twice) == 6
    current = None
    for done in session.ledger.evaluations:
        if 0 not in done.arch.code:
            current = done.arch.code
        assert all(op in (0, start) for op, start in zip(done.arch.code, current, strict=True))


def test_other_assignments_of_operations():
    topology, rng = DIGITS.space.topology(), np.random.default_rng(0)
    free = [assigned(topology, "independent", rng).tolist() for _ in range(200)]
    assert {max(map(ops.count, ops)) for ops in free} >= {2, 3, 4}
    targets = [target for _, target in topology.edges]
    for _ in range(20):
        ops = assigned(topology, "nodes", rng)
        assert all(ops[i] == ops[targets.index(target)] for i, target in enumerate(targets))
    nodes = NodeDag().topology()  # 7 operations on vertices, of two kinds: 4 and 3, or 3 and 4
    counts = {int(assigned(nodes, "balanced", rng).sum()) for _ in range(50)}
    assert nodes.places == 7 and counts == {3, 4}
    with pytest.raises(NasreproError, match="unknown assignment 'even'"):
        searched(assignment="even")


def test_a_redrawn_candidate_differs_in_one_operation_at_most():
    session = searched(K=1, lam=0.0, score_start=True, redraw=True, trajectories=20)
    before = None
    for done in session.ledger.evaluations:
        if 0 not in done.arch.code:
            before = done.arch.code
            continue
        kept = [(old, new) for old, new in zip(before, done.arch.code, strict=True) if new]
        assert sum(old != new for old, new in kept) == 1
        before = done.arch.code


def climbed(oracle=DIGITS, queries=300, seed=0, **params):
    """The session of a search by AutoShrink-Op."""
    dataset = oracle.info.datasets[0].name
    session = Session(
        oracle, dataset=dataset, epochs=oracle.epochs(dataset)[-1], budget=Budget(queries=queries)
    )
    OP.run(session, np.random.default_rng(seed), **params)
    return session


def test_with_free_operations_the_best_cell_is_found_that_fixed_ones_cannot_reach():
    wanted = (3, 3, 3, 3, 3, 3)
    oracle = made(
        DIGITS.space, lambda arch: sum(a == b for a, b in zip(arch.code, wanted, strict=True)) / 6
    )
    assert climbed(oracle, K=100).best().code == wanted
    assert max(done.score for done in searched(oracle, lam=0.0).ledger.evaluations) == 2 / 6


def test_a_climb_ends_where_nothing_gains_and_starts_again_with_a_complete_cell():
    oracle = made(DIGITS.space, lambda arch: arch.code.count(0) / 6)  # the fewer edges the better
    session = climbed(oracle, K=100, queries=200)
    codes = [done.arch.code for done in session.ledger.evaluations]
    assert sum(0 not in code for code in codes) > 19  # the start, its 18 changes, another start
    assert max(code.count(0) for code in codes) == 5  # one edge from input to output


@pytest.mark.parametrize("space", [NodeDag(nodes=4), RecurrentSpace(), Dag101()])
def test_it_climbs_wherever_there_is_a_topology(space):
    session = climbed(made(space, lambda arch: 1 / (1 + sum(arch.code))), queries=60)
    scores = [done.score for done in session.ledger.evaluations]
    assert session.queries == 60 and max(scores) > scores[0]  # the fewer edges the better


def test_the_best_candidate_is_kept_even_where_the_score_falls():
    """Accuracy falls with every edge.

    The trajectory goes on to the end, and the best of it is its first step's.
    """
    space = NodeDag(nodes=4)
    session = searched(made(space, lambda arch: sum(arch.code[:6]) / 6), lam=0.0, trajectories=1)
    rows = steps(session)
    assert [row["edges"] for row in rows] == [5, 4, 3, 2, 1, 0]
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert sum(session.best().code[:6]) == 5


def test_one_candidate_is_a_random_removal():
    """Edges in the order 0-1, 0-2, 1-2, 0-3, 1-3, 2-3; without 0-1 or 2-3 a node is on no path."""
    firsts = [
        searched(K=1, seed=seed, queries=1, lam=0.0).ledger.evaluations[0].arch.code
        for seed in range(60)
    ]
    gone = {tuple(edge for edge, option in enumerate(code) if not option) for code in firsts}
    assert gone == {(0, 2, 4), (1,), (2,), (3,), (4,), (1, 2, 5)}


def test_it_stops_by_itself_after_the_trajectories_asked_for():
    rows = steps(searched(trajectories=3, queries=1000))
    assert sorted({row["trajectory"] for row in rows}) == [0, 1, 2]
    assert searched(queries=77).queries == 77  # else the budget ends it


# -- the score -------------------------------------------------------------------------------------
@pytest.mark.parametrize(("macs", "worth"), [(20e6, 0.130), (100e6, 0.200), (185e6, 0.227)])
def test_what_macs_are_worth_at_the_published_lambda(macs, worth):
    space = NodeDag(nodes=4)
    space.complexity = lambda arch, classes, size: type(
        "Size", (), {"macs": int(macs), "params": 1}
    )
    session = searched(made(space, lambda arch: 0.9), trajectories=1)
    assert {round(rating.score, 3) for rating in session.ledger.ratings} == {round(0.9 - worth, 3)}


def test_the_published_form_with_raw_macs_is_the_same():
    for rating in searched(queries=30).ledger.ratings:
        macs = DIGITS.space.complexity(rating.evaluation.arch, classes=10, size=8).macs
        assert rating.score == pytest.approx(rating.evaluation.score - 0.1 * (math.log10(macs) - 6))


def test_the_perplexity_form_counts_edges():
    """0.25 (200 - ppl) - log10(edges): their FLOPs are edges times hidden units squared."""
    read = lambda arch, epochs: {"valid_loss": 5.0, "test_accuracy": 0.5, "cost_s": 1.0}  # noqa: E731
    space = RecurrentSpace()
    session = searched(
        Toy(named("made", space=space, objective="valid_loss"), read, space),
        trajectories=1,
        form="perplexity",
        lam=1.0,
        keep=0.25,
    )
    for row in steps(session):
        assert row["score"] == pytest.approx(0.25 * (200 - 5) - math.log10(row["edges"]))
    with pytest.raises(
        NasreproError, match="unknown form 'ppl' of the score; accepted: accuracy, perplexity"
    ):
        searched(form="ppl")


def test_a_run_reports_the_best_by_its_own_score_and_its_curve_follows():
    protocol = Protocol(12, 30, ("digits",))
    key = RunKey(
        SHRINK.name,
        SHRINK.source_sha256,
        SHRINK.params({"lam": 0.5}),
        "digits201",
        DIGITS.table_sha256,
        "digits",
        protocol,
        Budget(queries=60),
        0,
    )
    record, packed = execute_here(RunCell(key))
    rows = [event for event in Trace.from_bytes(packed).events if event["event"] == "shrink"]
    assert record.status == "budget" and rows
    best = max(row["score"] for row in rows)
    assert record.incumbents[-1][2] == pytest.approx(best)
    assert [row[2] for row in record.incumbents] == sorted(row[2] for row in record.incumbents)
    chosen = DIGITS.query(DIGITS.space.parse(record.chosen), dataset="digits", epochs=12).values[
        "valid_accuracy"
    ]
    size = DIGITS.space.complexity(DIGITS.space.parse(record.chosen), classes=10, size=8)
    assert chosen - 0.5 * math.log10(size.macs / 1e6) == pytest.approx(best)
    assert chosen < max(row["objective"] for row in rows)  # not the most accurate one


# -- graphs that are no cells ----------------------------------------------------------------------
def test_edges_are_removed_unseen_until_the_graph_is_a_cell():
    space = Dag101()
    session = searched(made(space, lambda arch: 0.5), vertices=6, trajectories=5, lam=0.0, K=3)
    assert all(
        sum(space.live(done.arch).code[:21]) <= MAX_EDGES for done in session.ledger.evaluations
    )
    rows = steps(session)
    firsts = [
        min(row["step"] for row in rows if row["trajectory"] == trajectory)
        for trajectory in range(5)
    ]
    assert (
        min(firsts) > 1 and max(firsts) > 2
    )  # 15 edges and one leaf are 7 too many, and an edge takes at most 5 with it


def test_the_complete_graph_of_four_vertices_is_a_cell_of_nasbench101():
    session = searched(
        made(Dag101(), lambda arch: 0.5), vertices=4, trajectories=1, score_start=True
    )
    assert session.ledger.evaluations[0].arch.code[:21].count(1) == 7
    assert steps(session)[0]["edges"] == 6 and steps(session)[0]["step"] == 0


def test_spaces_without_topology_are_refused():
    with pytest.raises(NoTopology, match="has no topology"):
        from nasrepro.oracles.spaces.size import SizeSpace

        searched(made(SizeSpace(), lambda arch: 0.5))


# -- its figure ------------------------------------------------------------------------------------
def test_the_figure_has_the_median_step_of_all_trajectories(tmp_path):
    from nasrepro.reports.figures.shrink_trajectory import draw, steps_of
    from nasrepro.reports.groups import groups_of
    from nasrepro.reports.summary import Results
    from nasrepro.suite.experiments.store import Store

    protocol = Protocol(12, 30, ("digits",))
    with Store(tmp_path / "runs.sqlite") as store:
        assert list(draw(Results(store))) == []
        for lam in (0.1, 0.0, 0.03):
            for seed in range(2):
                params = SHRINK.params({"lam": lam})
                key = RunKey(
                    SHRINK.name,
                    SHRINK.source_sha256,
                    params,
                    "digits201",
                    DIGITS.table_sha256,
                    "digits",
                    protocol,
                    Budget(queries=60),
                    seed,
                )
                store.add(*execute_here(RunCell(key)))
        (drawing,) = draw(Results(store))
        walked = [steps_of(store, group) for group in groups_of(store)]
    assert drawing.name == "shrink-trajectory-digits201-digits-60-queries"
    assert (
        "AutoShrink: " in drawing.caption
        and "lam=0.0" in drawing.caption
        and "lam=0.03" not in drawing.caption
    )
    score, accuracy, macs, edges = drawing.figure.axes
    assert [axes.get_ylabel() for axes in (score, accuracy, macs, edges)] == [
        "Score",
        "Valid accuracy (%)",
        "MACs (M)",
        "Edges",
    ]
    for trajectories in walked:
        assert trajectories and all(
            (np.diff([row[name] for row in rows]) <= 0).all()
            for rows in trajectories
            for name in ("macs", "edges")
        )
    medians = [
        [
            np.median([rows[step]["edges"] for rows in trajectories if step < len(rows)])
            for step in range(max(map(len, trajectories)))
        ]
        for trajectories in walked
    ]
    assert len(edges.lines) == 2 and all(
        line.get_ydata().tolist() in medians for line in edges.lines
    )


# -- the control -----------------------------------------------------------------------------------
def test_every_search_is_compared_by_the_best_score_that_it_evaluated():
    from nasrepro.methods.topology import COMPARED, own_score

    rows = list(
        own_score(
            np.random.default_rng(3),
            oracle="digits201",
            dataset="digits",
            epochs=12,
            seconds=2.0,
            lam=0.1,
        )
    )
    assert [row["method"] for row in rows] == [label for label, *_ in COMPARED]
    for row in rows:
        assert (
            row["score"] == pytest.approx(row["objective"] - 0.1 * math.log10(row["macs_m"]))
            and row["queries"] > 5
        )
    again = list(
        own_score(
            np.random.default_rng(3),
            oracle="digits201",
            dataset="digits",
            epochs=12,
            seconds=2.0,
            lam=0.1,
        )
    )
    assert again == rows
    accuracy = list(
        own_score(
            np.random.default_rng(3),
            oracle="digits201",
            dataset="digits",
            epochs=12,
            seconds=2.0,
            lam=0.0,
        )
    )
    assert [row["score"] for row in accuracy] == [row["objective"] for row in accuracy]
