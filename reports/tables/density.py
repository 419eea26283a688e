"""Accuracy density: accuracy relative to the size of the chosen architecture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nasrepro.reports.document import Filled, TableDoc, slug, transposed
from nasrepro.reports.summary import INTERVAL, Measure, Results, Task
from nasrepro.reports.tables.columns import interval, mean, method_column, origin_column
from nasrepro.reports.words import (
    budget_words,
    changed_sources,
    failures,
    floating_notes,
    main_caption,
    method_notes,
    searched,
)
from nasrepro.suite.registry import oracles

ORDER = 50

_LEGEND = (
    "Density is {target} in % per million parameters, and in % per million MACs. Both definitions "
    "are ours (the SwiftNet paper's own was not read). Means over search seeds; in brackets the "
    f"{INTERVAL}."
)


def tables(results: Results) -> Iterator[TableDoc]:
    """A table for each setting and data set with an accuracy and a size."""
    for task in results.tasks:
        if any(name.startswith("density_") for name in task.measures):
            yield density_table(task)


def density_table(task: Task) -> TableDoc:
    """Densest in parameters first, or in MACs if the table has no parameters."""
    setting, target = task.setting, task.target
    sizes = [name for name in ("params", "macs") if f"density_{name}" in task.measures]
    densities = [estimate.mean for estimate in task.measures[f"density_{sizes[0]}"].estimates]
    order = sorted(
        range(len(task.groups)),
        key=lambda row: (
            densities[row] is None,
            -(densities[row] or 0.0),
            task.labels[row],
        ),
    )
    groups = [task.groups[row] for row in order]
    names = [task.labels[row] for row in order]
    measures = {name: _sorted(measure, order) for name, measure in task.measures.items()}
    filled: list[Filled] = [
        origin_column(groups, task.dataset),
        method_column(groups, names),
        mean(measures[target.name], f"{target.name}_mean", terminal=3),
    ]
    for place, name in enumerate(sizes):
        size, density = measures[name], measures[f"density_{name}"]
        stem = f"density_percent_per_million_{name}"
        filled += [
            mean(size, f"{name}_mean", terminal=6 + place, panel=1 + place),
            mean(density, stem, terminal=1 + place, panel=1 + place),
            interval(density, stem, terminal=4 + place, panel=1 + place),
        ]
    return TableDoc(
        slug("density", task.id),
        f"{setting.oracle}: accuracy density, {searched(setting, task.dataset)} "
        f"({budget_words(setting.budget)})",
        main_caption(groups, task.dataset, [target]),
        *transposed(filled),
        legend=_LEGEND.format(target=target.name),
        footnotes=(*floating_notes(groups), *failures(groups, names)),
        notes=tuple(changed_sources(groups)),
        background=tuple(method_notes(groups)),
        citations=(oracles.get(setting.oracle).info.citation,),
        row_ids=tuple(group.id for group in groups),
        part="searches",
    )


def _sorted(measure: Measure, order: list[int]) -> Measure:
    """The measure with its rows in another order, without the marks of the main table."""
    estimates = tuple(measure.estimates[row] for row in order)
    return replace(measure, estimates=estimates, marks=(), second=frozenset())
