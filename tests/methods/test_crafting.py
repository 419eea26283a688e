"""Crafted cells: what is trained as a whole network, and which cells stand beside."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nasrepro.methods import crafting
from nasrepro.oracles import shrinkcnn, shrinkcnn_final
from nasrepro.oracles.training.oracle import TrainedOracle
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.search import Budget, Session

RELEASED = "0-1,0-2,0-3,0-4,1-3,2-4;sep_conv_3x3,sep_conv_3x3,sep_conv_3x3,conv_1x1"


def opened(info, folder, epochs) -> TrainedOracle:
    """The oracle with a trainer that takes no time: the more edges, the better."""

    def train(training):
        value = sum(training.arch.code[:28]) / 28
        size = info.space.complexity(training.arch, classes=10, size=8)
        row = {
            "valid_accuracy": value,
            "test_accuracy": value / 2 + training.seed / 100,
            "cost_s": 3.0,
            "params": size.params,
            "macs": size.macs,
        }
        return {(training.epochs, training.seed): row}

    return TrainedOracle(
        info, train, epochs=epochs, seeds=(0, 1, 2), determined_by={}, folder=folder
    )


@pytest.fixture
def oracles(tmp_path, monkeypatch):
    made = {
        "shrinkcnn": opened(shrinkcnn.INFO, tmp_path, (2, 10)),
        "shrinkcnn_final": opened(shrinkcnn_final.INFO, tmp_path, (15, 30)),
    }
    monkeypatch.setattr("nasrepro.suite.registry.loading._open", made)
    return made


def test_each_cell_is_trained_whole_with_every_seed_and_tested_once(oracles):
    given = {
        "oracles": list(oracles), "methods": ["autoshrink", "random_search"],
        "options": {"autoshrink": {"K": 2, "trajectories": 1}}, "fronts": ["random_search"],
        "points": 2, "epochs": 2, "queries": 12, "finals": 3, "released": RELEASED,
        "random_cells": 1, "tolerance": 0.2,
    }  # fmt: skip
    rows = {row["cell"]: row for row in crafting.final(np.random.default_rng(0), **given)}
    assert list(rows) == [
        "autoshrink",
        "random_search",
        "random_search, point 1 of its front",
        "random_search, point 2 of its front",
        "released",
        "complete graph",
        "no edges",
        "random cell of equal MACs, 1",
    ]
    assert rows["complete graph"]["test"] == pytest.approx(0.5 + 0.01)
    assert rows["complete graph"]["test_sd"] == pytest.approx(0.01)
    assert rows["no edges"]["valid"] == 0 and rows["released"]["valid"] == 6 / 28
    assert rows["random_search"]["search_s"] == 12 * 3 and rows["released"]["search_s"] == 0
    assert all(row["final_s"] == 9 for row in rows.values())
    equal = rows["random cell of equal MACs, 1"]["macs"] / rows["autoshrink"]["macs"]
    assert abs(equal - 1) <= 0.2
    # the counts are those of the whole network
    space = oracles["shrinkcnn_final"].space
    arch = space.parse(RELEASED)
    assert rows["released"]["macs"] == space.complexity(arch, classes=10, size=8).macs


def test_a_front_is_what_nothing_cheaper_beats(oracles):
    proxy = oracles["shrinkcnn"]
    session = Session(proxy, dataset="digits", epochs=2, budget=Budget(queries=9), seed=0)
    texts = ["0-1;conv_1x1", "0-1,1-2;conv_1x1,conv_1x1", "0-1;sep_conv_3x3", ";"]
    for text in texts:
        session.evaluate(proxy.space.parse(text))
    # a separable convolution costs more than 1x1 and scores the same here
    assert [proxy.space.format(arch) for arch in crafting.front(session, 9)] == [
        ";",
        "0-1;conv_1x1",
        "0-1,1-2;conv_1x1,conv_1x1",
    ]
    assert [proxy.space.format(arch) for arch in crafting.front(session, 2)] == [
        ";",
        "0-1,1-2;conv_1x1,conv_1x1",
    ]


def test_too_few_cells_of_equal_macs_are_named(oracles, monkeypatch):
    monkeypatch.setattr(crafting, "DRAWN", 3)
    space, size = oracles["shrinkcnn"].space, {"classes": 10, "size": 8}
    with pytest.raises(NasreproError, match="too few of 3 random cells of nodedag8 have 1 MACs"):
        list(crafting.of_equal_macs(space, 1, 0.05, size, np.random.default_rng(0)))


def test_one_seed_has_no_spread(oracles):
    arch = oracles["shrinkcnn"].space.parse(RELEASED)
    assert math.isnan(crafting.evaluated(oracles["shrinkcnn_final"], arch, 1)["test_sd"])


def test_whole_networks_are_larger_than_their_proxies():
    arch = shrinkcnn.SPACE.parse(RELEASED)
    infos = shrinkcnn.INFO, shrinkcnn_final.INFO
    small, large = (info.space.complexity(arch, classes=10, size=8) for info in infos)
    assert large.params > 4 * small.params
