"""What the commands share: the application, common options, and how things are printed."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasrepro.suite.errors import NasreproError, UnknownName

if TYPE_CHECKING:
    from nasrepro.suite.experiments.store import Store
    from nasrepro.suite.oracle import Oracle
    from nasrepro.suite.space import Arch, SearchSpace

app = typer.Typer(
    help=(
        "Run neural-architecture-search methods on the same look-up oracles, under the same "
        "rules, with every cost reported."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(
    help="Fetch, describe and check the tables of the oracles.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(data_app, name="data")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Hide progress and remarks.")]


def _store_file(path: Path) -> Path:
    if str(path).startswith((":memory:", "file:")):  # SQLite would take it for another thing
        raise NasreproError(f"--store {path} is not a file; give the path of a file")
    return path


StorePath = Annotated[
    Path,
    typer.Option(
        "--store",
        help="Results store (a SQLite file).",
        envvar="NASREPRO_STORE",
        callback=_store_file,
    ),
]
DEFAULT_STORE = Path("nasrepro-results/runs.sqlite")


def _executor(kind: str) -> str:
    """Refused before any work."""
    from nasrepro.suite.experiments.runner import EXECUTORS

    if kind not in EXECUTORS:
        raise UnknownName("executor", kind, EXECUTORS)
    return kind


Executor = Annotated[
    str,
    typer.Option(
        help="processes (here), inline (this process) or dask (a cluster).", callback=_executor
    ),
]


#: Characters of a column at least.
NARROWEST = 5


def json_text(value: Any) -> str:
    """One JSON document; NaN and infinities, which JSON does not have, become null."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return value

    return json.dumps(plain(value), indent=2, ensure_ascii=False)


def printable(text: str) -> str:
    """Text of a record or a file for a terminal: control characters but line ends escaped."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else repr(character)[1:-1]
        for character in text
    )


def print_json(value: Any) -> None:
    """Print `json_text`."""
    typer.echo(json_text(value))


def print_table(headers: list[str], rows: list[list[Any]]) -> None:
    """A plain table, as wide as the terminal: its widest columns are broken into lines.

    One line a row where the output is piped or redirected and `COLUMNS` does not say how wide.
    """
    from tabulate import tabulate

    lines = [headers, *([str(cell) for cell in row] for row in rows)]
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        natural = [  # tabulate gives a header two more
            max([len(head) + 2, *(len(line) for cell in column for line in cell.splitlines())])
            for head, *column in zip(*lines, strict=True)
        ]
        widths = fitting(natural, shutil.get_terminal_size((80, 24)).columns)
        lines = [
            [
                "\n".join(fill(part, width) for part in cell.splitlines())
                for cell, width in zip(line, widths, strict=True)
            ]
            for line in lines
        ]
    typer.echo(tabulate(lines[1:], headers=lines[0], disable_numparse=True))


def fitting(widths: Sequence[int], total: int) -> list[int]:
    """Column widths, two blanks between them, within `total`: the widest are cut to one width.

    No column gets less than `NARROWEST`, so that many columns may still be wider.
    """
    cap = max(widths, default=0)
    while cap > NARROWEST and sum(min(width, cap) + 2 for width in widths) - 2 > total:
        cap -= 1
    return [min(width, cap) for width in widths]


def remark(text: str, quiet: bool = False) -> None:
    """A line on standard error."""
    if not quiet:
        typer.echo(printable(text), err=True)


@contextmanager
def reading(path: Path, *, read_only: bool = True) -> Iterator[Store]:
    """A results store opened for reading; what it holds and is not read is said at the end."""
    from nasrepro.suite.experiments.store import Store

    with Store(path, read_only=read_only) as store:
        try:
            yield store
        finally:
            for line in store.left_out():
                remark(line)


#: Columns that the bar, counts and times of a progress bar take.
_COUNTS = 44


@contextmanager
def progress_bar(what: str, quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar with the time left, on standard error.

    Plain lines where that is no terminal.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet) as bar:
        task = bar.add_task(what, total=None)
        room = max(24, min(56, console.width - _COUNTS))
        yield lambda done, total, label: bar.update(
            task,
            completed=done,
            total=total,
            description=shortened(f"{what} {label}".strip(), label, room),
        )


def shortened(text: str, label: str, length: int) -> str:
    """A text that leaves room for the bar, else its label; the end, a seed perhaps, stays."""
    if len(text) <= length:
        return text
    return label if 0 < len(label) <= length else f"{label[: length - 20]}…{label[-19:]}"


def chosen_dataset(oracle: Oracle, name: str) -> str:
    """The official name; the only one where none is given and there is but one."""
    datasets = oracle.info.datasets
    if not name and len(datasets) > 1:
        raise NasreproError(
            f"give --dataset; {oracle.name} has {', '.join(dataset.name for dataset in datasets)}"
        )
    return oracle.info.dataset(name).name if name else datasets[0].name


def typed_arch(space: SearchSpace, text: str) -> Arch:
    """An official string, or an index; some spaces' strings are digits too, and come first."""
    try:
        return space.parse(text)
    except NasreproError:
        if not is_integer(text):
            raise
    return space.at(int(text))


def is_integer(text: str) -> bool:
    """Whether `text` is a decimal integer, short enough for `int`.

    `int` refuses thousands of digits.
    """
    return re.fullmatch(r"-?[0-9]{1,18}", text) is not None
