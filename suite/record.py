"""What determines a run, and what a run gave."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from suite.oracle import MEAN, Seed
from suite.session import Budget

#: Raised whenever the engine's rules change what a run gives, so that old runs are not taken for new ones.
ENGINE = 2

Status = Literal["done", "budget", "failed"]


def stable_hash(value: Any) -> str:
    """First 16 hex digits of the sha256 of a JSON-able value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a search is run and reported.

    Attributes:
        search_epochs: training length of an evaluation.
        search_seed: training seed of the table that the search sees, or "mean".
        report_epochs: training length of the reported numbers.
        report_datasets: data sets that the chosen architecture is reported on.
    """

    search_epochs: int
    report_epochs: int
    report_datasets: tuple[str, ...]
    search_seed: Seed = MEAN


@dataclass(frozen=True, slots=True)
class RunKey:
    """Everything that determines a run; `device_tables` has the hash of every table of devices that its parameters name."""

    method: str
    method_sha256: str
    params: Mapping[str, Any]
    oracle: str
    table_sha256: str
    dataset: str
    protocol: Protocol
    budget: Budget
    seed: int
    device_tables: Mapping[str, str] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """Hash of the key and of the engine's version."""
        whole = asdict(self)
        if not self.device_tables:  # so that runs without devices keep the ids that they had before there were any
            del whole["device_tables"]
        return stable_hash({"engine": ENGINE, **whole})


@dataclass(frozen=True, slots=True)
class RankKey:
    """Everything that determines a ranking: a scorer against a metric of a table.

    Of a scorer that needs networks: `setting` has what differs from the defaults of `suite.scoring.Setting`, and `sample` is how many
    architectures of a fixed random order are ranked. Else both are empty, and all are ranked.
    """

    scorer: str
    scorer_sha256: str
    oracle: str
    table_sha256: str
    dataset: str
    epochs: int
    metric: str
    resamples: int
    seed: int
    setting: Mapping[str, Any] = field(default_factory=dict)
    sample: int = 0

    @property
    def run_id(self) -> str:
        """Hash of the key and of the engine's version."""
        key = asdict(self)
        if not self.sample:
            del key["setting"], key["sample"]
        return stable_hash({"engine": ENGINE, "rank": True, **key})


@dataclass(frozen=True, slots=True)
class StudyKey:
    """Everything that determines a study's measurement; `tables` has the hash of every table that its parameters name."""

    study: str
    study_sha256: str
    params: Mapping[str, Any]
    tables: Mapping[str, str]
    seed: int

    @property
    def run_id(self) -> str:
        """Hash of the key and of the engine's version."""
        return stable_hash({"engine": ENGINE, "study": True, **asdict(self)})


@dataclass(frozen=True, slots=True)
class Report:
    """The chosen architecture on one data set, read once, after the search.

    Attributes:
        metrics: everything the oracle has at the protocol's `report_epochs`, mean over training seeds.
        regret: how much worse the target is than the best one in the table; None where the table has no target.
    """

    metrics: Mapping[str, float]
    regret: float | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run gave.

    Attributes:
        key: what determined it.
        status: `budget`: ended by the budget; `done`: by itself; `failed`: raised.
        chosen: official string of the architecture the method returned, or "".
        reports: by data set.
        queries: evaluations, repeats included.
        unique_queries: distinct architectures evaluated, equal cells counted once.
        simulated_s: GPU seconds of training.
        wall_s: the same with evaluations side by side on the method's workers.
        overhead_s: CPU seconds of the method itself, by kind; `total` has all of it.
        incumbents: rows [queries, clock_s, score, target on the first reported data set] where the best so far changed.
        error: traceback of a failed run.
        environment: versions and machine.
    """

    key: RunKey
    status: Status
    chosen: str = ""
    reports: Mapping[str, Report] = field(default_factory=dict)
    queries: int = 0
    unique_queries: int = 0
    simulated_s: float = 0.0
    wall_s: float = 0.0
    overhead_s: Mapping[str, float] = field(default_factory=dict)
    incumbents: tuple[tuple[float, ...], ...] = ()
    error: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """One JSON object."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> RunRecord:
        """Inverse of `to_json`."""
        raw = json.loads(text)
        key = raw.pop("key")
        key["protocol"]["report_datasets"] = tuple(key["protocol"]["report_datasets"])
        key["protocol"], key["budget"] = Protocol(**key["protocol"]), Budget(**key["budget"])
        reports = {dataset: Report(**report) for dataset, report in raw.pop("reports").items()}
        incumbents = tuple(tuple(row) for row in raw.pop("incumbents"))
        return cls(key=RunKey(**key), reports=reports, incumbents=incumbents, **raw)


@dataclass(frozen=True, slots=True)
class Trace:
    """What a run did, step by step; kept beside its record.

    Attributes:
        evaluations: rows [code, epochs, score, cost_s], in order; None stands for a score of -inf (a diverged training).
        events: what the method told `Session.log`, in order: {"event", "query", "clock_s", ...}.
    """

    evaluations: tuple[tuple[tuple[int, ...], int, float | None, float], ...] = ()
    events: tuple[Mapping[str, Any], ...] = ()

    def to_bytes(self) -> bytes:
        """Compressed JSON."""
        return zlib.compress(json.dumps(asdict(self)).encode())

    @classmethod
    def from_bytes(cls, packed: bytes) -> Trace:
        """Inverse of `to_bytes`."""
        raw = json.loads(zlib.decompress(packed))
        rows = tuple((tuple(code), epochs, score, cost_s) for code, epochs, score, cost_s in raw["evaluations"])
        return cls(rows, tuple(raw["events"]))


@dataclass(frozen=True, slots=True)
class Scatter:
    """Scores beside values, of architectures drawn at random from those that were ranked; kept beside a ranking's record, for figures.

    Attributes:
        rows: of the oracle's architectures, ascending.
        scores: None stands for a score that is not finite.
        values: of the metric.
    """

    rows: tuple[int, ...]
    scores: tuple[float | None, ...]
    values: tuple[float, ...]

    def to_bytes(self) -> bytes:
        """Compressed JSON."""
        return zlib.compress(json.dumps(asdict(self)).encode())

    @classmethod
    def from_bytes(cls, packed: bytes) -> Scatter:
        """Inverse of `to_bytes`."""
        return cls(**{name: tuple(values) for name, values in json.loads(zlib.decompress(packed)).items()})


@dataclass(frozen=True, slots=True)
class RankRecord:
    """What a ranking gave.

    Attributes:
        key: what determined it.
        status: `done` or `failed`.
        agreement: fields of `suite.metrics.RankAgreement`.
        best_arch: official string of the best-scored architecture (the first, where several tie).
        best_value: its metric.
        scoring_s: CPU seconds spent scoring, those of stored scores included.
        inputs: what networks were scored with, in words.
        error: traceback of a failure.
        environment: versions and machine.
    """

    key: RankKey
    status: Literal["done", "failed"]
    agreement: Mapping[str, Any] = field(default_factory=dict)
    best_arch: str = ""
    best_value: float | None = None
    scoring_s: float = 0.0
    inputs: str = ""
    error: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """One JSON object; NaN stands where a correlation does not exist."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> RankRecord:
        """Inverse of `to_json`."""
        raw = json.loads(text)
        agreement = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.pop("agreement").items()}
        return cls(key=RankKey(**raw.pop("key")), agreement=agreement, **raw)


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
        return cls(key=StudyKey(**raw.pop("key")), by=tuple(raw.pop("by")), rows=tuple(raw.pop("rows")), **raw)


Record = RunRecord | RankRecord | StudyRecord
