"""EPNAS: growth by the spaces' closure rules, the policy's gradient, constraints, and its arms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nasrepro.methods.epnas import ARMS
from nasrepro.methods.nets.policy import Policy
from nasrepro.suite.errors import BudgetExhausted, NasreproError
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget, Session


def searched(queries: int = 72, seed: int = 0, **params: object) -> Session:
    session = Session(
        load_oracle("digits201"), dataset="digits", epochs=30, budget=Budget(queries=queries)
    )
    entry = methods.get("epnas")
    with pytest.raises(BudgetExhausted):
        entry.search(session, np.random.default_rng(seed), **entry.params(params))
    return session


# -- growth ----------------------------------------------------------------------------------------
def test_cells_grow_by_nodes_and_the_undecided_part_is_closed() -> None:
    space = load_oracle("digits201").space
    first, second, third = space.growth()
    sizes = [
        np.prod([space.cardinalities[decision] for decision in grown.taken])
        for grown in (first, second, third)
    ]
    assert sizes == [5, 125, 15_625]
    text = space.format(space.arch(first.closed([3])))
    assert text == "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|"
    text = space.format(space.arch(second.closed([3, 2, 4])))
    assert text == "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|none~0|none~1|skip_connect~2|"


@pytest.mark.parametrize("name", ["cell201", "dag101", "size", "macro"])
def test_steps_of_growth_free_every_decision_once_and_often_give_architectures(name: str) -> None:
    from nasrepro.oracles.spaces import cell201, dag101, macro, size

    space = {
        "cell201": cell201.Cell201,
        "dag101": dag101.Dag101,
        "size": size.SizeSpace,
        "macro": macro.MacroSpace,
    }[name]()
    steps, rng = space.growth(), np.random.default_rng(0)
    for before, grown in zip((None, *steps), steps, strict=False):
        assert grown.taken == (*(before.taken if before else ()), *grown.free)
        valid = 0
        for _ in range(50):
            code = grown.closed(
                [rng.integers(space.cardinalities[decision]) for decision in grown.taken]
            )
            try:
                arch = space.arch(code)
            except NasreproError:
                continue
            valid += 1
            assert len(space.graph(arch).ops) >= 2
        assert valid >= 5
    if name != "dag101":  # its code has bits that only dead vertices could use
        assert sorted(steps[-1].taken) == list(range(len(space.cardinalities)))


def test_a_partial_cell_of_nasbench101_is_a_smaller_cell() -> None:
    from nasrepro.oracles.spaces.dag101 import Dag101

    space = Dag101()
    first = space.growth()[0]
    graph = space.graph(space.arch(first.closed([1, 0, 2])))
    assert graph.ops == ("input", "maxpool3x3", "output") and graph.adjacency.sum() == 2


# -- the policy ------------------------------------------------------------------------------------
def test_the_policy_draws_what_its_chances_say_and_leaves_the_global_state() -> None:
    state = torch.random.get_rng_state()
    policy = Policy([2, 3], [1, 1], hidden=8, learning_rate=0.01, entropy=0.0, seed=1)
    assert torch.equal(state, torch.random.get_rng_state())
    rng = np.random.default_rng(0)
    first = policy.draw(np.zeros((4000, 0), dtype=np.int64), rng)
    with torch.no_grad():
        states, _ = policy.lstm(policy.embed(torch.zeros(1, 1, dtype=torch.long)))
        chance = policy._log_chances(states[0], 0).exp()[0]
    assert chance[2] == 0  # the first decision has two options
    assert abs(first.mean() - float(chance[1])) < 4 * math.sqrt(0.25 / 4000)
    second = policy.draw(first, rng)
    assert set(second.ravel()) == {0, 1, 2}


def test_reinforce_makes_what_earned_more_likely() -> None:
    policy = Policy([2, 3], [1, 1], hidden=8, learning_rate=0.05, entropy=0.0, seed=1)
    rng = np.random.default_rng(0)
    for _ in range(60):
        first = policy.draw(np.zeros((16, 0), dtype=np.int64), rng)
        codes = np.column_stack([first, policy.draw(first, rng)])
        earned = (codes == (1, 2)).astype(float)
        policy.learn(codes, np.ones((16, 2), dtype=bool), earned - 0.5)
    first = policy.draw(np.zeros((200, 0), dtype=np.int64), rng)
    assert (np.column_stack([first, policy.draw(first, rng)]) == (1, 2)).mean() > 0.9


def test_steps_that_were_not_the_policys_give_no_gradient() -> None:
    policy = Policy([2, 3], [1, 1], hidden=8, learning_rate=0.05, entropy=0.0, seed=1)
    before = policy.head.weight.detach().clone()
    policy.learn(np.array([[1, 2]]), np.zeros((1, 2), dtype=bool), np.ones((1, 2)))
    assert torch.equal(before, policy.head.weight)


# -- the search ------------------------------------------------------------------------------------
@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_spends_the_budget_and_gives_the_same_run_again(arm: str) -> None:
    first, again = searched(arm=arm, queries=50), searched(arm=arm, queries=50)
    assert first.queries == 50
    assert [done.arch for done in first.ledger.evaluations] == [
        done.arch for done in again.ledger.evaluations
    ]
    assert ("predictor" in first.ledger.overhead_s) and first.ledger.overhead_s["policy"] > 0
    partial = sum(
        done.arch.code[3] == 0 and done.arch.code[5] in (0, 1)
        for done in first.ledger.evaluations[:16]
    )
    if arm in ("reinforce", "predictor_only"):
        assert partial < 8  # whole cells from the start
    else:
        assert partial >= 8 + 1  # one node, then two


def test_more_workers_shorten_the_wall_clock_and_not_the_bill() -> None:
    one, eight = (
        searched(arm="progressive", workers=1, batch=8),
        searched(arm="progressive", workers=8),
    )
    assert (
        one.ledger.simulated_s == eight.ledger.simulated_s
        and one.ledger.wall_s == pytest.approx(one.ledger.simulated_s)
    )
    assert eight.ledger.wall_s < one.ledger.wall_s / 4


def test_what_is_returned_keeps_the_constraints_where_something_does() -> None:
    free, bound = searched(arm="reinforce"), searched(arm="reinforce", constraints=["params<=2000"])
    assert bound.complexity(bound.best()).params <= 2_000 < free.complexity(free.best()).params
    kept = [
        done for done in bound.ledger.evaluations if bound.complexity(done.arch).params <= 2_000
    ]
    assert max(done.score for done in kept) == next(
        done.score for done in kept if done.arch == bound.best()
    )
    assert any(row["violating"] > 0 for row in bound.ledger.events)


def test_where_nothing_keeps_them_the_nearest_is_returned() -> None:
    none = searched(constraints=["params<=10"])
    sizes = [none.complexity(done.arch).params for done in none.ledger.evaluations]
    assert none.complexity(none.best()).params == min(sizes)


def test_intensity_is_macs_by_bytes_moved() -> None:
    bound = searched(arm="reinforce", constraints=["intensity>=5.0"])
    arch = bound.best()
    most = max(
        bound.complexity(done.arch).macs / bound.traffic(done.arch)
        for done in bound.ledger.evaluations
    )
    assert bound.complexity(arch).macs / bound.traffic(arch) >= min(5.0, most)


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({"arm": "other"}, "arm 'other'"),
        ({"penalty": "none"}, "penalty 'none'"),
        ({"constraints": ["size<=3"]}, "constraint 'size<=3'"),
        ({"constraints": ["params<=many"]}, "constraint 'params<=many'"),
    ],
)
def test_wrong_parameters_are_named(params: dict[str, object], what: str) -> None:
    session = Session(
        load_oracle("digits201"), dataset="digits", epochs=30, budget=Budget(queries=5)
    )
    entry = methods.get("epnas")
    with pytest.raises(NasreproError, match=what):
        entry.search(session, np.random.default_rng(0), **entry.params(params))
