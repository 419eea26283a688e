"""Verdicts then and now: classes by paper, and every changed verdict with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nasrepro.reports.document import Column, TableDoc, text_column, transposed
from nasrepro.reports.summary import Results
from nasrepro.suite.claims import Verdict
from nasrepro.suite.claims.changes import Earlier, changes, counts, first_of
from nasrepro.suite.claims.tally import CLASSES

ORDER = 92


def tables(results: Results) -> Iterator[TableDoc]:
    """Both tables, for the claim files in the report; none without one in the first edition."""
    if before := first_of(results.verdicts):
        yield _by_class(before, results.verdicts)
        yield _changed(before, results.verdicts)


def _by_class(before: Mapping[str, Earlier], verdicts: Sequence[Verdict]) -> TableDoc:
    """A row for each file of claims, and one for all."""
    rows = counts(before, verdicts)
    columns = [
        text_column(
            Column("paper", "Paper", ("paper",), "left", 0, 0), [name for name, *_ in rows]
        ),
        *(
            text_column(
                Column(name, name.capitalize(), (name.replace(" ", "_"),), "right", place),
                [f"{old[name]} > {new[name]}" for _, old, new in rows],
            )
            for place, name in enumerate(CLASSES, start=1)
        ),
    ]
    return TableDoc(
        "claims-before-after",
        "Verdicts by class and paper, before and now",
        "Before: the first edition of the suite, 2026-11-27, which set margins and numbers of "
        "seeds claim by claim and had five classes; now: judged by the rules. †: the published "
        "number was not read.",
        *transposed(columns),
        part="claims",
    )


def _changed(before: Mapping[str, Earlier], verdicts: Sequence[Verdict]) -> TableDoc:
    """A row for each claim that is new or gone or has another verdict."""
    changed = changes(before, verdicts)
    columns = [
        text_column(Column(name, name.capitalize(), (name,), "left", place, place), texts)
        for place, (name, texts) in enumerate(
            {
                "claim": [change.id for change in changed],
                "before": [change.before for change in changed],
                "now": [change.after for change in changed],
                "reason": [change.reason for change in changed],
            }.items()
        )
    ]
    return TableDoc(
        "claims-changed",
        "Verdicts that changed, with their reasons",
        f"{len(changed):,} claims are new or have another verdict than in the first edition.",
        *transposed(columns),
        part="claims",
    )
