"""Accel-NASBench.

5,125 networks of the MnasNet space, trained on ImageNet, and their speed on accelerators.

Searches are confined to them. `accel_surrogate` has a model of the whole space, fitted to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nasrepro.oracles.convert.accel_nasbench import convert, unpacked
from nasrepro.oracles.spaces.mnasnet import MnasNet
from nasrepro.oracles.spaces.pool import Pool, row_among
from nasrepro.suite.data import SourceFile, Table, TableSpec, open_table
from nasrepro.suite.oracle import (
    Dataset,
    Device,
    DeviceInfo,
    DeviceTable,
    Metric,
    Oracle,
    OracleInfo,
    TableOracle,
)
from nasrepro.suite.registry import device_table, oracle
from nasrepro.suite.space import Arch

FILE = SourceFile(
    "afzalxo/Accel-NASBench/42603572d530310e6bac7191d00cf45625a6b197/anb_dataset/anb_dataset_jsons.tar.gz",
    "3520992d42e368b7c08c99fc3f6612855b5b366bf98668a7f19d49f3131aa4ae",
    1173570,
    "Apache-2.0",
)
TABLE = TableSpec("accel_nasbench", 1, {"trainings": FILE}, convert)
CITATION = """@misc{ahmad2024accelnasbench,
  title = {{Accel-NASBench}: Sustainable Benchmarking for Accelerator-Aware {NAS}},
  author = {Afzal Ahmad and Linfeng Du and Zhiyao Xie and Wei Zhang},
  year = {2024},
  note = {arXiv:2404.08005}
}"""
IMAGENET = Dataset("imagenet", 1000, 224, "a reduced training; validation alone")
SIZES = (
    Metric("params", "param", "none", False, (0, 1e9), "those of the files, all of them"),
    Metric(
        "macs",
        "MAC",
        "none",
        False,
        (0, 1e12),
        "convolutions and classifier; the files' also count batch norms and poolings",
    ),
)

INFO = OracleInfo(
    name="accel_nasbench",
    space=MnasNet(),
    datasets=(IMAGENET,),
    metrics=(
        Metric("valid_accuracy", "fraction", "valid", True, (0, 1), "top-1"),
        Metric("valid_top5", "fraction", "valid", True, (0, 1), "top-5"),
        Metric("cost_s", "s", "none", False, (0, 1e7), "of the reduced training"),
        *SIZES,
    ),
    objective="valid_accuracy",
    target="valid_accuracy",
    citation=CITATION,
    licence="Apache-2.0",
    table=TABLE,
    notes=(
        "no test accuracy: results are in the validation accuracy that was searched on, which "
        "favours "
        "lucky runs",
        "a reduced training (42.9 to 67.1 %), one seed: not what these networks reach on ImageNet",
        "a sample of 5,125 networks out of 10^11: searches stay inside, and step to the 8 nearest",
        "13 networks were trained twice (second): their accuracies differ by .27 points (standard "
        "deviation of one training), .10 without one pair that is 1.28 apart",
        "the number of epochs is not in the files: the whole training counts as 1",
        "seconds from 1,064 to 31,079, a few of them ten times too long",
    ),
)

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


def _rows(table: Table) -> dict[Arch, int]:
    space = MnasNet()
    return {
        space.arch(unpacked(code)): row for row, code in enumerate(table.column("code").tolist())
    }


def _row(rows: Mapping[Arch, int]) -> Callable[[Arch], int]:
    return row_among(rows, INFO.name, MnasNet(), "networks that it has")


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    table = open_table(TABLE)
    rows = _rows(table)
    archs = tuple(rows)
    return TableOracle(
        INFO, table, row=_row(rows), archs=lambda: archs, space=Pool(MnasNet(), archs)
    )


@device_table(DEVICES)
def load_devices() -> DeviceTable:
    """The accelerators, from the converted table."""
    table = open_table(TABLE)
    return DeviceTable(DEVICES, table, row=_row(_rows(table)))
