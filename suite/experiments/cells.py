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

    In the order in which two workers are done soonest: first what takes longest, the studies and
    rankings, and the first seed of every arm, which makes what the others read (the encoder of a
    space, scores), so that no worker waits for what another is making; then the other seeds.

    Args:
        plan: the plan.
        extra: methods that run in every experiment, beside those it names.
        missing: called with (subject, error) for a part whose table is not here, which is then left
            out.

    Raises:
        UnknownName, NotTabulated, NasreproError: the plan names what does not exist.
        DataMissing: a table is not here, and `missing` is not given.
    """
    first: list[Cell] = []
    others: list[Cell] = []
    for kind in sorted(KINDS.values(), key=lambda kind: kind.split is not None):  # few are long
        for part in plan.parts(kind):
            seeds: list[int | None] = []
            try:
                for cell in kind.cells(part, extra):
                    seeds.append(getattr(cell.key, "seed", None))  # a kind may have none
                    (first if seeds[-1] == seeds[0] else others).append(cell)
            except DataMissing as error:
                if missing is None:
                    raise
                missing(part.subject, error)
    return list({cell.key.run_id: cell for cell in first + others}.values())
