"""NATS-Bench, topology space, from its official folder.

The 200 epochs of the long schedule, epoch by epoch.
"""

from __future__ import annotations

from nasrepro.oracles.official_files import SPARSE, describe, open_official
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import oracle

INFO = describe("natsbench_tss_200", family="tss", epochs=200, hp='hp="200"', notes=(SPARSE,))


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    return open_official(INFO)
