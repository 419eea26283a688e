"""NAS-Bench-201 v1.1, from its official file.

The 12 epochs of the short schedule, epoch by epoch.
"""

from __future__ import annotations

from nasrepro.oracles.official_files import describe, open_official
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import oracle

INFO = describe(
    "nasbench201_pth_12",
    family="pth",
    epochs=12,
    hp='"less", hp="12"',
    notes=(
        "the whole file is opened once, which takes about 28 GB of memory; NATS-Bench's folder has the same cells and takes little",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    return open_official(INFO)
