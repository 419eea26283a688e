"""The cells that claims need and a store lacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from nasrepro.suite.claims.evidence import SAMPLE, Evidence
from nasrepro.suite.claims.model import Claim
from nasrepro.suite.claims.needs import Measured, Ranked, Searched
from nasrepro.suite.errors import DataMissing, ScoresMissing
from nasrepro.suite.experiments.cells import cells_of
from nasrepro.suite.experiments.kind import Cell
from nasrepro.suite.experiments.kinds.ranking import Ranking, RankRecord, of_networks, rank_key
from nasrepro.suite.experiments.kinds.search import Experiment, MethodUse
from nasrepro.suite.experiments.kinds.study import StudyUse
from nasrepro.suite.experiments.plan import Plan
from nasrepro.suite.registry import load_oracle, oracles, scorers


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
        block: see `Claim.seeds_of`.
        long: also what takes more than minutes.

    Returns:
        The cells, and what cannot run because a table is not here: by its name.
    """
    left_out: dict[str, DataMissing] = {}
    plan = plan_of(claims, context, evidence, block=block, long=long)
    return cells_of(plan, missing=left_out.__setitem__), left_out


@dataclass(frozen=True, slots=True)
class Lacking:
    """Results that claims need and a store lacks.

    Attributes:
        what: in words.
        have, count: results there are, and that it takes.
        claims: ids of those that need them.
        long: they take more than minutes.
        needs: what is missing besides, where the claims say so.
    """

    what: str
    have: int
    count: int
    claims: tuple[str, ...]
    long: bool
    needs: str


def lacking(claims: Iterable[Claim], evidence: Evidence) -> list[Lacking]:
    """What claims need and a store lacks, each result once, in the order of the claims."""
    found: dict[Hashable, Lacking] = {}
    for claim in claims:
        seeds = claim.seeds_of()
        for need in claim.results:
            if need.absent:
                continue
            if isinstance(need, Ranked):
                have, count = int(evidence.ranked(need) is not None), 1
            else:
                held = (
                    evidence.searched(need)
                    if isinstance(need, Searched)
                    else evidence.measured(need)
                )
                have, count = sum(seed in held for seed in seeds), len(seeds)
            if have == count:
                continue
            key = need.search if isinstance(need, Searched) else need.key
            known = found.get(key)
            others = known.claims if known else ()
            long = claim.long and (known is None or known.long)
            most = max(count, known.count if known else 0)
            found[key] = Lacking(str(need), have, most, (*others, claim.id), long, claim.needs)
    return list(found.values())


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
    searches: dict[Hashable, tuple[Searched, set[int]]] = {}
    rankings: dict[Hashable, Ranked] = {}
    studies: dict[Hashable, tuple[Measured, set[int]]] = {}
    for claim in claims:
        if claim.long and not long:
            continue
        seeds = set(claim.seeds_of(block))
        for need in claim.results:
            if need.absent:
                continue
            if isinstance(need, Searched):
                lacking = seeds - held.searched(need).keys()
                searches.setdefault(need.search, (need, set()))[1].update(lacking)
            elif isinstance(need, Measured):
                lacking = seeds - held.measured(need).keys()
                studies.setdefault(need.key, (need, set()))[1].update(lacking)
            elif (record := held.ranked(need)) is None or _outgrown(record, need):
                rankings[need.key] = need
    reported = _reported(context)
    return Plan(
        experiment=tuple(
            _experiment(need, tuple(sorted(seeds)), reported[search])
            for search, (need, seeds) in searches.items()
            if seeds
        ),
        ranking=tuple(_ranking(need) for need in rankings.values() if _is_quick(need)),
        study=tuple(
            StudyUse(name=need.study, seeds=tuple(sorted(seeds)), **need.params)
            for need, seeds in studies.values()
            if seeds
        ),
    )


def _reported(context: Iterable[Claim]) -> dict[Hashable, set[str]]:
    """The data sets on which each search is reported."""
    reported: dict[Hashable, set[str]] = defaultdict(set)
    for claim in context:
        for need in claim.results:
            if isinstance(need, Searched) and not need.absent:
                reported[need.search].add(need.dataset)
    return reported


def _experiment(need: Searched, seeds: tuple[int, ...], datasets: set[str]) -> Experiment:
    order = [dataset.name for dataset in oracles.get(need.oracle).info.datasets]
    return Experiment(
        oracle=need.oracle,
        methods=(MethodUse(name=need.method, **need.params),),
        datasets=(need.searched_on,),
        report_datasets=tuple(sorted(datasets, key=order.index)),
        search_epochs=need.search_epochs,
        report_epochs=need.epochs,
        search_seed=need.search_seed,
        budgets=(need.budget,),
        seeds=seeds,
    )


def _ranking(need: Ranked) -> Ranking:
    return Ranking(
        oracle=need.oracle,
        scorers=(need.scorer,),
        datasets=(need.dataset,),
        epochs=need.epochs,
        metric=need.metric,
        setting=need.scoring,
    )


def _is_quick(need: Ranked) -> bool:
    """Whether a ranking is quick.

    Its scorer needs no networks, or the scores of enough of them are stored; to score them takes
    hours.
    """
    if not scorers.get(need.scorer).needs_network:
        return True
    try:
        return _scored(need) >= min(SAMPLE, len(load_oracle(need.oracle).archs()))
    except DataMissing:
        return True  # the plan says so


def _scored(need: Ranked) -> int:
    """How many networks are scored by now.

    Raises:
        DataMissing: the table is not here.
    """
    oracle = load_oracle(need.oracle)
    key = rank_key(oracle, need.scorer, need.dataset, need.epochs)
    try:
        return of_networks(key, oracle, need.scoring).sample
    except ScoresMissing:
        return 0


def _outgrown(record: RankRecord, need: Ranked) -> bool:
    """Whether more networks are scored by now than when they were ranked."""
    try:
        return bool(record.key.sample) and record.key.sample < _scored(need)
    except DataMissing:
        return False
