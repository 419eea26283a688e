"""`nasrepro compare`: two methods on every task that both were run on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nasrepro.reports.document import DASH, Column, Filled, TableDoc, shown, text_column, transposed
from nasrepro.reports.groups import Group
from nasrepro.reports.summary import Results, Task, interval_header, margin_of, margin_words, paired
from nasrepro.reports.words import changed_params, scale_of, unit_words
from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.statistics import Interval, mean_interval, not_worse, significant


@dataclass(frozen=True, slots=True)
class Compared:
    """Two rows of one task.

    Attributes:
        task: their task.
        gap: mean of a - b over the shared seeds, positive where a is better, with its interval.
        margin: what does not matter.
        verdict: "A", "B", "equivalent", "A not worse", "B not worse", "too few seeds" or "open".
    """

    task: Task
    gap: Interval
    margin: float
    verdict: str


def pairs_of(task: Task) -> dict[str, list[str]]:
    """By the ids of every two rows of a task: A - B, its interval and the verdict, as printed."""
    return {
        f"{a.id} {b.id}": [*_texts(pair), pair.verdict]
        for place, a in enumerate(task.groups)
        for b in task.groups[place + 1 :]
        for pair in (compared(task, a, b),)
    }


def compare(results: Results, a: str, b: str) -> list[Compared]:
    """The rows named `a` and `b` on each task.

    A name is a row's label, or a method's, for its only row or the one with its defaults.

    Raises:
        UnknownName: no task has such a row.
    """
    known = sorted(
        {label for task in results.tasks for label in task.labels}
        | {group.method for task in results.tasks for group in task.groups}
    )
    for name in (a, b):
        if not any(_row(task, name) is not None for task in results.tasks):
            several = sorted({each for task in results.tasks for each in _labels(task, name)})
            if several:
                raise NasreproError(
                    f"{name!r} names several rows; give one of them: {', '.join(several)}"
                )
            raise UnknownName("method of the store", name, known)
    pairs = []
    for task in results.tasks:
        first, second = _row(task, a), _row(task, b)
        if first is not None and second is not None:
            pairs.append(compared(task, first, second))
    return pairs


def _row(task: Task, name: str) -> Group | None:
    by_label = dict(zip(task.labels, task.groups, strict=True))
    if name in by_label:
        return by_label[name]
    named = [group for group in task.groups if group.method == name]
    defaults = [group for group in named if not changed_params(group, named)]
    return next((rows[0] for rows in (named, defaults) if len(rows) == 1), None)


def _labels(task: Task, method: str) -> list[str]:
    rows = zip(task.labels, task.groups, strict=True)
    return [label for label, group in rows if group.method == method]


def compared(task: Task, a: Group, b: Group) -> Compared:
    """Two rows of one task, by the seeds that both have."""
    first, second = paired(a, b, (task.dataset, task.target.name))
    if not first.size:
        nothing = Interval(math.nan, math.nan, math.nan, 0, 0.95)
        return Compared(task, nothing, math.nan, "too few seeds")
    sign = 1 if task.target.higher_is_better else -1
    gaps = significant(sign * (first - second), scale=float(np.abs(first).max()) or 1.0)
    gap, margin = mean_interval(gaps), margin_of(task.target, first)
    verdict = "open"
    if math.isnan(gap.low) and gaps.any():
        verdict = "too few seeds"
    elif gap.low > 0:
        verdict = "A"
    elif gap.high < 0:
        verdict = "B"
    good, bad = not_worse(-gaps, margin), not_worse(gaps, margin)
    if good and bad:
        verdict = "equivalent"
    elif verdict == "open" and (good or bad):
        verdict = "A not worse" if good else "B not worse"
    return Compared(task, gap, margin, verdict)


def compare_table(pairs: Sequence[Compared], a: str, b: str) -> TableDoc:
    """A row for each task, and one for all."""
    texts = [_texts(pair) for pair in pairs]
    wins = [sum(pair.verdict == side for pair in pairs) for side in "AB"]
    equal = sum(pair.verdict == "equivalent" for pair in pairs)
    filled: list[Filled] = [
        text_column(
            Column("task", "Task", ("task",), "left", 0, 0), [pair.task.id for pair in pairs]
        ),
        text_column(
            Column("difference", "A − B", ("difference",), "right", 1),
            [text for text, _ in texts],
            [(pair.gap.value,) for pair in pairs],
        ),
        text_column(
            Column(
                "interval",
                interval_header([pair.gap.n for pair in pairs]),
                ("low", "high"),
                "right",
                2,
            ),
            [interval for _, interval in texts],
            [(pair.gap.low, pair.gap.high) for pair in pairs],
        ),
        text_column(
            Column("seeds", "Seeds", ("seeds",), "right", 3),
            [f"{pair.gap.n:,}" for pair in pairs],
            [(pair.gap.n,) for pair in pairs],
        ),
        text_column(
            Column("better", "Better", ("verdict",), "left", 1), [pair.verdict for pair in pairs]
        ),
    ]
    margins = dict.fromkeys(margin_words(pair.task.target) for pair in pairs)
    return TableDoc(
        "compare",
        f"A: {a}; B: {b}",
        f"A is better on {wins[0]} of {len(pairs)} tasks, B on {wins[1]}, equivalent on {equal}.",
        *transposed(filled),
        legend=legend(list(margins)),
    )


def legend(margins: Sequence[str]) -> str:
    """How to read a comparison, for these margins."""
    return (
        "Mean paired difference of the target on shared seeds, positive where A is better, with "
        f"its interval. Equivalent: shown to differ by less than {' or '.join(margins)}; A (or B) "
        "not worse: shown not to be worse by as much as that; open: neither can be shown."
    )


def _texts(pair: Compared) -> tuple[str, str]:
    if math.isnan(pair.gap.value):
        return DASH, DASH
    scale, unit = scale_of(pair.task.target), unit_words(pair.task.target)
    points = " points" if unit == "(%)" else ""
    decimals = 2 if scale > 1 else 4
    text = f"{shown(scale * pair.gap.value, decimals)}{points}"
    if math.isnan(pair.gap.low):
        return text, DASH
    low, high = (shown(scale * end, decimals) for end in (pair.gap.low, pair.gap.high))
    return text, f"[{low}, {high}]"
