"""Verdicts of now against earlier ones: what changed, and why.

The earlier ones are a JSON file: by id, the claims' file, the verdict, and whether its text was
read. Those of the first edition (2026-11-27), whose margins and seeds were set claim by claim, come
with the package: `methods/claims/first_edition.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from nasrepro.suite.claims.files import shipped_folder
from nasrepro.suite.claims.judging import Verdict
from nasrepro.suite.claims.statement import Strict
from nasrepro.suite.claims.tally import CLASSES, HELD_AGAINST, Class, Count, cells, class_of
from nasrepro.suite.errors import NasreproError

#: Name of the verdicts that come with the package.
FIRST = "first"


class Earlier(Strict):
    """An earlier verdict."""

    file: str
    verdict: str
    read: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A verdict that is another one than before; "" where there was, or is, no such claim."""

    id: str
    before: str
    after: str
    reason: str


def earlier(path: str) -> dict[str, Earlier]:
    """Earlier verdicts by id: of a file, or those of the first edition.

    Raises:
        NasreproError: the file cannot be read.
    """
    source = shipped_folder() / "first_edition.json" if path == FIRST else Path(path)
    try:
        raw = json.loads(source.read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, Earlier]).validate_python(raw)
    except (OSError, ValueError, ValidationError) as error:
        raise NasreproError(f"cannot read earlier verdicts from {source} ({error})") from error


def first_of(verdicts: Sequence[Verdict]) -> dict[str, Earlier]:
    """Verdicts of the first edition on the papers of these, by id."""
    files = {verdict.claim.file for verdict in verdicts}
    return {id: old for id, old in earlier(FIRST).items() if old.file in files}


def counts(
    before: Mapping[str, Earlier], verdicts: Sequence[Verdict]
) -> list[tuple[str, dict[Class, Count], dict[Class, Count]]]:
    """Classes of every claims' file, before and after, and of all."""
    rows = []
    files = sorted({each.file for each in before.values()} | {v.claim.file for v in verdicts})
    for name in files:
        old = [each for each in before.values() if each.file == name]
        new = [verdict for verdict in verdicts if verdict.claim.file == name]
        rows.append((name, _earlier_cells(old), cells(new)))
    return [*rows, ("all", _earlier_cells(list(before.values())), cells(verdicts))]


def _earlier_cells(found: Sequence[Earlier]) -> dict[Class, Count]:
    def of(name: Class, read: bool) -> int:
        held = name in HELD_AGAINST
        return sum(each.verdict == name and (each.read or not held) == read for each in found)

    return {name: Count(of(name, True), of(name, False)) for name in CLASSES}


def changes(before: Mapping[str, Earlier], verdicts: Sequence[Verdict]) -> list[Change]:
    """Every verdict that changed, in the order of ids, with its reason."""
    still = {verdict.claim.id for verdict in verdicts}
    found = [
        Change(id, old.verdict, "", "no claim any more: it was not one of the paper's")
        for id, old in before.items()
        if id not in still
    ]
    for verdict in verdicts:
        old = before.get(verdict.claim.id)
        if old is None:
            found.append(Change(verdict.claim.id, "", verdict.verdict, "a new claim"))
        elif old.verdict != verdict.verdict:
            found.append(
                Change(verdict.claim.id, old.verdict, verdict.verdict, _reason(old, verdict))
            )
    return sorted(found, key=lambda each: each.id)


def _reason(old: Earlier, verdict: Verdict) -> str:
    renamed = {"reproduced": "consistent", "not reproduced": "inconsistent"}
    if class_of(verdict) == "ours":
        return f"of our reconstruction, for or against no paper ({verdict.claim.reason})"
    if renamed.get(old.verdict) == verdict.verdict:
        return "no experiment was repeated: the paper's own data, computed again"
    return f"by the rules: {verdict.why}" if class_of(verdict) != "blocked" else verdict.why
