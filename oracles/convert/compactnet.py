"""CompactNet's originals: latencies of each layer by its widths, and the released networks.

- two pickles of 18 arrays (output filters, input filters), ms
- index files of TensorFlow checkpoints: a sorted table (LevelDB's format, uncompressed) of a
  variable's name and a record with its shape; the widths are the shapes of the convolutions
"""

from __future__ import annotations

import itertools
import math
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.convert.pickles import load_pickle
from nasrepro.oracles.spaces.mobilenetv2_widths import FULL
from nasrepro.suite.errors import DataCorrupt

DEVICES = ("cpu", "npu")
MODELS = ("pretrained", "cpu_x15", "cpu_x18", "npu_x13", "npu_15")
_MAGIC = bytes.fromhex("57fb808b247547db")
_VARIABLE = re.compile(r"layer_with_weights-(\d+)/(\w+)/\.ATTRIBUTES/VARIABLE_VALUE")


def convert_compactnet(
    paths: Mapping[str, Path],
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns layer, outputs, inputs, cpu, npu (ms); the networks' widths stand in the meta.

    Raises:
        DataCorrupt: a known fact fails.
    """
    shapes = [(FULL[layer], FULL[layer - 1] if layer else 1) for layer in range(len(FULL))]
    columns: dict[str, NDArray[Any]] = {}
    for device in DEVICES:
        tables = [np.asarray(table, dtype=np.float64) for table in load_pickle(paths[device])]
        fact("compactnet", f"shapes of {device}", [table.shape for table in tables], shapes)
        columns[device] = np.concatenate([table.ravel() for table in tables])
    grids = [np.indices(shape) + 1 for shape in shapes]
    columns["layer"] = np.repeat(np.arange(len(shapes)), [math.prod(shape) for shape in shapes])
    columns["outputs"] = np.concatenate([grid[0].ravel() for grid in grids])
    columns["inputs"] = np.concatenate([grid[1].ravel() for grid in grids])
    variables = {model: _variables(paths[model]) for model in MODELS}
    widths = {model: _widths(found, paths[model]) for model, found in variables.items()}
    numbers = {
        model: sum(math.prod(shape) for shape in found.values())
        for model, found in variables.items()
    }
    fact("compactnet", "widths of the pre-trained network", tuple(widths["pretrained"]), FULL)
    fact("compactnet", "numbers stored of the pre-trained network", numbers["pretrained"], 2241034)
    return columns, {"rows": len(columns["layer"]), "widths": widths, "stored": numbers}


def _widths(variables: Mapping[tuple[int, str], tuple[int, ...]], path: Path) -> list[int]:
    """Stem, then every projection: each convolution behind a depthwise one."""
    kernels = [(name, shape) for (_, name), shape in sorted(variables.items()) if "kernel" in name]
    behind = [
        shape[3]
        for (before, _), (_, shape) in itertools.pairwise(kernels)
        if before == "depthwise_kernel"
    ]
    if len(behind) != len(FULL) - 1:
        raise DataCorrupt(f"{path} has {len(behind)} inverted residuals, expected {len(FULL) - 1}")
    return [kernels[0][1][3], *behind]


def _variables(path: Path) -> dict[tuple[int, str], tuple[int, ...]]:
    """Shape of each variable of a network's layers, by (layer, name)."""
    data = path.read_bytes()
    if data[-8:] != _MAGIC:
        raise DataCorrupt(f"{path} is not the index of a TensorFlow checkpoint; fetch it again")
    try:
        found = {}
        for key, record in _entries(data):
            if match := _VARIABLE.fullmatch(key.decode("latin1")):
                found[int(match[1]), match[2]] = _shape(record)
    except (IndexError, struct.error, ValueError) as error:
        raise DataCorrupt(f"{path} is cut short or damaged ({error}); fetch it again") from error
    return found


def _entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values: the footer points to the index block, that to the blocks."""
    place = 0
    handles = []
    for _ in range(4):
        number, place = _varint(data[-48:], place)
        handles.append(number)
    for _, handle in _block(data, *handles[2:]):
        offset, place = _varint(handle, 0)
        yield from _block(data, offset, _varint(handle, place)[0])


def _block(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Entries share a prefix with the key before; the restart points behind them are skipped."""
    block = data[offset : offset + size]
    end = len(block) - 4 - 4 * struct.unpack("<I", block[-4:])[0]
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        fresh, place = _varint(block, place)
        length, place = _varint(block, place)
        key = key[:shared] + block[place : place + fresh]
        place += fresh + length
        yield key, block[place - length : place]


def _shape(record: bytes) -> tuple[int, ...]:
    """Dimensions in a record: field 2 is the shape, its fields 2 the dimensions, 1 their sizes."""
    return tuple(
        int(size)
        for number, shape in _fields(record)
        if number == 2
        for _, dimension in _fields(bytes(shape))
        for _, size in _fields(bytes(dimension))
    )


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Fields of a protocol buffer."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        value: Any
        if tag & 7 == 0:
            value, place = _varint(message, place)
        else:
            length, place = _varint(message, place) if tag & 7 == 2 else (4, place)
            value, place = message[place : place + length], place + length
        yield tag >> 3, value


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number in groups of seven bits, and the place behind it."""
    number, shift = 0, 0
    while True:
        byte = data[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place
