"""The ranking tables: how well scorers order the architectures of each oracle's table."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from nasrepro.reports.document import (
    DASH,
    Column,
    Filled,
    Raw,
    TableCell,
    TableDoc,
    aligned,
    data_column,
    interval_column,
    number_column,
    scaled,
    slug,
    text_column,
    transposed,
)
from nasrepro.reports.summary import Results
from nasrepro.reports.words import error_kind, oracle_notes, scale_of, split_words, unit_words
from nasrepro.suite.experiments.kinds.ranking import RankRecord
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import oracles
from nasrepro.suite.scoring import ScoringSetting

ORDER = 20

_ORIGIN = (
    "run_id",
    "oracle",
    "table_sha256",
    "metric",
    "epochs",
    "scorer_sha256",
    "resamples",
    "bootstrap_seed",
    "status",
)

_LEGEND = (
    "Kendall's tau-b and Spearman's rho; in brackets the 95 % percentile bootstrap interval over "
    "architectures. Scores that are not finite rank worst. Top 10 %: among the best architectures "
    "by the metric. Precision at p %: share of the best p % by score that is in the best p % by "
    "the metric. Scored with: batches × images per batch, and the network (full: the benchmark's "
    "own; otherwise its reduced sizes); a score without a network uses only the architecture. "
    "Best found: the mean over all architectures that tie for the best score; none for scores that "
    "give no order. Rows over different architectures (all, or a random sample) should be compared "
    "by their intervals."
)
#: Marks a coefficient over a random sample.
SAMPLE = "°"


def tables(results: Results) -> Iterator[TableDoc]:
    """A table for each oracle, metric and training length."""
    records = sorted(results.rankings, key=rank_order)
    for _, members in groupby(records, key=rank_table_of):
        yield ranking_table(list(members))


def rank_table_of(record: RankRecord) -> tuple[str, str, str, int]:
    """The fields that the rankings of one table share."""
    key = record.key
    return key.oracle, key.table_sha256, key.metric, key.epochs


def rank_order(record: RankRecord) -> tuple[object, ...]:
    """Sort key: tables, then data sets in the oracle's order, then scorers."""
    key = record.key
    names = [dataset.name for dataset in oracles.get(key.oracle).info.datasets]
    place = names.index(key.dataset) if key.dataset in names else len(names)
    return (
        *rank_table_of(record),
        place,
        key.dataset,
        key.scorer,
        key.scorer_sha256,
        key.resamples,
        key.seed,
    )


def ranking_table(records: Sequence[RankRecord]) -> TableDoc:
    """A row per data set and scorer; of those over equally many architectures the best first.

    `records` are in `rank_order` and share `rank_table_of`.
    """
    key = records[0].key
    info = oracles.get(key.oracle).info
    metric = info.metric(key.metric)
    order = list(dict.fromkeys(record.key.dataset for record in records))
    records = sorted(
        records, key=lambda record: (order.index(record.key.dataset), *_badness(record))
    )
    datasets = [record.key.dataset for record in records]
    names = _names(records)
    settings = [
        setting_words(record.key.setting, network=bool(record.key.sample)) for record in records
    ]
    inputs = {
        words: record.inputs
        for words, record in zip(settings, records, strict=True)
        if record.inputs
    }
    filled = _columns(records, names, settings, metric)
    failed = [
        (name, record)
        for name, record in zip(names, records, strict=True)
        if record.status == "failed"
    ]
    return TableDoc(
        slug("ranking", key.oracle, key.metric, key.epochs, "epochs"),
        f"{key.oracle}: how well scores rank architectures by {key.metric} ({key.epochs} epochs)",
        _caption(records),
        *transposed(filled),
        legend=_LEGEND,
        footnotes=(
            *(f"Scored with {words}: {each}." for words, each in inputs.items()),
            *(
                f"{name} on {record.key.dataset} failed: {error_kind(record.error)}."
                for name, record in failed
            ),
        ),
        background=tuple(oracle_notes(info, datasets, (metric,))),
        citations=(info.citation,),
        links=tuple(
            f"ranking={record.key.run_id}" if record.status == "done" else "" for record in records
        ),
    )


def _columns(
    records: Sequence[RankRecord], names: Sequence[str], settings: Sequence[str], metric: Metric
) -> list[Filled]:
    datasets = [record.key.dataset for record in records]
    whole = whole_table(records)
    bad = [number_of(record.agreement.get("non_finite")) for record in records]
    filled: list[Filled] = [
        data_column(_ORIGIN, [_origin(record) for record in records]),
        text_column(Column("dataset", "Data set", ("dataset",), "left", 0, 0), datasets),
        text_column(
            Column("scorer", "Scorer", ("scorer",), "left", 0, 0),
            names,
            [(record.key.scorer,) for record in records],
        ),
        *_correlation(records, "kendall", "Kendall\nτ-b", (1, 2)),
        *_correlation(records, "spearman", "Spearman\nρ", (3, 6)),
        _over(records, whole),
        _setting_column(records, settings),
        number_column(
            Column("non_finite", "Non-\nfinite", ("non_finite",), terminal=8, panel=2), bad, 0
        ),
        *_correlation(records, "top_kendall", "τ-b in\ntop 10 %", (5, 9), panel=2),
    ]
    for share in (1, 10):
        column = Column(
            f"precision_{share}",
            f"Precision\nat {share} %",
            (f"precision_at_{share}_percent",),
            terminal=10,
            panel=2,
        )
        filled.append(
            number_column(
                column,
                [number_of(record.agreement.get(f"precision_{share}")) for record in records],
                3,
            )
        )
    filled.append(_best(records, metric))
    cell = Column("best_arch", "Best by score", ("best_arch",), "left", None, panel=3)
    filled.append(
        text_column(
            cell,
            [best_words(record) for record in records],
            [(record.best_arch or None,) for record in records],
        )
    )
    return filled


def _correlation(
    records: Sequence[RankRecord], name: str, header: str, terminal: tuple[int, int], panel: int = 1
) -> list[Filled]:
    """A correlation and its interval, or a word for the reason why it is missing."""
    values = [number_of(record.agreement.get(name)) for record in records]
    ends = [ends_of(record.agreement.get(f"{name}_ci")) for record in records]
    column, cells = number_column(
        Column(name, header, (name,), terminal=terminal[0], panel=panel), values, 3
    )
    words = [
        TableCell(status, (None,)) if status != "ok" else cell
        for status, cell in zip(map(status_word, records), cells, strict=True)
    ]
    interval = Column(
        f"{name}_interval",
        "95 %\ninterval",
        (f"{name}_low", f"{name}_high"),
        terminal=terminal[1],
        panel=panel,
    )
    return [(column, words), interval_column(interval, ends, 3)]


def _best(records: Sequence[RankRecord], metric: Metric) -> Filled:
    """The metric of the architecture with the best score; the mean if several tie."""
    header = f"Best found\n{unit_words(metric)}".strip()
    data = ("best_value", "best_tied")
    column = Column("best_value", header, data, terminal=7, panel=2)
    scale = scale_of(metric)
    shown = [scaled(number_of(record.best_value), scale) for record in records]
    tied = [record.best_tied if record.best_value is not None else None for record in records]
    return column, [
        TableCell(text, (number_of(record.best_value), count))
        for text, record, count in zip(aligned(shown, 2), records, tied, strict=True)
    ]


def best_words(record: RankRecord) -> str:
    """The architecture with the best score, and how many tie with it."""
    if not record.best_arch:
        return DASH
    tied = f" (first of {record.best_tied:,} that tie)" if record.best_tied > 1 else ""
    return f"{record.best_arch}{tied}"


def _over(records: Sequence[RankRecord], whole: int | None) -> Filled:
    """The number of architectures behind a row: all of the table's, or a random sample."""
    cells = []
    for record in records:
        n = record.agreement.get("n")
        of = f" of {whole:,}" if whole else ""
        text = (
            DASH if n is None else f"random {n:,}{of}" if sampled(record, whole) else f"all {n:,}"
        )
        cells.append(TableCell(text, (n, whole, record.key.sample)))
    return Column(
        "n", "Architectures", ("n", "architectures_of_the_table", "sample"), "left", terminal=4
    ), cells


def whole_table(records: Sequence[RankRecord]) -> int | None:
    """The number of architectures of a table, from the rankings over all of them, or None."""
    return max(
        (
            record.agreement["n"]
            for record in records
            if record.status == "done" and not record.key.sample
        ),
        default=None,
    )


def sampled(record: RankRecord, whole: int | None) -> bool:
    """Whether a ranking is over a random sample."""
    return record.key.sample > 0 and record.agreement.get("n") != whole


def _setting_column(records: Sequence[RankRecord], settings: Sequence[str]) -> Filled:
    values: list[tuple[Raw, ...]] = [
        (json.dumps(dict(record.key.setting), sort_keys=True), record.inputs) for record in records
    ]
    return text_column(
        Column("setting", "Scored with", ("setting", "inputs"), "left", terminal=5),
        settings,
        values,
    )


def setting_words(setting: Mapping[str, Any], *, network: bool) -> str:
    """How networks are scored: batches x images, the network, and other non-default values."""
    if not network:
        return "no network"
    whole = ScoringSetting(**setting)
    size = (
        ", ".join(f"{name} {value}" for name, value in sorted(whole.network.items()))
        or "full network"
    )
    others = [f"{name} {setting[name]}" for name in ("data", "seed", "dataset") if name in setting]
    if whole.as_built:
        others.append("dead parts included")
    return ", ".join([f"{whole.batches} × {whole.batch}", size, *others])


def scorer_names(records: Sequence[RankRecord]) -> tuple[list[str], str]:
    """Names of the scorers for a figure, and the legend of their letters.

    A scorer with several settings has a letter for each.
    """
    words = [
        setting_words(record.key.setting, network=bool(record.key.sample)) for record in records
    ]
    names = [record.key.scorer for record in records]
    several = {
        name
        for name in names
        if len({each for other, each in zip(names, words, strict=True) if other == name}) > 1
    }
    repeated = sorted({text for name, text in zip(names, words, strict=True) if name in several})
    letters = {text: chr(ord("A") + place) for place, text in enumerate(repeated)}
    legend = "".join(f" {letter}: scored with {each}." for each, letter in letters.items())
    return [
        f"{name} ({letters[each]})" if name in several else name
        for name, each in zip(names, words, strict=True)
    ], legend


def _names(records: Sequence[RankRecord]) -> list[str]:
    """Names of the scorers; repeated ones with the details that other columns do not show."""

    def place(record: RankRecord) -> tuple[object, ...]:
        key = record.key
        return key.dataset, key.scorer, json.dumps(dict(key.setting), sort_keys=True), key.sample

    def details(record: RankRecord) -> tuple[str, ...]:
        key = record.key
        return f"source {key.scorer_sha256[:8]}", f"{key.resamples:,} resamples", f"seed {key.seed}"

    names = []
    for record in records:
        same = [details(other) for other in records if place(other) == place(record)]
        rows = zip(details(record), *same, strict=True)
        extra = [texts[0] for texts in rows if len(set(texts)) > 1]
        names.append(f"{record.key.scorer} [{', '.join(extra)}]" if extra else record.key.scorer)
    return names


def _origin(record: RankRecord) -> tuple[Raw, ...]:
    key = record.key
    return (
        key.run_id,
        *rank_table_of(record),
        key.scorer_sha256,
        key.resamples,
        key.seed,
        status_word(record),
    )


def status_word(record: RankRecord) -> str:
    """`ok`, or a word for why the figure is missing."""
    return "failed" if record.status == "failed" else str(record.agreement["status"])


def _caption(records: Sequence[RankRecord]) -> str:
    key = records[0].key
    metric = oracles.get(key.oracle).info.metric(key.metric)
    resamples = ", ".join(
        f"{count:,}" for count in sorted({record.key.resamples for record in records})
    )
    caption = (
        f"Agreement of each score with {metric.name} ({split_words(metric)}; {key.epochs}-epoch "
        "trainings, mean over training seeds) "
        f"over architectures of {key.oracle} (table {key.table_sha256[:8]}); intervals from "
        f"{resamples} resamples. "
        f"Best found: {metric.name} of the architecture with the highest score."
    )
    return (
        caption
        if metric.higher_is_better
        else f"{caption} Lower {metric.name} is better; a positive correlation means agreement."
    )


def _badness(record: RankRecord) -> tuple[bool, float, float]:
    """For sorting: rows over most architectures first, of those the ones with the best Kendall."""
    tau = number_of(record.agreement.get("kendall"))
    return (True, 0, 0.0) if tau is None else (False, -record.agreement["n"], -tau)


def number_of(value: object) -> float | int | None:
    """The value if it is a finite number, else None."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def ends_of(value: object) -> tuple[float | None, float | None]:
    """Both ends of an interval."""
    low, high = value if isinstance(value, list | tuple) else (None, None)
    return number_of(low), number_of(high)
