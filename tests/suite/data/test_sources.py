"""Originals and their tables.

Where they come from, how damage is found, what is left behind (nothing), and what the user is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from nasrepro.oracles.convert.facts import fact, whole_numbers
from nasrepro.oracles.convert.pickles import Recorded, load_pickle
from nasrepro.oracles.nasbench201 import TABLE
from nasrepro.suite.data import (
    SourceFile,
    Table,
    TableSpec,
    cache_dir,
    check_file,
    download,
    fetch_file,
    fetch_table,
    open_table,
    spec,
)
from nasrepro.suite.errors import DataCorrupt, DataMissing, NasreproError

CONTENT = bytes(range(256)) * 20
FILE = SourceFile(
    "owner/repository/commit/folder/numbers.bin",
    hashlib.sha256(CONTENT).hexdigest(),
    len(CONTENT),
    "MIT",
)
converted: list[str] = []


def convert(paths):
    """A converter, named by the specification below."""
    converted.append("once")
    return {"number": np.frombuffer(paths["numbers"].read_bytes(), dtype=np.uint8).copy()}, {
        "rows": len(CONTENT)
    }


def convert_wrongly(paths):
    fact("tiny", "number of cells", len(paths["numbers"].read_bytes()), 7)


SPEC = TableSpec("tiny", 1, {"numbers": FILE}, convert)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, and an origin that does not answer."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NASREPRO_DATA", str(folder))
    monkeypatch.setattr("nasrepro.suite.data.spec.ORIGIN", "http://127.0.0.1:9")
    monkeypatch.setattr(download, "PAUSES", (0.01, 0.01))
    converted.clear()
    return folder


def put(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / FILE.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def mirror_folder(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "mirror"
    monkeypatch.setenv("NASREPRO_MIRROR", str(folder))
    put(folder)
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Cut(Quiet):
    """Announces the whole file and hangs up half-way."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2])


@pytest.fixture
def serve(tmp_path) -> Iterator:
    """Serve a folder on this machine; gives its address."""
    servers = []

    def start(folder: Path, handler=Quiet) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def everything_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# -- where originals come from
# -------------------------------------------------------------------------------
def test_a_mirror_folder_is_read_in_place(mirror_folder, cache):
    assert fetch_file(FILE) == mirror_folder / FILE.path
    assert everything_in(cache) == []


def test_a_mirror_address_is_downloaded_once(tmp_path, cache, serve, monkeypatch, capfd):
    put(tmp_path / "served")
    monkeypatch.setenv("NASREPRO_MIRROR", serve(tmp_path / "served") + "/")
    path = fetch_file(FILE)
    assert path == cache / "sources" / FILE.path and path.read_bytes() == CONTENT
    (tmp_path / "served" / FILE.path).unlink()
    assert fetch_file(FILE) == path
    assert everything_in(cache) == [path]
    assert capfd.readouterr() == ("", "")  # what to show is the command line's to say


def test_the_pinned_address_comes_after_the_mirror(tmp_path, cache, serve, monkeypatch):
    put(tmp_path / "origin")
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr("nasrepro.suite.data.spec.ORIGIN", serve(tmp_path / "origin"))
    for mirror in ("", str(tmp_path / "empty"), serve(tmp_path / "empty"), "http://127.0.0.1:9"):
        monkeypatch.setenv("NASREPRO_MIRROR", mirror)
        assert fetch_file(FILE).read_bytes() == CONTENT
        shutil.rmtree(cache)
    assert FILE.url == f"{spec.ORIGIN}/{FILE.path}"


def test_the_cache_needs_neither(cache):
    path = put(cache / "sources")
    assert fetch_file(FILE) == path


def test_nothing_to_be_had_names_every_way_out(cache, monkeypatch, serve, tmp_path):
    message = (
        r"cannot get owner/.*no answer from http://127.0.0.1:9: .*NASREPRO_MIRROR is not "
        r"set\. "
    )
    with pytest.raises(DataMissing, match=message) as caught:
        fetch_table(SPEC)
    assert "Connect to the network, or set NASREPRO_MIRROR" in str(
        caught.value
    ) and "\n" not in str(caught.value)
    (tmp_path / "empty").mkdir()
    address = serve(tmp_path / "empty")
    for mirror, found in [
        (tmp_path / "empty", "refused"),
        (address, "404"),
        ("ftp://x/y", "ftp"),
    ]:
        monkeypatch.setenv("NASREPRO_MIRROR", str(mirror))
        with pytest.raises(DataMissing, match=r"NASREPRO_MIRROR \(.*\) does not have it") as caught:
            fetch_table(SPEC)
        assert str(mirror) in str(caught.value) and found in str(caught.value)
    monkeypatch.setenv("NASREPRO_MIRROR", str(tmp_path / "absent"))
    with pytest.raises(DataMissing, match=r"NASREPRO_MIRROR \(.*absent\) is not a folder"):
        fetch_table(SPEC)
    assert everything_in(cache) == []


# -- damage ----------------------------------------------------------------------------------------
DAMAGED = {
    "cut short": (CONTENT[:-1], r"has 5119 bytes, expected 5120 \(cut short\)"),
    "empty": (b"", r"has 0 bytes, expected 5120 \(cut short\)"),
    "longer": (CONTENT + b"x", r"has 5121 bytes, expected 5120 \(changed\)"),
    "one byte changed": (
        CONTENT[:99] + b"\xff" + CONTENT[100:],
        r"has sha256 .*\.\.\., expected .* \(changed or damaged\)",
    ),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_original_is_found_wherever_it_is(tmp_path, cache, serve, monkeypatch, damage):
    content, message = DAMAGED[damage]
    mirrored, cached = put(tmp_path / "mirror", content), put(cache / "sources", content)
    address = serve(tmp_path / "mirror")
    with pytest.raises(
        DataCorrupt, match=f"{cached} {message}; delete it and fetch it again: nasrepro data fetch"
    ):
        fetch_table(SPEC)
    cached.unlink()
    monkeypatch.setenv("NASREPRO_MIRROR", str(tmp_path / "mirror"))
    with pytest.raises(DataCorrupt, match=f"{mirrored} {message}"):
        fetch_table(SPEC)
    monkeypatch.setenv("NASREPRO_MIRROR", address)
    with pytest.raises(
        DataCorrupt, match=f"{address}/{FILE.path} does not have sha256 .*NASREPRO_MIRROR"
    ):
        fetch_table(SPEC)
    assert everything_in(cache) == [] and not converted


def test_a_download_that_breaks_off_leaves_nothing(tmp_path, cache, serve, monkeypatch):
    monkeypatch.setenv("NASREPRO_MIRROR", serve(tmp_path, Cut))
    with pytest.raises(DataMissing, match="no answer from"):
        fetch_file(FILE)
    assert everything_in(cache) == []


class Endless(Quiet):
    """Never stops sending."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"x" * 2**16)


class Trickle(Quiet):
    """A byte at a time."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            for byte in CONTENT:
                self.wfile.write(bytes([byte]))
                time.sleep(0.02)


class Flaky(Quiet):
    """Answers at the third request."""

    requests = 0

    def do_GET(self):
        Flaky.requests += 1
        if Flaky.requests < 3:
            self.send_error(503)
        else:
            super().do_GET()


def test_a_body_without_end_is_refused_at_the_expected_size(tmp_path, cache, serve, monkeypatch):
    monkeypatch.setenv("NASREPRO_MIRROR", serve(tmp_path, Endless))
    with pytest.raises(DataCorrupt, match="and 5,120 bytes"):
        fetch_file(FILE)
    assert everything_in(cache) == []


def test_a_body_that_trickles_ends_in_time(tmp_path, cache, serve, monkeypatch):
    monkeypatch.setattr(download, "_SECONDS", 0.3)
    monkeypatch.setenv("NASREPRO_MIRROR", serve(tmp_path, Trickle))
    began = time.monotonic()
    with pytest.raises(DataMissing, match="bytes in time"):
        fetch_file(FILE)
    assert time.monotonic() - began < 5 and everything_in(cache) == []


def test_a_busy_server_is_asked_again(tmp_path, serve, monkeypatch):
    put(tmp_path)
    Flaky.requests = 0
    monkeypatch.setenv("NASREPRO_MIRROR", serve(tmp_path, Flaky))
    assert fetch_file(FILE).read_bytes() == CONTENT and Flaky.requests == 3


def test_what_a_killed_process_left_is_removed_at_the_next_start(mirror_folder, cache):
    old = [cache / "sources" / "owner" / "tmpabc", cache / "tables" / ".tiny-1.arrow.x.arrow"]
    new = cache / "sources" / "owner" / "tmpnew"  # of a download that still goes on
    for path in (*old, new):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    for path in old:
        os.utime(path, (0, 0))
    path = fetch_table(SPEC)
    assert sorted(everything_in(cache)) == sorted([new, path])


def test_a_table_that_was_edited_is_found_when_it_is_opened(mirror_folder, cache):
    path = fetch_table(SPEC)
    whole = path.read_bytes()
    open_table(SPEC)
    note = path.with_suffix(".checked")
    before = note.stat().st_mtime_ns
    open_table(SPEC)
    assert note.stat().st_mtime_ns == before  # not hashed again
    at = whole.index(CONTENT[:64])
    path.write_bytes(whole[: at + 5] + b"\xff" + whole[at + 6 :])
    with pytest.raises(DataCorrupt, match=r"contents hash to .* expected"):
        open_table(SPEC)
    path.write_bytes(whole)
    open_table(SPEC)


def test_a_table_that_was_edited_is_not_taken_for_a_fetched_one(mirror_folder):
    path = fetch_table(SPEC)
    whole = path.read_bytes()
    at = whole.index(CONTENT[:64])
    path.write_bytes(whole[: at + 5] + b"\xff" + whole[at + 6 :])
    with pytest.raises(DataCorrupt, match=r"contents hash to .* expected"):
        fetch_table(SPEC)
    path.write_bytes(whole)
    assert fetch_table(SPEC) == path and converted == ["once"]


def test_a_changed_byte_of_a_real_original_is_found(mirror, tmp_path):
    file = TABLE.files["cifar10_50k"]
    whole = (mirror / file.path).read_bytes()
    check_file(mirror / file.path, file)
    changed = tmp_path / "changed"
    for position in (0, len(whole) // 2, len(whole) - 1):
        changed.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(DataCorrupt, match="changed or damaged"):
            check_file(changed, file)


# -- tables ----------------------------------------------------------------------------------------
def test_a_table_is_converted_once(mirror_folder, cache):
    steps: list[tuple[int, int, str]] = []
    path = fetch_table(SPEC, lambda *step: steps.append(step))
    assert steps == [(0, 2, "numbers.bin"), (1, 2, "converting"), (2, 2, "done")]
    assert path == SPEC.path == cache / "tables" / f"tiny-{SPEC.key}.arrow"
    before = path.stat().st_mtime_ns
    shutil.rmtree(mirror_folder)
    assert fetch_table(SPEC) == path and path.stat().st_mtime_ns == before
    assert converted == ["once"]
    assert sorted(everything_in(cache)) == [path, path.with_suffix(".checked")]
    table = open_table(SPEC)
    assert bytes(table.column("number")) == CONTENT
    assert table.meta["sources"] == {
        "numbers": {"url": FILE.url, "sha256": FILE.sha256, "licence": "MIT"}
    }
    assert table.meta["rows"] == len(CONTENT) and table.meta["converter_version"] == 1


def test_a_changed_source_or_converter_never_meets_an_old_table():
    keys = {
        SPEC.key,
        replace(SPEC, version=2).key,
        replace(SPEC, name="other").key,
        replace(SPEC, files={"numbers": replace(FILE, sha256="0" * 64)}).key,
        replace(SPEC, files={"others": FILE}).key,
    }
    assert len(keys) == 5
    assert replace(SPEC, files={"numbers": replace(FILE, licence="none")}).key == SPEC.key


def test_an_absent_table_names_the_command(cache):
    with pytest.raises(
        DataMissing,
        match=f"table of tiny is not in {cache}/tables; get it with: nasrepro data fetch tiny",
    ):
        open_table(SPEC)


def test_a_converter_whose_fact_fails_leaves_nothing(mirror_folder, cache):
    wrong = replace(SPEC, converter=convert_wrongly)
    with pytest.raises(
        DataCorrupt,
        match="tiny: number of cells is 5120 in the originals, expected 7; the converter and",
    ):
        fetch_table(wrong)
    assert everything_in(cache) == []


def test_a_damaged_table_is_not_taken_for_a_fetched_one(mirror_folder):
    path = fetch_table(SPEC)
    path.write_bytes(path.read_bytes()[:-100])
    for ask in (fetch_table, open_table):
        with pytest.raises(DataCorrupt, match="delete it and fetch it again"):
            ask(SPEC)
    path.unlink()
    fetch_table(SPEC)
    assert len(converted) == 2


@pytest.mark.parametrize("kind", ["below a file", "in /proc"])
def test_a_folder_that_cannot_be_written_to_is_named(
    kind, tmp_path, mirror_folder, monkeypatch, serve
):
    (tmp_path / "file").write_text("")
    place = {"below a file": tmp_path / "file" / "cache", "in /proc": Path("/proc/nasrepro")}[kind]
    if kind == "in /proc" and not Path("/proc/self").exists():
        pytest.skip("no /proc on this system")
    monkeypatch.setenv("NASREPRO_DATA", str(place))
    with pytest.raises(NasreproError, match=f"cannot write to {place}/tables .*NASREPRO_DATA"):
        fetch_table(SPEC)
    monkeypatch.setenv("NASREPRO_MIRROR", serve(mirror_folder))
    with pytest.raises(
        DataMissing,
        match=f"cannot write to the cache folder {place}/sources/.*NASREPRO_DATA to another folder",
    ):
        fetch_table(SPEC)


def test_the_cache_folder_is_the_variables_else_the_platforms(monkeypatch):
    monkeypatch.setenv("NASREPRO_DATA", "~/somewhere")
    assert cache_dir() == Path.home() / "somewhere"
    monkeypatch.delenv("NASREPRO_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x/y")
    assert cache_dir().name == "nasrepro"


def test_the_real_conversion_gives_the_same_table_again(mirror, nasbench201, tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPRO_MIRROR", str(mirror))
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "again"))
    again = Table(fetch_table(TABLE))
    again.verify()
    assert again.sha256 == nasbench201.table_sha256


def test_the_real_converter_refuses_cells_in_another_order(mirror, tmp_path):
    from nasrepro.oracles.convert import nasbench201 as converter

    paths = {name: mirror / file.path for name, file in TABLE.files.items()}
    header, first, second, *rest = paths["csv_cifar10"].read_text().splitlines()
    paths["csv_cifar10"] = tmp_path / "swapped.csv"
    paths["csv_cifar10"].write_text("\n".join([header, second, first, *rest]))
    with pytest.raises(
        DataCorrupt, match=r"order of the cells in swapped\.csv is the official one is False"
    ):
        converter.convert(paths)


# -- facts and pickles
# ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("found", "expected", "good"),
    [
        (1, 1, True),
        ([1, 2], [1, 2], True),
        (91.60671, 91.6067, True),
        (91.62, 91.6067, False),
        (np.float64(-0.5938), -0.5938, True),
        (float("nan"), 1.0, False),
        (2, 1, False),
        ("unreadable", 1.0, False),
    ],
)
def test_facts(found, expected, good):
    if good:
        fact("t", "x", found, expected)
    else:
        with pytest.raises(DataCorrupt, match=r"t: x is .* in the originals, expected"):
            fact("t", "x", found, expected)


def test_counts_are_whole_numbers_and_a_damaged_one_is_named():
    assert whole_numbers("t", "params", np.array([1.4, 2.6])).tolist() == [1, 3]
    for value in (np.nan, np.inf, -1e300):
        with pytest.raises(DataCorrupt, match=r"t: params has .* in the originals, which is no"):
            whole_numbers("t", "params", np.array([1.0, value]))


def test_a_message_is_one_line_whatever_a_library_says():
    assert str(DataCorrupt("cut (no gz:\n- bad\r\n  - worse); get it again")) == (
        "cut (no gz: - bad - worse); get it again"
    )


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_a_pickle_that_names_anything_else_is_not_run(tmp_path):
    import builtins
    import os
    import subprocess

    trace = tmp_path / "was run"
    code = f"open({str(trace)!r}, 'w')"
    calls = [
        (os.system, f"touch '{trace}'"),
        (builtins.eval, code),
        (builtins.exec, code),
        (builtins.getattr, "", "join"),
        (subprocess.call, ["touch", str(trace)]),
        (np.load, "x"),
        (np.frombuffer, b""),
    ]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for function, *arguments in calls:
            path = tmp_path / "strange.p"
            path.write_bytes(pickle.dumps({"a": [Calls(function, *arguments)]}, protocol))
            for recorded in ((), ("pandas",)):
                with pytest.raises(
                    DataCorrupt,
                    match=r"strange\.p names \w+\.\w+, which the allow-list .* was not opened",
                ):
                    load_pickle(path, recorded=recorded)
    assert not trace.exists()


def test_plain_data_and_arrays_are_read(tmp_path):
    plain = {"a": [1, 2.5, None, "x", b"y", (True, False)], (0, 1): {3: 4}}
    path = tmp_path / "plain.p"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps({**plain, "n": np.arange(6).reshape(2, 3)}, protocol))
        found = load_pickle(path)
        assert np.array_equal(found.pop("n"), np.arange(6).reshape(2, 3))
        assert found == plain


def test_classes_of_a_recorded_package_are_not_loaded(tmp_path):
    path = tmp_path / "fraction.p"
    path.write_bytes(pickle.dumps({"third": Fraction(1, 3)}))
    with pytest.raises(DataCorrupt, match=r"names fractions\.Fraction"):
        load_pickle(path)
    found = load_pickle(path, recorded=("fractions",))["third"]
    assert isinstance(found, Recorded) and found.made_of in (("1/3",), (1, 3))


def test_a_pickle_cut_short_anywhere_is_refused(tmp_path):
    path = tmp_path / "short.p"
    for protocol in (0, 2, 5):
        whole = pickle.dumps({"a": np.arange(4.0), "b": [1, "x"]}, protocol)
        for length in range(0, len(whole) - 1, 5):
            path.write_bytes(whole[:length])
            with pytest.raises(
                DataCorrupt, match=r"short\.p is not a whole pickle .*nasrepro data fetch"
            ):
                load_pickle(path)
