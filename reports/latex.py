"""A table in LaTeX: needs the package booktabs and nothing else."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
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

_NAME_WIDTH, _TEXT_WIDTH = (
    26,
    70,
)  # characters in a line of a name, and of a text that has the page's width
_PAGE = 52  # lines of a page, beside the caption
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
    """One `table` of the width asked for, a key of `FITS`: the most important columns that fit.

    Its caption is the title; caption, legend and footnotes stand below as notes.
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
    lines = [
        f"% {doc.id}: written by nasrepro; needs \\usepackage{{booktabs}}",
        f"\\begin{{table{star}}}[tb]",
        r"  \centering",
        f"  \\caption{{{escape(doc.title)}}}",
        f"  \\label{{tab:{doc.id}}}",
        r"  \scriptsize",
        r"  \setlength{\tabcolsep}{2.5pt}",
        *_tabular(doc, sorted(places), _NAME_WIDTH, range(len(doc.rows))),
        r"  \par\medskip\begin{minipage}{\linewidth}\raggedright\tiny",
        *(f"    {escape(note)}\\par" for note in notes if note),
        r"  \end{minipage}",
        f"\\end{{table{star}}}",
    ]
    return "\n".join(lines) + "\n"


def latex(doc: TableDoc) -> str:
    """`table` environments of a page each, and the long notes as text behind them.

    Pages may break in the notes.

    The panels of the table stand under each other, so that it fits the width of a page; a long one
    is continued in further environments.
    """
    panels = sorted({column.panel for column in doc.columns if column.header and column.panel}) or [
        0
    ]
    parts = _parts(doc, panels)
    lines = [f"% {doc.id}: written by nasrepro; needs \\usepackage{{booktabs}}"]
    for number, rows in enumerate(parts):
        caption = f"{doc.title} (continued)" if number else f"{doc.caption} {doc.legend}".strip()
        lines += [
            r"\begin{table}[tbp]",
            *([r"  \addtocounter{table}{-1}"] if number else []),
            r"  \centering",
            f"  \\caption[{'' if number else escape(doc.title)}]{{\\footnotesize "
            f"{escape(caption)}}}",
            *([] if number else [f"  \\label{{tab:{doc.id}}}"]),
            r"  \scriptsize",
            r"  \setlength{\tabcolsep}{2.5pt}",
        ]
        for panel in panels:
            lines += [
                r"  \par\medskip",
                *_tabular(doc, _places(doc, panel), _name_width(doc, panel), rows),
            ]
        if doc.footnotes and rows is parts[-1]:
            lines += [
                r"  \par\medskip\begin{minipage}{\linewidth}\raggedright",
                *(f"    {escape(note)}\\par" for note in doc.footnotes),
                r"  \end{minipage}",
            ]
        lines.append(r"\end{table}")
    if doc.all_notes:
        notes = [
            f"\\textbf{{Notes on Table~\\ref{{tab:{doc.id}}}.}}",
            *(f"{escape(note)}\\par" for note in doc.all_notes),
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


def _parts(doc: TableDoc, panels: Sequence[int]) -> list[list[int]]:
    """Rows that fit a page with all their panels.

    Each panel has a header of two lines, and rules.
    """
    parts: list[list[int]] = [[]]
    left = room = max(_PAGE - 4 * len(panels), len(panels))
    for place, row in enumerate(doc.rows):
        height = sum(
            max(
                len(wrap(row[i].text, width)) if doc.columns[i].align == "left" else 1
                for i in _places(doc, panel)
            )
            for panel, width in ((panel, _name_width(doc, panel)) for panel in panels)
        )
        if height > left and parts[-1]:
            parts.append([])
            left = room
        parts[-1].append(place)
        left -= height
    return parts


def _places(doc: TableDoc, panel: int) -> list[int]:
    return [
        place
        for place, column in enumerate(doc.columns)
        if column.header and column.panel in (0, panel)
    ]


def _name_width(doc: TableDoc, panel: int) -> int:
    """Characters in a line of a name or a text.

    A text has the width of the page where it has its panel alone.
    """
    alone = sum(column.panel == panel for column in doc.columns if column.header) == 1 and panel > 0
    return _TEXT_WIDTH if alone else _NAME_WIDTH


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
        text = (
            escape(cell.text)
            if column.align == "right"
            else _stack(wrap(cell.text, width) or [""], column)
        )
        shown = (
            f"\\textbf{{{text}}}"
            if cell.mark == BEST
            else f"\\underline{{{text}}}"
            if cell.second
            else text
        )
        found.append(shown + _MARKS.get(cell.mark, room))
    return found
