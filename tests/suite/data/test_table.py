"""Tables on disk and the oracle over them: round trips, damage, what is missing, means."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.data import Table, content_sha256, files, write_table
from nasrepro.suite.data.table import LAYOUT
from nasrepro.suite.errors import (
    DataCorrupt,
    InvalidArch,
    NasreproError,
    NotTabulated,
    ProtocolError,
    UnknownName,
)
from nasrepro.suite.oracle import MEAN, Dataset, Metric, OracleInfo, TableOracle, searching

NAN = np.nan
COLUMNS = {
    "D/10/1/valid_accuracy": np.array([0.5, NAN, 0.25, NAN]),
    "D/10/2/valid_accuracy": np.array([0.75, 0.5, NAN, NAN]),
    "D/10/1/test_accuracy": np.array([0.4, 0.3, 0.2, NAN]),
    "D/1/cost_s_per_epoch": np.array([2.0, 3.0, 4.0, 5.0]),
    "D/5/mean/valid_accuracy": np.array([0.1, 0.2, 0.3, 0.4]),
    "D/params": np.array([10, 20, 30, 40]),
    "number": np.array([0, 1, 2, 3], dtype=np.uint16),
}
both_formats = pytest.mark.parametrize("suffix", [".arrow", ".parquet"])


def make(path: Path, columns=COLUMNS, **meta) -> Path:
    write_table(path, columns, {"name": "t", **meta})
    return path


def rewritten(path: Path, **meta) -> Path:
    """The same Arrow table with other metadata."""
    whole = pa.ipc.open_file(path).read_all()
    known = json.loads(whole.schema.metadata[b"nasrepro"])
    known = {key: value for key, value in {**known, **meta}.items() if value is not None}
    whole = whole.replace_schema_metadata({"nasrepro": json.dumps(known)})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, whole.schema) as writer:
        writer.write_table(whole)
    return path


# -- on disk
# -------------------------------------------------------------------------------------------------
@both_formats
def test_round_trip_keeps_every_value_type_and_gap(tmp_path, suffix):
    opened = Table(make(tmp_path / f"t{suffix}", note="ü"))
    assert opened.names == tuple(COLUMNS) and len(opened) == 4
    for name, values in COLUMNS.items():
        column = opened.column(name)
        assert column.dtype == values.dtype
        assert np.array_equal(column, values, equal_nan=values.dtype.kind == "f")
        assert not column.flags.writeable
        assert opened.column(name) is column
    assert opened.meta["note"] == "ü"
    assert opened.sha256 == content_sha256(COLUMNS)
    opened.verify()


@settings(max_examples=30, deadline=None)
@given(values=arrays.arrays(np.float64, st.integers(1, 50)))
def test_any_floats_survive(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("floats")
    for suffix in (".arrow", ".parquet"):
        opened = Table(make(folder / f"t{suffix}", {"x": values}))
        assert opened.column("x").tobytes() == values.tobytes()
        opened.verify()


def test_content_hash_is_of_names_types_and_values(tmp_path):
    first = content_sha256(COLUMNS)
    # a fixed value: a changed hash makes every stored result a result of another table
    assert content_sha256({"a": np.arange(3), "b": np.array([0.5, NAN, 1])}).startswith("ca8e7fe4")
    assert content_sha256(dict(reversed(COLUMNS.items()))) == first
    assert content_sha256({**COLUMNS, "number": COLUMNS["number"].astype(np.uint32)}) != first
    assert content_sha256({**COLUMNS, "number": COLUMNS["number"][::-1]}) != first
    assert (
        content_sha256(
            {("n" if name == "number" else name): values for name, values in COLUMNS.items()}
        )
        != first
    )
    spaced = {name: np.repeat(values, 2)[::2] for name, values in COLUMNS.items()}
    assert content_sha256(spaced) == first
    assert {Table(make(tmp_path / f"t{suffix}")).sha256 for suffix in (".arrow", ".parquet")} == {
        first
    }


@both_formats
def test_a_table_cut_short_anywhere_is_refused(tmp_path, suffix):
    path = make(tmp_path / f"t{suffix}")
    whole = path.read_bytes()
    for length in [0, 1, *range(7, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(
            DataCorrupt, match=f"t{suffix} cannot be read as a table.*nasrepro data fetch"
        ):
            Table(path)


@both_formats
def test_a_changed_byte_is_found_or_without_effect(tmp_path, suffix):
    path = make(tmp_path / f"t{suffix}")
    whole = path.read_bytes()
    found = 0
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x5A]) + whole[position + 1 :])
        try:
            opened = Table(path)
            opened.verify()
        except DataCorrupt as error:
            assert path.name in str(error)
            found += 1
        else:  # padding, or a remark in the metadata
            assert opened.names == tuple(COLUMNS)
            assert all(
                np.array_equal(opened.column(n), v, equal_nan=v.dtype.kind == "f")
                for n, v in COLUMNS.items()
            )
    assert found > len(whole) / 14


def test_verify_names_the_file_and_the_way_out(tmp_path):
    path = make(tmp_path / "t.arrow")
    whole = path.read_bytes()
    at = whole.index(np.array([2.0, 3.0]).tobytes())
    path.write_bytes(whole[:at] + np.array([2.5]).tobytes() + whole[at + 8 :])
    opened = Table(path)  # opening reads no values
    with pytest.raises(
        DataCorrupt,
        match=r"t\.arrow: contents hash to .* expected .*; delete it and fetch it again: nasrepro "
        r"data fetch",
    ):
        opened.verify()


def test_a_newer_layout_and_what_is_no_table_are_refused(tmp_path):
    newer = rewritten(make(tmp_path / "newer.arrow"), layout=LAYOUT + 1)
    with pytest.raises(
        DataCorrupt, match="has layout 2, this version reads up to 1; upgrade nasrepro"
    ):
        Table(newer)
    with pytest.raises(DataCorrupt, match="not a table that nasrepro wrote"):
        Table(rewritten(make(tmp_path / "strange.arrow"), layout=None))
    (tmp_path / "text.arrow").write_text("hello")
    for wrong in (
        tmp_path / "text.arrow",
        tmp_path / "absent.arrow",
        tmp_path / "absent.parquet",
        tmp_path,
    ):
        with pytest.raises(DataCorrupt, match="cannot be read as a table"):
            Table(wrong)


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = make(tmp_path / "t.arrow")
    old = path.read_bytes()
    with pytest.raises(pa.ArrowInvalid):
        write_table(path, {"a": np.zeros(3), "b": np.zeros(4)}, {})
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_table(path, {"a": np.zeros(3)}, {"meta": object()})
    with pytest.raises(ZeroDivisionError), files.atomic_write(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_bytes() == old and [each.name for each in tmp_path.iterdir()] == ["t.arrow"]


@both_formats
def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path, suffix):
    resource = pytest.importorskip("resource", reason="no limits on this system")
    path = make(tmp_path / f"t{suffix}")
    old = path.read_bytes()
    limits, handler = (
        resource.getrlimit(resource.RLIMIT_FSIZE),
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
    )
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        with pytest.raises(NasreproError, match=f"cannot write .*t{suffix} .*is the disk full"):
            write_table(path, {"a": np.random.default_rng(0).random(10_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == old and list(tmp_path.iterdir()) == [path]


def test_text_is_written_whole_into_new_folders(tmp_path):
    files.write_text(tmp_path / "a" / "b" / "t.md", "née\n")
    assert (tmp_path / "a" / "b" / "t.md").read_text(encoding="utf-8") == "née\n"
    assert (tmp_path / "a" / "b" / "t.md").stat().st_mode & 0o777 == 0o644
    (tmp_path / "file").write_text("")
    with pytest.raises(NasreproError, match=r"cannot write to .*file/x .*NASREPRO_DATA"):
        files.write_text(tmp_path / "file" / "x" / "t.md", "")


# -- the oracle over a table
# -----------------------------------------------------------------------------------
SPACE = Cell201()
INFO = OracleInfo(
    name="tiny",
    space=SPACE,
    datasets=(Dataset("D", 10, 8), Dataset("Another-Set", 10, 8)),
    metrics=(
        Metric("valid_accuracy", "fraction", "valid", True, (0, 1)),
        Metric("test_accuracy", "fraction", "test", True, (0, 1)),
        Metric("cost_s", "s", "none", False, (0, 100)),
        Metric("params", "param", "none", False, (0, 1e9)),
    ),
    objective="valid_accuracy",
    target="test_accuracy",
    citation="",
    licence="",
)
ARCHS = tuple(SPACE.at(i) for i in range(4))


def row(arch):
    if (index := SPACE.index(arch)) >= 4:
        raise NotTabulated(f"no row {index}")
    return index


@pytest.fixture
def tiny(tmp_path):
    return TableOracle(INFO, Table(make(tmp_path / "t.arrow")), row=row, archs=lambda: ARCHS)


def test_what_is_there_is_read_off_the_columns(tiny):
    assert tiny.epochs("D") == (5, 10) and tiny.epochs("Another-Set") == ()
    assert tiny.seeds("D", 10) == (1, 2) and tiny.seeds("D", 5) == ()
    assert tiny.archs() == ARCHS
    assert tiny.table_sha256 == content_sha256(COLUMNS)


def test_means_are_over_the_seeds_that_are_there(tiny):
    values = [tiny.query(arch, dataset="D", epochs=10).values for arch in ARCHS[:3]]
    assert [each["valid_accuracy"] for each in values] == [0.625, 0.5, 0.25]
    assert [each["test_accuracy"] for each in values] == [0.4, 0.3, 0.2]
    assert values[1]["cost_s"] == 30.0 and values[1]["params"] == 20
    # a mean in the table is taken as it is
    assert tiny.query(ARCHS[3], dataset="D", epochs=5).values["valid_accuracy"] == 0.4


def test_missing_values_are_left_out_and_a_missing_training_is_an_error(tiny):
    assert tiny.query(ARCHS[0], dataset="D", epochs=10, seed=2).values == {
        "valid_accuracy": 0.75,
        "params": 10,
    }
    assert "valid_accuracy" not in tiny.query(ARCHS[1], dataset="D", epochs=10, seed=1).values
    with pytest.raises(
        NotTabulated, match=r"has no D training of 10 epochs with seed 2; it has: 1$"
    ):
        tiny.query(ARCHS[2], dataset="D", epochs=10, seed=2)
    with pytest.raises(NotTabulated, match=r"seed mean; it has: none$"):
        tiny.query(ARCHS[3], dataset="D", epochs=10)
    many = tiny.query_many(dataset="D", epochs=10, seed=2)
    assert np.array_equal(many["valid_accuracy"], COLUMNS["D/10/2/valid_accuracy"], equal_nan=True)


def test_arguments_are_read_as_the_table_has_them(tiny):
    expected = tiny.query(ARCHS[0], dataset="D", epochs=10, seed=1)
    assert expected[1:4] == ("D", 10, 1)
    for dataset, epochs, seed in [
        ("d", np.int64(10), np.int32(1)),
        ("D", 10.0, 1.0),
        ("d", np.uint8(10), np.float64(1)),
    ]:
        again = tiny.query(ARCHS[0], dataset=dataset, epochs=epochs, seed=seed)
        assert again == expected and [type(part) for part in again[1:4]] == [str, int, int]
        many = tiny.query_many(ARCHS[:1], dataset=dataset, epochs=epochs, seed=seed)
        assert {name: values[0] for name, values in many.items()} == expected.values
        assert tiny.reader(dataset, epochs, seed)(ARCHS[0]) == expected.values


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (
            {"dataset": "E"},
            UnknownName,
            r"unknown data set of tiny: 'E' \(accepted: D, Another-Set\)",
        ),
        ({"dataset": "another_set"}, UnknownName, "did you mean 'Another-Set'"),
        ({"dataset": None}, UnknownName, "unknown data set"),
        ({"epochs": 7}, NotTabulated, "no D trainings of 7 epochs; accepted: 5, 10"),
        ({"epochs": "10"}, NotTabulated, "of '10' epochs"),
        ({"epochs": None}, NotTabulated, "of None epochs"),
        ({"epochs": True}, NotTabulated, "of True epochs"),
        ({"seed": 3}, NotTabulated, "with seed 3; accepted: mean, 1, 2"),
        ({"seed": "1"}, NotTabulated, "with seed '1'"),
        ({"seed": None}, NotTabulated, "with seed None"),
        ({"dataset": "Another-Set"}, NotTabulated, "no Another-Set trainings of 10 epochs"),
    ],
)
def test_wrong_arguments_are_told_what_is_there(tiny, wrong, error, message):
    given = {"dataset": "D", "epochs": 10, "seed": 1, **wrong}
    for ask in (
        lambda: tiny.query(ARCHS[0], **given),
        lambda: tiny.query_many(ARCHS, **given),
        lambda: tiny.reader(*given.values()),
    ):
        with pytest.raises(error, match=message):
            ask()


@pytest.mark.parametrize("wrong", ["a string", 3, None, Dataset("D", 1, 1)])
def test_what_is_no_architecture_is_refused(tiny, wrong):
    for ask in (tiny.query, lambda arch, **given: tiny.query_many([ARCHS[0], arch], **given)):
        with pytest.raises(InvalidArch, match="expected an Arch"):
            ask(wrong, dataset="D", epochs=10)


def test_architectures_of_other_spaces_and_without_a_row_are_refused(tiny):
    from nasrepro.suite.space import Arch

    stranger = Arch("other", ARCHS[0].code)
    tiny.query(ARCHS[0], dataset="D", epochs=10)  # the row of this code is known now
    for ask in (tiny.query, lambda arch, **given: tiny.query_many([arch], **given)):
        with pytest.raises(InvalidArch, match="space 'other' given to space 'cell201'"):
            ask(stranger, dataset="D", epochs=10)
        with pytest.raises(NotTabulated, match="no row 4"):
            ask(SPACE.at(4), dataset="D", epochs=10)


def test_query_many_is_query_in_bulk(tiny):
    order = [ARCHS[2], ARCHS[0], ARCHS[2]]
    many = tiny.query_many(order, dataset="D", epochs=10, seed=1)
    assert {name: len(values) for name, values in many.items()} == {
        "valid_accuracy": 3,
        "test_accuracy": 3,
        "cost_s": 3,
        "params": 3,
    }
    for i, arch in enumerate(order):
        one = tiny.query(arch, dataset="D", epochs=10, seed=1).values
        assert {name: values[i] for name, values in many.items()} == one
    assert all(len(values) == 0 for values in tiny.query_many([], dataset="D", epochs=10).values())
    every = tiny.query_many(dataset="D", epochs=10)
    assert np.array_equal(every["params"], COLUMNS["D/params"])


def test_the_table_cannot_be_written_through_an_answer(tiny):
    before = tiny.query(ARCHS[0], dataset="D", epochs=5)
    with pytest.raises(ValueError, match="read-only"):
        tiny.query_many(dataset="D", epochs=5)["valid_accuracy"][0] = 1.0
    tiny.query(ARCHS[0], dataset="D", epochs=5).values["valid_accuracy"] = 1.0
    tiny.query_many(ARCHS, dataset="D", epochs=5)["valid_accuracy"][:] = 1.0
    assert tiny.query(ARCHS[0], dataset="D", epochs=5) == before


def test_best_is_by_direction_and_the_first_of_several(tmp_path):
    columns = {**COLUMNS, "D/5/mean/valid_accuracy": np.array([0.2, 0.4, NAN, 0.4])}
    oracle = TableOracle(
        INFO, Table(make(tmp_path / "t.arrow", columns)), row=row, archs=lambda: ARCHS
    )
    assert oracle.best("d", 5, "valid_accuracy") == (0.4, ARCHS[1])
    assert oracle.best("D", 10, "cost_s", seed=1) == (20.0, ARCHS[0])
    with pytest.raises(NotTabulated, match="no test_accuracy for D at 5 epochs, seed mean"):
        oracle.best("D", 5, "test_accuracy")
    with pytest.raises(
        UnknownName, match="unknown metric of tiny: 'test_acuracy'; did you mean 'test_accuracy'"
    ):
        oracle.best("D", 5, "test_acuracy")


@pytest.mark.parametrize("value", [1.5, -0.1, np.inf])
def test_values_outside_their_bounds_are_not_given_out(tmp_path, value):
    columns = {**COLUMNS, "D/5/mean/valid_accuracy": np.array([0.1, value, NAN, 0.4])}
    oracle = TableOracle(
        INFO, Table(make(tmp_path / "t.arrow", columns)), row=row, archs=lambda: ARCHS
    )
    for ask in (
        lambda: oracle.query(ARCHS[0], dataset="D", epochs=5),
        lambda: oracle.query_many(dataset="D", epochs=5),
    ):
        with pytest.raises(
            DataCorrupt,
            match=r"valid_accuracy of D at 5 epochs leaves its bounds 0\.\.1; run: nasrepro data "
            r"verify",
        ):
            ask()


def test_a_column_without_any_value_is_missing_and_not_damaged(tmp_path):
    columns = {**COLUMNS, "D/10/2/valid_accuracy": np.full(4, NAN)}
    oracle = TableOracle(
        INFO, Table(make(tmp_path / "t.arrow", columns)), row=row, archs=lambda: ARCHS
    )
    assert oracle.query(ARCHS[0], dataset="D", epochs=10).values["valid_accuracy"] == 0.5
    with pytest.raises(NotTabulated, match=r"it has: 1$"):
        oracle.query(ARCHS[0], dataset="D", epochs=10, seed=2)


def test_readers_see_only_the_splits_they_ask_for(tiny):
    read = tiny.reader("D", 10, MEAN, splits=("train", "valid", "none"))
    assert set(read(ARCHS[0])) == {"valid_accuracy", "cost_s", "params"}


def test_a_running_search_gets_nothing_past_its_session(tiny):
    tiny.query(ARCHS[0], dataset="D", epochs=10)
    with searching():
        for ask in (
            lambda: tiny.query(ARCHS[0], dataset="D", epochs=10),
            lambda: tiny.query_many(dataset="D", epochs=10),
        ):
            with pytest.raises(ProtocolError, match="without the session"):
                ask()
    tiny.query(ARCHS[0], dataset="D", epochs=10)
