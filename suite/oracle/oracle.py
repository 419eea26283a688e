"""Oracles answer "how good is this architecture?", naming each number's split, epochs and seed.

They are pure: no clock, counter or chance. Accuracies are fractions; missing values are missing.

Longer than other files because its docstrings say what every look-up gives and refuses.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import NasreproError, NotTabulated, ProtocolError
from nasrepro.suite.oracle.description import MEAN, Dataset, OracleInfo, Seed, Split
from nasrepro.suite.oracle.images import ImageParts, drawn
from nasrepro.suite.space import Arch, SearchSpace

if TYPE_CHECKING:
    from pandas import DataFrame

    from nasrepro.suite.oracle.devices import DeviceTable
    from nasrepro.suite.oracle.workshop import Workshops

#: Searches that run in this process now, in whatever thread.
_searches = 0
#: Set while an oracle itself works on an answer that a search asked it for.
_answering: ContextVar[bool] = ContextVar("answering", default=False)


class Reading(NamedTuple):
    """One answer of an oracle. `values` has only what the table holds."""

    arch: Arch
    dataset: str
    epochs: int
    seed: Seed
    values: dict[str, float]


Reader = Callable[[Arch], dict[str, float]]

#: Images and labels drawn at random: normal pixels, uniform labels.
RANDOM = "random"


def _unregistered(name: str) -> Any:
    raise NasreproError(f"{name} is found by the registry; open the oracle with nasrepro.load")


class Oracle(ABC):
    """Answers queries. Authors write `_read`, `epochs`, `seeds` and `archs`.

    See `suite.table` for tables.

    Args:
        info: its description.
        table_sha256: hash of everything its answers come from.
        space: the part of `info.space` that can be searched, where that is not all of it.
    """

    def __init__(
        self, info: OracleInfo, table_sha256: str, space: SearchSpace | None = None
    ) -> None:
        self.info = info
        self.table_sha256 = table_sha256
        #: The space that searches see: `info.space`, or a part of it where the table has only a
        #: part.
        self.space: SearchSpace = info.space if space is None else space
        #: Codes of the architectures that it answers about by a look-up, in a microsecond.
        self.known: Collection[tuple[int, ...]] = ()
        #: Read a set of images, open a table of devices, by name; set by what opens registered
        #: oracles.
        self.read_images: Callable[[str], ImageParts] = _unregistered
        self.open_devices: Callable[[str], DeviceTable] = _unregistered
        #: Where methods train networks of their own; None where it has no images for that.
        self.workshops: Workshops | None = None
        #: by the arguments of a query; with them as the table has them
        self._readers: dict[tuple[str, int, Seed], tuple[str, int, Seed, Reader]] = {}

    @property
    def name(self) -> str:
        """Name of the oracle."""
        return self.info.name

    @abstractmethod
    def epochs(self, dataset: str) -> tuple[int, ...]:
        """Training lengths that can be asked for, ascending."""

    @abstractmethod
    def seeds(self, dataset: str, epochs: int) -> tuple[Seed, ...]:
        """Training seeds that can be asked for, without `MEAN`."""

    @abstractmethod
    def archs(self) -> Sequence[Arch]:
        """Every architecture that can be asked for, in the order of `query_many`'s rows.

        Raises NotTabulated where it trains.
        """

    @abstractmethod
    def _read(
        self, arch: Arch, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]
    ) -> dict[str, float]:
        """The metrics `names` of one architecture, those that are there.

        Raises NotTabulated where none is.
        """

    # -- final methods -----------------------------------------------------------------------------
    def query(self, arch: Arch, *, dataset: str, epochs: int, seed: Seed = MEAN) -> Reading:
        """Everything known of `arch` trained for `epochs` on `dataset` with training seed `seed`.

        Args:
            arch: an architecture of `space`.
            dataset: name, in any case.
            epochs: one of `epochs(dataset)`; there is no default.
            seed: one of `seeds(dataset, epochs)`, or "mean": the mean over the seeds that are
                there.

        Raises:
            UnknownName: unknown data set.
            NotTabulated: epochs, seed or architecture not in the table.
            InvalidArch: not an architecture of this space.
            ProtocolError: called while a search runs, past its session.
        """
        if _searches:
            raise ProtocolError(
                f"{self.name} was queried without the session during a search; a method may only "
                "call session.evaluate"
            )
        try:
            name, length, which, read = self._readers[dataset, epochs, seed]
        except KeyError:
            found, length, which, names = self._setting(dataset, epochs, seed, None)
            name, read = found.name, self._make_reader(found, length, which, names)
            self._readers[dataset, epochs, seed] = name, length, which, read
        return Reading(arch, name, length, which, read(arch))

    def query_many(
        self, archs: Sequence[Arch] | None = None, *, dataset: str, epochs: int, seed: Seed = MEAN
    ) -> Mapping[str, NDArray[np.float64]]:
        """Vectorised `query`: an array (n,) per metric, NaN where a value is missing.

        Args:
            archs: n architectures; None stands for all of `archs()`, in that order.
            dataset: as in `query`.
            epochs: as in `query`.
            seed: as in `query`.
        """
        found, length, which, names = self._setting(dataset, epochs, seed, None)
        return self._read_many(archs, found, length, which, names)

    def reader(
        self, dataset: str, epochs: int, seed: Seed, splits: Sequence[Split] | None = None
    ) -> Reader:
        """A function from architecture to metrics with the arguments checked once.

        `splits` limits what it reads.
        """
        found, length, which, names = self._setting(dataset, epochs, seed, splits)
        return self._make_reader(found, length, which, names)

    def best(self, dataset: str, epochs: int, metric: str, seed: Seed = MEAN) -> tuple[float, Arch]:
        """The best tabulated value of `metric` and its architecture, the first of ties."""
        value, row = self._best(dataset, epochs, metric, seed)
        return value, self.archs()[row]

    def best_value(self, dataset: str, epochs: int, metric: str, seed: Seed = MEAN) -> float:
        """The best tabulated value of `metric`; lists no architecture, which takes time."""
        return self._best(dataset, epochs, metric, seed)[0]

    def _best(self, dataset: str, epochs: int, metric: str, seed: Seed) -> tuple[float, int]:
        wanted = self.info.metric(metric)
        found, length, which, _ = self._setting(dataset, epochs, seed, None)
        values = self._read_many(None, found, length, which, (metric,)).get(metric)
        if values is None or np.isnan(values).all():
            raise NotTabulated(
                f"{self.name} has no {metric} for {found.name} at {epochs} epochs, seed {seed}"
            )
        index = int(np.nanargmax(values) if wanted.higher_is_better else np.nanargmin(values))
        return float(values[index]), index

    def to_pandas(
        self,
        *,
        dataset: str,
        epochs: int,
        seed: Seed = MEAN,
        devices: Sequence[str] = (),
        archs: Sequence[Arch] | None = None,
    ) -> DataFrame:
        """The table as a data frame, a row per architecture, by the space's index.

        Columns are `arch` (the space's own string), every metric of the setting, and a column per
        device, in its unit; missing values are NaN. Accuracies are fractions.

        Args:
            dataset: as in `query`.
            epochs: as in `query`.
            seed: as in `query`.
            devices: names of devices, "hwnasbench/edgegpu".
            archs: as in `query_many`.

        Raises:
            NotTabulated, UnknownName, ProtocolError: as `query`, and as `DeviceTable.values`.
        """
        import pandas as pd

        columns = self.query_many(archs, dataset=dataset, epochs=epochs, seed=seed)
        listed, space = self.archs() if archs is None else archs, self.space
        index = pd.Index([space.index(arch) for arch in listed], name="index")
        measured = {
            name: self.open_devices(name).values(name, self.info.dataset(dataset).name)[index]
            for name in devices
        }
        written = [space.format(arch) for arch in listed]
        return pd.DataFrame({"arch": written, **columns, **measured}, index=index)

    def __repr__(self) -> str:
        return f"<{self.name}: {self._rows_shown()}; {'; '.join(map(' '.join, self._shown()))}>"

    def _repr_html_(self) -> str:
        """HTML for notebooks."""
        cells = "".join(
            f"<tr><td>{escape(dataset)}</td><td>{escape(lengths)}</td></tr>"
            for dataset, lengths in self._shown()
        )
        return (
            f"<b>{escape(self.name)}</b>: {self._rows_shown()}, objective {self.info.objective}, "
            f"target {self.info.target}<table><tr><th>data set</th><th>training length</th></tr>"
            f"{cells}</table>"
        )

    def _rows_shown(self) -> str:
        if self.info.trains:
            return (
                f"{self.space.count:,} architectures of {self.space.name}, trained when asked for"
            )
        return f"{len(self.archs()):,} rows of {self.space.name}"

    def _shown(self) -> list[tuple[str, str]]:
        """Each data set and its training lengths, as a reader wants them."""
        return [
            (of.name, f"at {_listed(self.epochs(of.name))} epochs") for of in self.info.datasets
        ]

    # -- images, for untrained networks ------------------------------------------------------------
    def batches(
        self, dataset: str, *, size: int, count: int = 1, seed: int = 0, data: str = ""
    ) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Batches of images (size, channels, height, width) and labels (size,).

        Args:
            dataset: whose images and classes.
            size: images in a batch.
            count: number of batches.
            seed: of the draw.
            data: "random" for normal pixels and uniform labels, or a registered set of images, of
                whose training part images are drawn without replacement and normalised per
                channel; never one that an oracle of our own trainings validates or tests on (which
                ones a published table held out is not known here). If not given, the data set's own
                where that ships, else "random".

        Raises:
            UnknownName, DataMissing: there is no such set, or it is not here.
            NasreproError: its images are not of this data set's size or classes, or too few.
        """
        found = self.info.dataset(dataset)
        rng = np.random.default_rng(seed)
        channels = getattr(self.info.space, "in_channels", 3)
        if not channels:
            raise NasreproError(
                f"networks of {self.info.space.name} do not read images, so they have no batches"
            )
        shape = (channels, found.size, found.size)
        data = data or found.images or RANDOM
        if data == RANDOM:
            return [
                (
                    rng.standard_normal((size, *shape), np.float32),
                    rng.integers(found.classes, size=size),
                )
                for _ in range(count)
            ]
        with answering():
            part = self.read_images(data).train
        seen = part.images(np.zeros(1, np.intp)).shape[1:]
        if seen != shape or part.labels.max() >= found.classes:
            raise NasreproError(
                f"images {data} are {seen}, networks for {found.name} take {shape} "
                f"in {found.classes} classes"
            )
        held_out = self.held_out(found.name, data)
        return drawn(data, part, held_out, size=size, count=count, rng=rng)

    def held_out(self, dataset: str, data: str) -> NDArray[np.intp]:
        """Indices of the training part of the images `data` that this oracle validates or tests on.

        None where the parts are the set's own, or the oracle's networks were trained elsewhere.
        """
        if self.workshops is not None:
            return self.workshops.held_out(data)
        return np.array([], dtype=np.intp)

    # -- what a faster oracle overrides ------------------------------------------------------------
    def _make_reader(
        self, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]
    ) -> Reader:
        metrics = {name: self.info.metric(name) for name in names}

        def read(arch: Arch) -> dict[str, float]:
            self.space.check(arch)
            values = self._read(arch, dataset, epochs, seed, names)
            for name, value in values.items():
                low, high = metrics[name].bounds
                if value < low or value > high:  # NaN is neither: a diverged training is an outcome
                    raise NasreproError(
                        f"{self.name}: {name} = {value} of {arch} is outside its bounds "
                        f"{low}..{high}; the oracle is wrong"
                    )
            return values

        return read

    def _read_many(
        self,
        archs: Sequence[Arch] | None,
        dataset: Dataset,
        epochs: int,
        seed: Seed,
        names: Sequence[str],
    ) -> dict[str, NDArray[np.float64]]:
        read = self._make_reader(dataset, epochs, seed, names)
        rows = [read(arch) for arch in (self.archs() if archs is None else archs)]
        return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}

    # -- checks ------------------------------------------------------------------------------------
    def _setting(
        self, dataset: str, epochs: int, seed: Seed, splits: Sequence[Split] | None
    ) -> tuple[Dataset, int, Seed, tuple[str, ...]]:
        """Data set, epochs, seed and metrics by the names that the table's columns have."""
        if _searches and (splits is None or "test" in splits):
            raise ProtocolError(
                f"{self.name} was queried without the session during a search; a method may only "
                "call session.evaluate"
            )
        found = self.info.dataset(dataset)
        lengths = self.epochs(found.name)
        if isinstance(epochs, bool) or epochs not in lengths:
            raise NotTabulated(
                f"{self.name} has no {found.name} trainings of {epochs!r} epochs; accepted: "
                f"{_listed(lengths)}"
            )
        length = lengths[lengths.index(epochs)]
        seeds = (MEAN, *self.seeds(found.name, length))
        if seed not in seeds:
            raise NotTabulated(
                f"{self.name} has no {found.name} trainings of {length} epochs with seed "
                f"{seed!r}; accepted: {_listed(seeds)}"
            )
        names = tuple(
            metric.name for metric in self.info.metrics if splits is None or metric.split in splits
        )
        return found, length, seeds[seeds.index(seed)], names


def _listed(values: Sequence[object]) -> str:
    shown = [str(value) for value in values]
    return ", ".join(shown) if len(shown) <= 12 else f"{', '.join(shown[:5])} ... {shown[-1]}"


@contextlib.contextmanager
def searching() -> Iterator[None]:
    """While this is open, oracles answer only through a session (protocol, point 1).

    In every thread of this process.
    """
    global _searches
    _searches += 1
    try:
        yield
    finally:
        _searches -= 1


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """While this is open, an oracle works on an answer, and may use what is closed to methods."""
    token = _answering.set(True)
    try:
        yield
    finally:
        _answering.reset(token)


def closed_to_methods(what: str) -> None:
    """Called by what a method must not use while it searches: trainers, sets of images.

    Raises:
        ProtocolError: a search runs, and no oracle works on an answer for it.
    """
    if _searches and not _answering.get():
        raise ProtocolError(f"{what} was used during a search; a method may only call its session")


def is_searching() -> bool:
    """Whether a search runs, so that nothing of a test part may be read."""
    return _searches > 0
