"""Reading pickles of strangers: numpy arrays and builtins, nothing that runs code."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import Any

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
    with path.open("rb") as file:
        try:
            return _Unpickler(file, path, recorded).load()
        except (pickle.UnpicklingError, EOFError, AttributeError, LookupError, MemoryError, OverflowError, TypeError, ValueError) as error:
            raise DataCorrupt(f"{path} is not a whole pickle ({error}); fetch it again: nasrepro data fetch") from error
