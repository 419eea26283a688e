"""A value that a table holds."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from nasrepro.suite.claims.context import Context
from nasrepro.suite.claims.evidence import scale_of
from nasrepro.suite.claims.needs import Need
from nasrepro.suite.claims.rules import Finding, exact
from nasrepro.suite.claims.statement import Grade, Statement, Strict
from nasrepro.suite.errors import DataMissing
from nasrepro.suite.registry import load_oracle


class Lookup(Strict):
    """A value of an architecture, or the best in the table: the mean over training seeds."""

    kind: Literal["lookup"] = "lookup"
    grade: ClassVar[Grade] = "own data"
    oracle: str
    dataset: str
    epochs: int
    metric: str
    arch: str = ""

    def seeds(self, claim: Statement, block: int = 0) -> range:
        """None."""
        return range(0)

    def needs(self) -> tuple[Need, ...]:
        """Nothing of a store."""
        return ()

    def judge(self, claim: Statement, context: Context) -> Finding:
        """By `rules.exact`."""
        try:
            oracle = load_oracle(self.oracle)
        except DataMissing as error:
            return Finding("not judged", why=str(error))
        if self.arch:
            arch = oracle.space.parse(self.arch)
            reading = oracle.query(arch, dataset=self.dataset, epochs=self.epochs)
            value = reading.values.get(self.metric, math.nan)
        else:
            value = oracle.best_value(self.dataset, self.epochs, self.metric)
        return exact(claim, value * scale_of(self.oracle, self.metric, self.dataset))
