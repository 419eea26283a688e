"""NAS-Bench-201's cells on NinaPro and Darcy flow, from HW-NAS-Bench-360.

One training each, so apart from `nasbench201`, whose values are of several. The same file has
latencies and energies: `devices/hwnasbench360.py`.
"""

from __future__ import annotations

from nasrepro.oracles.convert.nasbench201_360 import convert
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

LICENCE = "none stated in the repository"
CITATION = """@misc{hwnasbench360,
  title = {{HW-NAS-Bench-360}},
  author = {{roldebijvank}},
  howpublished = {github.com/roldebijvank/HW-NAS-Bench-360}
}"""
TABLE = TableSpec(
    name="nasbench201_360",
    version=1,
    files={
        "measured": SourceFile(
            "roldebijvank/HW-NAS-Bench-360/a9b243e07fb8f0671ee56587696e7b8ef1ca702d/results/dataset.parquet",
            "d3ce4198e31564486b7194ba28507bea3867cb16a2587d68d82e3b62cfff4cce",
            3119939,
            LICENCE,
        )
    },
    converter=convert,
)

INFO = OracleInfo(
    name="nasbench201_360",
    space=Cell201(),
    datasets=(
        Dataset("ninapro", 18, 16, "gestures from muscle signals; the image size is nominal"),
        Dataset(
            "darcy",
            1,
            85,
            "Darcy flow, a regression; classes and image size are nominal",
            objective="valid_score",
            target="valid_score",
        ),
    ),
    metrics=(
        Metric("valid_accuracy", "fraction", "valid", True, (0, 1), "NinaPro"),
        Metric(
            "valid_score",
            "1",
            "valid",
            True,
            (-10, 1),
            "Darcy flow: the file's own, higher is better",
        ),
    ),
    objective="valid_accuracy",
    target="valid_accuracy",
    citation=CITATION,
    licence=LICENCE,
    cost="",
    table=TABLE,
    notes=(
        "one seed and one split each: results are in the value that was searched on, and the "
        "ranking "
        "is noisy (another training of NinaPro agrees at Kendall's tau .557)",
        "little in common with images: tau with CIFAR-10's test accuracy .184 (NinaPro), .338 "
        "(Darcy)",
        "which part of the data the value is of is not stated; it is taken for validation",
        "the number of epochs is not in the file: the whole training counts as 1; no training time",
        "NinaPro is 64.79514 % for exactly the 341 disconnected cells",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    space = INFO.space
    return TableOracle(INFO, open_table(TABLE), row=space.index, archs=lambda: tuple(space))
