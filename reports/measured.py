"""`nasrepro study`: a study is measured, and printed as the report prints it."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Annotated, Any

import typer

from nasrepro.suite.cli.common import (
    DEFAULT_STORE,
    Json,
    Quiet,
    StorePath,
    app,
    print_json,
    progress_bar,
)
from nasrepro.suite.errors import NasreproError


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="Name of the study; see: nasrepro list studies.")],
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="name=value; the value as JSON, or text."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1_000_000, help="Seeds 0..N-1.")] = 1,
    store: StorePath = DEFAULT_STORE,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes (default: number of cores).")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Measure a study and print its table.

    Stored measurements are not repeated. The table has means over the seeds, --json the rows of
    each. For its figure: nasrepro figures.

    Example: nasrepro study flash_models.predictor --param oracle=natsbench_size --seeds 3
    """
    from nasrepro.reports.tables.studies import study_tables
    from nasrepro.reports.terminal import printing, terminal
    from nasrepro.suite.experiments.cells import cells_of
    from nasrepro.suite.experiments.plan import Plan, StudyUse
    from nasrepro.suite.experiments.runner import run_cells
    from nasrepro.suite.experiments.store import Store

    given = [_given(each) for each in param or []]
    for each, times in Counter(key for key, _ in given).items():
        if times > 1:
            raise NasreproError(f"--param {each} is given {times} times; give one value")
    use = StudyUse(name=name, seeds=tuple(range(seeds)), **dict(given))
    cells = cells_of(Plan(study=(use,)))
    with Store(store) as opened:
        with progress_bar(f"measuring {name}", quiet) as progress:
            outcome = run_cells(
                cells,
                opened,
                executor="inline" if seeds == 1 else "processes",
                workers=workers,
                progress=progress,
            )
        wanted = {cell.key.run_id for cell in cells}
        records = [
            record
            for record in opened.studies()
            if record.key.run_id in wanted and record.status == "done"
        ]
    for failed in outcome.failed:
        if told := _told(failed.error):  # a parameter that cannot be, for one
            raise NasreproError(told)
        typer.echo(failed.error, err=True)
    if as_json:
        print_json([{"seed": each.key.seed, **row} for each in records for row in each.rows])
    elif records:
        terminal(study_tables(records, seed=0), printing())
    return int(bool(outcome.failed))


def _told(error: str) -> str:
    """The message of an error that names its way out; "" of a fault of the program."""
    from nasrepro.suite import errors
    from nasrepro.suite.cli.search import last_line

    kind, _, message = last_line(error).partition(": ")
    known = getattr(errors, kind.rpartition(".")[2], None)
    told = isinstance(known, type) and issubclass(known, NasreproError)
    return re.sub(r" \([\w.]+, line \d+\)$", "", message) if told else ""


def _given(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise NasreproError(f"--param {text!r} is not name=value")
    if name in ("name", "seeds"):  # keys of a plan's [[study]], not parameters
        raise NasreproError(
            f"--param {text!r}: no study has a parameter {name}; "
            "its name is the argument, its seeds are --seeds N"
        )
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
