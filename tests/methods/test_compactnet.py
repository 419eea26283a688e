"""CompactNet: released networks and simulators to the digit, the loop, the search on a table."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nasrepro.methods.compactnet import floors, least_speedup, trimmed
from nasrepro.methods.nets.ladder import Ladder
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.mobilenetv2_widths import FULL, GROUPS, MobileNetV2Widths
from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.suite.errors import InvalidArch, NasreproError, NotTabulated
from nasrepro.suite.registry import methods, studies
from nasrepro.suite.search import Budget, Session

SPACE = MobileNetV2Widths()


def rows_of(study, seed=0, **given):
    entry = studies.get(study)
    return list(entry.measure(np.random.default_rng(seed), **entry.params(given)))


@pytest.mark.parametrize(
    ("model", "cpu", "npu", "stored", "at_floor"),
    [
        ("pretrained", 1.0, 1.0, 2_241_034, 0),
        ("cpu_x15", 1.523, 1.394, 192_798, 4),
        ("cpu_x18", 1.766, 1.429, 178_828, 3),
        ("npu_x13", 1.626, 1.377, 257_566, 3),
        ("npu_15", 2.228, 1.495, 148_032, 7),
    ],
)
def test_released_networks(real_devices, model, cpu, npu, stored, at_floor):
    real_devices("compactnet")
    rows = {row["device"]: row for row in rows_of("compactnet.simulator") if row["model"] == model}
    assert round(rows["compactnet/cpu"]["speedup"], 3) == cpu
    assert round(rows["compactnet/npu"]["speedup"], 3) == npu
    assert (rows["compactnet/cpu"]["stored"], rows["compactnet/cpu"]["at_floor"]) == (
        stored,
        at_floor,
    )


def test_the_npu_model_is_the_floor_of_the_search(real_devices):
    table = real_devices("compactnet")
    assert tuple(option + 1 for option in table.released()["npu_15"].code) == floors(SPACE)
    assert floors(SPACE) == (10, 12, 16, 12, 16, 24, 44)


def test_simulators_are_noisy(real_devices):
    real_devices("compactnet")
    shares = {row["device"]: row["share"] for row in rows_of("compactnet.noise")}
    assert shares == {
        "compactnet/cpu": pytest.approx(0.32, abs=0.005),
        "compactnet/npu": pytest.approx(0.44, abs=0.005),
    }


def test_a_simulator_computes_and_lists_nothing(real_devices):
    table = real_devices("compactnet")
    full = SPACE.arch([width - 1 for width in SPACE.cardinalities])
    assert table.value(full, "compactnet/cpu") == pytest.approx(65.226, abs=5e-4)
    assert table.value(full, "compactnet/npu") == pytest.approx(15.514, abs=5e-4)
    with pytest.raises(NotTabulated, match="one network at a time"):
        table.values("compactnet/cpu")


# -- the space -------------------------------------------------------------------------------------
def test_widths_of_a_stage_are_tied():
    arch = SPACE.sample(np.random.default_rng(0))
    widths = SPACE.layer_widths(arch)
    assert widths[0] == 32
    assert all(len({widths[layer] for layer in group}) == 1 for group in GROUPS)
    assert SPACE.of_layers(widths) == arch == SPACE.parse(SPACE.format(arch))
    with pytest.raises(InvalidArch, match="equal in each of the groups"):
        SPACE.of_layers((*FULL[:2], 23, *FULL[3:]))
    with pytest.raises(InvalidArch, match="is not 7 widths"):
        SPACE.parse("16:24")


def test_parameters_without_running_statistics():
    full = SPACE.of_layers(FULL)
    statistics = 2 * (32 + 6 * sum(FULL[1:-1]))  # two numbers a channel of a depthwise convolution
    assert SPACE.complexity(full, classes=10, size=32).params == 2_241_034 - statistics


# -- the loop --------------------------------------------------------------------------------------
def test_trimmed_takes_the_largest_width_that_wins_or_the_floor():
    latency = {8: 10.0, 7: 9.5, 6: 8.0, 5: 8.5, 4: 7.0}
    assert trimmed(latency.get, 8, 4, 9.0) == 6
    assert trimmed(latency.get, 8, 4, 7.5) == 4
    assert trimmed(latency.get, 8, 4, 1.0) == 4  # at the floor without winning
    assert trimmed(latency.get, 4, 4, 1.0) == 4
    dip = dict.fromkeys(range(1, 10), 10.0) | {7: 1.0, 3: 1.0, 2: 1.0, 1: 1.0}
    assert trimmed(dip.get, 9, 1, 5.0) == 7  # a lucky dip
    assert trimmed(dip.get, 9, 1, 5.0, "steady") == 3
    with pytest.raises(NasreproError, match="unknown scan 'first'"):
        trimmed(dip.get, 9, 1, 5.0, "first")


def test_bound_of_the_schedule_by_hand():
    assert least_speedup(2.0, 1, 0.96) == pytest.approx(1 / (1 - 0.5 * 0.96), abs=1e-9)
    expected = 1 / (1 - 0.5 * (0.96 + 0.96**2) / 2)
    assert least_speedup(2.0, 2, 0.96) == pytest.approx(expected, abs=1e-9)
    assert [round(least_speedup(*pair, 0.96), 3) for pair in ((1.5, 18), (2, 24), (2.5, 30))] == [
        1.301,
        1.454,
        1.513,
    ]
    assert least_speedup(3.0, 7, 1.0) == pytest.approx(3.0)


def test_schedule_reaches_what_the_code_does_not_say(real_devices):
    real_devices("compactnet")
    rows = rows_of("compactnet.schedule")
    cpu = [row for row in rows if row["device"] == "compactnet/cpu" and row["asked"] == 2.5]
    assert all(1.6 < row["reached"] < 1.9 < row["said"] for row in cpu)


# -- the search ------------------------------------------------------------------------------------
def test_ladder_orders_options_by_cost():
    cells = Ladder(Cell201(), classes=10, size=32)
    names = [Cell201().graph(cells.arch(cells.top)).ops[1]]
    assert "3x3" in names[0] and cells.top == (4,) * 6
    sizes = Ladder(SizeSpace(), classes=10, size=32)
    assert sizes.options == (tuple(range(8)),) * 5
    assert sizes.moved((7, 7, 7, 7, 7), 2, 0) == (7, 7, 0, 7, 7)


def test_search_ends_when_the_target_is_met(real):
    oracle = real("natsbench_size")
    session = Session(oracle, dataset="cifar10", epochs=90, budget=Budget(queries=200))
    compactnet = methods.get("compactnet")
    given = compactnet.params({"target": 2.0, "iterations": 8, "decay": 1.0})
    chosen = compactnet.search(session, np.random.default_rng(0), **given)
    full = session.complexity(oracle.space.parse("64:64:64:64:64")).macs
    steps = session.ledger.events
    assert session.complexity(chosen).macs <= full / 2 < steps[-2]["cost"] * full
    assert session.best() == chosen
    # every step wins at least an eighth of half the MACs
    costs = [1.0, *(step["cost"] for step in steps)]
    assert all(before - after >= 1 / 16 - 1e-9 for before, after in itertools.pairwise(costs))
