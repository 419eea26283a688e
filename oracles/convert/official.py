"""The official files of NATS-Bench and NAS-Bench-201, where a user has them.

Whole learning curves of every seed.

NATS-Bench comes as a folder with one compressed pickle per architecture, read one at a time;
NAS-Bench-201 as one file, which has to be opened whole. A record holds one result per schedule,
training set and seed. A training of 12 epochs is not the beginning of one of 200 (the learning rate
falls to zero within either), so each schedule becomes a table of its own, whose epochs are the
points of its curves.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.convert.pickles import load_bz2, load_pth
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.suite.data import Progress, cache_dir
from nasrepro.suite.errors import DataCorrupt, DataMissing, InvalidArch
from nasrepro.suite.space import SearchSpace

Columns = dict[str, NDArray[Any]]
Converted = tuple[Columns, dict[str, Any]]
#: Records per step of the progress, and per task of a worker.
CHUNK = 50
META, SUFFIX = "meta.pickle.pbz2", ".pickle.pbz2"
#: data set -> (classes, image size)
DATASETS = {"cifar10": (10, 32), "cifar100": (100, 32), "ImageNet16-120": (120, 16)}
_HALVES = {
    "train": "train_{}",
    "x-valid": "valid_{}",
    "x-test": "test_{}",
    "ori-test": "valid_test_{}",
}
#: what was trained on -> (data set, name of accuracy, loss and time of each evaluated set, ending
#: of the names of costs)
TRAININGS: Mapping[str, tuple[str, Mapping[str, str], str]] = {
    "cifar10-valid": (
        "cifar10",
        {"train": "train_{}_25k", "x-valid": "valid_{}", "ori-test": "test_{}_25k"},
        "",
    ),
    "cifar10": ("cifar10", {"train": "train_{}", "ori-test": "test_{}"}, "_50k"),
    "cifar100": ("cifar100", _HALVES, ""),
    "ImageNet16-120": ("ImageNet16-120", _HALVES, ""),
}


@dataclass(frozen=True, eq=False)
class Benchmark:
    """An official release.

    Attributes:
        name: of its folder or file.
        size: of it, for who has to get it.
        kin: pattern of its other versions and forms.
        space: its search space.
        schedules: epochs of each, by its key in a record.
        origin: where its links are.
    """

    name: str
    size: str
    kin: str
    space: SearchSpace
    schedules: Mapping[str, int]
    origin: str


TSS = Benchmark(
    "NATS-tss-v1_0-3ffb9-simple",
    "a folder of 15,625 records, about 1.3 GB",
    "NATS-tss-*",
    Cell201(),
    {"12": 12, "200": 200},
    "https://github.com/D-X-Y/NATS-Bench",
)
SSS = Benchmark(
    "NATS-sss-v1_0-50262-simple",
    "a folder of 32,768 records, about 1.1 GB",
    "NATS-sss-*",
    SizeSpace(),
    {"01": 1, "12": 12, "90": 90},
    "https://github.com/D-X-Y/NATS-Bench",
)
PTH = Benchmark(
    "NAS-Bench-201-v1_1-096897.pth",
    "one file, 4.7 GB",
    "NAS-Bench-201-*",
    Cell201(),
    {"less": 12, "full": 200},
    "https://github.com/D-X-Y/NAS-Bench-201",
)


# -- finding
# -----------------------------------------------------------------------------------------------
def find(benchmark: Benchmark) -> dict[str, Path]:
    """The release in TORCH_HOME (if not set, ~/.torch), else in the cache folder.

    Raises:
        DataMissing: neither has it; it is never downloaded by itself.
    """
    places = Path(os.environ.get("TORCH_HOME") or "~/.torch").expanduser(), cache_dir()
    for place in places:
        path = place / benchmark.name
        if path.is_file() or (path / META).is_file():
            return {"official": path}
    others = sorted({each.name for place in places for each in place.glob(benchmark.kin)})
    there = f" ({', '.join(others)}, which is there, is another version or form)" if others else ""
    raise DataMissing(
        f"{benchmark.name} ({benchmark.size}) is not in {' or '.join(map(str, places))}{there}; "
        "it is not downloaded automatically: "
        f"get it from the links at {benchmark.origin} and set TORCH_HOME to the folder that holds "
        "it"
    )


# -- reading
# -----------------------------------------------------------------------------------------------
def convert_folder(
    benchmark: Benchmark, key: str, paths: Mapping[str, Path], progress: Progress
) -> Converted:
    """Columns of one schedule, one row per record that the folder has, by official index.

    Raises:
        DataCorrupt: a file is damaged, or not of this release.
    """
    from joblib import Parallel, delayed

    folder = paths["official"]
    _check_order(benchmark, folder / META, load_bz2(folder / META))
    files = {
        int(path.name.removesuffix(SUFFIX)): path
        for path in folder.glob(f"*{SUFFIX}")
        if path.name.removesuffix(SUFFIX).isdecimal()
    }
    if not files:
        raise DataCorrupt(
            f"{folder} has no records (000000{SUFFIX} and so on); get it again from "
            f"{benchmark.origin}"
        )
    indices = sorted(files)
    chunks = [
        {index: files[index] for index in indices[start : start + CHUNK]}
        for start in range(0, len(indices), CHUNK)
    ]
    parallel = Parallel(n_jobs=1 if len(chunks) == 1 else -1, return_as="generator")
    parts = parallel(
        delayed(_read_files)(benchmark.space, key, benchmark.schedules[key], chunk)
        for chunk in chunks
    )
    return _joined(benchmark.space, indices, parts, progress)


def convert_pth(
    benchmark: Benchmark, key: str, paths: Mapping[str, Path], progress: Progress
) -> Converted:
    """As `convert_folder`, of the one file.

    Takes about 28 GB of memory, as the official reader does.
    """
    path = paths["official"]
    progress(0, 1, f"opening {path.name}, which takes about 28 GB of memory")
    whole = load_pth(path)
    _check_order(benchmark, path, whole)
    records = whole.get("arch2infos")
    if not isinstance(records, dict) or not records:
        raise DataCorrupt(
            f"{path} has no records (arch2infos); get it again from {benchmark.origin}"
        )
    indices = sorted(records)
    epochs = benchmark.schedules[key]
    parts = (
        read_records(
            benchmark.space,
            key,
            epochs,
            [
                (f"{path}, record {index},", index, records.pop(index))
                for index in indices[i : i + CHUNK]
            ],
        )
        for i in range(0, len(indices), CHUNK)
    )
    return _joined(benchmark.space, indices, parts, progress)


def _check_order(benchmark: Benchmark, path: Path, meta: Any) -> None:
    """The release's own list of architectures is the official order."""
    listed = meta.get("meta_archs") if isinstance(meta, dict) else None
    if listed != _names(benchmark.space):
        raise DataCorrupt(
            f"{path} does not list the architectures of {benchmark.name} in their order (damaged, "
            "or another version)"
        )


@cache
def _names(space: SearchSpace) -> list[str]:
    return [space.format(arch) for arch in space]


def _read_files(space: SearchSpace, key: str, epochs: int, files: Mapping[int, Path]) -> Columns:
    return read_records(
        space, key, epochs, [(str(path), index, path) for index, path in files.items()]
    )


def read_records(
    space: SearchSpace, key: str, epochs: int, records: Sequence[tuple[str, int, Any]]
) -> Columns:
    """Columns of some records, shape (n,) each.

    Args:
        space: of the benchmark.
        key: of the schedule.
        epochs: of the schedule.
        records: for messages, where each is; its index; the record, or the path of its file.

    Raises:
        DataCorrupt: it is not a record of that architecture.
    """
    columns: Columns = {}
    for row, (where, index, record) in enumerate(records):
        try:
            found = (load_bz2(record) if isinstance(record, Path) else record)[key]
            fact(
                where,
                "architecture",
                (found["arch_index"], found["arch_str"]),
                (index, space.format(space.at(index))),
            )
            for name, value in _values(where, found, epochs):
                if name not in columns:
                    columns[name] = np.full(len(records), np.nan)
                columns[name][row] = value
        except (AttributeError, IndexError, InvalidArch, KeyError, TypeError, ValueError) as error:
            raise DataCorrupt(
                f"{where} is not a record of this benchmark ({type(error).__name__}: {error}; "
                "damaged, or another version); get it again"
            ) from error
    return columns


def _values(where: str, record: Mapping[str, Any], epochs: int) -> Iterator[tuple[str, float]]:
    """Every value of a record with the name of its column; what was not measured has none."""
    results = record["all_results"]
    for (trained, seed), result in results.items():
        dataset, stems, ending = TRAININGS[trained]
        fact(where, f"epochs of the {trained} training with seed {seed}", result["epochs"], epochs)
        for part, stem in stems.items():
            if part == "train":
                curves = (result["train_acc1es"], result["train_losses"], result["train_times"])
                points: Sequence[Any] = range(epochs)
                duration = f"cost_s{ending}"
            else:
                curves = (result["eval_acc1es"], result["eval_losses"], result["eval_times"])
                points = [f"{part}@{i}" for i in range(epochs)]
                duration = stem.format("eval_s")
            accuracies, losses, times = curves
            accuracy, loss = stem.format("accuracy"), stem.format("loss")
            for epoch, point in enumerate(points, start=1):
                if point in accuracies:
                    yield f"{dataset}/{epoch}/{seed}/{accuracy}", _fraction(accuracies[point])
                    yield f"{dataset}/{epoch}/{seed}/{loss}", losses[point]
            if times and all(point in times for point in points):
                spent = [times[point] for point in points]
                if min(spent) == max(spent):
                    yield f"{dataset}/{seed}/{duration}_per_epoch", spent[0]
                else:
                    yield from (
                        (f"{dataset}/{i}/{seed}/{duration}", total)
                        for i, total in enumerate(accumulate(spent), start=1)
                    )
    for trained, seeds in record["dataset_seed"].items():
        dataset, _, ending = TRAININGS[trained]
        of_seeds = {seed: results[trained, seed] for seed in seeds}
        for name, field in (("recorded_params", "params"), ("recorded_macs", "flop")):
            yield (
                f"{dataset}/{name}{ending}",
                1e6 * _agreed({seed: float(result[field]) for seed, result in of_seeds.items()}),
            )
        latencies = [
            sum(result["latency"]) / len(result["latency"])
            for result in of_seeds.values()
            if result["latency"]
        ]
        if measured := [latency for latency in latencies if latency > 0]:
            yield f"{dataset}/latency_s{ending}", sum(measured) / len(measured)


def _fraction(percent: float) -> float:
    """Of an accuracy in %; a sum of batches may be above 100 by its rounding."""
    return 1.0 if 100 < percent < 100.0001 else percent / 100


def _agreed(values: Mapping[int, float]) -> float:
    """One size for all seeds, in millions.

    Where they differ the record of 888 is the right one (says the official reader).
    """
    if len({f"{value:.5f}" for value in values.values()}) > 1:
        return values.get(888, np.nan)
    return sum(values.values()) / len(values)


def _joined(
    space: SearchSpace, indices: Sequence[int], parts: Iterable[Columns], progress: Progress
) -> Converted:
    """The columns of all chunks, with the sizes of the networks as built."""
    columns: Columns = {}
    for start, part in zip(range(0, len(indices), CHUNK), parts, strict=True):
        for name, values in part.items():
            if name not in columns:
                columns[name] = np.full(len(indices), np.nan)
            columns[name][start : start + len(values)] = values
        progress(min(start + CHUNK, len(indices)), len(indices), "records")
    for name in [name for name in columns if name.endswith("_per_epoch")]:
        _settle(columns, name)
    columns["index"] = np.array(indices, dtype=np.int64)
    archs = [space.at(index) for index in indices]
    for dataset, (classes, size) in DATASETS.items():
        sizes = [space.complexity(arch, classes=classes, size=size) for arch in archs]
        columns[f"{dataset}/params"] = np.array([each.params for each in sizes])
        columns[f"{dataset}/macs"] = np.array([each.macs for each in sizes])
    return columns, {"rows": len(indices), "row_order": "official index"}


def _settle(columns: Columns, name: str) -> None:
    """Give all trainings a time for each epoch, where some have one of their own."""
    dataset, seed, metric = name.removesuffix("_per_epoch").split("/")
    for other, values in columns.items():
        parts = other.split("/")
        if len(parts) == 4 and (parts[0], parts[2], parts[3]) == (dataset, seed, metric):
            np.copyto(values, columns[name] * int(parts[1]), where=np.isnan(values))
    if f"{dataset}/1/{seed}/{metric}" in columns:
        del columns[name]


# -- what tables name
# --------------------------------------------------------------------------------------
find_tss, find_sss, find_pth = (partial(find, benchmark) for benchmark in (TSS, SSS, PTH))
tss_12, tss_200 = (partial(convert_folder, TSS, key) for key in TSS.schedules)
sss_1, sss_12, sss_90 = (partial(convert_folder, SSS, key) for key in SSS.schedules)
pth_12, pth_200 = (partial(convert_pth, PTH, key) for key in PTH.schedules)
