"""Results beside each other, two stores or one run again: equal, other bits, or different."""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import Any, Literal

from nasrepro.suite.experiments.kind import KINDS, Record, kind_of
from nasrepro.suite.experiments.kinds.search import RunRecord
from nasrepro.suite.experiments.kinds.study import StudyRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import methods, oracles

#: How near two numbers are that differ in rounding alone, as a part of the larger one.
NEAR = 1e-6

#: Of a record's environment, what decides how sums are rounded.
ROUNDING = (
    "machine", "cpu", "blas", "blas_kernel", "torch", "torch_capability", "numpy", "scipy",
)  # fmt: skip

Verdict = Literal[
    "equal",
    "same answer, other bits",
    "another search",
    "different",
    "not verified",
    "only here",
    "only there",
]


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of running a result again, or of looking for it in another store.

    Attributes:
        run_id: of the stored result.
        label: what it is of.
        verdict: equal, the same answer by other bits, different, or that there is nothing to hold
            it against; another search is a different one that its method's floating-point training
            explains, since it was made with other instructions or libraries.
        detail: the first field that differs, or the reason.
        better: of a search, 1 where its regrets here are the smaller ones, -1 where those there
            are, 0 where neither.
    """

    run_id: str
    label: str
    verdict: Verdict
    detail: str = ""
    better: int = 0


def compared(run_id: str, label: str, old: Record, new: Record) -> Verification:
    """A stored record beside another one of the same key."""
    kind = kind_of(old)
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
        return Verification(run_id, label, "equal")
    answers = [
        name for name in ("status", *kind.answer) if not _near(before.get(name), after.get(name))
    ]
    if answers:
        detail = f"{answers[0]} differs"
        elsewhere = "" if answers[0] == "status" else _elsewhere(old, new)
        if elsewhere:
            detail = f"{detail}; made with {elsewhere}"
        verdict: Verdict = "another search" if elsewhere else "different"
        return Verification(run_id, label, verdict, detail, _better(old, new))
    return Verification(run_id, label, "same answer, other bits", f"{changed[0]} differs")


def _elsewhere(old: Record, new: Record) -> str:
    """How the machine of a search by a floating method differs from the other's; "" if it cannot.

    What is chosen depends on last bits in such a method, and these on how sums are rounded; what a
    study of it finds (`spos.inherited`) or says of it among others, and what a network reaches that
    is trained on request, too.
    """
    if not _trained(old) and not _by_floating_methods(old, new):
        return ""
    before, after = (getattr(each, "environment", {}) for each in (old, new))
    return ", ".join(
        f"{name} {before[name]}, not {after[name]}"
        for name in ROUNDING
        if name in before and name in after and before[name] != after[name]
    )


def _by_floating_methods(old: Record, new: Record) -> bool:
    """Whether all that differs is of floating methods: a search, or rows of a study."""
    if not isinstance(old, StudyRecord) or not isinstance(new, StudyRecord):
        return _is_floating(getattr(old.key, "method", ""))
    if _is_floating(old.key.study.partition(".")[0]):
        return True
    none: Mapping[str, Any] = {}
    pairs = zip_longest(old.rows, new.rows, fillvalue=none)
    changed = [one for one, other in pairs if not _near(one, other)]
    return all(_is_floating(str(row.get("method", ""))) for row in changed)


def _is_floating(method: str) -> bool:
    return methods.has(method) and methods.get(method).floating


def _trained(record: Record) -> bool:
    """Whether the result is on an oracle that trains what it is asked for."""
    params = getattr(record.key, "params", {})
    named = getattr(record.key, "oracle", ""), params.get("oracle"), *params.get("oracles", ())
    known = (oracles.get(name).info for name in named if oracles.has(str(name)))
    return any(getattr(info, "trains", False) for info in known)


def _better(here: Record, there: Record) -> int:
    """Whose regrets are the smaller ones, over the data sets of a search's reports."""
    if not isinstance(here, RunRecord) or not isinstance(there, RunRecord):
        return 0
    pairs = [
        (report.regret, there.reports[name].regret)
        for name, report in here.reports.items()
        if name in there.reports
    ]
    gain = sum(other - own for own, other in pairs if own is not None and other is not None)
    return 0 if math.isclose(gain, 0.0, abs_tol=NEAR) else int(math.copysign(1, gain))


def _plain(value: Any) -> str:
    """A value with what varies from run to run (columns of CPU seconds) left out."""
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


def beside(store: Store, other: Store) -> Iterator[tuple[str, Verification]]:
    """All results of two stores, held against each other by their ids.

    Each with the name of its kind; labelled with its method, scorer or study. What failed in one
    store alone is only in the other: it is no answer, and is tried again.
    """
    for name in KINDS:
        sides = [_named(store, name, "only here"), _named(other, name, "only there")]
        for run_id, same in groupby(heapq.merge(*sides, key=itemgetter(0)), itemgetter(0)):
            found = list(same)
            done = [each for each in found if each[2].status != "failed"] or found
            (_, verdict, record), *second = done
            subject = record.key.subject
            if second:
                yield name, compared(run_id, subject, record, second[0][2])
            else:
                why = "it failed in the other store" if len(found) > 1 else ""
                yield name, Verification(run_id, subject, verdict, why)


def _named(store: Store, kind: str, verdict: Verdict) -> Iterator[tuple[str, Verdict, Record]]:
    """A store's results, each with its id, and the verdict where that is nowhere else."""
    return ((run_id, verdict, record) for run_id, record in store.identified(kind))
