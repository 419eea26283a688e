"""Claims and verdicts as users read them: shared by the terminal and the reports."""

from __future__ import annotations

import math

from nasrepro.suite.claims.judging import Verdict
from nasrepro.suite.claims.kinds import Order
from nasrepro.suite.claims.model import Claim

#: Stands behind a number whose text was not read.
UNREAD = "†"
#: Stands where there is no figure.
DASH = "–"
_SIGNS = {"about": "", "at least": "≥ ", "at most": "≤ "}


def published(claim: Claim) -> str:
    """The published number with its sense, spread and unit, or the order of two methods."""
    if claim.value is None:
        how = claim.how
        return _order(how) if isinstance(how, Order) else DASH
    spread = "" if claim.spread is None else f" ± {claim.spread:g}"
    return f"{_SIGNS[claim.test]}{claim.value:g}{spread} {claim.unit}".rstrip().replace("-", "−")


def _order(how: Order) -> str:
    """The two methods; of two arms of one method, what sets each apart."""
    names: tuple[str, ...] = how.search.method, how.than
    if names[0] == names[1]:
        params = how.search.params, how.than_params
        own = [
            ", ".join(f"{key}={value}" for key, value in each.items() if other.get(key) != value)
            for each, other in zip(params, reversed(params), strict=True)
        ]
        names = tuple(
            f"{name} ({arm})" if arm else name for name, arm in zip(names, own, strict=True)
        )
    return " > ".join(names)


def ours(verdict: Verdict) -> str:
    """Our figure and its interval, with one decimal more than the published number."""
    if verdict.ours is None:
        return DASH
    digits = decimals(verdict.claim)
    text = f"{verdict.ours:.{digits}f}"
    if verdict.low is not None and verdict.high is not None and verdict.low != verdict.high:
        text += f" [{verdict.low:.{digits}f}, {verdict.high:.{digits}f}]"
    return text.replace("-", "−")


def decimals(claim: Claim) -> int:
    """Those of the published number, and one more."""
    value = claim.value
    return 3 if value is None else min(4, len(f"{value:g}".partition(".")[2]) + 1)


def strip(verdict: Verdict, width: int = 60) -> str:
    """Ours and the published band on one line: [ ] the band, - our interval, o our figure.

    "" where there is nothing to show.
    """
    if verdict.ours is None or verdict.band is None:
        return ""
    low = verdict.ours if verdict.low is None else verdict.low
    high = verdict.ours if verdict.high is None else verdict.high
    ends = verdict.band
    shown = [low, high, verdict.ours, *filter(math.isfinite, ends)]
    left, right = min(shown), max(shown)
    if right <= left:
        return ""

    def column(value: float) -> int:
        return round((value - left) / (right - left) * width)

    marks = [" "] * (width + 1)
    marks[column(low) : column(high) + 1] = "-" * (column(high) - column(low) + 1)
    for end, mark in zip(ends, "[]", strict=True):
        if math.isfinite(end):
            marks[column(end)] = mark
    marks[column(verdict.ours)] = "o"
    return f"{left:.4g} {''.join(marks)} {right:.4g}"
