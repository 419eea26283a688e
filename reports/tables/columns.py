"""Columns that several tables have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nasrepro.reports.document import FLOATING, Column, Filled, Raw, TableCell, data_column
from nasrepro.reports.groups import Group
from nasrepro.reports.summary import Measure
from nasrepro.reports.words import is_floating


def mean(
    measure: Measure, data: str = "", *, terminal: int | None = None, panel: int = 1
) -> Filled:
    """The means of a measure; `data` names them in CSV and JSON."""
    name = measure.name
    column = Column(name, measure.header, (data or name,), "right", terminal, panel)
    return column, _cells(
        measure, measure.means, [(estimate.mean,) for estimate in measure.estimates]
    )


def spread(measure: Measure, *, terminal: int | None = None, panel: int = 1) -> Filled:
    """`mean ± standard deviation`, with the marks."""
    data = (f"{measure.name}_mean", f"{measure.name}_std")
    column = Column(measure.name, measure.header, data, "right", terminal, panel)
    raw = [(estimate.mean, estimate.sd) for estimate in measure.estimates]
    return column, _cells(measure, measure.spreads, raw)


def interval(
    measure: Measure, stem: str = "", *, terminal: int | None = None, panel: int = 1
) -> Filled:
    """The intervals of a measure's means; `stem` names them in CSV and JSON."""
    data = (f"{stem or measure.name}_low", f"{stem or measure.name}_high")
    column = Column(
        f"{measure.name}_interval", measure.interval_header, data, "right", terminal, panel
    )
    return column, [
        TableCell(text, each.ends)
        for text, each in zip(measure.intervals, measure.estimates, strict=True)
    ]


def _cells(
    measure: Measure, texts: Sequence[str], values: Sequence[tuple[Raw, ...]]
) -> list[TableCell]:
    marks = measure.marks or ("",) * len(texts)
    return [
        TableCell(text, raw, mark, row in measure.second)
        for row, (text, raw, mark) in enumerate(zip(texts, values, marks, strict=True))
    ]


def count_columns(measures: Mapping[str, Measure]) -> list[Filled]:
    """Numbers of finished runs and, where there are any, of failed ones."""
    failed, cells = mean(measures["failed"], "failed_runs", terminal=0)
    if not any(estimate.mean for estimate in measures["failed"].estimates):
        failed = replace(failed, header="")
    return [mean(measures["seeds"], terminal=3), (failed, cells)]


def cost_columns(measures: Mapping[str, Measure], *, panel: int, terminal: int) -> list[Filled]:
    """Queries, unique queries, simulated training hours and CPU seconds of overhead."""
    places = (
        ("queries", "queries", 1),
        ("unique_queries", "unique_queries", 5),
        ("training_hours", "simulated_training_hours", 0),
        ("overhead", "overhead_cpu_s", 2),
    )
    return [
        mean(measures[name], data, terminal=terminal + place, panel=panel)
        for name, data, place in places
    ]


def method_column(groups: Sequence[Group], names: Sequence[str]) -> Filled:
    """The names of the rows; for programs the parameters, the source and the row's id, too."""
    values: list[tuple[Raw, ...]] = [
        (
            group.method,
            name,
            json.dumps(dict(group.params), sort_keys=True),
            group.method_sha256,
            group.id,
        )
        for group, name in zip(groups, names, strict=True)
    ]
    data = ("method", "label", "params", "method_sha256", "row")
    return Column("method", "Method", data, "left", 0, 0), [
        TableCell(name, each, FLOATING if is_floating(group.method) else "")
        for name, each, group in zip(names, values, groups, strict=True)
    ]


def origin_column(groups: Sequence[Group], dataset: str | None = None) -> Filled:
    """Where each row is from, for programs: one table's CSV can be put under another's."""
    data = [
        "oracle",
        "table_sha256",
        "searched_on",
        "search_epochs",
        "table_seed",
        "report_epochs",
        "budget_s",
        "budget_queries",
    ]
    values: list[tuple[Raw, ...]] = []
    for setting in (group.setting for group in groups):
        protocol, budget = setting.protocol, setting.budget
        lengths = (
            protocol.search_epochs,
            protocol.search_seed,
            protocol.report_epochs,
            budget.seconds,
            budget.queries,
        )
        values.append((setting.oracle, setting.table_sha256, setting.dataset, *lengths))
    if dataset is not None:
        data.append("reported_on")
        values = [(*value, dataset) for value in values]
    return data_column(data, values)
