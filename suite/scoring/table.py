"""Tables of scores: those that ship, and those in the user's cache."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from nasrepro.suite.data import atomic_write, cache_dir, lock
from nasrepro.suite.errors import DataCorrupt
from nasrepro.suite.registry import oracles
from nasrepro.suite.scoring.setting import Inputs

if TYPE_CHECKING:
    pass


@dataclass(slots=True)
class ScoreTable:
    """Scores of one setting.

    Attributes:
        inputs: what they are of.
        rows: by scorer, then by the space's index of the canonical architecture: the score and the
            CPU seconds it took.
        sources: by scorer, the hash of its source.
        made: versions and machine.
    """

    inputs: Inputs
    rows: dict[str, dict[int, tuple[float, float]]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Its file in the user's cache."""
        return cache_dir() / "scores" / self._name

    @property
    def _name(self) -> str:
        return f"{self.inputs.space}-{self.inputs.id}.parquet"

    @classmethod
    def load(cls, inputs: Inputs) -> ScoreTable:
        """What the package ships, and what the user's cache has beside it.

        An empty table where neither has any.
        """
        table = cls(inputs)
        shipped = resources.files(oracles.package).joinpath("data", "scores", table._name)
        for file in (shipped, table.path):
            if file.is_file():
                with resources.as_file(file) as path:
                    table._read(path)
        return table

    def _read(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            read = pq.read_table(path)
            about = json.loads((read.schema.metadata or {})[b"nasrepro"])
            columns = [
                read.column(name).to_pylist() for name in ("scorer", "index", "score", "cpu_s")
            ]
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise DataCorrupt(
                f"{path} is no table of scores ({error}); delete it, and what it held is scored anew"
            ) from error
        self.made = about["made"]
        fresh: dict[str, dict[int, tuple[float, float]]] = {}
        for scorer, index, score, cpu_s in zip(*columns, strict=True):
            fresh.setdefault(scorer, {})[index] = score, cpu_s
        for scorer, found in fresh.items():
            if self.sources.get(scorer, about["sources"][scorer]) == about["sources"][scorer]:
                found = {**self.rows.get(scorer, {}), **found}
            self.rows[scorer], self.sources[scorer] = found, about["sources"][scorer]

    def save(self, path: Path | None = None) -> Path:
        """Write it to `path`, or to the user's cache, together with what other processes have put there meanwhile."""
        if path is not None:
            return self._write(path)
        with lock(
            self.path.with_suffix(".lock")
        ):  # between reading and writing no other process saves
            if self.path.exists():
                there = ScoreTable(self.inputs)
                there._read(self.path)
                for scorer, found in there.rows.items():
                    if (
                        self.sources.setdefault(scorer, there.sources[scorer])
                        == there.sources[scorer]
                    ):
                        self.rows[scorer] = {**found, **self.rows.get(scorer, {})}
            return self._write(self.path)

    def _write(self, path: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = [
            (scorer, index, *found)
            for scorer in sorted(self.rows)
            for index, found in sorted(self.rows[scorer].items())
        ]
        names, index, score, cpu_s = zip(*rows, strict=True) if rows else ((), (), (), ())
        columns = [
            pa.array(names, pa.string()).dictionary_encode(),
            pa.array(index, pa.int64()),
            pa.array(score, pa.float64()),
            pa.array(cpu_s, pa.float64()),
        ]
        about = {"inputs": asdict(self.inputs), "sources": self.sources, "made": self.made}
        table = pa.table(columns, ["scorer", "index", "score", "cpu_s"]).replace_schema_metadata(
            {"nasrepro": json.dumps(about)}
        )
        with atomic_write(path) as temporary:
            pq.write_table(table, temporary, compression="zstd", compression_level=9)
        return path
