"""Searches by one supernet, side by side: how inherited accuracy ranks, regret, skips over time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from nasrepro.reports.document import (
    Column,
    Filled,
    TableDoc,
    data_column,
    slug,
    text_column,
    transposed,
)
from nasrepro.reports.summary import INTERVAL, Measure, Results, estimate
from nasrepro.reports.tables.columns import interval, mean
from nasrepro.reports.words import title_of
from nasrepro.suite.experiments.kinds.study import StudyRecord
from nasrepro.suite.registry import oracles

ORDER = 79

_LEGEND = (
    "Kendall, inherited: Kendall's tau-b between the accuracies that random cells inherit from the "
    "supernet at the end of the search and the table's accuracies, for which each cell was trained "
    "on its own. Kendall, params: the same for the numbers of parameters of these cells. Accuracy "
    "and regret are the table's, for the architecture that the search chooses at its end. Skips: "
    "the share of operations without weights in the architecture that the search would have chosen "
    f"at its start, in its middle and at its end. Means over seeds, and the {INTERVAL}. The points "
    "in between are in the tables of the studies."
)
#: Header, bounds and decimals of what is measured at the end of a search.
_MEASURED = {
    "kendall": ("Kendall,\ninherited", (-1.0, 1.0), 2),
    "kendall_params": ("Kendall,\nparams", (-1.0, 1.0), 2),
    "accuracy": ("Accuracy\n(%)", (0.0, 100.0), 1),
    "regret": ("Regret\n(points)", (0.0, 100.0), 1),
}
#: Shares of the search at which skips are shown; the point before counts where there is none.
_TIMES = {"start": 0.0, "middle": 0.5, "end": 1.0}


def tables(results: Results) -> Iterator[TableDoc]:
    """A table for each oracle with studies `<method>.inherited`."""
    groups: dict[str, list[StudyRecord]] = defaultdict(list)
    for record in results.studies:
        if record.key.study.endswith(".inherited") and record.status == "done":
            groups[str(record.key.params["oracle"])].append(record)
    for oracle, records in sorted(groups.items()):
        yield one_shot_table(oracle, records, results.seed)


def one_shot_table(oracle: str, records: Sequence[StudyRecord], seed: int) -> TableDoc:
    """A row for each method, set of parameters and version of the source."""

    def place(record: StudyRecord) -> tuple[str, str, str]:
        key = record.key
        return key.study, json.dumps(dict(key.params), sort_keys=True), key.study_sha256

    ordered = sorted(records, key=lambda record: (*place(record), record.key.seed))
    rows = [(origin, list(members)) for origin, members in groupby(ordered, key=place)]
    names = [title_of(study.partition(".")[0]) for (study, _, _), _ in rows]
    seeds = [estimate(np.ones(len(members))) for _, members in rows]
    filled: list[Filled] = [
        data_column(("study", "params", "study_sha256"), [origin for origin, _ in rows]),
        text_column(Column("method", "Method", ("method",), "left", 0, 0), names),
        text_column(
            Column("seeds", "Seeds", ("seeds",), "right", 2), [str(each.n) for each in seeds]
        ),
    ]
    for name, (header, bounds, decimals) in _MEASURED.items():
        values = [[float(record.rows[-1][name]) for record in members] for _, members in rows]
        estimates = tuple(estimate(np.array(row), seed, bounds) for row in values)
        measure = Measure(name, header, estimates, 1.0, decimals)
        filled += [mean(measure, terminal=1), interval(measure, terminal=3)]
    for when, share in _TIMES.items():
        values = [[_skips(record, share) for record in members] for _, members in rows]
        estimates = tuple(estimate(np.array(row), seed, (0.0, 1.0)) for row in values)
        header = f"Skips,\n{when} (%)"
        filled.append(mean(Measure(f"skips_{when}", header, estimates, 100.0, 0), terminal=2))
    return TableDoc(
        slug("one-shot", oracle),
        f"{oracle}: searches by one supernet against trainings of their own",
        f"How well each search by one supernet ranks architectures of {oracle}, and which one it "
        f"chooses, judged by the table's trainings; nothing was trained further.",
        *transposed(filled),
        legend=_LEGEND,
        citations=(oracles.get(oracle).info.citation,) if oracles.has(oracle) else (),
        part="studies",
    )


def _skips(record: StudyRecord, share: float) -> float:
    """Share of skips in what would have been chosen by then, or first."""
    rows = [row for row in record.rows if float(row["done"]) <= share] or [record.rows[0]]
    return float(rows[-1]["skips"])
