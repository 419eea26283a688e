"""Accel-NASBench: a JSON file per training, in one archive."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact, tau
from nasrepro.oracles.spaces.mnasnet import EXPANSIONS, KERNELS, MnasNet
from nasrepro.suite.errors import DataCorrupt
from nasrepro.suite.space import Arch, Layer

_NAME = "accel_nasbench"
#: Stands for the length of the training, which the files do not state: one whole training.
WHOLE = 1
TRAININGS, NETWORKS = 5138, 5125
#: Networks with a measured throughput (images/s) and latency (ms), by the names in the files.
THROUGHPUT = {
    "a100": 5138,
    "3090": 5135,
    "tpuv2": 5101,
    "tpuv3": 5094,
    "zcu102": 5136,
    "vck190": 5136,
}
LATENCY = {"zcu102": 5136, "vck190": 5136}


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, a row per network in the order of its first training.

    Raises DataCorrupt where a fact fails.
    """
    space, trainings = MnasNet(), _trainings(paths["trainings"])
    rows: dict[Arch, list[int]] = {}
    for number, training in enumerate(trainings):
        rows.setdefault(_arch(space, training["architecture"]), []).append(number)
    fact(_NAME, "trainings", len(trainings), TRAININGS)
    fact(_NAME, "distinct networks", len(rows), NETWORKS)
    twice = [numbers for numbers in rows.values() if len(numbers) > 1]
    fact(_NAME, "networks trained twice", [*twice[:2], len(twice)], [[0, 443], [1, 444], 13])

    def column(group: str, name: str, which: int) -> NDArray[np.float64]:
        numbers = (n[which] if which < len(n) else None for n in rows.values())
        return np.array([np.nan if n is None else trainings[n][group][name] for n in numbers])

    columns: dict[str, NDArray[Any]] = {"code": np.array([_packed(arch) for arch in rows])}
    for which, label in enumerate(("first", "second")):
        for metric, name in (("valid_accuracy", "val_top1"), ("valid_top5", "val_top5")):
            columns[f"imagenet/{WHOLE}/{label}/{metric}"] = column("metrics", name, which) / 100
        columns[f"imagenet/{WHOLE}/{label}/cost_s"] = column("metrics", "train_time", which)
    firsts = [trainings[numbers[0]]["platform_perf"] for numbers in rows.values()]
    columns |= _devices(firsts)
    sizes = [space.complexity(arch, classes=1000, size=224) for arch in rows]
    columns["imagenet/params"] = np.array([size.params for size in sizes])
    columns["imagenet/macs"] = np.array([size.macs for size in sizes])
    _check(space, trainings, list(rows), [numbers[0] for numbers in rows.values()])
    return columns, {"rows": NETWORKS, "row_order": "by the first training"}


def unpacked(packed: int) -> tuple[int, ...]:
    """The code of a number that `convert` wrote."""
    code = []
    for options in reversed(MnasNet.cardinalities):
        packed, option = divmod(packed, options)
        code.append(option)
    return tuple(reversed(code))


def _packed(arch: Arch) -> int:
    return MnasNet().index(arch)


def _trainings(path: Path) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if member.isfile() and name.startswith("result_") and member.size < 2**20:
                    file = archive.extractfile(member)
                    assert file is not None
                    number = int(name.removeprefix("result_").removesuffix(".json"))
                    found[number] = json.load(file)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise DataCorrupt(
            f"{path} is not a whole archive ({error}); fetch it again: nasrepro data fetch {_NAME}"
        ) from error
    fact(_NAME, "numbers of the trainings", sorted(found), list(range(len(found))))
    return [found[number] for number in range(len(found))]


def _arch(space: MnasNet, described: Mapping[str, int]) -> Arch:
    code: list[int] = []
    for block in range(7):
        expansion, kernel, layers, squeeze = (
            described[f"block{block}_{x}"] for x in ("e", "k", "l", "se")
        )
        code += [EXPANSIONS.index(expansion), KERNELS.index(kernel), layers - 1, int(squeeze)]
    return space.arch(code)


def _devices(measured: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """Milliseconds an image by each device's throughput, and latencies as they are."""

    def column(name: str) -> NDArray[np.float64]:
        kind = name.partition("_")[0]
        values = ((one.get(name) or {}).get(f"{kind}_mean") for one in measured)
        return np.array([np.nan if value is None else float(value) for value in values])

    columns = {f"{name}": 1000 / column(f"throughput_{name}") for name in THROUGHPUT}
    return columns | {f"{name}-single": column(f"latency_{name}") for name in LATENCY}


def _counted(layers: Sequence[Layer]) -> int:
    """What the authors' counter calls MACs.

    Four operations a number in batch norms, poolings too.
    """
    total = 0
    for layer in layers:
        if layer.kind == "batch_norm":
            total += 4 * layer.out_channels * layer.out_side**2
        elif layer.kind == "global_pool":
            total += layer.out_channels * (layer.in_side**2 + 1)
        else:
            total += layer.macs
    return total


def _check(
    space: MnasNet,
    trainings: Sequence[Mapping[str, Any]],
    archs: Sequence[Arch],
    firsts: Sequence[int],
) -> None:
    """Every fact that is known of the files."""
    top = np.array([training["metrics"]["val_top1"] for training in trainings])
    fact(_NAME, "worst and best top-1 in %", [float(top.min()), float(top.max())], [42.85, 67.052])
    fact(_NAME, "their trainings", [int(top.argmin()), int(top.argmax())], [1141, 2274])
    for size, known in (("params", 0.62), ("macs", 0.44)):  # MACs by the files' own count
        sizes = np.array([training["model_info"][size] for training in trainings])
        fact(_NAME, f"tau of top-1 and {size}", tau(top, sizes), known)
    seconds = np.array([training["metrics"]["train_time"] for training in trainings])
    fact(
        _NAME,
        "range of the seconds",
        [round(float(x)) for x in (seconds.min(), seconds.max())],
        [1064, 31079],
    )
    for group, devices in (("throughput", THROUGHPUT), ("latency", LATENCY)):
        for device, count in devices.items():
            there = [t["platform_perf"].get(f"{group}_{device}") for t in trainings]
            measured = sum(1 for one in there if one and one.get(f"{group}_mean") is not None)
            fact(_NAME, f"networks with {group} on {device}", measured, count)
    unlike = 0
    for arch, number in zip(archs, firsts, strict=True):
        layers, model = space.layers(arch, classes=1000, size=224), trainings[number]["model_info"]
        params = sum(layer.params for layer in layers)
        unlike += round(model["params"] * 1e6) != params
        unlike += round(model["macs"] * 1e6) != _counted(layers)
    fact(_NAME, "networks whose params or MACs differ from the space's", unlike, 0)
