"""All architectures of a space in the order of a number, for walks down it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

from nasrepro.suite.space import Arch, SearchSpace

#: A space of at most so many architectures is listed whole.
LISTED = 200_000


@lru_cache(maxsize=8)
def descending(
    space: SearchSpace, value: Callable[..., float], *given: object
) -> tuple[list[Arch], float]:
    """All architectures, largest `value(space, arch, *given)` first, equal ones in canonical order.

    Returns:
        The architectures, and the CPU seconds that it took: a search books them also where an
        earlier one in the same process has listed the space.
    """
    started = time.process_time()
    ranked = sorted(space, key=lambda arch: (-value(space, arch, *given), arch))
    return ranked, time.process_time() - started
