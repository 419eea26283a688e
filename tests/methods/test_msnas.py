"""MSNAS-inspired wirings, and GRAM where there is none."""

import numpy as np
import pytest

from nasrepro.methods.msnas import guide, strongest
from nasrepro.oracles.spaces.nodedag import NodeDag
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import load_oracle, methods, studies
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Topology


def searched(name, queries=30, seed=0, **params):
    """The session of a search of digits201."""
    session = Session(
        load_oracle("digits201"), dataset="digits", epochs=12, budget=Budget(queries=queries)
    )
    methods.get(name).run(session, np.random.default_rng(seed), **params)
    return session


@pytest.mark.parametrize("seed", range(3))
def test_without_wiring_it_is_gram(seed):
    ours = searched("msnas", wiring="none", seed=seed, lam=0.1).ledger
    theirs = searched("gram", prune=0, seed=seed, lam=0.1).ledger
    assert [done.arch for done in ours.evaluations] == [done.arch for done in theirs.evaluations]
    assert [rating.score for rating in ours.ratings] == [rating.score for rating in theirs.ratings]


def complete(n, output=None):
    edges = tuple((i, j) for i in range(n) for j in range(i + 1, n))
    return Topology(edges, ("op",), on_edges=True, output=output)


def test_edges_of_the_guides():
    """Six nodes behind the input: 21, and n + B (n/B) (n/B - 1) / 2."""
    topology = complete(7)
    assert [len(guide(topology, "branches", b)) for b in (1, 2, 3)] == [21, 12, 9]
    assert len(guide(topology, "none", 2)) == 21
    assert len(guide(complete(4, output=3), "branches", 2)) == 5


def test_no_graph_has_more_than_its_wiring_allows():
    topology, rng = NodeDag(in_channels=1).topology(), np.random.default_rng(0)
    allowed = set(guide(topology, "branches", 2).tolist())
    for edge in allowed:
        source, target = topology.edges[edge]
        assert source == 0 or (source > 4) == (target > 4)  # 1-4 and 5-7
    for _ in range(1000):
        kept = set(np.flatnonzero(rng.random(len(topology.edges)) < 0.5).tolist())
        strengths = rng.random(len(topology.edges))
        left = strongest(topology, kept, strengths, 2)
        targets = [topology.edges[edge][1] for edge in left]
        assert left <= kept and max(map(targets.count, targets), default=0) <= 2
        for edge in kept - left:
            rivals = [e for e in left if topology.edges[e][1] == topology.edges[edge][1]]
            assert len(rivals) == 2 and min(strengths[rivals]) >= strengths[edge]


@pytest.mark.parametrize("wiring", ["branches", "indegree"])
def test_searches_with_a_wiring_and_peak_memory(wiring):
    session = searched("msnas", wiring=wiring, kappa=0.05)
    assert len(session.ledger.evaluations) == 30
    assert session.ledger.overhead_s["peak memory"] > 0
    first = session.ledger.ratings[0]
    assert first.score < first.evaluation.score


def test_an_unknown_wiring_is_refused():
    with pytest.raises(NasreproError, match="unknown wiring 'ring'; accepted: none, branches"):
        searched("msnas", wiring="ring")


def test_memory_of_random_graphs_under_each_wiring():
    study = studies.get("msnas.memory")
    rows = list(study.measure(np.random.default_rng(0), **study.params({"samples": 6})))
    assert [row["wiring"] for row in rows] == [
        "none", "branches 2", "branches 3", "indegree 1", "indegree 2",
    ]  # fmt: skip
    assert all(row["peak_kib"] > 1 and row["macs"] > 0 for row in rows)
    assert rows[0]["matched"] == 6
