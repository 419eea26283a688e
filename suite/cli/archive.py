"""`nasrepro store`: a store as one small file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasrepro.suite.cli.common import DEFAULT_STORE, StorePath, app, remark

store_app = typer.Typer(
    help="Pack a results store into one small file, and make a store of it again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(store_app, name="store")

File = Annotated[Path, typer.Argument(help="The packed store (.jsonl.xz).")]


@store_app.command()
def pack(file: File, store: StorePath = DEFAULT_STORE) -> None:
    """Write every result of a store, without traces, to one small file.

    Example: nasrepro store pack runs.jsonl.xz
    """
    from nasrepro.suite.experiments.archive import pack as write
    from nasrepro.suite.experiments.store import Store

    with Store(store, read_only=True) as opened:
        count = write(opened, file)
        for line in opened.left_out():
            remark(line)
    typer.echo(f"{file}: {count:,} results, {file.stat().st_size / 1e6:.1f} MB")


@store_app.command()
def unpack(file: File, store: StorePath = DEFAULT_STORE) -> None:
    """Add the results in a packed store to a store, which is made if absent.

    Example: nasrepro store unpack runs.jsonl.xz --store again.sqlite
    """
    from nasrepro.suite.experiments.archive import opened as checked
    from nasrepro.suite.experiments.archive import unpack as read
    from nasrepro.suite.experiments.store import Store

    checked(file)  # before a store is made
    with Store(store) as opened:
        added, there = read(file, opened)
    typer.echo(f"{store}: {added:,} results added, {there:,} were there")
