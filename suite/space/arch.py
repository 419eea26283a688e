"""An architecture as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: By the name of a space, what writes its architectures in the ecosystem's own string. An `Arch`
#: knows its space by name alone, so that it is small, hashable and JSON-able; this serves its repr.
_WRITERS: dict[str, Callable[[Arch], str]] = {}


@dataclass(frozen=True, slots=True, order=True, repr=False)
class Arch:
    """One architecture, made by a space: hashable, sortable, and convertible to JSON.

    `code` has one integer per decision.
    """

    space: str
    code: tuple[int, ...]

    def __repr__(self) -> str:
        """The space's own string, where an oracle of that space has been described.

        Else the code.
        """
        try:
            return f"Arch({self.space}: {_WRITERS[self.space](self)})"
        except Exception:  # a repr never fails: no such space here, or no architecture of it
            return f"Arch(space={self.space!r}, code={self.code!r})"


def write_with(space: str, write: Callable[[Arch], str]) -> None:
    """Let `write` say how architectures of the space of that name are shown."""
    _WRITERS[space] = write
