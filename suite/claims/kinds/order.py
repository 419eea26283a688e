"""Two searches, of which one is said to be better."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from nasrepro.suite.claims.context import Context
from nasrepro.suite.claims.evidence import Evidence
from nasrepro.suite.claims.margins import REPLICATES, block_of, replicates
from nasrepro.suite.claims.needs import Searched
from nasrepro.suite.claims.rules import RESAMPLES, CorrectedTest, Finding, ordered
from nasrepro.suite.claims.statement import Grade, Statement, Strict
from nasrepro.suite.registry import oracles
from nasrepro.suite.statistics import holm, mean_ranks, paired_test


class Order(Strict):
    """Two searches, paired over seeds, that differ in method and parameters alone.

    Attributes:
        search: the one that is said to be better.
        than, than_params: method and parameters of the other.
    """

    kind: Literal["order"] = "order"
    grade: ClassVar[Grade] = "measured"
    search: Searched
    than: str
    than_params: dict[str, object] = Field(default_factory=dict)

    @property
    def other(self) -> Searched:
        """The one that is said to be worse."""
        return self.search.model_copy(update={"method": self.than, "params": self.than_params})

    def seeds(self, claim: Statement, block: int = 0) -> range:
        """Those of a block; see `margins.replicates`."""
        return block_of(replicates(claim, "order"), block)

    def needs(self) -> tuple[Searched, ...]:
        """The runs of both."""
        return self.search, self.other

    def judge(self, claim: Statement, context: Context) -> Finding:
        """By `rules.ordered`."""
        if claim.id in context.orders:
            return ordered(claim, context.orders[claim.id], REPLICATES["order"].least)
        seeds = self.seeds(claim, context.block)
        figures = [context.evidence.searched(need) for need in self.needs()]
        counts = [sum(seed in each for seed in seeds) for each in figures]
        fewer = int(np.argmin(counts))
        return context.lacking(claim, self.needs()[fewer], counts[fewer], len(seeds), "runs")

    def paired(self, evidence: Evidence, seeds: range) -> CorrectedTest | None:
        """The paired test, not yet corrected; None where runs are missing."""
        first, second = (evidence.searched(need) for need in self.needs())
        if not all(seed in first and seed in second for seed in seeds):
            return None
        metric, info = self.search.metric, oracles.get(self.search.oracle).info
        up = metric != "regret" and info.metric(metric).higher_is_better
        better, worse = (first, second) if up else (second, first)
        a = np.array([better[seed][1] for seed in seeds])
        b = np.array([worse[seed][1] for seed in seeds])
        test = paired_test(a, b, resamples=RESAMPLES)
        runs = tuple(figures[seed][0] for figures in (first, second) for seed in seeds)
        spread = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2) if a.size > 1 else 0.0
        return CorrectedTest(test, test.p_value, 1, _agree(a - b), spread, runs)


def corrected(tests: dict[str, CorrectedTest]) -> dict[str, CorrectedTest]:
    """The tests of one paper's orders, Holm-corrected together."""
    p_values = holm([test.p_value for test in tests.values()])
    return {
        id: replace(each, p_value=float(p_value), family=len(tests))
        for (id, each), p_value in zip(tests.items(), p_values, strict=True)
    }


def _agree(differences: ArrayLike) -> bool:
    """Whether the signed ranks of differences have the sign of their mean."""
    nonzero = np.asarray(differences)
    nonzero = nonzero[nonzero != 0]  # as the test has it
    ranks = mean_ranks(np.unique(np.abs(nonzero), return_inverse=True)[1])
    return bool(np.sum(np.sign(nonzero) * ranks) * nonzero.sum() >= 0)
