"""Cells: one run, one ranking or one measurement of a study each, as a value that travels to a worker and is executed there."""

from __future__ import annotations

import contextlib
import math
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import BudgetExhausted, DataMissing, NasreproError, NotTabulated, ProtocolError
from suite.oracle import MEAN, Oracle, searching
from suite.plan import Experiment, Plan, Ranking, StudyUse
from suite.record import Protocol, RankKey, RankRecord, Report, RunKey, RunRecord, Scatter, StudyKey, StudyRecord, Trace
from suite.registry import Method, load_devices, load_oracle, methods, scorers, studies
from suite.scoring import Progress, ScoreTable, Setting, dataset_of, inputs_of, sample, scored
from suite.scoring import score as score_networks
from suite.session import BudgetSwallowed, Ledger, Rating, Session


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


@dataclass(frozen=True, slots=True)
class RankCell:
    """One ranking of a whole table by one scorer."""

    key: RankKey

    @property
    def label(self) -> str:
        """For progress lines and messages."""
        return f"ranking by {self.key.scorer} on {self.key.oracle}/{self.key.dataset}"

    def execute(self) -> tuple[RankRecord, bytes]:
        """Score and rank; a scorer that raises gives a failed record."""
        try:
            record, scatter = rank_and_scatter(self.key)
            return record, scatter.to_bytes()
        except (Exception, SystemExit):
            return self.failed(traceback.format_exc()), b""

    def failed(self, error: str) -> RankRecord:
        """A failed record with that traceback."""
        return RankRecord(self.key, "failed", error=error, environment=environment())


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


Cell = RunCell | RankCell | StudyCell


@cache
def environment() -> Mapping[str, str]:
    """Versions and machine, for the record."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    for package in ("nasrepro", "numpy", "scipy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


# -- from a plan to cells ----------------------------------------------------------------------------------
def cells_of(plan: Plan, extra: Sequence[Method] = (), *, missing: Callable[[str, DataMissing], None] | None = None) -> list[Cell]:
    """All cells of a plan: rankings, runs, studies; what several parts ask for, once.

    Args:
        plan: the plan.
        extra: methods that run in every experiment, beside those it names.
        missing: called with (oracle, error) for a part whose table is not here, which is then left out.

    Raises:
        UnknownName, NotTabulated, NasreproError: the plan names what does not exist.
        DataMissing: a table is not here, and `missing` is not given.
    """
    parts: list[tuple[str, Iterable[Cell]]] = [(part.oracle, _rank_cells(part)) for part in plan.ranking]
    parts += [(part.oracle, _run_cells(part, extra)) for part in plan.experiment]
    parts += [(part.name, _study_cells(part)) for part in plan.study]
    cells: list[Cell] = []
    for name, made in parts:
        try:
            cells += made
        except DataMissing as error:
            if missing is None:
                raise
            missing(name, error)
    return list({cell.key.run_id: cell for cell in cells}.values())


def tables_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Hashes of the tables that parameters name: `oracle` or `oracles`, and `device` or `devices` (a device or its source); one or a list.

    Raises:
        UnknownName, DataMissing: a table does not exist, or is not here.
    """
    found = {}
    for param, value in params.items():
        if param in ("oracle", "oracles", "device", "devices"):
            for name in filter(None, [value] if isinstance(value, str) else value):
                if param.startswith("oracle"):
                    found[name] = load_oracle(name).table_sha256
                else:
                    found[name.partition("/")[0]] = load_devices(name).table.sha256
    return found


def _study_cells(use: StudyUse) -> Iterator[StudyCell]:
    study = studies.get(use.name)
    params = study.params(use.params)
    tables = tables_of(params)
    for seed in use.seeds:
        yield StudyCell(StudyKey(study.name, study.source_sha256, params, tables, seed))


def _rank_cells(ranking: Ranking) -> Iterator[RankCell]:
    oracle = load_oracle(ranking.oracle)
    for dataset in ranking.datasets:
        for name in ranking.scorers:
            key = rank_key(oracle, name, dataset, ranking.epochs, metric=ranking.metric, resamples=ranking.resamples)
            yield RankCell(of_networks(key, oracle, ranking.setting, ranking.sample))


def of_networks(key: RankKey, oracle: Oracle, setting: Setting, size: int | None = None) -> RankKey:
    """The key with how networks are scored and how many are ranked, where its scorer needs them; `size`: as many as are scored by now.

    Raises:
        NasreproError: `size` is not given and nothing is scored.
    """
    if not scorers.get(key.scorer).needs_network:
        return key
    if size is None:
        inputs = inputs_of(oracle.space, dataset_of(oracle, setting), setting)
        size = len(scored(oracle, ScoreTable.load(inputs), key.scorer)[0])
        if not size:
            raise NasreproError(
                f"no networks of {key.oracle} are scored by {key.scorer} with {inputs}; score some: "
                f"nasrepro score {key.oracle} --scorer {key.scorer} --sample 1000"
            )
    return replace(key, setting=setting.changed, sample=min(size, len(oracle.archs())))


def rank_key(oracle: Oracle, scorer: str, dataset: str, epochs: int, *, metric: str = "", resamples: int = 1000, seed: int = 0) -> RankKey:
    """The key of a ranking with names checked and `metric` defaulting to the oracle's target; see `of_networks`, too."""
    info = oracle.info
    found = info.dataset(dataset).name
    wanted = info.metric(metric or info.target_of(found).name).name
    oracle.reader(found, epochs, MEAN)  # checks the epochs
    entry = scorers.get(scorer)
    return RankKey(entry.name, entry.source_sha256, info.name, oracle.table_sha256, found, epochs, wanted, resamples, seed)


def _run_cells(experiment: Experiment, extra: Sequence[Method]) -> Iterator[RunCell]:
    oracle = load_oracle(experiment.oracle)
    info = oracle.info
    used = [(methods.get(use.name), use.params) for use in experiment.methods] + [(method, {}) for method in extra]
    for dataset in experiment.datasets:
        name = info.dataset(dataset).name
        reported = tuple(info.dataset(each).name for each in experiment.report_datasets) or (name,)
        for each in reported:
            oracle.reader(each, experiment.report_epochs, MEAN)
        protocol = Protocol(experiment.search_epochs, experiment.report_epochs, reported, experiment.search_seed)
        for budget in experiment.budgets:
            Session(oracle, dataset=name, epochs=protocol.search_epochs, budget=budget, seed=protocol.search_seed)  # checks the setting
            for method, given in used:
                params = method.params(given)
                tables = tables_of(params)
                for seed in experiment.seeds:
                    key = RunKey(
                        method.name, method.source_sha256, params, info.name, oracle.table_sha256, name, protocol, budget, seed, tables
                    )
                    yield RunCell(key, method.path if method.source else "", method.source)


# -- executing ---------------------------------------------------------------------------------------------
def _run(cell: RunCell) -> tuple[RunRecord, bytes]:
    key = cell.key
    oracle = load_oracle(key.oracle)
    if oracle.table_sha256 != key.table_sha256 or tables_of(key.params) != key.device_tables:
        named = ", ".join([key.oracle, *key.device_tables])
        raise NasreproError(
            f"the table of {named} on this worker differs from the one the plan was made with; fetch the same version everywhere"
        )
    method = methods.from_file(Path(cell.path), cell.source) if cell.source else methods.get(key.method)
    protocol = key.protocol
    session = Session(
        oracle, dataset=key.dataset, epochs=protocol.search_epochs, budget=key.budget, seed=protocol.search_seed, devices=load_devices
    )
    ended = False
    started = time.process_time()
    with searching(), contextlib.redirect_stdout(sys.stderr):  # what a method prints is no result
        try:
            chosen = method.search(session, np.random.default_rng(key.seed), **key.params)
        except BudgetExhausted:
            ended, chosen = True, None
        except BudgetSwallowed:
            chosen = None
    total = time.process_time() - started - session.door_s + session.earlier_s
    if session.exhausted and not ended:
        raise ProtocolError(
            f"method {key.method} swallowed BudgetExhausted; let it pass, the best architecture so far is taken from the ledger"
        )
    chosen = session.best() if chosen is None else chosen
    oracle.space.check(chosen)

    ledger = session.ledger
    reports = {dataset: _report(oracle, chosen, dataset, key.protocol.report_epochs) for dataset in key.protocol.report_datasets}
    record = RunRecord(
        key,
        status="budget" if ended else "done",
        chosen=oracle.space.format(chosen),
        reports=reports,
        queries=ledger.queries,
        unique_queries=len({oracle.space.canonical(done.arch) for done in ledger.evaluations}),
        simulated_s=ledger.simulated_s,
        wall_s=ledger.wall_s,
        overhead_s={**ledger.overhead_s, "total": total},
        incumbents=_incumbents(oracle, ledger, key.protocol),
        environment=environment(),
    )
    steps = ((done.arch.code, done.epochs, done.score if math.isfinite(done.score) else None, done.cost_s) for done in ledger.evaluations)
    return record, Trace(tuple(steps), tuple(ledger.events)).to_bytes()


def _measure(key: StudyKey) -> StudyRecord:
    if tables_of(key.params) != key.tables:
        raise NasreproError(
            f"a table of {', '.join(key.tables)} on this worker differs from the one the plan was made with; "
            "fetch the same version everywhere"
        )
    study = studies.get(key.study)
    started = time.process_time()
    with contextlib.redirect_stdout(sys.stderr):
        rows = tuple({**row} for row in study.measure(np.random.default_rng(key.seed), **key.params))
    for row in rows:
        if list(row) != list(rows[0]) or not set(study.by) <= set(row):
            raise NasreproError(f"study {key.study}: a row has the columns {list(row)}, expected {list(rows[0])} with {list(study.by)}")
    return StudyRecord(key, "done", study.by, rows, time.process_time() - started, environment=environment())


@cache
def _best(oracle: Oracle, dataset: str, epochs: int) -> float | None:
    try:
        return oracle.best(dataset, epochs, oracle.info.target_of(dataset).name)[0]
    except NotTabulated:
        return None


def _report(oracle: Oracle, arch: Any, dataset: str, epochs: int) -> Report:
    metrics = oracle.query(arch, dataset=dataset, epochs=epochs, seed=MEAN).values
    target = oracle.info.target_of(dataset)
    best = _best(oracle, dataset, epochs)
    if best is None or target.name not in metrics:
        return Report(metrics)
    return Report(metrics, (best - metrics[target.name]) * (1 if target.higher_is_better else -1))


def _incumbents(oracle: Oracle, ledger: Ledger, protocol: Protocol) -> tuple[tuple[float, ...], ...]:
    """Rows [queries, clock_s, score, target of the incumbent], one for each change of the best so far, as `Session.best` sees it."""
    dataset = protocol.report_datasets[0]
    target = oracle.info.target_of(dataset).name
    rated = ledger.ratings or [Rating(done, done.score, query, done.clock_s) for query, done in enumerate(ledger.evaluations, start=1)]
    rows = []
    best: tuple[int, float] | None = None
    for done, score, query, clock_s in rated:
        if best is None or (done.epochs, score) > best:
            best = (done.epochs, score)
            values = oracle.query(done.arch, dataset=dataset, epochs=protocol.report_epochs, seed=MEAN).values
            rows.append((query, clock_s, score, values.get(target, float("nan"))))
    return tuple(rows)


#: Architectures of a ranking whose scores are kept for a figure; more would not be told apart in it.
SCATTERED = 2000


def rank(key: RankKey, within: Sequence[int] | None = None) -> RankRecord:
    """Score every architecture of a table, those of the key's sample, or those of the rows `within`, and compare with the metric."""
    return rank_and_scatter(key, within)[0]


def rank_and_scatter(
    key: RankKey, within: Sequence[int] | None = None, progress: Progress = lambda done, total, label: None
) -> tuple[RankRecord, Scatter]:
    """As `rank`, and up to `SCATTERED` of the scores with their values.

    Networks that are scored already are not scored again; `progress` is called after each other one.
    """
    oracle = load_oracle(key.oracle)
    scorer = scorers.get(key.scorer)
    inputs = ""
    if scorer.needs_network:
        there, found, cpu_s, inputs = _scored_networks(key, progress)
        rows, values = targets(key, there if within is None else np.intersect1d(there, within))
        scores = found[np.searchsorted(there, rows)]
        scoring_s = float(cpu_s.sum())
    else:
        dataset = oracle.info.dataset(key.dataset)
        rows, values = targets(key, within)
        archs = [oracle.archs()[row] for row in rows.tolist()]
        started = time.process_time()
        scores = np.array([scorer.score(oracle.space, arch, dataset) for arch in archs], dtype=np.float64)
        scoring_s = time.process_time() - started
    record = replace(ranked(key, rows, values, scores, scoring_s), inputs=inputs)
    drawn = np.sort(np.random.default_rng(key.seed).permutation(rows.size)[:SCATTERED])
    shown = (each if math.isfinite(each) else None for each in scores[drawn].tolist())
    return record, Scatter(tuple(rows[drawn].tolist()), tuple(shown), tuple(values[drawn].tolist()))


def _scored_networks(key: RankKey, progress: Progress) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64], str]:
    """Rows of the key's sample, their scores and CPU seconds, (n,) each, and what they were scored with; scores what is missing."""
    oracle, scorer = load_oracle(key.oracle), scorers.get(key.scorer)
    archs = [oracle.archs()[row] for row in sample(oracle, key.sample)]
    table = score_networks(oracle, [scorer], archs, Setting(**key.setting), progress=progress)
    distinct = len({oracle.space.canonical(arch) for arch in archs})
    return *scored(oracle, table, key.scorer, key.sample), f"{distinct:,} distinct architectures with {table.inputs}"


def targets(key: RankKey, within: Sequence[int] | NDArray[np.intp] | None = None) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Rows of the table, all or of those `within`, that have the metric of a ranking; and its values. Shape (n,) both."""
    values = load_oracle(key.oracle).query_many(dataset=key.dataset, epochs=key.epochs).get(key.metric)
    if values is None or np.isnan(values).all():
        raise NotTabulated(f"{key.oracle} has no {key.metric} for {key.dataset} at {key.epochs} epochs")
    rows = np.flatnonzero(~np.isnan(values))
    if within is not None:
        rows = np.intersect1d(rows, within)
    return rows, values[rows]


def ranked(key: RankKey, rows: NDArray[np.intp], values: NDArray[np.float64], scores: NDArray[np.float64], scoring_s: float) -> RankRecord:
    """The record of scores, shape (n,), for what `targets` gave."""
    from suite.metrics import rank_agreement

    oracle = load_oracle(key.oracle)
    sign = 1 if oracle.info.metric(key.metric).higher_is_better else -1
    top = int(np.argmax(np.where(np.isfinite(scores), scores, -np.inf)))
    return RankRecord(
        key,
        "done",
        agreement=asdict(rank_agreement(scores, sign * values, resamples=key.resamples, seed=key.seed)),
        best_arch=oracle.space.format(oracle.archs()[rows[top]]),
        best_value=float(values[top]),
        scoring_s=scoring_s,
        environment=environment(),
    )
