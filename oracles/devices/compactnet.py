"""CompactNet's simulators: an ARM CPU and an NPU of a phone, as devices that compute.

The latency of a network is the sum over its layers of what was measured for a layer of those widths
(the least of ten runs), so it is computed and never tabulated for whole networks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.compactnet import convert_compactnet
from nasrepro.oracles.spaces.mobilenetv2_widths import FULL, MobileNetV2Widths
from nasrepro.suite.data import SourceFile, Table, TableSpec, open_table
from nasrepro.suite.errors import NotTabulated
from nasrepro.suite.oracle import Device, DeviceInfo, DeviceTable
from nasrepro.suite.registry import device_table
from nasrepro.suite.space import Arch

SPACE = MobileNetV2Widths()
_AT = "CompactNet/CompactNet/34a9a9c8d943018da9b7324278d127e32c85e7b3"
_FILES = {
    "cpu": (
        "simulator/sim_data/CPU_sim_latency.pickle",
        "0ff7351f18df80bfb60f1e7321fa9b6741fe171e899a2cc5f1efa3a1a18acbed",
        1288799,
    ),
    "npu": (
        "simulator/sim_data/NPU_sim_latency.pickle",
        "ab744da060e55787924e585110034a825664bd65bf7c2c8c904b0a6487b46c2f",
        1288799,
    ),
    "pretrained": (
        "data/mobilenetv2_pretrained_cifar10.index",
        "367fb658679eae5d589624623dbdb7f6cc3607d9820ff2780b4364f8e56bd01b",
        37042,
    ),
    "cpu_x15": (
        "data/exp_results/cpu_x15.index",
        "b01fb0c8ac2fa434bb8dc081b35ae423bc54c61b564865c073a36f88ea196e68",
        36514,
    ),
    "cpu_x18": (
        "data/exp_results/cpu_x18.index",
        "15904b9795684245bd592c09e04caac2e232c5e19d2304e9274422f925615d4b",
        36502,
    ),
    "npu_x13": (
        "data/exp_results/npu_x13.index",
        "d942c68d4482c202cbeab8a0c5b247f0877ada187335c3918ef5180eab201f29",
        36649,
    ),
    "npu_15": (
        "data/exp_results/npu_15.index",
        "c22e7d864d4b0c766aa91eb22052471ce8e523caf12a95a1aad25032d1e02048",
        36361,
    ),
}

COMPACTNET = DeviceInfo(
    name="compactnet",
    space=SPACE,
    devices=(
        Device("compactnet/cpu", SPACE.name, "latency", "ms", (), "ARM CPU of a Huawei Mate 10"),
        Device(
            "compactnet/npu",
            SPACE.name,
            "latency",
            "ms",
            (),
            "NPU (Cambricon-1A) of a Huawei Mate 10",
        ),
    ),
    citation="""@misc{li2019compactnet,
  title = {{CompactNet}: Platform-Aware Automatic Optimization for Convolutional Neural Networks},
  author = {Li and others},
  year = {2019},
  note = {arXiv:1905.11669}
}""",
    licence="GPL-3.0",
    table=TableSpec(
        name="compactnet",
        version=1,
        files={
            name: SourceFile(f"{_AT}/{path}", sha256, size, "GPL-3.0")
            for name, (path, sha256, size) in _FILES.items()
        },
        converter=convert_compactnet,
    ),
    notes=(
        "sums of single layers at 224 pixels, whereas the networks are trained at 32",
        "noisy: one filter more lowers a layer's latency in 32 % (CPU) and 44 % (NPU) of all steps",
    ),
)


class Simulators(DeviceTable):
    """Sums of layer latencies; the space is too large to be listed."""

    def __init__(self, info: DeviceInfo, table: Table) -> None:
        super().__init__(info, table)
        layer = table.column("layer")
        self._layers = {
            device.column: [
                table.column(device.column)[layer == number].reshape(outputs, -1)
                for number, outputs in enumerate(FULL)
            ]
            for device in info.devices
        }

    def layers(self, device: str) -> list[NDArray[np.float64]]:
        """Latency of each layer (ms), shape (output filters, input filters), both from 1."""
        return self._layers[self.info.device(device).column]

    def value(self, arch: Arch, device: str, dataset: str = "") -> float:
        """Latency of a network (ms)."""
        widths = SPACE.layer_widths(arch)
        inputs = (1, *widths)
        return float(
            sum(
                table[outputs - 1, before - 1]
                for table, outputs, before in zip(self.layers(device), widths, inputs, strict=False)
            )
        )

    def values(self, device: str, dataset: str = "") -> NDArray[np.float64]:
        """Raises NotTabulated: there are too many networks."""
        raise NotTabulated(
            f"{device} computes the latency of one network at a time; its space has "
            f"{len(SPACE):,} of them"
        )

    def measured(self, device: str, dataset: str = "") -> int:
        """All networks of the space."""
        self.info.device(device)
        return len(SPACE)

    def released(self) -> dict[str, Arch]:
        """The authors' networks by name: "pretrained", and those that they trimmed."""
        return {name: SPACE.of_layers(w) for name, w in self._meta("widths").items()}

    def stored(self) -> dict[str, int]:
        """Numbers in the authors' networks: parameters and running statistics of batch norms."""
        return dict(self._meta("stored"))

    def _meta(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.table.meta[key]
        return found


@device_table(COMPACTNET)
def load_compactnet() -> DeviceTable:
    """The simulators, from the converted table."""
    return Simulators(COMPACTNET, open_table(COMPACTNET.table))
