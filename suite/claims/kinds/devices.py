"""The latencies of two devices against each other."""

from __future__ import annotations

from typing import ClassVar, Literal

from nasrepro.suite.claims.context import Context
from nasrepro.suite.claims.needs import Need
from nasrepro.suite.claims.rules import Finding, point, within, without_interval
from nasrepro.suite.claims.statement import Statement, Strict
from nasrepro.suite.errors import DataMissing
from nasrepro.suite.oracle import agreement
from nasrepro.suite.registry import load_devices


class Devices(Strict):
    """Spearman's rho of two devices' latencies, over the architectures that both have."""

    kind: Literal["devices"] = "devices"
    needs_margin: ClassVar[bool] = True
    first: str
    second: str
    dataset: str

    def needs(self) -> tuple[Need, ...]:
        """Nothing of a store."""
        return ()

    def judge(self, claim: Statement, context: Context) -> Finding:
        """By `rules.within`, as a point: the tables hold all there is."""
        names = self.first, self.second
        try:
            columns = [load_devices(name).values(name, self.dataset) for name in names]
        except DataMissing as error:
            return Finding("not judged", why=str(error))
        rho, count = agreement(columns)
        ours = point(float(rho[0, 1]), int(count[0, 1]))
        return without_interval(within(claim, ours))
