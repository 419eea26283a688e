"""Devices: what an architecture costs on a piece of hardware.

The cost (latency or energy) is looked up in tables as oracles are.

A table of devices has one row per architecture, by the index of its space where it has all of it.
Its columns are `{dataset}/{device}`, or `{device}` where one column stands for all data sets of the
device. A value that is not there is NaN, never a negative number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import NasreproError, NotTabulated, UnknownName
from nasrepro.suite.space import Arch, SearchSpace
from nasrepro.suite.statistics import mean_ranks

if TYPE_CHECKING:
    from nasrepro.suite.data import Table, TableSpec

#: What a device may charge for one forward pass.
Cost = Literal["latency", "energy"]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Device:
    """One column, or one column per data set.

    Attributes:
        name: "source/device"; energies end in "-energy".
        space: name of the search space.
        kind: what is measured, for one forward pass.
        unit: of the values.
        datasets: whose networks the values are of, by their official names; empty: of any.
        note: the device in full, and what a reader of the numbers must know.
        copy_of: the device of another source whose values these are, number for number.
    """

    name: str
    space: str
    kind: Cost
    unit: Literal["ms", "mJ"]
    datasets: tuple[str, ...] = ()
    note: str = ""
    copy_of: str = ""

    @property
    def column(self) -> str:
        """The name without its source."""
        return self.name.partition("/")[2]


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """Description of a table of devices, known without opening it.

    Attributes:
        name: of the source; the part before "/" in the names of its devices.
        space: search space; its index is the row.
        devices: all of them.
        citation: BibTeX of the paper behind the numbers.
        licence: of the data.
        table: how to fetch and convert the originals.
        notes: one line per trap that a reader of the numbers must know.
    """

    name: str
    space: SearchSpace
    devices: tuple[Device, ...]
    citation: str
    licence: str
    table: TableSpec
    notes: tuple[str, ...] = ()

    def device(self, name: str) -> Device:
        """The device called `name`; raises UnknownName."""
        for device in self.devices:
            if device.name == name:
                return device
        raise UnknownName(
            "device", name, (device.name for device in self.devices), "see: nasrepro list devices"
        )


class DeviceTable:
    """The devices of one source, opened.

    Args:
        info: the description.
        table: the opened table.
        row: row of an architecture, where that is not its index in the space.
    """

    def __init__(
        self, info: DeviceInfo, table: Table, row: Callable[[Arch], int] | None = None
    ) -> None:
        self.info, self.table = info, table
        self._row = info.space.index if row is None else row
        self._columns: dict[tuple[str, str], Values] = {}

    def __repr__(self) -> str:
        return f"<devices {self.info.name}: {len(self.info.devices)}, {self.info.space.name}>"

    def value(self, arch: Arch, device: str, dataset: str = "") -> float:
        """Latency (ms) or energy (mJ) of `arch`.

        Args:
            arch: an architecture of the table's space.
            device: "source/device".
            dataset: whose network, in any case; may be left out where one column stands for all.

        Raises:
            UnknownName: no such device.
            NotTabulated: no value for this data set or architecture; the message says why.
            InvalidArch: not an architecture of this space.
        """
        space = self.info.space
        row = self._row(arch)
        value = float(self.values(device, dataset)[row])
        if np.isnan(value):
            measured = sum(not np.isnan(self.table.column(name)[row]) for name in self.table.names)
            why = (
                "the device does not support it"
                if measured
                else f"{self.info.name} did not measure it"
            )
            there = f"{self.measured(device, dataset):,} of {len(self.table):,} architectures"
            raise NotTabulated(
                f"{device} has no value for {space.format(arch)}: {why} (values for {there})"
            )
        return value

    def values(self, device: str, dataset: str = "") -> Values:
        """All values, shape (n,) by the index of the space, NaN where missing.

        Arguments and errors as for `value`.
        """
        if (device, dataset) not in self._columns:
            self._columns[device, dataset] = self.table.column(
                self._column(self.info.device(device), dataset)
            )
        return self._columns[device, dataset]

    def measured(self, device: str, dataset: str = "") -> int:
        """Number of architectures with a value."""
        return int(np.count_nonzero(~np.isnan(self.values(device, dataset))))

    def _column(self, device: Device, dataset: str) -> str:
        known = {name.lower(): name for name in device.datasets}
        shown = ", ".join(device.datasets)
        if dataset and known and dataset.lower() not in known:
            raise NotTabulated(
                f"{device.name} has no values for networks of {dataset}; it has: {shown}"
            )
        if device.column in self.table.names:
            return device.column
        if not dataset:
            raise NasreproError(
                f"{device.name} has values for several data sets; name one of: {shown}"
            )
        return f"{known[dataset.lower()]}/{device.column}"


def agreement(columns: Sequence[Values]) -> tuple[Values, NDArray[np.int64]]:
    """Spearman's rho between all pairs of devices, over the architectures that both have.

    Args:
        columns: d arrays of shape (n,), NaN where missing.

    Returns:
        rho, shape (d, d), NaN where a pair has fewer than three architectures or one device does
        not tell them apart; and the number of architectures of each pair, shape (d, d).
    """
    there = [~np.isnan(column) for column in columns]
    size = len(columns)
    rho, count = np.full((size, size), np.nan), np.zeros((size, size), dtype=np.int64)
    ranks: dict[
        tuple[int, bytes], Values
    ] = {}  # by device and architectures compared: most pairs share them

    def standard_ranks(device: int, both: NDArray[np.bool_]) -> Values:
        key = device, both.tobytes()
        if key not in ranks:
            centred = mean_ranks(np.unique(columns[device][both], return_inverse=True)[1])
            centred -= centred.mean()
            ranks[key] = centred / (np.sqrt((centred * centred).sum()) or np.nan)
        return ranks[key]

    for i in range(size):
        for j in range(i + 1):
            both = there[i] & there[j]
            count[i, j] = count[j, i] = both.sum()
            if count[i, j] > 2:
                # no BLAS: its threads, on a busy machine, take a hundred times as long for vectors
                # of this size
                rho[i, j] = rho[j, i] = np.clip(
                    (standard_ranks(i, both) * standard_ranks(j, both)).sum(), -1, 1
                )
    return rho, count
