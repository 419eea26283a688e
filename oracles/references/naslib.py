"""Scores that NASLib's repository carries, of one untrained network each.

Those of NAS-Bench-Suite-Zero (arXiv:2210.03230), with zen scores that were added later.
"""

from __future__ import annotations

from collections.abc import Callable

from nasrepro.oracles.convert import references as convert
from nasrepro.oracles.convert.references import NASLIB
from nasrepro.oracles.references.zc_combine import CITATION
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.dartscell import DartsCell
from nasrepro.oracles.spaces.transnas import TransNasMacro, TransNasMicro
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
        converter=convert.convert_naslib_nasbench101,
    ),
    notes=(
        (
            "10,250 cells, the first by module hash; which cells they are is proved by the order "
            "of the hashes"
        ),
    ),
)


_FAILED = "-1e8 in the original stands for a score that could not be computed: -inf here"
_DATA = "naslib/data"
NASBENCH201 = ReferenceInfo(
    name="naslib_nasbench201",
    source="naslib",
    oracle="nasbench201",
    datasets=("cifar10", "cifar100", "ImageNet16-120"),
    scores=NASLIB,
    citation=CITATION,
    licence=INFO.licence,
    table=TableSpec(
        name="naslib_nasbench201",
        version=1,
        files={
            "scores": SourceFile(
                f"automl/NASLib/a06ba0e9931fcfd4605ddbddb6ed068eb58e58f1/{_DATA}/zc_nasbench201.json",
                "5dcbbcd56812a9f62164a376bc7df4082ab3af612082b6d26a845930e6eb8641",
                1963032,
                "Apache-2.0",
            )
        },
        converter=convert.convert_naslib_nasbench201,
    ),
    notes=("725 of 15,625 cells (ImageNet16-120: 724)", _FAILED),
)
NASBENCH301 = ReferenceInfo(
    name="naslib_nasbench301",
    source="naslib",
    oracle="nasbench301_yahpo",
    datasets=("cifar10",),
    scores=NASLIB,
    citation=CITATION,
    licence=INFO.licence,
    table=TableSpec(
        name="naslib_nasbench301",
        version=1,
        files={
            "scores": SourceFile(
                f"automl/NASLib/6639fd1579010457885c641553c55b0c153045aa/{_DATA}/zc_nasbench301.json",
                "537e9abd6f0b14fdffdfcb3c07b18a037647b5c80808b3b2cf9a51b1b491aba1",
                820765,
                "Apache-2.0",
            )
        },
        converter=convert.convert_naslib_nasbench301,
    ),
    notes=(
        "725 of 10^18 cells",
        "params (millions) are of the supernet's operations, without their batch norms",
        _FAILED,
    ),
)


def _transnas(
    kind: str, converter: Callable[..., convert.Converted], zen: SourceFile
) -> ReferenceInfo:
    return ReferenceInfo(
        name=f"naslib_transnas101_{kind}",
        source="naslib",
        oracle=f"transnas101_{kind}",
        datasets=(
            "class_scene",
            "class_object",
            "room_layout",
            "jigsaw",
            "segmentsemantic",
            "normal",
            "autoencoder",
        ),
        scores=("zen", "synflow"),
        citation=CITATION,
        licence=INFO.licence,
        table=TableSpec(
            name=f"naslib_transnas101_{kind}",
            version=1,
            files={
                "zen": zen,
                "synflow": SourceFile(
                    f"automl/NASLib/3a28c7f155018cde8b3245ee1ac0b4dcc62efd73/{_RUNS}/"
                    "tnb101_classification_synflow.zip",
                    "272e6b7e970ff80cc36ca23757bf746d2b233d041ec3366a85047af9bf958f9e",
                    1154294,
                    "Apache-2.0",
                ),
            },
            converter=converter,
        ),
        notes=("of the whole space", "synflow of the classification tasks alone", _FAILED),
    )


_RUNS = "run/results/benchmarks"
TRANSNAS101_MICRO = _transnas(
    "micro",
    convert.convert_naslib_transnas101_micro,
    SourceFile(
        f"automl/NASLib/7a5496e2211d8ab65da40e0e2d5333aba87df614/{_DATA}/zc_benchmarks/"
        "all_benchmarks_zen.zip",
        "d70d3ddcda2264806a467d3fb3840e8ce04c5b0129776110a62018ea68e6d7f2",
        1016797,
        "Apache-2.0",
    ),
)
TRANSNAS101_MACRO = _transnas(
    "macro",
    convert.convert_naslib_transnas101_macro,
    SourceFile(
        f"automl/NASLib/eba9f98038440ba2f246f6054ebd7ba55ad38b3a/{_RUNS}/tnb101_macro_zen.zip",
        "c34526c4f37f06205e61efeeb80bce5340dbce555ad558a10d6a897258d0de7b",
        870234,
        "Apache-2.0",
    ),
)


@reference_table(INFO)
def load() -> ReferenceTable:
    """The scores of NAS-Bench-101 cells, from the converted table."""
    return ReferenceTable(INFO, open_table(INFO.table), Dag101().number)


@reference_table(NASBENCH201)
def load_nasbench201() -> ReferenceTable:
    """The scores of NAS-Bench-201 cells."""
    return ReferenceTable(NASBENCH201, open_table(NASBENCH201.table), Cell201().index)


@reference_table(NASBENCH301)
def load_nasbench301() -> ReferenceTable:
    """The scores of DARTS cells."""
    return ReferenceTable(NASBENCH301, open_table(NASBENCH301.table), DartsCell().index)


@reference_table(TRANSNAS101_MICRO)
def load_transnas101_micro() -> ReferenceTable:
    """The scores of TransNAS-Bench-101's cells."""
    return ReferenceTable(
        TRANSNAS101_MICRO, open_table(TRANSNAS101_MICRO.table), TransNasMicro().index
    )


@reference_table(TRANSNAS101_MACRO)
def load_transnas101_macro() -> ReferenceTable:
    """The scores of TransNAS-Bench-101's skeletons."""
    return ReferenceTable(
        TRANSNAS101_MACRO, open_table(TRANSNAS101_MACRO.table), TransNasMacro().index
    )
