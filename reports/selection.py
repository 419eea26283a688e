"""What a reader asks for of a table: columns by name, rows by method, the first few rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nasrepro.reports.document import TableCell, TableDoc
from nasrepro.reports.words import names_row
from nasrepro.suite.errors import UnknownName


def selected(
    tables: Sequence[TableDoc],
    *,
    columns: Sequence[str] = (),
    methods: Sequence[str] = (),
    rows: int | None = None,
) -> list[TableDoc]:
    """The tables with what is asked for; those without methods, or with nothing of it, go.

    Args:
        tables: of a report.
        columns: names as in `--json`; the method always stands.
        methods: parts of the labels of rows, or of the code names of their methods.
        rows: at most so many of each table.

    Raises:
        UnknownName: a column that no table has, or a method that no row is of.
    """
    if not columns and not methods and rows is None:
        return list(tables)
    named = [doc for doc in tables if doc.columns and _method(doc) is not None]
    known = {column.name for doc in named for column in doc.columns if column.header}
    for name in columns:
        if name not in known:
            raise UnknownName("column", name, sorted(known))
    cells = [row[_method(doc) or 0] for doc in named for row in doc.rows]
    for name in methods:
        if not any(_named(cell, name) for cell in cells):
            raise UnknownName("method", name, sorted({str(cell.text) for cell in cells}))
    chosen = [
        _chosen(doc, columns, methods, rows)
        for doc in named
        if not columns or any(column.name in columns for column in doc.columns)
    ]
    return [doc for doc in chosen if doc.rows]


def _named(cell: TableCell, part: str) -> bool:
    """Whether `part` is in a row's label or in the code name of its method."""
    return names_row(part, cell.text, *cell.values[:1])


def _method(doc: TableDoc) -> int | None:
    names = [column.name for column in doc.columns]
    return names.index("method") if "method" in names else None


def _chosen(
    doc: TableDoc, columns: Sequence[str], methods: Sequence[str], rows: int | None
) -> TableDoc:
    place = _method(doc) or 0
    kept = [
        number
        for number, row in enumerate(doc.rows)
        if not methods or any(_named(row[place], name) for name in methods)
    ][:rows]
    shown = [
        replace(column, header="")
        if columns and column.name not in (*columns, "method")
        else column
        for column in doc.columns
    ]
    return replace(
        doc,
        columns=tuple(shown),
        rows=tuple(doc.rows[number] for number in kept),
        row_ids=tuple(doc.row_ids[number] for number in kept) if doc.row_ids else (),
        links=tuple(doc.links[number] for number in kept) if doc.links else (),
    )
