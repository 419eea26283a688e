"""ProxylessNAS's networks on ImageNet (arXiv:1812.00332).

Blocks and widths are those of osmr/imgclsmob (commit 08bdd083), which has the authors'
configurations.
"""

from __future__ import annotations

from nasrepro.oracles.spaces.proxyless import ProxylessSpace
from nasrepro.suite.registry import ReleasedNetwork, networks

#: Widths of stem, first block, six stages and last convolution; blocks.
NETWORKS = {
    "cpu": (
        (40, 24, 32, 48, 88, 104, 216, 360, 1432),
        "e6k3-e3k3-e3k3-e3k3-e6k3-e3k3-e3k3-e3k5-e6k3-zero-zero-e3k3-e6k5-e3k3-e3k3-e3k3-"
        "e6k5-e3k5-e3k5-e3k3-e6k5",
    ),
    "gpu": (
        (40, 24, 32, 56, 112, 128, 256, 432, 1728),
        "e3k5-zero-zero-zero-e3k7-zero-zero-e3k3-e6k7-zero-zero-e3k5-e6k5-zero-e3k3-e3k5-"
        "e6k7-e6k7-e6k7-e6k5-e6k7",
    ),
    "mobile": (
        (32, 16, 32, 40, 80, 96, 192, 320, 1280),
        "e3k5-e3k3-zero-zero-e3k7-e3k3-e3k5-e3k5-e6k7-e3k5-e3k5-e3k5-e6k5-e3k5-e3k5-e3k5-"
        "e6k7-e6k7-e3k7-e3k7-e6k7",
    ),
    "mobile14": (
        (48, 24, 40, 56, 112, 136, 256, 448, 1792),
        "e3k5-e3k3-zero-zero-e3k7-e3k3-e3k5-e3k5-e6k7-e3k5-e3k5-e3k5-e6k5-e3k5-e3k5-e3k5-"
        "e6k7-e6k7-e3k7-e3k7-e6k7",
    ),
}

for _name, (_widths, _blocks) in NETWORKS.items():
    _full = f"proxylessnas.{_name}"
    _space = ProxylessSpace(widths=_widths)
    networks.add(
        _full, ReleasedNetwork(_full, _space, _blocks, 1000, 224, "arXiv:1812.00332"), __name__
    )
