"""Main results: the methods of each setting, best first, reported on each of its data sets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache

from nasrepro.reports.document import (
    CLOSE,
    DASH,
    OWN,
    RECALLED,
    Column,
    Filled,
    TableCell,
    TableDoc,
    aligned,
    slug,
    transposed,
)
from nasrepro.reports.groups import REGRET, Group, Setting, alike
from nasrepro.reports.summary import INTERVAL, LEVEL, Results, Task, margin_words
from nasrepro.reports.tables.columns import (
    cost_columns,
    count_columns,
    interval,
    mean,
    method_column,
    origin_column,
    spread,
)
from nasrepro.reports.variants import MAIN_PLANS, Family
from nasrepro.reports.words import (
    arms,
    budget_words,
    changed_params,
    changed_sources,
    failures,
    fidelity_notes,
    floating_notes,
    main_caption,
    method_notes,
    oracle_notes,
    scale_of,
    searched,
    unit_words,
)
from nasrepro.suite.claims import Claim, Search, shipped_claims
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import oracles
from nasrepro.suite.statistics import LEAST

ORDER = 10


def tables(results: Results) -> Iterator[TableDoc]:
    """A table for each setting and data set that it is reported on."""
    families = results.rows[1]
    by_setting = dict(results.by_setting)
    met: set[tuple[Setting, str]] = set()
    for task in results.tasks:
        searches = task.setting.searches, task.dataset
        yield main_table(
            task,
            footnotes=_more(by_setting[task.setting], families),
            apart=searches in met,
        )
        met.add(searches)


def main_table(task: Task, *, footnotes: Sequence[str] = (), apart: bool = False) -> TableDoc:
    """The table of one task, or of one method's variants.

    With `apart` its heading tells it from one of the same searches, reported on more data sets.
    """
    setting, dataset, target, groups = task.setting, task.dataset, task.target, task.groups
    info = oracles.get(setting.oracle).info
    published = {metric.name: _published(groups, dataset, metric) for metric in task.shown}
    columns, cells = transposed(
        _filled(task, {name: filled for name, (filled, _) in published.items()})
    )
    notes = [
        *arms(groups),
        *floating_notes(groups),
        *fidelity_notes(groups, [setting]),
        *footnotes,
    ]
    for metric in task.shown:
        _, sources = published[metric.name]
        notes += [source for source in sources if source not in notes]
        notes += _incomplete(task, metric)
    reported = " and ".join(setting.protocol.report_datasets)
    alone = f"; runs reported on {reported} alone" if apart else ""
    variants = f"variants of {task.variants_of}, " if task.variants_of else ""
    used = {mark for metric in task.shown for mark in task.measures[metric.name].marks}
    return TableDoc(
        task.id if task.variants_of else slug("main", task.id),
        f"{setting.oracle}: {variants}{searched(setting, dataset)} "
        f"({budget_words(setting.budget)}{alone})",
        main_caption(groups, dataset, task.shown),
        columns,
        cells,
        legend=_legend(
            target,
            [column.name for column in columns],
            used,
            own=any(name.startswith(OWN) for name in task.labels),
        ),
        footnotes=(*notes, *_untold(task), *failures(groups, task.labels)),
        notes=tuple(changed_sources(groups)),
        background=(
            *method_notes(groups),
            *oracle_notes(info, (setting.dataset, dataset), task.shown),
        ),
        citations=(info.citation,),
        row_ids=tuple(group.id for group in groups),
        part="searches" if task.variants_of else "",
    )


def _filled(task: Task, published: Mapping[str, Sequence[Filled]]) -> list[Filled]:
    """The columns: the rows' names, each metric with its `published` column, regret and costs."""
    target, measures = task.target, task.measures
    filled: list[Filled] = [
        origin_column(task.groups, task.dataset),
        method_column(task.groups, task.labels),
        *count_columns(measures),
    ]
    for metric in task.shown:
        main, measure = metric is target, measures[metric.name]
        filled.append(spread(measure, terminal=1 if main else 4))
        filled.append(interval(measure, terminal=2 if main else None))
        filled += published[metric.name]
    filled.append(mean(measures["iqm"], f"{target.name}_iqm", terminal=11, panel=2))
    if REGRET in measures:
        regret = measures[REGRET]
        filled.append(mean(regret, f"{REGRET}_mean", terminal=6, panel=2))
        filled.append(interval(regret, terminal=None, panel=2))
    filled += cost_columns(measures, panel=3, terminal=6)
    filled += [
        mean(measure, f"density_percent_per_million_{name.removeprefix('density_')}", panel=3)
        for name, measure in measures.items()
        if name.startswith("density_")
    ]
    return filled


def _incomplete(task: Task, metric: Metric) -> list[str]:
    """The rows with finished runs that have no value of the metric."""
    estimates = task.measures[metric.name].estimates
    rows = list(zip(task.labels, estimates, task.groups, strict=True))
    without = [name for name, each, group in rows if not each.n and group.seeds.size]
    return [
        *([f"No finished run has {metric.name}: {', '.join(without)}."] if without else []),
        *(
            f"{name}: only {each.n} of {group.seeds.size} finished runs have {metric.name}."
            for name, each, group in rows
            if 0 < each.n < group.seeds.size
        ),
    ]


def _untold(task: Task) -> list[str]:
    """The limits of the table: rows with too few seeds to test, equal rows, those of no spread."""
    notes = []
    if task.untested:
        untested = ", ".join(task.labels[row] for row in sorted(task.untested))
        notes.append(
            f"Too few seeds to test (fewer than {LEAST} shared with the best, so no {CLOSE}): "
            f"{untested}."
        )
    target = task.target.name
    constant = [
        f"{name} ({each.n:,})"
        for name, each in zip(task.labels, task.measures[target].estimates, strict=True)
        if each.n > 1 and each.low is None and not each.sd
    ]
    if constant:
        notes.append(
            f"No spread, because all seeds gave the same {target}; other sources of variation are "
            f"in no interval here: {', '.join(constant)}."
        )
    notes += [
        f"{', '.join(names)} chose the same architecture at every seed that they share: here they "
        "are one search."
        for names in alike(zip(task.labels, task.groups, strict=True))
    ]
    return notes


def _legend(target: Metric, columns: Collection[str], marks: Collection[str], *, own: bool) -> str:
    """How to read a table with these columns and marks: spreads, intervals and marks.

    `own`: whether it has rows of a user.
    """
    parts = [
        "Mean ± standard deviation over search seeds;",
        f"in brackets the {INTERVAL}.",
        "Best mean in bold, second underlined.",
    ]
    if own:
        parts.append(f"{OWN}: a method that does not ship with nasrepro.")
    if CLOSE in marks:
        parts.append(
            f"{CLOSE}: shown to be worse than the best by less than {margin_words(target)} "
            f"(interval of the paired difference on shared seeds, level {LEVEL} over the whole "
            "table); a row without a mark is not necessarily worse."
        )
    if "iqm" in columns:
        parts.append("IQM: interquartile mean, the mean of the middle half of the seeds.")
    if REGRET in columns:
        parts.append("Regret: how much worse than the best cell of the table.")
    if any(name.startswith("density") for name in columns):
        parts.append(
            f"Density: mean over runs of {target.name} in % per million parameters, and per "
            "million MACs."
        )
    parts.append("Costs: mean per run; simulated and measured costs are never added up.")
    return " ".join(parts)


def _more(rows: Sequence[Group], variants: Mapping[Family, Sequence[Group]]) -> list[str]:
    """A line for each family of this setting that has its own table."""
    setting, methods_here = rows[0].setting, {group.method for group in rows}
    plans = " and ".join(MAIN_PLANS)
    standing = f"This table shows the defaults and those that the plans {plans} name"
    missing = f"None of them is the default or named by the plans {plans}, so this table shows none"
    return [
        f"{method}: {len(family)} sets of parameters were run. "
        f"{standing if method in methods_here else missing}; the table of its variants shows all."
        for (where, method, _), family in variants.items()
        if where == setting
    ]


def _published(
    groups: Sequence[Group], dataset: str, metric: Metric
) -> tuple[list[Filled], list[str]]:
    """Published numbers for these rows and their places in the papers; empty without any."""
    claims = [_claim(group, dataset, metric.name) for group in groups]
    known = [claim for claim in claims if claim is not None]
    if not known:
        return [], []
    scale = scale_of(metric)
    decimals = max(
        len(repr(number).partition(".")[2])
        for claim in known
        for number in (claim.value, claim.spread)
        if number is not None
    )
    means = aligned([claim.value if claim else None for claim in claims], decimals)
    spreads = aligned([claim.spread if claim else None for claim in claims], decimals)
    cells = []
    for claim, value, sd in zip(claims, means, spreads, strict=True):
        if claim is None:
            cells.append(TableCell(DASH, (None, None, None)))
            continue
        raw = (
            None if number is None else round(number / scale, 12)
            for number in (claim.value, claim.spread)
        )
        text = value if claim.spread is None else f"{value} ± {sd}"
        cells.append(
            TableCell(text, (*raw, claim.source), RECALLED if claim.source == "recalled" else "")
        )
    data = tuple(f"{metric.name}_published{part}" for part in ("", "_spread", "_source"))
    header = f"Published\n{metric.split} {unit_words(metric)}".rstrip()
    column = Column(data[0], header, data, terminal=5 if metric.split == "test" else None, panel=2)
    places = sorted(
        {(claim.source == "recalled", f"{claim.paper}, {claim.where}") for claim in known}
    )
    notes = [
        f"{RECALLED} {where}: recalled; the text was not read."
        if recalled
        else f"Published: {where}."
        for recalled, where in places
    ]
    return [(column, cells)], notes


def _claim(group: Group, dataset: str, metric: str) -> Claim | None:
    """The published number for a row: the claim with exactly the same setting."""
    protocol, budget = group.setting.protocol, group.setting.budget
    search = Search(
        oracle=group.setting.oracle,
        dataset=dataset,
        searched_on=group.setting.dataset,
        method=group.method,
        params=changed_params(group, [group]),
        metric=metric,
        epochs=protocol.report_epochs,
        search_epochs=protocol.search_epochs,
        search_seed=protocol.search_seed,
        budget_s=budget.seconds,
        budget_queries=budget.queries,
    )
    return next((claim for claim in _published_searches() if claim.how == search), None)


@cache
def _published_searches() -> tuple[Claim, ...]:
    return tuple(
        claim for claim in shipped_claims() if claim.kind == "search" and claim.value is not None
    )
