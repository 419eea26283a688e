"""Verdicts as files: recorded in the claims' TOML for review in a diff, and as JUnit XML for other programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from nasrepro.suite.claims.judging import Verdict
from nasrepro.suite.claims.model import RECORDED, load_claims
from nasrepro.suite.data import write_text
from nasrepro.suite.errors import NasreproError

_ID = re.compile(r"""^id\s*=\s*["'](?P<id>[^"']+)["']""")
#: Control characters, as colours of a message have them: no XML may hold them, not even escaped.
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_EXPECTED = re.compile(r"""^expected\s*=\s*["'][^"']*["']""")


def record(files: Iterable[Path], verdicts: Iterable[Verdict]) -> dict[str, tuple[str, str]]:
    """Write verdicts as the recorded ones.

    Everything else in the files stays as it is, to the character.

    Returns:
        Old and new verdict of each claim that changed, by id. What was not judged is left alone,
          and so is a claim that is recorded as
        blocked: its verdict here rests on data that others lack.

    Raises:
        NasreproError: a file cannot be written, or is laid out so that the line cannot be found.
    """
    new = {
        each.claim.id: each.verdict
        for each in verdicts
        if each.changed and each.verdict in RECORDED
    }
    done: dict[str, tuple[str, str]] = {}
    for path in files:
        before = {claim.id: claim for claim in load_claims([path])}
        mine = {id: verdict for id, verdict in new.items() if id in before}
        if not mine:
            continue
        old = path.read_text(encoding="utf-8")
        try:
            write_text(path, _edited(old, mine))
        except OSError as error:
            raise NasreproError(
                f"cannot write {path} ({error.strerror}); record in a checkout of the sources"
            ) from error
        after = {claim.id: claim for claim in load_claims([path])}
        if after != {
            id: claim.model_copy(update={"expected": mine.get(id, claim.expected)})
            for id, claim in before.items()
        }:
            write_text(path, old)
            raise NasreproError(
                f"{path}: cannot find where to write the verdicts; give each claim a line of its own for `id` and `expected`"
            )
        done |= {id: (before[id].recorded, verdict) for id, verdict in mine.items()}
    return done


def _edited(text: str, verdicts: Mapping[str, str]) -> str:
    """The text with the `expected` line of each of these claims written anew, after its `id` where there was none."""
    blocks = re.split(r"(?m)^(?=\[\[claim\]\])", text)
    for place, block in enumerate(blocks):
        lines = block.split("\n")
        named = [
            (number, found["id"]) for number, line in enumerate(lines) if (found := _ID.match(line))
        ]
        if not named or named[0][1] not in verdicts:
            continue
        number, id = named[0]
        line = f'expected = "{verdicts[id]}"'
        there = [other for other, each in enumerate(lines) if _EXPECTED.match(each)]
        if there:
            lines[there[0]] = _EXPECTED.sub(line, lines[there[0]])
        else:
            lines.insert(number + 1, line)
        blocks[place] = "\n".join(lines)
    return "".join(blocks)


def junit(verdicts: Sequence[Verdict]) -> str:
    """JUnit XML: a test case for each claim.

    One that differs from its record failed, one that was not judged or is blocked was skipped.
    """
    suite = ElementTree.Element("testsuite", name="nasrepro claims", tests=str(len(verdicts)))
    failures = skipped = 0
    for each in verdicts:
        case = ElementTree.SubElement(
            suite, "testcase", classname=each.claim.paper, name=each.claim.id
        )
        if each.changed:
            failures += 1
            said = f"{each.verdict}, recorded: {each.claim.recorded or 'nothing yet'}"
            ElementTree.SubElement(
                case, "failure", message=said
            ).text = f"{each.claim.statement}\n{each.why}"
        elif each.verdict in ("blocked", "not judged"):
            skipped += 1
            ElementTree.SubElement(case, "skipped", message=f"{each.verdict}: {each.why}")
        else:
            ElementTree.SubElement(case, "system-out").text = f"{each.verdict}: {each.why}"
    suite.set("failures", str(failures))
    suite.set("skipped", str(skipped))
    ElementTree.indent(suite)
    text = _NO_XML.sub("?", ElementTree.tostring(suite, encoding="unicode"))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'
