"""The oracle over a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.data import Table
from nasrepro.suite.errors import DataCorrupt, NotTabulated
from nasrepro.suite.oracle.description import MEAN, Dataset, OracleInfo, Seed
from nasrepro.suite.oracle.oracle import Oracle, Reader
from nasrepro.suite.space import Arch, SearchSpace

_CODE, _SPACE = attrgetter("code"), attrgetter("space")


class TableOracle(Oracle):
    """An oracle over a `Table`.

    Args:
        info: the oracle's description.
        table: the opened table.
        row: row of an architecture; raises NotTabulated where it has none.
        archs: all architectures of the table, in row order.
        space: the part of the space that can be searched, where the table does not have all of it;
            see `suite.space.ConfinedSpace`.
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
        self.known = self._rows.keys()

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
                found.setdefault(dataset, {}).setdefault(int(epochs), {}).setdefault(
                    seed, set()
                ).add(metric)
        return found

    def epochs(self, dataset: str) -> tuple[int, ...]:
        """Training lengths in the table, ascending."""
        return tuple(sorted(self._measured.get(dataset, {})))

    def seeds(self, dataset: str, epochs: int) -> tuple[Seed, ...]:
        """Training seeds in the table, without the mean."""
        return tuple(
            sorted((seed for seed in self._measured[dataset][epochs] if seed != MEAN), key=str)
        )

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.table.names)

    def _column(
        self, dataset: str, epochs: int, seed: Seed, metric: str
    ) -> NDArray[np.float64] | None:
        """Values of one metric, shape (n,), or None where the table has none."""
        names = self._names
        for name in (f"{dataset}/{epochs}/{seed}/{metric}", f"{dataset}/{metric}"):
            if name in names:
                return self.table.column(name)
        if (name := f"{dataset}/{seed}/{metric}_per_epoch") in names:
            return self.table.column(name) * float(epochs)
        if seed != MEAN:
            return None
        columns = [
            self._column(dataset, epochs, each, metric) for each in self.seeds(dataset, epochs)
        ]
        present = [column for column in columns if column is not None]
        if not present:
            return None
        if len(present) == 1:  # its own mean
            return present[0]
        stacked = np.stack(present)
        counts = (~np.isnan(stacked)).sum(0)
        return np.where(counts, np.nansum(stacked, axis=0) / np.maximum(counts, 1), np.nan)

    def _columns(
        self, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]
    ) -> dict[str, NDArray[np.float64]]:
        found = {}
        for name in names:
            values = self._column(dataset.name, epochs, seed, name)
            if values is None:
                continue
            low, high = self.info.metric(name).bounds
            if ((values < low) | (values > high)).any():  # a missing value, NaN, is neither
                raise DataCorrupt(
                    f"{self.table.path}: {name} of {dataset.name} at "
                    f"{epochs} epochs leaves its bounds {low}..{high}; "
                    "run: nasrepro data verify"
                )
            found[name] = values
        return found

    def _make_reader(
        self, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]
    ) -> Reader:
        columns = self._columns(dataset, epochs, seed, names)
        trained = self._measured[dataset.name][epochs]
        measured = [
            name
            for name in columns
            if any(name in trained[each] for each in trained if seed in (MEAN, each))
        ]
        items = [(name, values.item) for name, values in columns.items()]
        gaps = any(
            np.issubdtype(values.dtype, np.floating) and np.isnan(values).any()
            for values in columns.values()
        )
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
                values = {
                    name: value for name, value in values.items() if value == value
                }  # NaN is missing
                if not any(name in values for name in measured):
                    others = [
                        each
                        for each in self.seeds(dataset.name, epochs)
                        if any(
                            not np.isnan(column[row])
                            for column in self._columns(dataset, epochs, each, measured).values()
                        )
                    ]
                    raise NotTabulated(
                        f"{self.name}: {self.space.format(arch)} has "
                        f"no {dataset.name} training of {epochs} epochs "
                        f"with seed {seed}; it has: {', '.join(map(str, others)) or 'none'}"
                    )
            return values

        return read

    def _read(
        self, arch: Arch, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]
    ) -> dict[str, float]:
        return self._make_reader(dataset, epochs, seed, names)(arch)

    def _read_many(
        self,
        archs: Sequence[Arch] | None,
        dataset: Dataset,
        epochs: int,
        seed: Seed,
        names: Sequence[str],
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
            rows = np.array(
                [self._row(arch) for arch in archs], dtype=np.intp
            )  # checks each architecture
            self._rows.update(
                (arch.code, row) for arch, row in zip(archs, rows.tolist(), strict=True)
            )
        return {name: values[rows] for name, values in columns.items()}
