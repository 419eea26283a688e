"""The runs of a store as arrays: runs that differ only in their seed are one group."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.claims import installed_table
from nasrepro.suite.data import stable_hash
from nasrepro.suite.experiments.columns import PACKED, Family
from nasrepro.suite.experiments.kinds.ranking import RankKey
from nasrepro.suite.experiments.kinds.search import Protocol, RunKey
from nasrepro.suite.experiments.kinds.study import StudyKey
from nasrepro.suite.experiments.plan import load_plan
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import Metric, OracleInfo
from nasrepro.suite.registry import oracles, studies
from nasrepro.suite.search import Budget
from nasrepro.suite.statistics import LEAST

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
    def searches(self) -> Setting:
        """The same whatever is reported: a search does not depend on it."""
        return replace(self, protocol=replace(self.protocol, report_datasets=()))

    @property
    def order(self) -> tuple[object, ...]:
        """For sorting: of settings that differ in what is reported, first the one with most."""
        protocol, budget = self.protocol, self.budget
        lengths = (
            protocol.search_epochs,
            protocol.report_epochs,
            str(protocol.search_seed),
        )
        return (
            self.oracle,
            self.dataset,
            *lengths,
            budget.seconds or 0,
            budget.queries or 0,
            -len(protocol.report_datasets),
            protocol.report_datasets,
            self.table_sha256,
        )


@dataclass(frozen=True, slots=True)
class Curves:
    """The incumbents of n runs, one after the other.

    Attributes:
        rows: (all of them, 4): queries, clock_s, score, target on the first reported data set.
        starts: (n + 1,): where each run's rows begin, and where the last one's end.
    """

    rows: Values
    starts: NDArray[np.int64]

    @classmethod
    def joined(cls, packed: Sequence[bytes]) -> Curves:
        """Of `Row.incumbents`."""
        rows = np.frombuffer(b"".join(packed), PACKED).reshape(-1, 4)
        ends = np.cumsum([len(each) // (4 * PACKED.itemsize) for each in packed], dtype=np.int64)
        return cls(rows, np.concatenate([np.zeros(1, np.int64), ends]))

    def __len__(self) -> int:
        """How many runs."""
        return self.starts.size - 1

    @property
    def some(self) -> NDArray[np.intp]:
        """The runs that have any."""
        return np.flatnonzero(np.diff(self.starts))

    def firsts(self, true: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(n,): each run's first row that is true; one past the last of all where none is."""
        found = np.full(len(self), len(self.rows), dtype=np.int64)
        rows = np.where(true, np.arange(len(self.rows)), len(self.rows))
        if self.some.size:
            found[self.some] = np.minimum.reduceat(rows, self.starts[self.some])
        return found

    def counts(self, true: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(n, m): how many of each run's rows are true; `true` is (rows, m)."""
        found = np.zeros((len(self), true.shape[1]), dtype=np.int64)
        if self.some.size:
            found[self.some] = np.add.reduceat(true, self.starts[self.some], dtype=np.int64)
        return found

    def only(self, runs: NDArray[np.intp]) -> Curves:
        """Those of some runs."""
        sizes = np.diff(self.starts)[runs]
        ends = np.cumsum(sizes)
        rows = np.repeat(self.starts[runs] - (ends - sizes), sizes) + np.arange(sizes.sum())
        return Curves(self.rows[rows], np.concatenate([np.zeros(1, np.int64), ends]))


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one method with one set of parameters in one setting; n finished ones, by seed.

    Attributes:
        setting: what they share with the other rows of their table.
        method: name.
        method_sha256: hash of its source.
        params: all parameters.
        seeds: (n,), ascending.
        run_ids: n ids, in the order of the seeds.
        chosen: n official strings of what the runs returned.
        costs: (n,) each, nan where unknown: queries, unique_queries, simulated_s, unique_s,
            overhead_s, and workshop_s: CPU seconds of trainings of the method's own.
        values: (n,) by (reported data set, metric or `REGRET`), nan where the table has none.
        curves: the incumbents of the n runs.
        failed: the last line of the traceback of each failed run, by seed.
        failed_ids: the id of each failed run, by seed.
        label: what a plan calls the method with these parameters, or "".
    """

    setting: Setting
    method: str
    method_sha256: str
    params: Mapping[str, object]
    seeds: NDArray[np.int64]
    run_ids: tuple[str, ...]
    chosen: tuple[str, ...]
    costs: Mapping[str, Values]
    values: Mapping[tuple[str, str], Values]
    curves: Curves
    failed: Mapping[int, str]
    failed_ids: Mapping[int, str]
    label: str = ""

    @property
    def id(self) -> str:
        """Names the row of a table, and its runs in `runs.csv` and on the leaderboard page."""
        return stable_hash(
            [asdict(self.setting), self.method, self.method_sha256, dict(self.params)]
        )[:12]

    def only(self, seeds: Collection[int]) -> Group:
        """The runs with these seeds."""
        kept = np.flatnonzero(np.isin(self.seeds, list(seeds)))
        return replace(
            self,
            seeds=self.seeds[kept],
            run_ids=tuple(self.run_ids[i] for i in kept),
            chosen=tuple(self.chosen[i] for i in kept),
            costs={name: values[kept] for name, values in self.costs.items()},
            values={place: values[kept] for place, values in self.values.items()},
            curves=self.curves.only(kept),
            failed={seed: error for seed, error in self.failed.items() if seed in seeds},
            failed_ids={seed: run_id for seed, run_id in self.failed_ids.items() if seed in seeds},
        )


COSTS = ("queries", "unique_queries", "simulated_s", "unique_s", "overhead_s", "workshop_s")
#: What is measured of a network that a method hands back from a workshop.
HANDED_BACK = ("sparsity", "weight_bits")


def shown_metrics(info: OracleInfo) -> tuple[str, ...]:
    """Names of the metrics that tables show.

    Objectives, targets, parameters, MACs, and what a network handed back has, as far as the oracle
    has them.
    """
    goals = [
        metric.name
        for each in info.datasets
        for metric in (info.objective_of(each.name), info.target_of(each.name))
    ]
    sizes = [
        size.name
        for size in (size_metric(info, "param"), size_metric(info, "MAC"))
        if size is not None
    ]
    known = {metric.name for metric in info.metrics}
    return tuple(dict.fromkeys((*goals, *sizes, *(name for name in HANDED_BACK if name in known))))


def size_metric(info: OracleInfo, unit: str) -> Metric | None:
    """The oracle's first metric counted in `unit`, or None."""
    return next((metric for metric in info.metrics if metric.unit == unit), None)


#: What was read last from each open store: tables, figures and the page all ask for the same
#: groups.
_read: WeakKeyDictionary[Store, tuple[object, list[Group]]] = WeakKeyDictionary()


def groups_of(store: Store) -> list[Group]:
    """The groups of all runs, in a fixed order.

    One pass over a store, and none while it stays as it is.
    """
    version = store.version()
    there = _read.get(store)
    if there is None or there[0] != version:
        there = _read[store] = version, _read_groups(store)
    return there[1]


def _read_groups(store: Store) -> list[Group]:
    found: dict[tuple[Setting, str, str, str], list[Family[RunKey]]] = defaultdict(list)
    for family in store.families():
        key = family.key
        setting = Setting(key.oracle, key.table_sha256, key.dataset, key.protocol, key.budget)
        params = json.dumps(key.params, sort_keys=True)
        found[setting, key.method, key.method_sha256, params].append(family)
    arms, shared = store.arm_labels(), dict[str, str]()
    return [
        replace(_group(*place, found.pop(place), shared), label=arms.get((place[1], place[3]), ""))
        for place in sorted(found, key=lambda place: (place[0].order, place[1:]))
    ]


def _group(
    setting: Setting,
    method: str,
    method_sha256: str,
    params: str,
    families: Sequence[Family[RunKey]],
    shared: dict[str, str],
) -> Group:
    """The group of these families; `shared` has each text once."""
    names = (REGRET, *shown_metrics(oracles.get(setting.oracle).info))
    places = [(dataset, name) for dataset in setting.protocol.report_datasets for name in names]
    finished = [family.finished for family in families]
    rows = [row for part in finished for row in part]
    reported = [family.reported(part) for family, part in zip(families, finished, strict=True)]
    values = {
        place: np.concatenate(
            [
                numbers.get(place, np.full(len(part), np.nan))
                for numbers, part in zip(reported, finished, strict=True)
            ]
        )
        for place in places
    }
    order = sorted(range(len(rows)), key=lambda place: rows[place][:2])
    rows = [rows[place] for place in order]
    failed = {
        row.seed: row
        for row in sorted(row for family in families for row in family.rows)
        if row.status == "failed"
    }
    return Group(
        setting,
        method,
        method_sha256,
        json.loads(params),
        np.array([row.seed for row in rows], dtype=np.int64),
        tuple(row.id for row in rows),
        tuple(shared.setdefault(row.chosen, row.chosen) for row in rows),
        {name: np.array([getattr(row, name) for row in rows], np.float64) for name in COSTS},
        {place: numbers[order] for place, numbers in values.items()},
        Curves.joined([row.incumbents for row in rows]),
        {seed: row.error for seed, row in failed.items()},
        {seed: row.id for seed, row in failed.items()},
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of a store is to be reported.

    Attributes:
        groups: runs, with the chosen seeds only.
        ranking: whether a ranking is.
        study: whether a study is.
    """

    groups: list[Group]
    ranking: Callable[[RankKey], bool]
    study: Callable[[StudyKey], bool]


def chosen(store: Store, plan: str | None = None) -> Chosen:
    """What of a store belongs to a plan; everything where there is none.

    A plan chooses settings and seeds, not methods: a method that a user ran beside those of the
    plan stands in no plan.

    Raises:
        NasreproError: see `nasrepro.suite.experiments.plan.load_plan`.
        UnknownName: an oracle or data set of the plan that does not exist.
    """
    groups = groups_of(store)
    if plan is None:
        return Chosen(groups, lambda _: True, lambda _: True)
    wanted = load_plan(plan)
    runs: dict[tuple[object, ...], set[int]] = {}
    for experiment in wanted.experiment:
        info = oracles.get(experiment.oracle).info
        for each in experiment.datasets:
            dataset = info.dataset(each).name
            reported = tuple(info.dataset(other).name for other in experiment.report_datasets) or (
                dataset,
            )
            protocol = Protocol(
                experiment.search_epochs, experiment.report_epochs, reported, experiment.search_seed
            )
            for budget in experiment.budgets:
                runs.setdefault((info.name, dataset, protocol, budget), set()).update(
                    experiment.seeds
                )
    rankings = {
        (
            info.name,
            info.dataset(dataset).name,
            ranking.epochs,
            ranking.metric or info.target_of(dataset).name,
        )
        for ranking in wanted.ranking
        for info in (oracles.get(ranking.oracle).info,)
        for dataset in ranking.datasets
    }
    measured: dict[tuple[str, str], set[int]] = {}
    for use in wanted.study:
        measured.setdefault(
            (use.name, _text(studies.get(use.name).params(use.params))), set()
        ).update(use.seeds)
    kept = []
    for group in groups:
        setting = group.setting
        seeds = runs.get((setting.oracle, setting.dataset, setting.protocol, setting.budget), set())
        kept.append(group.only(seeds))
    return Chosen(
        [group for group in kept if group.seeds.size or group.failed],
        lambda key: (key.oracle, key.dataset, key.epochs, key.metric) in rankings,
        lambda key: key.seed in measured.get((key.study, _text(key.params)), ()),
    )


@lru_cache(maxsize=256)
def is_here(oracle: str, table_sha256: str) -> bool:
    """Whether a result is of the version of the table that is installed.

    Also where none is, so that there is nothing to compare with.
    """
    return installed_table(oracle) in ("", table_sha256)


def _text(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True)


def alike(named: Iterable[tuple[str, Group]]) -> list[tuple[str, ...]]:
    """The names of methods that were one search: that chose the same for every seed they share.

    At least `LEAST` seeds, and not one architecture for all of them: it may be the best of all.
    """
    found: list[tuple[list[str], dict[int, str]]] = []
    for name, group in named:
        chosen = dict(zip(group.seeds.tolist(), group.chosen, strict=True))
        for names, others in found:
            shared = chosen.keys() & others.keys()
            if len(shared) < LEAST or len({chosen[seed] for seed in shared}) == 1:
                continue
            if all(chosen[seed] == others[seed] for seed in shared):
                names.append(name)
                break
        else:
            found.append(([name], chosen))
    return [tuple(sorted(names)) for names, _ in found if len(names) > 1]
