"""The samples of NAS-Bench-Suite-Zero and the scores beside them."""

from __future__ import annotations

import math

import pytest

from nasrepro.oracles.convert import suitezero as convert
from nasrepro.oracles.convert.naslib import spec_cell


@pytest.mark.parametrize(
    ("name", "count", "best"),
    [
        ("nasbench201", 199, {"svhn": 0.967502, "ninapro": 0.931715, "scifar100": 0.3651}),
        ("nasbench301", 199, {"svhn": 0.975069, "ninapro": 0.939302, "scifar100": 0.526}),
        ("transnas101_micro", 192, {"svhn": 0.964659, "ninapro": 0.94082, "scifar100": 0.3753}),
    ],
)
def test_known_constants(real, name, count, best):
    oracle = real(f"suitezero_{name}")
    assert len(oracle.archs()) == count == len(oracle.space)
    for dataset, value in best.items():
        found, arch = oracle.best(dataset, 1, "valid_accuracy")
        assert found == pytest.approx(value, abs=1e-6)
        assert arch in oracle.space.neighbours(oracle.space.neighbours(arch)[0])


def test_500_matrices_are_292_cells(real):
    oracle = real("suitezero_nasbench101")
    assert len(oracle.archs()) == 292
    runs = [
        oracle.query_many(dataset="cifar10", epochs=108, seed=f"run{run}")["valid_accuracy"]
        for run in (1, 2, 3)
    ]
    counts = sum((values == values).astype(int) for values in runs)
    assert counts.min() == 1 and counts.max() == 3


def test_references_of_the_first_network(real_references):
    table = real_references("naslib_suitezero_nasbench201")
    archs = [convert.cell("(3, 3, 3, 0, 1, 4)")]
    (score,) = table.scores("synflow", "svhn", archs)
    assert score == pytest.approx(48.25316758956661)
    zen = table.scores("zen", "svhn", [convert.cell("(1, 1, 1, 1, 1, 1)")])
    assert math.isnan(zen[0])  # not in the sample


def test_texts_of_naslib():
    assert "conv3x3" in str(spec_cell("(0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 4, 1)"))
