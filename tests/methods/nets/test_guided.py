"""The loop around a predictor, its pools, and the path encoding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from toys import SPACE, Toy

from nasrepro.methods.nets.guided import Known, best_of, errors, guided, mutants, mutated
from nasrepro.methods.nets.paths import PathEncoding, paths
from nasrepro.suite.registry import load_oracle
from nasrepro.suite.search import Budget, Evaluation, Session
from nasrepro.suite.space import Arch, Graph


def session(queries: int = 100) -> Session:
    return Session(Toy(), dataset="toys", epochs=9, budget=Budget(queries=queries))


# -- paths -----------------------------------------------------------------------------------------
def test_paths_of_a_hand_drawn_cell() -> None:
    """0 -> a -> b -> out, 0 -> b, a -> out; and one node that leads nowhere."""
    adjacency = np.zeros((5, 5), dtype=bool)
    for source, target in [(0, 1), (1, 2), (0, 2), (2, 4), (1, 4), (0, 3)]:
        adjacency[source, target] = True
    graph = Graph(("input", "a", "b", "dead", "output"), adjacency)
    assert paths(graph) == {("a", "b"), ("b",), ("a",)}


def test_a_cell_of_nasbench201_has_four_paths_as_in_the_authors_code() -> None:
    """Edges 3; 0 and 4; 1 and 5; 0, 2 and 5, `none` among them."""
    space = load_oracle("digits201").space
    arch = space.parse(
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|none~0|skip_connect~1|nor_conv_1x1~2|"
    )
    assert paths(space.graph(arch)) == {
        ("none",),
        ("avg_pool_3x3", "skip_connect"),
        ("nor_conv_1x1", "nor_conv_1x1"),
        ("avg_pool_3x3", "nor_conv_3x3", "nor_conv_1x1"),
    }


def test_paths_of_a_whole_space_are_as_many_as_the_authors_count() -> None:
    space = load_oracle("digits201").space
    seen = set().union(*(paths(space.graph(space.at(index))) for index in range(0, 15_625, 7)))
    assert len(seen) == 155  # 5 + 25 + 125


def test_bits_stay_and_long_paths_are_left_out() -> None:
    space = load_oracle("digits201").space
    graphs = [space.graph(space.at(index)) for index in (0, 7000, 15_000)]
    encoding = PathEncoding()
    first, both = encoding(graphs[:1]), encoding(graphs)
    assert first.sum() == len(paths(graphs[0]))
    assert (both[0, : first.shape[1]] == 1).all() and not both[0, first.shape[1] :].any()
    short = PathEncoding(longest=2)
    assert short(graphs).shape[1] < both.shape[1] and max(map(len, short.bits)) == 2


# -- candidates ------------------------------------------------------------------------------------
def test_mutants_change_as_many_decisions_as_asked_for_on_average() -> None:
    space, rng = load_oracle("digits201").space, np.random.default_rng(0)
    parent = space.at(1234)
    changed = [
        sum(a != b for a, b in zip(parent.code, mutated(space, parent, 1.5, rng).code, strict=True))
        for _ in range(4000)
    ]
    none = 0.75**6  # drawn again
    assert min(changed) == 1 and np.mean(changed) == pytest.approx(1.5 / (1 - none), abs=0.05)


def test_a_pool_is_new_distinct_and_of_the_size_asked_for() -> None:
    space, rng = load_oracle("digits201").space, np.random.default_rng(0)
    made = Session(load_oracle("digits201"), dataset="digits", epochs=30, budget=Budget(queries=99))
    done = [made.evaluate(space.sample(rng)) for _ in range(20)]
    known = Known(space, [each.arch for each in done])
    pool = mutants(space, rng, size=60, uniform=0.5)(done, known.copy())
    assert len(pool) == 60 and all(map(known.add, pool))  # none equals another, or one of `done`


def test_the_loop_evaluates_what_is_chosen_and_ends_where_all_is_known() -> None:
    made = session()
    seen: list[int] = []

    def choose(done: Sequence[Evaluation], candidates: Sequence[Arch]) -> list[int]:
        seen.append(len(done))
        return [len(candidates) - 1]

    pool = mutants(SPACE, np.random.default_rng(1), size=5)
    guided(made, np.random.default_rng(0), initial=4, pool=pool, choose=choose)
    archs = [done.arch for done in made.ledger.evaluations]
    assert seen == list(range(4, 81)) and len(set(archs)) == len(archs) == 81


def test_best_first_and_of_equal_ones_the_earlier() -> None:
    made = session()
    done = [made.evaluate(SPACE.at(index)) for index in (3, 5, 3, 80)]
    even = [each._replace(score=score) for each, score in zip(done, (1, 2, 2, 0), strict=True)]
    assert best_of(even, 2) == [SPACE.at(5), SPACE.at(3)]


def test_errors_are_percent_and_a_diverged_training_is_the_worst() -> None:
    made = session()
    done = made.evaluate(SPACE.at(0))
    scored = [done._replace(score=score) for score in (0.9, -np.inf)]
    assert errors(made, scored).tolist() == pytest.approx([10, 100])
