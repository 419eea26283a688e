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
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

TABLE = TableSpec(
    name="transnas101_macro",
    version=2,
    files={
        **FILES,
        "second": SourceFile(
            "automl/NASLib/e5a821c2dadf608042e4e046e386006cf6bd0564/naslib/data/zc_transbench101_macro.json",
            "f1d393373855bd7ba29bc81b33adb947ef2518d82aa0e6c003809ce6a4d94212",
            4107092,
            "Apache-2.0",
        ),
        "last": SourceFile(
            "automl/NASLib/eba9f98038440ba2f246f6054ebd7ba55ad38b3a/run/results/benchmarks/tnb101_macro_zen.zip",
            "c34526c4f37f06205e61efeeb80bce5340dbce555ad558a10d6a897258d0de7b",
            870234,
            "Apache-2.0",
        ),
    },
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
        *NOTES,
        "the csv names no architecture: the order is rebuilt, and confirmed by its length, by "
        "index 1 and by the training times",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    space = INFO.space
    return TableOracle(INFO, open_table(TABLE), row=space.index, archs=lambda: tuple(space))
