"""NASLib's result files.

Zips of JSON lists, an entry per architecture, in files of a few hundred.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from nasrepro.suite.errors import DataCorrupt

_LARGEST = 2**26


def read_entries(path: Path) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """(benchmark, data set) -> architecture as written -> entry, with the scores of all files."""
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for file in archive.infolist():
                if not file.filename.endswith(".json") or file.file_size > _LARGEST:
                    continue
                _, benchmark, dataset, _ = Path(file.filename).name.split("--")
                here = found.setdefault((benchmark, dataset), {})
                for entry in json.loads(archive.read(file)):
                    here[entry["arch"]] = here.get(entry["arch"], {}) | entry
    except (zipfile.BadZipFile, OSError, ValueError, LookupError, TypeError) as error:
        raise DataCorrupt(
            f"{path} is not a zip of NASLib's results ({error}); fetch it again: nasrepro data "
            "fetch"
        ) from error
    return found


def digits(text: str) -> list[int]:
    """The numbers of `(1, 3, 0)`."""
    return [int(part) for part in text.strip("()").split(",") if part.strip()]
