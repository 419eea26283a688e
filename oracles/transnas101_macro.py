"""TransNAS-Bench-101 (arXiv:2105.11871), macro: 3,256 skeletons, seven tasks.

Rows are all of them by official index. Each task has its own metric and its own training length.
"""

from __future__ import annotations

from nasrepro.oracles.convert.transnas101 import convert_macro
from nasrepro.oracles.spaces.tasks_transnas import (
    CITATION,
    DATASETS,
    FILES,
    LICENCE,
    METRICS,
    NOTES,
)
from nasrepro.oracles.spaces.transnas import TransNasMacro
from nasrepro.suite.data import TableSpec, open_table
from nasrepro.suite.oracle import Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

TABLE = TableSpec(
    name="transnas101_macro",
    version=1,
    files=FILES,
    converter=convert_macro,
)

INFO = OracleInfo(
    name="transnas101_macro",
    space=TransNasMacro(),
    datasets=DATASETS,
    metrics=METRICS,
    objective="valid_accuracy",
    target="test_accuracy",
    citation=CITATION,
    licence=LICENCE,
    table=TABLE,
    notes=(
        "the csv names no architecture: the order is rebuilt, and confirmed by its length, by index 1 and by the training times",
        *NOTES,
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    space = INFO.space
    return TableOracle(INFO, open_table(TABLE), row=space.index, archs=lambda: tuple(space))
