"""`nasrepro show`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from nasrepro.suite.cli.common import DEFAULT_STORE, StorePath, app, print_json, printable


@app.command()
def show(
    run_id: Annotated[str, typer.Argument(help="Id of a run, ranking or study.")],
    trace: Annotated[
        bool, typer.Option("--trace", help="Add every evaluation of the run, and its events.")
    ] = False,
    error: Annotated[
        bool, typer.Option("--error", help="Print only the traceback of a failed result.")
    ] = False,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Show a stored result as JSON.

    Example: nasrepro show 0123456789abcdef
    """
    from nasrepro.suite.experiments.kinds.search import RunRecord, Trace
    from nasrepro.suite.experiments.store import Store

    with Store(store, read_only=True) as opened:
        record = opened.record(run_id)
        steps = (
            asdict(Trace.from_bytes(opened.trace(run_id)))
            if trace and isinstance(record, RunRecord)
            else {}
        )
    if error:
        typer.echo(printable(record.error) if record.error else f"{run_id} did not fail")
        return
    print_json({"id": run_id, **asdict(record), **steps})
