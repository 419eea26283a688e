"""trained201_cifar10_jpeg: as `trained201_cifar10`, on CIFAR-10 after JPEG compression.

Lossy, so never to be mixed with it.
"""

from __future__ import annotations

from nasrepro.oracles import trained201_cifar10 as exact
from nasrepro.oracles.images.sets import SETS
from nasrepro.oracles.training.images import opened
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import oracle

INFO = exact.described("trained201_cifar10_jpeg", "cifar10_jpeg", SETS["cifar10_jpeg"].note)


@oracle(INFO)
def load() -> Oracle:
    """The oracle on the lossy images."""
    return opened(INFO, exact.RECIPE, exact.SEEDS, trainer=exact.VERSION)
