"""What a results store holds for claims, and the cells that it lacks."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nasrepro.suite.claims.model import Claim, Measured, Ranked, Setting
from nasrepro.suite.errors import DataMissing, NasreproError, NotTabulated, UnknownName
from nasrepro.suite.experiments.cells import Cell, cells_of
from nasrepro.suite.experiments.plan import Experiment, MethodUse, Plan, Ranking, StudyUse
from nasrepro.suite.experiments.ranking import RankRecord, of_networks, rank_key
from nasrepro.suite.experiments.search import RunRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.experiments.study import StudyRecord
from nasrepro.suite.registry import (
    Registry,
    load_devices,
    load_oracle,
    methods,
    oracles,
    scorers,
    studies,
)
from nasrepro.suite.scoring import ScoringSetting as Scoring
from nasrepro.suite.search import Budget

#: Networks whose scores make a sample worth a ranking: of so many a rank correlation has a 95 %
#: interval of about +-.08.
SAMPLE = 300
#: By seed: the id of the run, and its figure in the unit of the published ones (percent for
#: accuracies).
Found = dict[int, tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a store holds for some claims.

    Only results of the sources and of the tables that are here now.

    Attributes:
        runs: by setting.
        rankings: by scorer, oracle, data set, epochs, metric and how networks are scored.
        studies: by study and parameters (as JSON), then by seed.
        stale: of all three, by the same keys: how many results are of another source, or of another
            version of a table.
    """

    runs: Mapping[str, Found] = field(default_factory=dict)
    rankings: Mapping[tuple[Any, ...], RankRecord] = field(default_factory=dict)
    studies: Mapping[str, Mapping[int, StudyRecord]] = field(default_factory=dict)
    stale: Mapping[str | tuple[Any, ...], Counter[str]] = field(default_factory=dict)

    def of(self, setting: Setting) -> Found:
        """What the runs of a setting gave, by seed."""
        return self.runs.get(_text(setting), {})

    def ranking(self, wanted: Ranked) -> RankRecord | None:
        """The ranking a claim speaks of, or None."""
        return self.rankings.get(_ranking(wanted))

    def measured(self, wanted: Measured) -> Mapping[int, StudyRecord]:
        """The measurements a claim speaks of, by seed."""
        return self.studies.get(_study(wanted), {})

    def passed_over(self, wanted: Setting | Ranked | Measured) -> str:
        """How many stored results are not of what is here now, and in what they differ, in words.

        "" where there are none.
        """
        key = (
            _text(wanted)
            if isinstance(wanted, Setting)
            else _ranking(wanted)
            if isinstance(wanted, Ranked)
            else _study(wanted)
        )
        return " and ".join(
            f"{count:,} of another {what}"
            for what, count in sorted(self.stale.get(key, {}).items())
        )


@dataclass(slots=True)
class _Tables:
    """Hashes of the tables that are here.

    Each table is opened once, and only where a stored result is of it.

    Where a table is not here there is nothing to compare with; of its versions the first one in the
    store counts, never a mixture.
    """

    hashes: dict[str, str] = field(default_factory=dict)

    def are(self, named: Mapping[str, str]) -> bool:
        """Whether tables, by their names, have these hashes."""
        for name, sha256 in named.items():
            if name not in self.hashes:
                self.hashes[name] = installed_table(name) or sha256
        return all(self.hashes[name] == sha256 for name, sha256 in named.items())


def installed_table(name: str) -> str:
    """Hash of the table of an oracle, or of devices, that is here; "" where none is."""
    try:
        return (
            load_oracle(name).table_sha256
            if exists(oracles, name)
            else load_devices(name).table.sha256
        )
    except (DataMissing, UnknownName):
        return ""


def _other(source: bool, tables: bool) -> str:
    """In what a result differs from what is here now; "" where it does not."""
    return "" if source and tables else "version of the table" if source else "source"


def gather(store: Store, claims: Iterable[Claim]) -> Evidence:
    """Read what a store holds for these claims, in one pass. Of a table just its hash is read.

    Raises:
        UnknownName: a claim names an oracle, data set, metric or parameter that does not exist. (A
            method, scorer or study that does not exist has no results; the claim's judgement says
            so.)
    """
    wanted: dict[tuple[Any, ...], dict[str, Setting]] = defaultdict(dict)
    shas: dict[tuple[Any, ...], str] = {}
    rankings: dict[tuple[Any, ...], str] = {}
    measured: dict[str, str] = {}
    for claim in claims:
        for setting in claim.settings:
            if not exists(methods, setting.method):
                continue
            method = methods.get(setting.method)
            place = _place(setting, method.params(setting.params))
            wanted[place][_text(setting)] = setting  # several claims may rest on the same one
            shas[place] = method.source_sha256
        for wanted_rank in () if claim.ranking is None else claim.ranking.both:
            if exists(scorers, wanted_rank.scorer):
                rankings[_ranking(wanted_rank)] = scorers.get(wanted_rank.scorer).source_sha256
        if claim.study is not None and exists(studies, claim.study.study):
            measured[_study(claim.study)] = studies.get(claim.study.study).source_sha256
    tables = _Tables()
    stale: dict[str | tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    runs: dict[str, Found] = defaultdict(dict)
    for run_id, run in store.identified_runs() if wanted else ():
        place = _place_of(run)
        if run.status == "failed" or place not in shas:
            continue
        other = _other(
            shas[place] == run.key.method_sha256,
            tables.are({run.key.oracle: run.key.table_sha256, **run.key.device_tables}),
        )
        for text, setting in wanted[place].items():
            report = run.reports.get(setting.dataset)
            value = (
                None
                if report is None
                else report.regret
                if setting.metric == "regret"
                else report.metrics.get(setting.metric)
            )
            if value is None:
                continue
            if other:
                stale[text][other] += 1
            else:
                runs[text][run.key.seed] = (
                    run_id,
                    value * scale_of(setting.oracle, setting.metric, setting.dataset),
                )
    ranked: dict[tuple[Any, ...], RankRecord] = {}
    for rank in store.rankings() if rankings else ():
        key = rank.key
        named = (
            key.scorer,
            key.oracle,
            key.dataset,
            key.epochs,
            key.metric,
            json.dumps(dict(key.setting), sort_keys=True),
        )
        if named not in rankings or rank.status != "done":
            continue
        if 0 < key.sample < min(SAMPLE, len(oracles.get(key.oracle).info.space)):
            continue
        if other := _other(
            rankings[named] == key.scorer_sha256, tables.are({key.oracle: key.table_sha256})
        ):
            stale[named][other] += 1
        elif (
            named not in ranked or key.sample > ranked[named].key.sample
        ):  # of several samples the largest
            ranked[named] = rank
    found: dict[str, dict[int, StudyRecord]] = defaultdict(dict)
    for record in store.studies() if measured else ():
        name = _named(record.key.study, record.key.params)
        if record.status != "done" or name not in measured:
            continue
        if other := _other(
            measured[name] == record.key.study_sha256, tables.are(record.key.tables)
        ):
            stale[name][other] += 1
        else:
            found[name][record.key.seed] = record
    return Evidence(runs, ranked, found, stale)


def missing(
    claims: Iterable[Claim],
    evidence: Evidence,
    context: Sequence[Claim],
    *,
    block: int = 0,
    long: bool = False,
) -> tuple[list[Cell], dict[str, DataMissing]]:
    """The cells that claims need and the store lacks.

    Args:
        claims: those to be judged.
        evidence: what the store holds.
        context: all claims; runs are reported on every data set that one of these asks for, so that
            one run serves all.
        block: see `seeds_of`.
        long: also what takes more than minutes.

    Returns:
        The cells, and what cannot run because a table is not here: by its name.
    """
    left_out: dict[str, DataMissing] = {}
    plan = plan_of(claims, context, evidence, block=block, long=long)
    return cells_of(plan, missing=left_out.__setitem__), left_out


def plan_of(
    claims: Iterable[Claim],
    context: Sequence[Claim],
    evidence: Evidence | None = None,
    *,
    block: int = 0,
    long: bool = True,
) -> Plan:
    """The plan whose cells give what claims need; with `evidence`, only what that lacks.

    Arguments as for `missing`.
    """
    held = Evidence() if evidence is None else evidence
    reported: dict[str, set[str]] = defaultdict(set)
    for claim in context:
        for setting in claim.settings:
            reported[_search(setting)].add(setting.dataset)
    experiments: dict[str, tuple[Setting, set[int]]] = {}
    rankings: dict[str, Ranking] = {}
    uses: dict[str, tuple[Measured, set[int]]] = {}
    stored: dict[tuple[Any, ...], bool] = {}
    for claim in claims:
        if claim.long and not long:
            continue
        seeds = set(seeds_of(claim, block))
        for setting in claim.settings:
            if exists(methods, setting.method):
                experiments.setdefault(_search(setting), (setting, set()))[1].update(
                    seeds - held.of(setting).keys()
                )
        for wanted in () if claim.ranking is None else claim.ranking.both:
            if held.ranking(wanted) is None and _can_rank(wanted, stored):
                where = {
                    "oracle": wanted.oracle,
                    "datasets": (wanted.dataset,),
                    "epochs": wanted.epochs,
                    "metric": wanted.metric,
                }
                how = {"scorers": (wanted.scorer,), "setting": Scoring(**wanted.setting)}  # type: ignore[arg-type]
                rankings[str(_ranking(wanted))] = Ranking.model_validate({**where, **how})
        if claim.study is not None and exists(studies, claim.study.study):
            uses.setdefault(_study(claim.study), (claim.study, set()))[1].update(
                seeds - held.measured(claim.study).keys()
            )
    return Plan(
        experiment=tuple(
            _experiment(setting, tuple(sorted(seeds)), reported[search])
            for search, (setting, seeds) in experiments.items()
            if seeds
        ),
        ranking=tuple(rankings.values()),
        study=tuple(
            StudyUse(name=use.study, seeds=tuple(sorted(seeds)), **use.params)
            for use, seeds in uses.values()
            if seeds
        ),
    )


def exists(registry: Registry[Any], name: str) -> bool:
    """Whether a registry has that name; imports no more files than it must."""
    try:
        registry.get(name)
    except UnknownName:
        return False
    return True


def tabulated(oracle: str) -> int:
    """How many architectures an oracle's rankings can be over, in all.

    The rows of its table (digits201 has one for functionally equal cells); but the whole space
    where the table is a part of a published one (nasbench101_slice), is not here, or does not
    exist.
    """
    space = oracles.get(oracle).info.space
    try:
        opened = load_oracle(oracle)
        return len(opened.archs()) if opened.space is space else len(space)
    except (DataMissing, NotTabulated):  # its table is not here; or it trains what it is asked for
        return len(space)


def _can_rank(wanted: Ranked, stored: dict[tuple[Any, ...], bool]) -> bool:
    """Whether a ranking is quick.

    Its scorer needs no networks, or the scores of enough of them are stored; to score them takes
    hours.
    """
    if not exists(scorers, wanted.scorer):
        return False
    if not scorers.get(wanted.scorer).needs_network:
        return True
    key = (
        wanted.scorer,
        wanted.oracle,
        wanted.dataset,
        wanted.epochs,
        json.dumps(wanted.setting, sort_keys=True),
    )
    if key not in stored:
        try:
            oracle = load_oracle(wanted.oracle)
            ranking = rank_key(oracle, wanted.scorer, wanted.dataset, wanted.epochs)
            found = of_networks(ranking, oracle, Scoring(**wanted.setting))  # type: ignore[arg-type]
            stored[key] = found.sample >= min(SAMPLE, len(oracle.archs()))
        except DataMissing:
            stored[key] = True  # the plan says so
        except NasreproError:
            stored[key] = False
    return stored[key]


def seeds_of(claim: Claim, block: int = 0) -> range:
    """The seeds a claim is judged with.

    0..n-1, or the `block`-th n of them, none of which another block has.
    """
    return range(block * claim.seeds, (block + 1) * claim.seeds)


def _experiment(setting: Setting, seeds: tuple[int, ...], datasets: set[str]) -> Experiment:
    order = [dataset.name for dataset in oracles.get(setting.oracle).info.datasets]
    return Experiment(
        oracle=setting.oracle,
        methods=(MethodUse(name=setting.method, **setting.params),),
        datasets=(setting.searched_on,),
        report_datasets=tuple(sorted(datasets, key=order.index)),
        search_epochs=setting.search_epochs,
        report_epochs=setting.epochs,
        search_seed=setting.search_seed,
        budgets=(Budget(setting.budget_s, setting.budget_queries),),
        seeds=seeds,
    )


def scale_of(oracle: str, metric: str, dataset: str) -> float:
    """100 for what is a fraction here and percent in the papers, else 1."""
    info = oracles.get(oracle).info
    found = info.target_of(dataset) if metric == "regret" else info.metric(metric)
    return 100.0 if found.unit == "fraction" else 1.0


def _text(setting: Setting) -> str:
    return json.dumps(setting.model_dump(), sort_keys=True)


def _search(setting: Setting) -> str:
    """What the searches of two settings must share to be the same."""
    return json.dumps(setting.model_dump(exclude={"dataset", "metric"}), sort_keys=True)


def _place(setting: Setting, params: Mapping[str, Any]) -> tuple[Any, ...]:
    info = oracles.get(setting.oracle).info
    info.dataset(setting.dataset)
    if setting.metric != "regret":
        info.metric(setting.metric)
    budget = Budget(setting.budget_s, setting.budget_queries)
    lengths = setting.search_epochs, setting.epochs, setting.search_seed
    return (
        setting.oracle,
        setting.searched_on,
        setting.method,
        json.dumps(params, sort_keys=True),
        *lengths,
        budget,
    )


def _place_of(run: RunRecord) -> tuple[Any, ...]:
    key, protocol = run.key, run.key.protocol
    lengths = protocol.search_epochs, protocol.report_epochs, protocol.search_seed
    return (
        key.oracle,
        key.dataset,
        key.method,
        json.dumps(key.params, sort_keys=True),
        *lengths,
        key.budget,
    )


def _ranking(wanted: Ranked) -> tuple[Any, ...]:
    metric = wanted.metric or oracles.get(wanted.oracle).info.target_of(wanted.dataset).name
    setting = json.dumps(Scoring(**wanted.setting).changed, sort_keys=True)  # type: ignore[arg-type]
    return wanted.scorer, wanted.oracle, wanted.dataset, wanted.epochs, metric, setting


def _study(wanted: Measured) -> str:
    return _named(
        wanted.study,
        studies.get(wanted.study).params(wanted.params)
        if exists(studies, wanted.study)
        else wanted.params,
    )


def _named(study: str, params: Mapping[str, Any]) -> str:
    return json.dumps([study, dict(params)], sort_keys=True)
