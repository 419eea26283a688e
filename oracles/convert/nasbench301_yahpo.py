"""YAHPO Gym's network for NAS-Bench-301 (arXiv:2109.03670), out of its ONNX file.

A residual network with gates, of matrix products, batch norms and ReLUs alone, so numpy evaluates
it: embeddings of 34 choices and the scaled epoch, five blocks, four outputs, each scaled back by
its own constants. The table holds its weights in one column; `shapes` says which are whose.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.spaces.dartscell import CELLS, NODES, Edge
from nasrepro.suite.errors import DataCorrupt

#: Epochs that it was fitted to.
EPOCHS = 98
BLOCKS = 5
_EPSILON = 1e-5
_PREFIX = "NetworkSelectorDatasetInfo_COLON_darts_COLON_"

Array = NDArray[Any]


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, Array], dict[str, Any]]:
    """All weights in one column; where they stand, and the choices' numbers, in the notes.

    Raises:
        DataCorrupt: not that network.
    """
    weights = dict(_weights(paths["network"]))
    choices = json.loads(paths["choices"].read_text(encoding="utf-8"))
    expected = {f"{_PREFIX}{name}" for name in _names()}
    if set(choices) != expected or len(weights) != _ARRAYS:
        raise DataCorrupt(
            f"the network has {len(weights)} arrays and {len(choices)} inputs, not "
            f"{_ARRAYS} and {len(expected)}; another version of the file?"
        )
    column = np.concatenate([array.ravel() for array in weights.values()]).astype(np.float32)
    return {"weight": column}, {
        "rows": len(column),
        "row_order": "weights, array by array",
        "shapes": [[name, list(array.shape)] for name, array in weights.items()],
        "choices": {name.removeprefix(_PREFIX): choices[name] for name in sorted(choices)},
    }


def _names() -> list[str]:
    edges = [f"edge_{cell}_{edge}" for cell in CELLS for edge in range(14)]
    return edges + [f"inputs_node_{cell}_{node}" for cell in CELLS for node in NODES[1:]]


# -- the file --------------------------------------------------------------------------------------
#: The constants that an output is scaled back by, by the place of their nodes behind the sigmoid:
#: (sigmoid - .01) / .98 * width + least, then * deviation + mean.
_SCALES = {"accuracy": (65, 66, 67, 68, 69, 70), "seconds": (82, 83, 84, 85, 86, 87)}
_ARRAYS = 82 + 2 * len(_SCALES)


def _weights(path: Path) -> Iterator[tuple[str, Array]]:
    """The arrays of the file (fields 7.5 of the ONNX messages) and the scaling constants (7.1)."""
    graph = dict(_fields(path.read_bytes())).get(7, b"")
    constants: dict[str, float] = {}
    for field, value in _fields(graph):
        if field == 5:
            yield _tensor(value)
        if field == 1:
            node = list(_fields(value))
            for attribute in (part for number, part in node if number == 5):
                for number, tensor in _fields(attribute):
                    array = _tensor(tensor)[1] if number == 5 else np.array([])
                    if array.size == 1:
                        output = next(part for number, part in node if number == 2)
                        constants[bytes(output).decode()] = float(array.ravel()[0])
    for output, places in _SCALES.items():
        lowest, share, width, least, deviation, mean = (
            constants.get(f"/Constant_{place}_output_0", math.nan) for place in places
        )
        slope = width / share * deviation
        yield f"{output}.slope", np.array([slope])
        yield f"{output}.offset", np.array([mean + deviation * least - slope * lowest])


def _tensor(message: memoryview) -> tuple[str, Array]:
    """Name and values of a TensorProto: dims 1, data_type 2, name 8, raw_data 9."""
    parts = list(_fields(message))
    dims = [value for field, value in parts if field == 1]
    values = dict(parts)
    kinds = {1: np.float32, 7: np.int64, 11: np.float64}
    dtype = kinds.get(values.get(2, 0))
    if dtype is None or 9 not in values:
        return "", np.array([])
    array = np.frombuffer(values[9], dtype=dtype).reshape(dims)
    return bytes(values.get(8, b"")).decode(), array


def _fields(message: bytes | memoryview) -> Iterator[tuple[int, Any]]:
    """Number and value of each field of a protocol buffer; a nested message as its bytes."""
    view, place = memoryview(message), 0

    def varint() -> int:
        nonlocal place
        number = shift = 0
        while True:
            byte = view[place]
            place += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    try:
        while place < len(view):
            key = varint()
            if key & 7 == 0:
                yield key >> 3, varint()
                continue
            length = varint() if key & 7 == 2 else {1: 8, 5: 4}[key & 7]
            if place + length > len(view):
                raise IndexError
            yield key >> 3, view[place : place + length]
            place += length
    except (IndexError, KeyError):
        raise DataCorrupt(
            "the ONNX file is cut short or damaged; delete it and fetch it again"
        ) from None


# -- the network -----------------------------------------------------------------------------------
class Network:
    """The surrogate.

    Args:
        column: the table's weights.
        meta: the table's notes.
    """

    def __init__(self, column: Array, meta: Mapping[str, Any]) -> None:
        self.choices: dict[str, dict[str, int]] = meta["choices"]
        self.arrays: dict[str, NDArray[np.float64]] = {}
        place = 0
        for name, shape in meta["shapes"]:
            size = math.prod(shape)
            self.arrays[name] = column[place : place + size].reshape(shape).astype(np.float64)
            place += size

    def __call__(self, cells: Mapping[str, Sequence[Edge]], epochs: int) -> tuple[float, float]:
        """Validation accuracy (fraction) and seconds of training after `epochs`."""
        chosen = dict(taken(cells))
        parts = [
            self.arrays[f"embds_fct.{place}.weight"][numbers[chosen.get(name, "#na#")]]
            for place, (name, numbers) in enumerate(self.choices.items())
        ]
        epoch = 2 * ((epochs - 1) * 0.98 / (EPOCHS - 1) + 0.01) - 1
        values = self._linear("first_layer", np.concatenate([*parts, [epoch]]))
        for block in range(BLOCKS):
            both = self._linear(
                f"layers.{block}.linear0", self._norm(f"layers.{block}.norm", values)
            )
            half = len(both) // 2
            gated = both[:half] * np.maximum(both[half:], 0)
            values = values + self._linear(f"layers.{block}.linear1", gated)
        last = np.maximum(self._norm("last_normalization", values), 0)
        accuracy, _, seconds, _ = 1 / (1 + np.exp(-self._linear("head", last)))
        accuracy, seconds = self._scaled("accuracy", accuracy), self._scaled("seconds", seconds)
        return min(max(accuracy, 0.0), 1.0), math.exp(seconds)

    def _scaled(self, output: str, value: float) -> float:
        return float(self.arrays[f"{output}.slope"][0] * value + self.arrays[f"{output}.offset"][0])

    def _linear(self, name: str, values: Array) -> Array:
        product: Array = self.arrays[f"{name}.weight"] @ values + self.arrays[f"{name}.bias"]
        return product

    def _norm(self, name: str, values: Array) -> Array:
        mean, variance = self.arrays[f"{name}.running_mean"], self.arrays[f"{name}.running_var"]
        scaled: Array = (values - mean) / np.sqrt(variance + _EPSILON)
        return scaled * self.arrays[f"{name}.weight"] + self.arrays[f"{name}.bias"]


def taken(cells: Mapping[str, Sequence[Edge]]) -> Iterator[tuple[str, str]]:
    """What an architecture chooses, by the names of the choices."""
    for cell, edges in cells.items():
        for edge in edges:  # edges are numbered by target, then source: 2 of node 2, 3 of node 3
            number = sum(range(2, edge.target)) + edge.source
            yield f"edge_{cell}_{number}", edge.op
        for node in NODES[1:]:
            first, second = (edge.source for edge in edges if edge.target == node)
            yield f"inputs_node_{cell}_{node}", f"{first}_{second}"
