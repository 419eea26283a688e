"""Rankings over all oracles: a row per scorer and setting, a column per data set of each oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from nasrepro.reports.document import (
    BEST,
    DASH,
    PAD,
    Column,
    Filled,
    TableCell,
    TableDoc,
    aligned,
    text_column,
    transposed,
)
from nasrepro.reports.groups import is_here
from nasrepro.reports.summary import Results
from nasrepro.reports.tables.rankings import (
    SAMPLE,
    ends_of,
    number_of,
    rank_order,
    sampled,
    setting_words,
    status_word,
    whole_table,
)
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.kinds.ranking import RankRecord
from nasrepro.suite.registry import oracles, scorers
from nasrepro.suite.statistics import tied_levels

ORDER = 12
#: Columns that fit the width of a page.
_ACROSS = 5


def tables(results: Results) -> Iterator[TableDoc]:
    """A table for Kendall, and one for Spearman."""
    yield from overview_tables(sorted(results.rankings, key=rank_order))


def overview_tables(records: Sequence[RankRecord]) -> list[TableDoc]:
    """A row per scorer and setting, a column per data set of each oracle.

    By Kendall, and by Spearman; none for a single oracle.

    Against the target of each data set, after its longest training. `records` are in `rank_order`.
    """
    wanted = _current(
        [
            record
            for record in records
            if record.key.metric
            == oracles.get(record.key.oracle).info.target_of(record.key.dataset).name
        ]
    )
    places = list(dict.fromkeys((record.key.oracle, record.key.dataset) for record in wanted))
    if len({oracle for oracle, _ in places}) < 2:
        return []
    rows: dict[tuple[str, str], dict[tuple[str, str], RankRecord]] = {}
    for record in wanted:
        key = record.key
        row = rows.setdefault(
            (key.scorer, setting_words(key.setting, network=bool(key.sample))), {}
        )
        current = row.get((key.oracle, key.dataset))
        if current is None or _size(record) > _size(current):
            row[key.oracle, key.dataset] = record
    return [
        _overview(rows, places, name, words)
        for name, words in (("kendall", "Kendall's τ-b"), ("spearman", "Spearman's ρ"))
    ]


def _current(records: Sequence[RankRecord]) -> list[RankRecord]:
    """The rankings of each data set after its longest training.

    They are on the installed version of the table where there are any on it.
    """
    kept: list[RankRecord] = []
    places: dict[tuple[str, str], list[RankRecord]] = {}
    for record in records:
        places.setdefault((record.key.oracle, record.key.dataset), []).append(record)
    for there in places.values():
        there = [
            record for record in there if is_here(record.key.oracle, record.key.table_sha256)
        ] or there
        longest = max(record.key.epochs for record in there)
        kept += [record for record in there if record.key.epochs == longest]
    return kept


def _is_current(record: RankRecord) -> bool:
    """Whether the scorer's source is as it was; also where it is not installed."""
    try:
        return scorers.get(record.key.scorer).source_sha256 == record.key.scorer_sha256
    except NasreproError:
        return True


def _size(record: RankRecord) -> tuple[bool, float]:
    return _is_current(record), number_of(record.agreement.get("n")) or 0


def _overview(
    rows: Mapping[tuple[str, str], Mapping[tuple[str, str], RankRecord]],
    places: Sequence[tuple[str, str]],
    name: str,
    words: str,
) -> TableDoc:
    def goodness(row: tuple[str, str]) -> tuple[object, ...]:
        values = [
            value
            for record in rows[row].values()
            if (value := number_of(record.agreement.get(name))) is not None
        ]
        return -len(values), -sum(values) / max(1, len(values)), row

    order = sorted(rows, key=goodness)
    filled = [
        text_column(
            Column("scorer", "Scorer", ("scorer",), "left", 0, 0), [scorer for scorer, _ in order]
        ),
        text_column(
            Column("setting", "Scored with", ("setting",), "left", 90, 0),
            [setting for _, setting in order],
        ),
        *(
            _overview_column(i, place, [rows[row].get(place) for row in order], name)
            for i, place in enumerate(places)
        ),
    ]
    return TableDoc(
        f"rankings-{name}",
        f"All oracles: {words} of each score",
        f"{words} between each score and the target of each data set, after its longest "
        f"training. {SAMPLE}: over a random sample of the table's architectures. The tables of "
        "each oracle give their number, the intervals, the metric and its split.",
        *transposed(filled),
        legend=(
            "Scorers with the most data sets come first; of those with equally many, the ones "
            "with the highest mean. In bold: the best of the scores over all architectures or, "
            "where there are none, of those over the most common size of sample. "
            f"{DASH}: not scored."
        ),
    )


def _overview_column(
    number: int, place: tuple[str, str], records: Sequence[RankRecord | None], name: str
) -> Filled:
    rankings = [record for record in records if record is not None]
    whole = whole_table(rankings)
    samples = any(sampled(record, whole) for record in rankings)
    values = [
        None if record is None else number_of(record.agreement.get(name)) for record in records
    ]
    best = _best(records, values, whole)
    cells = []
    for row, (record, value, shown) in enumerate(
        zip(records, values, aligned(values, 3), strict=True)
    ):
        if record is None:
            cells.append(TableCell(shown + (PAD if samples else ""), (None, None, None, None)))
            continue
        text = (status_word(record) if value is None else shown) + (
            (SAMPLE if sampled(record, whole) else PAD) if samples else ""
        )
        interval = ends_of(record.agreement.get(f"{name}_ci"))
        cells.append(
            TableCell(
                text,
                (value, *interval, number_of(record.agreement.get("n"))),
                BEST if row in best else "",
            )
        )
    oracle, dataset = place
    stem = f"{oracle}_{dataset}".lower().replace("-", "_")
    data = tuple(f"{stem}_{part}" for part in (name, "low", "high", "n"))
    return Column(
        stem, f"{oracle}\n{dataset}", data, terminal=1 + number, panel=1 + number // _ACROSS
    ), cells


def _best(
    records: Sequence[RankRecord | None], values: Sequence[float | None], whole: int | None
) -> set[int]:
    """The rows with the best value, of those over the same architectures."""
    sizes = {
        row: record.agreement.get("n")
        for row, (record, value) in enumerate(zip(records, values, strict=True))
        if record is not None and value is not None
    }
    if not sizes:
        return set()
    common = whole if whole in sizes.values() else Counter(sizes.values()).most_common(1)[0][0]
    rows = [row for row, size in sizes.items() if size == common]
    places = tied_levels([values[row] or 0.0 for row in rows])
    return {row for row, at in zip(rows, places, strict=True) if at == max(places)}
