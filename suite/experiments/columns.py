"""Runs as columns: what a summary of a million runs reads, in place of a million records.

A record is the truth, and JSON. Beside it the store keeps of each run a row of what summaries need,
and of each family (runs that differ in nothing but their seeds) what its rows share. Whatever else
touches a record takes its row away, by the database's own triggers; such a record, and one of an
older version, is read as JSON and split in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

#: The class of a family's key.
K = TypeVar("K")
#: Not a part of the store's layout: an older version that writes to it does without.
SCHEMA = """
CREATE TABLE IF NOT EXISTS families (
    family INTEGER PRIMARY KEY,
    engine INTEGER NOT NULL,
    shared TEXT NOT NULL,
    UNIQUE (engine, shared)
);
CREATE TABLE IF NOT EXISTS runs (
    family INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    chosen TEXT NOT NULL,
    error TEXT NOT NULL,
    queries INTEGER,
    unique_queries INTEGER,
    simulated_s REAL,
    unique_s REAL,
    overhead_s REAL,
    workshop_s REAL,
    reported BLOB NOT NULL,
    incumbents BLOB NOT NULL,
    PRIMARY KEY (family, seed, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_state ON records (engine, kind, status, created);
CREATE TRIGGER IF NOT EXISTS record_added AFTER INSERT ON records
    BEGIN DELETE FROM runs WHERE id = NEW.id; END;
CREATE TRIGGER IF NOT EXISTS record_changed AFTER UPDATE ON records
    BEGIN DELETE FROM runs WHERE id IN (OLD.id, NEW.id); END;
CREATE TRIGGER IF NOT EXISTS record_removed AFTER DELETE ON records
    BEGIN DELETE FROM runs WHERE id = OLD.id; END;
"""
#: Numbers as they lie in `Row.reported` and `Row.incumbents`, on every machine.
PACKED = np.dtype("<f8")


class Row(NamedTuple):
    """One run.

    Attributes:
        seed: its seed.
        id: its id.
        status: how it ended.
        chosen: official string of what it returned.
        error: last line of a failure's traceback.
        queries: evaluations.
        unique_queries: distinct architectures among them.
        simulated_s: seconds of training.
        unique_s: the same where repeats are free; None: not known.
        overhead_s: CPU seconds of the method, all of them; None stands for NaN.
        workshop_s: those of trainings of the method's own; None: there are none.
        reported: a number for each of the family's `places`, `PACKED`.
        incumbents: rows of four numbers, `PACKED`.
    """

    seed: int
    id: str
    status: str
    chosen: str
    error: str
    queries: int
    unique_queries: int
    simulated_s: float
    unique_s: float | None
    overhead_s: float | None
    workshop_s: float | None
    reported: bytes
    incumbents: bytes


@dataclass(frozen=True)
class Family(Generic[K]):
    """Runs that differ in nothing but their seeds, and in what came of them.

    Attributes:
        key: of all of them, with seed 0.
        places: (data set, metric, or "regret") of each number of a row's `reported`.
        environment: versions and machine of all of them.
        read: gives the rows, by seed and id.
    """

    key: K
    places: tuple[tuple[str, str], ...]
    environment: Mapping[str, str]
    read: Callable[[], list[Row]]

    @cached_property
    def rows(self) -> list[Row]:
        """The runs, by seed and id."""
        return self.read()

    @property
    def finished(self) -> list[Row]:
        """Those that did not fail."""
        return [row for row in self.rows if row.status != "failed"]

    def reported(self, rows: list[Row]) -> dict[tuple[str, str], NDArray[np.float64]]:
        """What `rows` gave, (n,) by place."""
        numbers = np.frombuffer(b"".join(row.reported for row in rows), PACKED)
        return dict(zip(self.places, numbers.reshape(len(rows), len(self.places)).T, strict=True))
