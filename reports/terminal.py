"""Tables in a terminal: all of them, or what fits a screen."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nasrepro.reports.document import BEST, CLOSE, OWN, PAD, RECALLED, TableCell, TableDoc
from nasrepro.suite.cli.common import printable

_GAP = 2
#: Lines of a screen that a short report fills at most.
SCREEN = 60


def printing() -> Console:
    """Standard output, as wide as its terminal or COLUMNS; what is piped is not cut at 80."""
    return Console(width=None if sys.stdout.isatty() or os.environ.get("COLUMNS") else 140)


def brief(tables: Sequence[TableDoc], console: Console, folder: Path) -> None:
    """What was run on one screen: tables with a user's own methods first, as many as fit.

    Without captions and legends; says what else there is and how to see it.
    """
    results = [doc for doc in tables if doc.part == "" and not doc.id.startswith("rankings-")]
    own = [doc for doc in results if any(_is_own(row) for row in doc.rows)]
    ordered = [*own, *(doc for doc in results if doc not in own)]
    left, shown = SCREEN - 4, 0
    for doc in ordered:
        screen = io.StringIO()
        _table(_own_first(doc), Console(file=screen, width=console.width), console)
        lines = screen.getvalue().count("\n")
        if lines > left:
            if not shown:  # one table that is longer than the screen: its first rows
                short = replace(doc, rows=_own_first(doc).rows[: left - 8], footnotes=())
                _table(short, console, console)
                shown = 1
            break
        _table(_own_first(doc), console, console)
        left, shown = left - lines, shown + 1
    claims = sum(doc.part == "claims" for doc in tables)
    more = len(tables) - shown - claims
    say(f"{BEST} best, {CLOSE} not worse by more than a stated margin, {OWN} your own.", console)
    say(
        f"{more} more tables, captions and legends: nasrepro report --all; in files: {folder}",
        console,
    )
    if claims:
        say(f"{claims} tables of claims: nasrepro report --claims", console)


def _is_own(row: Sequence[TableCell]) -> bool:
    return any(cell.text.startswith(OWN) for cell in row)


def _own_first(doc: TableDoc) -> TableDoc:
    own = [row for row in doc.rows if _is_own(row)]
    return replace(doc, rows=(*own, *(row for row in doc.rows if not _is_own(row))))


def _table(doc: TableDoc, target: Console, console: Console) -> None:
    """Title, grid and the first two footnotes, laid out for `console`."""
    say(doc.title, target, "bold")
    target.print(_grid(doc, _fitting(doc, console.width), console))
    for note in doc.footnotes[:2]:
        say(note if len(note) < 300 else f"{note[:297]}...", target)
    target.print()


def terminal(tables: Sequence[TableDoc], console: Console) -> None:
    """Print tables with as many of their columns as fit the console's width.

    The important columns come first.
    """
    for doc in tables:
        shown = [place for place, column in enumerate(doc.columns) if column.header]
        places = _fitting(doc, console.width)
        say(doc.title, console, "bold")
        console.print(_grid(doc, places, console))
        more = (
            f" More columns in the files: {len(shown) - len(places)}."
            if len(shown) > len(places)
            else ""
        )
        say(doc.caption + more, console, "dim")
        marks = {row[place].mark for row in doc.rows for place in places}
        for note in doc.footnotes:
            if not note.startswith(RECALLED) or RECALLED in marks:
                say(note, console, "dim")
        console.print()
    for legend in dict.fromkeys(doc.legend for doc in tables if doc.legend):
        say(legend, console, "dim")
    if any(cell.mark == BEST for doc in tables for row in doc.rows for cell in row):
        say(f"{BEST} marks what is in bold.", console, "dim")


def say(text: str, console: Console, style: str = "dim") -> None:
    """A paragraph."""
    console.print(Text(_printable(text, console), style=style))


def _fitting(doc: TableDoc, width: int) -> list[int]:
    """Places of the columns to show, those with the lowest `terminal` first.

    0 and 1 are shown whatever the width.
    """
    wanted = sorted(
        (column.terminal, place)
        for place, column in enumerate(doc.columns)
        if column.header and column.terminal is not None
    )
    places: list[int] = []
    left = width + _GAP
    for priority, place in wanted:
        needed = _width(doc, place, width) + _GAP
        if priority <= 1 or needed <= left:
            places.append(place)
            left -= needed
    return sorted(places)


def _width(doc: TableDoc, place: int, width: int) -> int:
    """Width of a column in a console of `width`; long names wrap."""
    natural = max(map(cell_len, (*doc.columns[place].header.split("\n"), *_entries(doc, place))))
    return min(natural, max(16, 3 * width // 10)) if doc.columns[place].align == "left" else natural


def _entries(doc: TableDoc, place: int) -> list[str]:
    """Texts of one column, all with room for a mark where one has a mark."""
    cells = [row[place] for row in doc.rows]
    room = any(cell.mark for cell in cells)
    return [cell.text.replace(PAD, " ") + ((cell.mark or " ") if room else "") for cell in cells]


def _grid(doc: TableDoc, places: Sequence[int], console: Console) -> Table:
    grid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for place in places:
        column = doc.columns[place]
        header = Text(_printable(column.header, console))
        grid.add_column(
            header,
            justify=column.align,
            vertical="bottom",
            width=_width(doc, place, console.width),
            overflow="fold",
        )
    entries = [_entries(doc, place) for place in places]
    for row, texts in zip(doc.rows, zip(*entries, strict=True), strict=True):
        styles = [
            "bold" if row[place].mark == BEST else "underline" if row[place].second else ""
            for place in places
        ]
        grid.add_row(
            *(
                Text(_printable(text, console), style=style)
                for text, style in zip(texts, styles, strict=True)
            )
        )
    return grid


def _printable(text: str, console: Console) -> str:
    """The text without control characters, and with what the console's encoding lacks replaced."""
    return printable(text).encode(console.encoding, errors="replace").decode(console.encoding)
