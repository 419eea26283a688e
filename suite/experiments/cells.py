"""The cells of a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nasrepro.suite.errors import DataMissing
from nasrepro.suite.experiments.kind import KINDS, Cell
from nasrepro.suite.experiments.plan import Plan
from nasrepro.suite.registry import Method

__all__ = ["Cell", "cells_of"]


def cells_of(
    plan: Plan,
    extra: Sequence[Method] = (),
    *,
    missing: Callable[[str, DataMissing], None] | None = None,
) -> list[Cell]:
    """All cells of a plan; what several parts ask for, once.

    Args:
        plan: the plan.
        extra: methods that run in every experiment, beside those it names.
        missing: called with (subject, error) for a part whose table is not here, which is then left
            out.

    Raises:
        UnknownName, NotTabulated, NasreproError: the plan names what does not exist.
        DataMissing: a table is not here, and `missing` is not given.
    """
    cells: list[Cell] = []
    for kind in KINDS.values():
        for part in plan.parts(kind):
            try:
                cells += kind.cells(part, extra)
            except DataMissing as error:
                if missing is None:
                    raise
                missing(part.subject, error)
    return list({cell.key.run_id: cell for cell in cells}.values())
