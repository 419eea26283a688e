"""NATS-Bench, size space, from its official folder: the short schedule of one epoch."""

from __future__ import annotations

from nasrepro.oracles.official_files import describe, open_official
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import oracle

INFO = describe(
    "natsbench_sss_1",
    family="sss",
    epochs=1,
    hp='hp="01"',
    notes=("one seed (777), so a difference of two widths has the noise of one training",),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    return open_official(INFO)
