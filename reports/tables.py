"""What the tables are: main results, rankings and search cost, from a results store.

Seeds of the search are the replication unit: every mean, interval and test is over them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby

import numpy as np

from nasrepro.reports.anytime import goal_table
from nasrepro.reports.document import (
    BEST,
    CLOSE,
    DASH,
    OWN,
    RECALLED,
    Cell,
    Column,
    Filled,
    Raw,
    TableDoc,
    aligned,
    data_column,
    interval_column,
    interval_decimals,
    number_column,
    plain_decimals,
    slug,
    spread_column,
    text_column,
    transposed,
)
from nasrepro.reports.groups import REGRET, Group, Setting, Values, chosen, size_metric
from nasrepro.reports.overall import overall_table
from nasrepro.reports.published import published_tables
from nasrepro.reports.rankings import overview_tables, rank_order, rank_table_of, ranking_table
from nasrepro.reports.studies import study_tables
from nasrepro.reports.words import (
    budget_words,
    changed_params,
    changed_sources,
    failures,
    header_of,
    labels,
    main_caption,
    main_legend,
    method_notes,
    oracle_notes,
    scale_of,
    searched,
    unit_words,
)
from nasrepro.suite.claims import Claim, Search, Verdict, load_claims
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.plan import load_plan
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import Metric, OracleInfo
from nasrepro.suite.registry import methods, oracles
from nasrepro.suite.statistics import accuracy_density, bootstrap_mean, holm, iqm, paired_test

RESAMPLES = 2000
LEVEL = 0.05
#: With fewer pairs the two-sided signed-rank test cannot get below `LEVEL`, whatever the
#: difference.
MIN_PAIRS = 6


def build(
    store: Store, *, plan: str | None = None, seed: int = 0, verdicts: Sequence[Verdict] = ()
) -> list[TableDoc]:
    """All tables that the store has results for, in a fixed order.

    Args:
        store: results.
        plan: only the settings and seeds of this plan (a shipped one by name, or a path).
        seed: of the bootstrap.
        verdicts: judged claims, whose published rank correlations stand beside ours.

    Raises:
        NasreproError: nothing to report; the message has the command that makes runs.
        UnknownName: a result of an oracle that is not installed here.
    """
    wanted = chosen(store, plan)
    groups = wanted.groups
    rankings = sorted(
        (record for record in store.rankings() if wanted.ranking(record.key)), key=rank_order
    )
    studies = [record for record in store.studies() if wanted.study(record.key)]
    if not groups and not rankings and not studies:
        runs = "runs" if plan is None else f"runs of plan {plan}"
        command = f"nasrepro run --plan {plan or 'reproduce'} --store {store.path}"
        raise NasreproError(
            f"nothing to report: {store.path} has no {runs}; make some with: {command}"
        )
    claims = load_claims()
    main, variants = main_and_variants(groups)
    by_setting = [
        (setting, list(members))
        for setting, members in groupby(main, key=lambda group: group.setting)
    ]
    docs = overall_table(by_setting, seed)
    for setting, rows in by_setting:
        more = _more(rows, variants)
        docs += [
            _main_table(rows, dataset, claims, seed, footnotes=more)
            for dataset in setting.protocol.report_datasets
        ]
    docs += overview_tables(rankings) + published_tables(verdicts)
    docs += [ranking_table(list(records)) for _, records in groupby(rankings, key=rank_table_of)]
    docs += [doc for _, rows in by_setting for doc in goal_table(rows)]
    for setting, rows in by_setting:
        found = [
            _density_table(rows, dataset, seed) for dataset in setting.protocol.report_datasets
        ]
        docs += [doc for doc in found if doc is not None]
    docs += [
        _cost_table(list(rows)) for _, rows in groupby(main, key=lambda group: group.setting.oracle)
    ]
    for (setting, method, _), rows in variants.items():
        docs += [
            _main_table(rows, dataset, claims, seed, variants_of=method)
            for dataset in setting.protocol.report_datasets
        ]
    docs += study_tables(studies, seed)
    taken: set[str] = set()
    for place, doc in enumerate(docs):
        docs[place] = replace(doc, id=slug(doc.id, taken=taken))
        taken.add(docs[place].id)
    return docs


# -- variants ----------------------------------------------------------------------------------------------
#: A method with more rows than this in one setting (an ablation) gets a table of its own.
MAX_ROWS = 3
#: The plan whose sets of parameters stand in the main tables beside the defaults.
MAIN_PLAN = "reproduce"

Family = tuple[Setting, str, str]


def main_and_variants(groups: Sequence[Group]) -> tuple[list[Group], dict[Family, list[Group]]]:
    """The rows of the main tables.

    And the families of rows that would crowd them, by setting, method and source.

    Of a method that was run with more than `MAX_ROWS` sets of parameters in a setting only its
    defaults, and those that `MAIN_PLAN` names, stand in the main table, whatever came out best: to
    choose the row by its result would be a search on test data. The family's own table has all of
    them.
    """
    families: dict[Family, list[Group]] = {}
    for group in groups:
        families.setdefault((group.setting, group.method, group.method_sha256), []).append(group)
    crowded = {place: rows for place, rows in families.items() if len(rows) > MAX_ROWS}
    hidden = {
        id(row)
        for rows in crowded.values()
        for row in rows
        if changed_params(row, rows)
        and _run_of(row.setting.oracle, row.method, row.params) not in _named_sets()
    }
    return [group for group in groups if id(group) not in hidden], crowded


@cache
def _named_sets() -> frozenset[str]:
    """What `MAIN_PLAN` runs, as `_run_of` has it."""
    return frozenset(
        _run_of(
            oracles.get(experiment.oracle).info.name,
            use.name,
            methods.get(use.name).params(use.params),
        )
        for experiment in load_plan(MAIN_PLAN).experiment
        for use in experiment.methods
    )


def _run_of(oracle: str, method: str, params: Mapping[str, object]) -> str:
    return json.dumps([oracle, method, params], sort_keys=True)


def _more(rows: Sequence[Group], variants: Mapping[Family, Sequence[Group]]) -> list[str]:
    """A line for each family of this setting that has its own table."""
    setting, methods_here = rows[0].setting, {group.method for group in rows}
    standing = f"the defaults and what plan {MAIN_PLAN} names stand here"
    missing = f"neither the defaults nor what plan {MAIN_PLAN} names, so none stands here"
    return [
        f"{method}: {len(family)} sets of parameters were run, {standing if method in methods_here else missing}; "
        "all are in the table of its variants."
        for (where, method, _), family in variants.items()
        if where == setting
    ]


# -- main results ------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Summary:
    """Over the n runs that have the value: mean, standard deviation, interval.

    None where there is none.
    """

    n: int
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None


def _summary(values: Values, seed: int) -> _Summary:
    there = values[np.isfinite(values)]
    if there.size < 2:
        return _Summary(there.size, *there.tolist())
    interval = bootstrap_mean(there, seed=seed, resamples=RESAMPLES)
    return _Summary(
        there.size, interval.value, float(there.std(ddof=1)), interval.low, interval.high
    )


def _main_table(
    groups: Sequence[Group],
    dataset: str,
    claims: Sequence[Claim],
    seed: int,
    *,
    footnotes: Sequence[str] = (),
    variants_of: str = "",
) -> TableDoc:
    """Methods of one setting, or the variants of one of them, reported on one data set.

    Best target first.
    """
    setting = groups[0].setting
    info = oracles.get(setting.oracle).info
    shown = list(dict.fromkeys((info.objective_of(dataset), info.target_of(dataset))))
    target = shown[-1]
    found = [
        (group, name, [_summary(group.values[dataset, metric.name], seed) for metric in shown])
        for group, name in zip(groups, labels(groups), strict=True)
    ]
    found.sort(key=lambda row: (*_goodness(row[2][-1].mean, target), row[1]))
    groups, names = [row[0] for row in found], [row[1] for row in found]
    summaries = {
        metric.name: [row[2][place] for row in found] for place, metric in enumerate(shown)
    }
    marks, untested = _marks(groups, dataset, shown, summaries)

    filled: list[Filled] = [_origin(groups, dataset), _methods(groups, names), *_counts(groups)]
    footnotes = list(footnotes)
    for metric in shown:
        filled += _metric_columns(
            metric, summaries[metric.name], marks[metric.name], main=metric is target
        )
        published, sources = _published(groups, dataset, metric, claims)
        filled += published
        footnotes += [source for source in sources if source not in footnotes]
        missing = [
            (name, each, group.seeds.size)
            for name, each, group in zip(names, summaries[metric.name], groups, strict=True)
        ]
        footnotes += [
            f"{name}: only {each.n} of {runs} finished runs have {metric.name}."
            for name, each, runs in missing
            if each.n < runs
        ]
    ends = [(summary.low, summary.high) for summary in summaries[target.name]]
    filled.append(_iqm(groups, dataset, target, interval_decimals(ends, scale=scale_of(target))))
    filled += _regret(groups, dataset, target, seed)
    filled += _costs(groups, info, panel=3, terminal=6)
    filled += _densities(groups, dataset, info, target, seed)
    if untested:
        untold = ", ".join(names[row] for row in sorted(untested))
        footnotes.append(
            f"Fewer than {MIN_PAIRS} seeds shared with the best, so not tested against it: {untold}."
        )
    columns, cells = transposed(filled)
    used = {mark for column in marks.values() for mark in column}
    epochs = f"{setting.protocol.search_epochs}ep"
    kind, title = ("variants", f"variants of {variants_of}, ") if variants_of else ("main", "")
    return TableDoc(
        slug(
            kind,
            variants_of,
            setting.oracle,
            setting.dataset,
            epochs,
            budget_words(setting.budget, unit="s"),
            "on",
            dataset,
        ),
        f"{setting.oracle}: {title}{searched(setting, dataset)} ({budget_words(setting.budget)})",
        main_caption(groups, dataset, shown),
        columns,
        cells,
        legend=main_legend(
            target,
            [column.name for column in columns],
            used,
            RESAMPLES,
            LEVEL,
            own=any(name.startswith(OWN) for name in names),
        ),
        footnotes=(*footnotes, *failures(groups, names)),
        notes=tuple(changed_sources(groups)),
        background=(*method_notes(groups), *oracle_notes(info, (setting.dataset, dataset), shown)),
        citations=(info.citation,),
        row_ids=tuple(group.id for group in groups),
        part="searches" if variants_of else "",
    )


def _iqm(groups: Sequence[Group], dataset: str, target: Metric, decimals: int) -> Filled:
    """Interquartile mean of the target, with as many decimals as its mean has beside it."""
    there = [group.values[dataset, target.name] for group in groups]
    means = [
        iqm(kept, resamples=1).value if (kept := values[np.isfinite(values)]).size else None
        for values in there
    ]
    column = Column(
        f"{target.name}_iqm",
        f"IQM\n{unit_words(target)}".rstrip(),
        (f"{target.name}_iqm",),
        terminal=11,
        panel=2,
    )
    return number_column(column, means, decimals, scale=scale_of(target))


def _goodness(value: float | None, metric: Metric) -> tuple[bool, float]:
    """Sorts the best first and what is missing last."""
    return value is None, 0.0 if value is None else -value if metric.higher_is_better else value


def _marks(
    groups: Sequence[Group],
    dataset: str,
    shown: Sequence[Metric],
    summaries: Mapping[str, Sequence[_Summary]],
) -> tuple[dict[str, list[str]], set[int]]:
    """Per metric a mark for each row.

    And the rows that share too few seeds with the best for a test.
    """
    marks: dict[str, list[str]] = {}
    tests: list[tuple[str, int, float]] = []
    untested: set[int] = set()
    for metric in shown:
        means = [summary.mean for summary in summaries[metric.name]]
        best = min(range(len(means)), key=lambda row: _goodness(means[row], metric))
        marks[metric.name] = [""] * len(means)
        for row, mean in enumerate(means):
            if mean is None:
                continue
            if math.isclose(mean, means[best] or 0.0, rel_tol=1e-12):
                marks[metric.name][row] = BEST
                continue
            pairs = _paired(groups[best], groups[row], (dataset, metric.name))
            if pairs[0].size >= MIN_PAIRS:
                tests.append(
                    (metric.name, row, paired_test(*pairs, resamples=1).p_value)
                )  # its interval is not shown
            else:
                untested.add(row)
    if tests:
        for (name, row, _), p_value in zip(tests, holm([test[2] for test in tests]), strict=True):
            marks[name][row] = CLOSE if p_value > LEVEL else ""
    return marks, untested


def _paired(a: Group, b: Group, place: tuple[str, str]) -> tuple[Values, Values]:
    """Values of two groups at the seeds that both have."""
    _, in_a, in_b = np.intersect1d(a.seeds, b.seeds, return_indices=True)
    first, second = a.values[place][in_a], b.values[place][in_b]
    both = np.isfinite(first) & np.isfinite(second)
    return first[both], second[both]


def _metric_columns(
    metric: Metric, summaries: Sequence[_Summary], marks: Sequence[str], *, main: bool
) -> list[Filled]:
    """`mean ± sd` and the interval of one metric.

    The `main` one comes first in a narrow terminal.
    """
    name, scale, ends = (
        metric.name,
        scale_of(metric),
        [(summary.low, summary.high) for summary in summaries],
    )
    decimals = interval_decimals(ends, scale=scale)
    mean = Column(
        name, header_of(metric), (f"{name}_mean", f"{name}_std"), terminal=1 if main else 4
    )
    interval = Column(
        f"{name}_interval",
        "95 %\ninterval",
        (f"{name}_low", f"{name}_high"),
        terminal=2 if main else None,
    )
    _, cells = spread_column(
        mean, [(summary.mean, summary.sd) for summary in summaries], decimals, scale=scale
    )
    second = _second([summary.mean for summary in summaries], metric)
    marked = [
        replace(cell, mark=mark, second=row == second)
        for row, (cell, mark) in enumerate(zip(cells, marks, strict=True))
    ]
    return [(mean, marked), interval_column(interval, ends, decimals, scale=scale)]


def _second(means: Sequence[float | None], metric: Metric) -> int | None:
    """The row of the second best value; None where the best two are equal or there is none."""
    order = sorted(
        (row for row, mean in enumerate(means) if mean is not None),
        key=lambda row: _goodness(means[row], metric),
    )
    if len(order) < 2 or math.isclose(
        means[order[0]] or 0.0, means[order[1]] or 0.0, rel_tol=1e-12
    ):
        return None
    return order[1]


def _regret(groups: Sequence[Group], dataset: str, target: Metric, seed: int) -> list[Filled]:
    """Mean regret and its interval, where the table has a best cell."""
    summaries = [_summary(group.values[dataset, REGRET], seed) for group in groups]
    if all(summary.mean is None for summary in summaries):
        return []
    scale, ends = scale_of(target), [(summary.low, summary.high) for summary in summaries]
    decimals = interval_decimals(ends, scale=scale)
    unit = "(points)" if target.unit == "fraction" else unit_words(target)
    mean = Column(REGRET, f"Regret\n{unit}".rstrip(), ("regret_mean",), terminal=6, panel=2)
    interval = Column("regret_interval", "95 %\ninterval", ("regret_low", "regret_high"), panel=2)
    means = number_column(mean, [summary.mean for summary in summaries], decimals, scale=scale)
    return [means, interval_column(interval, ends, decimals, scale=scale)]


def _densities(
    groups: Sequence[Group], dataset: str, info: OracleInfo, target: Metric, seed: int
) -> list[Filled]:
    """Accuracy per million parameters and per million MACs, per run and then averaged.

    Decimals by the narrowest interval of the column.
    """
    filled: list[Filled] = []
    for unit, words in (("param", "params"), ("MAC", "MACs")):
        size = size_metric(info, unit)
        if size is None or target.unit != "fraction" or not target.higher_is_better:
            continue
        found = [_summary(_density(group, dataset, target, size), seed) for group in groups]
        decimals = interval_decimals([(each.low, each.high) for each in found], least=0)
        name = f"density_percent_per_million_{words.lower()}"
        filled.append(
            number_column(
                Column(name, f"Density\n(%/M {words})", (name,), panel=3),
                [each.mean for each in found],
                decimals,
            )
        )
    return filled


def _density(group: Group, dataset: str, target: Metric, size: Metric) -> Values:
    """Accuracy density of each run that has both values."""
    pairs = zip(group.values[dataset, target.name], group.values[dataset, size.name], strict=True)
    return np.array(
        [
            accuracy_density(accuracy, count)
            for accuracy, count in pairs
            if accuracy >= 0 and count > 0
        ]
    )


def _published(
    groups: Sequence[Group], dataset: str, metric: Metric, claims: Sequence[Claim]
) -> tuple[list[Filled], list[str]]:
    """What papers state for these rows, and where they state it.

    Nothing where they state nothing.
    """
    found = [_claim(group, dataset, metric.name, claims) for group in groups]
    known = [claim for claim in found if claim is not None]
    if not known:
        return [], []
    scale = scale_of(metric)
    decimals = max(
        len(repr(number).partition(".")[2])
        for claim in known
        for number in (claim.value, claim.spread)
        if number is not None
    )
    means = aligned([claim.value if claim else None for claim in found], decimals)
    spreads = aligned([claim.spread if claim else None for claim in found], decimals)
    cells = []
    for claim, mean, spread in zip(found, means, spreads, strict=True):
        if claim is None:
            cells.append(Cell(DASH, (None, None, None)))
            continue
        raw = (
            None if number is None else round(number / scale, 12)
            for number in (claim.value, claim.spread)
        )
        text = mean if claim.spread is None else f"{mean} ± {spread}"
        cells.append(
            Cell(text, (*raw, claim.source), RECALLED if claim.source == "recalled" else "")
        )
    data = tuple(f"{metric.name}_published{part}" for part in ("", "_spread", "_source"))
    header = f"Published\n{metric.split} {unit_words(metric)}".rstrip()
    column = Column(data[0], header, data, terminal=5 if metric.split == "test" else None, panel=2)
    places = sorted(
        {(claim.source == "recalled", f"{claim.paper}, {claim.where}") for claim in known}
    )
    notes = [
        f"{RECALLED} {where}: recalled, the text was not read."
        if recalled
        else f"Published: {where}."
        for recalled, where in places
    ]
    return [(column, cells)], notes


def _claim(group: Group, dataset: str, metric: str, claims: Sequence[Claim]) -> Claim | None:
    """The published number for a row: the claim whose setting is the row's in every field."""
    protocol, budget = group.setting.protocol, group.setting.budget
    wanted = Search(
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
    return next(
        (claim for claim in claims if claim.how == wanted and claim.value is not None), None
    )


# -- accuracy density --------------------------------------------------------------------------------------
_DENSITY_LEGEND = (
    "Density is {target} in % per million parameters, and in % per million MACs: both are our definitions (the SwiftNet paper's own was "
    f"not read). Means over search seeds; in brackets the 95 % percentile bootstrap interval of the mean ({RESAMPLES:,} resamples)."
)


def _density_table(groups: Sequence[Group], dataset: str, seed: int) -> TableDoc | None:
    """Accuracy against size of what each method chose, densest in parameters first.

    None where there is no accuracy.
    """
    setting = groups[0].setting
    info = oracles.get(setting.oracle).info
    target = info.target_of(dataset)
    sizes = [
        (unit, words, size)
        for unit, words in (("param", "params"), ("MAC", "MACs"))
        if (size := size_metric(info, unit))
    ]
    if not sizes or target.unit != "fraction" or not target.higher_is_better:
        return None
    by_unit = {
        unit: [_summary(_density(group, dataset, target, size), seed) for group in groups]
        for unit, _, size in sizes
    }
    names = labels(groups)
    order = sorted(
        range(len(groups)),
        key=lambda row: (*_goodness(by_unit[sizes[0][0]][row].mean, target), names[row]),
    )
    groups, names = [groups[row] for row in order], [names[row] for row in order]
    accuracy = [
        _mean(
            group.values[dataset, target.name][
                np.isfinite(group.values[dataset, target.name])
            ].tolist()
        )
        for group in groups
    ]
    filled: list[Filled] = [
        _origin(groups, dataset),
        _methods(groups, names),
        number_column(
            Column(target.name, header_of(target), (f"{target.name}_mean",), terminal=3),
            accuracy,
            2,
            scale=scale_of(target),
        ),
    ]
    for place, (unit, words, size) in enumerate(sizes):
        counts = [_mean(group.values[dataset, size.name].tolist()) for group in groups]
        summaries = [by_unit[unit][row] for row in order]
        ends = [(summary.low, summary.high) for summary in summaries]
        name, decimals = (
            f"density_percent_per_million_{words.lower()}",
            interval_decimals(ends, least=0),
        )
        header = Column(
            size.name,
            f"{words[:1].upper()}{words[1:]}\n(M)",
            (f"{size.name}_mean",),
            terminal=6 + place,
            panel=1 + place,
        )
        filled += [
            number_column(header, counts, scale=1e-6),
            number_column(
                Column(
                    name, f"Density\n(%/M {words})", (name,), terminal=1 + place, panel=1 + place
                ),
                [each.mean for each in summaries],
                decimals,
            ),
            interval_column(
                Column(
                    f"{name}_interval",
                    "95 %\ninterval",
                    (f"{name}_low", f"{name}_high"),
                    terminal=4 + place,
                    panel=1 + place,
                ),
                ends,
                decimals,
            ),
        ]
    return TableDoc(
        slug(
            "density",
            setting.oracle,
            setting.dataset,
            f"{setting.protocol.search_epochs}ep",
            budget_words(setting.budget, unit="s"),
            "on",
            dataset,
        ),
        f"{setting.oracle}: accuracy density, {searched(setting, dataset)} ({budget_words(setting.budget)})",
        main_caption(groups, dataset, [target]),
        *transposed(filled),
        legend=_DENSITY_LEGEND.format(target=target.name),
        footnotes=tuple(failures(groups, names)),
        notes=tuple(changed_sources(groups)),
        background=tuple(method_notes(groups)),
        citations=(info.citation,),
        row_ids=tuple(group.id for group in groups),
        part="searches",
    )


# -- cost --------------------------------------------------------------------------------------------------
_COST_LEGEND = (
    "Costs measure different things and are never added up: simulated GPU hours (and the budget) are the table's training times; "
    "overhead is the CPU time of the method itself; queries are evaluations, repeats included; unique queries count equal cells once."
)


def _cost_table(groups: Sequence[Group]) -> TableDoc:
    """What the searches on one oracle cost."""
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
    filled: list[Filled] = [
        _origin(groups),
        _methods(groups, names),
        text_column(
            Column("searched_on_shown", "Searched\non", (), "left", 1),
            [setting.dataset for setting in settings],
            nothing,
        ),
        text_column(Column("epochs_shown", "Epochs", (), "right", 9), epochs, nothing),
        text_column(Column("budget_shown", "Budget", (), "left", 5), budgets, nothing),
        *_counts(groups),
        *_costs(groups, info, panel=2, terminal=2),
    ]
    footnotes = (
        []
        if info.cost
        else [
            f"The table of {info.name} has no training times, so there are no simulated GPU hours."
        ]
    )
    return TableDoc(
        slug("cost", info.name),
        f"{info.name}: search cost",
        f"What one search on {info.name} cost: mean over the finished runs.",
        *transposed(filled),
        legend=_COST_LEGEND,
        footnotes=(*footnotes, *failures(groups, names)),
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


# -- columns of both ---------------------------------------------------------------------------------------
def _costs(groups: Sequence[Group], info: OracleInfo, *, panel: int, terminal: int) -> list[Filled]:
    """Queries, simulated GPU hours and measured CPU seconds.

    Means over the finished runs, never added up.
    """
    queries, unique, seconds, overhead = (
        [_mean(group.costs[name]) for group in groups]
        for name in ("queries", "unique_queries", "simulated_s", "overhead_s")
    )
    hours = [value / 3600 if value is not None and info.cost else None for value in seconds]
    return [
        number_column(
            Column("queries", "Queries", ("queries",), terminal=terminal + 1, panel=panel), queries
        ),
        number_column(
            Column(
                "unique_queries",
                "Unique\nqueries",
                ("unique_queries",),
                terminal=terminal + 5,
                panel=panel,
            ),
            unique,
        ),
        number_column(
            Column(
                "gpu_hours",
                "Simulated\nGPU h",
                ("simulated_gpu_hours",),
                terminal=terminal,
                panel=panel,
            ),
            hours,
            plain_decimals(hours, least=2),
        ),
        number_column(
            Column(
                "overhead",
                "Overhead\nCPU s",
                ("overhead_cpu_s",),
                terminal=terminal + 2,
                panel=panel,
            ),
            overhead,
        ),
    ]


def _counts(groups: Sequence[Group]) -> list[Filled]:
    """Numbers of finished runs and, where there are any, of failed ones."""
    failed: list[float | None] = [len(group.failed) for group in groups]
    header = "Failed" if any(failed) else ""
    return [
        number_column(
            Column("seeds", "Seeds", ("seeds",), terminal=3),
            [int(group.seeds.size) for group in groups],
            0,
        ),
        number_column(Column("failed", header, ("failed_runs",), terminal=0), failed, 0),
    ]


def _methods(groups: Sequence[Group], names: Sequence[str]) -> Filled:
    values: list[tuple[Raw, ...]] = [
        (
            group.method,
            json.dumps(dict(group.params), sort_keys=True),
            group.method_sha256,
            group.id,
        )
        for group in groups
    ]
    return text_column(
        Column("method", "Method", ("method", "params", "method_sha256", "row"), "left", 0, 0),
        names,
        values,
    )


def _origin(groups: Sequence[Group], dataset: str | None = None) -> Filled:
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
        values = [(*each, dataset) for each in values]
    return data_column(data, values)


def _mean(values: Values | Sequence[float]) -> float | None:
    there = np.asarray(values, dtype=np.float64)
    there = there[np.isfinite(there)]
    return float(there.mean()) if there.size else None
