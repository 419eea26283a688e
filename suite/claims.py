"""The papers' claims as data: `methods/claims/<paper>.toml`."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from suite.errors import NasreproError

#: How the text behind a claim is known; `recalled` numbers are shown with a mark everywhere.
Source = Literal["paper", "code", "secondary", "recalled"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Setting(_Strict):
    """Where a published number belongs.

    Attributes:
        oracle, method: by their names here.
        dataset, epochs, metric: what the number was measured on, after how long a training.
        searched_on, search_epochs: what the search saw.
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
    budget_s: float | None = None
    budget_queries: int | None = None


class Claim(_Strict):
    """One published number.

    Attributes:
        id: unique, `<paper>-<what>`.
        paper: arXiv number or citation.
        statement: in our words.
        where: table, figure or section.
        source: whether the text was read.
        setting: what it is about.
        value: as published, in percent for accuracies.
        spread: standard deviation as published.
        n: number of runs behind it.
    """

    id: str
    paper: str
    statement: str
    where: str
    source: Source
    setting: Setting
    value: float
    spread: float | None = None
    n: int | None = None


class _File(_Strict):
    paper: str
    title: str
    claim: list[dict[str, object]]


def load_claims() -> tuple[Claim, ...]:
    """All claims of all papers, by id.

    Raises:
        NasreproError: a file has a wrong or missing field, or an id occurs twice.
    """
    found: dict[str, Claim] = {}
    for entry in sorted(resources.files("methods.claims").iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".toml"):
            continue
        try:
            file = _File.model_validate(tomllib.loads(entry.read_text(encoding="utf-8")))
            claims = [Claim.model_validate({"paper": file.paper, **raw}) for raw in file.claim]
        except (tomllib.TOMLDecodeError, ValidationError) as error:
            raise NasreproError(f"methods/claims/{entry.name}: {' '.join(str(error).split())}") from error
        for claim in claims:
            if claim.id in found:
                raise NasreproError(f"methods/claims/{entry.name}: the id {claim.id!r} occurs twice")
            found[claim.id] = claim
    return tuple(found[id] for id in sorted(found))
