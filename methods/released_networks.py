"""Networks that papers released, counted: what claims hold against the printed sizes.

Nothing here is trained or random: a string of a paper's repository, and the count of its network.
The networks are those that files of `oracles/released` register, with their sources there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nasrepro.suite.registry import networks, study


@study("released_networks.counts", paper="each paper's own repository", by=("network",))
def counts(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Parameters and MACs of every network."""
    rows = []
    for network in networks.all():
        arch = network.space.parse(network.arch)
        count = network.space.complexity(arch, classes=network.classes, size=network.side)
        rows.append({"network": network.name, "params": count.params, "macs": count.macs})
    return rows
