"""SpikeNAS-Bench: a log per cell, with accuracy and loss of every epoch.

The logs are the folder `data/CIFAR10` of the benchmark's repository. The mirror holds them in one
archive; outside it, the repository's own archive of the pinned commit holds the same files, but its
bytes are not stable. So it is the contents that are checked: `CONTENT` is their hash.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact, tau
from nasrepro.oracles.spaces.spikecell import SpikeCell
from nasrepro.suite.errors import DataCorrupt

_NAME = "spikenas"
#: Epochs of the schedule, of the longer one, and how many cells have the longer one.
EPOCHS, LONG, LONG_CELLS = 100, 200, 690
#: sha256 over all logs in the order of their numbers, each behind its number and its length.
CONTENT = "adc601cba4153391838b25434102226fbc110ce47ac8c414d9f9a29d94665141"
_LOG = re.compile(r"(?:^|/)data/CIFAR10/(\d+)/train_process\.txt$")
#: Epoch -> Kendall's tau of validation after it and the final test, of the connected cells.
TAUS = {1: 0.2, 5: 0.36, 10: 0.46, 20: 0.58, 40: 0.7, 60: 0.8, 100: 0.83}
_SECONDS = re.compile(r"Elapsed time: ([\d.]+)hour([\d.]+)minute([\d.]+)second")


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, one row per cell by its number.

    Raises DataCorrupt where a fact fails.
    """
    space, logs = SpikeCell(), read_logs(paths["logs"])
    fact(_NAME, "numbers of the logs", sorted(logs), list(range(len(space))))
    digest = hashlib.sha256()
    curves = np.full((len(space), EPOCHS, 2), np.nan)  # training and validation accuracy
    final = np.full((len(space), 2), np.nan)  # validation and test accuracy
    params, seconds, lengths = (np.zeros(len(space)) for _ in range(3))
    for number in range(len(space)):
        text = logs[number]
        digest.update(f"{number} {len(text)}\n".encode() + text)
        params[number], curve, test, seconds[number] = _read(number, text.decode("ascii"))
        lengths[number] = len(curve)
        final[number] = curve[-1, 1], test
        if len(curve) == EPOCHS:
            curves[number] = curve
    fact(_NAME, "hash of all logs", digest.hexdigest(), CONTENT)
    columns: dict[str, NDArray[Any]] = {}
    for epoch in range(EPOCHS):
        for metric, values in zip(("train", "valid"), curves[:, epoch].T, strict=True):
            columns[f"cifar10/{epoch + 1}/one/{metric}_accuracy"] = values / 100
    short = lengths == EPOCHS
    columns[f"cifar10/{EPOCHS}/one/test_accuracy"] = np.where(short, final[:, 1], np.nan) / 100
    columns["cifar10/one/cost_s_per_epoch"] = np.where(short, seconds / EPOCHS, np.nan)
    for metric, values in zip(("valid", "test"), final.T, strict=True):
        columns[f"cifar10/{metric}_accuracy_{LONG}"] = np.where(short, np.nan, values) / 100
    sizes = [space.complexity(arch, classes=10, size=32) for arch in space]
    columns["cifar10/params"] = np.array([size.params for size in sizes])
    columns["cifar10/macs"] = np.array([size.macs for size in sizes])
    _check(space, lengths, final, seconds)
    trained = short & (final[:, 1] > 10)  # for 100 epochs, and connected
    ends = {e: tau(curves[trained, e - 1, 1], final[trained, 1]) for e in TAUS}
    fact(_NAME, "tau of validation after some epochs and the final test", ends, TAUS)
    fact(
        _NAME,
        "parameters of every log are the space's",
        bool((params == columns["cifar10/params"]).all()),
        True,
    )
    return columns, {"rows": len(space), "row_order": "the benchmark's numbers"}


def read_logs(path: Path) -> dict[int, bytes]:
    """Text of each log by its number, of either archive."""
    logs: dict[int, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for number, member in _members(archive):
                file = archive.extractfile(member)
                assert file is not None  # `_members` gives files alone
                logs[number] = file.read()
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise DataCorrupt(
            f"{path} is not a whole archive ({error}); fetch it again: nasrepro data fetch {_NAME}"
        ) from error
    return logs


def _members(archive: tarfile.TarFile) -> Iterator[tuple[int, tarfile.TarInfo]]:
    for member in archive:
        if member.isfile() and member.size < 2**20 and (named := _LOG.search(member.name)):
            yield int(named[1]), member


def _read(number: int, text: str) -> tuple[int, NDArray[np.float64], float, float]:
    """Parameters, accuracies after each epoch, test accuracy, seconds.

    Accuracies are in %, those after epochs (epochs, 2): in training and in validation.
    """
    lines = text.splitlines()
    fact(_NAME, f"first line of log {number}", lines[0], f"architecture id: {number}")
    rows = [line.split(",") for line in lines[3:] if line[:1].isdigit()]
    fact(
        _NAME,
        f"epochs of log {number}",
        [float(row[0]) for row in rows],
        [float(e) for e in range(len(rows))],
    )
    curve = np.array([[float(row[1]), float(row[3])] for row in rows])
    (test,) = (line for line in lines if line.startswith("test accuracy: "))
    times = _SECONDS.search(text)
    if times is None:
        raise DataCorrupt(f"{_NAME}: log {number} has no elapsed time")
    hours, minutes, rest = map(float, times.groups())
    params = int(lines[1].removeprefix("model parameters: "))
    return params, curve, float(test.split(":")[1]), 3600 * hours + 60 * minutes + rest


def _check(
    space: SpikeCell, lengths: NDArray[Any], final: NDArray[Any], seconds: NDArray[Any]
) -> None:
    """Every fact that is known of the logs."""
    long = np.flatnonzero(lengths == LONG)
    fact(
        _NAME, "lengths of the curves", sorted(set(lengths.tolist())), [float(EPOCHS), float(LONG)]
    )
    fact(
        _NAME,
        "cells with 200 epochs, the first, the last",
        (len(long), long[0], long[-1]),
        (LONG_CELLS, 3276, 14178),
    )
    test = final[:, 1]
    order = np.argsort(-test)
    fact(
        _NAME,
        "best test accuracy in % and its cell",
        (int(order[0]), float(test[order[0]])),
        (12617, 89.30),
    )
    fact(_NAME, "the second", (int(order[1]), float(test[order[1]])), (3113, 89.27))
    fact(_NAME, "sum of the test accuracies", round(float(test.sum()), 2), 1332119.92)
    dead = [space.index(arch) for arch in space if not any(space.live(arch).code)]
    fact(
        _NAME,
        "cells at 10 % are the disconnected ones",
        np.flatnonzero(test == 10.0).tolist(),
        dead,
    )
    fact(_NAME, "number of disconnected cells", len(dead), 341)
    fact(_NAME, "least test accuracy of the others", float(np.delete(test, dead).min()), 80.15)
    fact(_NAME, "validation and test of cell 14862", final[14862].tolist(), [88.640, 88.500])
    fact(
        _NAME,
        "range of the seconds",
        [round(float(n)) for n in (seconds.min(), seconds.max())],
        [2270, 22361],
    )
