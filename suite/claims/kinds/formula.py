"""Arithmetic that a published number must follow from."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from nasrepro.suite.claims.context import Context
from nasrepro.suite.claims.formula import bounds, evaluate, half_digit, names_in
from nasrepro.suite.claims.needs import Need
from nasrepro.suite.claims.rules import LEVEL, Finding, follows
from nasrepro.suite.claims.statement import READ, Grade, Source, Statement, Strict
from nasrepro.suite.statistics import Interval


class Figure(Strict):
    """A number in a formula: of another claim, or given with its source.

    Attributes:
        claim: id of a claim of the same file, whose published value it is.
        value, source, where: the number itself, how its text is known, and where it stands.
        within: how far rounding may have moved it; half a unit of its last digit if not given.
    """

    claim: str = ""
    value: float | None = None
    source: Source = "paper"
    where: str = ""
    within: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Figure:
        if bool(self.claim) == (self.value is not None and bool(self.where)):
            raise ValueError("a figure has either `claim`, or `value` with `source` and `where`")
        return self


class Formula(Strict):
    """Arithmetic over published numbers.

    Attributes:
        text: numbers, names, + - * / and brackets.
        figures: what each name stands for.
    """

    kind: Literal["formula"] = "formula"
    grade: ClassVar[Grade] = "own data"
    text: str
    figures: dict[str, Figure]

    @model_validator(mode="after")
    def _named(self) -> Formula:
        if wrong := sorted(names_in(self.text) ^ set(self.figures)):
            raise ValueError(f"the names of `text` and of `figures` differ: {', '.join(wrong)}")
        return self

    @property
    def read(self) -> bool:
        """Whether the text behind every figure was read."""
        return all(figure.claim or figure.source in READ for figure in self.figures.values())

    def seeds(self, claim: Statement, block: int = 0) -> range:
        """None."""
        return range(0)

    def needs(self) -> tuple[Need, ...]:
        """Nothing of a store."""
        return ()

    def judge(self, claim: Statement, context: Context) -> Finding:
        """By `rules.follows`."""
        values = {
            name: context.published[figure.claim] if figure.claim else figure.value or 0.0
            for name, figure in self.figures.items()
        }
        slack = {
            name: half_digit(values[name]) if figure.within is None else figure.within
            for name, figure in self.figures.items()
        }
        low, high = bounds(self.text, values, slack)
        ours = Interval(evaluate(self.text, values), low, high, 1, LEVEL)
        return follows(claim, self.text, ours, values)
