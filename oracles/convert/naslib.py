"""NASLib's result files.

Zips of JSON lists, an entry per architecture, in files of a few hundred.
"""

from __future__ import annotations

import ast
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.dartscell import CELLS, OPS, DartsCell, Edge
from nasrepro.suite.errors import DataCorrupt
from nasrepro.suite.space import Arch

#: What stands where a score could not be computed.
FAILED = -1e8
_LARGEST = 2**26
_SPEC_OPS = ("input", "output", "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")


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


def darts_cell(text: str) -> Arch:
    """The DARTS network written as two lists of pairs of input and operation."""
    return DartsCell().wire(
        {
            kind: [Edge(source, 2 + i // 2, OPS[op]) for i, (source, op) in enumerate(pairs)]
            for kind, pairs in zip(CELLS, ast.literal_eval(text), strict=True)
        }
    )


def spec_cell(text: str) -> Arch:
    """The NAS-Bench-101 cell written as the entries of its matrix, then an operation per vertex."""
    values = digits(text)
    size = math.isqrt(len(values))
    matrix = np.reshape(values[: size**2], (size, size))
    return Dag101().from_spec(matrix, [_SPEC_OPS[code] for code in values[size**2 :]])
