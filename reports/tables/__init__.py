"""The tables of a report: one file per kind, discovered by its folder.

`reports/tables/<kind>.py` defines `ORDER`, its position in the report, and `tables(results)`, which
yields its tables, or nothing if it has no results to show. A new table is a new file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

from nasrepro.reports.document import TableDoc, slug
from nasrepro.reports.summary import Results
from nasrepro.suite.errors import NasreproError


@cache
def _kinds() -> tuple[Callable[[Results], Iterable[TableDoc]], ...]:
    """The function that makes the tables of each kind, in the order of the report."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    kinds = [module for module in modules if hasattr(module, "ORDER")]
    return tuple(module.tables for module in sorted(kinds, key=lambda module: module.ORDER))


def build(results: Results) -> list[TableDoc]:
    """All tables that the results suffice for, in a fixed order; their ids are unique.

    Raises:
        NasreproError: nothing to report; the message names the command that makes runs.
        UnknownName: a result of an oracle that is not installed here.
    """
    if not results.chosen.groups and not results.rankings and not results.studies:
        store, plan = results.store, results.plan
        command = f"nasrepro run --plan {plan or 'reproduce'} --store {store.path}"
        runs = f"runs of plan {plan}" if plan else "runs"
        raise NasreproError(
            f"nothing to report: {store.path} has no {runs}; make some with: {command}"
        )
    docs = [doc for tables in _kinds() for doc in tables(results)]
    taken: set[str] = set()
    for place, doc in enumerate(docs):
        docs[place] = replace(doc, id=slug(doc.id, taken=taken))
        taken.add(docs[place].id)
    return docs


__all__ = ["build"]
