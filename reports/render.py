"""How tables look: in the terminal, and as Markdown, LaTeX, HTML, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import jinja2
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nasrepro.reports.document import BEST, OWN, PAD, RECALLED, Cell, Raw, TableDoc, missing, slug
from nasrepro.reports.groups import COSTS, REGRET, Group
from nasrepro.reports.latex import latex
from nasrepro.reports.summary import Results
from nasrepro.suite.data import write_text
from nasrepro.suite.errors import UnknownName
from nasrepro.suite.registry import oracles

TITLE = "nasrepro report"


def write(
    tables: Sequence[TableDoc], out: Path, formats: Sequence[str], *, site: str = ""
) -> list[Path]:
    """Write tables to files: `report.html`, `report.md` (beside it `report-<part>.md`), and one per table for `tex` and `csv` (by its id).

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
            files.update({out / f"{doc.id}.{name}": _ONE[name](doc) for doc in tables})
        elif name == "html":
            files[out / "report.html"] = _html(tables, site)
        else:
            files.update({out / file: text for file, text in _markdown(tables).items()})
    for path, text in files.items():
        write_text(path, text)
    return list(files)


_RUN_COLUMNS = (
    "row",
    "run_id",
    "seed",
    "status",
    "method",
    "chosen",
    "dataset",
    "metric",
    "value",
    "regret",
    *COSTS,
)


def write_runs(results: Results, out: Path) -> Path:
    """Write `runs.csv`: every run on every data set that it is reported on.

    With the `row` of the tables that it is behind, its seed, what it returned and what that gave; a
    failed run has empty fields there.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_RUN_COLUMNS)
    writer.writerows(
        map(_plain_cell, row) for group in results.chosen.groups for row in _run_rows(group)
    )
    path = out / "runs.csv"
    write_text(path, text.getvalue())
    return path


def _run_rows(group: Group) -> Iterator[tuple[Raw, ...]]:
    info = oracles.get(group.setting.oracle).info
    for dataset in group.setting.protocol.report_datasets:
        target = info.target_of(dataset).name
        columns = [
            group.values[dataset, target],
            group.values[dataset, REGRET],
            *(group.costs[name] for name in COSTS),
        ]
        finished = zip(group.run_ids, group.seeds.tolist(), group.chosen, *columns, strict=True)
        for run_id, seed, chosen, *values in finished:
            start = (group.id, run_id, seed, "finished", group.method, chosen, dataset, target)
            yield (*start, *map(float, values))
        for seed, run_id in group.failed_ids.items():
            start = (group.id, run_id, seed, "failed", group.method, "", dataset, target)
            yield (*start, *(None,) * len(columns))


# -- terminal ----------------------------------------------------------------------------------------------
_GAP = 2


def terminal(tables: Sequence[TableDoc], console: Console) -> None:
    """Print tables with as many of their columns, the important ones first, as fit the console's width."""
    for doc in tables:
        shown = [place for place, column in enumerate(doc.columns) if column.header]
        places = _fitting(doc, console.width)
        _say(doc.title, console, "bold")
        console.print(_grid(doc, places, console))
        more = (
            f" More columns in the files: {len(shown) - len(places)}."
            if len(shown) > len(places)
            else ""
        )
        _say(doc.caption + more, console, "dim")
        marks = {row[place].mark for row in doc.rows for place in places}
        for note in doc.footnotes:
            if not note.startswith(RECALLED) or RECALLED in marks:
                _say(note, console, "dim")
        console.print()
    for legend in dict.fromkeys(doc.legend for doc in tables if doc.legend):
        _say(legend, console, "dim")
    if any(cell.mark == BEST for doc in tables for row in doc.rows for cell in row):
        _say(f"{BEST} marks what is in bold.", console, "dim")


def _say(text: str, console: Console, style: str) -> None:
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
    """The text with what the console's encoding lacks replaced."""
    return text.encode(console.encoding, errors="replace").decode(console.encoding)


# -- files -------------------------------------------------------------------------------------------------
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


def _plain_cell(value: Raw) -> Raw:
    """A value for CSV: a text that a spreadsheet would take for a formula gets an apostrophe."""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in _FORMULA else value
    return _raw(value)


#: What a spreadsheet's formula may begin with.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _csv(doc: TableDoc) -> str:
    """Raw values at full precision under their names; empty where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if doc.long:
        writer.writerow(doc.long[0])
        writer.writerows(map(_plain_cell, each.values()) for each in doc.long)
        return text.getvalue()
    writer.writerow([name for column in doc.columns for name in column.data])
    writer.writerows(
        [_plain_cell(value) for cell in row for value in cell.values] for row in doc.rows
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
    """One file: legends where they stand first, notes on methods and oracles behind the tables, or in another file."""
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
_ALIGNED = 20


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


def _md_cell(cell: Cell, slot: str) -> str:
    text = _md(cell.text)
    if cell.mark == BEST or cell.second:
        bare = text.strip(PAD)
        text = text.replace(bare, f"**{bare}**" if cell.mark == BEST else f"<ins>{bare}</ins>")
    return text + (cell.mark if cell.mark == slot else PAD if slot else "")


def _md(text: str) -> str:
    """Text with nothing in it that Markdown, or HTML inside it, would take for its own."""
    escaped = re.sub(r"([\\`*|<>~])", r"\\\1", text).replace("](", r"]\(")
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
