"""How tables look: in the terminal, and as Markdown, LaTeX, HTML, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import jinja2

from nasrepro.reports.document import BEST, OWN, PAD, Raw, TableCell, TableDoc, missing, slug
from nasrepro.reports.latex import fitted, latex
from nasrepro.suite.data import write_text
from nasrepro.suite.errors import UnknownName

TITLE = "nasrepro report"


def write(
    tables: Sequence[TableDoc],
    out: Path,
    formats: Sequence[str],
    *,
    site: str = "",
    fit: str = "",
) -> list[Path]:
    """Write tables to files.

    `report.html`, `report.md` (beside it `report-<part>.md`), and one per table for `tex` and `csv`
    (by its id). `fit`: "column" or "page" for LaTeX tables of that width, one float each.

    The same tables give the same bytes. `site`: where the leaderboard page will be, from `out`;
    HTML rows then lead to their runs.

    Returns:
        The files, in the order of `formats`.

    Raises:
        UnknownName: a format that is none of FORMATS.
        NasreproError: the folder cannot be written to.
    """
    for name in formats:
        if name not in FORMATS:
            raise UnknownName("report format", name, FORMATS)
    files: dict[Path, str] = {}
    for name in formats:
        if name in _ONE:
            one = partial(fitted, fit=fit) if fit and name == "tex" else _ONE[name]
            files.update({out / f"{doc.id}.{name}": one(doc) for doc in tables})
        elif name == "html":
            files[out / "report.html"] = _html(tables, site)
        else:
            files.update({out / file: text for file, text in _markdown(tables).items()})
    for path, text in files.items():
        write_text(path, visible(text))
    return list(files)


def visible(text: str) -> str:
    """Text of a file whose control characters, but line ends and tabs, are spelled.

    A terminal that shows the file obeys none, and none turns a line around.
    """
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


def visible_json(text: str) -> str:
    """The same of JSON, by its own escapes."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


#: C0 and C1, and what changes the direction of a line.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


# -- files -----------------------------------------------------------------------------------------
def to_json(tables: Sequence[TableDoc]) -> str:
    """All tables with raw values, for programs; null where there is no number."""
    return json.dumps(
        [_plain(doc) for doc in tables], indent=1, ensure_ascii=False, allow_nan=False
    )


def _plain(doc: TableDoc) -> dict[str, object]:
    rows: list[dict[str, object]] = [
        {name: _raw(value) for name, value in each.items()} for each in doc.long
    ]
    for row in () if doc.long else doc.rows:
        values = {
            name: _raw(value)
            for column, cell in zip(doc.columns, row, strict=True)
            for name, value in zip(column.data, cell.values, strict=True)
        }
        marks = {
            column.name: cell.mark
            for column, cell in zip(doc.columns, row, strict=True)
            if cell.mark
        }
        rows.append({**values, "marks": marks})
    return {
        "id": doc.id,
        "title": doc.title,
        "caption": doc.caption,
        "legend": doc.legend,
        "rows": rows,
        "footnotes": list(doc.footnotes),
        "notes": list(doc.all_notes),
        "citations": list(doc.citations),
    }


def _raw(value: Raw) -> Raw:
    return None if missing(value) else value


def plain_cell(value: Raw) -> Raw:
    """A value for CSV: a text that a spreadsheet would take for a formula gets an apostrophe."""
    if isinstance(value, str):
        return visible(f"'{value}" if value[:1] in _FORMULA else value)
    return _raw(value)


#: What a spreadsheet's formula may begin with.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _csv(doc: TableDoc) -> str:
    """Raw values at full precision under their names; empty where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if doc.long:
        writer.writerow(doc.long[0])
        writer.writerows(map(plain_cell, each.values()) for each in doc.long)
        return text.getvalue()
    writer.writerow([name for column in doc.columns for name in column.data])
    writer.writerows(
        [plain_cell(value) for cell in row for value in cell.values] for row in doc.rows
    )
    return text.getvalue()


def _markdown(tables: Sequence[TableDoc]) -> dict[str, str]:
    """The texts of `report.md` and of a file for each other part, by their names."""
    parts = ["", *dict.fromkeys(doc.part for doc in tables if doc.part)]
    files = {part: f"report-{part}.md" if part else "report.md" for part in parts}
    background = _background(tables)
    return {
        file: _markdown_file(
            f"{TITLE}: {part}" if part else TITLE,
            [doc for doc in tables if doc.part == part],
            [f"[{other or 'report'}]({there})" for other, there in files.items() if other != part],
            background,
            "report.md" if part else "",
        )
        for part, file in files.items()
    }


def _markdown_file(
    title: str,
    tables: Sequence[TableDoc],
    others: Sequence[str],
    background: Mapping[str, tuple[str, list[str]]],
    notes_in: str,
) -> str:
    """One file: legends stand first, and notes on methods and oracles behind the tables.

    The notes may be in another file.
    """
    parts = [f"# {title}\n"]
    if others:
        parts.append(f"In files of their own: {', '.join(others)}.\n")
    legends = {
        legend: f"legend-{number}"
        for number, legend in enumerate(
            dict.fromkeys(doc.legend for doc in tables if doc.legend), start=1
        )
    }
    told: set[str] = set()
    for doc in tables:
        how = ""
        if doc.legend:
            anchor = legends[doc.legend]
            how = (
                f" [How to read it](#{anchor})."
                if doc.legend in told
                else f' <a id="{anchor}"></a>{_md(doc.legend)}'
            )
            told.add(doc.legend)
        parts += [f"## {_md(doc.title)}\n", f"{_md(doc.caption)}{how}\n", _pipe_table(doc)]
        for notes in (doc.footnotes, doc.notes):
            if notes:
                parts.append("".join(f"- {_md(note)}\n" for note in notes))
        if doc.background:
            links = [
                f"[{_md(about)}]({notes_in}#{background[about][0]})"
                for about in dict.fromkeys(note.about for note in doc.background)
            ]
            parts.append(f"Notes: {', '.join(links)}.\n")
    if background and not notes_in:
        parts.append("## Notes on methods and oracles\n")
        for about, (anchor, texts) in background.items():
            parts += [
                f'### <a id="{anchor}"></a>{_md(about)}\n',
                "".join(f"- {_md(text)}\n" for text in texts),
            ]
    citations = _citations(tables)
    if citations:
        parts += ["## Citations\n", *(f"```bibtex\n{citation}\n```\n" for citation in citations)]
    return "\n".join(parts)


def _background(tables: Sequence[TableDoc]) -> dict[str, tuple[str, list[str]]]:
    """By method or oracle, in the order of their names.

    An anchor, and its notes in all tables, each once.
    """
    found: dict[str, dict[str, None]] = {}
    for note in (note for doc in tables for note in doc.background):
        found.setdefault(note.about, {})[note.text] = None
    anchors: dict[str, str] = {}
    for about in sorted(found):
        anchors[about] = slug("notes", about, taken=anchors.values())
    return {about: (anchor, list(found[about])) for about, anchor in anchors.items()}


#: Rows up to which the columns of Markdown's source stand under each other: of longer tables that
#: is half the bytes.
_ALIGNED = 10


def _pipe_table(doc: TableDoc) -> str:
    places = [place for place, column in enumerate(doc.columns) if column.header]
    columns = [doc.columns[place] for place in places]
    lines = [[_md(column.header.replace("-\n", "-").replace("\n", " ")) for column in columns]]
    slots = _slots(doc)
    lines += [[_md_cell(row[place], slots[place]) for place in places] for row in doc.rows]
    widths = [max(3, *map(len, texts)) for texts in zip(*lines, strict=True)]
    if len(doc.rows) > _ALIGNED:
        widths = [3] * len(widths)
    rule = [
        "-" * (width - 1) + (":" if column.align == "right" else "-")
        for column, width in zip(columns, widths, strict=True)
    ]
    padded = [
        [
            text.rjust(width) if column.align == "right" else text.ljust(width)
            for text, column, width in zip(line, columns, widths, strict=True)
        ]
        for line in (lines[0], rule, *lines[1:])
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in padded)


def _md_cell(cell: TableCell, slot: str) -> str:
    text = _md(cell.text)
    if cell.mark == BEST or cell.second:
        bare = text.strip(PAD)
        text = text.replace(bare, f"**{bare}**" if cell.mark == BEST else f"<ins>{bare}</ins>")
    return text + (cell.mark if cell.mark == slot else PAD if slot else "")


def _md(text: str) -> str:
    """Text with nothing in it that Markdown, or HTML inside it, would take for its own."""
    line = re.sub(r"[\r\n\t]+", " ", text)
    escaped = re.sub(r"([\\`*|<>~])", r"\\\1", line).replace("](", r"]\(")
    return " ".join(re.sub(r"(?<!\w)_|_(?!\w)", r"\_", escaped).split(" "))


def _html(tables: Sequence[TableDoc], site: str = "") -> str:
    """One page with everything inside it; `site`.

    Where the leaderboard page is, which has the runs behind each row.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nasrepro.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["own"] = lambda row: any(cell.text.startswith(OWN) for cell in row)
    page = environment.get_template("report.html.j2")
    slots, notes = [(doc, _slots(doc)) for doc in tables], _background(tables)
    return page.render(
        title=TITLE,
        tables=slots,
        background=notes,
        citations=_citations(tables),
        best=BEST,
        site=site,
    )


def _slots(doc: TableDoc) -> list[str]:
    """Per column the mark that some cell has and the others leave room for; bold needs none."""
    return [
        max(({row[place].mark for row in doc.rows} - {BEST, ""}), default="")
        for place in range(len(doc.columns))
    ]


def _citations(tables: Sequence[TableDoc]) -> list[str]:
    return list(dict.fromkeys(citation.strip() for doc in tables for citation in doc.citations))


_ONE: dict[str, Callable[[TableDoc], str]] = {"tex": latex, "csv": _csv}
FORMATS = ("md", "tex", "html", "csv")
