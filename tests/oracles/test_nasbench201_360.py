"""NAS-Bench-201's cells on NinaPro, Darcy flow, a Raspberry Pi 5 and a Pixel."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.oracles.convert.facts import tau
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.errors import NotTabulated

SPACE = Cell201()


def test_known_constants(real):
    oracle = real("nasbench201_360")
    for task, metric, best, index in (
        ("ninapro", "valid_accuracy", 0.9438543, 6186),
        ("darcy", "valid_score", 0.984811, 3976),
    ):
        value, arch = oracle.best(task, 1, metric)
        assert (value, SPACE.index(arch)) == (pytest.approx(best, abs=1e-6), index)
    values = oracle.query_many(dataset="ninapro", epochs=1)["valid_accuracy"]
    assert np.isclose(values, 0.6479514, atol=1e-7).sum() == 341


def test_what_they_share_with_images(real, nasbench201):
    images = nasbench201.query_many(dataset="cifar10", epochs=200)["test_accuracy"]
    oracle = real("nasbench201_360")
    for task, metric, agreement in (
        ("ninapro", "valid_accuracy", 0.184),
        ("darcy", "valid_score", 0.338),
    ):
        values = oracle.query_many(dataset=task, epochs=1)[metric]
        assert tau(values, images, 3) == agreement


def test_devices(real_devices):
    table = real_devices("hwnasbench360")
    first = SPACE.at(0)
    assert table.value(first, "hwnasbench360/pi5_litert", "cifar100") == pytest.approx(1.487672)
    energy = table.value(first, "hwnasbench360/pi5_litert-energy", "cifar100")
    assert energy == pytest.approx(2.575322)
    assert table.measured("hwnasbench360/pi5_litert", "cifar100") == 15625 - 283
    nothing = SPACE.numbered(0)  # folded into a constant
    with pytest.raises(NotTabulated, match="does not support it"):
        table.value(nothing, "hwnasbench360/pixel_litert", "darcy")
