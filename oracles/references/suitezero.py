"""The scores of NAS-Bench-Suite-Zero's further data, of one untrained network each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nasrepro.oracles import suitezero
from nasrepro.oracles.convert.suitezero import SCORES, SCORES_101
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.dartscell import DartsCell
from nasrepro.oracles.spaces.transnas import TransNasMicro
from nasrepro.suite.data import open_table
from nasrepro.suite.oracle import OracleInfo, ReferenceInfo, ReferenceTable
from nasrepro.suite.registry import reference_table
from nasrepro.suite.space import Arch

_FAILED = "-1e8 in the original stands for a score that could not be computed: -inf here"


def _references(info: OracleInfo, scores: tuple[str, ...], *notes: str) -> ReferenceInfo:
    if info.table is None:
        raise TypeError(f"{info.name} has no table")
    return ReferenceInfo(
        name=f"naslib_{info.name}",
        source="naslib",
        oracle=info.name,
        datasets=tuple(dataset.name for dataset in info.datasets),
        scores=scores,
        citation=info.citation,
        licence=info.licence,
        table=info.table,
        notes=(*notes, "flops and params (both in millions) are sizes, not proxies", _FAILED),
    )


INFO_201 = _references(suitezero.INFO_201, SCORES)
INFO_301 = _references(suitezero.INFO_301, SCORES, "sizes are those of the supernet's operations")
INFO_TRANSNAS = _references(suitezero.INFO_TRANSNAS, SCORES)
INFO_101 = _references(
    suitezero.INFO_101, SCORES_101, "of a cell that was drawn several times the first scores"
)


def _load(info: ReferenceInfo, key: Callable[[Arch], int]) -> ReferenceTable:
    """The scores of the networks of a space."""
    return ReferenceTable(info, open_table(info.table), key)


reference_table(INFO_101)(partial(_load, INFO_101, Dag101().number))
for _info, _space in (
    (INFO_201, Cell201()),
    (INFO_301, DartsCell()),
    (INFO_TRANSNAS, TransNasMicro()),
):
    reference_table(_info)(partial(_load, _info, _space.index))
