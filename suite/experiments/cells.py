"""Cells: one run, one ranking or one measurement of a study each, as a value that travels to a worker and is executed there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from nasrepro.suite.errors import DataMissing
from nasrepro.suite.experiments.plan import Plan
from nasrepro.suite.experiments.ranking import RankCell, rank_cells
from nasrepro.suite.experiments.search import RunCell, search_cells
from nasrepro.suite.experiments.study import StudyCell, study_cells
from nasrepro.suite.registry import Method

Cell = RunCell | RankCell | StudyCell


def cells_of(
    plan: Plan,
    extra: Sequence[Method] = (),
    *,
    missing: Callable[[str, DataMissing], None] | None = None,
) -> list[Cell]:
    """All cells of a plan: rankings, runs, studies; what several parts ask for, once.

    Args:
        plan: the plan.
        extra: methods that run in every experiment, beside those it names.
        missing: called with (oracle, error) for a part whose table is not here, which is then left
            out.

    Raises:
        UnknownName, NotTabulated, NasreproError: the plan names what does not exist.
        DataMissing: a table is not here, and `missing` is not given.
    """
    parts: list[tuple[str, Iterable[Cell]]] = [
        (part.oracle, rank_cells(part)) for part in plan.ranking
    ]
    parts += [(part.oracle, search_cells(part, extra)) for part in plan.experiment]
    parts += [(part.name, study_cells(part)) for part in plan.study]
    cells: list[Cell] = []
    for name, made in parts:
        try:
            cells += made
        except DataMissing as error:
            if missing is None:
                raise
            missing(name, error)
    return list({cell.key.run_id: cell for cell in cells}.values())
