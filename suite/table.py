"""Columnar tables on disk (Arrow IPC, memory-mapped; or Parquet) and the oracle that reads them.

Columns are named by what they hold:
    {dataset}/{epochs}/{seed}/{metric}   one measured value per architecture; seed is a number, a label or "mean"
    {dataset}/{seed}/{metric}_per_epoch  a value that grows in proportion to the epochs (a cost)
    {dataset}/{metric}                   the same for every training (params, macs)
    other names without "/"              keys of the rows
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import DataCorrupt, NotTabulated
from suite.files import replacing
from suite.oracle import MEAN, Dataset, Oracle, OracleInfo, Reader, Seed
from suite.space import Arch, SearchSpace

_META = b"nasrepro"
_CODE, _SPACE = attrgetter("code"), attrgetter("space")
#: Version of the file layout described above.
LAYOUT = 1


def content_sha256(columns: Mapping[str, NDArray[Any]]) -> str:
    """Hash of names, types and values of all columns, independent of the file format."""
    digest = hashlib.sha256()
    for name in sorted(columns):
        values = np.ascontiguousarray(columns[name])
        digest.update(f"{name}\0{values.dtype.str}\0{len(values)}\0".encode())
        digest.update(values.view(np.uint8).data)
    return digest.hexdigest()


def write_table(path: Path, columns: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write columns of equal length, shape (n,) each, and JSON-able `meta`; the file appears whole or not at all.

    The suffix decides the format: `.arrow` (memory-mapped when read) or `.parquet` (small, for shipping).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    full = {**meta, "layout": LAYOUT, "content_sha256": content_sha256(columns)}
    table = pa.table(dict(columns)).replace_schema_metadata({_META: json.dumps(full, sort_keys=True)})
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            pq.write_table(table, temporary, compression="zstd", compression_level=19)
        else:
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)


def _numpy(array: Any) -> NDArray[Any]:
    """An Arrow array of numbers without nulls as a view, shape (n,); Arrow's own `to_numpy` imports pandas."""
    (_, values), dtype = array.buffers(), np.dtype(array.type.to_pandas_dtype())
    return np.frombuffer(values, dtype=dtype, count=len(array), offset=array.offset * dtype.itemsize)


class Table:
    """A table opened for reading; nothing but its schema is read until a column is asked for.

    Raises:
        DataCorrupt: the file is cut short, not a table, or written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self.path = path
        self._columns: dict[str, NDArray[Any]] = {}
        try:
            if path.suffix == ".parquet":
                import pyarrow.parquet as pq

                self._parquet = pq.ParquetFile(path)
                schema, self._batch = self._parquet.schema_arrow, None
            else:
                reader = pa.ipc.open_file(pa.memory_map(str(path)))
                schema, self._batch = reader.schema, reader.get_batch(0)
            self.names: tuple[str, ...] = tuple(schema.names)
            self.meta: dict[str, Any] = json.loads((schema.metadata or {}).get(_META, b"{}"))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable(error) from error
        layout = self.meta.get("layout")
        if layout is None:
            raise DataCorrupt(f"{path} is not a table that nasrepro wrote; delete it and fetch it again: nasrepro data fetch")
        if layout > LAYOUT:
            raise DataCorrupt(
                f"{path} has layout {layout}, this version reads up to {LAYOUT}; upgrade nasrepro, or delete the file and fetch it again"
            )

    def __len__(self) -> int:
        return int(self._parquet.metadata.num_rows if self._batch is None else self._batch.num_rows)

    @property
    def sha256(self) -> str:
        """Hash of the contents as stored when the table was made; see `verify`."""
        return str(self.meta.get("content_sha256", ""))

    def column(self, name: str) -> NDArray[Any]:
        """One column, shape (n,), read-only; from `.arrow` files without copying."""
        if name not in self._columns:
            import pyarrow as pa

            index = self.names.index(name)
            try:
                if self._batch is None:
                    values = _numpy(self._parquet.read([name]).column(0).combine_chunks())
                else:
                    values = _numpy(self._batch.column(index))
            except (pa.ArrowException, OSError, ValueError) as error:
                raise self._unreadable(error) from error
            values.setflags(write=False)
            self._columns[name] = values
        return self._columns[name]

    def _unreadable(self, error: Exception) -> DataCorrupt:
        return DataCorrupt(f"{self.path} cannot be read as a table ({error}); delete it and fetch it again: nasrepro data fetch")

    def verify(self) -> None:
        """Hash all columns again and compare; raises DataCorrupt."""
        found = content_sha256({name: self.column(name) for name in self.names})
        if found != self.sha256:
            raise DataCorrupt(
                f"{self.path}: contents hash to {found[:16]}..., expected {self.sha256[:16]}...; "
                "delete it and fetch it again: nasrepro data fetch"
            )


class TableOracle(Oracle):
    """An oracle over a `Table`.

    Args:
        info: the oracle's description.
        table: the opened table.
        row: row of an architecture; raises NotTabulated where it has none.
        archs: all architectures of the table, in row order.
        space: the part of the space that can be searched, where the table does not have all of it; see `suite.space.ConfinedSpace`.
    """

    def __init__(
        self,
        info: OracleInfo,
        table: Table,
        *,
        row: Callable[[Arch], int],
        archs: Callable[[], Sequence[Arch]],
        space: SearchSpace | None = None,
    ) -> None:
        super().__init__(info, table.sha256, space)
        self.table = table
        self._row = row
        self._list_archs = archs
        self._rows: dict[tuple[int, ...], int] = {}

    @cached_property
    def _archs(self) -> Sequence[Arch]:
        return self._list_archs()

    def archs(self) -> Sequence[Arch]:
        """All architectures of the table, in row order."""
        return self._archs

    @cached_property
    def _measured(self) -> dict[str, dict[int, dict[Seed, set[str]]]]:
        """Metrics by data set, epochs and seed, from the names of the columns."""
        found: dict[str, dict[int, dict[Seed, set[str]]]] = {}
        for name in self.table.names:
            parts = name.split("/")
            if len(parts) == 4:
                dataset, epochs, label, metric = parts
                seed = int(label) if label.isdigit() else label
                found.setdefault(dataset, {}).setdefault(int(epochs), {}).setdefault(seed, set()).add(metric)
        return found

    def epochs(self, dataset: str) -> tuple[int, ...]:
        """Training lengths in the table, ascending."""
        return tuple(sorted(self._measured.get(dataset, {})))

    def seeds(self, dataset: str, epochs: int) -> tuple[Seed, ...]:
        """Training seeds in the table, without the mean."""
        return tuple(sorted((seed for seed in self._measured[dataset][epochs] if seed != MEAN), key=str))

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.table.names)

    def _column(self, dataset: str, epochs: int, seed: Seed, metric: str) -> NDArray[np.float64] | None:
        """Values of one metric, shape (n,), or None where the table has none."""
        names = self._names
        for name in (f"{dataset}/{epochs}/{seed}/{metric}", f"{dataset}/{metric}"):
            if name in names:
                return self.table.column(name)
        if (name := f"{dataset}/{seed}/{metric}_per_epoch") in names:
            return self.table.column(name) * float(epochs)
        if seed != MEAN:
            return None
        columns = [self._column(dataset, epochs, each, metric) for each in self.seeds(dataset, epochs)]
        present = [column for column in columns if column is not None]
        if not present:
            return None
        stacked = np.stack(present)
        counts = (~np.isnan(stacked)).sum(0)
        return np.where(counts, np.nansum(stacked, axis=0) / np.maximum(counts, 1), np.nan)

    def _columns(self, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        found = {}
        for name in names:
            values = self._column(dataset.name, epochs, seed, name)
            if values is None:
                continue
            low, high = self.info.metric(name).bounds
            if ((values < low) | (values > high)).any():  # a missing value, NaN, is neither
                raise DataCorrupt(
                    f"{self.table.path}: {name} of {dataset.name} at {epochs} epochs leaves its bounds {low}..{high}; "
                    "run: nasrepro data verify"
                )
            found[name] = values
        return found

    def _make_reader(self, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]) -> Reader:
        columns = self._columns(dataset, epochs, seed, names)
        trained = self._measured[dataset.name][epochs]
        measured = [name for name in columns if any(name in trained[each] for each in trained if seed in (MEAN, each))]
        items = [(name, values.item) for name, values in columns.items()]
        gaps = any(np.issubdtype(values.dtype, np.floating) and np.isnan(values).any() for values in columns.values())
        rows, space = self._rows, self.space.name

        def read(arch: Arch) -> dict[str, float]:
            try:
                row = rows.get(arch.code) if arch.space == space else None
            except AttributeError:  # a string, an index: `_row` says what is wanted
                row = None
            if row is None:
                row = rows[arch.code] = self._row(arch)
            values = {name: item(row) for name, item in items}
            if gaps:
                values = {name: value for name, value in values.items() if value == value}  # NaN is missing
                if not any(name in values for name in measured):
                    others = [
                        each
                        for each in self.seeds(dataset.name, epochs)
                        if any(not np.isnan(column[row]) for column in self._columns(dataset, epochs, each, measured).values())
                    ]
                    raise NotTabulated(
                        f"{self.name}: {self.space.format(arch)} has no {dataset.name} training of {epochs} epochs "
                        f"with seed {seed}; it has: {', '.join(map(str, others)) or 'none'}"
                    )
            return values

        return read

    def _read(self, arch: Arch, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]) -> dict[str, float]:
        return self._make_reader(dataset, epochs, seed, names)(arch)

    def _read_many(
        self, archs: Sequence[Arch] | None, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]
    ) -> dict[str, NDArray[np.float64]]:
        columns = self._columns(dataset, epochs, seed, names)
        if archs is None:
            return columns
        try:
            rows = np.fromiter(map(self._rows.__getitem__, map(_CODE, archs)), np.intp, len(archs))
            known = set(map(_SPACE, archs)) <= {self.space.name}
        except (KeyError, AttributeError):
            known = False
        if not known:
            rows = np.array([self._row(arch) for arch in archs], dtype=np.intp)  # checks each architecture
            self._rows.update((arch.code, row) for arch, row in zip(archs, rows.tolist(), strict=True))
        return {name: values[rows] for name, values in columns.items()}
