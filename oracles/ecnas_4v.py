"""EC-NAS (arXiv:2210.06015), all 91 NAS-Bench-101 cells of up to 4 vertices.

Trained anew, with test accuracy and energy.

Searches are confined to these cells. `ecnas_5v` has those of up to 5 vertices after 4 epochs.
"""

from __future__ import annotations

from nasrepro.oracles.convert.ecnas import convert_4v
from nasrepro.oracles.nasbench101_slice import open_part
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.suite.data import SourceFile, TableSpec
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo
from nasrepro.suite.registry import oracle

FOLDER = (
    "PedramBakh/EC-NAS-Bench/13e373ead9d5c1fa177de1c1217b0cd9d8739aac/"
    "ecnas/ecnas/utils/data/tabular_benchmarks"
)


def describe(table: TableSpec, notes: tuple[str, ...]) -> OracleInfo:
    """What both tables of EC-NAS have in common."""
    return OracleInfo(
        name=table.name,
        space=Dag101(),
        datasets=(
            Dataset(
                "cifar10",
                10,
                32,
                "as in NAS-Bench-101: 40,000 training, 10,000 validation and 10,000 test images",
            ),
        ),
        metrics=(
            Metric("valid_accuracy", "fraction", "valid", True, (0, 1)),
            Metric("test_accuracy", "fraction", "test", True, (0, 1)),
            Metric(
                "train_accuracy", "fraction", "train", True, (0, 1), "on 10,000 training images"
            ),
            Metric(
                "cost_s",
                "s",
                "none",
                False,
                (0, 1e7),
                "training time on one Quadro RTX 6000, without evaluation",
            ),
            Metric(
                "energy_kwh",
                "1",
                "none",
                False,
                (0, 1e3),
                "kWh of the training, as the authors' tracker measured it",
            ),
            Metric("params", "param", "none", False, (0, 1e9)),
            Metric("macs", "MAC", "none", False, (0, 1e12)),
        ),
        objective="valid_accuracy",
        target="test_accuracy",
        citation="""@inproceedings{bakhtiarifard2024ecnas,
  title = {{EC-NAS}: Energy Consumption Aware Tabular Benchmarks for Neural Architecture Search},
  author = {Pedram Bakhtiarifard and Christian Igel and Raghavendra Selvan},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP)},
  year = {2024},
  note = {arXiv:2210.06015}
}""",
        licence="MIT",
        resumable=False,  # every budget is a training of its own
        table=table,
        notes=(
            *notes,
            "energy and time are measured; the tracker's predictions, which the original file has "
            "beside them, are left out",
        ),
    )


TABLE = TableSpec(
    name="ecnas_4v",
    version=1,
    files={
        "records": SourceFile(
            f"{FOLDER}/energy_4V9E.tfrecord",
            "eba6c177999103d7c938028e410836c1b62213a076b0e7436de85da8f81d974c",
            893556,
            "MIT",
        )
    },
    converter=convert_4v,
)
INFO = describe(
    TABLE, ("91 of the 423,624 cells, those of up to 4 vertices: searches stay inside",)
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    return open_part(INFO, TABLE)
