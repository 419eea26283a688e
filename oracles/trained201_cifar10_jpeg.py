"""trained201_cifar10_jpeg: as `trained201_cifar10`, on CIFAR-10 after JPEG compression: lossy, so never to be mixed with it."""

from __future__ import annotations

from oracles.trained201_cifar10 import described, opened
from oracles.training.images import SETS
from suite.oracle import Oracle
from suite.registry import oracle

INFO = described("trained201_cifar10_jpeg", "cifar10_jpeg", SETS["cifar10_jpeg"].note)


@oracle(INFO)
def load() -> Oracle:
    """The oracle on the lossy images."""
    return opened(INFO)
