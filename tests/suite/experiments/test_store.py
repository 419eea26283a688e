"""The results store: what goes in comes out, whole or not at all.

That holds also when the writer is killed.
"""

from __future__ import annotations

import copy
import json
import math
import os
import re
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import cell, source, toy_fixture  # noqa: F401

import nasrepro
from nasrepro.__main__ import main
from nasrepro.reports import board, summary, tables
from nasrepro.suite.errors import DataCorrupt, NasreproError
from nasrepro.suite.experiments.cells import cells_of
from nasrepro.suite.experiments.identity import ENGINE
from nasrepro.suite.experiments.kinds.ranking import RankKey, RankRecord, Scatter
from nasrepro.suite.experiments.kinds.search import (
    Protocol,
    Report,
    RunKey,
    RunRecord,
    Trace,
    events_of,
)
from nasrepro.suite.experiments.plan import Plan
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import VERSION, Store
from nasrepro.suite.search import Budget
from nasrepro.suite.statistics import RankAgreement

pytestmark = pytest.mark.usefixtures("toy")

KEY = RunKey(
    "m",
    "f" * 64,
    {"population": 10},
    "toy",
    "0" * 64,
    "toys",
    Protocol(1, 9, ("toys", "blocks")),
    Budget(seconds=10.0, queries=3),
    7,
)
RUN = RunRecord(
    KEY,
    "budget",
    chosen="0-1-2-0",
    reports={
        "toys": Report({"test_accuracy": 0.9, "cost_s": 3.0}, 0.01),
        "blocks": Report({}, None),
    },
    queries=3,
    unique_queries=2,
    simulated_s=9.5,
    wall_s=9.5,
    overhead_s={"predictor": 0.25, "total": 0.5},
    incumbents=((1, 3.0, 0.5, 0.6), (3, 9.5, 0.7, math.nan)),
    environment={"python": "3.11"},
)
RANK_KEY = RankKey("params", "e" * 64, "toy", "0" * 64, "toys", 9, "test_accuracy", 100, 0)
AGREEMENT = {"n": 3, "kendall": math.nan, "status": "constant"}


def same(one: Any, other: Any) -> bool:
    """Equal, NaN standing for itself, and a tuple for no list."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (one != one and other != other)
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(
            same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one)
        )
    return type(one) is type(other) and one == other


# -- round trips -----------------------------------------------------------------------------------
texts = st.text(max_size=8)
numbers = st.floats(allow_nan=True, allow_infinity=True)
counts = st.integers(0, 2**40)
params = st.dictionaries(
    texts,
    st.none()
    | st.booleans()
    | st.integers()
    | numbers
    | texts
    | st.lists(st.integers(), max_size=3),
    max_size=3,
)
budgets = st.builds(Budget, seconds=st.floats(1, 1e9), queries=st.none() | st.integers(1, 10**6))
protocols = st.builds(
    Protocol, counts, counts, st.tuples(texts, texts), st.integers(0, 999) | texts
)
reports = st.builds(Report, st.dictionaries(texts, numbers, max_size=3), st.none() | numbers)
incumbents = st.lists(st.tuples(st.integers(1, 999), numbers, numbers, numbers), max_size=3).map(
    tuple
)
runs = st.builds(
    RunRecord,
    st.builds(RunKey, texts, texts, params, texts, texts, texts, protocols, budgets, counts),
    st.sampled_from(["done", "budget", "failed"]),
    chosen=texts,
    reports=st.dictionaries(texts, reports, max_size=3),
    queries=counts,
    unique_queries=counts,
    simulated_s=numbers,
    wall_s=numbers,
    overhead_s=st.dictionaries(texts, numbers, max_size=3),
    incumbents=incumbents,
    error=texts,
    environment=st.dictionaries(texts, texts, max_size=3),
)


@given(runs)
@settings(max_examples=40, deadline=None)
def test_a_run_comes_back_as_it_was(record: RunRecord) -> None:
    back = RunRecord.from_json(record.to_json())
    assert same(back, record) and back.key.run_id == record.key.run_id


def test_a_ranking_comes_back_as_it_was() -> None:
    agreement = {each.name: 0.5 for each in fields(RankAgreement)}
    agreement |= {
        "n": 81,
        "status": "ok",
        "non_finite": 0,
        "top_n": 8,
        "kendall_ci": (0.1, math.nan),
        "spearman_ci": (0.1, 0.2),
        "top_kendall_ci": (0.1, 0.2),
        "top_kendall": math.nan,
    }
    for record in (
        RankRecord(RANK_KEY, "done", agreement, "0-0-0-0", 0.5, 1),
        RankRecord(RANK_KEY, "failed", error="a\nb"),
    ):
        back = RankRecord.from_json(record.to_json())
        assert same(back, record) and back.key.run_id == record.key.run_id


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(runs, min_size=1, max_size=3, unique_by=lambda record: record.key.run_id),
    st.binary(min_size=1, max_size=9),
)
def test_what_was_added_is_read_by_the_next_opening(
    tmp_path_factory: pytest.TempPathFactory, records: list[RunRecord], trace: bytes
) -> None:
    path = tmp_path_factory.mktemp("store") / "runs.sqlite"
    with Store(path) as store:
        for record in records:
            store.add(record, trace)
    with Store(path, read_only=True) as store:
        assert not list(store.rankings())
        assert all(
            same(store.record(record.key.run_id), record)
            and store.trace(record.key.run_id) == trace
            for record in records
        )
        assert store.finished() == {
            record.key.run_id for record in records if record.status != "failed"
        }


# -- ids -------------------------------------------------------------------------------------------
def test_an_id_changes_with_everything_that_determines_a_run() -> None:
    protocol, budget = KEY.protocol, KEY.budget
    changed = [
        replace(KEY, method="n"),
        replace(KEY, method_sha256="0"),
        replace(KEY, params={"population": 11}),
        replace(KEY, oracle="other"),
        replace(KEY, table_sha256="1"),
        replace(KEY, dataset="blocks"),
        replace(KEY, seed=8),
        replace(KEY, protocol=replace(protocol, search_epochs=3)),
        replace(KEY, protocol=replace(protocol, report_epochs=3)),
        replace(KEY, protocol=replace(protocol, report_datasets=("toys",))),
        replace(KEY, protocol=replace(protocol, search_seed=0)),
        replace(KEY, budget=replace(budget, seconds=11.0)),
        replace(KEY, budget=replace(budget, queries=None)),
    ]
    assert len({key.run_id for key in (KEY, *changed)}) == len(changed) + 1
    assert replace(KEY, params=dict(KEY.params)).run_id == KEY.run_id


# -- replacing -------------------------------------------------------------------------------------
def test_a_failed_run_is_replaced_and_not_finished(tmp_path: Path) -> None:
    with Store(tmp_path / "new" / "runs.sqlite") as store:
        store.add(replace(RUN, status="failed", error="ZeroDivisionError"))
        store.add(RankRecord(RANK_KEY, "failed", error="x"))
        assert store.finished() == set()
        with pytest.raises(NasreproError, match=f"no trace of run {KEY.run_id}: it is not there"):
            store.trace(KEY.run_id)
        store.add(RUN, b"trace")
        store.add(RankRecord(RANK_KEY, "done", AGREEMENT))
        assert store.finished() == {KEY.run_id, RANK_KEY.run_id}
        assert [record.status for record in store.runs()] == ["budget"] and [
            record.status for record in store.rankings()
        ] == ["done"]
        assert store.trace(KEY.run_id) == b"trace"


# -- files that are none ---------------------------------------------------------------------------
def test_an_arm_has_one_label_and_a_label_one_arm(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        assert store.arm_labels() == {}
        store.name_arms({("a", "{}"): "A", ("b", "{}"): "B"})
        store.name_arms({("a", "{}"): "A2", ("c", "{}"): "B"})
    with Store(path, read_only=True) as store:
        assert store.arm_labels() == {("a", "{}"): "A2", ("c", "{}"): "B"}


def test_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    with Store(path) as store:
        store.add(RUN)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(
        NasreproError,
        match=(
            rf"newer nasrepro \(store version {VERSION + 1}, this one reads up to "
            rf"{VERSION}\); upgrade"
        ),
    ):
        Store(path)
    assert path.read_bytes() == before


def test_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes\n" * 100)
    with pytest.raises(DataCorrupt, match="not a results store"):
        Store(path)
    assert path.read_text() == "these are my notes\n" * 100


@pytest.mark.parametrize("version", [0, VERSION])
def test_another_programs_database_is_refused_and_left_alone(version: int, tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE places (url TEXT)")
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(DataCorrupt, match="another program"):
        Store(path)
    assert path.read_bytes() == before


def test_a_store_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    with Store(path) as store:
        for seed in range(200):
            store.add(replace(RUN, key=replace(KEY, seed=seed)))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataCorrupt, match="not a results store"):
        Store(path)


def test_a_store_that_is_read_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(
        NasreproError, match=r"no results store at .*; make one with: nasrepro run --store"
    ):
        Store(tmp_path / "runs.sqlite", read_only=True)
    assert not (tmp_path / "runs.sqlite").exists()


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NasreproError, match=r"cannot create .*file \(.*\); give another --store"):
        Store(tmp_path / "file" / "runs.sqlite")
    with pytest.raises(NasreproError, match="cannot open the results store"):
        Store(tmp_path)  # a folder


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_read_only_folder_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(NasreproError, match="cannot open the results store"):
            Store(tmp_path / "runs.sqlite")
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_keeps_what_is_there(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no limit on a file's size here")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Store(tmp_path / "runs.sqlite") as store:
        store.add(RUN)
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (300_000, limits[1])
        )  # as if the disk ended there
        try:
            with pytest.raises(NasreproError, match="cannot write to the results store"):
                store.add(replace(RUN, key=replace(KEY, seed=8), error="x" * 1_000_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        store.add(replace(RUN, queries=4))  # the transaction was given back
        assert [record.queries for record in store.runs()] == [4]


# -- killed ----------------------------------------------------------------------------------------
WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from nasrepro.suite.experiments.kinds.search import RunRecord
from nasrepro.suite.experiments.store import Store
run = RunRecord.from_json(sys.argv[3])
with Store(Path(sys.argv[1])) as store:
    print("ready", flush=True)
    for seed in range(int(sys.argv[2]), 10**9):
        store.add(replace(run, key=replace(run.key, seed=seed), chosen=str(seed) * 500), str(seed).encode())
        print(seed, flush=True)
"""  # noqa: E501


def test_a_killed_writer_loses_nothing_that_it_had_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "runs.sqlite"
    monkeypatch.setenv(
        "PYTHONPATH",
        os.pathsep.join(
            [str(Path(nasrepro.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        ),
    )
    following = 0
    for pause in (0.0, 0.013, 0.05):
        command = [sys.executable, "-c", WRITER, str(path), str(following), RUN.to_json()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
            time.sleep(pause)
            writer.kill()
            said = [
                int(line)
                for line in writer.stdout.read().splitlines(keepends=True)
                if line.endswith("\n")
            ]
        with Store(path, read_only=True) as store:
            there = {record.key.seed: record for record in store.runs()}
            assert set(range(following)) <= set(there) and set(said) <= set(there)
            for seed, record in there.items():
                assert (
                    record.chosen == str(seed) * 500
                    and store.trace(record.key.run_id) == str(seed).encode()
                )
            following = len(there)
            assert set(there) == set(range(following))
    assert following > 0


def test_the_manifest_says_where_results_come_from(tmp_path: Path) -> None:
    other = replace(
        RUN,
        key=replace(KEY, oracle="another", table_sha256="1" * 64),
        environment={"python": "3.12"},
        status="failed",
    )
    with Store(tmp_path / "s.sqlite") as store:
        store.add(RUN)
        store.add(other)
        store.add(RankRecord(RANK_KEY, "done", AGREEMENT, environment={"python": "3.11"}))
        manifest = store.manifest()
    assert manifest["results"] == {"rank done": 1, "run budget": 1, "run failed": 1}
    assert manifest["tables"] == {"another": ["1" * 64], "toy": ["0" * 64]}
    assert manifest["environments"] == [{"python": "3.11"}, {"python": "3.12"}]
    assert manifest["first_result"] <= manifest["last_result"]


def test_two_openings_may_write_in_turn(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    with Store(path) as one, Store(path) as other:
        one.add(RUN)
        other.add(replace(RUN, key=replace(KEY, seed=8)))
        one.add(replace(RUN, key=replace(KEY, seed=9)))
        assert len(list(one.runs())) == len(list(other.runs())) == 3


# -- shared, and odd -------------------------------------------------------------------------------
def test_a_cell_is_taken_by_one_living_runner(tmp_path: Path) -> None:
    with Store(tmp_path / "runs.sqlite") as one, Store(tmp_path / "runs.sqlite") as other:
        assert one.take(KEY.run_id) == "ours" == one.take(KEY.run_id)
        assert other.take(KEY.run_id) == "elsewhere" and other.take("more") == "ours"
        one.release()
        assert other.take(KEY.run_id) == "ours"
        other.add(RUN)
        assert one.take(KEY.run_id) == "finished"
        one._db.execute("INSERT INTO taken VALUES ('lost', 'elsewhere.host:1:1')")
        assert one.take("lost") == "ours", "a runner that is not seen holds nothing"


def test_two_runners_share_the_work(tmp_path: Path) -> None:
    """Each cell is executed once; both end when all is there."""
    calls = tmp_path / "calls"
    text = source(
        f"import time\ntime.sleep(0.02)\nwith open({str(calls)!r}, 'a') as file:\n"
        "    file.write('.')\nreturn session.evaluate(session.space.sample(rng)).arch"
    )
    cells = [cell(text, seed=seed) for seed in range(20)]

    def run() -> int:
        with Store(tmp_path / "runs.sqlite") as store:
            return run_cells(cells, store, workers=1).finished

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(run), pool.submit(run)
        counts = first.result(), second.result()
    assert sum(counts) == 20 == len(calls.read_text())


def test_odd_records_cost_a_line_and_never_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    with Store(path) as store:
        store.add(RUN)
        store.add(replace(RUN, key=replace(KEY, oracle="no_such")))
        store.add(replace(RUN, key=replace(KEY, dataset="no_such")))
        for number in range(4):
            store.add(replace(RUN, key=replace(KEY, seed=100 + number)))
        odd = [replace(KEY, seed=100 + number).run_id for number in range(4)]
        update = "UPDATE records SET {} WHERE id = ?"
        store._db.execute(update.format("record = substr(record, 1, 300)"), odd[:1])
        store._db.execute(update.format("record = '{\"new_field\": 1}'"), odd[1:2])
        store._db.execute(update.format("engine = 1"), odd[2:3])
        store._db.execute(update.format("engine = 99"), odd[3:])
    with Store(path, read_only=True) as store:
        for _ in range(2):
            assert [record.key for record in store.runs()] == [KEY]
        lines = "\n".join(store.left_out())
        assert store.manifest()["engine"] == ENGINE
        with pytest.raises(DataCorrupt, match=f"record {odd[0]} cannot be read"):
            store.record(odd[0])
    for part in (
        "1 left out: unknown oracle 'no_such'",
        "1 left out: unknown data set of toy: 'no_such'",
        "1 left out: a record that cannot be read (JSONDecodeError)",
        "1 left out: a record that cannot be read (ValidationError)",
        "1 left out: results of the older engine 1",
        "1 left out: results of the newer engine 99",
    ):
        assert part in lines, lines


def columns(store: Store) -> list[Any]:
    return sorted(
        (repr(family.key), family.places, dict(family.environment), row)
        for family in store.families()
        for row in family.rows
    )


def test_columns_say_what_records_say(tmp_path: Path) -> None:
    """As kept when a record is added, and as read from records of a store without them."""
    path = tmp_path / "runs.sqlite"
    with Store(path) as store:
        for seed in range(3):
            store.add(replace(RUN, key=replace(KEY, seed=seed)))
        store.add(RunRecord(replace(KEY, seed=3), "failed", error="Traceback\nOSError: disk"))
        store.add(replace(RUN, key=replace(KEY, seed=4), overhead_s={}, unique_s=1.0))
        store.add(replace(RUN, key=replace(KEY, oracle="no_such")))
        store.add(RankRecord(RANK_KEY, "done", AGREEMENT))
        kept, lines, manifest = columns(store), store.left_out(), store.manifest()
        (first,) = (family for family in store.families() if family.rows[0].seed == 0)
        assert first.key == replace(KEY, seed=0)
        assert first.places == (("toys", "cost_s"), ("toys", "regret"), ("toys", "test_accuracy"))
        assert [row.seed for row in first.rows] == [0, 1, 2, 4]
        assert {place: got.tolist() for place, got in first.reported(first.rows).items()} == {
            ("toys", "regret"): [0.01] * 4,
            ("toys", "test_accuracy"): [0.9] * 4,
            ("toys", "cost_s"): [3.0] * 4,
        }
        assert [row.overhead_s for row in first.rows] == [0.5, 0.5, 0.5, None]
        failed = [row for *_, row in kept if row.status == "failed"]
        assert [(row.seed, row.error) for row in failed] == [(3, "OSError: disk")]
        store._db.execute("DELETE FROM runs")
        assert (columns(store), store.left_out(), store.manifest()) == (kept, lines, manifest)
    assert "1 left out: unknown oracle 'no_such'" in "\n".join(lines)


def test_columns_follow_their_records(tmp_path: Path) -> None:
    """A run tried again, and one that another program changes or removes."""
    with Store(tmp_path / "runs.sqlite") as store:
        store.add(RunRecord(KEY, "failed", error="OSError: disk"))
        store.add(RUN)
        assert [row.status for *_, row in columns(store)] == ["budget"]
        other = replace(RUN, chosen="0-0-0-0").to_json()
        store._db.execute("UPDATE records SET record = ?", (other,))
        assert [row.chosen for *_, row in columns(store)] == ["0-0-0-0"]
        store._db.execute("DELETE FROM records")
        assert columns(store) == [] == list(store.runs())
        assert store.manifest()["environments"] == []


def test_a_store_of_an_older_version_gets_columns(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    with Store(path) as store:
        store.add(RUN)
        for trigger in ("added", "changed", "removed"):
            store._db.execute(f"DROP TRIGGER record_{trigger}")
        store._db.executescript("DROP TABLE runs; DROP TABLE families")
        assert [row.seed for *_, row in columns(store)] == [KEY.seed]
    with Store(path) as store:
        store.add(replace(RUN, key=replace(KEY, seed=8)))
        assert [row.seed for *_, row in columns(store)] == [KEY.seed, 8]
        assert store._db.execute("SELECT seed FROM runs").fetchall() == [(8,)]


def test_a_read_only_store_is_read(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    with Store(path) as store:
        store.add(RUN)
    path.chmod(0o444)
    with Store(path, read_only=True) as store:
        assert [record.key for record in store.runs()] == [KEY]
        with pytest.raises(NasreproError, match="cannot write"):
            store.add(RUN)


def test_what_is_no_file_is_no_store(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (":memory:", "file:x?mode=memory"):
        monkeypatch.setattr(sys, "argv", ["nasrepro", "show", "x", "--store", name])
        with pytest.raises(SystemExit, match="2"):
            main()
        assert "is not a file; give the path of a file" in capsys.readouterr().err


# -- traces that are none --------------------------------------------------------------------------
DAMAGED = [
    b"\x00\x11",
    b"",
    Trace().to_bytes()[:-3],
    zlib.compress(b"{"),
    zlib.compress(b"\xff"),
    *(zlib.compress(text) for text in (b"[]", b"{}", b"5", b'{"evaluations": 5, "rows": 5}')),
    zlib.compress(b'{"evaluations": [[1, 2]], "events": []}'),
]


@pytest.mark.parametrize("packed", DAMAGED)
@pytest.mark.parametrize("kind", [Trace, Scatter])
def test_what_is_no_trace_is_named_with_a_way_out(kind: type[Trace], packed: bytes) -> None:
    message = f"a {kind.__name__.lower()} in the store cannot be read .*; run its experiment again"
    with pytest.raises(DataCorrupt, match=message):
        kind.from_bytes(packed)


def test_a_damaged_trace_has_no_events_and_ends_its_own_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "runs.sqlite"
    other = replace(KEY, seed=8)
    with Store(path) as store:
        store.add(RUN, DAMAGED[0])
        store.add(replace(RUN, key=other), Trace(events=({"event": "step"},)).to_bytes())
        assert events_of(store, KEY.run_id) == ()
        assert events_of(store, other.run_id) == ({"event": "step"},)
        assert events_of(store, "no_such") == ()
    for more, code in (["--trace"], 2), ([], 0):
        given = ["nasrepro", "show", KEY.run_id, "--store", str(path), *more]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert (ended.value.code or 0) == code
        if code:
            assert out == "" and err.startswith("error: a trace in the store cannot be read")
            assert err.count("\n") == 1
        else:
            assert json.loads(out)["id"] == KEY.run_id


# -- records of others -----------------------------------------------------------------------------
SMALL = {
    "experiment": [
        {
            "oracle": "digits201",
            "methods": ["regularized_evolution"],
            "datasets": ["digits"],
            "search_epochs": 30,
            "report_epochs": 30,
            "budgets": [{"queries": 3}],
            "seeds": 1,
        }
    ],
    "ranking": [
        {
            "oracle": "digits201",
            "scorers": ["params"],
            "datasets": ["digits"],
            "epochs": 30,
            "resamples": 20,
        }
    ],
    "study": [{"name": "released_networks.counts"}],
}
#: What each leaf of a record is changed to; `ABSENT` leaves it out.
ABSENT = object()
WRONG = {
    "text": "x",
    "list": [1, 2],
    "whole": 5,
    "null": None,
    "number": 2.0,
    "object": {},
    "absent": ABSENT,
}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of a JSON document that hold no others."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in parts:
        if isinstance(part, dict | list) and part:
            yield from leaves(part, (*path, name))
        else:
            yield (*path, name)


def mutants(kind: str, whole: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Ids, such as "run key.seed text", and texts of a record with each leaf changed."""
    for path in leaves(whole):
        for name, wrong in WRONG.items():
            raw = part = copy.deepcopy(whole)
            for step in path[:-1]:
                part = part[step]
            if wrong is ABSENT:
                del part[path[-1]]
            else:
                part[path[-1]] = wrong
            yield f"{kind} {'.'.join(map(str, path))} {name}", json.dumps(raw)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A run, a ranking and a study, and beside them each with every leaf changed.

    The file, and the ids of the three by their kinds.
    """
    path = tmp_path_factory.mktemp("foreign") / "runs.sqlite"
    with Store(path) as store:
        run_cells(cells_of(Plan.model_validate(SMALL)), store, executor="inline")
        (study,) = store.studies()
        store.add(replace(study, rows=study.rows[:2]))
        found = store._db.execute("SELECT kind, id, status, record FROM records").fetchall()
        rows = [
            (changed, kind, ENGINE, status, text)
            for kind, _, status, record in found
            for changed, text in mutants(kind, json.loads(record))
        ]
        store._db.execute("BEGIN")
        store._db.executemany(
            "INSERT INTO records (id, kind, engine, status, record) VALUES (?, ?, ?, ?, ?)", rows
        )
        store._db.execute("COMMIT")
    originals = {kind: run_id for kind, run_id, *_ in found}
    assert originals.keys() == {"run", "rank", "study"} and len(rows) > 600
    return path, originals


@pytest.fixture(scope="module")
def read(foreign: tuple[Path, dict[str, str]]) -> tuple[set[str], str]:
    """The ids of what could be read, of searches as columns, and what was said of the others."""
    with Store(foreign[0], read_only=True) as store:
        ids = {row.id for family in store.families() for row in family.rows}
        assert ids <= {run_id for run_id, _ in store.identified("run")}
        for kind in ("rank", "study"):
            ids |= {run_id for run_id, _ in store.identified(kind)}
        return ids, "\n".join(store.left_out())


def test_what_cannot_be_read_is_counted_and_costs_no_other_result(
    foreign: tuple[Path, dict[str, str]], read: tuple[set[str], str]
) -> None:
    path, originals = foreign
    ids, lines = read
    assert set(originals.values()) <= ids
    with Store(path, read_only=True) as store:
        (count,) = store._db.execute("SELECT count(*) FROM records").fetchone()
        for kind, run_id in originals.items():
            assert dict(store.identified(kind))[run_id] == store.record(run_id)
    counts = re.findall(r": ([\d,]+) left out: ", lines)
    assert sum(int(each.replace(",", "")) for each in counts) == count - len(ids) > 300
    assert "a record that cannot be read (ValidationError)" in lines
    assert "unknown oracle 'x'" in lines and "unknown data set of digits201: 'x'" in lines


@pytest.mark.parametrize(
    "mutant",
    [
        "run key.protocol.search_epochs text",
        "run reports.digits.metrics.test_accuracy number",
        "run reports.digits.metrics.valid_accuracy whole",
        "run reports.digits.metrics.test_accuracy text",
        "run key.seed text",
        "run key.seed null",
        "run key.budget.queries null",
        "run key.budget.queries absent",
        "run environment.numpy list",
        "run incumbents.0.0 text",
        "run status text",
        "rank agreement.n absent",
        "rank agreement.kendall_ci.0 absent",
        "rank agreement.kendall text",
        "rank key.epochs null",
        "study rows.0.macs absent",
        "study rows.1.network absent",
        "study by.0 text",
    ],
)
def test_a_field_that_can_only_be_wrong_leaves_its_record_out(
    mutant: str, foreign: tuple[Path, dict[str, str]], read: tuple[set[str], str]
) -> None:
    assert mutant not in read[0]
    with Store(foreign[0], read_only=True) as store:
        assert store._db.execute("SELECT 1 FROM records WHERE id = ?", (mutant,)).fetchone()


@pytest.mark.parametrize(
    ("kind", "field", "wrong"),
    [
        ("run", ("key", "params"), [1, 2]),
        ("run", ("environment",), [1]),
        ("run", ("reports",), [1]),
        ("rank", ("agreement",), {}),
        ("study", ("rows",), [{"network": "a", "params": 1}, {"network": "b", "macs": 1}]),
        ("study", ("key",), "x"),
    ],
)
def test_a_part_that_can_only_be_wrong_leaves_its_record_out(
    kind: str,
    field: tuple[str, ...],
    wrong: Any,
    foreign: tuple[Path, dict[str, str]],
    tmp_path: Path,
) -> None:
    path, originals = foreign
    with Store(path, read_only=True) as store:
        raw = part = json.loads(store.record(originals[kind]).to_json())
    for name in field[:-1]:
        part = part[name]
    part[field[-1]] = wrong
    with Store(tmp_path / "runs.sqlite") as store:
        store._db.execute(
            "INSERT INTO records (id, kind, engine, status, record) VALUES ('a', ?, ?, 'done', ?)",
            (kind, ENGINE, json.dumps(raw)),
        )
        assert store.families() == [] == list(store.identified(kind))
        (line,) = store.left_out()
        assert "1 left out: a record that cannot be read" in line
        with pytest.raises(DataCorrupt, match="record a cannot be read"):
            store.record("a")


def test_a_report_of_what_others_have_written_is_built(
    foreign: tuple[Path, dict[str, str]],
) -> None:
    with Store(foreign[0], read_only=True) as store:
        assert tables.build(summary.Results(store))


def test_a_leaderboard_of_what_others_have_written_is_made(
    foreign: tuple[Path, dict[str, str]],
) -> None:
    with Store(foreign[0], read_only=True) as store:
        found = board.board(summary.Results(store))
    assert found.rows and foreign[1]["rank"] in found.rankings


def test_a_manifest_of_what_others_have_written_is_of_what_can_be_read(
    foreign: tuple[Path, dict[str, str]],
) -> None:
    with Store(foreign[0], read_only=True) as store:
        manifest = store.manifest()
    assert manifest["engine"] == ENGINE and manifest["tables"]["digits201"]
