"""EC-NAS (arXiv:2210.06015), all 2,532 NAS-Bench-101 cells of up to 5 vertices after 4 epochs.

One run, with test accuracy and energy.
"""

from __future__ import annotations

from nasrepro.oracles.convert.ecnas import convert_5v
from nasrepro.oracles.ecnas_4v import FOLDER, describe
from nasrepro.oracles.nasbench101_slice import open_part
from nasrepro.suite.data import SourceFile, TableSpec
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import oracle

TABLE = TableSpec(
    name="ecnas_5v",
    version=1,
    files={
        "records": SourceFile(
            f"{FOLDER}/energy_5V9E.tfrecord",
            "0be8df1e21dac4e7a927ee13823fb3f30fd900f8dee2a41f1572319e8af702cc",
            2136916,
            "MIT",
        )
    },
    converter=convert_5v,
)
INFO = describe(
    TABLE,
    (
        "2,532 of the 423,624 cells, those of up to 5 vertices: searches stay inside",
        "one run of 4 epochs: the accuracies rank early learning, not what the cells reach",
        "the 91 cells of up to 4 vertices were trained for ecnas_4v as well; the two tables share "
        "no training",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    return open_part(INFO, TABLE)
