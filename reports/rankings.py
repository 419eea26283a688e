"""The ranking tables: how well scorers order the architectures of a whole table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports.document import Cell, Column, Filled, Raw, TableDoc, data_column, interval_column, number_column, slug, text_column, transposed
from reports.words import error_kind, oracle_notes, scale_of, split_words, unit_words
from suite.record import RankRecord
from suite.registry import oracles

_ORIGIN = ("oracle", "table_sha256", "metric", "epochs", "scorer_sha256", "resamples", "bootstrap_seed", "status", "best_arch")

_LEGEND = (
    "Kendall's tau-b and Spearman's rho; in brackets the 95 % percentile bootstrap interval over architectures. "
    "A score that is not finite ranks worst. Top 10 %: among the architectures that are best by the metric. "
    "Precision at p %: share of the best p % by score that is in the best p % by the metric."
)


def rank_table_of(record: RankRecord) -> tuple[str, str, str, int]:
    """What rankings must share to stand in one table."""
    key = record.key
    return key.oracle, key.table_sha256, key.metric, key.epochs


def rank_order(record: RankRecord) -> tuple[object, ...]:
    """For sorting: tables, then data sets in the oracle's order, then scorers."""
    key = record.key
    names = [dataset.name for dataset in oracles.get(key.oracle).info.datasets]
    place = names.index(key.dataset) if key.dataset in names else len(names)
    return *rank_table_of(record), place, key.dataset, key.scorer, key.scorer_sha256, key.resamples, key.seed


def ranking_table(records: Sequence[RankRecord]) -> TableDoc:
    """A row per data set and scorer, the best Kendall first; `records` are in `rank_order` and share `rank_table_of`."""
    key = records[0].key
    info = oracles.get(key.oracle).info
    metric = info.metric(key.metric)
    order = list(dict.fromkeys(record.key.dataset for record in records))
    records = sorted(records, key=lambda record: (order.index(record.key.dataset), *_badness(record)))
    datasets = [record.key.dataset for record in records]
    names = _names(records)
    found = [_number(record.best_value) for record in records]
    counts = [[_number(record.agreement.get(name)) for record in records] for name in ("n", "non_finite")]
    filled: list[Filled] = [
        data_column(_ORIGIN, [_origin(record) for record in records]),
        text_column(Column("dataset", "Data set", ("dataset",), "left", 0, 0), datasets),
        text_column(Column("scorer", "Scorer", ("scorer",), "left", 0, 0), names, [(record.key.scorer,) for record in records]),
        *_correlation(records, "kendall", "Kendall\nτ-b", (1, 2)),
        *_correlation(records, "spearman", "Spearman\nρ", (3, 6)),
        number_column(Column("n", "n", ("n",), terminal=4), counts[0], 0),
        number_column(Column("non_finite", "Non-\nfinite", ("non_finite",), terminal=8), counts[1], 0),
        *_correlation(records, "top_kendall", "τ-b in\ntop 10 %", (5, 9), panel=2),
    ]
    for share in (1, 10):
        column = Column(f"precision_{share}", f"Precision\nat {share} %", (f"precision_at_{share}_percent",), terminal=10, panel=2)
        filled.append(number_column(column, [_number(record.agreement.get(f"precision_{share}")) for record in records], 3))
    best = Column("best_value", f"Best found\n{unit_words(metric)}".strip(), ("best_value",), terminal=7, panel=2)
    filled.append(number_column(best, found, 2, scale=scale_of(metric)))
    failed = [(name, record) for name, record in zip(names, records, strict=True) if record.status == "failed"]
    return TableDoc(
        slug("ranking", key.oracle, key.metric, key.epochs, "epochs"),
        f"{key.oracle}: how well scores rank architectures by {key.metric} ({key.epochs} epochs)",
        _caption(records),
        *transposed(filled),
        legend=_LEGEND,
        footnotes=tuple(f"{name} on {record.key.dataset} failed: {error_kind(record.error)}." for name, record in failed),
        notes=tuple(oracle_notes(info, datasets, (metric,))),
        citations=(info.citation,),
    )


def _correlation(records: Sequence[RankRecord], name: str, header: str, terminal: tuple[int, int], panel: int = 1) -> list[Filled]:
    """A correlation and its interval; where there is none, the word for the reason stands in its place."""
    values = [_number(record.agreement.get(name)) for record in records]
    ends = [_ends(record.agreement.get(f"{name}_ci")) for record in records]
    column, cells = number_column(Column(name, header, (name,), terminal=terminal[0], panel=panel), values, 3)
    words = [Cell(status, (None,)) if status != "ok" else cell for status, cell in zip(map(_status, records), cells, strict=True)]
    interval = Column(f"{name}_interval", "95 %\ninterval", (f"{name}_low", f"{name}_high"), terminal=terminal[1], panel=panel)
    return [(column, words), interval_column(interval, ends, 3)]


def _names(records: Sequence[RankRecord]) -> list[str]:
    """Names of the scorers, with what tells two rankings of the same scorer apart."""
    places = [(record.key.dataset, record.key.scorer) for record in records]
    names = []
    for place, record in zip(places, records, strict=True):
        key = record.key
        told = f" [source {key.scorer_sha256[:8]}, {key.resamples} resamples, seed {key.seed}]" if places.count(place) > 1 else ""
        names.append(key.scorer + told)
    return names


def _origin(record: RankRecord) -> tuple[Raw, ...]:
    key = record.key
    return *rank_table_of(record), key.scorer_sha256, key.resamples, key.seed, _status(record), record.best_arch


def _status(record: RankRecord) -> str:
    return "failed" if record.status == "failed" else str(record.agreement["status"])


def _caption(records: Sequence[RankRecord]) -> str:
    key = records[0].key
    metric = oracles.get(key.oracle).info.metric(key.metric)
    resamples = ", ".join(f"{count:,}" for count in sorted({record.key.resamples for record in records}))
    caption = (
        f"Agreement of each score with {metric.name} ({split_words(metric)}; {key.epochs}-epoch trainings, mean over training seeds) "
        f"over the n architectures of {key.oracle} (table {key.table_sha256[:8]}); intervals from {resamples} resamples. "
        f"Best found: {metric.name} of the architecture with the highest score."
    )
    return caption if metric.higher_is_better else f"{caption} Less {metric.name} is better; a positive correlation is agreement."


def _badness(record: RankRecord) -> tuple[bool, float]:
    tau = _number(record.agreement.get("kendall"))
    return tau is None, -(tau or 0.0)


def _number(value: object) -> float | int | None:
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _ends(value: object) -> tuple[float | None, float | None]:
    low, high = value if isinstance(value, list | tuple) else (None, None)
    return _number(low), _number(high)
