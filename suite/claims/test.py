"""How a claim is tested: what every kind of claim has."""

from __future__ import annotations

from typing import Protocol

from nasrepro.suite.claims.context import Context
from nasrepro.suite.claims.needs import Need
from nasrepro.suite.claims.rules import Finding
from nasrepro.suite.claims.statement import Grade, Statement


class Test(Protocol):
    """A frozen model (`statement.Strict`) of what a claim's table holds."""

    @property
    def kind(self) -> str:
        """The key of a claim that holds the table; a `Literal` with itself as default."""

    @property
    def grade(self) -> Grade:
        """What the figure says of the paper."""

    def seeds(self, claim: Statement, block: int = 0) -> range:
        """The seeds that it is judged with, or those of another, disjoint block; maybe none."""

    def needs(self) -> tuple[Need, ...]:
        """The results that it takes from a store."""

    def judge(self, claim: Statement, context: Context) -> Finding:
        """Puts them to a rule of `rules`."""
