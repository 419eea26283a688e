"""What a claim is judged in: the evidence, and what it shares with the other claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nasrepro.suite.claims.comparisons import Comparisons
from nasrepro.suite.claims.evidence import Evidence
from nasrepro.suite.claims.needs import Measured, Need
from nasrepro.suite.claims.rules import CorrectedTest, Finding
from nasrepro.suite.claims.statement import Statement
from nasrepro.suite.registry import oracles


@dataclass(frozen=True, slots=True)
class Context:
    """What a claim is judged in.

    Attributes:
        evidence: what the store holds.
        orders: the corrected test of every order that has its runs, by the claim's id.
        published: the value of every claim that has one, by id: formulas look them up.
        block: which seeds; see `Claim.seeds_of`.
        comparisons: of rankings, each made once.
    """

    evidence: Evidence
    orders: Mapping[str, CorrectedTest]
    published: Mapping[str, float]
    block: int = 0
    comparisons: Comparisons = field(default_factory=Comparisons)

    def lacking(self, claim: Statement, need: Need, have: int, count: int, what: str) -> Finding:
        """The finding where the store has `have` of `count` results; it says what to do."""
        passed_over = self.evidence.passed_over(need)
        why = f"the store has {have} of the {count} {what} it takes{passed_over}"
        return Finding("not judged", why=why + how_to_get(claim, need))


def how_to_get(claim: Statement, need: Need) -> str:
    """What to run for a result that a store lacks, as the end of a sentence."""
    if not isinstance(need, Measured):
        info = oracles.get(need.oracle).info
        if info.table is not None and not info.table.path.exists():
            command = f"nasrepro data fetch {info.name}"
            return f": the table of {info.name} is not installed; get it with: {command}"
    if claim.long:
        return f"; it takes long: nasrepro claims --long --id {claim.id}"
    return "; run them with: nasrepro claims"
