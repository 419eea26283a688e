"""Identity of source: a hash that comments, docstrings, layout and module names leave as it is."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: Name under which a module loaded from a file's text keeps that text.
SOURCE = "__nasrepro_source__"
#: Modules whose source counts as part of what imports them. The engine is not among them: `ENGINE`
#: stands for its rules.
_FOLLOWED = "nasrepro.methods."
_PROJECT = "nasrepro"


def source_sha256(function: Callable[..., Any]) -> str:
    """Hash of the source of the function's module and of the modules in `methods/` that it imports.

    Comments, docstrings, layout and the names of this project's modules are left out, so that a
    file may move without becoming another source. The same on every version of Python.
    """
    try:
        text = function.__globals__.get(SOURCE) or Path(function.__globals__["__file__"]).read_text(
            encoding="utf-8"
        )
        return hashlib.sha256("".join(_sources(text, set())).encode()).hexdigest()
    except (KeyError, OSError, SyntaxError):
        return ""


def _sources(text: str, seen: set[str]) -> Iterator[str]:
    """The canonical form of a module, then those of the modules that it follows, each once."""
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
    yield repr(_canonical(tree))
    for name in sorted({name for name in imported if name.startswith(_FOLLOWED)} - seen):
        seen.add(name)
        file = _file_of(name)
        if file is not None:
            yield from _sources(Path(file).read_text(encoding="utf-8"), seen)


def _file_of(name: str) -> str | None:
    """File of a module; None where `name` is something inside of one, or a package."""
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    return None if found is None or found.submodule_search_locations else found.origin


def _canonical(node: Any) -> Any:
    """A syntax tree as nested tuples without empty fields, which versions of Python dump differently."""
    if isinstance(node, list):
        return tuple(_canonical(item) for item in node)
    if not isinstance(node, ast.AST):
        return node
    fields = ((name, _canonical(value)) for name, value in ast.iter_fields(node))
    return (
        type(node).__name__,
        *((name, value) for name, value in fields if value not in (None, ())),
    )
