"""What a claim is, and the files it stands in: `methods/claims/<paper>.toml`, or a user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nasrepro.suite.claims.formula import names_in
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.oracle import MEAN, Seed
from nasrepro.suite.scoring import ScoringSetting as Scoring

#: How the text behind a claim is known; what was not read is shown with a mark everywhere.
Source = Literal["paper", "code", "secondary", "recalled"]
#: How a claim is tested: see `nasrepro.suite.claims.judging`.
Kind = Literal[
    "value", "order", "correlation", "study", "speed", "complexity", "lookup", "derived", "blocked"
]
Judgement = Literal["reproduced", "not reproduced", "inconclusive", "blocked", "not judged"]
#: What can be recorded: "not judged" says nothing of the claim, only that this machine has no
#: results for it.
RECORDED: tuple[Judgement, ...] = ("reproduced", "not reproduced", "inconclusive", "blocked")

#: Fields of a claim of which one says how it is tested.
_TESTS = ("setting", "order", "ranking", "devices", "study", "complexity", "lookup", "formula")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Setting(_Strict):
    """Where a number about a search belongs.

    Attributes:
        oracle, method: by their names here.
        dataset, epochs, metric: what the number was measured on, after how long a training.
        searched_on, search_epochs, search_seed: what the search saw.
        params: those that differ from the method's defaults.
        budget_s, budget_queries: of the search.
    """

    oracle: str
    dataset: str
    searched_on: str
    method: str
    params: dict[str, object] = {}
    metric: str
    epochs: int
    search_epochs: int
    search_seed: Seed = MEAN
    budget_s: float | None = None
    budget_queries: int | None = None


class Order(_Strict):
    """Two searches of which the first is said to be better.

    They differ in method and parameters alone.
    """

    setting: Setting
    than: str
    than_params: dict[str, object] = {}

    @property
    def other(self) -> Setting:
        """The setting of the one that is said to be worse."""
        return self.setting.model_copy(update={"method": self.than, "params": self.than_params})


class Ranked(_Strict):
    """A scorer against a table.

    Attributes:
        oracle, dataset, epochs, metric: what it is compared with; the metric is the oracle's target
            if not given.
        scorer: its name.
        coefficient: a field of `nasrepro.suite.statistics.RankAgreement`, or what the architecture it scores
            best reaches.
        over: another scorer; the figure is then the difference of the two coefficients.
        absolute: without its sign, as some papers print it.
        setting: how networks are scored, where not by default; see `nasrepro.suite.scoring.ScoringSetting`.
    """

    oracle: str
    dataset: str
    epochs: int
    scorer: str
    metric: str = ""
    coefficient: Literal[
        "kendall", "spearman", "top_kendall", "precision_1", "precision_10", "best_value"
    ]
    over: str = ""
    absolute: bool = False
    setting: dict[str, object] = {}

    @model_validator(mode="after")
    def _known(self) -> Ranked:
        wrong = sorted(set(self.setting) - set(Scoring.__dataclass_fields__))
        if wrong:
            raise ValueError(
                f"`setting` has no {', '.join(wrong)}; it has {', '.join(Scoring.__dataclass_fields__)}"
            )
        return self

    @property
    def both(self) -> tuple[Ranked, ...]:
        """This one, and the one of the other scorer where there is one."""
        return (
            (self, self.model_copy(update={"scorer": self.over, "over": ""}))
            if self.over
            else (self,)
        )


class Devices(_Strict):
    """Spearman's rho between the latencies of two devices, over the architectures that both have."""

    first: str
    second: str
    dataset: str


class Measured(_Strict):
    """A column of a study's row.

    Attributes:
        study: name of the study.
        params: those that differ from its defaults.
        where: what identifies the row.
        column: a column, or arithmetic over columns ("baseline_s / ours_s": both measured in one
            run).
        scale: the figure is multiplied by it, to be in the unit of the published one.
    """

    study: str
    params: dict[str, object] = {}
    where: dict[str, object] = {}
    column: str
    scale: float = 1.0


class Counted(_Strict):
    """Parameters or MACs of an architecture, counted by its space without building it.

    Attributes:
        space: an oracle's, by its name, or "module:name" of what makes one, called with `options`.
        arch: official string.
        classes, size: of the data set.
        scale: the count is multiplied by it, to be in the unit of the published one.
    """

    space: str
    options: dict[str, object] = {}
    arch: str
    classes: int
    size: int
    what: Literal["params", "macs"]
    scale: float = 1.0


class LookedUp(_Strict):
    """A value that a table holds: of an architecture, or the best in it.

    Mean over training seeds.
    """

    oracle: str
    dataset: str
    epochs: int
    metric: str
    arch: str = ""


class Figure(_Strict):
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


class Claim(_Strict):
    """One published statement that can be held against what was measured, or the reason why not.

    Exactly one of `setting`, `order`, `ranking`, `devices`, `study`, `complexity`, `lookup` and
    `formula` says how it is tested; none of them (then `needs` says what is missing) makes it a
    blocked one. A test with `needs`, recorded as "blocked", is blocked until the results it takes
    are there.

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
        setting, order, ranking, devices, study, complexity, lookup: where our figure comes from.
        formula, figures: arithmetic that the published value must follow from.
        level: of an order's test.
        long: our figure takes more than minutes to measure.
        needs: what is missing, where it cannot be tested here or was not yet.
        reading: what we make of the verdict, in a sentence or two.
        expected: the recorded verdict; "" where none was recorded yet.
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
    spread: float | None = None
    n: int | None = None
    test: Literal["about", "at least", "at most"] = "about"
    margin: float | None = Field(default=None, ge=0)
    reason: str = ""
    seeds: int = Field(default=100, gt=0)
    setting: Setting | None = None
    order: Order | None = None
    ranking: Ranked | None = None
    devices: Devices | None = None
    study: Measured | None = None
    complexity: Counted | None = None
    lookup: LookedUp | None = None
    formula: str = ""
    figures: dict[str, Figure] = {}
    level: float = Field(default=0.05, gt=0, lt=1)
    long: bool = False
    needs: str = ""
    reading: str = ""
    expected: Literal["", "reproduced", "not reproduced", "inconclusive", "blocked"] = ""

    @property
    def kind(self) -> Kind:
        """How it is tested."""
        if self.setting is not None:
            return "value"
        if self.order is not None:
            return "order"
        if self.ranking is not None or self.devices is not None:
            return "correlation"
        if self.study is not None:
            return "speed" if "/" in self.study.column else "study"
        if self.complexity is not None:
            return "complexity"
        if self.lookup is not None:
            return "lookup"
        return "derived" if self.formula else "blocked"

    @property
    def recorded(self) -> str:
        """The recorded verdict; a claim that cannot be tested is blocked without further words."""
        return self.expected or ("blocked" if self.kind == "blocked" else "")

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The searches it rests on."""
        if self.order is not None:
            return self.order.setting, self.order.other
        return () if self.setting is None else (self.setting,)

    @property
    def read(self) -> bool:
        """Whether the text behind it, and behind every figure of its formula, was read."""
        sources = {
            self.source,
            *(figure.source for figure in self.figures.values() if not figure.claim),
        }
        return sources <= {"paper", "code"}

    @model_validator(mode="after")
    def _whole(self) -> Claim:
        tests = [name for name in _TESTS if getattr(self, name)]
        if len(tests) > 1:
            raise ValueError(f"{self.id}: {' and '.join(tests)} are given; a claim has one of them")
        if not tests and not self.needs:
            raise ValueError(
                f"{self.id}: nothing says how it is tested; give one of {', '.join(_TESTS)}; or `needs`, what is missing"
            )
        if tests and tests != ["order"] and self.value is None:
            raise ValueError(f"{self.id}: a {self.kind} claim needs the published `value`")
        if (
            tests
            and self.kind in ("value", "correlation", "study", "speed")
            and self.test == "about"
            and self.margin is None
        ):
            raise ValueError(
                f"{self.id}: give `margin`: how far from {self.value} still counts as reproduced (and `reason`: why so far)"
            )
        if self.formula:
            wrong = sorted(names_in(self.formula) ^ set(self.figures))
            if wrong:
                raise ValueError(
                    f"{self.id}: the names of `formula` and of `figures` differ: {', '.join(wrong)}"
                )
        return self


class _File(_Strict):
    paper: str
    title: str
    defaults: dict[str, Any] = {}
    claim: list[dict[str, Any]]


def claim_files() -> list[Path]:
    """The files of the claims that come with the package, by name."""
    return sorted(
        Path(str(entry))
        for entry in resources.files("nasrepro.methods.claims").iterdir()
        if entry.name.endswith(".toml")
    )


def load_claims(files: Iterable[Path] | None = None) -> tuple[Claim, ...]:
    """All claims of all papers, or those of `files`, by id.

    What a file's `[defaults]` table holds stands for every claim of the file that does not say
    otherwise.

    Raises:
        NasreproError: a file cannot be read, has a wrong or missing field, an id occurs twice, or a
            formula names no claim.
    """
    found: dict[str, Claim] = {}
    for path in claim_files() if files is None else files:
        for claim in _read(path):
            if claim.id in found:
                raise NasreproError(f"{path}: the id {claim.id!r} occurs twice")
            found[claim.id] = claim
    for claim in found.values():
        for figure in claim.figures.values():
            if figure.claim and found.get(figure.claim, claim).value is None:
                raise NasreproError(
                    f"claim {claim.id}: its formula takes the value of {figure.claim!r}, which has none"
                )
            if figure.claim and figure.claim not in found:
                raise NasreproError(
                    f"claim {claim.id}: its formula takes the value of {figure.claim!r}, which is no claim"
                )
    return tuple(found[id] for id in sorted(found))


def _read(path: Path) -> list[Claim]:
    try:
        file = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        whole = {"paper": file.paper, "title": file.title, "file": path.stem, **file.defaults}
        return [Claim.model_validate({**whole, **raw}) for raw in file.claim]
    except (OSError, UnicodeDecodeError) as error:
        raise NasreproError(f"cannot read claims from {path} ({error})") from error
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise NasreproError(f"{path}: {' '.join(str(error).split())}") from error
