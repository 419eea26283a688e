"""How often a verdict flips: by other seeds, architectures, draws and kernels; see `repeats`.

`nasrepro claims repeat --record` measures it and keeps it in one file beside the claims; a verdict
that flips in more than one of twenty repeats is inconclusive, whatever the first run says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from nasrepro.suite.claims.statement import Strict
from nasrepro.suite.data import stable_hash, write_text
from nasrepro.suite.errors import DataCorrupt

#: Beside the files of claims.
FILE = "fragility.json"
#: Share of repeats that may flip.
MOST = 1 / 20


class Fragility(Strict):
    """What was varied, how often, and how often the verdict was another one.

    `test` is the hash of the claim's test: of another one it counts for nothing.
    """

    varied: str
    repeats: int = Field(gt=0)
    flips: int = Field(ge=0)
    test: str

    @property
    def fragile(self) -> bool:
        """Whether the verdict flips too often to be one."""
        return self.flips > MOST * self.repeats

    def __str__(self) -> str:
        """In words."""
        return f"flips in {self.flips} of {self.repeats} repeats with other {self.varied}"


def test_hash(fields: Mapping[str, Any]) -> str:
    """Hash of a claim's test: of all that its verdict depends on."""
    words = {"recorded", "reading", "statement", "where", "fragility", "title"}
    words |= {"needs", "lacks", "cpu_s"}
    return stable_hash({name: value for name, value in fields.items() if name not in words})


def load(folder: Path) -> dict[str, tuple[Fragility, ...]]:
    """What was measured of the claims of a folder, by id; nothing where there is no file.

    Raises:
        DataCorrupt: the file cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {id: tuple(map(Fragility.model_validate, each)) for id, each in raw.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataCorrupt(
            f"{path} cannot be read ({error}); delete it, and measure again: nasrepro claims repeat"
        ) from error


def record(folder: Path, measured: Iterable[tuple[str, Fragility]]) -> Path:
    """Write what was measured, over what the file has of the same claim and of the same test."""
    found = load(folder)
    for id, new in measured:
        others = [old for old in found.get(id, ()) if old.test == new.test]
        found[id] = (*(old for old in others if old.varied != new.varied), new)
    path = folder / FILE
    lines = {id: [each.model_dump() for each in found[id]] for id in sorted(found)}
    write_text(path, json.dumps(lines, indent=1) + "\n")
    return path
