"""Studies: what determines a measurement, how it is executed, what it gives."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from nasrepro.suite.data import stable_hash
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.identity import ENGINE, environment, tables_of
from nasrepro.suite.experiments.kind import Kind, Seeds, Use, register
from nasrepro.suite.registry import Method, studies


class StudyUse(Use):
    """A study, the parameters that differ from its defaults, and its seeds."""

    seeds: Seeds = (0,)

    @property
    def subject(self) -> str:
        """The study."""
        return self.name


@dataclass(frozen=True, slots=True)
class StudyKey:
    """Everything that determines a study's measurement.

    `tables` has the hash of every table that its parameters name.
    """

    study: str
    study_sha256: str
    params: Mapping[str, Any]
    tables: Mapping[str, str]
    seed: int

    @property
    def run_id(self) -> str:
        """Hash of the key and of the engine's version."""
        return stable_hash({"engine": ENGINE, "study": True, **asdict(self)})

    @property
    def subject(self) -> str:
        """The study."""
        return self.study


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
        environment: versions and machine.
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
        raw = json.loads(text)
        return cls(
            key=StudyKey(**raw.pop("key")),
            by=tuple(raw.pop("by")),
            rows=tuple(raw.pop("rows")),
            **raw,
        )


@dataclass(frozen=True, slots=True)
class StudyCell:
    """One measurement of a study."""

    key: StudyKey

    @property
    def label(self) -> str:
        """For progress lines and messages."""
        return f"{self.key.study}, seed {self.key.seed}"

    def execute(self) -> tuple[StudyRecord, bytes]:
        """Measure; a study that raises gives a failed record."""
        try:
            return _measure(self.key), b""
        except (Exception, SystemExit):
            return self.failed(traceback.format_exc()), b""

    def failed(self, error: str) -> StudyRecord:
        """A failed record with that traceback."""
        return StudyRecord(self.key, "failed", error=error, environment=environment())


def study_cells(use: StudyUse, extra: Sequence[Method]) -> Iterator[StudyCell]:
    """The measurements that a part of a plan asks for; `extra` methods are none of its business."""
    study = studies.get(use.name)
    params = study.params(use.params)
    tables = tables_of(params)
    for seed in use.seeds:
        yield StudyCell(StudyKey(study.name, study.source_sha256, params, tables, seed))


def _measure(key: StudyKey) -> StudyRecord:
    if tables_of(key.params) != key.tables:
        raise NasreproError(
            f"a table of {', '.join(key.tables)} on this worker differs from the one the plan was made with; "
            "fetch the same version everywhere"
        )
    study = studies.get(key.study)
    started = time.process_time()
    with contextlib.redirect_stdout(sys.stderr):
        rows = tuple(
            {**row} for row in study.measure(np.random.default_rng(key.seed), **key.params)
        )
    for row in rows:
        if list(row) != list(rows[0]) or not set(study.by) <= set(row):
            raise NasreproError(
                f"study {key.study}: a row has the columns {list(row)}, expected {list(rows[0])} with {list(study.by)}"
            )
    return StudyRecord(
        key, "done", study.by, rows, time.process_time() - started, environment=environment()
    )


register(
    Kind("study", "study", StudyUse, StudyRecord, study_cells, lambda key: dict(key["tables"]))
)
