"""The runs of a store as arrays: runs that differ only in their seed are one group."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from suite.oracle import Metric, OracleInfo
from suite.plan import load_plan
from suite.record import Protocol, RankKey, RunKey, RunRecord
from suite.registry import oracles
from suite.session import Budget
from suite.store import Store

Values = NDArray[np.float64]

REGRET = "regret"


@dataclass(frozen=True, slots=True)
class Setting:
    """What runs must share to stand in one table."""

    oracle: str
    table_sha256: str
    dataset: str
    protocol: Protocol
    budget: Budget

    @property
    def order(self) -> tuple[object, ...]:
        """For sorting."""
        protocol, budget = self.protocol, self.budget
        lengths = (protocol.search_epochs, protocol.report_epochs, str(protocol.search_seed), protocol.report_datasets)
        return self.oracle, self.dataset, *lengths, budget.seconds or 0, budget.queries or 0, self.table_sha256


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one method with one set of parameters in one setting; n finished ones, by seed.

    Attributes:
        setting: what they share with the other rows of their table.
        method: name.
        method_sha256: hash of its source.
        params: all parameters.
        seeds: (n,), ascending.
        costs: (n,) each, nan where unknown: queries, unique_queries, simulated_s, overhead_s.
        values: (n,) by (reported data set, metric or `REGRET`), nan where the table has none.
        failed: the last line of the traceback of each failed run, by seed.
    """

    setting: Setting
    method: str
    method_sha256: str
    params: Mapping[str, object]
    seeds: NDArray[np.int64]
    costs: Mapping[str, Values]
    values: Mapping[tuple[str, str], Values]
    failed: Mapping[int, str]


COSTS = ("queries", "unique_queries", "simulated_s", "overhead_s")


@dataclass(slots=True)
class _Filling:
    """A group while the store is read: rows of floats only, whatever the number of runs."""

    names: tuple[str, ...]
    rows: array[float] = field(default_factory=lambda: array("d"))
    seeds: array[int] = field(default_factory=lambda: array("q"))
    failed: dict[int, str] = field(default_factory=dict)

    def add(self, record: RunRecord) -> None:
        if record.status == "failed":
            lines = record.error.strip().splitlines()
            self.failed[record.key.seed] = lines[-1] if lines else ""
            return
        nan = float("nan")
        self.seeds.append(record.key.seed)
        self.rows.extend((record.queries, record.unique_queries, record.simulated_s, record.overhead_s.get("total", nan)))
        for dataset in record.key.protocol.report_datasets:
            report = record.reports.get(dataset)
            regret = None if report is None else report.regret
            self.rows.append(nan if regret is None else regret)
            self.rows.extend(nan if report is None else report.metrics.get(name, nan) for name in self.names)


def shown_metrics(info: OracleInfo) -> tuple[str, ...]:
    """Names of the metrics that tables show: objectives, targets, parameters and MACs, as far as the oracle has them."""
    goals = [metric.name for each in info.datasets for metric in (info.objective_of(each.name), info.target_of(each.name))]
    sizes = [size.name for size in (size_metric(info, "param"), size_metric(info, "MAC")) if size is not None]
    return tuple(dict.fromkeys((*goals, *sizes)))


def size_metric(info: OracleInfo, unit: str) -> Metric | None:
    """The oracle's first metric counted in `unit`, or None."""
    return next((metric for metric in info.metrics if metric.unit == unit), None)


def read_groups(store: Store, keep: Callable[[RunKey], bool]) -> list[Group]:
    """The groups of all runs whose key is to be kept, in a fixed order; one pass over the store."""
    found: dict[tuple[Setting, str, str, str], _Filling] = {}
    for record in store.runs():
        key = record.key
        if not keep(key):
            continue
        setting = Setting(key.oracle, key.table_sha256, key.dataset, key.protocol, key.budget)
        place = setting, key.method, key.method_sha256, json.dumps(key.params, sort_keys=True)
        filling = found.get(place)
        if filling is None:
            filling = found[place] = _Filling(shown_metrics(oracles.get(key.oracle).info))
        filling.add(record)
    return [_group(*place, found[place]) for place in sorted(found, key=lambda place: (place[0].order, place[1:]))]


def _group(setting: Setting, method: str, method_sha256: str, params: str, filling: _Filling) -> Group:
    places = [(dataset, metric) for dataset in setting.protocol.report_datasets for metric in (REGRET, *filling.names)]
    seeds = np.array(filling.seeds, dtype=np.int64)
    order = np.argsort(seeds, kind="stable")
    table = np.array(filling.rows).reshape(-1, len(COSTS) + len(places))[order].T
    costs = dict(zip(COSTS, table, strict=False))
    values = dict(zip(places, table[len(COSTS) :], strict=True))
    return Group(setting, method, method_sha256, json.loads(params), seeds[order], costs, values, dict(sorted(filling.failed.items())))


def plan_filters(name: str | None) -> tuple[Callable[[RunKey], bool], Callable[[RankKey], bool]]:
    """Which runs and rankings belong to a plan; all of them where there is none.

    A plan chooses settings and seeds, not methods: a method that a user ran beside those of the plan stands in no plan.

    Raises:
        NasreproError: see `suite.plan.load_plan`.
        UnknownName: an oracle or data set of the plan that does not exist.
    """
    if name is None:
        return lambda _: True, lambda _: True
    plan = load_plan(name)
    runs: dict[tuple[object, ...], set[int]] = {}
    for experiment in plan.experiment:
        info = oracles.get(experiment.oracle).info
        for each in experiment.datasets:
            dataset = info.dataset(each).name
            reported = tuple(info.dataset(other).name for other in experiment.report_datasets) or (dataset,)
            protocol = Protocol(experiment.search_epochs, experiment.report_epochs, reported, experiment.search_seed)
            for budget in experiment.budgets:
                runs.setdefault((info.name, dataset, protocol, budget), set()).update(experiment.seeds)
    rankings = {
        (info.name, info.dataset(dataset).name, ranking.epochs, ranking.metric or info.target_of(dataset).name)
        for ranking in plan.ranking
        for info in (oracles.get(ranking.oracle).info,)
        for dataset in ranking.datasets
    }
    return (
        lambda key: key.seed in runs.get((key.oracle, key.dataset, key.protocol, key.budget), ()),
        lambda key: (key.oracle, key.dataset, key.epochs, key.metric) in rankings,
    )
