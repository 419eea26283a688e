"""Tables of scores: those that ship, and those in the user's cache."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from nasrepro.suite.data import atomic_write, cache_dir, lock
from nasrepro.suite.errors import DataCorrupt
from nasrepro.suite.registry import oracles
from nasrepro.suite.scoring.setting import Inputs

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from nasrepro.suite.registry import Scorer


def shipped_folder() -> Traversable:
    """Where the tables are that come with the package."""
    return resources.files(oracles.package).joinpath("data", "scores")


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
    def load(cls, inputs: Inputs, *scorers: Scorer) -> ScoreTable:
        """What the package ships, and what the user's cache has beside it.

        Of two sources of a scorer that is given, its present one counts, wherever it is; of others
        the cache's.
        """
        shipped, cached = cls.shipped(inputs), cls(inputs)
        if cached.path.is_file():
            cached._read(cached.path)
        table = cls(inputs, made=cached.made or shipped.made)
        present = {scorer.name: scorer.source_sha256 for scorer in scorers}
        for name in {**shipped.rows, **cached.rows}:
            held = [part for part in (cached, shipped) if name in part.rows]
            source = present.get(name, held[0].sources[name])
            held = [part for part in held if part.sources[name] == source] or held[:1]
            table.sources[name] = held[0].sources[name]
            for part in held:  # what ships comes last, and counts
                table.rows.setdefault(name, {}).update(part.rows[name])
        return table

    @classmethod
    def shipped(cls, inputs: Inputs) -> ScoreTable:
        """What the package ships; empty where that is nothing."""
        table = cls(inputs)
        file = shipped_folder().joinpath(table._name)
        if file.is_file():
            with resources.as_file(file) as path:
                table._read(path)
        return table

    def of(self, scorer: Scorer) -> dict[int, tuple[float, float]]:
        """The rows of a scorer that are by its present source."""
        if self.sources.get(scorer.name) != scorer.source_sha256:
            return {}
        return self.rows.get(scorer.name, {})

    def _read(self, path: Path) -> None:
        import pyarrow as pa

        try:
            rows, sources, made = _contents(path, path.stat().st_mtime_ns)
            self.sources = {scorer: sources[scorer] for scorer in rows}
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise DataCorrupt(
                f"{path} is no table of scores ({error}); "
                "delete it, and what it held is scored again"
            ) from error
        self.rows = {scorer: dict(found) for scorer, found in rows.items()}
        self.made = dict(made)

    def save(self, path: Path | None = None) -> Path:
        """Write it to `path`, or to the user's cache.

        There it is joined with what other processes have saved meanwhile.
        """
        if path is not None:
            return self._write(path)
        # between reading and writing no other process saves
        with lock(self.path.with_suffix(".lock")):
            if self.path.exists():
                saved = ScoreTable(self.inputs)
                saved._read(self.path)
                for name, rows in saved.rows.items():
                    if self.sources.setdefault(name, saved.sources[name]) == saved.sources[name]:
                        self.rows[name] = {**rows, **self.rows.get(name, {})}
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


@lru_cache(maxsize=8)  # searches that follow each other in a process read the same
def _contents(
    path: Path, changed_ns: int
) -> tuple[dict[str, dict[int, tuple[float, float]]], dict[str, str], dict[str, str]]:
    """Rows, sources and versions in a file that was last changed then."""
    import pyarrow.parquet as pq

    read = pq.read_table(path)
    about = json.loads((read.schema.metadata or {})[b"nasrepro"])
    columns = [read.column(name).to_pylist() for name in ("scorer", "index", "score", "cpu_s")]
    rows: dict[str, dict[int, tuple[float, float]]] = {}
    for scorer, index, score, cpu_s in zip(*columns, strict=True):
        rows.setdefault(scorer, {})[index] = score, cpu_s
    return rows, about["sources"], about["made"]
