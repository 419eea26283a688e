"""HAQ's device (arXiv:1811.08886): latencies of MobileNetV2's layers for all bit widths.

The sum over the layers is the latency of a policy, so it is computed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.han_lab import convert_haq
from nasrepro.oracles.spaces.bits import MobileNetV2Bits
from nasrepro.suite.data import SourceFile, Table, TableSpec, open_table
from nasrepro.suite.errors import NotTabulated
from nasrepro.suite.oracle import Device, DeviceInfo, DeviceTable
from nasrepro.suite.registry import device_table
from nasrepro.suite.space import Arch

BITS = MobileNetV2Bits()
HAQ = DeviceInfo(
    name="haq",
    space=BITS,
    devices=(
        Device(
            "haq/cloud",
            BITS.name,
            "latency",
            "ms",
            (),
            "the authors' cloud accelerator with a batch of 16; the file states no unit",
        ),
    ),
    citation="""@inproceedings{wang2019haq,
  title = {{HAQ}: Hardware-Aware Automated Quantization with Mixed Precision},
  author = {Kuan Wang and Zhijian Liu and Yujun Lin and Ji Lin and Song Han},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2019},
  note = {arXiv:1811.08886}
}""",
    licence="MIT",
    table=TableSpec(
        name="haq",
        version=1,
        files={
            "table": SourceFile(
                "mit-han-lab/haq/8228d126c800446fdc1cc263555d1e5aed7d9dfd/lib/simulator/"
                "lookup_tables/qmobilenetv2_imagenet100_batch16_latency_table.npy",
                "41c377108ab97b62451afbc13cdb1ae8ea9f43b837446fd91c65c73f477c6529",
                27264,
                "MIT",
            )
        },
        converter=convert_haq,
    ),
    notes=("whole numbers without a stated unit: compare ratios only",),
)


class BitTable(DeviceTable):
    """Sums of layer latencies by bit widths."""

    def __init__(self, info: DeviceInfo, table: Table) -> None:
        super().__init__(info, table)
        #: Latency, shape (layers, weight bits, activation bits), both from 1 bit.
        self.costs: NDArray[np.float64] = table.column("latency").reshape(-1, 8, 8)

    def value(self, arch: Arch, device: str, dataset: str = "") -> float:
        """Latency of a policy, in the table's own unit."""
        self.info.device(device)
        return float(
            sum(
                layer[weights - 1, activations - 1]
                for layer, (weights, activations) in zip(self.costs, BITS.policy(arch), strict=True)
            )
        )

    def values(self, device: str, dataset: str = "") -> NDArray[np.float64]:
        """Raises NotTabulated: there are too many policies."""
        raise NotTabulated(f"{device} computes one policy at a time; there are {8**106:.0e}")

    def measured(self, device: str, dataset: str = "") -> int:
        """All layers and bit widths that the table has."""
        self.info.device(device)
        return int(self.costs.size)


@device_table(HAQ)
def load_haq() -> DeviceTable:
    """HAQ's table, from the converted file."""
    return BitTable(HAQ, open_table(HAQ.table))
