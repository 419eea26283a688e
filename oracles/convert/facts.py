"""What converters assert of the originals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import DataCorrupt


def fact(table: str, statement: str, found: object, expected: object) -> None:
    """Raise DataCorrupt unless `found` equals `expected`.

    Floats need to be equal to the digits of a printed figure: 1e-4, relative.
    """
    if isinstance(expected, float) and isinstance(found, (int, float)):
        same = abs(found - expected) <= 1e-4 * abs(expected)
    else:
        same = found == expected
    if not same:
        raise DataCorrupt(
            f"{table}: {statement} is {found!r} in the originals, expected {expected!r}; the "
            "converter and the files do not fit"
        )


def whole_numbers(table: str, name: str, values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Counts, rounded to whole numbers; DataCorrupt where one is not finite or beyond 64 bits."""
    good = np.abs(values) < 2.0**63
    if not good.all():
        raise DataCorrupt(
            f"{table}: {name} has {float(values[~good][0])} in the originals, which is no count; "
            "the file is damaged: remove it, and fetch it again"
        )
    return np.round(values).astype(np.int64)


def tau(first: NDArray[np.floating], second: NDArray[np.floating], digits: int = 2) -> float:
    """Kendall's tau-b of two columns, shape (n,) each, rounded as sources print it."""
    from scipy.stats import kendalltau

    return round(float(kendalltau(first, second).statistic), digits)
