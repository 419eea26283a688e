"""AMC: the wall and its rounding, rewards, the authors' logs, the agent."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nasrepro.methods.amc import Wall, layer_states
from nasrepro.methods.nets.ladder import Ladder
from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.suite.errors import NasreproError, NotTabulated
from nasrepro.suite.registry import methods, studies
from nasrepro.suite.search import Budget, Session

SPACE = SizeSpace()
LADDER = Ladder(SPACE, classes=10, size=32)
AMC = methods.get("amc")


def cost(arch):
    return float(SPACE.complexity(arch, classes=10, size=32).macs)


WHOLE = cost(LADDER.arch(LADDER.top))


def strategy(wall, actions):
    taken = []
    for action in actions:
        taken.append(wall.allowed(taken, action))
    return taken


def test_shares_are_rounded_up_to_multiples_of_eight():
    wall = Wall(LADDER, cost, WHOLE)
    channels = [8 * (wall.rounded(0, share) + 1) for share in (0.01, 0.125, 0.126, 0.2, 0.5, 1.0)]
    assert channels == [8, 8, 16, 16, 32, 64]


def test_costs_between_widths_are_interpolated():
    wall = Wall(LADDER, cost, WHOLE)
    ends = [wall.of_steps((step, 3, 3, 3, 3)) for step in (2, 3)]
    assert wall.between((2.25, 3, 3, 3, 3)) == pytest.approx(0.75 * ends[0] + 0.25 * ends[1])
    corners = [wall.of_steps((a, b, 3, 3, 3)) for a, b in itertools.product((2, 3), repeat=2)]
    assert wall.between((2.5, 2.5, 3, 3, 3)) == pytest.approx(np.mean(corners))
    assert wall.between((-0.4, 3, 3, 3, 3)) == wall.of_steps((0, 3, 3, 3, 3))


@pytest.mark.parametrize("preserve", [0.3, 0.5, 0.7])
def test_the_repaired_wall_holds_and_the_published_one_breaks(preserve):
    rng = np.random.default_rng(0)
    broken = 0
    for actions in rng.uniform(size=(60, 5)):
        published = Wall(LADDER, cost, preserve * WHOLE)
        repaired = Wall(LADDER, cost, preserve * WHOLE, repair=True)
        assert repaired.of_steps(strategy(repaired, actions)) <= preserve * WHOLE
        taken = strategy(published, actions)
        excess = published.of_steps(taken) - preserve * WHOLE
        broken += excess > 0
        if excess > 0:  # at most one width in each layer
            narrower = [max(step - 1, 1) for step in taken]
            assert published.of_steps(narrower) <= preserve * WHOLE
    assert broken > 0


def test_an_action_of_one_everywhere_keeps_what_the_budget_allows():
    wall = Wall(LADDER, cost, WHOLE)
    assert strategy(wall, [1.0] * 5) == list(LADDER.top)
    assert strategy(wall, [0.0] * 5) == [wall.rounded(0, 0.2)] * 5


def test_states_are_scaled():
    wall = Wall(LADDER, cost, WHOLE)
    states = layer_states(wall, lambda arch: (cost(arch), 1.0))
    assert states.shape == (5, 4)
    assert states[:, 0].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert states.min() >= 0
    assert (states[:, 1] == 8).all()  # a constant column stays


@pytest.mark.parametrize("reward", ["accuracy", "accuracy and macs"])
def test_search_returns_what_it_rated_best(real, reward):
    oracle = real("natsbench_size")
    session = Session(oracle, dataset="cifar10", epochs=90, budget=Budget(queries=40))
    given = AMC.params({"episodes": 12, "warmup": 5, "repair": True, "reward": reward})
    AMC.search(session, np.random.default_rng(0), **given)
    assert session.queries == 12
    assert session.complexity(session.best()).macs <= 0.5 * WHOLE * 1.0001
    ratings = session.ledger.ratings
    first = ratings[0].evaluation
    if reward == "accuracy":
        assert ratings[0].score == first.score
    else:
        macs = session.complexity(first.arch).macs
        assert ratings[0].score == pytest.approx(-(1 - first.score) * np.log(macs))
    with pytest.raises(NasreproError, match="unknown reward 'speed'"):
        AMC.search(session, None, **AMC.params({"reward": "speed"}))


def test_logs_of_the_authors(real_devices):
    table = real_devices("amc")
    rows = {row["network"]: row for row in studies.get("amc.logs").measure(None, devices="amc")}
    assert rows["0.5flops"]["speedup"] == pytest.approx(1.808, abs=5e-4)
    assert rows["0.5time"]["speedup"] == pytest.approx(1.969, abs=5e-4)
    assert rows["0.5flops"]["share"] == pytest.approx(0.517, abs=5e-4)
    assert [round(rows[name]["macs"], 1) for name in rows] == [568.7, 325.4, 293.9, 274.0]
    with pytest.raises(NotTabulated, match="ran 4 networks"):
        space = table.info.space
        table.value(space.of_widths([8] * 14), "amc/pixel1")


def test_rounding_study_needs_no_table():
    study = studies.get("amc.rounding")
    given = study.params({"oracle": "digits201", "preserves": [0.5], "episodes": 20})
    rows = list(study.measure(np.random.default_rng(0), **given))
    assert [row["repair"] for row in rows] == ["False", "True"]
    assert rows[1]["over"] == 0
