"""What a paper states: the part of a claim that does not depend on how it is tested."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

#: How the text behind a number is known; what was not read is shown with a mark everywhere.
Source = Literal["paper", "code", "secondary", "recalled"]
#: The sources that were read.
READ: frozenset[Source] = frozenset({"paper", "code"})


class Strict(BaseModel):
    """A part of a claims file: no unknown field, no text for a number, no nan, no infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Statement(Strict):
    """One published statement.

    Attributes:
        id: unique, `<paper>-<what>`.
        paper, title, file: arXiv number or citation, title, and the name of the claims' file.
        statement: in our words.
        where: table, figure or section.
        source: how the text is known.
        value, unit: as published; in percent for accuracies.
        spread: standard deviation as published.
        n: number of runs behind it.
        test: whether ours must be about, at least or at most the published value.
        margin: how far off still counts as reproduced, in the unit of `value`.
        reason: of the margin, and of anything of ours that stands for something of theirs.
        seeds: search or study seeds of ours that it is judged with.
        level: of an order's test.
        long: our figure takes more than minutes to measure.
        needs: what is missing, where it cannot be tested here or was not yet.
        reading: what we make of the verdict, in a sentence or two.
    """

    id: str
    paper: str
    title: str = ""
    file: str = ""
    statement: str
    where: str
    source: Source
    value: float | None = None
    unit: str = ""
    spread: float | None = Field(default=None, ge=0)
    n: int | None = Field(default=None, gt=0)
    test: Literal["about", "at least", "at most"] = "about"
    margin: float | None = Field(default=None, ge=0)
    reason: str = ""
    seeds: int = Field(default=100, gt=0)
    level: float = Field(default=0.05, gt=0, lt=1)
    long: bool = False
    needs: str = ""
    reading: str = ""

    def seeds_of(self, block: int = 0) -> range:
        """The seeds it is judged with: 0..n-1, or the `block`-th n, disjoint from every other."""
        return range(block * self.seeds, (block + 1) * self.seeds)
