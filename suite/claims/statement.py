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


#: What a figure of ours says: the published procedure was measured again; the paper's own numbers,
#: networks, logs or simulator were computed again; or it is of our reconstruction or adaptation.
Grade = Literal["measured", "own data", "ours"]


#: What a blocked claim waits for: scores of networks, which take CPU time; trainings at full
#: length, on ImageNet or of a supernet; tables, logs or images that are not public; the machine
#: that a time was taken on; a definition or a network that no text read has; code that is not
#: written.
Lack = Literal["scores", "training", "data", "machine", "definition", "code"]


class OwnMargin(Strict):
    """A margin that is not the rule's, and why."""

    width: float = Field(ge=0)
    why: str = Field(min_length=1)


class OwnReplicates(Strict):
    """A number of replicates that is not the rule's, and why."""

    n: int = Field(gt=0)
    why: str = Field(min_length=1)


class Statement(Strict):
    """One published statement.

    Attributes:
        id: unique, `<paper>-<what>`.
        paper, title, file: arXiv number or citation, title, and the name of the claims' file.
        statement: in our words.
        where: table, figure or section.
        source: how the text is known.
        value, unit: as published; in percent for accuracies.
        digits: decimals that `value` is printed with, where its last one is a zero.
        spread: standard deviation as published.
        n: number of runs behind it.
        test: whether ours must be about, at least or at most the published value.
        grade: what our figure says of the paper, where it is not what its kind says.
        margin, replicates: in place of the rules' (see `margins`), each with its reason; the claim
            is then listed, and not in the headline.
        reason: what of ours stands for something of theirs.
        level: of an order's test.
        long: our figure takes more than minutes to measure.
        needs: what is missing, where it cannot be tested here or was not yet.
        lacks, cpu_s: the kind of thing that is missing (of rankings it is scores), and the CPU
            seconds that it takes, where that was measured.
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
    digits: int | None = Field(default=None, ge=0, le=6)
    spread: float | None = Field(default=None, ge=0)
    n: int | None = Field(default=None, gt=0)
    test: Literal["about", "at least", "at most"] = "about"
    grade: Grade | None = None
    margin: OwnMargin | None = None
    replicates: OwnReplicates | None = None
    reason: str = ""
    level: float = Field(default=0.05, gt=0, lt=1)
    long: bool = False
    needs: str = ""
    lacks: Lack | None = None
    cpu_s: float | None = Field(default=None, gt=0)
    reading: str = ""

    @property
    def by_rule(self) -> bool:
        """Whether margin and number of replicates are the rules'."""
        return self.margin is None and self.replicates is None
