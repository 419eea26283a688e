"""Stored results run again: equal, the same answer by other bits, or different."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nasrepro.suite.experiments.kind import Cell, Record, kind_of

#: How near two numbers are that differ in rounding alone, as a part of the larger one.
NEAR = 1e-6

Verdict = Literal["equal", "same answer, other bits", "different", "not verified"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of running a result again.

    Attributes:
        run_id: of the stored result.
        label: of its cell.
        verdict: equal, the same answer by other bits, different; or why it could not be run.
        detail: the first field that differs, or the reason.
    """

    run_id: str
    label: str
    verdict: Verdict
    detail: str = ""


def compared(cell: Cell, old: Record, new: Record) -> Verification:
    """A stored record beside the one of now."""
    kind = kind_of(old)
    run_id = old.key.run_id
    before, after = (
        {
            name: value
            for name, value in json.loads(record.to_json()).items()
            if name not in (*kind.measured, "environment", "key")
        }
        for record in (old, new)
    )
    changed = [name for name in before if _plain(before[name]) != _plain(after[name])]
    if not changed:
        return Verification(run_id, cell.label, "equal")
    answers = [
        name for name in ("status", *kind.answer) if not _near(before.get(name), after.get(name))
    ]
    if answers:
        return Verification(run_id, cell.label, "different", f"{answers[0]} differs")
    return Verification(run_id, cell.label, "same answer, other bits", f"{changed[0]} differs")


def _plain(value: Any) -> str:
    """A value with what is measured each time anew (columns of CPU seconds) left out."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = [
            {name: item for name, item in row.items() if not name.endswith("cpu_s")}
            for row in value
        ]
    return json.dumps(value, sort_keys=True)


def _near(one: Any, other: Any) -> bool:
    """Whether two values of JSON are the same but for rounding."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(
            _near(one[name], other[name]) for name in one if not str(name).endswith("cpu_s")
        )
    if isinstance(one, Sequence) and isinstance(other, Sequence) and not isinstance(one, str):
        return len(one) == len(other) and all(map(_near, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        both_nan = one != one and other != other
        return both_nan or math.isclose(one, other, rel_tol=NEAR, abs_tol=NEAR)
    return bool(one == other)


def unverified(run_id: str, label: str, why: str) -> Verification:
    """A result that could not be run again."""
    return Verification(run_id, label, "not verified", why)
