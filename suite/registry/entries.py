"""Entries of the registries.

What is known of a method, a scorer, a study, an oracle, a device table.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nasrepro.suite.errors import BudgetExhausted, NasreproError, UnknownName
from nasrepro.suite.registry.source import importable

if TYPE_CHECKING:
    import numpy as np

    from nasrepro.suite.oracle import (
        DeviceInfo,
        DeviceTable,
        ImageParts,
        ImageSet,
        Oracle,
        OracleInfo,
        ReferenceInfo,
        ReferenceTable,
    )
    from nasrepro.suite.search import Session
    from nasrepro.suite.space import SearchSpace

T = TypeVar("T")

F = TypeVar("F", bound=Callable[..., Any])


def _deviations(doc: str) -> tuple[str, ...]:
    """Items of the list under "Deviations" in a docstring."""
    _, found, rest = doc.partition("Deviations")
    items = [line.strip() for line in rest.splitlines()[1:]] if found else []
    joined: list[str] = []
    for line in items:
        if line.startswith(("-", "*")):
            joined.append(line[1:].strip())
        elif line and joined:
            joined[-1] += f" {line}"
        elif not line and joined:
            break
    return tuple(joined)


@dataclass(frozen=True)
class Method:
    """A registered search method.

    Attributes:
        name: of the method.
        search: `search(session, rng, **params) -> Arch | None`; None stands for the best
            architecture evaluated.
        paper: where it is from.
        defaults: its parameters and their defaults.
        source_sha256: hash of its source without comments and docstrings; part of a run's key.
        path: its file.
        source: text of its file where it came by path, so that a worker needs no file; else "".
        beside: texts of the modules in that file's folder that it imports, by their paths there.
        floating: whether it decides by floating-point training, so that another CPU or library may
            give other bits, and with them another search from the same distribution.
        workshop: whether it trains networks of its own, which makes it `floating`, and needs an
            oracle that offers a workshop.
        at_least: the least value of each parameter that has one: what its default tells (see
            `least_values`), or what the method says.
        at_most: the greatest value of a parameter that has one, as a share has.
    """

    name: str
    search: Callable[..., Any]
    paper: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    source_sha256: str = ""
    path: str = ""
    source: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)
    floating: bool = False
    workshop: bool = False
    at_least: Mapping[str, float] = field(default_factory=dict)
    at_most: Mapping[str, float] = field(default_factory=dict)

    def importable(self) -> contextlib.AbstractContextManager[None]:
        """While this is open, the modules beside its file can be imported."""
        return importable(Path(self.path), self.beside) if self.source else contextlib.nullcontext()

    @property
    def doc(self) -> str:
        """Docstring of the method's module."""
        return (
            inspect.getdoc(sys.modules[self.search.__module__]) or inspect.getdoc(self.search) or ""
        )

    @property
    def title(self) -> str:
        """The name as its paper writes it, else the code name.

        A docstring that begins with the name, whatever its capitals and separators, spells it:
        `AutoShrink` is autoshrink, `NSGA-II` nsga2. What is only inspired by a paper says so:
        `MSNAS-inspired` is msnas.
        """
        first = re.split(r" \(|[:.,]", self.doc.partition("\n")[0])[0].strip()
        name = first.removesuffix("-inspired")
        return first if _folded(name) == _folded(self.name) else self.name

    @property
    def deviations(self) -> tuple[str, ...]:
        """Items of the "Deviations" list in the module's docstring.

        Every difference from the paper.
        """
        return _deviations(self.doc)

    def params(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Defaults overridden by `given`, which is cast to the types of the defaults.

        Raises:
            UnknownName: a parameter that the method does not have.
            NasreproError: a value of another type than the default, or out of its bounds.
        """
        whose = f"method {self.name}"
        return _overridden(whose, self.search, self.defaults, given, self.at_least, self.at_most)

    def run(self, session: Session, rng: np.random.Generator, **given: Any) -> Any:
        """One search to its end, or to that of its budget, as studies make them.

        Oracles answer only through the session meanwhile; trainings that still run are waited for.

        Args:
            session: of an oracle, a data set and a budget.
            rng: source of all randomness of the search.
            given: parameters, as for `params`.

        Returns:
            What the method chose, else `session.answer()`.

        Raises:
            ProtocolError: the budget does not cover one training.
        """
        from nasrepro.suite.oracle import searching

        chosen = None
        with self.importable(), searching(), contextlib.suppress(BudgetExhausted):
            chosen = self.search(session, rng, **self.params(given))
        session.finish()
        return session.answer() if chosen is None else chosen


def _folded(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower().replace("-ii", "2"))


def _overridden(
    whose: str,
    function: Callable[..., Any],
    defaults: Mapping[str, Any],
    given: Mapping[str, Any],
    at_least: Mapping[str, float],
    at_most: Mapping[str, float],
) -> dict[str, Any]:
    for name in given:
        if name not in defaults:
            raise UnknownName(f"parameter of {whose}:", name, defaults)
    taken = inspect.signature(function).parameters if given else {}
    cast = {
        name: _cast(f"parameter {name} of {whose}", defaults[name], value, taken[name].annotation)
        for name, value in given.items()
    }
    for name, value in cast.items():
        if not isinstance(value, int | float):
            continue
        if value < (least := at_least.get(name, value)):
            raise NasreproError(
                f"parameter {name} of {whose}: {value!r} is too small; give at least {least:g}"
            )
        if value > (most := at_most.get(name, value)):
            raise NasreproError(
                f"parameter {name} of {whose}: {value!r} is too large; give at most {most:g}"
            )
    return {**defaults, **cast}


def least_values(defaults: Mapping[str, Any]) -> dict[str, float]:
    """The least values that defaults tell: 1 for a whole number of at least 1, else 0.

    Whole numbers are counts: one that is above 0 has no meaning for none, unless its method says.
    Other types and numbers below 0 tell nothing.
    """
    return {
        name: int(type(default) is int and default >= 1)
        for name, default in defaults.items()
        if type(default) in (int, float) and default >= 0
    }


def _cast(what: str, default: Any, value: Any, annotation: Any) -> Any:
    """The value as the default's type, so that 1 and 1.0 are one parameter.

    A default of None takes anything; an annotation (`float | str`) lets other types in.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not math.isfinite(value):
        raise NasreproError(f"{what}: {value} is not a finite number")
    if isinstance(value, str) and not value.isprintable():
        raise NasreproError(f"{what}: {value!r} has characters that cannot be printed")
    others = [name.partition("[")[0] for name in str(annotation).split(" | ")]
    if type(default) is float and number:
        return float(value) + 0.0  # -0.0 is 0.0
    if isinstance(default, list | tuple) and isinstance(value, list | tuple):
        kinds = {type(each) for each in default}
        if kinds in ({int}, {float}):  # other elements are the study's own to check
            return [_cast(f"{what}, an element", default[0], each, "") for each in value]
        return list(value)
    if default is None or type(value) is type(default) or type(value).__name__ in others:
        return value
    if type(default) is int and number and value == int(value):
        return int(value)
    if isinstance(default, Mapping) and isinstance(value, Mapping):
        return dict(value)
    raise NasreproError(
        f"{what}: {value!r} is of type {type(value).__name__}, "
        f"expected {type(default).__name__} like its default {default!r}"
    )


@dataclass(frozen=True)
class Scorer:
    """A registered scorer; higher scores predict better architectures.

    Attributes:
        name: of the scorer.
        score: without network, `score(space, arch, dataset) -> float`; with one, `score(network,
            batches) -> float`; of others' scores, `score(scores) -> array`, from a mapping of their
            names to arrays over the architectures that are ranked together.
        paper: where it is from, or "control".
        needs_network: whether it needs the untrained network.
        needs_data: whether what is in the batches matters; if not, only the shape of an image does.
        batches: how many batches it needs at least.
        reads: what it reads of the first pass beside gradients; see
            `nasrepro.suite.scoring.Batches`.
        combines: names of the scorers of which it combines the scores; it then ranks a table, and
            gives no score of one network by itself.
        source_sha256: hash of its source, and of those that it combines.
    """

    name: str
    score: Callable[..., Any]
    paper: str
    needs_network: bool = True
    needs_data: bool = False
    batches: int = 1
    reads: tuple[str, ...] = ()
    combines: tuple[str, ...] = ()
    source_sha256: str = ""

    @property
    def doc(self) -> str:
        """Docstring of the scorer."""
        return inspect.getdoc(self.score) or ""


@dataclass(frozen=True)
class Study:
    """A registered study: a measurement that is no search, as a table of rows.

    Attributes:
        name: "file.what"; the file in `methods/` that defines it, and what it measures.
        measure: `measure(rng, **params) -> rows`, a mapping of column to number, text or None each;
            the same columns in all of them.
        paper: what it is about.
        by: the columns that say what a row is of; the others are measured, and averaged over seeds
            in reports.
        defaults: its parameters and their defaults; one called `oracle` or `devices` names tables,
            whose hashes go into the key.
        source_sha256: hash of its source.
        at_least: as for `Method`.
    """

    name: str
    measure: Callable[..., Iterable[Mapping[str, Any]]]
    paper: str
    by: tuple[str, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    source_sha256: str = ""
    at_least: Mapping[str, float] = field(default_factory=dict)

    @property
    def doc(self) -> str:
        """Docstring of the study."""
        return inspect.getdoc(self.measure) or ""

    @property
    def deviations(self) -> tuple[str, ...]:
        """Items of the "Deviations" list in its module's docstring."""
        return _deviations(inspect.getdoc(sys.modules[self.measure.__module__]) or "")

    def params(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Defaults overridden by `given`; as for `Method.params`."""
        whose = f"study {self.name}"
        return _overridden(whose, self.measure, self.defaults, given, self.at_least, {})


@dataclass(frozen=True)
class OracleEntry:
    """A registered oracle.

    Attributes:
        name: of the oracle.
        info: its description.
        load: opens it.
        trained_by: trains its table, where this project does, and says what it did; called with
            the options of `nasrepro train-table`.
    """

    name: str
    info: OracleInfo
    load: Callable[[], Oracle]
    trained_by: Callable[..., str] | None = None


@dataclass(frozen=True)
class Trainer:
    """A registered trainer: what trains one network outside of any search.

    Attributes:
        name: of the trainer.
        datasets: data sets that it trains on.
        train: `train(space, arch, dataset, seeds, *, folder, tell, **options)` gives the values of
            metrics by (epochs, seed); `folder` is for checkpoints, `tell` is called with (epochs
            done, epochs in all), an option that is None has its default.
    """

    name: str
    datasets: tuple[str, ...]
    train: Callable[..., Mapping[tuple[int, int], Mapping[str, float]]]


@dataclass(frozen=True)
class ImageSetEntry:
    """A registered set of images.

    Attributes:
        name: official name.
        info: what is known of it without reading it.
        read: reads its parts; raises DataMissing with how to get it.
        fetch: `fetch(name) -> path` downloads it; None where that cannot be done.
    """

    name: str
    info: ImageSet
    read: Callable[[], ImageParts]
    fetch: Callable[[str], Path] | None = None


@dataclass(frozen=True)
class DeviceEntry:
    """A registered table of devices: its description, and what opens it."""

    name: str
    info: DeviceInfo
    load: Callable[[], DeviceTable]


@dataclass(frozen=True)
class ReleasedNetwork:
    """A network that a paper released, so that its size can be counted.

    Attributes:
        name: "file.network", as `networks` registers it.
        space: whose architecture it is.
        arch: official string.
        classes: outputs of the classifier.
        side: height and width of the image, pixels.
        paper: whose it is.
    """

    name: str
    space: SearchSpace
    arch: str
    classes: int
    side: int
    paper: str


@dataclass(frozen=True)
class ReferenceEntry:
    """A registered table of references: its description, and what opens it."""

    name: str
    info: ReferenceInfo
    load: Callable[[], ReferenceTable]
