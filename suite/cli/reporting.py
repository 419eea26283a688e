"""`nasrepro figures`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite.cli.common import DEFAULT_STORE, Json, Quiet, StorePath, app, print_json, progress_bar, remark


@app.command()
def figures(
    store: StorePath = DEFAULT_STORE,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; `figures` beside the store if not given.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="A kind of figure; several by repeating. All if not given.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Every figure that a results store has something for, each as vector PDF and as PNG.

    Example: nasrepro figures --store runs.sqlite --out figures --only anytime
    """
    import importlib

    from suite.store import Store

    drawn = importlib.import_module("reports.figures")  # the engine knows no report: looked up by name, as methods and oracles are
    folder = out or store.parent / "figures"
    with Store(store, must_exist=True) as opened, progress_bar("drawing", quiet) as progress:
        captions = drawn.write(opened, folder, only=only or [], progress=progress)
    if as_json:
        print_json([{"figure": name, "caption": caption} for name, caption in captions])
    elif not quiet:
        for name, caption in captions:
            typer.echo(f"{name}: {caption}")
    remark(f"{len(captions)} figures, as PDF and PNG, in {folder}", quiet)
