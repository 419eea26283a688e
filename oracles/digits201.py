"""digits201.

The functionally distinct NAS-Bench-201 cells, really trained on scikit-learn's digits; ships with
the package.

One row per functionally distinct cell (5,044 when complete), every seed and epoch; all 15,625 cells
are answered by the row of their canonical form. Made by `oracles/training/digits201`; its data card
is
`oracles/data/digits201.md`.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.training.digits201.table import make
from nasrepro.suite.data import Table
from nasrepro.suite.errors import NotTabulated
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle
from nasrepro.suite.space import Arch, ConfinedSpace

#: Functionally distinct cells of the space.
DISTINCT = 5044

SPACE = Cell201(channels=8, cells=1, stages=1, in_channels=1)

INFO = OracleInfo(
    name="digits201",
    space=SPACE,
    datasets=(
        Dataset(
            "digits",
            10,
            8,
            "1,797 grey images of 8x8 pixels: 384 for training, 600 for validation, 813 for "
            "testing",
            images="digits201",
        ),
    ),
    metrics=(
        Metric(
            "valid_accuracy",
            "fraction",
            "valid",
            True,
            (0, 1),
            "at every epoch of one schedule of 30",
        ),
        Metric("test_accuracy", "fraction", "test", True, (0, 1), "after the last epoch"),
        Metric(
            "train_loss",
            "1",
            "train",
            False,
            (0, float("inf")),
            "cross-entropy, mean over the epoch; missing where the training diverged",
        ),
        Metric(
            "cost_s",
            "s",
            "none",
            False,
            (0, 1e6),
            "CPU seconds of one training, one of three side by side",
        ),
        Metric("params", "param", "none", False, (0, 1e9)),
        Metric("macs", "MAC", "none", False, (0, 1e12)),
    ),
    objective="valid_accuracy",
    target="test_accuracy",
    citation="""@misc{nasrepro_digits201,
  title = {digits201: {NAS-Bench-201} cells trained on handwritten digits},
  author = {{the nasrepro developers}},
  year = {2026},
  note = {shipped with nasrepro; data: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998}
}""",  # noqa: E501
    licence="MIT (the table); CC BY 4.0 (the digits)",
    resumable=True,  # the epochs are points of one schedule
    notes=(
        "a small data set and a small network: how far its ranking carries over is measured in "
        "the data card",
        "equal cells share one row: the cell with the smallest number of each class of "
        "functionally equal cells was trained",
    ),
)


def opened(info: OracleInfo) -> Oracle:
    """The oracle over the shipped table, under a description."""
    table = Table(Path(str(resources.files("nasrepro.oracles.data").joinpath("digits201.parquet"))))
    rows = {int(number): row for row, number in enumerate(table.column("number"))}

    def row(arch: Arch) -> int:
        number = SPACE.number(SPACE.canonical(arch))
        if number not in rows:
            raise NotTabulated(
                f"{INFO.name}: {SPACE.format(arch)} was not trained; the table has {len(rows):,} "
                f"of {DISTINCT:,} distinct cells"
            )
        return rows[number]

    # as long as not all cells are trained, searches stay among those that are
    inside = (
        None
        if len(rows) == DISTINCT
        else ConfinedSpace(
            SPACE, [arch for arch in SPACE if SPACE.number(SPACE.canonical(arch)) in rows]
        )
    )
    return TableOracle(
        info,
        table,
        row=row,
        archs=lambda: tuple(SPACE.numbered(number) for number in rows),
        space=inside,
    )


@oracle(INFO, trained_by=make)
def load() -> Oracle:
    """The oracle over the shipped table."""
    return opened(INFO)
