"""Source files and converted tables.

Where they come from, how they are checked, where they are kept.

A table is converted once from its originals and kept in the cache folder under a name that has the
sha256 of every original and the converter's version in it, so that a changed converter or source
never meets an old table.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from nasrepro.suite.data.download import downloader
from nasrepro.suite.data.files import sha256_file, write_text
from nasrepro.suite.data.spec import (
    DATA_VARIABLE,
    MIRROR_VARIABLE,
    Progress,
    SourceFile,
    TableSpec,
    cache_dir,
    inventory,
)
from nasrepro.suite.data.table import Table, withheld, write_table
from nasrepro.suite.errors import DataCorrupt, DataMissing, NasreproError


def open_table(spec: TableSpec) -> Table:
    """The converted table; raises DataMissing with the command that makes it."""
    if not spec.path.exists():
        if spec.local:
            spec.originals()  # says where they are looked for, if there are none
        raise DataMissing(
            f"the table of {spec.name} is not in {spec.path.parent}; get it with: nasrepro data "
            f"fetch {spec.name}"
        )
    table = Table(spec.path)
    _check_contents(table)
    return table


def _check_contents(table: Table) -> None:
    """Hash a table's contents.

    Once for each size and time of its file (a note beside it says so).
    """
    if withheld():  # a search's process has not all of it; the runner's has checked it
        return
    status = table.path.stat()
    state = f"{status.st_size} {status.st_mtime_ns} {table.sha256}"
    note = table.path.with_suffix(".checked")
    try:
        checked = note.read_text(encoding="utf-8")
    except (OSError, ValueError):
        checked = ""
    if checked != state:
        table.verify()
        with contextlib.suppress(NasreproError):  # a cache that is read only: hashed at each start
            write_text(note, state)


def fetch_table(spec: TableSpec, progress: Progress = lambda done, total, name: None) -> Path:
    """Convert a table from its originals, fetching those that are not here.

    Does nothing where it is there already.

    Raises:
        DataMissing: an original is neither in the mirror nor in the cache nor to be downloaded.
        DataCorrupt: an original is not what it must be, or the converter found a fact violated.
    """
    _sweep()
    if spec.path.exists():
        _check_contents(Table(spec.path))
        return spec.path
    if spec.local:
        return _convert_local(spec, progress)
    paths = {}
    for done, (name, file) in enumerate(spec.files.items()):
        progress(done, len(spec.files) + 1, Path(file.path).name)
        paths[name] = fetch_file(file)
    progress(len(spec.files), len(spec.files) + 1, "converting")
    with reading(spec.name):
        columns, meta = spec.converter(paths)
    provenance = {
        name: {"url": file.url, "sha256": file.sha256, "licence": file.licence}
        for name, file in spec.files.items()
    }
    write_table(
        spec.path,
        columns,
        {"name": spec.name, "converter_version": spec.version, "sources": provenance, **meta},
    )
    progress(len(spec.files) + 1, len(spec.files) + 1, "done")
    return spec.path


#: Seconds since the last write after which a temporary file is one that a killed process left.
_ABANDONED_S = 1800


def _sweep() -> None:
    """Remove temporary files that killed downloads and conversions left behind."""
    cache = cache_dir()
    for pattern in ("sources/**/tmp*", "tables/.*"):
        for path in cache.glob(pattern):
            with contextlib.suppress(OSError):  # not ours to remove, or removed by another process
                if time.time() - path.stat().st_mtime > _ABANDONED_S:
                    path.unlink()


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Blame the file for what a converter stumbles over in it.

    This is for a file that is not what it should be.
    """
    try:
        yield
    except NasreproError:
        raise
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise DataCorrupt(
            f"the originals of {name} are not what its converter reads "
            f"({type(error).__name__}: {reason}); get them again from where they came"
        ) from error


def _convert_local(spec: TableSpec, progress: Progress) -> Path:
    originals, path = spec.originals(), spec.path
    with reading(spec.name):
        columns, meta = spec.converter(originals, progress)
    provenance = {
        name: {"name": original.name, "inventory": inventory({name: original})}
        for name, original in originals.items()
    }
    write_table(
        path,
        columns,
        {"name": spec.name, "converter_version": spec.version, "sources": provenance, **meta},
    )
    return path


def fetch_file(file: SourceFile) -> Path:
    """A checked original: from the mirror, a package, the cache, else downloaded into the cache.

    A mirror's folder and a package are read in place. The first place that has the file decides; a
    damaged file is an error; other locations are not tried. A package of another version, whose
    file is another, counts as absent.
    """
    mirror = os.environ.get(MIRROR_VARIABLE, "")
    if mirror and "://" not in mirror:
        found = Path(mirror).expanduser() / file.path
        if found.exists():
            check_file(found, file)
            return found
    if packaged := file.packaged():
        with contextlib.suppress(DataCorrupt):
            check_file(packaged, file)
            return packaged
    cached = cache_dir() / "sources" / file.path
    if cached.exists():
        check_file(cached, file)
        return cached
    bases = [base.rstrip("/") for base in (mirror if "://" in mirror else "", file.base) if base]
    try:
        return _download(file, cached, bases, mirror)
    except DataMissing:
        if file.archive is None:
            raise
        return fetch_file(file.archive)


def check_file(path: Path, file: SourceFile) -> None:
    """Raise DataCorrupt unless `path` has the size and sha256 of `file`."""
    if not file.sha256:  # an archive whose bytes vary
        return
    size = path.stat().st_size
    if size != file.bytes:
        how = "cut short" if size < file.bytes else "changed"
        raise DataCorrupt(
            f"{path} has {size} bytes, expected {file.bytes} ({how}); delete it and fetch it "
            "again: nasrepro data fetch"
        )
    found = sha256_file(path)
    if found != file.sha256:
        raise DataCorrupt(
            f"{path} has sha256 {found[:16]}..., expected {file.sha256[:16]}... (changed or "
            "damaged); "
            "delete it and fetch it again: nasrepro data fetch"
        )


#: Addresses that did not answer in this process, with the reason: a machine without a network waits
#: once, not once per file.
_silent: dict[str, str] = {}


def _download(file: SourceFile, target: Path, bases: Sequence[str], mirror: str) -> Path:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # it would announce each download on standard error
    reasons = []
    for base in bases:
        if base in _silent:
            reasons.append(_silent[base])
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # pooch writes to a temporary name, checks the hash and renames
            pooch.retrieve(
                f"{base}/{file.path}",
                known_hash=f"sha256:{file.sha256}" if file.sha256 else None,
                path=target.parent,
                fname=target.name,
                downloader=downloader(file),
            )
            return target
        except requests.RequestException as error:
            reasons.append(f"{base}: {_root_cause(error)}")
            if isinstance(error, requests.ConnectionError):
                _silent[base] = reasons[-1]
        except ValueError as error:
            raise DataCorrupt(
                f"{base}/{file.path} does not have sha256 {file.sha256[:16]}... and {file.bytes:,} "
                f"bytes (changed on the way, or at the source); try again, or use a mirror: "
                f"{MIRROR_VARIABLE}"
            ) from error
        except OSError as error:
            raise DataMissing(
                f"cannot write to the cache folder {target.parent} ({error.strerror}); "
                f"make it writable or set {DATA_VARIABLE} to another folder"
            ) from error
    if not mirror:
        where = f"{MIRROR_VARIABLE} is not set"
    elif "://" not in mirror and not Path(mirror).expanduser().is_dir():
        where = f"{MIRROR_VARIABLE} ({mirror}) is not a folder"
    else:
        where = f"{MIRROR_VARIABLE} ({mirror}) does not have it"
    packaged = f"; or install the package that has it: {file.package[0]}" if file.package else ""
    raise DataMissing(
        f"cannot get {file.path}: no answer from {'; '.join(reasons)}, and {where}. "
        f"Connect to the network, or set {MIRROR_VARIABLE} to a folder or URL with the "
        f"same paths{packaged}"
    )


def _root_cause(error: BaseException) -> str:
    """The innermost message of a chain of network errors, on one line."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error).splitlines()[0] if str(error) else type(error).__name__
