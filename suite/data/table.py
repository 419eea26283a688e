"""Columnar tables on disk (Arrow IPC, memory-mapped; or Parquet) and the oracle that reads them.

Columns are named by what they hold:
    {dataset}/{epochs}/{seed}/{metric}   one measured value per architecture; seed is a number, a
    label or "mean"
    {dataset}/{seed}/{metric}_per_epoch  a value that grows in proportion to the epochs (a cost)
    {dataset}/{metric}                   the same for every training (params, macs)
    other names without "/"              keys of the rows
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.data.files import atomic_write
from nasrepro.suite.errors import DataCorrupt

_META = b"nasrepro"

#: Version of the file layout described above.
LAYOUT = 1


#: Metrics whose columns no table of this process has; see `withhold`.
_withheld: set[str] = set()


def withhold(metrics: Iterable[str]) -> None:
    """From now on no table that this process opens has columns of these metrics.

    For a process that performs a search (metrics of the test split). Its tables are read column by
    column, so that no mapped file leads to one that is withheld.
    """
    _withheld.update(metrics)


def withheld() -> frozenset[str]:
    """The metrics that this process may not hold."""
    return frozenset(_withheld)


def _is_withheld(column: str) -> bool:
    return column.rpartition("/")[2].removesuffix("_per_epoch") in _withheld


def content_sha256(columns: Mapping[str, NDArray[Any]]) -> str:
    """Hash of names, types and values of all columns, independent of the file format."""
    digest = hashlib.sha256()
    for name in sorted(columns):
        values = np.ascontiguousarray(columns[name])
        digest.update(f"{name}\0{values.dtype.str}\0{len(values)}\0".encode())
        digest.update(values.view(np.uint8).data)
    return digest.hexdigest()


def write_table(path: Path, columns: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write columns of equal length, shape (n,) each, and JSON-able `meta`.

    The file appears whole or not at all.

    The suffix decides the format: `.arrow` (memory-mapped when read) or `.parquet` (small, for
    shipping).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    full = {**meta, "layout": LAYOUT, "content_sha256": content_sha256(columns)}
    table = pa.table(dict(columns)).replace_schema_metadata(
        {_META: json.dumps(full, sort_keys=True)}
    )
    with atomic_write(path) as temporary:
        if path.suffix == ".parquet":
            pq.write_table(table, temporary, compression="zstd", compression_level=19)
        else:
            with (
                pa.OSFile(str(temporary), "wb") as sink,
                pa.ipc.new_file(sink, table.schema) as writer,
            ):
                writer.write_table(table)


def _numpy(array: Any) -> NDArray[Any]:
    """An Arrow array of numbers without nulls as a view, shape (n,).

    Arrow's own `to_numpy` imports pandas.
    """
    (_, values), dtype = array.buffers(), np.dtype(array.type.to_pandas_dtype())
    return np.frombuffer(
        values, dtype=dtype, count=len(array), offset=array.offset * dtype.itemsize
    )


class Table:
    """A table opened for reading; nothing but its schema is read until a column is asked for.

    Raises:
        DataCorrupt: the file is cut short, not a table, or written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self.path = path
        self._columns: dict[str, NDArray[Any]] = {}
        self._batch: Any = None
        try:
            if path.suffix == ".parquet":
                import pyarrow.parquet as pq

                with pq.ParquetFile(path) as file:
                    schema, self._rows = file.schema_arrow, int(file.metadata.num_rows)
            elif _withheld:
                with pa.OSFile(str(path)) as source:
                    reader = pa.ipc.open_file(source)
                    schema = reader.schema
                    options = pa.ipc.IpcReadOptions(included_fields=[0])
                    batch = pa.ipc.open_file(source, options=options).get_batch(0)
                    self._rows = int(batch.num_rows)
            else:
                reader = pa.ipc.open_file(pa.memory_map(str(path)))
                schema, self._batch = reader.schema, reader.get_batch(0)
                self._rows = int(self._batch.num_rows)
            self.meta: dict[str, Any] = json.loads((schema.metadata or {}).get(_META, b"{}"))
            self._all_names: tuple[str, ...] = tuple(schema.names)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable(error) from error
        #: Names of the columns, without those that this process may not hold.
        self.names: tuple[str, ...] = tuple(
            name for name in self._all_names if not _is_withheld(name)
        )
        layout = self.meta.get("layout")
        if layout is None:
            raise DataCorrupt(
                f"{path} is not a table that nasrepro wrote; delete it and fetch it again: "
                "nasrepro data fetch"
            )
        if layout > LAYOUT:
            raise DataCorrupt(
                f"{path} has layout {layout}, this version reads up to {LAYOUT}; upgrade "
                "nasrepro, or delete the file and fetch it again"
            )

    def __len__(self) -> int:
        return self._rows

    @property
    def sha256(self) -> str:
        """Hash of the contents as stored when the table was made; see `verify`."""
        return str(self.meta.get("content_sha256", ""))

    def column(self, name: str) -> NDArray[Any]:
        """One column, shape (n,), read-only; from `.arrow` files without copying."""
        if name not in self._columns:
            import pyarrow as pa

            self.names.index(name)  # a ValueError where there is none
            try:
                values = self._read(self._all_names.index(name))
            except (pa.ArrowException, OSError, ValueError) as error:
                raise self._unreadable(error) from error
            values.setflags(write=False)
            self._columns[name] = values
        return self._columns[name]

    def _read(self, index: int) -> NDArray[Any]:
        """One column; of a mapped file a view, else a copy that nothing can write to."""
        import pyarrow as pa

        if self._batch is not None:
            return _numpy(self._batch.column(index))
        if self.path.suffix == ".parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(self.path) as file:
                array = file.read([self._all_names[index]]).column(0).combine_chunks()
        else:
            options = pa.ipc.IpcReadOptions(included_fields=[index])
            with pa.OSFile(str(self.path)) as source:
                array = pa.ipc.open_file(source, options=options).get_batch(0).column(0)
        values = _numpy(array)
        return np.frombuffer(values.tobytes(), dtype=values.dtype)

    def _unreadable(self, error: Exception) -> DataCorrupt:
        reason = str(error).partition("\n")[0]
        return DataCorrupt(
            f"{self.path} cannot be read as a table ({reason}); delete it and fetch it again: "
            "nasrepro data fetch"
        )

    def verify(self) -> None:
        """Hash all columns again and compare; raises DataCorrupt."""
        found = content_sha256({name: self.column(name) for name in self.names})
        if found != self.sha256:
            raise DataCorrupt(
                f"{self.path}: contents hash to {found[:16]}..., expected {self.sha256[:16]}...; "
                "delete it and fetch it again: nasrepro data fetch"
            )
