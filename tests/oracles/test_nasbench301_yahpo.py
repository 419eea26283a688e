"""The DARTS space, counted against released and published networks, and YAHPO Gym's surrogate."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from nasrepro.oracles.convert.nasbench301_yahpo import convert
from nasrepro.oracles.nasbench301_yahpo import TABLE
from nasrepro.oracles.spaces.dartscell import CELLS, OPS, DartsCell, Edge
from nasrepro.suite.errors import DataCorrupt, InvalidArch, NotTabulated

SPACE = DartsCell()
#: The cell that DARTS released (second order), as printed there.
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "
    "reduce_concat=[2, 3, 4, 5])"
)


def test_released_networks_have_their_published_size():
    arch = SPACE.parse(DARTS_V2)
    cifar = DartsCell(channels=36, cells=20)
    assert cifar.complexity(arch, classes=10, size=32).params == 3_349_342  # 3.3 M in the paper
    imagenet = DartsCell(channels=48, cells=14, stem="imagenet")
    assert imagenet.complexity(arch, classes=1000, size=224).params == 4_718_752  # 4.7 M


def test_genotypes_go_there_and_back():
    arch = SPACE.parse(DARTS_V2)
    assert SPACE.parse(SPACE.format(arch)) == arch
    assert SPACE.wire(SPACE.edges(arch)) == arch
    assert SPACE.count == (3 * 6 * 10 * 7**8) ** 2


def test_canonical_cells_are_renumbered_ones():
    rng = np.random.default_rng(0)
    for _ in range(50):
        arch = SPACE.sample(rng)
        least = SPACE.canonical(arch)
        assert SPACE.canonical(least) == least and least.code <= arch.code
        same = SPACE.complexity(least, classes=10, size=32)
        assert same == SPACE.complexity(arch, classes=10, size=32)
    first = "[('skip_connect', 0), ('skip_connect', 1), ('sep_conv_5x5', 0), ('sep_conv_5x5', 1)"
    second = "[('sep_conv_5x5', 0), ('sep_conv_5x5', 1), ('skip_connect', 0), ('skip_connect', 1)"
    written = SPACE.format(SPACE.arch((0,) * 22))
    cell = written[written.index("reduce=") :]
    rest = ", ('skip_connect', 0), ('skip_connect', 1)" * 2 + "]"
    made = [
        SPACE.parse(f"Genotype(normal={head}{rest}, normal_concat=range(2, 6), {cell}")
        for head in (first, second)
    ]
    assert made[0] != made[1] and SPACE.canonical(made[0]) == SPACE.canonical(made[1])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("normal_concat=[2, 3, 4, 5]", "normal_concat=[3, 4, 5]", "four nodes"),
        ("('dil_conv_3x3', 2)", "('dil_conv_7x7', 2)", "not one of"),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', 0)", "two different ones"),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', 5)", "two different ones"),
        (", ('dil_conv_3x3', 2)]", "]", "two different ones"),
        ("('dil_conv_3x3', 2)", "3", "list of pairs"),
        ("Genotype", "Genome", "not of the form"),
    ],
)
def test_other_texts_are_refused(old, new, message):
    with pytest.raises(InvalidArch, match=message):
        SPACE.parse(DARTS_V2.replace(old, new))


def test_predictions(real):
    """Of ONNX Runtime 1.32 on the same file, five digits."""
    oracle = real("nasbench301_yahpo")
    arch = SPACE.parse(DARTS_V2)
    for epochs, accuracy in ((1, 0.63266), (10, 0.76700), (50, 0.89243), (98, 0.92877)):
        values = oracle.query(arch, dataset="cifar10", epochs=epochs).values
        assert values["valid_accuracy"] == pytest.approx(accuracy, abs=5e-6)
        assert values["cost_s"] == pytest.approx(5225.773 * epochs / 98, rel=1e-6)
    with pytest.raises(NotTabulated, match="predicts any"):
        oracle.archs()


def _naslib(mirror: Path) -> dict[str, dict]:
    name = "automl/NASLib/6639fd1579010457885c641553c55b0c153045aa/naslib/data/zc_nasbench301.json"
    if not (mirror / name).exists():
        pytest.skip("NASLib's scores are not in the mirror")
    return json.loads((mirror / name).read_text())["cifar10"]


def test_sizes_and_agreement_on_naslibs_725_cells(real, mirror):
    """NASLib counts the supernet's operations, whose batch norms have no parameters."""
    oracle, entries = real("nasbench301_yahpo"), _naslib(mirror)
    ours, theirs = [], []
    for text, entry in entries.items():
        arch = SPACE.wire(
            {
                cell: [Edge(source, 2 + i // 2, OPS[op]) for i, (source, op) in enumerate(pairs)]
                for cell, pairs in zip(CELLS, ast.literal_eval(text), strict=True)
            }
        )
        params = SPACE.supernet_params(arch, classes=10)
        assert params == round(1e6 * entry["params"]["score"])
        ours.append(oracle.query(arch, dataset="cifar10", epochs=98).values["valid_accuracy"])
        theirs.append(entry["val_accuracy"])
    assert len(ours) == 725
    assert spearmanr(ours, theirs).statistic == pytest.approx(0.51, abs=0.005)


def test_a_damaged_file_is_refused(tmp_path, mirror):
    paths = {name: mirror / file.path for name, file in TABLE.files.items()}
    whole = paths["network"].read_bytes()
    for cut in (0, 5, 1000, len(whole) // 2, len(whole) - 3):
        (tmp_path / "model.onnx").write_bytes(whole[:cut])
        with pytest.raises(DataCorrupt):
            convert({**paths, "network": tmp_path / "model.onnx"})
