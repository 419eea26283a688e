"""Judging: claims against what a store holds; the rules themselves are in `rules`.

A claim whose method, scorer or study does not exist, or whose results this machine lacks, is
"blocked" where it says what it needs, and else "not judged", which says nothing of the claim.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from nasrepro.suite.claims.context import Context
from nasrepro.suite.claims.evidence import Evidence, gather
from nasrepro.suite.claims.kinds import Order, StudyRow
from nasrepro.suite.claims.kinds.order import corrected
from nasrepro.suite.claims.model import Claim
from nasrepro.suite.claims.rules import CorrectedTest, Finding, named
from nasrepro.suite.errors import DataMissing
from nasrepro.suite.experiments.store import Store


@dataclass(frozen=True, slots=True)
class Verdict(Finding):
    """A claim, judged: its published number is `claim.value`, the record `claim.recorded`."""

    claim: Claim = field(kw_only=True)

    @property
    def changed(self) -> bool:
        """Whether this differs from the recorded verdict, by more than the machine.

        A time that was measured on another machine than the recorded one is no change.
        """
        how = self.claim.how
        timed = isinstance(how, StudyRow) and how.timed(self.claim)
        return self.differs and not (self.claim.recorded and timed)

    @property
    def differs(self) -> bool:
        """Whether this differs from the recorded verdict.

        Nothing differs where nothing could be judged. A claim that is recorded as blocked for want
        of data that this machine has is no change either: its verdict holds for those who have the
        data.
        """
        return self.verdict not in ("not judged", self.claim.recorded) and (
            self.claim.recorded != "blocked"
        )


_FIELDS = [each.name for each in fields(Finding)]


def judge_all(
    wanted: Sequence[Claim],
    store: Store,
    *,
    claims: Sequence[Claim] | None = None,
    block: int = 0,
) -> tuple[Verdict, ...]:
    """Judge claims by what a store holds; nothing is run.

    Args:
        wanted: the claims.
        store: results.
        claims: those among which orders are corrected and formulas look up figures; `wanted`
            itself if None.
        block: which seeds; see `Claim.seeds_of`.
    """
    context = wanted if claims is None else claims
    needs = [need for claim in with_family(wanted, context) for need in claim.results]
    return judged(wanted, gather(store, needs), context, block=block)


def with_family(wanted: Sequence[Claim], context: Sequence[Claim]) -> tuple[Claim, ...]:
    """Claims, and the other orders of their papers, which the correction of theirs rests on."""
    papers = {claim.paper for claim in wanted if claim.kind == "order"}
    family = [claim for claim in context if claim.kind == "order" and claim.paper in papers]
    return tuple({claim.id: claim for claim in (*wanted, *family)}.values())


def judged(
    wanted: Sequence[Claim], evidence: Evidence, claims: Sequence[Claim], *, block: int = 0
) -> tuple[Verdict, ...]:
    """Judge claims by evidence; see `judge_all`."""
    context = context_of(evidence, claims, block)
    return tuple(_judge(claim, context) for claim in wanted)


def context_of(evidence: Evidence, claims: Sequence[Claim], block: int = 0) -> Context:
    """What claims are judged in: see `Context`."""
    published = {claim.id: claim.value for claim in claims if claim.value is not None}
    return Context(evidence, _orders(claims, evidence, block), published, block)


def _orders(claims: Sequence[Claim], evidence: Evidence, block: int) -> dict[str, CorrectedTest]:
    """The tests of all orders that have their runs, corrected within each paper."""
    by_paper: dict[str, dict[str, CorrectedTest]] = defaultdict(dict)
    for claim in claims:
        if not isinstance(claim.how, Order) or any(need.absent for need in claim.results):
            continue
        test = claim.how.paired(evidence, claim.seeds_of(block))
        if test is not None:
            by_paper[claim.paper][claim.id] = test
    return {id: test for family in by_paper.values() for id, test in corrected(family).items()}


def _judge(claim: Claim, context: Context) -> Verdict:
    finding = _finding(claim, context)
    if finding.verdict == "not judged" and claim.needs and claim.recorded in ("blocked", ""):
        finding = Finding("blocked", why=claim.needs)
    if claim.unstable and finding.verdict in ("reproduced", "not reproduced"):
        finding = replace(finding, verdict="inconclusive", why=f"{claim.unstable}: {finding.why}")
    shared = {name: getattr(finding, name) for name in _FIELDS}
    return Verdict(**{**shared, "verdict": named(finding.verdict, claim.said)}, claim=claim)


def _finding(claim: Claim, context: Context) -> Finding:
    if claim.how is None:
        return Finding("not judged")
    for need in claim.results:
        if need.absent:
            return Finding("not judged", why=need.absent)
    try:
        return claim.how.judge(claim, context)
    except DataMissing as error:  # a result is here, the table that it is compared with is not
        return Finding("not judged", why=str(error))
