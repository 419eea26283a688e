"""Networks that papers released, counted: what claims hold against the printed sizes.

Nothing here is trained or random: a string of a paper's repository, and the count of its network.

* ShrinkCNN and ShrinkRNN: AutoShrink's repository, commit b37564d (README and `cells`). Embedding
  and hidden of ShrinkRNN are of 745, its vocabulary of 10,000, embedding and decoder shared.
* Those that files of `oracles/released` register, with their sources there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nasrepro.suite.registry import ReleasedNetwork, networks, oracles, study
from nasrepro.suite.scoring import ScoringSetting, space_of
from nasrepro.suite.space import SearchSpace

_AUTOSHRINK = "arXiv:1911.09251"


def _space(oracle: str, **network: int) -> SearchSpace:
    """An oracle's space, its networks of other sizes."""
    return space_of(oracles.get(oracle).info.space, ScoringSetting(network=network))


def _autoshrink() -> Mapping[str, ReleasedNetwork]:
    return {
        "ShrinkCNN": ReleasedNetwork(
            "ShrinkCNN",
            _space("shrinkcnn"),
            "0-1,0-2,0-3,0-4,1-3,2-4;sep_conv_3x3,sep_conv_3x3,sep_conv_3x3,conv_1x1",
            classes=1000,
            side=224,
            paper=_AUTOSHRINK,
        ),
        "ShrinkRNN": ReleasedNetwork(
            "ShrinkRNN",
            _space("trained_rnn", embedding=745, hidden=745),
            "0-1,0-2,0-3,0-4,0-5,1-3,1-4,1-5,2-4,2-5,3-4,3-5;"
            "identity,sigmoid,sigmoid,tanh,identity",
            classes=10000,
            side=1,
            paper=_AUTOSHRINK,
        ),
    }


@study("released_networks.counts", paper="each paper's own repository", by=("network",))
def counts(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Parameters and MACs of every network."""
    rows = []
    registered = {network.name: network for network in networks.all()}
    for name, network in {**_autoshrink(), **registered}.items():
        arch = network.space.parse(network.arch)
        count = network.space.complexity(arch, classes=network.classes, size=network.side)
        rows.append({"network": name, "params": count.params, "macs": count.macs})
    return rows
