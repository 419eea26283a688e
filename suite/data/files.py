"""Files that appear whole or not at all, and locks between processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from nasrepro.suite.errors import NasreproError


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`.

    Rename it to `path` if the block succeeds, remove it if not.

    Raises:
        NasreproError: the folder cannot be written to, or the disk is full; the message names it.
    """
    if path.exists() and not path.is_file():  # a folder, a device: it would be replaced
        raise NasreproError(f"cannot write {path}: it is no regular file; give another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix
        )
    except OSError as error:
        raise NasreproError(
            f"cannot write to {path.parent} ({error.strerror}); make it writable, or choose "
            "another folder "
            "(NASREPRO_DATA for tables, --store or --out for results)"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # of a temporary file 0o600; a lab shares tables and results
        temporary.replace(path)
    except OSError as error:
        raise NasreproError(
            f"cannot write {path} ({error.strerror or error}); is the disk full?"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Wait until no other process holds this lock; the system frees that of a killed process.

    Raises:
        NasreproError: the folder cannot be written to, or the disk is full; the message names it.
    """
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(path).acquire()
    except OSError as error:
        raise NasreproError(
            f"cannot lock {path} ({error}); free some space or set NASREPRO_DATA to another folder"
        ) from error
    with held:
        yield


def plain(value: Any) -> dict[str, Any]:
    """A dataclass as a mapping of its fields, nothing copied: `default` of `json.dumps`.

    Raises:
        TypeError: no dataclass.
    """
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} {value!r} cannot be written as JSON")
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def stable_hash(value: Any) -> str:
    """First 16 hex digits of the sha256 of a JSON-able value, dataclasses as their fields."""
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, separators=(",", ":"), default=plain).encode()
    ).hexdigest()[:16]
