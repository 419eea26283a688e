"""Finding methods, studies, scorers, oracles, trainers, images, devices, references.

Decorators in `methods/`, `methods/scorers/`, `oracles/` register them.

The file has the name of what it registers, so that a look-up imports that one file. Others come in
by file path or by the entry-point groups `nasrepro.methods`, `.studies`, `.scorers`, `.oracles`,
`.trainers`, `.image_sets`, `.devices`, `.networks` and `.references`.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Generic

from nasrepro.suite.data import stable_hash
from nasrepro.suite.errors import NasreproError, UnknownName, one_line
from nasrepro.suite.registry.entries import (
    DeviceEntry,
    ImageSetEntry,
    Method,
    OracleEntry,
    ReferenceEntry,
    ReleasedNetwork,
    Scorer,
    Study,
    T,
    Trainer,
)
from nasrepro.suite.registry.source import BESIDE, SOURCE, importable, modules_beside


class Registry(Generic[T]):
    """Names to entries of one kind, filled by importing files on demand."""

    def __init__(self, kind: str, package: str, group: str) -> None:
        self.kind, self.package, self.group = kind, package, group
        self._found: dict[str, T] = {}
        self._made: dict[str, dict[str, T]] = {}  # by module loaded from a file
        self._opened: dict[str, T] = {}  # by path and text
        self._searched: list[str] = []  # the path of modules when all was imported
        self._named: set[str] = set()  # by their files, which are not imported yet
        #: How often something was registered: what was not known before may be known after.
        self.changes = 0

    def add(self, name: str, entry: T, module: str) -> None:
        """Register what `module` defines.

        A second registration of a name replaces the first (a file loaded again).
        """
        self._made.get(module, self._found)[name] = entry
        self.changes += 1

    def get(self, name: str) -> T:
        """The entry called `name`; raises UnknownName with the nearest one."""
        if name not in self._found and (spec := self._spec(name)) is not None:
            importlib.import_module(spec.name)
        if name not in self._found:
            names = self.names()
            if name not in names:
                raise UnknownName(self.kind, name, names)
        return self._found[name]

    def has(self, name: str) -> bool:
        """Whether `get` finds that name; imports nothing where its own file registers it."""
        if name in self._found or self._decorated(name):
            return True
        try:
            self.get(name)
        except UnknownName:
            return False
        return True

    def _decorated(self, name: str) -> bool:
        """Whether the file of that name has a decorator of this kind with it."""
        spec = None if name in self._named else self._spec(name)
        if spec is not None and spec.origin is not None:
            text = Path(spec.origin).read_text(encoding="utf-8")
            if re.search(rf'^@(?:\w+\.)?{self.kind}\(\s*"{re.escape(name)}"', text, re.MULTILINE):
                self._named.add(name)
        return name in self._named

    def ships(self, name: str) -> bool:
        """Whether a file of the package is to register that name, and nothing has yet."""
        return name not in self._found and self._decorated(name)

    def known(self) -> list[str]:
        """The names that its package's files have for what they register, and what came in besides.

        Imports nothing.
        """
        files = pkgutil.iter_modules(importlib.import_module(self.package).__path__)
        named = {file.name for file in files if not file.ispkg and not file.name.startswith("_")}
        return sorted({name for name in named if self._decorated(name)} | self._found.keys())

    def _spec(self, name: str) -> ModuleSpec | None:
        """The file of the package that should register `name`, if there is one."""
        file = str(name).partition(".")[0]  # a file may hold several studies, called file.what
        if not file.isidentifier() or file.startswith("_"):
            return None
        return importlib.util.find_spec(f"{self.package}.{file}")

    def names(self) -> list[str]:
        """All names, sorted; imports the package's files and the entry points of the group."""
        if self._searched != sys.path:
            for module in pkgutil.iter_modules(importlib.import_module(self.package).__path__):
                if not module.ispkg and not module.name.startswith("_"):
                    importlib.import_module(f"{self.package}.{module.name}")
            for point in entry_points(group=self.group):
                point.load()
            self._searched = list(sys.path)
        return sorted(self._found)

    def all(self) -> Iterable[T]:
        """All entries, by name."""
        return [self._found[name] for name in self.names()]

    def from_file(
        self, path: Path, source: str | None = None, beside: Mapping[str, str] | None = None
    ) -> T:
        """The one entry that the Python file at `path` registers.

        Args:
            path: the file. The modules of its folder can be imported.
            source: stands for the file's text where it is not here.
            beside: stands for the modules of its folder that it imports, by their paths there.

        Raises:
            NasreproError: the file is absent, fails to import, or registers none or several.
        """
        try:
            text = path.read_text(encoding="utf-8") if source is None else source
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
            raise NasreproError(
                f"cannot read {self.kind} file {path} ({why}); "
                f"give the path of a Python file with one @{self.kind}"
            ) from error
        if beside is None:
            beside = modules_beside(path, text)
        key = stable_hash([str(path), text, dict(beside)])
        if key in self._opened:
            return self._opened[key]
        module = ModuleType(f"nasrepro_{self.kind}_{key[:12]}")
        module.__file__ = str(path)
        module.__dict__[SOURCE], module.__dict__[BESIDE] = text, beside
        sys.modules[module.__name__] = module
        made = self._made[module.__name__] = {}
        try:
            with importable(path, beside):
                exec(compile(text, str(path), "exec"), module.__dict__)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a file raises
            raise NasreproError(
                f"{self.kind} file {path} failed to import: {one_line(error, path)}"
            ) from error
        if len(made) != 1:
            raise NasreproError(
                f"{self.kind} file {path} registers {len(made)} {self.kind}s "
                f"({', '.join(made) or 'none'}), expected one @{self.kind}"
            )
        (entry,) = made.values()
        self._opened[key] = entry
        return entry


methods: Registry[Method] = Registry("method", "nasrepro.methods", "nasrepro.methods")

scorers: Registry[Scorer] = Registry("scorer", "nasrepro.methods.scorers", "nasrepro.scorers")

studies: Registry[Study] = Registry("study", "nasrepro.methods", "nasrepro.studies")

oracles: Registry[OracleEntry] = Registry("oracle", "nasrepro.oracles", "nasrepro.oracles")

trainers: Registry[Trainer] = Registry("trainer", "nasrepro.oracles.training", "nasrepro.trainers")

image_sets: Registry[ImageSetEntry] = Registry(
    "set of images", "nasrepro.oracles.images", "nasrepro.image_sets"
)

devices: Registry[DeviceEntry] = Registry(
    "device_table", "nasrepro.oracles.devices", "nasrepro.devices"
)

networks: Registry[ReleasedNetwork] = Registry(
    "released network", "nasrepro.oracles.released", "nasrepro.networks"
)

references: Registry[ReferenceEntry] = Registry(
    "reference_table", "nasrepro.oracles.references", "nasrepro.references"
)
