"""The cost of the searches on each oracle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from nasrepro.reports.document import Column, Filled, Raw, TableDoc, slug, text_column, transposed
from nasrepro.reports.groups import Group
from nasrepro.reports.summary import Results, costs
from nasrepro.reports.tables.columns import (
    cost_columns,
    count_columns,
    mean,
    method_column,
    origin_column,
)
from nasrepro.reports.words import (
    budget_words,
    failures,
    floating_notes,
    labels,
    oracle_notes,
)
from nasrepro.suite.registry import oracles

ORDER = 60

_LEGEND = (
    "Costs measure different things and are never added up: simulated training hours (and the "
    "budget) are the oracle's training times, on the device that its notes name; overhead is the "
    "CPU time of the method itself; queries are evaluations, repeats included; unique queries "
    "count equal cells once. Repeats free: the cost of the search if training a cell again for the "
    "same number of epochs were free."
)


def tables(results: Results) -> Iterator[TableDoc]:
    """A table for each oracle."""
    for _, rows in groupby(results.rows[0], key=lambda group: group.setting.oracle):
        yield cost_table(list(rows))


def cost_table(groups: Sequence[Group]) -> TableDoc:
    """The cost of the searches on one oracle."""
    info = oracles.get(groups[0].setting.oracle).info
    settings = [group.setting for group in groups]
    names = [
        name
        for _, members in groupby(groups, key=lambda group: group.setting)
        for name in labels(list(members))
    ]
    nothing: list[tuple[Raw, ...]] = [() for _ in groups]
    budgets = [budget_words(setting.budget, unit="s") for setting in settings]
    epochs = [str(setting.protocol.search_epochs) for setting in settings]
    measures = costs(groups)
    filled: list[Filled] = [
        origin_column(groups),
        method_column(groups, names),
        text_column(
            Column("searched_on_shown", "Searched\non", (), "left", 1),
            [setting.dataset for setting in settings],
            nothing,
        ),
        text_column(Column("epochs_shown", "Epochs", (), "right", 9), epochs, nothing),
        text_column(Column("budget_shown", "Budget", (), "left", 5), budgets, nothing),
        *count_columns(measures),
        *cost_columns(measures, panel=2, terminal=2),
        mean(measures["unique_hours"], "hours_repeats_free", panel=2),
    ]
    untimed = (
        f"The table of {info.name} has no training times, so there are no simulated training hours."
    )
    return TableDoc(
        slug("cost", info.name),
        f"{info.name}: search cost",
        f"Cost of one search on {info.name}: mean over the finished runs.",
        *transposed(filled),
        legend=_LEGEND,
        footnotes=(
            *floating_notes(groups),
            *(() if info.cost else (untimed,)),
            *failures(groups, names),
        ),
        background=tuple(
            oracle_notes(
                info,
                [setting.dataset for setting in settings],
                [info.metric(info.cost)] if info.cost else [],
            )
        ),
        citations=(info.citation,),
        row_ids=tuple(group.id for group in groups),
    )
