"""`runs.csv`: the runs behind the rows of all tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from nasrepro.reports.document import Raw, missing
from nasrepro.reports.groups import COSTS, REGRET, Group
from nasrepro.reports.render import plain_cell
from nasrepro.reports.summary import Results
from nasrepro.suite.data import atomic_write
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
    path = out / "runs.csv"
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_RUN_COLUMNS)
        for group in results.chosen.groups:
            writer.writerows(_run_rows(group))
    return path


def _run_rows(group: Group) -> Iterator[tuple[Raw, ...]]:
    info = oracles.get(group.setting.oracle).info
    id_, method = group.id, plain_cell(group.method)
    archs = {arch: plain_cell(arch) for arch in set(group.chosen)}
    for dataset in group.setting.protocol.report_datasets:
        target = info.target_of(dataset).name
        columns = [
            group.values[dataset, target],
            group.values[dataset, REGRET],
            *(group.costs[name] for name in COSTS),
        ]
        numbers = [column.tolist() for column in columns]
        finished = zip(group.run_ids, group.seeds.tolist(), group.chosen, *numbers, strict=True)
        for run_id, seed, chosen, *values in finished:
            start = (id_, run_id, seed, "finished", method, archs[chosen], dataset, target)
            yield (*start, *(None if missing(value) else value for value in values))
        for seed, run_id in group.failed_ids.items():
            start = (id_, run_id, seed, "failed", method, "", dataset, target)
            yield (*start, *(None,) * len(columns))
