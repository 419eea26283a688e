"""What every kind of experiment is made of: a part of a plan, cells, keys, records.

A kind is one file of `kinds`, which registers itself here; the runner, plans and cells know no kind
by name.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Protocol, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from nasrepro.suite.errors import DataCorrupt
from nasrepro.suite.experiments.columns import Row
from nasrepro.suite.registry import Method

Positive = Annotated[int, Field(gt=0)]
#: In a record, where 2.0 is not 2.
Whole = Annotated[int, Field(strict=True)]
#: What a store, a table of reports and numpy can hold.
Seed64 = Annotated[int, Field(ge=0, lt=2**63)]


def _count(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return tuple(range(value))
    return tuple(value) if isinstance(value, list) else value


#: Seeds 0..n-1 by their number, or a list of them.
Seeds = Annotated[tuple[Seed64, ...], Field(min_length=1), BeforeValidator(_count)]


#: A time limit.
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
#: Seconds that one experiment may take: what hangs is ended, what is slow is not.
TIMEOUT_S = 6 * 3600.0


class Part(BaseModel):
    """What a plan asks for in one section; a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @property
    def subject(self) -> str:
        """What it is about, for messages."""
        raise NotImplementedError


class Use(BaseModel):
    """Something registered, by its name, and the parameters that differ from its defaults."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def params(self) -> dict[str, Any]:
        """The parameters given."""
        return dict(self.model_extra or {})


class Key(Protocol):
    """Everything that determines a result."""

    @property
    def run_id(self) -> str:
        """Hash of the key and of the engine's version."""

    @property
    def subject(self) -> str:
        """The method, scorer or study."""

    def cell(self) -> Cell:
        """The cell that gives this key's result, with what is installed."""


class Record(Protocol):
    """A result: a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def key(self) -> Any:
        """What determined it."""

    @property
    def status(self) -> str:
        """`failed`, or how it ended."""

    @property
    def error(self) -> str:
        """Traceback of a failure, its last line the short message."""

    def to_json(self) -> str:
        """One JSON object."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`."""


def fields_of(record: type[Record], text: str) -> dict[str, Any]:
    """The fields of a record as its JSON has them; ValueError where one is of another type."""
    raw: dict[str, Any] = json.loads(text)
    _types(record).validate_python(raw)
    return raw


@contextmanager
def readable(what: str) -> Iterator[None]:
    """While what is kept beside a record is read: DataCorrupt where it cannot be."""
    try:
        yield
    except (zlib.error, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataCorrupt(
            f"a {what} in the store cannot be read ({type(error).__name__}: {error}); "
            "run its experiment again in a new store"
        ) from error


@cache
def _types(record: type[Record]) -> TypeAdapter[Any]:
    return TypeAdapter(record)


class Cell(Protocol):
    """One experiment, as a value that travels to a worker."""

    @property
    def key(self) -> Any:
        """What determines its result."""

    @property
    def label(self) -> str:
        """For progress lines and messages."""

    @property
    def timeout_s(self) -> float:
        """Seconds after which it is ended as failed."""

    @property
    def file(self) -> str:
        """File of what it executes, to be named in errors; "" where unknown."""

    @property
    def sealed(self) -> bool:
        """Whether it is performed in a process that never holds what is `withheld`."""

    @property
    def withheld(self) -> frozenset[str]:
        """Metrics that the process in which it is performed may not hold."""

    @property
    def concludes_apart(self) -> bool:
        """Whether `conclude` is work for another process."""

    def perform(self) -> tuple[str, bytes]:
        """Execute it: JSON, and what is kept beside the record.

        Raises:
            Foreign: this process has another engine, source or table than the cell asks for.
        """

    def conclude(self, text: str, packed: bytes) -> tuple[Record, bytes]:
        """The record of what `perform` gave, and what is kept beside it; on the runner's side."""

    def failed(self, error: str, environment: Mapping[str, str]) -> Record:
        """A failed record with that traceback."""


class OpenCell:
    """What holds of cells that execute only what is installed, in a process that may read all."""

    __slots__ = ()
    file: ClassVar[str] = ""
    sealed: ClassVar[bool] = False
    withheld: ClassVar[frozenset[str]] = frozenset()
    concludes_apart: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of experiment.

    Attributes:
        name: in the store.
        section: in a plan: [[experiment]].
        part: of a plan.
        record: class of its records.
        cells: the cells that a part of a plan asks for, with methods to run beside those it names;
            raises what a wrong name deserves, and DataMissing.
        tables: name and hash of every table behind a key, given as JSON has it.
        unknown: what a key names and is not registered here ("unknown oracle x"), or "".
        measured: fields of a record that differ each time: CPU seconds.
        answer: fields of a record that say what came out.
        frame: name of its table in `results`.
        rows: the rows of that table that a record gives; flat.
        split: an id and a record as what its family shares, in JSON, and its row; None where
            records are few.
        family: of what `split` says that is shared: key, places and environment.
    """

    name: str
    section: str
    part: type[BaseModel]
    record: type[Any]
    cells: Callable[[Any, Sequence[Method]], Iterator[Cell]]
    tables: Callable[[Mapping[str, Any]], Mapping[str, str]]
    unknown: Callable[[Any], str] = lambda key: ""
    measured: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    frame: str = ""
    rows: Callable[[Any], Iterator[dict[str, Any]]] = lambda record: iter(())
    split: Callable[[str, Any], tuple[str, Row]] | None = None
    family: Callable[[str], tuple[Any, tuple[tuple[str, str], ...], Mapping[str, str]]] | None = (
        None
    )


#: By name.
KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known."""
    KINDS[kind.name] = kind


def kind_of(record: Record) -> Kind:
    """The kind that a record is of."""
    return next(kind for kind in KINDS.values() if kind.record is type(record))
