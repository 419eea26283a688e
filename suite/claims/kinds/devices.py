"""The latencies of two devices against each other."""

from __future__ import annotations

from typing import ClassVar, Literal

from nasrepro.suite.claims.context import Context
from nasrepro.suite.claims.needs import Need
from nasrepro.suite.claims.rules import Finding, exact
from nasrepro.suite.claims.statement import Grade, Statement, Strict
from nasrepro.suite.errors import DataMissing
from nasrepro.suite.oracle import agreement
from nasrepro.suite.registry import load_devices


class Devices(Strict):
    """Spearman's rho of two devices' latencies, over the architectures that both have."""

    kind: Literal["devices"] = "devices"
    grade: ClassVar[Grade] = "own data"
    first: str
    second: str
    dataset: str

    def seeds(self, claim: Statement, block: int = 0) -> range:
        """None."""
        return range(0)

    def needs(self) -> tuple[Need, ...]:
        """Nothing of a store."""
        return ()

    def judge(self, claim: Statement, context: Context) -> Finding:
        """By `rules.exact`: the tables hold all there is."""
        names = self.first, self.second
        try:
            columns = [load_devices(name).values(name, self.dataset) for name in names]
        except DataMissing as error:
            return Finding("not judged", why=str(error))
        rho, count = agreement(columns)
        return exact(claim, float(rho[0, 1]), n=int(count[0, 1]))
