"""NAS-Bench-201 v1.1, from its official file.

The 200 epochs of the long schedule, epoch by epoch.
"""

from __future__ import annotations

from nasrepro.oracles.official_files import SPARSE, describe, open_official
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import oracle

INFO = describe(
    "nasbench201_pth_200",
    family="pth",
    epochs=200,
    hp='"full", hp="200"',
    notes=(
        SPARSE,
        "the whole file is opened once, which takes about 28 GB of memory; NATS-Bench's folder has the same cells and takes little",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    return open_official(INFO)
