"""The interface of HW-NAS-Bench, over its table of devices."""

from __future__ import annotations

import contextlib
from typing import Any

from nasrepro.oracles.compat.answer import Answer
from nasrepro.oracles.compat.nats_bench import NATStopology
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.errors import NotTabulated, UnknownName
from nasrepro.suite.registry import load_devices

_SPACE = "nasbench201"
_DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
#: In the order of an official answer.
_METRICS = (
    "edgegpu_latency",
    "edgegpu_energy",
    "raspi4_latency",
    "edgetpu_latency",
    "pixel3_latency",
    "eyeriss_latency",
    "eyeriss_energy",
    "fpga_latency",
    "fpga_energy",
)


class HWNASBenchAPI:
    """`HWNASBenchAPI(path, search_space="nasbench201")`: latencies in ms, energies in mJ.

    Args:
        file_path: not read.
        search_space: nasbench201; the tables have no devices of the FBNet space.
    """

    def __init__(self, file_path: object = None, search_space: str = _SPACE) -> None:
        if search_space != _SPACE:
            raise UnknownName("search space of HW-NAS-Bench", search_space, (_SPACE,))
        self.search_space = search_space
        self._devices = load_devices("hwnasbench")

    def query_by_index(self, arch_index: int, dataname: str) -> Answer:
        """`{device}_latency` and `{device}_energy` of the cell of an official index.

        A cell that a device does not support is left out (the official answer is -1).
        """
        if dataname not in _DATASETS:
            raise UnknownName("data set of HW-NAS-Bench", dataname, _DATASETS)
        arch, values = Cell201().at(arch_index), dict[str, float]()
        for name in _METRICS:
            device = name.removesuffix("_latency").replace("_", "-")
            with contextlib.suppress(NotTabulated):
                values[name] = self._devices.value(arch, f"hwnasbench/{device}", dataname)
        return Answer(values, f"HW-NAS-Bench, architecture {arch_index} on {dataname},")

    def get_net_config(self, arch_index: int, dataname: str) -> dict[str, Any]:
        """As `NATStopology.get_net_config`."""
        return NATStopology().get_net_config(arch_index, dataname)
