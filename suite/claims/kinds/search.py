"""The mean that a search reaches, over its seeds."""

from __future__ import annotations

from typing import ClassVar, Literal

from nasrepro.suite.claims.context import Context
from nasrepro.suite.claims.margins import REPLICATES, block_of, replicates
from nasrepro.suite.claims.needs import Searched
from nasrepro.suite.claims.rules import Finding, mean_within
from nasrepro.suite.claims.statement import Grade, Statement


class Search(Searched):
    """The mean of a search's figure over seeds, with its interval."""

    kind: Literal["search"] = "search"
    grade: ClassVar[Grade] = "measured"

    def seeds(self, claim: Statement, block: int = 0) -> range:
        """Those of a block; see `margins.replicates`."""
        return block_of(replicates(claim, "search"), block)

    def needs(self) -> tuple[Searched, ...]:
        """The runs."""
        return (self,)

    def judge(self, claim: Statement, context: Context) -> Finding:
        """By `rules.mean_within`."""
        figures, seeds = context.evidence.searched(self), self.seeds(claim, context.block)
        have = sum(seed in figures for seed in seeds)
        if have < len(seeds):
            return context.lacking(claim, self, have, len(seeds), "runs")
        return mean_within(
            claim, "accuracy", [figures[seed] for seed in seeds], REPLICATES["search"].least
        )
