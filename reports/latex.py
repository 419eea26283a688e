"""A table in LaTeX: needs the package booktabs and nothing else."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from textwrap import wrap

from nasrepro.reports.document import (
    APART,
    BEST,
    CLOSE,
    FLOATING,
    PAD,
    RECALLED,
    Column,
    TableDoc,
)

# Characters in a line of a name, of a text that has the page's width, and of what is no number.
_NAME_WIDTH, _TEXT_WIDTH, _LONG = 26, 70, 40
_LINE = 345.0  # points across the page of the plain `article`; journals have more
_CHARACTER, _GAP = 4.1, 5.0  # points of a character, in the size of the tables, and between columns
_PAGE = 66  # lines of a page, in the size of the tables
_NOTE = 100  # characters in a line of a caption or a note
_PANELS = 4  # of one environment at most
_FLOATS = 12  # environments between two clearances: LaTeX holds 18 and fails at the next
_MARKS = {
    CLOSE: r"$^{\approx}$",
    RECALLED: r"$^{\dagger}$",
    APART: r"$^{\neq}$",
    FLOATING: r"$^{\ddagger}$",
}

# Brackets and stars in braces: behind the end of a row they would be read as its options.
_SYMBOLS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_",
    "[": "{[}", "]": "{]}", "*": "{*}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": "$<$", ">": "$>$", "|": "$|$",
    '"': "''", "`": r"\`{}", PAD: r"\phantom{0}", "\u00a0": "~", "–": r"\textendash{}",
    "—": r"\textemdash{}", "−": "$-$",
    "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "µ": r"$\mu$", "≈": r"$\approx$",
    "≤": r"$\le$", "≥": r"$\ge$",
    "→": r"$\to$", "∞": r"$\infty$", "†": r"$\dagger$", "°": r"$^{\circ}$", "≠": r"$\neq$",
    "▸": r"$\triangleright$", "Δ": r"$\Delta$",
    "…": r"\dots{}", "‘": "`", "’": "'", "“": "``", "”": "''",
    "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}",
    "æ": r"\ae{}", "Æ": r"\AE{}",
}  # fmt: skip
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0308": '"',
    "\u030a": "r",
    "\u030c": "v",
    "\u0327": "c",
}


def escape(text: str) -> str:
    """Text as LaTeX that every engine sets without further packages.

    A character that none of them knows becomes its number.
    """
    composed = unicodedata.normalize("NFC", re.sub(r"[\n\r\t]+", " ", text))
    escaped = "".join(map(_character, composed))
    return re.sub("-(?=-)", "-{}", escaped)  # or two hyphens become a dash


@cache
def _character(character: str) -> str:
    if character in _SYMBOLS:
        return _SYMBOLS[character]
    if character.isascii():
        return character if character.isprintable() else ""
    greek = re.fullmatch(r"GREEK SMALL LETTER (\w+)", unicodedata.name(character, ""))
    if greek and greek[1] != "OMICRON":
        return f"$\\{greek[1].lower().replace('lamda', 'lambda')}$"
    parts = re.findall(
        r"[^\u0300-\u036f][\u0300-\u036f]*", unicodedata.normalize("NFKD", character)
    )
    letters = [_letter(part) for part in parts]
    if character.isalpha() and letters and all(letters):  # of a ligature all of its letters
        return "".join(letter for letter in letters if letter)
    return f"\\texttt{{U+{ord(character):04X}}}"


def _letter(part: str) -> str | None:
    """An ASCII letter with the accent that LaTeX has for it, without others; None for no letter."""
    base, marks = part[0], part[1:]
    if not base.isascii():
        return None
    if len(marks) == 1 and marks in _ACCENTS:
        return f"\\{_ACCENTS[marks]}{{{base}}}"
    return base


#: Characters across one column, and the page, of a two-column style, in the size of notes.
FITS = {"column": 50, "page": 105}


def fitted(doc: TableDoc, fit: str) -> str:
    """A `table` of the width asked for, a key of `FITS`: the most important columns that fit.

    Its caption is the title; caption, legend and footnotes stand below as notes. More rows than a
    page has are continued in further ones.
    """
    wanted = sorted(
        (column.terminal, place)
        for place, column in enumerate(doc.columns)
        if column.header and column.terminal is not None
    )
    places: list[int] = []
    left = FITS[fit]
    for _, place in wanted:
        column = doc.columns[place]
        texts = [*column.header.splitlines(), *(row[place].text for row in doc.rows)]
        width = max(map(len, texts)) + 1
        width = min(width, _NAME_WIDTH) if column.align == "left" else width
        if width <= left:
            places.append(place)
            left -= width
    notes = [doc.caption, doc.legend, *doc.footnotes]
    missing = [doc.columns[place].header for _, place in wanted if place not in places]
    if missing:
        names = ", ".join(" ".join(header.split()) for header in missing)
        notes.append(f"Columns that do not fit: {names}.")
    star = "*" if fit == "page" else ""
    panel = [(sorted(places), _NAME_WIDTH)]
    height = (
        sum(_height(note, 1.5 * FITS[fit]) for note in notes) // 2
    )  # notes are in half the size
    parts = _parts(doc, panel, height if height < _PAGE // 2 else 0)
    lines = [f"% {doc.id}: written by nasrepro; needs \\usepackage{{booktabs}}"]
    for number, rows in enumerate(parts):
        lines += [
            *_opening(doc, number, f"table{star}", "tb", f"{{{escape(doc.title)}}}"),
            *_tabular(doc, *panel[0], rows),
        ]
        if rows is parts[-1]:
            lines += [
                r"  \par\medskip\begin{minipage}{\linewidth}\raggedright\tiny",
                *(f"    {escape(note)}\\par" for note in notes if note),
                r"  \end{minipage}",
            ]
        lines.append(f"\\end{{table{star}}}")
    return "\n".join(lines) + "\n"


def _opening(doc: TableDoc, number: int, name: str, place: str, caption: str) -> list[str]:
    """The beginning of an environment, of the first or of one that continues it."""
    return [
        *([r"\clearpage"] if number and number % _FLOATS == 0 else []),
        f"\\begin{{{name}}}[{place}]",
        *([r"  \addtocounter{table}{-1}"] if number else []),
        r"  \centering",
        f"  \\caption{'[]' if number else ''}{caption}",
        *([] if number else [f"  \\label{{tab:{doc.id}}}"]),
        r"  \scriptsize",
        r"  \setlength{\tabcolsep}{2.5pt}",
    ]


def latex(doc: TableDoc) -> str:
    """`table` environments of a page each, and the long notes as text behind them.

    Pages may break in the notes.

    The panels of the table stand under each other, so that it fits the width of a page; a long one
    is continued in further environments.
    """
    panels = _panels(doc)
    caption = f"{doc.caption} {doc.legend}".strip()
    below = sum(_height(note, _NOTE) for note in doc.footnotes)
    behind = below > _PAGE // 4  # they would leave no room for rows
    lines = [f"% {doc.id}: written by nasrepro; needs \\usepackage{{booktabs}}"]
    environments = [
        (some, rows)
        for some in (panels[at : at + _PANELS] for at in range(0, len(panels), _PANELS))
        for rows in _parts(doc, some, _height(caption, 0.7 * _NOTE) + (0 if behind else below))
    ]
    for number, (some, rows) in enumerate(environments):
        words = escape(f"{doc.title} (continued)" if number else caption)
        listed = "" if number else f"[{escape(doc.title)}]"
        lines += _opening(doc, number, "table", "tbp", f"{listed}{{\\footnotesize {words}}}")
        for places, width in some:
            lines += [r"  \par\medskip", *_tabular(doc, places, width, rows)]
        if doc.footnotes and not behind and number == len(environments) - 1:
            lines += [
                r"  \par\medskip\begin{minipage}{\linewidth}\raggedright",
                *(f"    {escape(note)}\\par" for note in doc.footnotes),
                r"  \end{minipage}",
            ]
        lines.append(r"\end{table}")
    texts = [*(doc.footnotes if behind else ()), *doc.all_notes]
    if texts:
        notes = [
            f"\\textbf{{Notes on Table~\\ref{{tab:{doc.id}}}.}}",
            *(f"{escape(note)}\\par" for note in texts),
        ]
        lines += [
            r"{\scriptsize\raggedright\setlength{\parindent}{0pt}",
            *(f"  {note}" for note in notes),
            "}",
        ]
    return (
        "\n".join(
            [*lines, *(f"% {line}" for citation in doc.citations for line in citation.splitlines())]
        )
        + "\n"
    )


def _height(text: str, width: float) -> int:
    """Lines of a text, about."""
    return math.ceil(len(text) / width)


def _panels(doc: TableDoc) -> list[tuple[list[int], int]]:
    """The columns of each tabular, and the characters in a line of their names and texts.

    A panel that is wider than the page is parted. A text has the width of the page where it has its
    panel alone.
    """
    shown = [place for place, column in enumerate(doc.columns) if column.header]
    shared = [place for place in shown if doc.columns[place].panel == 0] or shown[:1]
    panels = []
    for panel in sorted({doc.columns[place].panel for place in shown if place not in shared}):
        own = [place for place in shown if doc.columns[place].panel == panel]
        own = [place for place in own if place not in shared]
        width = _TEXT_WIDTH if len(own) == 1 else _NAME_WIDTH
        room = _LINE - sum(_points(doc, place, width) for place in shared)
        part: list[int] = []
        for place in own:
            if part and sum(_points(doc, each, width) for each in (*part, place)) > room:
                panels.append((sorted(shared + part), width))
                part = []
            part.append(place)
        panels.append((sorted(shared + part), width))
    return panels or [(shared, _NAME_WIDTH)]


def _points(doc: TableDoc, place: int, width: int) -> float:
    """How wide a column is set, about."""
    column = doc.columns[place]
    texts = [line for row in doc.rows for line in _lines(row[place].text, column, width)]
    marks = any(row[place].mark in _MARKS for row in doc.rows)
    longest = max(map(len, [*column.header.splitlines(), *texts]))
    return _CHARACTER * (longest + marks) + _GAP


def _lines(text: str, column: Column, width: int) -> Sequence[str]:
    """A cell's lines; what may be a number is not broken."""
    if column.align == "right" and len(text) <= _LONG:
        return (text,)
    if column.panel == 0:  # a name, also beside a text
        width = _NAME_WIDTH
    return _wrapped(text, _LONG if column.align == "right" else width)


@cache  # asked for the width, for the height, and for the text itself
def _wrapped(text: str, width: int) -> tuple[str, ...]:
    return tuple(wrap(text, width)) or ("",)


def _parts(doc: TableDoc, panels: Sequence[tuple[list[int], int]], below: int) -> list[list[int]]:
    """Rows that fit a page with all their panels, and so many lines of caption and notes.

    Each panel has a header, and rules.
    """
    heads = sum(
        3 + max(len(doc.columns[place].header.splitlines()) for place in places)
        for places, _ in panels
    )
    parts: list[list[int]] = [[]]
    left = room = max(_PAGE - heads - below, len(panels))
    for place, row in enumerate(doc.rows):
        height = sum(
            max(len(_lines(row[i].text, doc.columns[i], width)) for i in places)
            for places, width in panels
        )
        if height > left and parts[-1]:
            parts.append([])
            left = room
        parts[-1].append(place)
        left -= height
    return parts


def _tabular(doc: TableDoc, places: Sequence[int], width: int, rows: Sequence[int]) -> list[str]:
    columns = [doc.columns[place] for place in places]
    cells = [_cells(doc, place, width, rows) for place in places]
    return [
        f"  \\begin{{tabular}}{{{''.join(column.align[0] for column in columns)}}}",
        r"    \toprule",
        f"    {' & '.join(_stack(column.header.splitlines(), column) for column in columns)} \\\\",
        r"    \midrule",
        *(f"    {' & '.join(row)} \\\\" for row in zip(*cells, strict=True)),
        r"    \bottomrule",
        r"  \end{tabular}",
    ]


def _stack(lines: Sequence[str], column: Column) -> str:
    """Lines above each other in one cell."""
    stacked = r" \\ ".join(map(escape, lines))
    return stacked if len(lines) == 1 else f"\\shortstack[{column.align[0]}]{{{stacked}}}"


def _cells(doc: TableDoc, place: int, width: int, rows: Sequence[int]) -> list[str]:
    """One column at some of the table's rows.

    Where some cells of the table are marked, the others leave the room, so that the decimal points
    stay under each other.
    """
    column, cells = doc.columns[place], [doc.rows[row][place] for row in rows]
    marks = {row[place].mark for row in doc.rows} & set(_MARKS)
    room = f"\\phantom{{{_MARKS[max(marks)]}}}" if marks else ""
    found = []
    for cell in cells:
        text = _stack(_lines(cell.text, column, width), column)
        shown = (
            f"\\textbf{{{text}}}"
            if cell.mark == BEST
            else f"\\underline{{{text}}}"
            if cell.second
            else text
        )
        found.append(shown + _MARKS.get(cell.mark, room))
    return found
