"""An architecture as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Arch:
    """One architecture: hashable, sortable, JSON-able. Made by a space.

    `code` has one integer per decision.
    """

    space: str
    code: tuple[int, ...]
