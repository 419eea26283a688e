"""NATS-Bench, topology space, from its official folder.

The 12 epochs of the short schedule, epoch by epoch.
"""

from __future__ import annotations

from nasrepro.oracles.official_files import describe, open_official
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import oracle

INFO = describe(
    "natsbench_tss_12",
    family="tss",
    epochs=12,
    hp='hp="12"',
    notes=("seeds are 111 and, for CIFAR-10's training on 25,000 images, also 777",),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    return open_official(INFO)
