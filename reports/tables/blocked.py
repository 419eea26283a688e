"""Claims that cannot be tested here: how many per paper, before and now, and what they need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from nasrepro.reports.document import (
    Column,
    Filled,
    TableDoc,
    number_column,
    text_column,
    transposed,
)
from nasrepro.reports.summary import Results
from nasrepro.suite.claims import Verdict
from nasrepro.suite.claims.changes import counts, first_of
from nasrepro.suite.claims.tally import Class, Count

ORDER = 91

_BLOCKED: Class = "blocked"


def tables(results: Results) -> Iterator[TableDoc]:
    """Blocked claims by paper, in the first edition and now, and what the current ones need."""
    blocked = [verdict for verdict in results.verdicts if verdict.verdict == _BLOCKED]
    if blocked:
        yield _by_paper(results.verdicts)
        yield _needs(sorted(blocked, key=lambda verdict: (verdict.claim.file, verdict.claim.id)))


def _by_paper(verdicts: Sequence[Verdict]) -> TableDoc:
    """A row for each file that had or has a blocked claim, and one for all."""
    titles = {
        verdict.claim.file: verdict.claim.title or verdict.claim.paper for verdict in verdicts
    }
    names, sizes = [], []
    for name, before, after in counts(first_of(verdicts), verdicts):
        old, new = _sizes(before), _sizes(after)
        if old[_BLOCKED] or new[_BLOCKED]:
            names.append("All" if name == "all" else titles[name])
            sizes.append((sum(old.values()), old[_BLOCKED], sum(new.values()), new[_BLOCKED]))
    headers = ("Claims\nbefore", "Blocked\nbefore", "Claims\nnow", "Blocked\nnow")
    filled: list[Filled] = [text_column(Column("paper", "Paper", ("paper",), "left", 0, 0), names)]
    for header, values in zip(headers, zip(*sizes, strict=True), strict=True):
        name = header.lower().replace("\n", "_")
        filled.append(number_column(Column(name, header, (name,), terminal=1), values, 0))
    return TableDoc(
        "claims-blocked",
        "Claims that cannot be tested here, by paper",
        "Before: the first edition of the suite, 2026-11-27. A claim that is no longer blocked may "
        "still be undecided.",
        *transposed(filled),
        part="claims",
    )


def _sizes(classes: Mapping[Class, Count]) -> dict[Class, int]:
    """Claims of each class, read and provisional."""
    return {name: count.read + count.provisional for name, count in classes.items()}


def _needs(blocked: Sequence[Verdict]) -> TableDoc:
    """A row for each thing that is missing for claims of one paper."""
    groups: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for verdict in blocked:
        groups[verdict.claim.file, verdict.why].append(verdict)
    members = list(groups.values())
    firsts = [group[0] for group in members]
    filled: list[Filled] = [
        text_column(
            Column("paper", "Paper", ("paper",), "left", 0, 0),
            [verdict.claim.file for verdict in firsts],
        ),
        number_column(
            Column("claims", "Claims", ("claims",), terminal=1),
            [len(group) for group in members],
            0,
        ),
        text_column(
            Column("needs", "What they need", ("needs",), "left", 1),
            [verdict.why for verdict in firsts],
        ),
        text_column(
            Column("ids", "Which", ("ids",), "left", None, 1),
            [", ".join(verdict.claim.id for verdict in group) for group in members],
        ),
    ]
    return TableDoc(
        "claims-needs",
        "What the claims that cannot be tested here need",
        f"The {len(blocked):,} blocked claims, by paper and by what is missing.",
        *transposed(filled),
        part="claims",
    )
