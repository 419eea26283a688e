"""HW-NAS-Bench-360: NAS-Bench-201's cells on a Raspberry Pi 5 and a Pixel phone."""

from __future__ import annotations

from nasrepro.oracles.nasbench201_360 import CITATION, LICENCE, TABLE
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.data import open_table
from nasrepro.suite.oracle import Device, DeviceInfo, DeviceTable
from nasrepro.suite.registry import device_table

_TASKS = ("cifar100", "ninapro", "darcy")
_RUNTIMES = {
    "pi5_litert": "Raspberry Pi 5, LiteRT",
    "pi5_onnx": "Raspberry Pi 5, ONNX Runtime",
    "pi5_torchmobile": "Raspberry Pi 5, PyTorch Mobile",
    "pixel_litert": "Pixel phone, LiteRT",
}
DEVICES = DeviceInfo(
    name="hwnasbench360",
    space=Cell201(),
    devices=(
        *(
            Device(f"hwnasbench360/{name}", Cell201.name, "latency", "ms", _TASKS, note)
            for name, note in _RUNTIMES.items()
        ),
        *(
            Device(f"hwnasbench360/{name}-energy", Cell201.name, "energy", "mJ", _TASKS, note)
            for name, note in _RUNTIMES.items()
            if name.startswith("pi5")
        ),
    ),
    citation=CITATION,
    licence=LICENCE,
    table=TABLE,
    notes=(
        "measured for 6,466 cells that stand for all (the benchmark's isomorphism classes), copied "
        "to the others",
        "LiteRT under .05 ms is a graph folded into a constant: missing here, not fast",
        "no energy on the Pixel",
    ),
)


@device_table(DEVICES)
def load() -> DeviceTable:
    """The devices, from the table that the oracle `nasbench201_360` reads, too."""
    return DeviceTable(DEVICES, open_table(TABLE))
