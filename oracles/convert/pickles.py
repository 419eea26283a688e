"""Reading pickles of strangers: plain data and nothing else.

What numpy wrote (arrays, scalars, dtypes) comes back as numpy's; arrays of objects come back as
lists. See `opcodes` for the reader.
"""

from __future__ import annotations

import bz2
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

from nasrepro.oracles.convert.opcodes import Machine
from nasrepro.oracles.convert.plaindata import Recorded
from nasrepro.suite.errors import DataCorrupt

__all__ = ["Recorded", "load_bz2", "load_pickle", "load_pt", "load_pth"]

#: What begins a file that `torch.save` wrote before version 1.6: pickles of these two, of the
#: machine's sizes, of the data.
_TORCH_MAGIC, _TORCH_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
#: A record that unpacks to more bytes than this is none; the official ones have 1.4 MB at most.
_LARGEST = 2**25
_FETCH, _GET = "fetch it again: nasrepro data fetch", "get it again from where it came"


def load_pickle(path: Path, *, recorded: tuple[str, ...] = ()) -> Any:
    """Open a pickle that may name only what is on the allow-list.

    Args:
        path: the file.
        recorded: top-level packages whose classes are not loaded; their objects come back as
            `Recorded`.

    Raises:
        DataCorrupt: the file names anything else, or is not a whole pickle of plain data.
    """
    return _load(Machine(path.read_bytes(), path, recorded), _FETCH)


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
    return _load(Machine(data, path), _GET)


def load_pt(path: Path) -> Any:
    """What `torch.save` wrote of plain Python data, by the rules of `load_pickle`.

    A file with tensors is refused.

    Raises:
        DataCorrupt: not a zip file with one pickle in it; else as `load_pickle`.
    """
    return _load(Machine(_pickle_in(path, _FETCH), path), _FETCH)


def load_pth(path: Path) -> Any:
    """What `torch.save` wrote, in its present form (zip) or its first one.

    By the rules of `load_pickle`.

    Tensors are not loaded: they come back as `Recorded`.

    Raises:
        DataCorrupt: neither of the two forms; else as `load_pickle`.
    """
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    if zipped:
        return _load(Machine(_pickle_in(path, _GET), path, ("torch",)), _GET)
    machine = Machine(path.read_bytes(), path, ("torch",))
    magic, protocol, _ = (_load(machine, _GET) for _ in range(3))
    if (magic, protocol) != (_TORCH_MAGIC, _TORCH_PROTOCOL):
        raise DataCorrupt(f"{path} is not a file that torch.save wrote; {_GET}")
    return _load(machine, _GET)


def _pickle_in(path: Path, way_out: str) -> bytes:
    """The pickle of a zip file; `torch.save` does not compress."""
    try:
        with zipfile.ZipFile(path) as archive:
            (entry,) = (one for one in archive.infolist() if one.filename.endswith("data.pkl"))
            if entry.compress_type != zipfile.ZIP_STORED:
                raise zipfile.BadZipFile("its pickle is compressed")
            return archive.read(entry)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        LookupError,
        OSError,
        RuntimeError,  # encrypted, or a method that zipfile does not know
        ValueError,
    ) as error:
        raise DataCorrupt(f"{path} is not a whole .pt file ({error}); {way_out}") from error


def _load(machine: Machine, way_out: str) -> Any:
    try:
        return machine.load()
    except (
        pickle.UnpicklingError,
        EOFError,
        LookupError,
        MemoryError,
        OverflowError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        reason = " ".join(str(error).split())
        raise DataCorrupt(f"{machine.path} is not a whole pickle ({reason}); {way_out}") from error
