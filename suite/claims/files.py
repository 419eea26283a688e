"""Claims files: `methods/claims/<paper>.toml` or a user's own, and what stands beside them.

The recorded verdicts of `paper.toml` stand in `paper.verdicts.toml`, a line for each claim, written
by `nasrepro claims record` for review in a diff. Other programs read verdicts as JUnit XML.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pydantic import Field, ValidationError

from nasrepro.suite.claims.fragility import load as load_fragility
from nasrepro.suite.claims.judging import Verdict
from nasrepro.suite.claims.kinds import Formula
from nasrepro.suite.claims.matrix import cells
from nasrepro.suite.claims.model import RECORDED, Claim
from nasrepro.suite.claims.statement import Strict
from nasrepro.suite.data import write_text
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import methods

#: Recorded verdicts stand in a file of this ending beside that of their claims.
VERDICTS = ".verdicts.toml"
_HEAD = "# Verdicts of {name}, written by: nasrepro claims record\n"
#: Control characters, as colours of a message have them: no XML may hold them, not even escaped.
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class _File(Strict):
    paper: str
    title: str
    defaults: dict[str, Any] = Field(default_factory=dict)
    claim: list[dict[str, Any]] = Field(default_factory=list)
    table: list[dict[str, Any]] = Field(default_factory=list)


def shipped_folder() -> Path:
    """Where the claims are that come with the package: beside the methods."""
    return Path(str(resources.files(methods.package))) / "claims"


def claim_files() -> list[Path]:
    """The files of the claims that come with the package, by name."""
    return sorted(
        entry
        for entry in shipped_folder().iterdir()
        if entry.name.endswith(".toml") and not entry.name.endswith(VERDICTS)
    )


def load_claims(files: Iterable[Path] | None = None) -> tuple[Claim, ...]:
    """All claims of all papers, or those of `files`, by id.

    What a file's `[defaults]` table holds stands for every claim of the file that does not say
    otherwise.

    Raises:
        NasreproError: a file cannot be read, has a wrong or missing field, an id occurs twice, or a
            formula names no claim.
    """
    claims: dict[str, Claim] = {}
    for path in claim_files() if files is None else files:
        for claim in _read(path):
            if claim.id in claims:
                raise NasreproError(f"{path}: the id {claim.id!r} occurs twice")
            claims[claim.id] = claim
    for claim in claims.values():
        figures = claim.how.figures.values() if isinstance(claim.how, Formula) else ()
        for other in (figure.claim for figure in figures if figure.claim):
            if other not in claims or claims[other].value is None:
                lacks = "is no claim" if other not in claims else "has none"
                raise NasreproError(
                    f"claim {claim.id}: its formula takes the value of {other!r}, which {lacks}"
                )
    return tuple(claims[id] for id in sorted(claims))


@cache
def shipped_claims() -> tuple[Claim, ...]:
    """All claims of all papers, read once by a process."""
    return load_claims()


def _read(path: Path) -> Iterator[Claim]:
    raw = _toml(path)
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        raise NasreproError(f"{path}: {_readable(error)}") from error
    shared = {"paper": file.paper, "title": file.title, "file": path.stem, **file.defaults}
    beside = path.with_suffix(VERDICTS)
    recorded = _toml(beside) if beside.exists() else {}
    fragile = load_fragility(path.parent)
    for fields in [*file.claim, *_tables(path, file)]:
        id = fields.get("id", "without id")
        blocked = "blocked" if fields.get("needs") else ""
        measured = {"recorded": recorded.get(id, blocked), "fragility": fragile.get(id, ())}
        whole = {**shared, **fields, **measured}
        try:
            yield Claim.model_validate(whole)
        except (ValidationError, NasreproError) as error:
            raise NasreproError(f"{path}: claim {id}: {_readable(error)}") from error


def _tables(path: Path, file: _File) -> Iterator[dict[str, Any]]:
    for raw in file.table:
        try:
            yield from cells(raw)
        except ValueError as error:
            id = raw.get("id", "without id")
            raise NasreproError(f"{path}: table {id}: {_readable(error)}") from error


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NasreproError(f"cannot read claims from {path} ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise NasreproError(f"{path}: {error}") from error


def _readable(error: Exception) -> str:
    """The faults that pydantic found, each as field and what is wrong; other errors as they are."""
    if not isinstance(error, ValidationError):
        return str(error)
    faults = []
    for fault in error.errors():
        field = ".".join(str(part) for part in fault["loc"] if part != "how")
        text = fault["msg"].removeprefix("Value error, ")
        given = fault["input"]
        shown = f", not {given!r}" if isinstance(given, str | int | float | bool) else ""
        faults.append(f"{field}: {text}{shown}" if field else text)
    return "; ".join(faults)


def record(files: Iterable[Path], verdicts: Iterable[Verdict]) -> dict[str, tuple[str, str]]:
    """Write verdicts as the recorded ones, beside the files of their claims.

    Returns:
        Old and new verdict of each claim that changed, by id. What was not judged is left alone,
        and so is a claim that is recorded as blocked: its verdict here rests on data that others
        lack.

    Raises:
        NasreproError: a file cannot be written.
    """
    new: dict[str, str] = {
        verdict.claim.id: verdict.verdict
        for verdict in verdicts
        if verdict.differs and verdict.verdict in RECORDED
    }
    changes: dict[str, tuple[str, str]] = {}
    for path in files:
        claims = {claim.id: claim for claim in load_claims([path])}
        mine = {id: (claims[id].recorded, verdict) for id, verdict in new.items() if id in claims}
        if not mine:
            continue
        lines = [
            f'{id} = "{new.get(id, claim.recorded)}"\n'
            for id, claim in claims.items()
            if claim.how is not None and new.get(id, claim.recorded)
        ]
        beside = path.with_suffix(VERDICTS)
        try:
            write_text(beside, _HEAD.format(name=path.name) + "".join(lines))
        except OSError as error:
            raise NasreproError(
                f"cannot write {beside} ({error.strerror}); record in a checkout of the sources"
            ) from error
        changes |= mine
    return changes


def junit(verdicts: Sequence[Verdict]) -> str:
    """JUnit XML: a test case for each claim.

    One that differs from its record failed, one that was not judged or is blocked was skipped.
    """
    suite = ElementTree.Element("testsuite", name="nasrepro claims", tests=str(len(verdicts)))
    failures = skipped = 0
    for verdict in verdicts:
        claim = verdict.claim
        case = ElementTree.SubElement(suite, "testcase", classname=claim.paper, name=claim.id)
        if verdict.changed:
            failures += 1
            said = f"{verdict.verdict}, recorded: {claim.recorded or 'nothing yet'}"
            failure = ElementTree.SubElement(case, "failure", message=said)
            failure.text = f"{claim.statement}\n{verdict.why}"
        elif verdict.verdict in ("blocked", "not judged"):
            skipped += 1
            message = f"{verdict.verdict}: {verdict.why}"
            ElementTree.SubElement(case, "skipped", message=message)
        else:
            out = ElementTree.SubElement(case, "system-out")
            out.text = f"{verdict.verdict}: {verdict.why}"
    suite.set("failures", str(failures))
    suite.set("skipped", str(skipped))
    ElementTree.indent(suite)
    text = _NO_XML.sub("?", ElementTree.tostring(suite, encoding="unicode"))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'
