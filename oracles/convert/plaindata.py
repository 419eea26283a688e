"""What stands for the objects that numpy writes into pickles.

Made of bytes and simple dtypes alone.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np

_SIMPLE = re.compile(r"[|<>=]?(b1|[iu][1248]|f[248]|c8|c16|[SU]\d{1,4}|O8?)")


class Recorded:
    """Stands for an object of a class that is not loaded: keeps what the pickle says of it.

    Attributes:
        made_of: arguments of its constructor.
        state: what `__setstate__` would get.
    """

    def __init__(self, *args: Any) -> None:
        self.made_of = args
        self.state: Any = None


class DType:
    """A dtype as a pickle describes it; `text` is numpy's short form, such as "<f8"."""

    def __init__(self, text: Any, *_: Any) -> None:
        if not isinstance(text, str) or not _SIMPLE.fullmatch(text):
            raise pickle.UnpicklingError(f"a dtype {text!r} that is no plain number or text")
        self.text = text

    def build(self, state: Any) -> None:
        """Byte order, and nothing else: no fields, no subarrays, no flags."""
        order, plain = state[1], state[2:5] == (None, None, None)
        if not plain or order not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError("a dtype with fields")
        self.text = order + self.text.lstrip("<>|=")

    def read(self, data: Any, shape: Any, *, columns: bool) -> Any:
        """The array of these bytes, or nested lists of these objects.

        Args:
            data: bytes that are exactly the array's, or a list of its objects.
            shape: of the array.
            columns: whether the first axis moves fastest.
        """
        if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
            raise pickle.UnpicklingError(f"an array of shape {shape!r}")
        if "O" in self.text:
            return _nested(data, shape)
        values = np.frombuffer(_bytes(data), self.text)
        return values.reshape(shape, order="F" if columns else "C")


class Array:
    """An array whose contents are still to come (`BUILD`)."""

    def __init__(self, *_: Any) -> None:
        self.made: Any = None

    def build(self, state: Any) -> None:
        """Shape, dtype, order and contents."""
        *_, shape, dtype, columns, data = state
        if not isinstance(dtype, DType):
            raise pickle.UnpicklingError("an array without a dtype")
        self.made = dtype.read(data, shape, columns=bool(columns))


def _nested(data: Any, shape: tuple[int, ...]) -> list[Any]:
    """Rows of objects: numpy lists them row by row, whatever the order of the array."""
    if not isinstance(data, list) or len(shape) > 2 or len(data) != int(np.prod(shape)):
        raise pickle.UnpicklingError(f"an array of objects of shape {shape!r}")
    if len(shape) < 2:
        return data
    rows, width = shape
    return [data[row * width : (row + 1) * width] for row in range(rows)]


def _bytes(data: Any) -> bytes:
    """Bytes; Python 2 wrote them as text."""
    if isinstance(data, str):
        return data.encode("latin1")
    if not isinstance(data, (bytes, bytearray)):
        raise pickle.UnpicklingError(f"{type(data).__name__} in place of bytes")
    return bytes(data)


def _scalar(dtype: Any, data: Any) -> Any:
    if not isinstance(dtype, DType) or "O" in dtype.text:
        text = getattr(dtype, "text", type(dtype).__name__)
        raise pickle.UnpicklingError(f"a scalar of {text} that is no plain number")
    (value,) = dtype.read(data, (1,), columns=False)
    return value


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any) -> Any:
    if not isinstance(dtype, DType) or "O" in dtype.text:
        raise pickle.UnpicklingError("an array of a buffer that is not of plain numbers")
    return dtype.read(data, shape, columns=order == "F")


def _slice(*limits: Any) -> slice:
    return slice(*(None if limit is None else int(limit) for limit in limits))


def _encoded(text: str, *_: Any) -> bytes:
    return _bytes(text)


def _ordered(items: Any = ()) -> dict[Any, Any]:
    return {key: value for key, value in items}  # noqa: C416  pairs alone, no mapping


#: What an original may name, and what stands for it here: (module, name).
STANDINS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): DType,
    ("numpy", "ndarray"): Array,
    ("numpy.core.multiarray", "_reconstruct"): Array,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("_codecs", "encode"): _encoded,
    ("builtins", "set"): set,
    ("builtins", "slice"): _slice,
    ("collections", "OrderedDict"): _ordered,
}
#: By identity: what a pickle holds may not be comparable.
CALLABLE = {id(function) for function in (Recorded, *STANDINS.values())}
