"""TransNAS-Bench-101 (arXiv:2105.11871), micro: 4,096 cells, seven tasks.

Rows are all of them by official index less 3,256 (the official list has the macro skeletons first).
Each task has its own metric and its own training length.
"""

from __future__ import annotations

from nasrepro.oracles.convert.transnas101 import convert_micro
from nasrepro.oracles.spaces.tasks_transnas import (
    CITATION,
    DATASETS,
    FILES,
    LICENCE,
    METRICS,
    NOTES,
)
from nasrepro.oracles.spaces.transnas import TransNasMicro
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

TABLE = TableSpec(
    name="transnas101_micro",
    version=2,
    files={
        **FILES,
        "second": SourceFile(
            "automl/NASLib/e5a821c2dadf608042e4e046e386006cf6bd0564/naslib/data/zc_transbench101_micro.json",
            "f9f2c5d6d9b9a73964f1bffb2869f218e1110755d84ddd4a46a8cf482f799cd1",
            4121429,
            "Apache-2.0",
        ),
        "last": SourceFile(
            "automl/NASLib/7a5496e2211d8ab65da40e0e2d5333aba87df614/naslib/data/zc_benchmarks/all_benchmarks_zen.zip",
            "d70d3ddcda2264806a467d3fb3840e8ce04c5b0129776110a62018ea68e6d7f2",
            1016797,
            "Apache-2.0",
        ),
    },
    converter=convert_micro,
)

INFO = OracleInfo(
    name="transnas101_micro",
    space=TransNasMicro(),
    datasets=DATASETS,
    metrics=METRICS,
    objective="valid_accuracy",
    target="test_accuracy",
    citation=CITATION,
    licence=LICENCE,
    table=TABLE,
    notes=(
        *NOTES,
        "the csv names no architecture: the order is checked against a second source for all its "
        "711 cells and seven tasks, exactly",
        "isomorphic cells were trained separately and keep their own rows",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    space = INFO.space
    return TableOracle(INFO, open_table(TABLE), row=space.index, archs=lambda: tuple(space))
