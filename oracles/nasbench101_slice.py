"""The public slice of NAS-Bench-101 (arXiv:1902.09635).

30,001 of its 423,624 cells, validation accuracy of one run.

Searches are confined to the slice. The full table with test accuracies is `nasbench101`, for who
has its file.
"""

from __future__ import annotations

from nasrepro.oracles.convert.nasbench101 import convert_slice
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.part101 import Part101
from nasrepro.oracles.spaces.pool import row_among
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

_REPOSITORY = "tiga1231/nasbench-vis"
_NO_LICENCE = "none stated in the repository that carries it"

TABLE = TableSpec(
    name="nasbench101_slice",
    version=1,
    files={
        "first": SourceFile(
            f"{_REPOSITORY}/7aec0e76fbcd963371799af25f78223069897b58/static/data/data-20k.json",
            "7eaca9658aebf16443d3df5b38e61fe75d85787abc485cfc9a2088328443c3e9",
            2862972,
            _NO_LICENCE,
        ),
        "second": SourceFile(
            f"{_REPOSITORY}/7aec0e76fbcd963371799af25f78223069897b58/static/data/data-10k.json",
            "2c4c46e44c8ed252f7118d7a73304137ea0a6fa26377e6795baf985369ff3c09",
            1430567,
            _NO_LICENCE,
        ),
        "graphs": SourceFile(
            f"{_REPOSITORY}/a6f5839685f73057a7bca277b9ee5e36276d0bdf/static/data/data-1k.json",
            "97508235d7b6e1e4cee998629e87ec661d9a27ca882cc31f1503126340d6f1f2",
            1073227,
            _NO_LICENCE,
        ),
    },
    converter=convert_slice,
)

INFO = OracleInfo(
    name="nasbench101_slice",
    space=Dag101(),
    datasets=(
        Dataset(
            "cifar10", 10, 32, "40,000 training and 10,000 validation images; no test accuracies"
        ),
    ),
    metrics=(
        Metric("valid_accuracy", "fraction", "valid", True, (0, 1), "of one of the three runs"),
        Metric(
            "cost_s",
            "s",
            "none",
            False,
            (0, 1e7),
            "training time; measured at 108 epochs, in proportion for fewer, an estimate",
        ),
        Metric("params", "param", "none", False, (0, 1e9)),
        Metric("macs", "MAC", "none", False, (0, 1e12)),
    ),
    objective="valid_accuracy",
    target="valid_accuracy",
    citation="""@inproceedings{ying2019nasbench101,
  title = {{NAS-Bench-101}: Towards Reproducible Neural Architecture Search},
  author = {Chris Ying and Aaron Klein and Eric Christiansen and Esteban Real and Kevin Murphy and Frank Hutter},
  booktitle = {Proceedings of the 36th International Conference on Machine Learning},
  pages = {7105--7114},
  year = {2019},
  note = {arXiv:1902.09635}
}""",  # noqa: E501
    licence="Apache-2.0 (the benchmark); none stated in the repository that carries the extract",
    resumable=False,  # every budget is a training of its own, with its own cosine schedule
    table=TABLE,
    notes=(
        "coverage 7.1 %: 30,001 of 423,624 cells, two contiguous runs of the sorted module "
        "hashes, so close to a uniform sample",
        "searches stay inside the slice",
        "no test accuracy: results are reported in the validation accuracy that was searched on, "
        "which favours lucky runs",
        "one run (of three, which one is not known), labelled one: its noise is part of every "
        "value",
        "Spearman correlation of 4, 12, 36 epochs with 108 epochs: 0.45, 0.62, 0.88; about 0 "
        "among the 300 best",
        "samples are uniform over its cells (the benchmark's are uniform over codes, where small "
        "cells dominate)",
        "a cell has one or two neighbours in the slice, so local search is little more than "
        "restarts",
        "few small cells: 12 of the 91 of up to four vertices, so a method that grows cells from "
        "the smallest on (EPNAS, but not PNAS, which tries all that are one vertex larger) hardly "
        "leaves them",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    return open_part(INFO, TABLE)


def open_part(info: OracleInfo, spec: TableSpec) -> Oracle:
    """An oracle whose searches are confined to the cells of its table."""
    whole, table = Dag101(), open_table(spec)
    rows = {number: row for row, number in enumerate(table.column("number").tolist())}
    archs = tuple(map(whole.numbered, rows))

    row = row_among(rows, info.name, whole, "cells that it has", whole.number)
    return TableOracle(info, table, row=row, archs=lambda: archs, space=Part101(whole, archs))
