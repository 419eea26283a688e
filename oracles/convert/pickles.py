"""Reading pickles of strangers: numpy arrays and builtins, nothing that runs code."""

from __future__ import annotations

import bz2
import importlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nasrepro.suite.errors import DataCorrupt

#: What an original may name: (module, name). Everything here builds plain data.
_ALLOWED = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
    ("builtins", "set"),
    ("builtins", "slice"),
    ("collections", "OrderedDict"),
}
#: What begins a file that `torch.save` wrote before version 1.6: pickles of these two, of the
#: machine's sizes, of the data.
_TORCH_MAGIC, _TORCH_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
#: A record larger than this is none.
_LARGEST = 2**28
_FETCH, _GET = "fetch it again: nasrepro data fetch", "get it again from where it came"


def _scalar(dtype: Any, data: Any) -> Any:
    """What numpy's `scalar` makes of plain numbers; numpy's own would also take objects."""
    if (
        not isinstance(dtype, np.dtype)
        or dtype.hasobject
        or not isinstance(data, bytes)
        or len(data) != dtype.itemsize
    ):
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
        old = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        if (old, name) == ("numpy.core.multiarray", "scalar"):
            return _scalar
        if (old, name) not in _ALLOWED:
            raise DataCorrupt(
                f"{self._path} names {module}.{name}, which the allow-list of originals does not have; it was not opened"
            )
        return getattr(importlib.import_module(old.replace("numpy.core", "numpy._core")), name)

    def persistent_load(self, pid: Any) -> Any:
        """A tensor's numbers, which stand outside the pickle: not read."""
        if "torch" not in self._recorded:
            raise DataCorrupt(f"{self._path} has tensors in it; it was not opened")
        return None


def load_pickle(path: Path, *, recorded: tuple[str, ...] = ()) -> Any:
    """Open a pickle that may name only what is on the allow-list.

    Args:
        path: the file.
        recorded: top-level packages whose classes are not loaded; their objects come back as
            `Recorded`.

    Raises:
        DataCorrupt: the file names anything else, or is not a whole pickle.
    """
    return _load(path, io.BytesIO(path.read_bytes()), recorded, _FETCH)


def load_bz2(path: Path) -> Any:
    """Open a bz2-compressed pickle by the rules of `load_pickle`.

    Raises:
        DataCorrupt: cut short, or no bz2 file; else as `load_pickle`.
    """
    decompressor = bz2.BZ2Decompressor()
    try:
        data = decompressor.decompress(path.read_bytes(), _LARGEST)
    except (OSError, ValueError) as error:
        raise DataCorrupt(f"{path} is not a bz2 file ({error}); {_GET}") from error
    if not decompressor.eof:
        why = "cut short" if decompressor.needs_input else f"over {_LARGEST:,} bytes when unpacked"
        raise DataCorrupt(f"{path} is not a whole record ({why}); {_GET}")
    return _load(path, io.BytesIO(data), (), _GET)


def load_pt(path: Path) -> Any:
    """What `torch.save` wrote of plain Python data, by the rules of `load_pickle`.

    A file with tensors is refused.

    Raises:
        DataCorrupt: not a zip file with one pickle in it; else as `load_pickle`.
    """
    return _load(path, io.BytesIO(_pickle_in(path, _FETCH)), (), _FETCH)


def load_pth(path: Path) -> Any:
    """What `torch.save` wrote, in its present form (zip) or its first one, by the rules of `load_pickle`.

    Tensors are not loaded: they come back as `Recorded`.

    Raises:
        DataCorrupt: neither of the two forms; else as `load_pickle`.
    """
    if zipfile.is_zipfile(path):
        return _load(path, io.BytesIO(_pickle_in(path, _GET)), ("torch",), _GET)
    with path.open("rb") as file:
        magic, protocol, _ = (_load(path, file, (), _GET) for _ in range(3))
        if (magic, protocol) != (_TORCH_MAGIC, _TORCH_PROTOCOL):
            raise DataCorrupt(f"{path} is not a file that torch.save wrote; {_GET}")
        return _load(path, file, ("torch",), _GET)


def _pickle_in(path: Path, way_out: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (each for each in archive.namelist() if each.endswith("data.pkl"))
            return archive.read(name)
    except (zipfile.BadZipFile, ValueError) as error:
        raise DataCorrupt(f"{path} is not a whole .pt file ({error}); {way_out}") from error


def _load(path: Path, file: BinaryIO, recorded: tuple[str, ...], way_out: str) -> Any:
    try:
        return _Unpickler(file, path, recorded).load()
    except (
        pickle.UnpicklingError,
        EOFError,
        AttributeError,
        LookupError,
        MemoryError,
        OverflowError,
        TypeError,
        ValueError,
    ) as error:
        raise DataCorrupt(f"{path} is not a whole pickle ({error}); {way_out}") from error
