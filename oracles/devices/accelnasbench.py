"""Accel-NASBench's accelerators: GPUs, TPUs and FPGAs."""

from __future__ import annotations

from nasrepro.oracles.accel_nasbench import CITATION, TABLE, row_of, rows_of
from nasrepro.oracles.spaces.mnasnet import MnasNet
from nasrepro.suite.data import open_table
from nasrepro.suite.oracle import Device, DeviceInfo, DeviceTable
from nasrepro.suite.registry import device_table

_GPU = "ms an image: 1,000 over its throughput in batches"
_DEVICES = {
    "a100": f"NVIDIA A100, {_GPU}",
    "3090": f"NVIDIA RTX 3090, {_GPU}",
    "tpuv2": f"Google TPU v2, {_GPU}",
    "tpuv3": f"Google TPU v3, {_GPU}",
    "zcu102": f"Xilinx ZCU102 FPGA, {_GPU}",
    "vck190": f"Xilinx VCK190 FPGA, {_GPU}",
    "zcu102-single": "Xilinx ZCU102 FPGA, latency of one image",
    "vck190-single": "Xilinx VCK190 FPGA, latency of one image",
}
DEVICES = DeviceInfo(
    name="accelnasbench",
    space=MnasNet(),
    devices=tuple(
        Device(f"accelnasbench/{name}", MnasNet.name, "latency", "ms", ("imagenet",), note)
        for name, note in _DEVICES.items()
    ),
    citation=CITATION,
    licence="Apache-2.0",
    table=TABLE,
    notes=(
        "six columns are throughputs in batches (1,000 over images a second), no latencies",
        "values for the 5,125 networks of accel_nasbench, a few missing",
    ),
)


@device_table(DEVICES)
def load() -> DeviceTable:
    """The accelerators, from the table that the oracle `accel_nasbench` reads, too."""
    table = open_table(TABLE)
    return DeviceTable(DEVICES, table, row=row_of(rows_of(table)))
