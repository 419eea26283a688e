"""Results in one SQLite file.

Runs and rankings by key, one writer, nothing lost that was finished.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasrepro.suite.errors import DataCorrupt, NasreproError
from nasrepro.suite.experiments.identity import ENGINE
from nasrepro.suite.experiments.kind import KINDS, Record, kind_of

if TYPE_CHECKING:
    from nasrepro.suite.experiments.ranking import RankRecord
    from nasrepro.suite.experiments.search import RunRecord
    from nasrepro.suite.experiments.study import StudyRecord

#: Layout of the store. A file with a higher number is refused.
VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    engine INTEGER NOT NULL,
    status TEXT NOT NULL,
    record TEXT NOT NULL,
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS traces (
    id TEXT PRIMARY KEY,
    trace BLOB NOT NULL
) WITHOUT ROWID;
"""


class Store:
    """A results store, opened for reading and writing; use it as a context manager.

    Args:
        path: the file; made if absent (with its folder), unless `must_exist`.
        must_exist: raise instead of making it.

    Raises:
        NasreproError: absent, not to be written, locked by another writer, or written by a newer
            version.
        DataCorrupt: not a results store.
    """

    def __init__(self, path: Path, *, must_exist: bool = False) -> None:
        self.path = path
        if must_exist and not path.exists():
            raise NasreproError(
                f"there is no results store at {path}; make one with: nasrepro run --store {path}"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        except sqlite3.DatabaseError as error:
            if "not a database" in str(error) or "malformed" in str(error):
                raise DataCorrupt(
                    f"{path} is not a results store ({error}); give another --store"
                ) from error
            raise NasreproError(
                f"cannot open the results store {path} ({error}); is its folder writable, and is no other run writing to it?"
            ) from error
        except OSError as error:
            raise NasreproError(
                f"cannot make {path.parent} ({error.strerror}); give another --store"
            ) from error

    def _prepare(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise NasreproError(
                f"{self.path} was written by a newer nasrepro (store version {version}, this one reads up to {VERSION}); "
                "upgrade nasrepro or use another --store"
            )
        tables = {
            name
            for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if tables and "records" not in tables:
            raise DataCorrupt(f"{self.path} is a database of another program; give another --store")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(
            "PRAGMA synchronous = NORMAL"
        )  # a killed process loses nothing; only a power cut could
        if version < VERSION:
            self._db.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT"
            )

    def __enter__(self) -> Store:
        """The store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, record: Record, trace: bytes = b"") -> None:
        """Keep a record, whole or not at all.

        One with the same key (a failed run, tried again) is replaced.
        """
        kind = kind_of(record).name
        run_id = record.key.run_id
        try:
            with self._db:  # commits, or rolls back
                self._db.execute("BEGIN IMMEDIATE")
                self._db.execute(
                    "INSERT OR REPLACE INTO records (id, kind, engine, status, record) VALUES (?, ?, ?, ?, ?)",
                    (run_id, kind, ENGINE, record.status, record.to_json()),
                )
                if trace:
                    self._db.execute(
                        "INSERT OR REPLACE INTO traces (id, trace) VALUES (?, ?)", (run_id, trace)
                    )
        except sqlite3.Error as error:
            raise NasreproError(
                f"cannot write to the results store {self.path} ({error}); what is in it stays, the same command goes on from there"
            ) from error

    def finished(self) -> set[str]:
        """Ids of everything that need not be run again (failed runs are tried again)."""
        return {
            row[0] for row in self._db.execute("SELECT id FROM records WHERE status != 'failed'")
        }

    def record(self, run_id: str) -> Record:
        """One result, of whatever engine; raises NasreproError where there is none."""
        row = self._db.execute(
            "SELECT kind, record FROM records WHERE id = ?", (run_id,)
        ).fetchone()
        if row is None:
            raise NasreproError(
                f"{self.path} has no result {run_id!r}; runs.csv of a report and nasrepro claims --explain name them"
            )
        loaded: Record = KINDS[row[0]].record.from_json(row[1])
        return loaded

    def identified(self, kind: str) -> Iterator[tuple[str, Any]]:
        """All results of one kind and of this engine, each with its id, in the order of the ids.

        With their ids, because to hash a hundred thousand keys again takes longer than to read
        them.
        """
        record = KINDS[kind].record
        for run_id, text in self._db.execute(
            "SELECT id, record FROM records WHERE kind = ? AND engine = ? ORDER BY id",
            (kind, ENGINE),
        ):
            yield run_id, record.from_json(text)

    def runs(self) -> Iterator[RunRecord]:
        """All searches."""
        return (record for _, record in self.identified("run"))

    def identified_runs(self) -> Iterator[tuple[str, RunRecord]]:
        """All searches, each with its id."""
        return self.identified("run")

    def rankings(self) -> Iterator[RankRecord]:
        """All rankings."""
        return (record for _, record in self.identified("rank"))

    def studies(self) -> Iterator[StudyRecord]:
        """All measurements of studies."""
        return (record for _, record in self.identified("study"))

    def version(self) -> tuple[int, int]:
        """Changes whenever what is in the file does, by whatever process."""
        return self._db.execute("PRAGMA data_version").fetchone()[0], self._db.total_changes

    def manifest(self) -> dict[str, Any]:
        """Where the results of this engine come from.

        When, how many, which tables, versions and machines.
        """
        # in Python: a record may hold NaN, which SQLite's JSON functions refuse
        texts = self._db.execute("SELECT kind, record FROM records WHERE engine = ?", (ENGINE,))
        found = {
            (name, sha256, json.dumps(raw["environment"], sort_keys=True))
            for kind, raw in ((kind, json.loads(text)) for kind, text in texts)
            for name, sha256 in KINDS[kind].tables(raw["key"]).items()
        }
        first, last = self._db.execute(
            "SELECT min(created), max(created) FROM records WHERE engine = ?", (ENGINE,)
        ).fetchone()
        counts = self._db.execute(
            "SELECT kind, status, count(*) FROM records WHERE engine = ? GROUP BY kind, status ORDER BY kind, status",
            (ENGINE,),
        )
        return {
            "engine": ENGINE,
            "first_result": first,
            "last_result": last,
            "results": {f"{kind} {status}": count for kind, status, count in counts},
            "tables": {
                name: sorted({sha256 for oracle, sha256, _ in found if oracle == name})
                for name in sorted({each[0] for each in found})
            },
            "environments": [json.loads(text) for text in sorted({text for _, _, text in found})],
        }

    def trace(self, run_id: str) -> bytes:
        """The stored trace of a run; raises NasreproError where there is none."""
        row = self._db.execute("SELECT trace FROM traces WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise NasreproError(
                f"{self.path} has no trace of run {run_id}; list the runs with: nasrepro report --format csv"
            )
        return bytes(row[0])
