"""`runs.csv`: the runs behind the rows of all tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from nasrepro.reports.document import Raw
from nasrepro.reports.groups import COSTS, REGRET, Group
from nasrepro.reports.render import plain_cell
from nasrepro.reports.summary import Results
from nasrepro.suite.data import write_text
from nasrepro.suite.registry import oracles

_RUN_COLUMNS = (
    "row",
    "run_id",
    "seed",
    "status",
    "method",
    "chosen",
    "dataset",
    "metric",
    "value",
    "regret",
    *COSTS,
)


def write_runs(results: Results, out: Path) -> Path:
    """Write `runs.csv`: every run on every data set that it is reported on.

    With the `row` of the tables that it is behind, its seed, what it returned and what that gave; a
    failed run has empty fields there.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_RUN_COLUMNS)
    writer.writerows(
        map(plain_cell, row) for group in results.chosen.groups for row in _run_rows(group)
    )
    path = out / "runs.csv"
    write_text(path, text.getvalue())
    return path


def _run_rows(group: Group) -> Iterator[tuple[Raw, ...]]:
    info = oracles.get(group.setting.oracle).info
    for dataset in group.setting.protocol.report_datasets:
        target = info.target_of(dataset).name
        columns = [
            group.values[dataset, target],
            group.values[dataset, REGRET],
            *(group.costs[name] for name in COSTS),
        ]
        finished = zip(group.run_ids, group.seeds.tolist(), group.chosen, *columns, strict=True)
        for run_id, seed, chosen, *values in finished:
            start = (group.id, run_id, seed, "finished", group.method, chosen, dataset, target)
            yield (*start, *map(float, values))
        for seed, run_id in group.failed_ids.items():
            start = (group.id, run_id, seed, "failed", group.method, "", dataset, target)
            yield (*start, *(None,) * len(columns))
