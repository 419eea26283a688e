"""Studies: what determines a measurement, how it is executed, what it gives."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from nasrepro.suite.data import stable_hash
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.contained import contained
from nasrepro.suite.experiments.identity import (
    ENGINE,
    Foreign,
    environment,
    installed,
    scorers_of,
    tables_of,
)
from nasrepro.suite.experiments.kind import (
    TIMEOUT_S,
    Kind,
    OpenCell,
    Seconds,
    Seeds,
    Use,
    fields_of,
    register,
)
from nasrepro.suite.registry import Method, Study, studies


class StudyUse(Use):
    """A study, the parameters that differ from its defaults, and its seeds."""

    seeds: Seeds = (0,)
    timeout: Seconds = TIMEOUT_S

    @property
    def subject(self) -> str:
        """The study."""
        return self.name


@dataclass(frozen=True, slots=True)
class StudyKey:
    """Everything that determines a study's measurement.

    `tables` and `scorers` have the hash of every table, and of the source of every scorer, that its
    parameters name.
    """

    study: str
    study_sha256: str
    params: Mapping[str, Any]
    tables: Mapping[str, str]
    seed: int
    scorers: Mapping[str, str] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """Hash of the key and of the engine's version."""
        return stable_hash({"engine": ENGINE, "study": True, **asdict(self)})

    @property
    def subject(self) -> str:
        """The study."""
        return self.study

    def cell(self) -> StudyCell:
        """The measurement of this key by what is installed."""
        return StudyCell(self)


#: The `load` of an environment in which processes waited for each other: CPU seconds are longer.
CROWDED = "beside other work"
#: Runnable processes per core from which on it is so; a plan's own workers make about one.
MOST_LOAD = 1.5


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """What a study measured.

    Attributes:
        key: what determined it.
        status: `done` or `failed`.
        by: the columns that say what a row is of; the others are measured.
        rows: the table; every row has the same columns.
        cpu_s: CPU seconds it took.
        error: traceback of a failure.
        environment: versions and machine, and whether it was `CROWDED`.
    """

    key: StudyKey
    status: Literal["done", "failed"]
    by: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()
    cpu_s: float = 0.0
    error: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """One JSON object; NaN stands where a measurement has no value."""
        return json.dumps(asdict(self))  # the columns in their own order

    @classmethod
    def from_json(cls, text: str) -> StudyRecord:
        """Inverse of `to_json`."""
        raw = fields_of(cls, text)
        by, rows = tuple(raw.pop("by")), tuple(raw.pop("rows"))
        if len({frozenset(row) for row in rows}) > 1 or any(not {*by} <= {*row} for row in rows):
            raise ValueError("rows of a study that have not the same columns")
        if any(isinstance(row[name], list | dict) for row in rows for name in by):
            raise ValueError("a row of a study that is of no single value")
        return cls(
            key=StudyKey(**raw.pop("key")),
            by=by,
            rows=rows,
            **raw,
        )


@dataclass(frozen=True, slots=True)
class StudyCell(OpenCell):
    """One measurement of a study."""

    key: StudyKey
    timeout_s: float = TIMEOUT_S
    engine: int = ENGINE

    @property
    def label(self) -> str:
        """For progress lines and messages."""
        return f"{self.key.study}, seed {self.key.seed}"

    def perform(self) -> tuple[str, bytes]:
        """Measure: the record as JSON, and what is kept beside it.

        Raises:
            Foreign: this process has another engine, source or table.
        """
        record = _measure(self)
        return record.to_json(), b""

    def conclude(self, text: str, packed: bytes) -> tuple[StudyRecord, bytes]:
        """The record, and what is kept beside it."""
        return StudyRecord.from_json(text), packed

    def failed(self, error: str, environment: Mapping[str, str]) -> StudyRecord:
        """A failed record with that traceback."""
        return StudyRecord(self.key, "failed", error=error, environment=environment)


def study_cells(use: StudyUse, extra: Sequence[Method]) -> Iterator[StudyCell]:
    """The measurements that a part of a plan asks for; `extra` methods are none of its business."""
    study = studies.get(use.name)
    params = study.params(use.params)
    tables, named = tables_of(params), scorers_of(params)
    for seed in use.seeds:
        key = StudyKey(study.name, study.source_sha256, params, tables, seed, named)
        yield StudyCell(key, use.timeout)


def _study_here(cell: StudyCell) -> Study:
    """The study of a cell, if it and its tables are the ones that the cell was made with."""
    key = cell.key
    with installed(cell.engine):
        study = studies.get(key.study)
        if study.source_sha256 != key.study_sha256 or scorers_of(key.params) != key.scorers:
            raise Foreign(f"another source of study {key.study}")
        if tables_of(key.params) != key.tables:
            raise Foreign(f"another version of the tables of {', '.join(key.tables)}")
    return study


def _measure(cell: StudyCell) -> StudyRecord:
    study, key = _study_here(cell), cell.key
    with contained(key.run_id), contextlib.redirect_stdout(sys.stderr):
        started = time.process_time()
        measured = study.measure(np.random.default_rng(key.seed), **key.params)
        rows = tuple({**row} for row in measured)
        cpu_s = time.process_time() - started
    for row in rows:
        if list(row) != list(rows[0]) or not set(study.by) <= set(row):
            raise NasreproError(
                f"study {key.study}: a row has the columns {list(row)}, "
                f"expected {list(rows[0])} with {list(study.by)}"
            )
    here = {**environment(), **({"load": CROWDED} if _crowded() else {})}
    return StudyRecord(key, "done", study.by, rows, cpu_s, environment=here)


def _crowded() -> bool:
    """Whether more than what a plan's own workers take has run here in the last minute."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > MOST_LOAD * (os.cpu_count() or 1)


def _rows(record: StudyRecord) -> Iterator[dict[str, Any]]:
    key = record.key
    parameters = json.dumps(dict(key.params), sort_keys=True)
    study = {
        "study": key.study,
        "parameters": parameters,
        "seed": key.seed,
        "status": record.status,
    }
    if not record.rows:
        yield study
    for row in record.rows:
        yield {**study, **row}


register(
    Kind(
        "study",
        "study",
        StudyUse,
        StudyRecord,
        study_cells,
        lambda key: dict(key["tables"]),
        measured=("cpu_s",),
        answer=("rows",),
        frame="studies",
        rows=_rows,
    )
)
