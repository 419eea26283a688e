"""AMC's devices (arXiv:1802.03494): a Pixel 1 that ran four networks; the authors' logs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.han_lab import AMC_MODELS, AMC_RUNS, convert_amc_pixel1
from nasrepro.oracles.spaces.widths import MobileNetV1Widths
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.errors import NotTabulated
from nasrepro.suite.oracle import Device, DeviceInfo, DeviceTable
from nasrepro.suite.registry import device_table
from nasrepro.suite.space import Arch

V1 = MobileNetV1Widths()
#: Widths of the networks, from the authors' code (mit-han-lab/amc-models).
AMC_NETWORKS = dict(
    zip(
        AMC_MODELS,
        (
            "32:64:128:128:256:256:512:512:512:512:512:512:1024:1024",
            "24:48:96:96:192:192:384:384:384:384:384:384:768:768",
            "24:48:96:80:192:200:328:352:368:360:328:400:736:752",
            "16:48:88:80:192:168:336:360:360:352:352:368:768:680",
        ),
        strict=True,
    )
)
_LOGS = "mit-han-lab/amc-models/49f83edfca6533a7e5464bbd2d5025835811c690/logs"
_LOG_FILES = {
    "0.5flops_run1": ("a91e4ade80d561eba9d387ffb107a3855b39d5ede64ff00996c2c02834cfdb37", 8998),
    "0.5flops_run2": ("24b1ef4481dd52cbaf680e14c04665b8fefa53e2962100bd19b717a132714f22", 8998),
    "0.5flops_run3": ("a7c35294f46cb76d1c274cccd219bef07945069c0d81d6f43d5fc5e21d2c08b1", 9000),
    "0.5time_run1": ("4cdc82b99635a3cc035b0126b4ab903f04c4e0170879a8dc96ec42eaa6a88134", 8998),
    "0.5time_run2": ("fd37765dfc7a7cdfb5d869075735174dc736457672d1fd6eda004c8cbd6b7fd8", 8996),
    "0.5time_run3": ("c0f1b4d564b3886f2a61736899b39d600297a0677f241a0c8891b21c69afe0ea", 9000),
    "0.75mobilenet_run1": (
        "c75a56075ce5d5e7aed0223d56de46c69234c8c88057d0a80044f3946d3991d4",
        8950,
    ),
    "0.75mobilenet_run2": (
        "ce029f3bd6615a3b7ab28973f43076d7d0163a7cbf2bacc61ecea1d6be458b88",
        8943,
    ),
    "0.75mobilenet_run3": (
        "4a8ad9610943b5e914c1e05d88eaace15c2072e9dd738fce543fb9411136c460",
        8945,
    ),
    "mobilenet_run1": ("fc06becee694c45c875da9d31aa474c600c28ddc3e0e4c5b102f16279ab3d74c", 8952),
    "mobilenet_run2": ("6488cf1a8a90ce825886816c46232d659a53fdda242d365ac114b6f01371cd93", 8952),
    "mobilenet_run3": ("eaf753b3116909180bd2e2251b00e5de61fbda88f9e3c19994c31a3129a05d9a", 8952),
}

AMC_PIXEL1 = DeviceInfo(
    name="amc",
    space=V1,
    devices=(
        Device("amc/pixel1", V1.name, "latency", "ms", (), "Google Pixel 1, TensorFlow Lite"),
    ),
    citation="""@inproceedings{he2018amc,
  title = {{AMC}: {AutoML} for Model Compression and Acceleration on Mobile Devices},
  author = {Yihui He and Ji Lin and Zhijian Liu and Hanrui Wang and Li-Jia Li and Song Han},
  booktitle = {European Conference on Computer Vision},
  year = {2018},
  note = {arXiv:1802.03494}
}""",
    licence="none stated",
    table=TableSpec(
        name="amc",
        version=1,
        files={
            name: SourceFile(f"{_LOGS}/{name}.txt", sha256, size, "none stated")
            for name, (sha256, size) in _LOG_FILES.items()
        },
        converter=convert_amc_pixel1,
    ),
    notes=("four networks alone, each measured in three runs of 200 inferences",),
)


class Logged(DeviceTable):
    """Latencies of the networks that the authors ran."""

    def value(self, arch: Arch, device: str, dataset: str = "") -> float:
        """Mean over the runs (ms)."""
        return float(np.mean(self.runs(arch, device)))

    def runs(self, arch: Arch, device: str) -> list[float]:
        """Each run (ms)."""
        self.info.device(device)
        texts = list(AMC_NETWORKS.values())
        text = V1.format(arch)
        if text not in texts:
            raise NotTabulated(f"{device} ran {len(texts)} networks, and {text} is none of them")
        row = texts.index(text)
        return [float(self.table.column(f"run_{run}")[row]) for run in range(1, AMC_RUNS + 1)]

    def values(self, device: str, dataset: str = "") -> NDArray[np.float64]:
        """Raises NotTabulated: there are too many networks."""
        raise NotTabulated(f"{device} ran four networks of a space too large to be listed")

    def measured(self, device: str, dataset: str = "") -> int:
        """Networks that were run."""
        self.info.device(device)
        return len(AMC_NETWORKS)

    def released(self) -> dict[str, Arch]:
        """The networks by the names of their logs."""
        return {name: V1.parse(text) for name, text in AMC_NETWORKS.items()}


@device_table(AMC_PIXEL1)
def load_amc() -> DeviceTable:
    """AMC's logs, from the converted table."""
    return Logged(AMC_PIXEL1, open_table(AMC_PIXEL1.table))
