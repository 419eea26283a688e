"""Verdicts of the first edition and of now: classes by paper, and each that changed, with why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nasrepro.reports.document import Column, TableDoc, text_column, transposed
from nasrepro.reports.summary import Results
from nasrepro.suite.claims import Verdict
from nasrepro.suite.claims.changes import FIRST, Earlier, changes, counts, earlier
from nasrepro.suite.claims.tally import CLASSES

ORDER = 92


def tables(results: Results) -> Iterator[TableDoc]:
    """Both tables, of the files whose claims the report has; none where none is of that edition."""
    files = {verdict.claim.file for verdict in results.verdicts}
    before = {id: each for id, each in earlier(FIRST).items() if each.file in files}
    if before:
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
        "Before: the first edition of the suite, 2026-11-27, whose margins and numbers of seeds "
        "were set claim by claim, and which had five classes; now: by the rules. †: the published "
        "number was not read.",
        *transposed(columns),
        part="claims",
    )


def _changed(before: Mapping[str, Earlier], verdicts: Sequence[Verdict]) -> TableDoc:
    """A row for each claim whose verdict is another one, or that is new or gone."""
    found = changes(before, verdicts)
    columns = [
        text_column(Column(name, name.capitalize(), (name,), "left", place, place), texts)
        for place, (name, texts) in enumerate(
            {
                "claim": [each.id for each in found],
                "before": [each.before for each in found],
                "now": [each.after for each in found],
                "reason": [each.reason for each in found],
            }.items()
        )
    ]
    return TableDoc(
        "claims-changed",
        "Verdicts that changed, with their reasons",
        f"{len(found):,} claims have another verdict than in the first edition, or are new.",
        *transposed(columns),
        part="claims",
    )
