"""Scoring whole spaces with untrained networks: what scorers share, the setting, and the tables that scores are kept in.

A cell is scored as its canonical form: functionally equal cells get one score, and dead parts have none.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from suite.data import cache_dir
from suite.errors import DataCorrupt, NasreproError
from suite.files import alone, replacing
from suite.oracle import RANDOM
from suite.record import stable_hash
from suite.space import Arch, SearchSpace

if TYPE_CHECKING:
    from suite.oracle import Dataset, Oracle
    from suite.registry import Scorer

T = TypeVar("T")

#: Raised whenever networks, data or passes change what a scorer gives, so that old scores are not taken for new ones.
VERSION = 1

Images = NDArray[np.float32]
Labels = NDArray[np.int64]
#: Called with (cells done, cells in all, what is at hand).
Progress = Callable[[int, int, str], None]
#: Seconds between two writes of a table: what a killed scoring may lose.
_SAVE_S = 60.0
#: Cells that are scored again before scores by another source of a scorer are taken for its own, and how equal they must be.
_CHECKED, _EQUAL = 5, 1e-3


# -- what scorers share ------------------------------------------------------------------------------------
class Batches(Sequence[Any]):
    """Batches (images, labels) that several scorers read of the same network: what one has computed, the next is given.

    Args:
        batches: of tensors (batch, channels, H, W) and (batch,).
        reads: what all of those scorers read of the first pass, so that one pass gathers it (`@scorer(..., reads=...)`).

    Attributes:
        reads: as given.
        spent_s: CPU seconds spent on what is shared.
        used_s: CPU seconds of what was asked for, each time: what the scorers would have spent one by one.
    """

    def __init__(self, batches: Iterable[tuple[Any, Any]], reads: Iterable[str] = ()) -> None:
        self._batches = list(batches)
        self.reads = frozenset(reads)
        self.spent_s = self.used_s = 0.0
        self._known: WeakKeyDictionary[Any, dict[Any, tuple[Any, float]]] = WeakKeyDictionary()

    @overload
    def __getitem__(self, index: int) -> tuple[Any, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[Any, Any]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self._batches[index]

    def __len__(self) -> int:
        return len(self._batches)

    def __reduce__(self) -> tuple[type[Batches], tuple[list[tuple[Any, Any]], frozenset[str]]]:
        return Batches, (self._batches, self.reads)  # what is known stays with the networks it is of

    def once(self, compute: Callable[..., T], network: Any, *args: Any) -> T:
        """`compute(network, self, *args)`, computed at most once for each network."""
        known = self._known.setdefault(network, {})
        if (compute, args) not in known:
            started = time.process_time()
            value = compute(network, self, *args)
            known[compute, args] = value, time.process_time() - started
            self.spent_s += known[compute, args][1]
        value, cost_s = known[compute, args]
        self.used_s += cost_s
        return value


def shared(compute: Callable[..., T], network: Any, batches: Sequence[Any], *args: Any) -> T:
    """`compute(network, batches, *args)`; at most once for each network where `batches` are `Batches`."""
    return batches.once(compute, network, *args) if isinstance(batches, Batches) else compute(network, batches, *args)


# -- the setting -------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Setting:
    """How networks are scored; the defaults are ZiCo's (arXiv:2301.11300, Sec. 4.5).

    Attributes:
        batch: images in a batch.
        batches: number of batches, the same ones for all networks.
        data: "random" (images and labels drawn at random), or a set of images such as "cifar10" or "cifar10_jpeg"; "" for the data set's
            own where it ships with the package, else "random".
        seed: of the data, of the initial weights, and of what a scorer draws.
        network: parameters of the space's network that differ from the benchmark's own ({"channels": 8, "cells": 1}).
        dataset: for whose images and classes networks are built; "" for the oracle's first: one score of a network then stands for all
            data sets, which is our choice (they differ in the classifier, and in ImageNet16-120's smaller images).
    """

    batch: int = 128
    batches: int = 2
    data: str = ""
    seed: int = 0
    network: Mapping[str, int] = field(default_factory=dict)
    dataset: str = ""

    def __post_init__(self) -> None:
        """Refuse an empty batch."""
        for name, value, least in (("batch", self.batch, 1), ("batches", self.batches, 1), ("seed", self.seed, 0)):
            if value < least:
                raise NasreproError(f"setting of scores: {name} = {value} must be at least {least}")

    @property
    def changed(self) -> dict[str, Any]:
        """What differs from the defaults."""
        return {name: value for name, value in asdict(self).items() if value != getattr(_DEFAULT, name)}


_DEFAULT = Setting()


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that determines a score but the architecture and the scorer."""

    space: str
    network: Mapping[str, Any]
    classes: int
    size: int
    data: str
    batch: int
    batches: int
    seed: int
    version: int = VERSION

    @property
    def id(self) -> str:
        """Hash of all of it."""
        return stable_hash(asdict(self))

    def __str__(self) -> str:
        network = ", ".join(f"{name} {value}" for name, value in self.network.items())
        return (
            f"{self.batches} x {self.batch} {self.data} images of {self.size} pixels, {self.classes} classes, {network}, seed {self.seed}"
        )


def inputs_of(space: SearchSpace, dataset: Dataset, setting: Setting) -> Inputs:
    """The setting for networks of a space and a data set, with every default filled in."""
    space, data = space_of(space, setting), setting.data or dataset.images or RANDOM
    return Inputs(space.name, _parameters(space), dataset.classes, dataset.size, data, setting.batch, setting.batches, setting.seed)


def dataset_of(oracle: Oracle, setting: Setting) -> Dataset:
    """The data set for which networks are built."""
    return oracle.info.dataset(setting.dataset) if setting.dataset else oracle.info.datasets[0]


def space_of(space: SearchSpace, setting: Setting) -> SearchSpace:
    """The whole space, with the network of the setting."""
    space = getattr(space, "whole", space)
    if not setting.network:
        return space
    known = _parameters(space)
    for name in setting.network:
        if name not in known:
            raise NasreproError(f"networks of space {space.name} have no parameter {name!r}; they have: {', '.join(known) or 'none'}")
    return type(space)(**{**known, **setting.network})


def _parameters(space: SearchSpace) -> dict[str, Any]:
    """What a space's constructor was given."""
    return {name: getattr(space, name) for name in inspect.signature(type(space)).parameters if hasattr(space, name)}


# -- tables of scores --------------------------------------------------------------------------------------
@dataclass(slots=True)
class ScoreTable:
    """Scores of one setting.

    Attributes:
        inputs: what they are of.
        rows: by scorer, then by the space's index of the canonical architecture: the score and the CPU seconds it took.
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
        """What the package ships, and what the user's cache has beside it; an empty table where neither has any."""
        table = cls(inputs)
        shipped = resources.files("oracles.data").joinpath("scores", table._name)
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
            columns = [read.column(name).to_pylist() for name in ("scorer", "index", "score", "cpu_s")]
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise DataCorrupt(f"{path} is no table of scores ({error}); delete it, and what it held is scored anew") from error
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
        with alone(self.path.with_suffix(".lock")):  # between reading and writing no other process saves
            if self.path.exists():
                there = ScoreTable(self.inputs)
                there._read(self.path)
                for scorer, found in there.rows.items():
                    if self.sources.setdefault(scorer, there.sources[scorer]) == there.sources[scorer]:
                        self.rows[scorer] = {**found, **self.rows.get(scorer, {})}
            return self._write(self.path)

    def _write(self, path: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = [(scorer, index, *found) for scorer in sorted(self.rows) for index, found in sorted(self.rows[scorer].items())]
        names, index, score, cpu_s = zip(*rows, strict=True) if rows else ((), (), (), ())
        columns = [
            pa.array(names, pa.string()).dictionary_encode(),
            pa.array(index, pa.int64()),
            pa.array(score, pa.float64()),
            pa.array(cpu_s, pa.float64()),
        ]
        about = {"inputs": asdict(self.inputs), "sources": self.sources, "made": self.made}
        table = pa.table(columns, ["scorer", "index", "score", "cpu_s"]).replace_schema_metadata({"nasrepro": json.dumps(about)})
        with replacing(path) as temporary:
            pq.write_table(table, temporary, compression="zstd", compression_level=9)
        return path


# -- scoring -----------------------------------------------------------------------------------------------
@contextlib.contextmanager
def seeded(seed: int, threads: int = 1) -> Iterator[Any]:
    """Torch, its generator seeded and its threads counted; both are as before afterwards."""
    torch = importlib.import_module("torch")  # networks are the only thing here that needs it
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield torch
    finally:
        torch.set_num_threads(before)


def batches_of(draw: Callable[..., list[tuple[Images, Labels]]], inputs: Inputs, scorers: Iterable[Scorer] = ()) -> Batches:
    """The batches of a setting as tensors, for these scorers; `draw` is `Oracle.batches` of a data set, or `Session.batch`."""
    torch = importlib.import_module("torch")
    drawn = draw(size=inputs.batch, count=inputs.batches, seed=inputs.seed, data=inputs.data)
    reads = {each for scorer in scorers for each in scorer.reads}
    return Batches([(torch.from_numpy(images), torch.from_numpy(labels)) for images, labels in drawn], reads)


def score_one(
    space: SearchSpace, arch: Arch, classes: int, scorers: Sequence[Scorer], batches: Batches, seed: int
) -> list[tuple[float, float]]:
    """Build the network and score it; per scorer the score, and the CPU seconds that it alone would have taken, building included."""
    started = time.process_time()
    with seeded(seed):
        network = space.build(arch, classes=classes)
    built_s = time.process_time() - started
    found = []
    for scorer in scorers:
        spent_s, used_s, started = batches.spent_s, batches.used_s, time.process_time()
        with seeded(seed):
            score = float(scorer.score(network, batches))
        own_s = time.process_time() - started - (batches.spent_s - spent_s)
        found.append((score, round(built_s + own_s + batches.used_s - used_s, 5)))
    return found


def score(
    oracle: Oracle,
    scorers: Sequence[Scorer],
    archs: Sequence[Arch],
    setting: Setting,
    *,
    workers: int = 1,
    limit_s: float = float("inf"),
    progress: Progress = lambda done, total, label: None,
) -> ScoreTable:
    """Score what is not scored yet, each functionally distinct architecture once; what is done survives a kill.

    Args:
        oracle: whose networks.
        scorers: those that need networks.
        archs: in the order in which to score them.
        setting: how.
        workers: processes, of one thread each.
        limit_s: seconds after which no further network is begun.
        progress: called after each network.

    Raises:
        NasreproError: a scorer needs more batches than the setting has.
    """
    dataset = dataset_of(oracle, setting)
    inputs, space = inputs_of(oracle.space, dataset, setting), space_of(oracle.space, setting)
    for scorer in scorers:
        if scorer.batches > inputs.batches:
            raise NasreproError(f"scorer {scorer.name} needs {scorer.batches} batches, the setting has {inputs.batches}")
    table = ScoreTable.load(inputs)
    table.made = dict(_versions())
    distinct = list(dict.fromkeys(space.canonical(arch) for arch in archs))
    run = _Task(oracle, dataset.name, inputs, space)
    adopted = _adopt(table, scorers, run)
    todo: list[tuple[Arch, list[Scorer]]] = []
    for arch in distinct:
        index = space.index(arch)
        missing = [scorer for scorer in scorers if index not in table.rows.get(scorer.name, {})]
        if missing:
            todo.append((arch, missing))
    started = saved = time.monotonic()
    progress(len(distinct) - len(todo), len(distinct), "")
    try:
        for done, (arch, wanted, found) in enumerate(run.all(todo, workers, started + limit_s), start=len(distinct) - len(todo) + 1):
            for scorer, row in zip(wanted, found, strict=True):
                table.rows.setdefault(scorer.name, {})[space.index(arch)] = row
            progress(done, len(distinct), "")
            if time.monotonic() - saved > _SAVE_S:
                table.save()
                saved = time.monotonic()
    finally:
        if todo or adopted:
            table.save()
    return table


@dataclass(frozen=True, slots=True)
class _Task:
    """What every network of one call is scored with."""

    oracle: Oracle
    dataset: str
    inputs: Inputs
    space: SearchSpace

    def all(
        self, todo: Sequence[tuple[Arch, list[Scorer]]], workers: int, until: float
    ) -> Iterator[tuple[Arch, list[Scorer], list[tuple[float, float]]]]:
        """Score each, in order, or as they come from several workers."""
        scorers = {id(each): each for _, wanted in todo for each in wanted}.values()
        batches = batches_of(partial(self.oracle.batches, self.dataset), self.inputs, scorers)
        if workers == 1:
            for arch, wanted in todo:
                if time.monotonic() > until:
                    return
                yield arch, wanted, score_one(self.space, arch, self.inputs.classes, wanted, batches, self.inputs.seed)
            return
        import joblib

        jobs = (
            joblib.delayed(_far)(self.space, arch, self.inputs, [scorer.name for scorer in wanted], batches)
            for arch, wanted in todo
            if time.monotonic() < until
        )
        # joblib asks for the next job when a worker is free, so that the limit holds
        found = joblib.Parallel(n_jobs=workers, return_as="generator_unordered", pre_dispatch=workers)(jobs)
        by_arch = dict(todo)
        for arch, rows in found:
            yield arch, by_arch[arch], rows


def _far(space: SearchSpace, arch: Arch, inputs: Inputs, names: Sequence[str], batches: Batches) -> tuple[Arch, list[tuple[float, float]]]:
    from suite.registry import scorers

    return arch, score_one(space, arch, inputs.classes, [scorers.get(name) for name in names], batches, inputs.seed)


def _adopt(table: ScoreTable, scorers: Sequence[Scorer], run: _Task) -> bool:
    """Keep the rows of a scorer whose source has changed where its present source gives the same on a few of them; else drop them.

    Returns whether there was a change.
    """
    before = dict(table.sources)
    for scorer in scorers:
        rows = table.rows.get(scorer.name, {})
        if rows and table.sources.get(scorer.name) != scorer.source_sha256:
            some = list(rows)[:: max(1, len(rows) // _CHECKED)][:_CHECKED]
            again = run.all([(run.space.at(index), [scorer]) for index in some], 1, float("inf"))
            same = all(
                np.isclose(found[0][0], rows[index][0], rtol=_EQUAL, atol=0, equal_nan=True)
                for index, (_, _, found) in zip(some, again, strict=True)
            )
            if not same:
                del table.rows[scorer.name]
        table.sources[scorer.name] = scorer.source_sha256
    return bool(before) and before != table.sources


@cache
def _versions() -> Mapping[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in ("nasrepro", "numpy", "torch"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


@dataclass(slots=True)
class Judge:
    """Scores of networks one by one, for a search: what is stored is read, the rest is computed.

    Attributes:
        space: whose networks.
        scorer: the scorer.
        inputs: what they are scored with.
        draw: gives batches, as for `batches_of`.
        stored: the scores that are stored with these inputs and the scorer's present source, by the index of the canonical architecture.
        took_s: CPU seconds of all scores asked for, each architecture once; of a stored score, what it took when it was made.
    """

    space: SearchSpace
    scorer: Scorer
    inputs: Inputs
    draw: Callable[..., list[tuple[Images, Labels]]]
    stored: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    took_s: float = 0.0
    _known: dict[Arch, float] = field(default_factory=dict)
    _batches: Batches | None = None

    @classmethod
    def of(cls, space: SearchSpace, dataset: Dataset, draw: Callable[..., Any], scorer: Scorer, setting: Setting) -> Judge:
        """For a space and data set as a session has them."""
        inputs = inputs_of(space, dataset, setting)
        table = ScoreTable.load(inputs)
        fresh = table.sources.get(scorer.name) == scorer.source_sha256
        return cls(space_of(space, setting), scorer, inputs, draw, table.rows.get(scorer.name, {}) if fresh else {})

    def has(self, arch: Arch) -> bool:
        """Whether its score is stored."""
        return self.space.index(self.space.canonical(arch)) in self.stored

    def score(self, arch: Arch) -> float:
        """The score; -inf where it is not finite."""
        arch = self.space.canonical(arch)
        if arch not in self._known:
            row = self.stored.get(self.space.index(arch))
            if row is None:
                if self._batches is None:
                    self._batches = batches_of(self.draw, self.inputs, [self.scorer])
                (row,) = score_one(self.space, arch, self.inputs.classes, [self.scorer], self._batches, self.inputs.seed)
            value, cpu_s = row
            self.took_s += cpu_s
            self._known[arch] = value if np.isfinite(value) else -np.inf
        return self._known[arch]


# -- what was scored, against a table ----------------------------------------------------------------------
def sample(oracle: Oracle, size: int | None = None) -> NDArray[np.intp]:
    """Rows of an oracle's table in the order in which they are scored: a fixed random one, so that any first part is a random sample."""
    return np.random.default_rng(0).permutation(len(oracle.archs()))[:size]


def scored(
    oracle: Oracle, table: ScoreTable, scorer: str, size: int | None = None
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """The longest first part of `sample` (of that size) that is scored.

    Returns:
        Rows of the oracle's table, ascending, their scores, and the CPU seconds of the first of equal architectures (0 of the others);
        shape (n,) each.
    """
    space: SearchSpace = getattr(oracle.space, "whole", oracle.space)
    known, archs = table.rows.get(scorer, {}), oracle.archs()
    rows, found, seen = [], [], set()
    for row in sample(oracle, size).tolist():
        index = space.index(space.canonical(archs[row]))
        if index not in known:
            break
        rows.append(row)
        found.append((known[index][0], 0.0 if index in seen else known[index][1]))
        seen.add(index)
    order = np.argsort(rows)
    values = np.array(found, dtype=np.float64).reshape(-1, 2)[order]
    return np.array(rows, dtype=np.intp)[order], values[:, 0], values[:, 1]
