"""Reading pickles of strangers: numpy arrays and builtins, nothing that runs code."""

from __future__ import annotations

import importlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from suite.errors import DataCorrupt

#: What an original may name: (module, name). Everything here builds plain data.
_ALLOWED = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
    ("builtins", "slice"),
}


def _scalar(dtype: Any, data: Any) -> Any:
    """What numpy's `scalar` makes of plain numbers; numpy's own would also take objects."""
    if not isinstance(dtype, np.dtype) or dtype.hasobject or not isinstance(data, bytes) or len(data) != dtype.itemsize:
        raise pickle.UnpicklingError(f"a scalar of {dtype!r} that is no plain number")
    return np.frombuffer(data, dtype)[0]


class Recorded:
    """Stands for an object of a class that is not loaded: keeps what the pickle says of it.

    Attributes:
        made_of: arguments of its constructor.
        state: what `__setstate__` would get.
    """

    made_of: tuple[Any, ...]
    state: Any = None

    def __new__(cls, *args: Any) -> Recorded:
        """Keep the arguments."""
        self = super().__new__(cls)
        self.made_of = args
        return self

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, path: Path, recorded: tuple[str, ...]) -> None:
        super().__init__(file, encoding="latin1")
        self._path, self._recorded = path, recorded

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] in self._recorded:
            return Recorded
        old = module.replace("numpy._core", "numpy.core")
        if (old, name) == ("numpy.core.multiarray", "scalar"):
            return _scalar
        if (old, name) not in _ALLOWED:
            raise DataCorrupt(f"{self._path} names {module}.{name}, which the allow-list of originals does not have; it was not opened")
        return getattr(importlib.import_module(old.replace("numpy.core", "numpy._core")), name)


def load_pickle(path: Path, *, recorded: tuple[str, ...] = ()) -> Any:
    """Open a pickle that may name only what is on the allow-list.

    Args:
        path: the file.
        recorded: top-level packages whose classes are not loaded; their objects come back as `Recorded`.

    Raises:
        DataCorrupt: the file names anything else, or is not a whole pickle.
    """
    return _load(path, path.read_bytes(), recorded)


def load_pt(path: Path) -> Any:
    """What `torch.save` wrote of plain Python data, by the rules of `load_pickle`; a file with tensors is refused.

    Raises:
        DataCorrupt: not a zip file with one pickle in it; else as `load_pickle`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (each for each in archive.namelist() if each.endswith("data.pkl"))
            data = archive.read(name)
    except (zipfile.BadZipFile, ValueError) as error:
        raise DataCorrupt(f"{path} is not a whole .pt file ({error}); fetch it again: nasrepro data fetch") from error
    return _load(path, data, ())


def _load(path: Path, data: bytes, recorded: tuple[str, ...]) -> Any:
    try:
        return _Unpickler(io.BytesIO(data), path, recorded).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, LookupError, MemoryError, OverflowError, TypeError, ValueError) as error:
        raise DataCorrupt(f"{path} is not a whole pickle ({error}); fetch it again: nasrepro data fetch") from error
