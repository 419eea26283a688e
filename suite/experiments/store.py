"""Results in one SQLite file.

Runs and rankings by key, one writer, nothing lost that was finished.

Longer than other files because nothing else knows how results lie in the file.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nasrepro.suite.errors import DataCorrupt, NasreproError
from nasrepro.suite.experiments.columns import SCHEMA, Family, Row
from nasrepro.suite.experiments.identity import ENGINE
from nasrepro.suite.experiments.kind import KINDS, Kind, Record, kind_of

if TYPE_CHECKING:
    from nasrepro.suite.experiments.kinds.ranking import RankRecord
    from nasrepro.suite.experiments.kinds.search import RunKey, RunRecord
    from nasrepro.suite.experiments.kinds.study import StudyRecord

#: Layout of the store. A file with a higher number is refused.
VERSION = 1

_NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS records (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    engine INTEGER NOT NULL,
    status TEXT NOT NULL,
    record TEXT NOT NULL,
    created TEXT NOT NULL DEFAULT ({_NOW})
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS traces (
    id TEXT PRIMARY KEY,
    trace BLOB NOT NULL
) WITHOUT ROWID;
"""
#: Cells that runners are at, and when each runner was last seen to live. Not a part of the layout:
#: an older version that writes to the store does without.
_TAKEN = """
CREATE TABLE IF NOT EXISTS taken (
    id TEXT PRIMARY KEY,
    runner TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runners (
    runner TEXT PRIMARY KEY,
    seen REAL NOT NULL
) WITHOUT ROWID;
"""
#: What tables call a method with its parameters (JSON, sorted keys). No part of the layout either.
_LABELS = """
CREATE TABLE IF NOT EXISTS labels (
    method TEXT NOT NULL,
    params TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (method, params)
) WITHOUT ROWID;
"""
#: Seconds after which a runner that was not seen is taken for dead.
_DEAD_S = 60.0


#: What a record that is cut, or of another version, raises when it is read.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, NasreproError)


def _readable(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind and record, as JSON has it, of the rows that hold a whole record."""
    for kind, text in rows:
        with contextlib.suppress(*_UNREADABLE):
            KINDS[kind].record.from_json(text)
            yield kind, json.loads(text)


def _lives(runner: str, seen_s: float | None) -> bool:
    """Whether a runner lives: its process on this machine, else that it was seen lately."""
    host, pid, _ = runner.rsplit(":", 2)
    if host == socket.gethostname() and os.name == "posix":
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    return seen_s is not None and time.time() - seen_s < _DEAD_S


class Store:
    """A results store; use it as a context manager.

    Args:
        path: the file; made if absent (with its folder), unless `read_only`.
        read_only: open it for reading alone; it, or its folder, need not be writable.

    Raises:
        NasreproError: absent, not to be written, locked by another writer, or written by a newer
            version.
        DataCorrupt: not a results store.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._unread: dict[str, str] = {}
        self._runner = f"{socket.gethostname()}:{os.getpid()}:{time.monotonic_ns()}"
        self._seen_s = 0.0
        if read_only and not path.exists():
            raise NasreproError(
                f"no results store at {path}; make one with: nasrepro run --store {path}"
            )
        try:
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._read_only() if read_only else self._connected(str(path))
            try:
                self._prepare(read_only)
            except BaseException:
                self._db.close()
                raise
        except sqlite3.DatabaseError as error:
            if "not a database" in str(error) or "malformed" in str(error):
                raise DataCorrupt(
                    f"{path} is not a results store ({error}); give another --store"
                ) from error
            raise NasreproError(
                f"cannot open the results store {path} ({error}); "
                "is its folder writable, and is another run writing to it?"
            ) from error
        except OSError as error:
            raise NasreproError(
                f"cannot create {path.parent} ({error.strerror}); give another --store"
            ) from error

    @staticmethod
    def _connected(name: str, *, uri: bool = False) -> sqlite3.Connection:
        return sqlite3.connect(name, timeout=30, isolation_level=None, uri=uri)

    def _read_only(self) -> sqlite3.Connection:
        """The file as it is; where its folder is not writable, without the log beside it."""
        uri = f"{self.path.resolve().as_uri()}?mode=ro"
        db = self._connected(uri, uri=True)
        try:
            db.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            db.close()
            log = Path(f"{self.path}-wal")
            if log.exists() and log.stat().st_size:
                raise NasreproError(
                    f"{self.path} has results in {log.name} that cannot be read in a folder that "
                    "is not writable; copy both files to one that is"
                ) from None
            db = self._connected(f"{uri}&immutable=1", uri=True)
        return db

    def _prepare(self, read_only: bool) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise NasreproError(
                f"{self.path} was written by a newer nasrepro (store version {version}, "
                f"this one reads up to {VERSION}); upgrade nasrepro or use another --store"
            )
        tables = self._tables()
        if (tables or read_only) and "records" not in tables:
            raise DataCorrupt(
                f"{self.path} is the database of another program; give another --store"
            )
        if read_only:
            return
        self._db.execute("PRAGMA journal_mode = WAL")
        # a killed process loses nothing; only a power cut could
        self._db.execute("PRAGMA synchronous = NORMAL")
        if version < VERSION:
            self._db.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT"
            )
        if "runs" not in tables:
            self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT")

    def __enter__(self) -> Store:
        """The store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, record: Record, trace: bytes = b"", created: str = "") -> None:
        """Keep a record, whole or not at all.

        One with the same key (a failed run, tried again) is replaced. It is of this moment, or was
        `created` elsewhere before.
        """
        kind = kind_of(record)
        run_id = record.key.run_id
        row = None
        if kind.split is not None:
            with contextlib.suppress(ValueError, TypeError):  # an odd one is read as JSON
                row = kind.split(run_id, record)
        try:
            with self._db:  # commits, or rolls back
                self._db.execute("BEGIN IMMEDIATE")
                self._db.execute(
                    "INSERT OR REPLACE INTO records (id, kind, engine, status, record, created) "
                    f"VALUES (?, ?, ?, ?, ?, coalesce(?, {_NOW}))",
                    (run_id, kind.name, ENGINE, record.status, record.to_json(), created or None),
                )
                if row is not None:
                    self._add_row(*row)
                if self._seen_s:
                    self._db.execute("DELETE FROM taken WHERE id = ?", (run_id,))
                if trace:
                    self._db.execute(
                        "INSERT OR REPLACE INTO traces (id, trace) VALUES (?, ?)", (run_id, trace)
                    )
        except sqlite3.Error as error:
            raise NasreproError(
                f"cannot write to the results store {self.path} ({error}); "
                "finished results are kept, and the same command resumes from there"
            ) from error

    def _add_row(self, shared: str, row: Row) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO families (engine, shared) VALUES (?, ?)", (ENGINE, shared)
        )
        values = ", ".join("?" * len(row))
        self._db.execute(
            f"INSERT INTO runs (family, {', '.join(Row._fields)}) "
            f"SELECT family, {values} FROM families WHERE engine = ? AND shared = ?",
            (*row, ENGINE, shared),
        )

    def name_arms(self, labels: Mapping[tuple[str, str], str]) -> None:
        """Keep what tables call methods with their parameters (JSON, sorted keys).

        A label given before to the same arm, or to another one, is forgotten.
        """
        if not labels:
            return
        self._db.executescript(_LABELS)
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for (method, params), label in labels.items():
                self._db.execute("DELETE FROM labels WHERE label = ?", (label,))
                self._db.execute(
                    "INSERT OR REPLACE INTO labels VALUES (?, ?, ?)", (method, params, label)
                )

    def arm_labels(self) -> dict[tuple[str, str], str]:
        """What tables call methods with their parameters; see `name_arms`."""
        if "labels" not in self._tables():
            return {}
        rows = self._db.execute("SELECT method, params, label FROM labels")
        return {(method, params): label for method, params, label in rows}

    # -- runners that share it --------------------------------------------------------------------
    def take(self, run_id: str) -> Literal["ours", "elsewhere", "finished"]:
        """Take a cell for this runner, unless it is finished or a living runner is at it."""
        if not self._seen_s:
            self._db.executescript(_TAKEN)
        self.beat()
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if self._db.execute(
                "SELECT 1 FROM records WHERE id = ? AND status != 'failed'", (run_id,)
            ).fetchone():
                return "finished"
            row = self._db.execute(
                "SELECT runner, seen FROM taken LEFT JOIN runners USING (runner) WHERE id = ?",
                (run_id,),
            ).fetchone()
            if row is not None and row[0] != self._runner and _lives(*row):
                return "elsewhere"
            self._db.execute("INSERT OR REPLACE INTO taken VALUES (?, ?)", (run_id, self._runner))
        return "ours"

    def beat(self) -> None:
        """Say that this runner lives."""
        if time.time() - self._seen_s > _DEAD_S / 6:
            self._seen_s = time.time()
            with contextlib.suppress(sqlite3.OperationalError):  # said again soon
                self._db.execute(
                    "INSERT OR REPLACE INTO runners VALUES (?, ?)", (self._runner, self._seen_s)
                )

    def release(self) -> None:
        """Leave what this runner has taken to others."""
        if self._seen_s:
            self._seen_s = 0.0
            with contextlib.suppress(sqlite3.Error):  # a runner that is gone holds nothing either
                for table in ("taken", "runners"):
                    self._db.execute(f"DELETE FROM {table} WHERE runner = ?", (self._runner,))

    def _tables(self) -> set[str]:
        return {
            name
            for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }

    # -- reading ----------------------------------------------------------------------------------
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
                f"{self.path} has no result {run_id!r}; column run_id of a report's runs.csv and "
                "nasrepro claims --explain name them"
            )
        try:
            loaded: Record = KINDS[row[0]].record.from_json(row[1])
        except _UNREADABLE as error:
            raise DataCorrupt(
                f"{self.path}: record {run_id} cannot be read ({type(error).__name__}: {error})"
            ) from error
        return loaded

    def identified(self, kind: str) -> Iterator[tuple[str, Any]]:
        """All results of one kind and of this engine, each with its id, in the order of the ids.

        With their ids, because to hash a hundred thousand keys again takes longer than to read
        them. What cannot be read, or names an oracle or data set that does not exist, is left out;
        see `left_out`.
        """
        return self._identified(KINDS[kind], f"kind = '{KINDS[kind].name}' AND engine = ?")

    def _identified(self, made: Kind, which: str) -> Iterator[tuple[str, Any]]:
        for run_id, text in self._db.execute(
            f"SELECT id, record FROM records WHERE {which} ORDER BY id", (ENGINE,)
        ):
            try:
                record = made.record.from_json(text)
                unknown = made.unknown(record.key)
            except _UNREADABLE as error:
                self._unread[run_id] = f"a record that cannot be read ({type(error).__name__})"
                continue
            if unknown:
                self._unread[run_id] = unknown
                continue
            yield run_id, record

    def families(self) -> list[Family[RunKey]]:
        """All searches of this engine as columns; left out is what `identified` leaves out."""
        made = KINDS["run"]
        assert made.split is not None and made.family is not None
        alone: dict[str, list[Row]] = defaultdict(list)
        for run_id, record in self._identified(made, f"kind = 'run' AND engine = ?{self._rest()}"):
            try:
                common, row = made.split(run_id, record)
            except _UNREADABLE as error:
                self._unread[run_id] = f"a record that cannot be read ({type(error).__name__})"
            else:
                alone[common].append(row)
        families: list[Family[RunKey]] = [
            Family(*made.family(text), partial(self._rows_of, family))
            for family, text in self._shared()
        ]
        known = []
        for family in families:
            if unknown := made.unknown(family.key):
                self._unread.update(dict.fromkeys((row.id for row in family.rows), unknown))
            else:
                known.append(family)
        return known + [
            Family(*made.family(text), partial(sorted, rows)) for text, rows in alone.items()
        ]

    def _shared(self) -> list[tuple[int, str]]:
        """Number of each family of this engine that has rows, and what those share."""
        if "runs" not in self._tables():
            return []
        return self._db.execute(
            "SELECT family, shared FROM families WHERE engine = ? "
            "AND EXISTS (SELECT 1 FROM runs WHERE runs.family = families.family)",
            (ENGINE,),
        ).fetchall()

    def _rest(self) -> str:
        """Condition of the records that have no row."""
        if "runs" not in self._tables():
            return ""
        count = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM records WHERE kind = ?)"
        rows, runs = self._db.execute(count, ("run",)).fetchone()
        if rows < runs:
            return " AND id NOT IN (SELECT id FROM runs)"
        others = ", ".join(f"'{name}'" for name in KINDS if name != "run")
        return f" AND kind IN ({others})"  # by an index, without a look at any run

    def _rows_of(self, family: int) -> list[Row]:
        query = f"SELECT {', '.join(Row._fields)} FROM runs WHERE family = ? ORDER BY seed, id"
        return list(map(Row._make, self._db.execute(query, (family,))))

    def left_out(self) -> list[str]:
        """Lines on the results that reading has left out so far, and on those of other engines."""
        reasons = Counter(self._unread.values())
        lines = [f"{count:,} left out: {why}" for why, count in sorted(reasons.items())]
        for engine, count in self._db.execute(
            "SELECT engine, count(*) FROM records WHERE engine != ? GROUP BY engine", (ENGINE,)
        ):
            age = "older" if engine < ENGINE else "newer"
            lines.append(f"{count:,} left out: results of the {age} engine {engine} (not {ENGINE})")
        return [f"{self.path}: {line}" for line in lines]

    def texts(self) -> Iterator[tuple[str, str, str]]:
        """Kind, JSON and time of every record of this engine that can be read."""
        times = dict(
            self._db.execute("SELECT id, created FROM records WHERE engine = ?", (ENGINE,))
        )
        for kind in KINDS:
            for run_id, record in self.identified(kind):
                yield kind, record.to_json(), times[run_id]

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
        texts = self._db.execute(
            f"SELECT kind, record FROM records WHERE engine = ?{self._rest()}", (ENGINE,)
        )
        found = {
            (name, sha256, json.dumps(raw["environment"], sort_keys=True))
            for kind, raw in _readable(texts)
            for name, sha256 in KINDS[kind].tables(raw["key"]).items()
        }
        for _, text in self._shared():
            key, _, made_on = json.loads(text)
            found |= {
                (name, sha256, json.dumps(made_on, sort_keys=True))
                for name, sha256 in KINDS["run"].tables(key).items()
            }
        first, last = self._db.execute(
            "SELECT min(created), max(created) FROM records WHERE engine = ?", (ENGINE,)
        ).fetchone()
        counts = self._db.execute(
            "SELECT kind, status, count(*) FROM records WHERE engine = ? GROUP BY kind, "
            "status ORDER BY kind, status",
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
                f"{self.path} has no trace of run {run_id}: it is not there, or came from a packed "
                "store, which has none"
            )
        return bytes(row[0])
