"""NATS-Bench, size space, from its official folder.

The 90 epochs of the long schedule, epoch by epoch.
"""

from __future__ import annotations

from nasrepro.oracles.official_files import describe, open_official
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import oracle

INFO = describe(
    "natsbench_sss_90",
    family="sss",
    epochs=90,
    hp='hp="90"',
    notes=("one seed (777), so a difference of two widths has the noise of one training",),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    return open_official(INFO)
