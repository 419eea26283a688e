"""All tasks in one table: average ranks of the methods that were run (almost) everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from nasrepro.reports.document import (
    BEST,
    FLOATING,
    Column,
    Filled,
    TableCell,
    TableDoc,
    transposed,
)
from nasrepro.reports.groups import alike
from nasrepro.reports.overall import (
    RESAMPLES,
    TESTS,
    Overall,
    missing_words,
    overall_caption,
    tested_words,
)
from nasrepro.reports.summary import Overview, Pairs, Results
from nasrepro.reports.words import arms, fidelity_notes, floating_notes, is_floating

ORDER = 0
#: Columns, each with the field of `Overview` that it shows.
_RANKS = (
    (Column("rank", "Average\nrank", ("average_rank",), "right", 1, 1), "ranks"),
    (
        Column("rank_interval", "interval,\nover seeds", ("rank_low", "rank_high"), "right", 3, 1),
        "over_seeds",
    ),
    (
        Column(
            "rank_tasks",
            "interval,\nover tasks",
            ("rank_low_over_tasks", "rank_high_over_tasks"),
            "right",
            6,
            1,
        ),
        "over_tasks",
    ),
    (Column("group", "Group", ("group_rank",), "right", 2, 1), "groups"),
    (Column("borda", "Borda", ("borda_points",), "right", 7, 1), "borda"),
    (Column("wins", "Best\non", ("tasks_won",), "right", 8, 1), "best_on"),
)
_GAPS = (
    (Column("gap_closed", "Gap\nclosed (%)", ("gap_closed",), "right", 4, 1), "gaps"),
    (
        Column("gap_interval", "interval,\nover seeds", ("gap_low", "gap_high"), "right", 5, 1),
        "gap_intervals",
    ),
)
_PAIRS = (
    (Column("beaten", "Others\nbeaten (%)", ("beaten",), "right", 1, 1), "shares"),
    (
        Column(
            "beaten_interval", "interval,\nover seeds", ("beaten_low", "beaten_high"), "right", 3, 1
        ),
        "over_seeds",
    ),
    (
        Column(
            "beaten_tasks",
            "interval,\nover tasks",
            ("beaten_low_over_tasks", "beaten_high_over_tasks"),
            "right",
            6,
            1,
        ),
        "over_tasks",
    ),
)
_TASKS = (Column("tasks", "Tasks", ("tasks",), "right", 9, 1), "covered")


def tables(results: Results) -> Iterator[TableDoc]:
    """All tasks, those that more methods share, and pairs of methods over all of them.

    Nothing unless two methods share two tasks.
    """
    if results.overview is not None:
        yield overall_table(results.overview)
    if results.common is not None:
        yield overall_table(results.common, "overall_common", "Tasks of all methods")
    if results.pairs is not None:
        yield pairs_table(results.pairs)


def overall_table(view: Overview, name: str = "overall", title: str = "All tasks") -> TableDoc:
    """Best average rank first."""
    overall = view.overall
    fields = [*_RANKS, *(_GAPS if overall.gap_closed else ()), _TASKS]
    return TableDoc(
        name,
        f"{title}: average ranks of {len(overall.names)} methods over "
        f"{len(overall.settings)} tasks",
        overall_caption(overall),
        *_columns(view, fields, "ranks"),
        legend=_legend(view),
        footnotes=(
            *floating_notes(view.examples),
            *arms(view.examples),
            *fidelity_notes(view.examples, overall.settings),
            *_alike(overall),
            tested_words(overall),
            TESTS,
            *missing_words(overall),
        ),
    )


def _alike(overall: Overall) -> list[str]:
    """Methods that were one search on several tasks, which a ranking counts as so many."""
    found = Counter(
        names
        for row in overall.rows
        for names in alike((n, g) for n, g in zip(overall.names, row, strict=True) if g is not None)
    )
    return [
        f"{', '.join(names)} chose the same architecture at every seed that they share on {count} "
        f"of {len(overall.rows)} tasks; on those tasks they are one search."
        for names, count in found.most_common()
        if count > 1
    ]


def pairs_table(view: Pairs) -> TableDoc:
    """Who beats most others first."""
    overall = view.overall
    tasks = len(overall.settings)
    return TableDoc(
        "overall_pairs",
        f"Pair by pair: {len(overall.names)} methods over {tasks} tasks",
        f"How often a method beats another: the share of the tasks that both can run on which its "
        "mean target is better (a tie counts half), averaged over the other "
        f"{len(overall.names) - 1} methods; {tasks} tasks in all. Unlike in average ranks, a task "
        "that a method cannot run neither helps nor harms it; such a method is, however, compared "
        "on different tasks from the rest.",
        *_columns(view, [*_PAIRS, _TASKS], "shares"),
        legend=f"Intervals: percentile bootstrap ({RESAMPLES:,} resamples), nominally 95 %. That "
        "over seeds keeps the tasks fixed and needs at least 5 seeds; that over tasks needs at "
        "least 5 tasks. The noise that resampling adds pulls all shares towards the middle, so a "
        "share may lie at an end of its interval.",
        footnotes=(
            *floating_notes(view.examples),
            *arms(view.examples),
            *_alike(overall),
            *missing_words(overall, ranked=False),
        ),
    )


def _columns(
    view: Overview, fields: Sequence[tuple[Column, str]], marked: str
) -> tuple[tuple[Column, ...], tuple[tuple[TableCell, ...], ...]]:
    """The methods and these fields of a view; of the one that is `marked` the best are."""
    methods = (
        Column("method", "Method", ("method", "label"), "left", 0, 0),
        [
            TableCell(label, (method, label), FLOATING if is_floating(method) else "")
            for method, label in zip(view.methods, view.labels, strict=True)
        ],
    )
    filled = (_filled(view, column, field, field == marked) for column, field in fields)
    return transposed([methods, *filled])


def _filled(view: Overview, column: Column, field: str, marked: bool) -> Filled:
    """A column of one field of a view, the best marked or not."""
    best, second = (view.best, view.second) if marked else (frozenset(), frozenset())
    return column, [
        TableCell(text, raw, BEST if row in best else "", row in second)
        for row, (text, raw) in enumerate(zip(getattr(view, field), view.raw(field), strict=True))
    ]


def _legend(view: Overview) -> str:
    words = (
        f"Intervals of ranks: percentile bootstrap ({RESAMPLES:,} resamples), nominally 95 %. With "
        "few seeds their true coverage is lower, and the noise that resampling adds pulls all "
        "ranks towards the middle, so an average rank may lie at an end of its interval. The "
        "interval over seeds keeps the tasks fixed (how certain the order is on these tasks) and "
        "needs at least 5 shared seeds on every task; the one over tasks shows how far the order "
        "generalises and needs at least 5 tasks. Group: one plus the number of methods with a "
        "significantly lower average rank on these tasks (p < 0.05 over seeds, Holm over all "
        "pairs). Borda: methods beaten, summed over tasks; a tie counts half. Best on: number of "
        "tasks won; methods that tie share the win."
    )
    if view.overall.gap_closed:
        words += (
            f" Gap closed: share of {view.overall.base}'s mean regret that a method removes, "
            f"averaged with equal weights over the {view.overall.gap_tasks} tasks whose best cell "
            "is known (–: not run on all of them); 100 % means that it finds the best cell, below "
            "0 that it is worse than random search."
        )
    return words
