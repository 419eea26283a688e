"""ShrinkCNN and ShrinkRNN (arXiv:1911.09251): AutoShrink's repository, commit b37564d.

Cells of its README and `cells`. Embedding and hidden of ShrinkRNN are of 745, its vocabulary of
10,000, embedding and decoder shared.
"""

from __future__ import annotations

from nasrepro.oracles.spaces.nodedag import SHRINKCNN, shrinkcnn
from nasrepro.oracles.spaces.recurrent import SHRINKRNN, RecurrentSpace
from nasrepro.suite.registry import ReleasedNetwork, networks

_PAPER = "arXiv:1911.09251"

networks.add(
    "ShrinkCNN",
    ReleasedNetwork("ShrinkCNN", shrinkcnn(), SHRINKCNN, 1000, 224, _PAPER),
    __name__,
)
networks.add(
    "ShrinkRNN",
    ReleasedNetwork(
        "ShrinkRNN", RecurrentSpace(embedding=745, hidden=745), SHRINKRNN, 10_000, 1, _PAPER
    ),
    __name__,
)
