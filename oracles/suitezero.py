"""NAS-Bench-Suite-Zero's further data (arXiv:2210.03230): small samples of four spaces.

199 NAS-Bench-201 cells, 199 DARTS networks and 192 TransNAS-Bench-101 cells trained on SVHN,
NinaPro and Spherical CIFAR-100, each with 13 scores of the untrained network; and 292
NAS-Bench-101 cells with 11. What proxies are compared on: the scores are in `references/suitezero`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nasrepro.oracles.convert import suitezero as convert
from nasrepro.oracles.nasbench101_slice import INFO as SLICE
from nasrepro.oracles.nasbench101_slice import open_part
from nasrepro.oracles.references.zc_combine import CITATION
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.dartscell import DartsCell
from nasrepro.oracles.spaces.pool import Pool, row_among
from nasrepro.oracles.spaces.transnas import TransNasMicro
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle
from nasrepro.suite.space import SearchSpace

_LICENCE = "Apache-2.0 (of the repository)"
_SCORES = SourceFile(
    "automl/NASLib/8359327a8c5e46f684c8d7f34d99a6c6dbcd9097/run/results/benchmarks/9x_all.zip",
    "17afb91c43dbf2d429ad79c57fbb5838f390a980648731753eb90da81bb2de62",
    989757,
    "Apache-2.0",
)
_DATASETS = (
    Dataset("svhn", 10, 32),
    Dataset("ninapro", 18, 16, "gestures from muscle signals; the image size is nominal"),
    Dataset("scifar100", 100, 60, "CIFAR-100 projected onto a sphere"),
)
_VALID = Metric("valid_accuracy", "fraction", "valid", True, (0, 1), "of one training")


def _describe(
    space: SearchSpace, name: str, count: int, converter: Callable[..., convert.Converted]
) -> OracleInfo:
    return OracleInfo(
        name=f"suitezero_{name}",
        space=space,
        datasets=_DATASETS,
        metrics=(_VALID,),
        objective="valid_accuracy",
        target="valid_accuracy",
        citation=CITATION,
        licence=_LICENCE,
        cost="",
        table=TableSpec(f"suitezero_{name}", 1, {"scores": _SCORES}, converter),
        notes=(
            f"a sample of {count} networks, for comparing proxies; as a search space it is small: "
            "searches stay inside, and step to the 8 nearest",
            "one training a network, validation alone: results are in what was searched on",
            "the number of epochs is not in the file: the whole training counts as 1; no seconds",
            "ninapro: disconnected networks answer one class, 64.795 %",
        ),
    )


INFO_201 = _describe(Cell201(), "nasbench201", 199, convert.convert_201)
INFO_301 = _describe(DartsCell(), "nasbench301", 199, convert.convert_301)
INFO_TRANSNAS = _describe(TransNasMicro(), "transnas101_micro", 192, convert.convert_transnas)
INFO_101 = OracleInfo(
    name="suitezero_nasbench101",
    space=Dag101(),
    datasets=SLICE.datasets,
    metrics=(Metric("valid_accuracy", "fraction", "valid", True, (0, 1), "of drawn runs"),),
    objective="valid_accuracy",
    target="valid_accuracy",
    citation=f"{CITATION}\n{SLICE.citation}",
    licence=_LICENCE,
    cost="",
    table=TableSpec(
        "suitezero_nasbench101",
        1,
        {
            "scores": SourceFile(
                "automl/NASLib/22280f711aa782fe9157d1b4e5ce4f83f47ab908/naslib/data/zc_nasbench101.json",
                "c34840bc9af68b6ebaa7f052e42c1749a9a737d7243078be2a5548052bc5a0c2",
                259564,
                "Apache-2.0",
            )
        },
        convert.convert_101,
    ),
    notes=(
        "a sample of 292 cells, for comparing proxies: the file's 500 matrices are isomorphic to "
        "these, so correlations over the 500 count some cells up to 55 times",
        "validation of the runs (of three) that were drawn; no test accuracy, no seconds",
        "108 epochs are taken from the benchmark; the file does not say",
        "searches stay inside; a cell has few neighbours in the sample",
    ),
)


def _load(info: OracleInfo, spec: TableSpec) -> Oracle:
    """The oracle over the converted table."""
    whole, table = info.space, open_table(spec)
    archs = tuple(map(whole.at, table.column("key").tolist()))
    rows = {arch: row for row, arch in enumerate(archs)}
    row = row_among(rows, info.name, whole, "networks that it has")
    return TableOracle(info, table, row=row, archs=lambda: archs, space=Pool(whole, archs))


for _info in (INFO_101, INFO_201, INFO_301, INFO_TRANSNAS):
    if _info.table is not None:  # it always is: for the type alone
        _open = open_part if _info is INFO_101 else _load
        oracle(_info)(partial(_open, _info, _info.table))
