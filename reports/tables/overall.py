"""All tasks in one table: average ranks of the methods that were run (almost) everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nasrepro.reports.document import BEST, Column, Filled, Raw, TableCell, TableDoc, transposed
from nasrepro.reports.overall import RESAMPLES, TESTS, missing_words, overall_caption, tested_words
from nasrepro.reports.summary import Overview, Results
from nasrepro.reports.words import arms, fidelity_notes

ORDER = 0


def tables(results: Results) -> Iterator[TableDoc]:
    """All tasks, and those that more methods share; nothing where two do not share two tasks."""
    if results.overview is not None:
        yield overall_table(results.overview)
    if results.common is not None:
        yield overall_table(results.common, "overall_common", "Tasks of all methods")


def overall_table(view: Overview, name: str = "overall", title: str = "All tasks") -> TableDoc:
    """Best average rank first."""
    found = view.overall
    filled: list[Filled] = [
        _column(
            "method",
            "Method",
            ("method", "label"),
            view.labels,
            list(zip(view.methods, view.labels, strict=True)),
        ),
        _column("rank", "Average\nrank", ("average_rank",), view.ranks, view.raw("ranks"), 1, view),
        _column(
            "rank_interval",
            "interval,\nover seeds",
            ("rank_low", "rank_high"),
            view.over_seeds,
            view.raw("over_seeds"),
            3,
        ),
        _column(
            "rank_tasks",
            "interval,\nover tasks",
            ("rank_low_over_tasks", "rank_high_over_tasks"),
            view.over_tasks,
            view.raw("over_tasks"),
            6,
        ),
        _column("group", "Group", ("group_rank",), view.groups, view.raw("groups"), 2),
        _column("borda", "Borda", ("borda_points",), view.borda, view.raw("borda"), 7),
        _column("wins", "Best\non", ("tasks_won",), view.best_on, view.raw("best_on"), 8),
    ]
    if found.gap_closed:
        filled += [
            _column(
                "gap_closed", "Gap\nclosed (%)", ("gap_closed",), view.gaps, view.raw("gaps"), 4
            ),
            _column(
                "gap_interval",
                "interval,\nover seeds",
                ("gap_low", "gap_high"),
                view.gap_intervals,
                view.raw("gap_intervals"),
                5,
            ),
        ]
    filled.append(_column("tasks", "Tasks", ("tasks",), view.covered, view.raw("covered"), 9))
    return TableDoc(
        name,
        f"{title}: average ranks of {len(found.names)} methods over {len(found.settings)} tasks",
        overall_caption(found),
        *transposed(filled),
        legend=_legend(view),
        footnotes=(
            *arms(view.examples),
            *fidelity_notes(view.examples, found.settings),
            tested_words(found),
            TESTS,
            *missing_words(found),
        ),
    )


def _column(
    name: str,
    header: str,
    data: tuple[str, ...],
    texts: Sequence[str],
    values: Sequence[tuple[Raw, ...]],
    terminal: int = 0,
    marked: Overview | None = None,
) -> Filled:
    cells = [
        TableCell(
            text,
            raw,
            BEST if marked and row in marked.best else "",
            marked is not None and row in marked.second,
        )
        for row, (text, raw) in enumerate(zip(texts, values, strict=True))
    ]
    panel = 0 if name == "method" else 1
    return Column(
        name, header, data, "left" if name == "method" else "right", terminal, panel
    ), cells


def _legend(view: Overview) -> str:
    words = (
        f"Intervals of ranks: percentile bootstrap ({RESAMPLES:,} resamples), nominally 95 %, but "
        "of few seeds, which it covers less often; once over search "
        "seeds with the tasks as they are (how sure is this order on these tasks), once over tasks "
        "(how far does it carry); none below 5 seeds, or 5 tasks. Group: one and the number of "
        "methods whose average rank is surely lower on these tasks (p < 0.05 over seeds, Holm over "
        "all pairs). Borda: methods beaten, summed over tasks; a tie counts half. Best on: tasks, "
        "shared with equals."
    )
    if view.overall.gap_closed:
        words += (
            f" Gap closed: share of {view.overall.base}'s mean regret that a method removes, "
            f"mean over the {view.overall.gap_tasks} tasks with a best cell, each counting alike; "
            "100 % is the best cell, below 0 is worse than random search."
        )
    return words
