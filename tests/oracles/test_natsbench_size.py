"""The size space of NATS-Bench.

Its formulas against the official sample records, its table, and what it does not have.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from nasrepro.oracles.convert import natsbench_size as converter
from nasrepro.oracles.natsbench_size import INFO, TABLE
from nasrepro.oracles.spaces.size import CELL, WIDTHS, SizeSpace
from nasrepro.suite.data import fetch_file
from nasrepro.suite.errors import DataCorrupt, InvalidArch, NasreproError, NotTabulated
from nasrepro.suite.search import Budget, Session

SPACE = SizeSpace()
#: index -> data set -> (params, "flops") in millions, of the official sample records.
RECORDS = {
    0: {
        "cifar10": (0.011714, 4.481114),
        "cifar100": (0.012524, 4.481924),
        "ImageNet16-120": (0.012704, 1.121336),
    },
    11: {
        "cifar10": (0.049202, 6.84065),
        "cifar100": (0.052172, 6.84362),
        "ImageNet16-120": (0.052832, 1.71404),
    },
}


@pytest.fixture(scope="module")
def oracle(real):
    return real("natsbench_size")


# -- the space
# -----------------------------------------------------------------------------------------------
def test_order_is_lexicographic():
    assert len(SPACE) == 8**5
    assert [SPACE.format(SPACE.at(i)) for i in (0, 11, 32767)] == [
        "8:8:8:8:8",
        "8:8:8:16:32",
        "64:64:64:64:64",
    ]
    assert SPACE.parse("8:16:24:32:64").code == (0, 1, 2, 3, 7)
    assert SPACE.widths(SPACE.parse("8:16:24:32:64")) == (8, 16, 24, 32, 64)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8:8:8:8",
        "8:8:8:8:8:8",
        "8:8:8:8:12",
        "8:8:8:8:72",
        "8:8:8:8:08",
        "8:8:8:8: 8",
        "8,8,8,8,8",
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(InvalidArch, match="size: "):
        SPACE.parse(text)


@pytest.mark.parametrize("index", RECORDS)
def test_complexity_is_that_of_the_official_records(index):
    for dataset, (params, macs) in RECORDS[index].items():
        found = INFO.dataset(dataset)
        size = SPACE.complexity(SPACE.at(index), classes=found.classes, size=found.size)
        assert (size.params, size.macs) == (round(params * 1e6), round(macs * 1e6))


def test_complexity_is_what_the_official_package_reads(mirror):
    nats_bench = pytest.importorskip(
        "nats_bench", reason="nats_bench is not installed (extra: official)"
    )
    records = next(mirror.glob("D-X-Y/NATS-Bench/*/fake_torch_dir/NATS-sss-v1_0-50262-simple"))
    api = nats_bench.create(str(records), "sss", fast_mode=True, verbose=False)
    for index in RECORDS:
        assert api.arch(index) == SPACE.format(SPACE.at(index))
        assert api.get_net_config(index, "cifar10")["genotype"] == CELL
        for dataset in ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120"):
            found = INFO.dataset(dataset.removesuffix("-valid"))
            size = SPACE.complexity(SPACE.at(index), classes=found.classes, size=found.size)
            for epochs in ("01", "12", "90"):
                cost = api.get_cost_info(index, dataset, hp=epochs)
                assert (size.params, size.macs) == (
                    round(cost["params"] * 1e6),
                    round(cost["flops"] * 1e6),
                )


def test_complexity_grows_with_every_width():
    rng = np.random.default_rng(0)
    for _ in range(50):
        arch = SPACE.sample(rng)
        for decision, option in enumerate(arch.code):
            if option + 1 < len(WIDTHS):
                wider = SPACE.arch([*arch.code[:decision], option + 1, *arch.code[decision + 1 :]])
                small, large = (
                    SPACE.complexity(each, classes=10, size=32) for each in (arch, wider)
                )
                assert small.params < large.params and small.macs < large.macs


# -- the table
# -----------------------------------------------------------------------------------------------
def test_known_values(oracle):
    best = {
        name: oracle.best(name, 90, "valid_accuracy")
        for name in ("cifar10", "cifar100", "ImageNet16-120")
    }
    assert {
        name: (round(100 * value, 3), SPACE.index(arch)) for name, (value, arch) in best.items()
    } == {"cifar10": (90.712, 32767), "cifar100": (70.92, 31615), "ImageNet16-120": (46.733, 24511)}
    reading = oracle.query(SPACE.at(11), dataset="cifar10", epochs=90)
    assert reading.values == {
        "valid_accuracy": pytest.approx(0.83724),
        "params": 49202,
        "macs": 6840650,
    }
    assert (
        reading.values == oracle.query(SPACE.at(11), dataset="cifar10", epochs=90, seed=777).values
    )


def test_what_is_not_there_is_not_made_up(oracle):
    with pytest.raises(NotTabulated, match=r"12 epochs; accepted: 90"):
        oracle.query(SPACE.at(0), dataset="cifar10", epochs=12)
    with pytest.raises(NotTabulated, match="seed 888; accepted: mean, 777"):
        oracle.query(SPACE.at(0), dataset="cifar10", epochs=90, seed=888)
    with pytest.raises(NasreproError, match="has no training times"):
        Session(oracle, dataset="cifar10", epochs=90, budget=Budget(seconds=100))
    assert not any(metric.split == "test" for metric in INFO.metrics) and INFO.cost == ""


def test_columns_agree_with_the_space(oracle):
    for dataset in INFO.datasets:
        values = oracle.query_many(dataset=dataset.name, epochs=90)
        for row in (0, 11, 4095, 31615):
            size = SPACE.complexity(SPACE.at(row), classes=dataset.classes, size=dataset.size)
            assert (values["params"][row], values["macs"][row]) == (size.params, size.macs)


def test_a_violated_fact_stops_the_converter(mirror, monkeypatch, tmp_path):
    monkeypatch.setenv("NASREPRO_MIRROR", str(mirror))
    paths = {name: fetch_file(file) for name, file in TABLE.files.items()}
    changed = np.load(paths["cifar100"])
    changed[11] += 0.01
    np.save(tmp_path / "changed.npy", changed)
    with pytest.raises(DataCorrupt, match="index 11's cifar100 validation accuracy"):
        converter.convert({**paths, "cifar100": tmp_path / "changed.npy"})
    shutil.copyfile(paths["cifar10"], tmp_path / "short.npy")
    with (tmp_path / "short.npy").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(DataCorrupt, match="is not a numpy file"):
        converter.convert({**paths, "cifar10": tmp_path / "short.npy"})
