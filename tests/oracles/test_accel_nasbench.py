"""Accel-NASBench: exact sizes, the sample's neighbours, devices, and the surrogate's trees."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from nasrepro.oracles.accel_surrogate import INFO as SURROGATE
from nasrepro.oracles.convert.accel_surrogate import predict
from nasrepro.oracles.spaces.mnasnet import MnasNet
from nasrepro.suite.errors import InvalidArch, NotTabulated
from nasrepro.suite.search import Budget, Session

SPACE = MnasNet()
FIRST = "e4k5l1-e1k5l1-e4k3l3-e6k3l1-e4k5l2-e6k5l1-e6k3l2"  # training 1710 of the files


@pytest.fixture(scope="module")
def oracle(real):
    return real("accel_nasbench")


def test_strings_and_sizes():
    arch = SPACE.parse(FIRST)
    assert SPACE.format(arch) == FIRST and SPACE.index(SPACE.at(SPACE.index(arch))) == SPACE.index(
        arch
    )
    assert SPACE.complexity(arch, classes=1000, size=224).params == 4042824
    assert len(SPACE) == 36**6 * 48


def test_the_smallest_network_by_hand():
    arch = SPACE.arch((0,) * 28)
    widths = (32, 16, 24, 40, 80, 112, 192, 320)
    blocks = sum(9 * i + 2 * i + i * o + 2 * o for i, o in pairwise(widths))
    expected = 27 * 32 + 64 + blocks + 320 * 1280 + 2 * 1280 + 1281 * 1000
    assert SPACE.complexity(arch, classes=1000, size=224).params == expected


@pytest.mark.parametrize("text", ["", "e4k5l1", FIRST + "-e1k3l1", FIRST.replace("l3", "l4")])
def test_other_texts_are_refused(text):
    with pytest.raises(InvalidArch, match="is not seven blocks"):
        SPACE.parse(text)


def test_known_constants(oracle):
    values = oracle.query(SPACE.parse(FIRST), dataset="imagenet", epochs=1).values
    assert values["valid_accuracy"] == pytest.approx(0.62054)
    assert values["cost_s"] == pytest.approx(1560.6159522533417)
    assert oracle.best("imagenet", 1, "valid_accuracy", seed="first")[0] == pytest.approx(0.67052)
    second = oracle.query_many(dataset="imagenet", epochs=1, seed="second")["valid_accuracy"]
    assert np.isfinite(second).sum() == 13
    with pytest.raises(NotTabulated, match="not among the 5,125"):
        oracle.query(SPACE.arch((0,) * 28), dataset="imagenet", epochs=1)


def test_neighbours_in_the_sample_are_mutual_and_near(oracle):
    arch = oracle.archs()[0]
    near = oracle.space.neighbours(arch)
    assert len(near) >= 8 and arch not in near
    assert all(arch in oracle.space.neighbours(other) for other in near)
    apart = [sum(a != b for a, b in zip(arch.code, other.code, strict=True)) for other in near]
    everyone = sorted(
        sum(a != b for a, b in zip(arch.code, o.code, strict=True)) for o in oracle.archs()
    )
    assert sorted(apart)[:8] == everyone[1:9]


def test_devices(real_devices):
    devices = real_devices("accelnasbench")
    arch = SPACE.parse(FIRST)
    for name, expected in {
        "a100": 1000 / 11102.789495589122,
        "vck190-single": 3.201409804919534,
    }.items():
        assert devices.value(arch, f"accelnasbench/{name}", "imagenet") == pytest.approx(expected)
    assert devices.measured("accelnasbench/a100", "imagenet") == 5125


def test_trees_by_hand():
    # one tree: decision 1 over .5 gives 3, else 2
    nodes = {
        "root": np.zeros(3, int),
        "decision": np.array([1, 0, 0]),
        "threshold": np.array([0.5, 0, 0]),
        "left": np.array([1, 1, 2]),
        "right": np.array([2, 1, 2]),
        "value": np.array([0.0, 2.0, 3.0]),
    }
    assert predict(nodes, np.array([0]), np.array([[9, 0], [9, 1]])).tolist() == [2.0, 3.0]


def test_the_surrogate_says_what_it_is(real):
    oracle = real("accel_surrogate")
    meta = oracle.table.meta
    assert meta["mean_absolute_error"] < 0.005 and meta["kendall_tau"] > 0.88
    assert f"{100 * meta['mean_absolute_error']:.2f}".lstrip("0") in " ".join(SURROGATE.notes)
    with pytest.raises(NotTabulated, match="lists none"):
        oracle.archs()
    session = Session(oracle, dataset="imagenet", epochs=1, budget=Budget(queries=1))
    assert set(session.evaluate(SPACE.parse(FIRST)).metrics) == {"valid_accuracy", "params", "macs"}
    read = oracle.query(SPACE.parse(FIRST), dataset="imagenet", epochs=1).values
    assert read["valid_accuracy"] == pytest.approx(0.62, abs=0.01)
