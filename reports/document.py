"""What a table is, whatever it will look like.

Columns, cells with their raw values, caption and notes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Raw = float | int | str | None

#: A space as wide as a digit: pads numbers so that their decimal points stand under each other, in
#: proportional fonts, too.
PAD = "\u2007"
DASH = "–"

#: What stands behind a marked cell: the best (where bold cannot be seen), not significantly worse
#: than the best, recalled, differs.
BEST, CLOSE, RECALLED, APART = "*", "≈", "†", "≠"
#: What stands behind the name of a method that decides by floating-point training.
FLOATING = "‡"
#: What stands before the name of a method that does not ship with the suite: the user's own.
OWN = "▸"


@dataclass(frozen=True, slots=True)
class TableCell:
    """One entry.

    Attributes:
        text: as shown, padded with `PAD`.
        values: raw numbers, one for each of the column's `data`; None (or nan) where there is none.
        mark: `BEST`, `CLOSE`, `RECALLED`, `APART`, `FLOATING` or "".
        second: whether it is the second best of its column, which is underlined.
    """

    text: str
    values: tuple[Raw, ...]
    mark: str = ""
    second: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """What the cells of one column have in common.

    Attributes:
        name: for programs; unique in its table.
        header: for people; a line break where it may be broken. "" hides the column from all but
            CSV and JSON.
        data: names of the raw values, with units.
        align: of the text.
        terminal: the lower, the sooner it gets a place in a narrow terminal; None: never.
        panel: LaTeX stacks the columns of panel 1 over those of panel 2; 0: in every panel.
    """

    name: str
    header: str
    data: tuple[str, ...]
    align: Literal["left", "right"] = "right"
    terminal: int | None = None
    panel: int = 1


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a method or an oracle (deviations, traps of a table).

    True of every table that shows it.

    Attributes:
        about: name of the method or the oracle.
        text: a sentence or more.
    """

    about: str
    text: str


@dataclass(frozen=True, slots=True)
class TableDoc:
    """One table.

    Attributes:
        id: name of its files; lower-case letters, digits and hyphens.
        title: a few words.
        caption: what the numbers of this table are and how they came about.
        legend: how to read any table of this kind; a terminal shows it once.
        columns: see `Column`.
        rows: one cell per column each.
        row_ids: what each row's runs are found by in `runs.csv` and on the leaderboard page; none
            where a row is no group of runs.
        links: where each row leads to on the leaderboard page, where that is not its runs:
            "claim=<id>" or "ranking=<id>"; "" for nowhere.
        footnotes: what a reader of the bare numbers must know; shown everywhere.
        notes: the long ones of this table alone; not in the terminal.
        background: notes on its methods and its oracle, which other tables share; Markdown and HTML
            print each once, behind the tables.
        citations: BibTeX.
        long: what CSV and JSON hold in place of the rows, where a row shows several measurements:
            one of them each, with the same names.
        part: "", "searches", "claims" or "studies": Markdown has a file for each, since together
            they are too long to be shown.
    """

    id: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    legend: str = ""
    footnotes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()
    row_ids: tuple[str, ...] = ()
    long: tuple[Mapping[str, Raw], ...] = ()
    background: tuple[Note, ...] = ()
    links: tuple[str, ...] = ()
    part: str = ""

    @property
    def all_notes(self) -> tuple[str, ...]:
        """Texts of the background and the notes."""
        return (*(note.text for note in self.background), *self.notes)


#: A column with its cells; tables are put together from these, see `transposed`.
Filled = tuple[Column, list[TableCell]]


def transposed(
    filled: Sequence[Filled],
) -> tuple[tuple[Column, ...], tuple[tuple[TableCell, ...], ...]]:
    """The `columns` and `rows` of a table from filled columns of equal length."""
    columns, cells = zip(*filled, strict=True)
    return columns, tuple(zip(*cells, strict=True))


def text_column(
    column: Column, texts: Sequence[str], values: Sequence[tuple[Raw, ...]] | None = None
) -> Filled:
    """A column of words; the raw values are the texts where none are given."""
    raw = [(text,) for text in texts] if values is None else values
    return column, [TableCell(text, each) for text, each in zip(texts, raw, strict=True)]


def data_column(names: Sequence[str], values: Sequence[tuple[Raw, ...]]) -> Filled:
    """A column that only CSV and JSON show."""
    return Column("_".join(names), "", tuple(names)), [TableCell("", value) for value in values]


def number_column(
    column: Column, values: Sequence[float | None], decimals: int | None = None, *, scale: float = 1
) -> Filled:
    """A column of numbers.

    Each is shown as `scale` times the raw value, with two digits of the smallest or with
    `decimals`.
    """
    shown = [scaled(value, scale) for value in values]
    places = plain_decimals(shown) if decimals is None else decimals
    return column, [
        TableCell(text, (value,))
        for text, value in zip(aligned(shown, places), values, strict=True)
    ]


def interval_column(
    column: Column,
    values: Sequence[tuple[float | None, float | None]],
    decimals: int,
    *,
    scale: float = 1,
) -> Filled:
    """A column of `[low, high]`."""
    texts = intervals_text(values, decimals, scale)
    return column, [TableCell(text, pair) for text, pair in zip(texts, values, strict=True)]


def intervals_text(
    values: Sequence[tuple[float | None, float | None]], decimals: int, scale: float = 1
) -> list[str]:
    """`[low, high]` of each, all of one width; a dash where there is none."""
    lows = aligned([scaled(low, scale) for low, _ in values], decimals)
    highs = aligned([scaled(high, scale) for _, high in values], decimals)
    return [
        DASH if missing(pair[0]) else f"[{low}, {high}]"
        for pair, low, high in zip(values, lows, highs, strict=True)
    ]


def missing(value: Raw) -> bool:
    """Whether there is no number: None or nan."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def scaled(value: float | None, scale: float) -> float | None:
    """`scale` times the value, if there is one."""
    return None if value is None or math.isnan(value) else scale * value


def aligned(values: Sequence[float | None], decimals: int) -> list[str]:
    """Numbers with equally many decimals and of equal width, so that the points align.

    A dash where there is none.
    """
    texts = [
        DASH if value is None or math.isnan(value) else shown(value, decimals) for value in values
    ]
    width = max(map(len, texts), default=0)
    return [text.rjust(width, PAD) for text in texts]


def shown(value: float, decimals: int) -> str:
    """One number as people read it: thousands parted, a true minus, no minus zero."""
    return f"{round(value, decimals) + 0.0:,.{decimals}f}".replace("-", "−")


def interval_decimals(
    intervals: Sequence[tuple[float | None, float | None]], *, scale: float = 1, least: int = 1
) -> int:
    """Decimals, `least` to 3, that the narrowest interval can support.

    Down to the first digit of its half-width.
    """
    halves = [
        scale * (high - low) / 2
        for low, high in intervals
        if low is not None and high is not None and high > low
    ]
    return min(3, max(least, math.ceil(-math.log10(min(halves))))) if halves else 2


def plain_decimals(values: Sequence[float | None], *, least: int = 1, most: int = 4) -> int:
    """Decimals for two digits of the smallest number; none where all are whole."""
    there = [abs(value) for value in values if value is not None and math.isfinite(value)]
    if all(value == round(value) for value in there):
        return 0
    smallest: float = min(value for value in there if value)
    return min(most, max(least, 1 - math.floor(math.log10(smallest))))


#: Letters of a file name's stem; file systems take 255 bytes with the ending.
_STEM = 180


def slug(*parts: object, taken: Collection[str] = ()) -> str:
    """A file name from words: lower case, other characters as hyphens.

    Numbered where it is taken; cut, with a hash of the rest, where it is long.
    """
    text = "-".join(str(part) for part in parts).lower().replace(",", "")
    plain = (
        "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in text).split())
        or "table"
    )
    if len(plain) > _STEM:
        rest = hashlib.sha256(plain.encode()).hexdigest()[:8]
        plain = f"{plain[:_STEM].rstrip('-')}-{rest}"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    return name
