"""Accel-NASBench.

5,125 networks of the MnasNet space, trained on ImageNet, and their speed on accelerators.

Searches are confined to them. `accel_surrogate` has a model of the whole space, fitted to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nasrepro.oracles.convert.accel_nasbench import convert, unpacked
from nasrepro.oracles.spaces.mnasnet import MnasNet
from nasrepro.oracles.spaces.pool import Pool, row_among
from nasrepro.suite.data import SourceFile, Table, TableSpec, open_table
from nasrepro.suite.oracle import (
    Dataset,
    Metric,
    Oracle,
    OracleInfo,
    TableOracle,
)
from nasrepro.suite.registry import oracle
from nasrepro.suite.space import Arch

FILE = SourceFile(
    "afzalxo/Accel-NASBench/42603572d530310e6bac7191d00cf45625a6b197/anb_dataset/anb_dataset_jsons.tar.gz",
    "3520992d42e368b7c08c99fc3f6612855b5b366bf98668a7f19d49f3131aa4ae",
    1173570,
    "Apache-2.0",
)
TABLE = TableSpec("accel_nasbench", 1, {"trainings": FILE}, convert)
CITATION = """@misc{ahmad2024accelnasbench,
  title = {{Accel-NASBench}: Sustainable Benchmarking for Accelerator-Aware {NAS}},
  author = {Afzal Ahmad and Linfeng Du and Zhiyao Xie and Wei Zhang},
  year = {2024},
  note = {arXiv:2404.08005}
}"""
IMAGENET = Dataset("imagenet", 1000, 224, "a reduced training; validation alone")
SIZES = (
    Metric("params", "param", "none", False, (0, 1e9), "those of the files, all of them"),
    Metric(
        "macs",
        "MAC",
        "none",
        False,
        (0, 1e12),
        "convolutions and classifier; the files' also count batch norms and poolings",
    ),
)

INFO = OracleInfo(
    name="accel_nasbench",
    space=MnasNet(),
    datasets=(IMAGENET,),
    metrics=(
        Metric("valid_accuracy", "fraction", "valid", True, (0, 1), "top-1"),
        Metric("valid_top5", "fraction", "valid", True, (0, 1), "top-5"),
        Metric("cost_s", "s", "none", False, (0, 1e7), "of the reduced training"),
        *SIZES,
    ),
    objective="valid_accuracy",
    target="valid_accuracy",
    citation=CITATION,
    licence="Apache-2.0",
    table=TABLE,
    notes=(
        "no test accuracy: results are in the validation accuracy that was searched on, which "
        "favours "
        "lucky runs",
        "a reduced training (42.9 to 67.1 %), one seed: not what these networks reach on ImageNet",
        "a sample of 5,125 networks out of 10^11: searches stay inside, and step to the 8 nearest",
        "13 networks were trained twice (second): their accuracies differ by .27 points (standard "
        "deviation of one training), .10 without one pair that is 1.28 apart",
        "the number of epochs is not in the files: the whole training counts as 1",
        "seconds from 1,064 to 31,079, a few of them ten times too long",
    ),
)


def rows_of(table: Table) -> dict[Arch, int]:
    """The row of each network of the table."""
    space = MnasNet()
    return {
        space.arch(unpacked(code)): row for row, code in enumerate(table.column("code").tolist())
    }


def row_of(rows: Mapping[Arch, int]) -> Callable[[Arch], int]:
    """What finds a network's row, or raises NotTabulated."""
    return row_among(rows, INFO.name, MnasNet(), "networks that it has")


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    table = open_table(TABLE)
    rows = rows_of(table)
    archs = tuple(rows)
    return TableOracle(
        INFO, table, row=row_of(rows), archs=lambda: archs, space=Pool(MnasNet(), archs)
    )
