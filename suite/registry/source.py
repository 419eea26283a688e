"""Identity of source: a hash that comments, docstrings, layout and module names leave as it is.

It covers a file, what that imports of `nasrepro.methods`, and, where the file came by its path, the
modules of its own folder, which can be imported while it runs.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import hashlib
import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from nasrepro.suite.data import stable_hash, write_text

#: Names under which a module loaded from a file's text keeps that text, and the modules beside it.
SOURCE, BESIDE = "__nasrepro_source__", "__nasrepro_beside__"
#: Modules whose source counts as part of what imports them. The engine is not among them: `ENGINE`
#: stands for its rules.
_FOLLOWED = "nasrepro.methods."
_PROJECT = "nasrepro"


def source_sha256(function: Callable[..., Any]) -> str:
    """Hash of the source of the function's module and of the modules of ours that it imports.

    Comments, docstrings, layout and the names of this project's modules are left out, so that a
    file may move without becoming another source. The same on every version of Python.
    """
    space = function.__globals__
    try:
        text = space.get(SOURCE) or Path(space["__file__"]).read_text(encoding="utf-8")
        sources = [*_sources(text, set())]
        sources += [_normal(beside)[0] for _, beside in sorted(space.get(BESIDE, {}).items())]
        return hashlib.sha256("".join(sources).encode()).hexdigest()
    except (KeyError, OSError, SyntaxError):
        return ""


def modules_beside(path: Path, text: str) -> dict[str, str]:
    """Texts of the modules in a file's own folder that it imports, directly or not.

    By their paths in that folder. What the text imports of elsewhere is left out; a text that is no
    Python has none.
    """
    beside: dict[str, str] = {}
    try:
        _collect(path.parent, Path(), text, beside)
    except SyntaxError:  # importing it says so
        return {}
    return beside


def _collect(folder: Path, package: Path, text: str, beside: dict[str, str]) -> None:
    for name, level in imported(ast.parse(text)):
        if not level and name.partition(".")[0] == _PROJECT:  # never the user's
            continue
        base = Path(*package.parts[: len(package.parts) + 1 - level]) if level else Path()
        parts = [part for part in name.split(".") if part]
        for end in range(len(parts) + 1):
            place = base.joinpath(*parts[:end])
            for file in (place.with_suffix(".py") if end else None, place / "__init__.py"):
                if file is None or str(file) in beside or file == Path("__init__.py"):
                    continue
                if (folder / file).is_file():
                    beside[str(file)] = (folder / file).read_text(encoding="utf-8")
                    _collect(folder, file.parent, beside[str(file)], beside)


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Names that a module imports, with the dots before them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = node.module or ""
            yield from ((f"{name}.{alias.name}", node.level) for alias in node.names)


def _sources(text: str, seen: set[str]) -> Iterator[str]:
    """The canonical form of a module, then those of the modules that it follows, each once."""
    normal, names = _normal(text)
    yield normal
    for name in sorted({name for name in names if name.startswith(_FOLLOWED)} - seen):
        seen.add(name)
        file = _file_of(name)
        if file is not None:
            yield from _sources(file.read_text(encoding="utf-8"), seen)


@lru_cache(maxsize=64)  # what many import is parsed once
def _normal(text: str) -> tuple[str, tuple[str, ...]]:
    """The canonical form of a module, and the absolute names that it imports."""
    tree = ast.parse(text)
    imported: list[str] = []
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            del body[0]
        if isinstance(node, ast.ImportFrom) and node.module:
            imported += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if node.module.partition(".")[0] == _PROJECT:
                node.module = _PROJECT
        elif isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
    return repr(_canonical(tree)), tuple(imported)


def _file_of(name: str) -> Path | None:
    """File of a module of `nasrepro.methods`; None where `name` is inside of one, or a package.

    By its place, for to ask the import system would import the packages and modules around it.
    """
    (folder,) = importlib.import_module(_FOLLOWED.rstrip(".")).__path__
    file = Path(folder, *name.removeprefix(_FOLLOWED).split(".")).with_suffix(".py")
    return file if file.is_file() else None


def _canonical(node: Any) -> Any:
    """A syntax tree as nested tuples; empty fields, which differ by version, are left out."""
    if isinstance(node, list):
        return tuple([_canonical(item) for item in node])
    if not isinstance(node, ast.AST):
        return node
    parts: list[Any] = [type(node).__name__]
    for name, field in ast.iter_fields(node):
        value = _canonical(field)
        if value is not None and value != ():
            parts.append((name, value))
    return tuple(parts)


@contextlib.contextmanager
def importable(path: Path, beside: Mapping[str, str]) -> Iterator[None]:
    """While this is open, the modules beside a file can be imported; then they are forgotten.

    They are read from the file's own folder where they are there as given, else from a copy.
    """
    folder = path.resolve().parent
    if not all(_has(folder / name, text) for name, text in beside.items()):
        folder = _copied(tuple(sorted(beside.items())))
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the method has removed it
            sys.path.remove(str(folder))
        for name in beside:
            parts = Path(name).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            sys.modules.pop(module, None)


def _has(file: Path, text: str) -> bool:
    try:
        return file.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False


@cache
def _copied(beside: tuple[tuple[str, str], ...]) -> Path:
    """A folder with these modules, for the life of this process."""
    folder = Path(tempfile.mkdtemp(prefix=f"nasrepro-{stable_hash(beside)}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, text in beside:
        write_text(folder / name, text)
    return folder
