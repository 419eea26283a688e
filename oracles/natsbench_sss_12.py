"""NATS-Bench, size space, from its official folder.

The 12 epochs of the middle schedule, epoch by epoch.
"""

from __future__ import annotations

from nasrepro.oracles.official_files import describe, open_official
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import oracle

INFO = describe("natsbench_sss_12", family="sss", epochs=12, hp='hp="12"', notes=())


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    return open_official(INFO)
