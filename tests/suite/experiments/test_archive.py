"""A store as one small file: nothing of a result is lost on the way, and damage is told."""

from __future__ import annotations

import contextlib
import lzma
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from toys import RANDOM, cell, source, toy_fixture  # noqa: F401

from nasrepro.__main__ import main
from nasrepro.suite.errors import DataCorrupt, NasreproError
from nasrepro.suite.experiments.archive import pack, unpack
from nasrepro.suite.experiments.kinds.search import events_of
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store

pytestmark = pytest.mark.usefixtures("toy")
BROKEN = source('raise ValueError("no")', "toy_broken")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with five searches, one that failed, and a label."""
    path = tmp_path / "runs.sqlite"
    with Store(path) as made:
        cells = [cell(RANDOM, seed=seed) for seed in (3, 0, 2, 1, 4)]
        run_cells([*cells, cell(BROKEN)], made, executor="inline")
        made.name_arms({("toy_random", "{}"): "Toy"})
    return path


def held(path: Path) -> tuple[set[tuple[str, str, str]], dict[tuple[str, str], str]]:
    with Store(path, read_only=True) as opened:
        return set(opened.texts()), opened.arm_labels()


def test_what_is_packed_and_unpacked_is_the_same_but_for_traces(
    store: Path, tmp_path: Path
) -> None:
    file, again = tmp_path / "runs.jsonl.xz", tmp_path / "new" / "again.sqlite"
    with Store(store, read_only=True) as opened:
        assert pack(opened, file) == 6
        (run_id, *_) = sorted(opened.finished())
        opened.trace(run_id)
    with Store(again) as made:
        assert unpack(file, made) == (6, 0)
        assert unpack(file, made) == (1, 5)  # what failed is tried again, also here
        assert events_of(made, run_id) == ()
        with pytest.raises(NasreproError, match="has no trace"):
            made.trace(run_id)
    assert held(again) == held(store) and len(held(store)[0]) == 6
    first = file.read_bytes()
    with Store(again, read_only=True) as opened:
        pack(opened, file)
    assert file.read_bytes() == first  # no order of writing, no time of packing


def test_a_store_keeps_what_it_had(store: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "runs.jsonl.xz", tmp_path / "other.sqlite"
    with Store(store, read_only=True) as opened:
        pack(opened, file)
    with Store(other) as made:
        run_cells([cell(RANDOM, seed=seed) for seed in (4, 9)], made, executor="inline")
        before = set(made.texts())
        assert unpack(file, made) == (5, 1) and before < set(made.texts())


def spoilt(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1].replace(b'"seed"', b'"sead"'), *lines[2:]]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (spoilt, DataCorrupt, "line 2 cannot be read"),
        (lambda lines: [lines[0], b"[]\n"], DataCorrupt, "line 2 cannot be read"),
        (lambda lines: [lines[0], b'{"kind": "run"'], DataCorrupt, "damaged"),
        (lambda lines: lines[1:], DataCorrupt, "is not a packed store"),
        (lambda lines: [], DataCorrupt, "is not a packed store"),
        (lambda lines: [b'{"archive": 1}'], NasreproError, "engine None; this version reads"),
        (lambda lines: [b'{"archive": 9, "engine": 3}'], NasreproError, "of layout 9"),
    ],
)
def test_a_damaged_line_is_told(
    store: Path,
    tmp_path: Path,
    change: Callable[[list[bytes]], list[bytes]],
    error: type[Exception],
    message: str,
) -> None:
    file = tmp_path / "runs.jsonl.xz"
    with Store(store, read_only=True) as opened:
        pack(opened, file)
    file.write_bytes(
        lzma.compress(
            b"".join(change(lzma.decompress(file.read_bytes()).splitlines(keepends=True)))
        )
    )
    with Store(tmp_path / "new.sqlite") as made, pytest.raises(error, match=message) as caught:
        unpack(file, made)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3", None, "cut"])
def test_what_is_no_packed_store(store: Path, tmp_path: Path, content: bytes | str | None) -> None:
    file = tmp_path / "runs.jsonl.xz"
    if content == "cut":
        with Store(store, read_only=True) as opened:
            pack(opened, file)
        file.write_bytes(file.read_bytes()[:-40])
    elif content is not None:
        file.write_bytes(content)  # type: ignore[arg-type]
    with Store(tmp_path / "new.sqlite") as made, pytest.raises(NasreproError, match=r"runs\.jsonl"):
        unpack(file, made)


def test_nothing_but_a_packed_store_is_written_over(store: Path, tmp_path: Path) -> None:
    before = store.read_bytes()
    (tmp_path / "note.txt").write_text("mine")
    with Store(store, read_only=True) as opened:
        for file in (store, tmp_path / "note.txt"):
            with pytest.raises(NasreproError, match="is there and is no packed store"):
                pack(opened, file)
        for file in (tmp_path, Path("/dev/null")):
            with pytest.raises(NasreproError, match="is no regular file"):
                pack(opened, file)
    assert store.read_bytes() == before and (tmp_path / "note.txt").read_text() == "mine"


def test_results_of_another_engine_are_not_packed_and_named(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.closing(sqlite3.connect(store)) as opened, opened:
        opened.execute("UPDATE records SET engine = 1 WHERE id = (SELECT min(id) FROM records)")
    words = ["nasrepro", "store", "pack", str(tmp_path / "x.xz"), "--store", str(store)]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit):
        main()
    out, err = capsys.readouterr()
    assert "5 results" in out and "1 left out: results of the older engine 1" in err


def test_how_much_of_a_damaged_file_is_kept_is_told(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl.xz"
    with Store(store, read_only=True) as opened:
        pack(opened, file)
    lines = lzma.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(lzma.compress(b"".join([*lines[:3], b"{"])))
    with (
        Store(tmp_path / "new.sqlite") as made,
        pytest.raises(DataCorrupt, match="the 2 results before the damage were added"),
    ):
        unpack(file, made)
    assert len(held(tmp_path / "new.sqlite")[0]) == 2


def test_the_commands(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, again = tmp_path / "runs.jsonl.xz", tmp_path / "again.sqlite"
    for words, said in (
        (["pack", str(file), "--store", str(store)], "6 results, 0.0 MB"),
        (["unpack", str(file), "--store", str(again)], "6 results added, 0 were there"),
    ):
        monkeypatch.setattr("sys.argv", ["nasrepro", "store", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code and said in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["nasrepro", "store", "unpack", str(store), "--store", "new"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and not (tmp_path / "new").exists()
