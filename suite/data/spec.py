"""Table specifications.

Which originals a table is made of, how it is converted, and where it is kept.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import DataMissing

#: Where the pinned files are when no mirror has them; a file's path is
#: owner/repository/commit/path.
ORIGIN = "https://raw.githubusercontent.com"

DATA_VARIABLE, MIRROR_VARIABLE = "NASREPRO_DATA", "NASREPRO_MIRROR"

Columns = Mapping[str, NDArray[np.generic]]

#: Called with how many are done, how many there are, and what is at hand: files, cells.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One original at a pinned commit.

    Attributes:
        path: owner/repository/commit/path, below `ORIGIN` and below a mirror.
        sha256: of the whole file.
        bytes: its size.
        licence: of the repository that carries it.
        origin: where it is in place of `ORIGIN`.
        archive: an archive with the same contents that others make anew, so that its bytes vary: it
            has no `sha256`, its `bytes` are the most it may have, and the converter checks what is
            in it. Asked for where the file itself is not to be had.
        package: a distribution on the Python package index that carries the same bytes, and the
            file in it; read where it is installed (extra `tables`), never imported.
    """

    path: str
    sha256: str
    bytes: int
    licence: str
    origin: str = ""
    archive: SourceFile | None = None
    package: tuple[str, str] | None = None

    @property
    def base(self) -> str:
        """Where `path` begins."""
        return self.origin or ORIGIN

    @property
    def url(self) -> str:
        """Pinned address."""
        return f"{self.base}/{self.path}"

    def packaged(self) -> Path | None:
        """The file in the installed package that carries it; None where there is none."""
        if self.package is None:
            return None
        from importlib.metadata import PackageNotFoundError, distribution

        name, inside = self.package
        try:
            path = Path(str(distribution(name).locate_file(inside)))
        except PackageNotFoundError:
            return None
        return path if path.exists() else None


@dataclass(frozen=True, slots=True)
class TableSpec:
    """How a table is made.

    Attributes:
        name: of the table.
        version: of the converter; raise it whenever its output changes.
        files: the originals, by the names the converter uses.
        converter: gets {name: path} and returns (columns, meta).
        local: for originals that are read where a user has them and never downloaded: returns
            {name: path of a file or folder}, or raises DataMissing. `files` is empty then, and the
            converter also gets the `Progress`.
    """

    name: str
    version: int
    files: Mapping[str, SourceFile]
    converter: Callable[..., tuple[Columns, Mapping[str, Any]]]
    local: Callable[[], Mapping[str, Path]] | None = None

    @property
    def key(self) -> str:
        """Hash of everything that determines the converted table."""
        lines = [
            f"{self.name} {self.version}",
            *(f"{name} {file.sha256}" for name, file in sorted(self.files.items())),
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]

    @property
    def path(self) -> Path:
        """Where the converted table is, or will be.

        Local originals have their names and sizes in the table's name; where they are gone, the
        table last made from such originals stays in use.
        """
        folder = cache_dir() / "tables"
        if not self.local:
            return folder / f"{self.name}-{self.key}.arrow"
        try:
            return folder / f"{self.name}-{self.key}-{inventory(self.originals())}.arrow"
        except DataMissing:
            made = folder.glob(f"{self.name}-{self.key}-*.arrow")
            return max(
                made,
                key=lambda path: path.stat().st_mtime_ns,
                default=folder / f"{self.name}-{self.key}-none.arrow",
            )

    def originals(self) -> Mapping[str, Path]:
        """Local originals, none where they are fetched.

        Raises DataMissing with where they were looked for.
        """
        return {} if self.local is None else self.local()


def cache_dir() -> Path:
    """`NASREPRO_DATA`, else the platform's cache folder for nasrepro."""
    if folder := os.environ.get(DATA_VARIABLE):
        return Path(folder).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("nasrepro", appauthor=False))


def inventory(originals: Mapping[str, Path]) -> str:
    """Hash of names and sizes of local files, and of those in local folders but hidden ones."""
    lines = [
        f"{name} {line}"
        for name, path in sorted(originals.items())
        for line in listed(path, path.stat().st_mtime_ns)
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


@functools.cache  # a folder may have tens of thousands of files
def listed(path: Path, changed_ns: int) -> tuple[str, ...]:
    """Name and size of a file, or of every file in a folder."""
    if not path.is_dir():
        return (f"{path.name} {path.stat().st_size}",)
    with os.scandir(path) as entries:
        return tuple(
            sorted(
                f"{entry.name} {entry.stat().st_size}"
                for entry in entries
                if not entry.name.startswith(".")
            )
        )
