"""Options of a method that are words."""

from __future__ import annotations

from collections.abc import Sequence

from nasrepro.suite.errors import NasreproError


def refuse_unknown(method: str, **options: tuple[str, Sequence[str]]) -> None:
    """Refuse a word that an option does not take.

    Args:
        method: its name.
        options: each option's word, and the words that it takes.

    Raises:
        NasreproError: a word is none of them.
    """
    for name, (given, accepted) in options.items():
        if given not in accepted:
            raise NasreproError(
                f"{method}: unknown {name} {given!r}; accepted: {', '.join(accepted)}"
            )
