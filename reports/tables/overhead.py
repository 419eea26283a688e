"""Overhead of the methods themselves: CPU seconds of a run, over all tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from nasrepro.reports.document import (
    FLOATING,
    Column,
    Filled,
    TableCell,
    TableDoc,
    number_column,
    text_column,
    transposed,
)
from nasrepro.reports.groups import Group
from nasrepro.reports.summary import Results
from nasrepro.reports.words import budget_words, floating_notes, is_floating, title_of

ORDER = 61


def tables(results: Results) -> Iterator[TableDoc]:
    """One row for each method, the most expensive first; nothing for a single method."""
    methods: dict[str, list[Group]] = defaultdict(list)
    for group in results.rows[0]:
        if np.isfinite(group.costs["overhead_s"]).any():
            methods[group.method].append(group)
    if len(methods) > 1:
        yield _table(methods)


def _table(methods: dict[str, list[Group]]) -> TableDoc:
    rows = sorted(
        ((method, *_measured(groups)) for method, groups in methods.items()),
        key=lambda row: (-row[3], row[0]),
    )
    filled: list[Filled] = [
        (
            Column("method", "Method", ("method",), "left", 0, 0),
            [
                TableCell(title_of(name), (name,), FLOATING if is_floating(name) else "")
                for name, *_ in rows
            ],
        ),
        number_column(Column("runs", "Runs", ("runs",), terminal=2), [row[1] for row in rows], 0),
        number_column(
            Column("mean", "Mean\nCPU s", ("overhead_mean_s",), terminal=1),
            [row[2] for row in rows],
            3,
        ),
        number_column(
            Column("most", "Most\nCPU s", ("overhead_most_s",), terminal=1),
            [row[3] for row in rows],
            3,
        ),
        text_column(
            Column("where", "Most on", ("overhead_most_on",), "left", 3), [row[4] for row in rows]
        ),
    ]
    return TableDoc(
        "overhead",
        "Overhead of methods, over all tasks",
        "CPU seconds that the method itself used in a run, not counting the time to train networks "
        "or look them up: the mean over all finished runs, and the maximum. Above a minute: "
        f"{', '.join(title_of(row[0]) for row in rows if row[3] > 60) or 'none'}.",
        *transposed(filled),
        footnotes=tuple(floating_notes([groups[0] for groups in methods.values()])),
    )


def _measured(groups: list[Group]) -> tuple[int, float, float, str]:
    """Runs, mean and maximum of their CPU seconds, and the setting of the maximum."""
    spent = [group.costs["overhead_s"] for group in groups]
    tops = [float(np.nanmax(values)) for values in spent]
    setting = groups[int(np.argmax(tops))].setting
    where = f"{setting.oracle}, {setting.dataset} ({budget_words(setting.budget)})"
    every = np.concatenate(spent)
    return every.size, float(np.nanmean(every)), max(tops), where
