"""The variants of a method that was run with many sets of parameters, each family in a table."""

from __future__ import annotations

from collections.abc import Iterator

from nasrepro.reports.document import TableDoc
from nasrepro.reports.summary import Results
from nasrepro.reports.tables.main import main_table

ORDER = 70


def tables(results: Results) -> Iterator[TableDoc]:
    """A table for each family of variants and data set that it is reported on."""
    return map(main_table, results.variants)
