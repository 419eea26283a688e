"""A store as one small file: what a repository can keep, and a store can be made of again.

Lines of JSON, compressed (xz): the labels of arms, then every record, alike ones beside each other,
for these differ in little: about 110 bytes a search. Traces, which take 3,000, are left out; the
same run into another store has them.
"""

from __future__ import annotations

import json
import lzma
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nasrepro.suite.data.files import atomic_write
from nasrepro.suite.errors import DataCorrupt, NasreproError
from nasrepro.suite.experiments.identity import ENGINE
from nasrepro.suite.experiments.kind import KINDS
from nasrepro.suite.experiments.store import Store

#: Layout of the file.
VERSION = 1
#: How an xz file begins.
_XZ = b"\xfd7zXZ\x00"
#: Of a line: a record is far shorter, and a file of a stranger may unpack to anything.
LONGEST = 100_000_000


def pack(store: Store, file: Path) -> int:
    """Write the results of this engine to `file`, whole or not at all; how many there were.

    Raises:
        NasreproError: `file` is there and no packed store, or cannot be written.
    """
    if file.is_file() and file.stat().st_size and not _packed(file):
        raise NasreproError(f"{file} is there and is no packed store; give another name")
    labels = [[*arm, label] for arm, label in sorted(store.arm_labels().items())]
    lines = sorted((_place(text), kind, text, created) for kind, text, created in store.texts())
    with (
        atomic_write(file) as temporary,
        lzma.open(temporary, "wt", preset=9 | lzma.PRESET_EXTREME, encoding="utf-8") as out,
    ):
        out.write(json.dumps({"archive": VERSION, "engine": ENGINE, "labels": labels}) + "\n")
        for _, kind, text, created in lines:
            made = json.dumps({"kind": kind, "created": created})
            out.write(f'{made[:-1]}, "record": {text}}}\n')
    return len(lines)


def _packed(file: Path) -> bool:
    with file.open("rb") as raw:
        return raw.read(len(_XZ)) == _XZ


def _place(text: str) -> str:
    """Records that differ in their seeds alone come one after the other."""
    key = json.loads(text)["key"]
    return json.dumps([{**key, "seed": None}, key.get("seed")], sort_keys=True)


def opened(file: Path) -> tuple[Any, Iterator[Any]]:
    """The labels of arms in a packed store, and its lines behind them; raises as `unpack` does."""
    lines = _lines(file)
    head = next(lines, None)
    if not isinstance(head, dict) or "archive" not in head:
        raise DataCorrupt(f"{file} is not a packed store; make one with: nasrepro store pack")
    if (head["archive"], head.get("engine")) != (VERSION, ENGINE):
        raise NasreproError(
            f"{file} is of layout {head['archive']} and engine {head.get('engine')}; this version "
            f"reads layout {VERSION} and engine {ENGINE}: install the one that packed it"
        )
    return head.get("labels"), lines


def unpack(file: Path, store: Store) -> tuple[int, int]:
    """Add the results in `file` that the store has not; how many were added, and were there.

    Raises:
        NasreproError: there is no such file, or it is of another version or engine.
        DataCorrupt: it is not such a file, or is damaged; what came before the damage is added.
    """
    labels, lines = opened(file)
    known, added, there = store.finished(), 0, 0
    try:
        store.name_arms({(method, params): label for method, params, label in labels})
        for line in lines:
            record = KINDS[line["kind"]].record.from_json(json.dumps(line["record"]))
            if record.key.run_id in known:
                there += 1
            else:
                store.add(record, created=str(line["created"]))
                added += 1
    except DataCorrupt as error:
        raise DataCorrupt(f"{error}; the {added:,} results before the damage were added") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, sqlite3.Error) as error:
        raise DataCorrupt(
            f"{file}: line {2 + added + there} cannot be read ({type(error).__name__}: {error}); "
            f"the {added:,} results before it were added"
        ) from error
    return added, there


def _lines(file: Path) -> Iterator[Any]:
    try:
        with lzma.open(file, "rb") as packed:
            while line := packed.readline(LONGEST):
                yield json.loads(line)
    except OSError as error:
        raise NasreproError(f"cannot read {file} ({error.strerror or error})") from error
    except (lzma.LZMAError, EOFError, ValueError, RecursionError) as error:
        raise DataCorrupt(
            f"{file} is not a packed store, or is damaged ({type(error).__name__}: {error})"
        ) from error
