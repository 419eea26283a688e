"""NAS-Bench-201 reported in NATS-Bench's test accuracies (arXiv:2009.00437).

The same cells and searches as `nasbench201`; the test column is the later release's own mean, over
more runs. A table of its own, so that no number of one release is taken for the other's.
"""

from __future__ import annotations

from dataclasses import replace

from nasrepro.oracles.convert.nasbench201 import SEARCHED
from nasrepro.oracles.convert.nasbench201_nats import convert
from nasrepro.oracles.nasbench201 import INFO as PUBLISHED
from nasrepro.oracles.nasbench201 import TABLE as EXTRACTS
from nasrepro.oracles.natsbench_size import INFO as SIZES
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Metric, Oracle, TableOracle
from nasrepro.suite.registry import oracle

TABLE = TableSpec(
    name="nasbench201_nats",
    version=2,
    files={
        **EXTRACTS.files,
        "nats": SourceFile(
            "v-tao/nats-bench-landscape/b307ae5fe6e8d7043cd4fe7d1c3532288271adb7/nats_bench.csv",
            "cb5d777ec3368be83c8f9b3aa4d520696051cb0eb8d94b8f85b519f9ea4afa3e",
            3024008,
            "none stated in the repository",
        ),
    },
    converter=convert,
)

INFO = replace(
    PUBLISHED,
    name="nasbench201_nats",
    metrics=(
        *map(PUBLISHED.metric, SEARCHED),
        Metric(
            "test_accuracy",
            "fraction",
            "test",
            True,
            (0, 1),
            "NATS-Bench's mean, 200 epochs; CIFAR-10: of the networks trained on 50,000 images",
        ),
        Metric(
            "cost_s_50k",
            "s",
            "none",
            False,
            (0, 1e7),
            "CIFAR-10 only: training time on 50,000 images, exactly twice that on 25,000",
        ),
    ),
    citation=f"{PUBLISHED.citation}\n{SIZES.citation}",
    licence=f"{PUBLISHED.licence}; none stated with NATS-Bench's means",
    table=TABLE,
    notes=(
        "not to be mixed with nasbench201: another mean of test runs for 2,416 (CIFAR-10), 2,486 "
        "(CIFAR-100) and 2,458 (ImageNet16-120) of 15,625 cells; by up to 2.2, 2.9 and 4.8 points",
        "means alone: how many runs each is of is not in the file; on CIFAR-10 it adds a second "
        "run to 2,208 of the 2,225 cells with one, and a third to 208 others",
        "validation, seconds and sizes are those of nasbench201, so a search is the same and only "
        "its report differs",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    space = INFO.space
    return TableOracle(INFO, open_table(TABLE), row=space.index, archs=lambda: tuple(space))
