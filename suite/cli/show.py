"""`nasrepro show`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from nasrepro.suite.cli.common import DEFAULT_STORE, StorePath, app, print_json


@app.command()
def show(
    run_id: Annotated[str, typer.Argument(help="Id of a run, a ranking or a study's measurement.")],
    trace: Annotated[
        bool,
        typer.Option("--trace", help="Also every evaluation of a run, and every event it told."),
    ] = False,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """One result of a store, whole, as JSON.

    What determined it, what it gave, versions and machine.

    Example: nasrepro show 0123456789abcdef
    """
    from nasrepro.suite.experiments.search import RunRecord, Trace
    from nasrepro.suite.experiments.store import Store

    with Store(store, must_exist=True) as opened:
        record = opened.record(run_id)
        steps = (
            asdict(Trace.from_bytes(opened.trace(run_id)))
            if trace and isinstance(record, RunRecord)
            else {}
        )
    print_json({"id": run_id, **asdict(record), **steps})
