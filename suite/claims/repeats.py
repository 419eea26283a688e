"""Verdicts again, by other evidence: how stable they are.

What a verdict rests on is varied, by its kind:

    seeds           of searches, orders and studies: block b of a claim of n seeds is judged by the
                    seeds b n .. (b + 1) n - 1, so that no run counts in two blocks; the runs are
                    kept in a store of their own; likewise of what one measurement holds several
                    of, pre-trainings say
    resampled seeds of the same where runs are slow and disjoint blocks were not asked for: the runs
                    there are, drawn with replacement, pairs together
    architectures and draws
                    of rankings: the architectures resampled, the weights and images drawn anew
    BLAS kernel     of all: the verdicts by a store of the same runs made under another one

Arithmetic, look-ups and counts have nothing to vary. Each verdict is held against that by the
store, before what was measured of its stability counts. Orders are corrected among those that are
varied alike, a smaller family than the paper's: a p value near its limit may come out smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from nasrepro.suite.claims.evidence import Evidence, gather
from nasrepro.suite.claims.fragility import Fragility
from nasrepro.suite.claims.judging import Verdict, context_of, judged, with_family
from nasrepro.suite.claims.kinds import Ranking
from nasrepro.suite.claims.margins import REPLICATES
from nasrepro.suite.claims.model import Claim
from nasrepro.suite.claims.plans import missing
from nasrepro.suite.claims.rules import named
from nasrepro.suite.errors import DataMissing, NasreproError
from nasrepro.suite.experiments.kind import Cell
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store

#: How many repeats the command and the nightly test judge by.
BLOCKS = 20
#: Verdicts that say nothing that could flip.
_SILENT = ("not judged", "blocked")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Repeat:
    """A claim's verdict by other evidence.

    Attributes:
        claim: its id.
        first: the verdict by the store.
        varied: what is another one here.
        number: of the repeat, from 1.
        verdict, why: by the other evidence.
    """

    claim: str
    first: str
    varied: str
    number: int
    verdict: str
    why: str

    @property
    def flipped(self) -> bool:
        """Whether it is another verdict."""
        return self.verdict != self.first


def bare(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """The claims as if nothing was known of their verdicts' stability."""
    return tuple(claim.model_copy(update={"fragility": ()}) for claim in claims)


def first_verdicts(
    claims: Sequence[Claim], context: Sequence[Claim], store: Store
) -> dict[str, Verdict]:
    """The verdicts that a store gives, by the claims' ids, of those that it can judge."""
    needs = [need for claim in with_family(claims, context) for need in claim.results]
    verdicts = judged(bare(claims), gather(store, needs), bare(context))
    return {verdict.claim.id: verdict for verdict in verdicts if verdict.verdict not in _SILENT}


def by_seeds(
    first: Mapping[str, Verdict],
    context: Sequence[Claim],
    runs: Store,
    blocks: int,
    *,
    long: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, label: None,
) -> tuple[list[Repeat], dict[str, DataMissing]]:
    """Judge by disjoint blocks of seeds what runs in minutes; run what `runs` lacks of them.

    Block after block, so that what was run before an interruption has whole ones.

    Args:
        first: see `first_verdicts`.
        context: all claims; see `nasrepro.suite.claims.plans.missing`.
        runs: keeps the runs of the blocks.
        blocks: how many.
        long: also what takes longer.
        workers: processes.
        progress: called after each run.

    Returns:
        The verdicts, and what could not run because a table is not here, by its name.

    Raises:
        NasreproError: a run failed.
    """
    claims = [each.claim for each in first.values() if _rests_on_seeds(each.claim)]
    claims = [claim for claim in claims if long or not claim.long]
    numbers = range(1, blocks + 1)
    moved = {number: [claim.in_block(number) for claim in claims] for number in numbers}
    needs = [need for each in moved.values() for claim in each for need in claim.results]
    held = gather(runs, needs)
    cells: list[Cell] = []
    left_out: dict[str, DataMissing] = {}
    for number in numbers:
        lacking, without = missing(moved[number], held, context, block=number, long=long)
        cells += lacking
        left_out |= without
    if cells:
        executor = "inline" if workers == 1 else "processes"
        outcome = run_cells(cells, runs, executor=executor, workers=workers, progress=progress)
        if failed := outcome.failed:
            raise NasreproError(f"{len(failed)} runs failed: {failed[0].error.strip()}")
        held = gather(runs, needs)
    found = []
    for number in numbers:
        verdicts = judged(moved[number], held, moved[number], block=number)
        found += _repeats(first, verdicts, "seeds", number)
    return found, left_out


def by_resampling(
    first: Mapping[str, Verdict],
    context: Sequence[Claim],
    store: Store,
    repeats: int,
    *,
    long: bool = True,
) -> list[Repeat]:
    """Judge slow runs by resampled seeds, rankings by other architectures and draws; run nothing.

    Arguments as for `by_seeds`; `store` is the one that gave the first verdicts. Without `long`,
    rankings alone.
    """
    claims = [each.claim for each in first.values()]
    slow = [claim for claim in claims if long and claim.long and _rests_on_seeds(claim)]
    # One measurement has no seeds to draw from, whatever it holds: it takes blocks.
    slow = [claim for claim in slow if len(claim.seeds_of()) > 1]
    rankings = [claim for claim in claims if isinstance(claim.how, Ranking)]
    family = with_family([*slow, *rankings], bare(context))
    evidence = gather(store, [need for claim in family for need in claim.results])
    judged_in = context_of(evidence, bare(context))
    found = []
    for number in range(1, repeats + 1):
        verdicts = judged(slow, _redrawn(evidence, number), family)
        found += _repeats(first, verdicts, "resampled seeds", number)
        for claim in rankings:
            assert isinstance(claim.how, Ranking)
            other = claim.how.again(claim, judged_in, number)
            if other is not None:
                verdict = named(other.verdict, claim.said)
                said = first[claim.id].verdict
                words = "architectures and draws"
                found.append(Repeat(claim.id, said, words, number, verdict, other.why))
    return found


def by_store(first: Mapping[str, Verdict], context: Sequence[Claim], other: Store) -> list[Repeat]:
    """Judge by a store of the same runs that were made under another BLAS kernel."""
    claims = [each.claim for each in first.values()]
    verdicts = first_verdicts(claims, context, other)
    return _repeats(first, verdicts.values(), "BLAS kernel", 1)


def measured(repeats: Iterable[Repeat], claims: Sequence[Claim]) -> list[tuple[str, Fragility]]:
    """How often each claim's verdict flipped, by what was varied."""
    tests = {claim.id: claim.test_hash for claim in claims}
    flips: dict[tuple[str, str], list[bool]] = {}
    for repeat in repeats:
        flips.setdefault((repeat.claim, repeat.varied), []).append(repeat.flipped)
    return [
        (id, Fragility(varied=varied, repeats=len(each), flips=sum(each), test=tests[id]))
        for (id, varied), each in flips.items()
    ]


def _rests_on_seeds(claim: Claim) -> bool:
    return claim.seeds_of(1) != claim.seeds_of(0)


def _repeats(
    first: Mapping[str, Verdict], verdicts: Iterable[Verdict], varied: str, number: int
) -> list[Repeat]:
    return [
        Repeat(
            verdict.claim.id,
            first[verdict.claim.id].verdict,
            varied,
            number,
            verdict.verdict,
            verdict.why,
        )
        for verdict in verdicts
        if verdict.verdict not in _SILENT
    ]


def _redrawn(evidence: Evidence, number: int) -> Evidence:
    """The evidence with the first seeds, as many as slow runs have, drawn with replacement.

    The same ones of every search, so that pairs stay pairs.
    """
    rng = np.random.default_rng(number)
    searched, studied = (
        dict(enumerate(rng.integers(count, size=count).tolist()))
        for count in (REPLICATES["search"].long, REPLICATES["study"].long)
    )
    runs = {key: _mapped(figures, searched) for key, figures in evidence.runs.items()}
    studies = {key: _mapped(records, studied) for key, records in evidence.studies.items()}
    return replace(evidence, runs=runs, studies=studies)


def _mapped(results: Mapping[int, Result], drawn: Mapping[int, int]) -> dict[int, Result]:
    """The results by seed, those of the seeds in `drawn` replaced by what was drawn."""
    return {seed: results.get(drawn.get(seed, seed), own) for seed, own in results.items()}
