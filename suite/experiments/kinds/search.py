"""Searches: what determines one, how it is executed, what it gives.

Longer than other files because all of one kind of experiment stands in one: what a plan asks for,
setting, key, record, trace, cell, and the two halves of an execution (the search, in a process
without test metrics, and its conclusion on the runner's side).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import shutil
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, Field, field_validator, model_validator

from nasrepro.suite.data import cache_dir, plain, stable_hash
from nasrepro.suite.errors import (
    BudgetExhausted,
    BudgetIgnored,
    NasreproError,
    NotTabulated,
    ProtocolError,
    UnknownName,
)
from nasrepro.suite.experiments.audit import ROUNDING, Outcome, audited, canonical_of, ratings_of
from nasrepro.suite.experiments.columns import PACKED, Row
from nasrepro.suite.experiments.contained import contained, peak_bytes
from nasrepro.suite.experiments.identity import (
    ENGINE,
    Foreign,
    Status,
    environment,
    installed,
    scorers_of,
    tables_of,
    unknown,
)
from nasrepro.suite.experiments.kind import (
    TIMEOUT_S,
    Kind,
    Part,
    Positive,
    Seconds,
    Seeds,
    Use,
    Whole,
    fields_of,
    readable,
    register,
)
from nasrepro.suite.oracle import MEAN, Oracle, Seed, searching
from nasrepro.suite.registry import Method, load_devices, load_oracle, methods, oracles
from nasrepro.suite.search import Budget, Evaluation, Rating, Session, objective_of
from nasrepro.suite.space import Arch

if TYPE_CHECKING:
    from nasrepro.suite.experiments.store import Store

#: A method and all of its parameters, as JSON with sorted keys.
Arm = tuple[str, str]
#: Characters of an arm's label: a table's column.
LONGEST_LABEL = 30


def _printable(label: str) -> str:
    if label != " ".join(label.split()) or not label.isprintable():
        raise ValueError(
            f"a label must be one printable line without leading or trailing blanks, not {label!r}"
        )
    return label


class MethodUse(Use):
    """A method and the parameters that differ from its defaults.

    Attributes:
        label: what tables call it; no parameter, and in no run's key.
    """

    label: Annotated[str, Field(max_length=LONGEST_LABEL), AfterValidator(_printable)] = ""

    @property
    def arm(self) -> Arm:
        """The method and all of its parameters."""
        return self.name, json.dumps(methods.get(self.name).params(self.params), sort_keys=True)


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
    timeout: Seconds = TIMEOUT_S
    #: Methods that do not run there, by the reason; told in tables.
    without: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    #: Those of `methods` that tables of all tasks take for their method as it is elsewhere.
    instead: tuple[MethodUse, ...] = ()

    @property
    def subject(self) -> str:
        """The oracle."""
        return self.oracle

    @field_validator("methods", "instead", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return (
            tuple({"name": item} if isinstance(item, str) else item for item in value)
            if isinstance(value, list | tuple)
            else value
        )

    @model_validator(mode="after")
    def _run(self) -> Self:
        for use in self.instead:
            if use not in self.methods:
                raise ValueError(f"instead: {use.name} with these parameters is not in methods")
        return self


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a search is run and reported.

    Attributes:
        search_epochs: training length of an evaluation.
        search_seed: training seed of the table that the search sees, or "mean".
        report_epochs: training length of the reported numbers.
        report_datasets: data sets that the chosen architecture is reported on.
    """

    search_epochs: Whole
    report_epochs: Whole
    report_datasets: tuple[str, ...]
    search_seed: Whole | str = MEAN


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

    def session(self, checkpoints: Path | None = None) -> Session:
        """A new session; for `checkpoints`, see there."""
        return Session(
            self.oracle,
            dataset=self.dataset,
            epochs=self.protocol.search_epochs,
            budget=self.budget,
            seed=self.protocol.search_seed,
            devices=load_devices,
            checkpoints=checkpoints,
        )

    def examined(self, packed: bytes) -> Report:
        """What a network that was handed back is worth; of no table, so without regret.

        Raises:
            ProtocolError: the oracle offers no workshop from which it could come.
        """
        if self.oracle.workshops is None:
            raise ProtocolError(f"{self.oracle.name} offers no workshop; a method returns an Arch")
        dataset = self.oracle.info.dataset(self.dataset)
        return Report(self.oracle.workshops.examine(packed, dataset))

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

    `method_sha256` is of the method's file and of all of ours that it imports. `device_tables` and
    `scorers` have the hash of every table of devices, and of the source of every scorer, that its
    parameters name.
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
    scorers: Mapping[str, str] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """Hash of the key and of the engine's version."""
        return stable_hash({"engine": ENGINE, **plain(self)})

    @classmethod
    def from_plain(cls, raw: dict[str, Any]) -> RunKey:
        """The key of its fields as JSON has them."""
        protocol = {**raw["protocol"], "report_datasets": tuple(raw["protocol"]["report_datasets"])}
        return cls(**{**raw, "protocol": Protocol(**protocol), "budget": Budget(**raw["budget"])})

    @property
    def subject(self) -> str:
        """The method."""
        return self.method

    def cell(self) -> RunCell:
        """The search of this key by the method of that name that is installed."""
        return search_cell(self, methods.get(self.method))


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
        chosen: official string of the architecture the method returned, "network" and a hash where
            it returned a trained network, or "".
        reports: by data set.
        queries: evaluations, repeats included.
        unique_queries: distinct architectures evaluated, equal cells counted once.
        simulated_s: seconds of training, as the oracle has them.
        unique_s: the same where it is free to train a cell again for as many epochs as before; None
            in older records.
        wall_s: the same with evaluations side by side on the method's workers.
        overhead_s: CPU seconds of the method itself, by kind; `total` has all of it but `workshop`:
            what `simulated_s` counts of trainings of the method's own.
        incumbents: rows [queries, clock_s, score, target on the first reported data set] where the
            best so far changed.
        reporting_s: seconds of training behind the reports and the incumbents' targets, where they
            are trained for it: of every seed, as if nothing had been trained before.
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
    unique_s: float | None = None
    wall_s: float = 0.0
    overhead_s: Mapping[str, float] = field(default_factory=dict)
    incumbents: tuple[tuple[float, ...], ...] = ()
    reporting_s: float = 0.0
    error: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """One JSON object."""
        return json.dumps(plain(self), sort_keys=True, default=plain)

    @classmethod
    def from_json(cls, text: str) -> RunRecord:
        """Inverse of `to_json`."""
        raw = fields_of(cls, text)
        key = RunKey.from_plain(raw.pop("key"))
        reports = {dataset: Report(**report) for dataset, report in raw.pop("reports").items()}
        incumbents = tuple(tuple(row) for row in raw.pop("incumbents"))
        if not key.protocol.report_datasets:
            raise ValueError("a search that is reported on nothing")
        bounds = _bounds(key.oracle, oracles.changes)
        for report in reports.values():
            for name, value in report.metrics.items():
                low, high = bounds.get(name, (-math.inf, math.inf))
                if value < low or value > high:
                    raise ValueError(f"{name} is {value}, outside [{low:g}, {high:g}]")
        return cls(key=key, reports=reports, incumbents=incumbents, **raw)


@cache  # per state of the registry
def _bounds(oracle: str, changes: int) -> Mapping[str, tuple[float, float]]:
    """The bounds of an oracle's metrics; none of one that is not registered here."""
    try:
        return {metric.name: metric.bounds for metric in oracles.get(oracle).info.metrics}
    except UnknownName:
        return {}


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
        return zlib.compress(json.dumps(plain(self)).encode())

    @classmethod
    def from_bytes(cls, packed: bytes) -> Trace:
        """Inverse of `to_bytes`; DataCorrupt where it is none."""
        with readable("trace"):
            raw = json.loads(zlib.decompress(packed))
            rows = tuple(
                (tuple(code), epochs, score, cost_s)
                for code, epochs, score, cost_s in raw["evaluations"]
            )
            return cls(rows, tuple(raw["events"]))


def events_of(store: Store, run_id: str) -> tuple[Mapping[str, Any], ...]:
    """What the method of a run logged; nothing where its trace is not kept, as by packed stores.

    Nor where it cannot be read.
    """
    try:
        return Trace.from_bytes(store.trace(run_id)).events
    except NasreproError:
        return ()


@dataclass(frozen=True, slots=True)
class RunCell:
    """One search.

    Attributes:
        key: what determines it.
        path: the method's file where it came by path.
        source: its text, so that a far worker needs no file.
        beside: texts of the modules of its folder that it imports.
        timeout_s: seconds after which the search is ended as failed.
        engine: that the plan was made with.
    """

    key: RunKey
    path: str = ""
    source: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = TIMEOUT_S
    engine: int = ENGINE
    sealed: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """For progress lines and messages."""
        return f"{self.key.method} on {self.key.oracle}/{self.key.dataset}, seed {self.key.seed}"

    @property
    def file(self) -> str:
        """The method's file."""
        return self.path or methods.get(self.key.method).path

    @property
    def withheld(self) -> frozenset[str]:
        """Metrics that the process of the search may not hold: those of the test split."""
        metrics = oracles.get(self.key.oracle).info.metrics
        return frozenset(metric.name for metric in metrics if metric.split == "test")

    @property
    def concludes_apart(self) -> bool:
        """Whether what follows the search may train networks."""
        return oracles.get(self.key.oracle).info.trains

    def perform(self) -> tuple[str, bytes]:
        """Search, in a process without test metrics; what it did, as JSON.

        Raises:
            Foreign: this process has another engine, source or table.
        """
        outcome, packed = _searched(self)
        return outcome.to_json(), packed

    def conclude(self, text: str, packed: bytes) -> tuple[RunRecord, bytes]:
        """Check what a search says against the table, and read the test metrics once.

        Raises:
            ProtocolError: it does not add up.
        """
        return _concluded(self.key, Outcome.from_json(text), packed)

    def failed(self, error: str, environment: Mapping[str, str]) -> RunRecord:
        """A failed record with that traceback."""
        return RunRecord(self.key, "failed", error=error, environment=environment)


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
    used += [(method, {}) for method in extra if all(method is not each for each, _ in used)]
    for setting in settings:
        for method, given in used:
            first = run_key(setting, method, given)
            for seed in experiment.seeds:
                yield search_cell(replace(first, seed=seed), method, experiment.timeout)


def arm_labels(experiments: Iterable[Experiment]) -> dict[Arm, str]:
    """The labels that plans give to arms.

    Raises:
        NasreproError: one arm has two labels, or two arms have one.
        UnknownName: a method or parameter that does not exist.
    """
    given = {
        (use.arm, use.label)
        for experiment in experiments
        for use in experiment.methods
        if use.label
    }
    labels: dict[Arm, str] = {}
    arms: dict[str, Arm] = {}
    for arm, label in sorted(given):
        if labels.setdefault(arm, label) != label:
            raise NasreproError(
                f"{arm[0]} with {arm[1]} has two labels, {labels[arm]!r} and {label!r}; keep one"
            )
        if arms.setdefault(label, arm) != arm:
            raise NasreproError(
                f"two arms have the label {label!r}: {' '.join(arms[label])} and {' '.join(arm)}; "
                "rename one"
            )
    return labels


def run_key(
    setting: SearchSetting, method: Method, given: Mapping[str, Any], seed: int = 0
) -> RunKey:
    """The key of a search with parameters that differ from the method's defaults.

    Raises:
        NasreproError: a budget in seconds that lookups never spend, of a method that looks up.
    """
    priced = setting.oracle.info.cost or setting.budget.queries is not None
    if not priced and not method.workshop:
        raise NasreproError(
            f"{setting.oracle.name} has no training times, so a budget in seconds never ends for "
            f"{method.name}, which trains no networks of its own; give one in queries"
        )
    params = method.params(given)
    return RunKey(
        method.name,
        method.source_sha256,
        params,
        setting.oracle.name,
        setting.oracle.table_sha256,
        setting.dataset,
        setting.protocol,
        setting.budget,
        seed,
        tables_of(params),
        scorers_of(params),
    )


def search_cell(key: RunKey, method: Method, timeout_s: float = TIMEOUT_S) -> RunCell:
    """The search of a key by a method."""
    by_path = (method.path, method.source, method.beside) if method.source else ("", "", {})
    return RunCell(key, *by_path, timeout_s=timeout_s)


def _method_here(cell: RunCell) -> Method:
    """The method of a cell, if it and its tables are the ones that the cell was made with."""
    key = cell.key
    method = (
        methods.from_file(Path(cell.path), cell.source, cell.beside)
        if cell.source
        else methods.get(key.method)
    )
    if method.source_sha256 != key.method_sha256:
        raise Foreign(f"another source of method {key.method}")
    if scorers_of(key.params) != key.scorers:
        raise Foreign(f"another source of scorer {', '.join(key.scorers)}")
    if load_oracle(key.oracle).table_sha256 != key.table_sha256:
        raise Foreign(f"another version of the table of {key.oracle}")
    if tables_of(key.params) != key.device_tables:
        raise Foreign(f"another version of the tables of {', '.join(key.device_tables)}")
    return method


def _searched(cell: RunCell) -> tuple[Outcome, bytes]:
    """What a search did, and the network that it handed back, where it was one."""
    with installed(cell.engine):
        method = _method_here(cell)
    key = cell.key
    setting = SearchSetting(load_oracle(key.oracle), key.dataset, key.protocol, key.budget)
    checkpoints = cache_dir() / "workshop" / key.run_id
    session = setting.session(checkpoints)
    ended = False
    chosen: Any = None
    with contextlib.ExitStack() as around:
        drawn = around.enter_context(contained(key.run_id))
        around.enter_context(method.importable())
        around.enter_context(contextlib.redirect_stdout(sys.stderr))  # prints are no result
        around.enter_context(searching())
        started = time.process_time()
        try:
            chosen = method.search(session, np.random.default_rng(key.seed), **key.params)
        except BudgetExhausted:
            ended = True
        except BudgetIgnored:
            pass
        spent_s = time.process_time() - started
    session.finish()  # what the method did not wait for costs all the same
    if session.exhausted and not ended:
        raise ProtocolError(
            f"method {key.method} caught BudgetExhausted; do not catch it: the best architecture "
            "so far is taken from the ledger"
        )
    if session.ledger.workshop_s:
        shutil.rmtree(checkpoints, ignore_errors=True)
    chosen = session.answer() if chosen is None else chosen
    code: tuple[int, ...] = ()
    packed = b""
    if isinstance(chosen, Arch) or setting.oracle.workshops is None:
        setting.oracle.space.check(chosen)
        code = chosen.code
    else:
        packed = setting.oracle.workshops.packed(chosen, session.dataset)
    ledger = session.ledger
    index = {id(done): place for place, done in enumerate(ledger.evaluations)}
    overhead_s = spent_s - session.oracle_cpu_s + session.cached_cpu_s
    outcome = Outcome(
        code,
        ended,
        tuple((*_plain(done), done.cost_s) for done in ledger.evaluations),
        tuple(
            (index[id(rated.evaluation)], float(rated.score), rated.query, rated.clock_s)
            for rated in ledger.ratings
        ),
        tuple(ledger.events),
        ledger.simulated_s,
        ledger.wall_s,
        {**ledger.overhead_s, "total": max(0.0, overhead_s)},
        environment(),
        tuple(drawn),
        peak_bytes(),
        ledger.workshop_s,
    )
    return outcome, packed


def _plain(done: Evaluation) -> tuple[tuple[int, ...], int, float]:
    return tuple(map(int, done.arch.code)), int(done.epochs), float(done.score)


def _concluded(key: RunKey, outcome: Outcome, packed: bytes) -> tuple[RunRecord, bytes]:
    oracle, protocol = load_oracle(key.oracle), key.protocol
    setting = SearchSetting(oracle, key.dataset, protocol, key.budget)
    done = audited(
        outcome, oracle, key.dataset, protocol.search_epochs, protocol.search_seed, key.budget
    )
    changes = _changes(ratings_of(outcome, done))
    read = [(protocol.report_datasets[0], change.evaluation.arch) for change in changes]
    if packed:
        chosen = f"network {hashlib.sha256(packed).hexdigest()[:12]}"
        reports = {key.dataset: setting.examined(packed)}
    else:
        arch = oracle.space.arch(outcome.chosen)
        chosen = oracle.space.format(arch)
        reports = {name: setting.report(arch, name) for name in protocol.report_datasets}
        read += [(name, arch) for name in reports]
    for name, report in reports.items():
        if report.regret is not None and report.regret < -ROUNDING:
            raise ProtocolError(
                f"regret {report.regret} on {name} is below zero: the reported value is better "
                f"than the best of the table of {key.oracle}"
            )
    record = RunRecord(
        key,
        status="budget" if outcome.ended else "done",
        chosen=chosen,
        reports=reports,
        queries=len(done),
        unique_queries=len({canonical_of(oracle.space, each.arch.code) for each in done}),
        simulated_s=outcome.simulated_s,
        unique_s=_unique_s(oracle, done) + outcome.workshop_s,
        wall_s=outcome.wall_s,
        overhead_s=outcome.overhead_s,
        incumbents=tuple(
            (change.query, change.clock_s, change.score, setting.target(change.evaluation.arch))
            for change in changes
        ),
        reporting_s=_reporting_s(oracle, protocol.report_epochs, read),
        environment=outcome.environment,
    )
    steps = (
        (
            each.arch.code,
            each.epochs,
            each.score if math.isfinite(each.score) else None,
            each.cost_s,
        )
        for each in done
    )
    return record, Trace(tuple(steps), outcome.events).to_bytes()


def _unique_s(oracle: Oracle, done: Sequence[Evaluation]) -> float:
    """Seconds of the first training of each cell for each number of epochs."""
    costs: dict[tuple[object, int], float] = {}
    for each in done:
        costs.setdefault((canonical_of(oracle.space, each.arch.code), each.epochs), each.cost_s)
    return math.fsum(costs.values())


@cache
def _best(oracle: Oracle, dataset: str, epochs: int) -> float | None:
    try:
        return oracle.best_value(dataset, epochs, oracle.info.target_of(dataset).name)
    except NotTabulated:
        return None


def _changes(ratings: Sequence[Rating]) -> list[Rating]:
    """Where the best so far changed; the best is what `Session.best` would have given."""
    changes = []
    best: tuple[int, float] | None = None
    for rating in ratings:
        reached = rating.evaluation.epochs, rating.score
        if best is None or reached > best:
            best = reached
            changes.append(rating)
    return changes


def _reporting_s(oracle: Oracle, epochs: int, read: Sequence[tuple[str, Arch]]) -> float:
    """Seconds of all trainings that a report read, by data set; 0 where a table has them."""
    if not oracle.info.trains or not oracle.info.cost:
        return 0.0
    return math.fsum(
        len(oracle.seeds(dataset, epochs))
        * oracle.query(arch, dataset=dataset, epochs=epochs, seed=MEAN).values[oracle.info.cost]
        for dataset, arch in {(dataset, oracle.space.canonical(arch)) for dataset, arch in read}
    )


def _tables(key: Mapping[str, Any]) -> dict[str, str]:
    return {key["oracle"]: key["table_sha256"], **key.get("device_tables", {})}


def _unknown(key: RunKey) -> str:
    return unknown(key.oracle, key.dataset, *key.protocol.report_datasets)


def _split(run_id: str, record: RunRecord) -> tuple[str, Row]:
    reported = {
        (dataset, name): value
        for dataset, report in record.reports.items()
        for name, value in (("regret", report.regret), *report.metrics.items())
        if value is not None
    }
    places = sorted(reported)
    shared = [replace(record.key, seed=0), places, record.environment]
    error = record.error.strip().splitlines()
    return json.dumps(shared, sort_keys=True, default=plain), Row(
        record.key.seed,
        run_id,
        record.status,
        record.chosen,
        error[-1] if error else "",
        record.queries,
        record.unique_queries,
        record.simulated_s,
        record.unique_s,
        record.overhead_s.get("total"),
        record.overhead_s.get("workshop"),
        np.array([reported[place] for place in places], PACKED).tobytes(),
        np.array(record.incumbents, PACKED).reshape(-1, 4).tobytes(),
    )


def _family(shared: str) -> tuple[RunKey, tuple[tuple[str, str], ...], Mapping[str, str]]:
    key, places, made_on = json.loads(shared)
    return RunKey.from_plain(key), tuple((dataset, name) for dataset, name in places), made_on


def _rows(record: RunRecord) -> Iterator[dict[str, Any]]:
    """A row for each reported data set; of a failed run one without."""
    key = record.key
    run = {
        "method": key.method,
        "parameters": json.dumps(dict(key.params), sort_keys=True),
        "oracle": key.oracle,
        "dataset": key.dataset,
        "search_epochs": key.protocol.search_epochs,
        "report_epochs": key.protocol.report_epochs,
        "budget_s": key.budget.seconds,
        "budget_queries": key.budget.queries,
        "seed": key.seed,
        "status": record.status,
        "chosen": record.chosen,
        "queries": record.queries,
        "unique_queries": record.unique_queries,
        "simulated_s": record.simulated_s,
        "unique_s": record.unique_s,
        "wall_s": record.wall_s,
        "reporting_s": record.reporting_s,
        "overhead_s": record.overhead_s.get("total", math.nan),
    }
    if not record.reports:
        yield run
    for dataset, report in record.reports.items():
        yield {**run, "report_dataset": dataset, "regret": report.regret, **report.metrics}


register(
    Kind(
        "run",
        "experiment",
        Experiment,
        RunRecord,
        search_cells,
        _tables,
        _unknown,
        measured=("overhead_s",),
        answer=("chosen", "reports"),
        frame="runs",
        rows=_rows,
        split=_split,
        family=_family,
    )
)
