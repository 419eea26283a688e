"""Printed tables in claims files: what all cells share once, then rows by columns.

    [[table]]
    id = "zico-tss-{row}-{column}"
    statement = "{name}: {coefficient} {value:.2f} with test accuracy, {dataset}"
    where = "Table 1"
    ranking = { oracle = "nasbench201", epochs = 200 }   # any field of a claim, for every cell
    row = "ranking.scorer"                               # the field that a row's label fills
    columns = [["c10", "c100"], ["kendall", "spearman"]] # every pair, joined by "-", is a column

    [table.of]                                           # what a label adds, or a cell "row-column"
    c10 = { ranking.dataset = "cifar10" }
    c100 = { ranking.dataset = "cifar100" }
    kendall = { ranking.coefficient = "kendall" }
    spearman = { ranking.coefficient = "spearman" }
    grad_norm = { words.name = "Grad_norm" }

    [table.rows]
    #            c10         c100
    grad_norm = [0.46, 0.63, 0.47, 0.63]
    snip      = [0.46, 0.63, "",   0.63]                 # "": nothing is printed

A cell is a value, a pair [value, spread], or true where the claim has no number. In `id`,
`statement` and `needs` stand the fields of the cell and of its test, `row`, `column`, `name` (the
row's label), and what `words` says otherwise.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from nasrepro.suite.claims.statement import Strict

Fields = dict[str, Any]


class Table(Strict):
    """The layout of a printed table; what else is given is a field of every cell.

    Attributes:
        id, statement: patterns.
        row: the field that a row's label fills; "" for none.
        columns: labels, or lists of labels of which every combination is a column.
        of: fields by label.
        rows: cells by label.
    """

    id: str
    statement: str
    row: str = ""
    columns: list[str] | list[list[str]]
    of: dict[str, Fields] = Field(default_factory=dict)
    rows: dict[str, list[Any]]


def cells(raw: Mapping[str, Any]) -> Iterator[Fields]:
    """The claims of a table, as a file would have them one by one.

    Raises:
        ValueError: a row has too few or too many cells, a label is not in the table, or a pattern
            names no field.
    """
    own = {name: raw[name] for name in Table.model_fields if name in raw}
    table = Table.model_validate(own)
    shared = {name: value for name, value in raw.items() if name not in own}
    columns = _columns(table)
    _check(table, columns)
    for label, row in table.rows.items():
        for parts, cell in zip(columns, row, strict=True):
            if cell == "":
                continue
            fields = dict(shared)
            column = "-".join(parts)
            for key in (label, *parts, f"{label}-{column}"):
                fields = _merged(fields, table.of.get(key, {}))
            if table.row:
                fields = _merged(_nested(table.row, label), fields)
            fields |= _numbers(cell)
            yield _named(table, fields, label, column)


def _columns(table: Table) -> list[tuple[str, ...]]:
    groups = [[column] if isinstance(column, str) else column for column in table.columns]
    if all(isinstance(column, str) for column in table.columns):
        return [(each,) for group in groups for each in group]
    return list(itertools.product(*groups))


def _check(table: Table, columns: list[tuple[str, ...]]) -> None:
    known = {*table.rows, *itertools.chain(*columns)}
    known |= {f"{label}-{'-'.join(parts)}" for label in table.rows for parts in columns}
    if unknown := sorted(set(table.of) - known):
        raise ValueError(f"`of` has {', '.join(unknown)}, which is not a row, column or cell")
    for label, row in table.rows.items():
        if len(row) != len(columns):
            raise ValueError(f"row {label} has {len(row)} cells, the table {len(columns)} columns")


def _numbers(cell: Any) -> Fields:
    if cell is True:
        return {}
    if isinstance(cell, list):
        value, spread = cell
        return {"value": value, "spread": spread}
    return {"value": cell}


def _named(table: Table, fields: Fields, row: str, column: str) -> Fields:
    words: Fields = {}
    for value in fields.values():
        words |= value if isinstance(value, dict) else {}
    words |= {name: value for name, value in fields.items() if not isinstance(value, dict)}
    words |= {"row": row, "column": column, "name": row, **fields.pop("words", {})}
    try:
        patterns = {"id": table.id, "statement": table.statement}
        if "needs" in fields:
            patterns["needs"] = fields["needs"]
        named = {name: pattern.format_map(words) for name, pattern in patterns.items()}
    except (KeyError, ValueError) as error:
        raise ValueError(f"a pattern of table {table.id} has no field {error}") from error
    return {**fields, **named}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Fields:
    """Two sets of fields, the second over the first, tables inside them merged too."""
    merged = dict(below)
    for name, value in above.items():
        inner = merged.get(name)
        both = isinstance(inner, dict) and isinstance(value, dict)
        merged[name] = _merged(inner, value) if both else value  # type: ignore[arg-type]
    return merged


def _nested(path: str, value: Any) -> Fields:
    head, _, tail = path.partition(".")
    return {head: _nested(tail, value) if tail else value}
