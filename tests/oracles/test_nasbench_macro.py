"""NAS-Bench-Macro: its equal networks, its formulas, and which run selects."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nasrepro.oracles.convert import nasbench_macro as converter
from nasrepro.oracles.nasbench_macro import INFO, TABLE
from nasrepro.oracles.spaces.macro import MacroSpace
from nasrepro.suite.data import fetch_file
from nasrepro.suite.errors import DataCorrupt, InvalidArch, NotTabulated
from nasrepro.suite.search import Budget, Session

SPACE = MacroSpace()


@pytest.fixture(scope="module")
def oracle(real):
    return real("nasbench_macro")


# -- the space
# -----------------------------------------------------------------------------------------------
def test_order_and_strings():
    assert len(SPACE) == 3**8
    assert [SPACE.format(SPACE.at(i)) for i in (0, 1, 6560)] == ["00000000", "00000001", "22222222"]
    assert SPACE.parse("22212220").code == (2, 2, 2, 1, 2, 2, 2, 0)


@pytest.mark.parametrize(
    "text", ["", "2221222", "222122200", "22212223", "2221222a", "2221222²", "2 212220"]
)
def test_other_texts_are_refused(text):
    with pytest.raises(InvalidArch, match="is not 8 digits"):
        SPACE.parse(text)


def test_identities_inside_a_stage_may_stand_anywhere():
    canonical = {SPACE.format(arch): SPACE.format(SPACE.canonical(arch)) for arch in SPACE}
    assert len(set(canonical.values())) == 9 * 21 * 21 == 3969
    assert canonical["00102201"] == "00120210"  # stages 00, 102, 201
    assert (
        canonical["01000000"] == "01000000"
    )  # the first layer of a stage is no mere identity: it stays
    for arch in SPACE:
        same = SPACE.canonical(arch)
        assert SPACE.complexity(arch, classes=10, size=32) == SPACE.complexity(
            same, classes=10, size=32
        )
        assert SPACE.convs(arch) == SPACE.convs(same)


def test_complexity_is_the_published_one():
    published = {
        "22212220": (1985514, 85164544),
        "02012100": (890666, 47327744),
        "00011110": (1118378, 31390208),
    }
    for text, expected in published.items():
        size = SPACE.complexity(SPACE.parse(text), classes=10, size=32)
        assert (size.params, size.macs) == expected


# -- the table
# -----------------------------------------------------------------------------------------------
def test_run_1_selects_and_the_others_report(oracle):
    best = SPACE.parse("22212220")
    assert oracle.query(best, dataset="cifar10", epochs=50).values == {
        "select_accuracy": pytest.approx(0.9328, abs=1e-6),
        "test_accuracy": pytest.approx((0.9333 + 0.9277) / 2, abs=1e-6),
        "params": 1985514,
        "macs": 85164544,
    }
    runs = [
        oracle.query(best, dataset="cifar10", epochs=50, seed=f"run{run}").values
        for run in (1, 2, 3)
    ]
    assert ["select_accuracy" in values for values in runs] == [True, False, False]
    assert ["test_accuracy" in values for values in runs] == [False, True, True]
    assert (
        round(
            100
            * (runs[0]["select_accuracy"] + runs[1]["test_accuracy"] + runs[2]["test_accuracy"])
            / 3,
            3,
        )
        == 93.127
    )
    assert not any(metric.name == "valid_accuracy" for metric in INFO.metrics)


def test_a_search_sees_run_1_alone(oracle):
    session = Session(oracle, dataset="cifar10", epochs=50, budget=Budget(queries=1))
    assert set(session.evaluate(SPACE.parse("22212220")).metrics) == {
        "select_accuracy",
        "params",
        "macs",
    }


def test_equal_networks_have_equal_rows(oracle):
    values = oracle.query_many(dataset="cifar10", epochs=50)
    same = [SPACE.index(SPACE.canonical(arch)) for arch in SPACE]
    assert all(np.array_equal(column, column[same]) for column in values.values())


def test_what_is_not_there_is_not_made_up(oracle):
    with pytest.raises(NotTabulated, match="accepted: mean, run1, run2, run3"):
        oracle.query(SPACE.at(0), dataset="cifar10", epochs=50, seed=0)
    with pytest.raises(NotTabulated, match="accepted: 50"):
        oracle.query(SPACE.at(0), dataset="cifar10", epochs=200)
    assert INFO.cost == ""


def test_a_violated_fact_stops_the_converter(mirror, monkeypatch, tmp_path):
    monkeypatch.setenv("NASREPRO_MIRROR", str(mirror))
    path = fetch_file(TABLE.files["networks"])
    entries = json.loads(path.read_text())
    twin = entries.pop("00000001")  # equals 00000100
    changes = {
        "the networks are all": {},
        "params differ from the formula for params": {"00000001": {**twin, "params": 1}},
        "runs of its canonical form": {
            "00000001": {**twin, "test_acc": [1.0, 2.0, 3.0], "mean_acc": 2.0}
        },
    }
    changed = tmp_path / "changed.json"
    for statement, change in changes.items():
        changed.write_text(json.dumps(entries | change))
        with pytest.raises(DataCorrupt, match=statement):
            converter.convert({"networks": changed})
    changed.write_text(path.read_text()[:1000])
    with pytest.raises(DataCorrupt, match="is not a JSON file"):
        converter.convert({"networks": changed})
