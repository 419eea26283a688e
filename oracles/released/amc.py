"""AMC's networks on ImageNet (arXiv:1802.03494), and those it compares them with.

Widths are those of the authors' code (mit-han-lab/amc-models, commit 49f83edf); MobileNetV2 at
width 0.75 is Google's, whose widths are multiples of eight.
"""

from __future__ import annotations

from nasrepro.oracles.devices.amc import AMC_NETWORKS
from nasrepro.oracles.spaces.widths import MobileNetV1Widths, MobileNetV2Channels
from nasrepro.suite.registry import ReleasedNetwork, networks

V1, V2 = MobileNetV1Widths(), MobileNetV2Channels()
MOBILENETV2 = {
    "mobilenetv2": ":".join(map(str, V2.cardinalities)),
    "mobilenetv2_0.7flops": (
        "24:16:72:24:104:24:104:32:136:32:136:32:136:64:272:64:272:64:272:64:272:96:408:96:400:96:"
        "400:160:712:160:720:160:712:248:848"
    ),
    "mobilenetv2_0.75": (
        "24:16:96:24:144:24:144:24:144:24:144:24:144:48:288:48:288:48:288:48:288:72:432:72:432:72:"
        "432:120:720:120:720:120:720:240:1280"
    ),
}

for _space, _networks in ((V1, AMC_NETWORKS), (V2, MOBILENETV2)):
    for _name, _widths in _networks.items():
        _full = f"amc.{_name}"
        networks.add(
            _full, ReleasedNetwork(_full, _space, _widths, 1000, 224, "arXiv:1802.03494"), __name__
        )
