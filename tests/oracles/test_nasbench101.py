"""NAS-Bench-101, its slice and EC-NAS.

Converters on files that the tests write, and the real tables where they are here.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from records101 import EC, training, write_records

from nasrepro.oracles.convert import nasbench101 as converter
from nasrepro.oracles.convert.nasbench101 import METRICS, columns_of, official
from nasrepro.oracles.convert.tfrecord import read_trainings
from nasrepro.oracles.ecnas_4v import INFO as EC4
from nasrepro.oracles.nasbench101 import INFO, TABLE
from nasrepro.oracles.nasbench101 import load as load_whole
from nasrepro.oracles.nasbench101_slice import INFO as SLICE
from nasrepro.oracles.nasbench101_slice import open_part
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.graph101 import OPS, enumerate_cells
from nasrepro.suite.data import TableSpec, fetch_table, write_table
from nasrepro.suite.errors import (
    DataCorrupt,
    DataMissing,
    InvalidArch,
    NotTabulated,
)
from nasrepro.suite.registry import methods, oracles
from nasrepro.suite.search import Budget, Session

SPACE = Dag101()
SIZE = {"classes": 10, "size": 32}
CELLS = [SPACE.at(index) for index in (5, 90, 2000, 400_000)]


def record(arch, epochs, valid, *, params=0, module_hash=""):
    graph = SPACE.graph(arch)
    matrix = "".join(str(int(value)) for value in graph.adjacency.ravel())
    half = {1: epochs / 2, 2: 5.0 * epochs, 3: 0.2, 4: valid / 2, 5: valid / 2 - 0.01}
    end = {1: float(epochs), 2: 10.0 * epochs, 3: 0.9, 4: valid, 5: valid - 0.01}
    size = params or SPACE.complexity(arch, **SIZE).params
    return training(
        module_hash or SPACE.module_hash(arch),
        epochs,
        matrix,
        ",".join(graph.ops),
        [{1: 0.0, 2: 0.0}, half, end],
        size,
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, home and TORCH_HOME."""
    for name in ("NASBENCH101_PATH", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "cache"))
    return tmp_path


# -- the official files
# --------------------------------------------------------------------------------------
def test_runs_of_a_cell_are_kept_apart_in_the_order_of_the_file(tmp_path):
    path = tmp_path / "some.tfrecord"
    values = {
        (cell, epochs, run): 0.1 + 0.2 * cell + 0.001 * epochs + 0.01 * run
        for cell in range(4)
        for epochs in (4, 108)
        for run in range(3)
    }
    missing = (1, 108, 2)
    write_records(
        path,
        [
            record(CELLS[cell], epochs, valid)
            for (cell, epochs, run), valid in values.items()
            if (cell, epochs, run) != missing
        ],
    )
    columns = columns_of("test", read_trainings(path), METRICS)
    assert (
        columns["number"].tolist()
        == sorted(SPACE.number(cell) for cell in CELLS)
        == [SPACE.number(cell) for cell in CELLS]
    )
    assert columns["cifar10/params"].tolist() == [
        SPACE.complexity(cell, **SIZE).params for cell in CELLS
    ]
    for (cell, epochs, run), valid in values.items():
        found = {
            metric: columns[f"cifar10/{epochs}/run{run + 1}/{metric}"][cell] for metric in METRICS
        }
        if (cell, epochs, run) == missing:
            assert np.isnan(list(found.values())).all()
            continue
        assert found["valid_accuracy"] == valid and found["test_accuracy"] == valid - 0.01
        assert (
            found["halfway_valid_accuracy"] == valid / 2 and found["halfway_cost_s"] == 5 * epochs
        )
        assert found["train_accuracy"] == 0.9 and found["cost_s"] == 10 * epochs


def test_runs_may_come_in_any_order_of_cells(tmp_path):
    path = tmp_path / "some.tfrecord"
    order = [2, 0, 3, 2, 1, 0, 2]
    write_records(
        path, [record(CELLS[cell], 108, 0.5 + place / 100) for place, cell in enumerate(order)]
    )
    columns = columns_of("test", read_trainings(path), METRICS)
    for cell in range(4):
        runs = [columns[f"cifar10/108/run{run}/valid_accuracy"][cell] for run in (1, 2, 3)]
        expected = [0.5 + place / 100 for place, each in enumerate(order) if each == cell]
        assert [value for value in runs if not np.isnan(value)] == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"params": 12345}, "number of parameters of .* is 12345"),
        ({"module_hash": "0" * 32}, "module hash of .* is '0000"),
    ],
)
def test_records_that_do_not_fit_their_cell_are_refused(tmp_path, change, message):
    path = tmp_path / "some.tfrecord"
    write_records(path, [record(CELLS[0], 4, 0.5), record(CELLS[1], 4, 0.5, **change)])
    with pytest.raises(DataCorrupt, match=message):
        columns_of("test", read_trainings(path), METRICS)


def test_records_of_no_cell_are_refused(tmp_path):
    path = tmp_path / "some.tfrecord"
    for matrix, ops in (
        ("0100", "input,conv5x5"),
        ("010", "input,output"),
        ("0x00", "input,output"),
        ("0000", "input,output"),
    ):
        write_records(path, [training("0" * 32, 4, matrix, ops, [{}] * 3, 1)])
        with pytest.raises(DataCorrupt, match=r"module 0{32} is no cell of the benchmark"):
            columns_of("test", read_trainings(path), METRICS)


def test_where_the_official_file_is_looked_for(folder, monkeypatch):
    with pytest.raises(
        DataMissing,
        match=r"nasbench_only108.tfrecord .*not in .*\.torch or .*cache: get it from "
        r"https://storage.googleapis.com/nasbench/",
    ):
        official()
    places = [
        folder / "cache" / "nasbench_only108.tfrecord",
        folder / "home" / ".torch" / "nasbench_full.tfrecord",
    ]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
        assert official() == {"records": place}  # the full one before the other, wherever they are
    monkeypatch.setenv("TORCH_HOME", str(folder / "torch"))
    assert official() == {"records": places[0]}
    monkeypatch.setenv("NASBENCH101_PATH", str(folder / "home" / ".torch"))
    assert official() == {"records": places[1]}
    monkeypatch.setenv("NASBENCH101_PATH", str(places[0]))
    assert official() == {"records": places[0]}
    monkeypatch.setenv("NASBENCH101_PATH", str(folder / "absent"))
    with pytest.raises(DataMissing, match=r"not in .*absent: get it"):
        official()


def test_a_file_that_is_not_the_published_one_leaves_the_cache_as_it_was(folder, monkeypatch):
    path = folder / "nasbench_only108.tfrecord"
    write_records(path, [record(CELLS[0], 108, 0.5)])
    monkeypatch.setenv("NASBENCH101_PATH", str(path))
    with pytest.raises(DataCorrupt, match=r"has sha256 .*, expected 4c39c3936e36a8"):
        fetch_table(TABLE)
    assert not list((folder / "cache").rglob("*"))
    with pytest.raises(DataMissing, match="nasrepro data fetch nasbench101"):
        load_whole()


def test_the_published_file_must_have_all_cells_and_runs(folder, monkeypatch):
    path = folder / "nasbench_only108.tfrecord"
    write_records(path, [record(CELLS[0], 108, 0.5)])
    monkeypatch.setenv("NASBENCH101_PATH", str(path))
    monkeypatch.setitem(converter.OFFICIAL, path.name, converter.sha256_file(path))
    with pytest.raises(DataCorrupt, match="its cells are those of the enumeration"):
        fetch_table(TABLE)
    monkeypatch.setattr(converter, "enumerate_cells", lambda: np.array([SPACE.number(CELLS[0])]))
    with pytest.raises(DataCorrupt, match="columns"):
        fetch_table(TABLE)
    write_records(path, [record(CELLS[0], 108, valid) for valid in (0.5, 0.6, 0.7)])
    monkeypatch.setitem(converter.OFFICIAL, path.name, converter.sha256_file(path))
    assert fetch_table(TABLE).exists()


def test_the_whole_table_is_read_by_index(folder):
    numbers = enumerate_cells()
    rng = np.random.default_rng(0)
    columns = {"number": numbers, "cifar10/params": np.arange(len(numbers))}
    columns |= {
        f"cifar10/108/run{run}/{metric}": rng.random(len(numbers))
        for run in (1, 2, 3)
        for metric in METRICS
    }
    write_table(TABLE.path, columns, {"name": "nasbench101"})
    oracle = load_whole()
    archs = oracle.archs()
    assert (
        len(archs) == len(numbers)
        and archs[-1] == SPACE.at(len(numbers) - 1)
        and archs[2:4] == [SPACE.at(2), SPACE.at(3)]
    )
    for index in (0, 77, 300_000):
        reading = oracle.query(SPACE.at(index), dataset="cifar10", epochs=108, seed="run2")
        assert reading.values["test_accuracy"] == columns["cifar10/108/run2/test_accuracy"][index]
        mean = oracle.query(SPACE.at(index), dataset="cifar10", epochs=108).values["test_accuracy"]
        assert mean == pytest.approx(
            np.mean([columns[f"cifar10/108/run{run}/test_accuracy"][index] for run in (1, 2, 3)])
        )
    value, best = oracle.best("cifar10", 108, "valid_accuracy", seed="run1")
    assert (
        value == columns["cifar10/108/run1/valid_accuracy"].max()
        and oracle.space.index(best) == columns["cifar10/108/run1/valid_accuracy"].argmax()
    )
    assert oracle.seeds("cifar10", 108) == ("run1", "run2", "run3") and oracle.epochs(
        "cifar10"
    ) == (108,)


def test_no_budget_continues_another():
    for name in ("nasbench101", "nasbench101_slice", "ecnas_4v", "ecnas_5v"):
        info = oracles.get(name).info
        assert not info.resumable
        assert info.objective_of("cifar10").split == "valid"
        assert info.target == ("valid_accuracy" if info is SLICE else "test_accuracy")
    assert [metric.name for metric in SLICE.metrics if metric.split == "test"] == []
    assert INFO.licence == "Apache-2.0" and EC4.licence == "MIT"


# -- tables of a part of the space
# ---------------------------------------------------------------------------
@pytest.fixture
def small(folder):
    """An oracle over four cells that the tests wrote as a file of EC-NAS."""
    path = folder / "small.tfrecord"
    write_records(path, [record(cell, 4, 0.5 + place / 10) for place, cell in enumerate(CELLS)])
    spec = TableSpec("small", 1, {}, "none:none")
    write_table(spec.path, columns_of("small", read_trainings(path), METRICS), {"name": "small"})
    return open_part(INFO, spec)


def test_a_part_is_searched_inside_and_answers_for_every_code(small):
    assert [
        small.query(cell, dataset="cifar10", epochs=4).values["valid_accuracy"] for cell in CELLS
    ] == [0.5, 0.6, 0.7, 0.8]
    assert small.archs() == tuple(CELLS) == tuple(small.space)
    other = SPACE.parse(
        f"0110000/0000001/0000001/{'0000000/' * 3}0000000;"
        f"input,{OPS[0]},{OPS[2]},{OPS[1]},{OPS[2]},{OPS[1]},output"
    )
    same = SPACE.parse(
        f"0110000/0000001/0000001/{'0000000/' * 3}0000000;"
        f"input,{OPS[2]},{OPS[0]},{OPS[1]},{OPS[0]},{OPS[1]},output"
    )
    assert SPACE.canonical(other) == SPACE.canonical(same)
    with pytest.raises(NotTabulated, match="is not among the 4 cells that it has"):
        small.query(other, dataset="cifar10", epochs=4)
    with pytest.raises(InvalidArch, match="no path"):
        small.query(type(other)("dag101", (0,) * 26), dataset="cifar10", epochs=4)


@pytest.mark.parametrize("name", ["nasbench101_slice", "ecnas_4v", "ecnas_5v"])
@pytest.mark.parametrize(
    "method", ["random_search", "regularized_evolution", "local_search", "reinforce"]
)
def test_the_baselines_run_on_the_real_tables(real, name, method):
    oracle = real(name)
    epochs = oracle.epochs("cifar10")[0]
    session = Session(oracle, dataset="cifar10", epochs=epochs, budget=Budget(queries=40))
    methods.get(method).run(session, np.random.default_rng(0))
    assert session.queries == 40
    for done in session.ledger.evaluations:
        oracle.space.check(done.arch)
        assert "test_accuracy" not in done.metrics and done.cost_s > 0


def test_the_real_slice(real):
    oracle = real("nasbench101_slice")
    assert len(oracle.archs()) == len(oracle.space) == 30_001
    assert oracle.epochs("cifar10") == (4, 12, 36, 108) and oracle.seeds("cifar10", 4) == ("one",)
    value, best = oracle.best("cifar10", 108, "valid_accuracy")
    assert (
        value == pytest.approx(0.949119, abs=1e-6)
        and SPACE.module_hash(best) == "096f593e0f12d65f6220bf8565b764a9"
    )
    reading = oracle.query(best, dataset="cifar10", epochs=12)
    assert reading.values["params"] == 31_552_906 and reading.values["cost_s"] == pytest.approx(
        4100.5703 * 12 / 108
    )
    assert set(reading.values) == {"valid_accuracy", "cost_s", "params", "macs"}


def test_the_real_slice_has_the_cells_of_its_hashes(real, mirror):
    oracle = real("nasbench101_slice")
    path = mirror / oracles.get("nasbench101_slice").info.table.files["second"].path
    original = json.loads(path.read_text())
    numbers = oracle.table.column("number").tolist()
    hashes = {
        SPACE.module_hash(SPACE.numbered(number)): row for row, number in enumerate(numbers[::100])
    }
    checked = 0
    for place, module_hash in enumerate(original["key"]):
        if module_hash in hashes:
            row = 100 * hashes[module_hash]
            assert (
                oracle.table.column("cifar10/36/one/valid_accuracy")[row]
                == original["36_final_validation_accuracy"][place]
            )
            assert (
                oracle.table.column("cifar10/params")[row]
                == original["trainable_parameters"][place]
            )
            checked += 1
    assert 60 < checked < 140


def test_the_real_retrained_cells(real, mirror):
    four, five = real("ecnas_4v"), real("ecnas_5v")
    assert (len(four.archs()), len(five.archs())) == (91, 2532)
    assert four.epochs("cifar10") == (4, 12, 36, 108) and four.seeds("cifar10", 36) == (
        "run1",
        "run2",
        "run3",
    )
    assert five.epochs("cifar10") == (4,) and five.seeds("cifar10", 4) == ("run1",)
    first = next(iter(read_trainings(mirror / EC / "energy_4V9E.tfrecord")))
    arch = next(arch for arch in four.archs() if SPACE.module_hash(arch) == first.module_hash)
    values = four.query(arch, dataset="cifar10", epochs=36, seed="run1").values
    assert values["test_accuracy"] == first.evaluations[2][5] and values["energy_kwh"] == 0.113109
    assert values["cost_s"] == first.evaluations[2][2] and values["params"] == first.params
    assert set(four.archs()) < set(five.archs())
