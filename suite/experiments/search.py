"""Searches: what determines one, how it is executed, what it gives."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
import traceback
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from nasrepro.suite.data import stable_hash
from nasrepro.suite.errors import (
    BudgetExhausted,
    BudgetIgnored,
    NasreproError,
    NotTabulated,
    ProtocolError,
)
from nasrepro.suite.experiments.identity import ENGINE, Status, environment, tables_of
from nasrepro.suite.experiments.kind import Kind, Part, Positive, Seeds, Use, register
from nasrepro.suite.oracle import MEAN, Oracle, Seed, searching
from nasrepro.suite.registry import Method, load_devices, load_oracle, methods
from nasrepro.suite.search import Budget, Ledger, Rating, Session, objective_of
from nasrepro.suite.space import Arch


class MethodUse(Use):
    """A method and the parameters that differ from its defaults."""


class Experiment(Part):
    """Methods x data sets x budgets x seeds on one oracle."""

    oracle: str
    methods: tuple[MethodUse, ...] = Field(min_length=1)
    datasets: tuple[str, ...] = Field(min_length=1)
    report_datasets: tuple[str, ...] = ()
    search_epochs: Positive
    report_epochs: Positive
    search_seed: Seed = MEAN
    budgets: tuple[Budget, ...] = Field(min_length=1)
    seeds: Seeds

    @property
    def subject(self) -> str:
        """The oracle."""
        return self.oracle

    @field_validator("methods", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return (
            tuple({"name": item} if isinstance(item, str) else item for item in value)
            if isinstance(value, list | tuple)
            else value
        )


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


@dataclass(frozen=True)
class SearchSetting:
    """An opened oracle and how it is searched and reported, checked once.

    Attributes:
        oracle: what is searched.
        dataset: official name of the data set searched on.
        protocol: training lengths and reported data sets, by their official names.
        budget: of one search.
    """

    oracle: Oracle
    dataset: str
    protocol: Protocol
    budget: Budget

    @classmethod
    def checked(
        cls, oracle: Oracle, dataset: str, protocol: Protocol, budget: Budget
    ) -> SearchSetting:
        """The setting with official names.

        Raises:
            UnknownName, NotTabulated, ProtocolError, NasreproError: it cannot be searched so.
        """
        info = oracle.info
        name = info.dataset(dataset).name
        reported = tuple(info.dataset(each).name for each in protocol.report_datasets) or (name,)
        for each in reported:
            oracle.reader(each, protocol.report_epochs, MEAN)
        objective_of(oracle, name, protocol.search_epochs, budget, protocol.search_seed)
        return cls(oracle, name, replace(protocol, report_datasets=reported), budget)

    def session(self) -> Session:
        """A new session."""
        return Session(
            self.oracle,
            dataset=self.dataset,
            epochs=self.protocol.search_epochs,
            budget=self.budget,
            seed=self.protocol.search_seed,
            devices=load_devices,
        )

    def report(self, arch: Arch, dataset: str) -> Report:
        """What the oracle has of the chosen architecture."""
        metrics = self._at_report(arch, dataset)
        target = self.oracle.info.target_of(dataset)
        best = _best(self.oracle, dataset, self.protocol.report_epochs)
        if best is None or target.name not in metrics:
            return Report(metrics)
        gap = best - metrics[target.name]
        return Report(metrics, gap if target.higher_is_better else -gap)

    def target(self, arch: Arch) -> float:
        """What an architecture has of the target on the first reported data set; NaN: nothing."""
        dataset = self.protocol.report_datasets[0]
        name = self.oracle.info.target_of(dataset).name
        return self._at_report(arch, dataset).get(name, math.nan)

    def _at_report(self, arch: Arch, dataset: str) -> dict[str, float]:
        return self.oracle.query(
            arch, dataset=dataset, epochs=self.protocol.report_epochs, seed=MEAN
        ).values


@dataclass(frozen=True, slots=True)
class RunKey:
    """Everything that determines a run.

    `device_tables` has the hash of every table of devices that its parameters name.
    """

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
        if (
            not self.device_tables
        ):  # so that runs without devices keep the ids that they had before there were any
            del whole["device_tables"]
        return stable_hash({"engine": ENGINE, **whole})

    @property
    def subject(self) -> str:
        """The method."""
        return self.method


@dataclass(frozen=True, slots=True)
class Report:
    """The chosen architecture on one data set, read once, after the search.

    Attributes:
        metrics: everything the oracle has at the protocol's `report_epochs`, mean over training
            seeds.
        regret: how much worse the target is than the best one in the table; None where the table
            has no target.
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
        incumbents: rows [queries, clock_s, score, target on the first reported data set] where the
            best so far changed.
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
        evaluations: rows [code, epochs, score, cost_s], in order; None stands for a score of -inf
            (a diverged training).
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
        rows = tuple(
            (tuple(code), epochs, score, cost_s)
            for code, epochs, score, cost_s in raw["evaluations"]
        )
        return cls(rows, tuple(raw["events"]))


@dataclass(frozen=True, slots=True)
class RunCell:
    """One search. `source` is the text of the method's file where it came by path, so that a far worker needs no file."""

    key: RunKey
    path: str = ""
    source: str = ""

    @property
    def label(self) -> str:
        """For progress lines and messages."""
        return f"{self.key.method} on {self.key.oracle}/{self.key.dataset}, seed {self.key.seed}"

    def execute(self) -> tuple[RunRecord, bytes]:
        """Run the search; the record, and its trace. A method that raises gives a failed record."""
        try:
            return _run(self)
        except (Exception, SystemExit):  # a method's sys.exit() ends that method alone
            return self.failed(traceback.format_exc()), b""

    def failed(self, error: str) -> RunRecord:
        """A failed record with that traceback."""
        return RunRecord(self.key, "failed", error=error, environment=environment())


def search_cells(experiment: Experiment, extra: Sequence[Method]) -> Iterator[RunCell]:
    """The searches of one experiment of a plan; its settings are checked first."""
    oracle = load_oracle(experiment.oracle)
    protocol = Protocol(
        experiment.search_epochs,
        experiment.report_epochs,
        experiment.report_datasets,
        experiment.search_seed,
    )
    settings = [
        SearchSetting.checked(oracle, dataset, protocol, budget)
        for dataset in experiment.datasets
        for budget in experiment.budgets
    ]
    used = [(methods.get(use.name), use.params) for use in experiment.methods]
    for setting in settings:
        for method, given in [*used, *((method, {}) for method in extra)]:
            params = method.params(given)
            tables = tables_of(params)
            for seed in experiment.seeds:
                key = RunKey(
                    method.name,
                    method.source_sha256,
                    params,
                    oracle.name,
                    oracle.table_sha256,
                    setting.dataset,
                    setting.protocol,
                    setting.budget,
                    seed,
                    tables,
                )
                yield RunCell(key, method.path if method.source else "", method.source)


def _run(cell: RunCell) -> tuple[RunRecord, bytes]:
    key = cell.key
    oracle = load_oracle(key.oracle)
    if oracle.table_sha256 != key.table_sha256 or tables_of(key.params) != key.device_tables:
        named = ", ".join([key.oracle, *key.device_tables])
        raise NasreproError(
            f"the table of {named} on this worker differs from the one the plan was made with; "
            "fetch the same version everywhere"
        )
    method = (
        methods.from_file(Path(cell.path), cell.source) if cell.source else methods.get(key.method)
    )
    setting = SearchSetting(oracle, key.dataset, key.protocol, key.budget)
    session = setting.session()
    ended = False
    started = time.process_time()
    with searching(), contextlib.redirect_stdout(sys.stderr):  # what a method prints is no result
        try:
            chosen = method.search(session, np.random.default_rng(key.seed), **key.params)
        except BudgetExhausted:
            ended, chosen = True, None
        except BudgetIgnored:
            chosen = None
    session.finish()  # what the method did not wait for costs all the same
    total = time.process_time() - started - session.oracle_cpu_s + session.cached_cpu_s
    if session.exhausted and not ended:
        raise ProtocolError(
            f"method {key.method} swallowed BudgetExhausted; let it pass, the best architecture "
            "so far is taken from the ledger"
        )
    chosen = session.best() if chosen is None else chosen
    oracle.space.check(chosen)

    ledger = session.ledger
    record = RunRecord(
        key,
        status="budget" if ended else "done",
        chosen=oracle.space.format(chosen),
        reports={name: setting.report(chosen, name) for name in setting.protocol.report_datasets},
        queries=ledger.queries,
        unique_queries=len({oracle.space.canonical(done.arch) for done in ledger.evaluations}),
        simulated_s=ledger.simulated_s,
        wall_s=ledger.wall_s,
        overhead_s={**ledger.overhead_s, "total": total},
        incumbents=_incumbents(setting, ledger),
        environment=environment(),
    )
    steps = (
        (
            done.arch.code,
            done.epochs,
            done.score if math.isfinite(done.score) else None,
            done.cost_s,
        )
        for done in ledger.evaluations
    )
    return record, Trace(tuple(steps), tuple(ledger.events)).to_bytes()


@cache
def _best(oracle: Oracle, dataset: str, epochs: int) -> float | None:
    try:
        return oracle.best(dataset, epochs, oracle.info.target_of(dataset).name)[0]
    except NotTabulated:
        return None


def _incumbents(setting: SearchSetting, ledger: Ledger) -> tuple[tuple[float, ...], ...]:
    """Rows [queries, clock_s, score, target], one for each change of the best so far.

    The best is what `Session.best` would have given.
    """
    rated = ledger.ratings or [
        Rating(done, done.score, query, done.clock_s)
        for query, done in enumerate(ledger.evaluations, start=1)
    ]
    rows = []
    best: tuple[int, float] | None = None
    for done, score, query, clock_s in rated:
        if best is None or (done.epochs, score) > best:
            best = (done.epochs, score)
            rows.append((query, clock_s, score, setting.target(done.arch)))
    return tuple(rows)


def _tables(key: Mapping[str, Any]) -> dict[str, str]:
    return {key["oracle"]: key["table_sha256"], **key.get("device_tables", {})}


register(Kind("run", "experiment", Experiment, RunRecord, search_cells, _tables))
