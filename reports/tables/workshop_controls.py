"""What each method of a workshop adds to its controls: pairs of rows at the same seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nasrepro.reports.document import (
    DASH,
    Column,
    Filled,
    TableDoc,
    number_column,
    shown,
    slug,
    text_column,
    transposed,
)
from nasrepro.reports.groups import HANDED_BACK, Group
from nasrepro.reports.summary import (
    INTERVAL,
    Estimate,
    Measure,
    Results,
    Task,
    estimate,
    paired,
)
from nasrepro.reports.tables.columns import interval, mean
from nasrepro.reports.words import budget_words, floating_notes, main_caption, scale_of, searched
from nasrepro.suite.registry import methods, oracles
from nasrepro.suite.statistics import LEAST, holm, paired_test

ORDER = 54

_LEGEND = (
    "A method with its defaults beside its controls: the same method with other choices of its "
    "parameters, and methods that do not train networks themselves. Adds: {target} of the method "
    "minus that of the control at the same seeds, in points; in brackets the "
    f"{INTERVAL}. p: Wilcoxon's signed-rank test, after Holm's correction over the controls of "
    "the method. The other columns show the "
    "method's mean before the slash and the control's after it. CPU s: all CPU seconds spent in "
    "the workshop, as measured; the budget, however, is in counted seconds."
)

Pair = tuple[int, int]


def tables(results: Results) -> Iterator[TableDoc]:
    """A table for each setting on an oracle with a workshop where a method has a control."""
    return (controls_table(task, pairs) for task, pairs in tasks_with_pairs(results))


def tasks_with_pairs(results: Results) -> Iterator[tuple[Task, list[Pair]]]:
    """Tasks on oracles with a workshop, and their pairs, where there are any."""
    for task in results.tasks:
        known = {metric.name for metric in oracles.get(task.setting.oracle).info.metrics}
        if known.issuperset(HANDED_BACK) and (pairs := pairs_of(task)):
            yield task, pairs


def pairs_of(task: Task) -> list[Pair]:
    """Rows of each method of a workshop with its own choices, and of each of its controls.

    A control by another choice is of the same source.
    """
    pairs = []
    for row, group in enumerate(task.groups):
        if not _trains(group) or not _is_default(group, task.groups):
            continue
        for other, control in enumerate(task.groups):
            if other != row and (_is_same(control, group) or not _trains(control)):
                pairs.append((row, other))
    return sorted(pairs, key=lambda pair: (task.groups[pair[0]].method, pair[1]))


def _trains(group: Group) -> bool:
    return methods.has(group.method) and methods.get(group.method).workshop


def _is_same(one: Group, other: Group) -> bool:
    return (one.method, one.method_sha256) == (other.method, other.method_sha256)


def _is_default(group: Group, groups: Sequence[Group]) -> bool:
    """Whether whatever tells a row from others of its method has its default there.

    What a plan gives to all of them, such as other epochs for other images, is no choice.
    """
    defaults = methods.get(group.method).defaults
    chosen = [dict(each.params) for each in groups if _is_same(each, group)]
    params = dict(group.params)
    return all(
        params.get(name) == default or all(other.get(name) == params.get(name) for other in chosen)
        for name, default in defaults.items()
    )


def controls_table(task: Task, pairs: Sequence[Pair]) -> TableDoc:
    """By method, the controls best first."""
    setting, target, groups = task.setting, task.target, task.groups
    names = [(task.labels[system], task.labels[control]) for system, control in pairs]
    adds, p_values = _adds(task, pairs), _p_values(task, pairs)
    filled: list[Filled] = [
        text_column(
            Column("method", "Method", ("method",), "left", 0, 0), [name for name, _ in names]
        ),
        text_column(
            Column("control", "Control", ("control",), "left", 0, 0), [name for _, name in names]
        ),
        number_column(
            Column("seeds", "Seeds", ("seeds",), "right", 3), [each.n for each in adds.estimates], 0
        ),
        mean(adds, f"{target.name}_adds", terminal=0),
        interval(adds, f"{target.name}_adds", terminal=1),
        text_column(
            Column("p", "p", ("p_holm",), "right", 2),
            [DASH if p_value is None else _p_words(p_value) for p_value in p_values],
            [(p_value,) for p_value in p_values],
        ),
    ]
    values = [(target.name, "Accuracy\n(%)", adds.scale, 2)]
    values += [("params", "Params\n(K)", 1e-3, 2), ("macs", "MACs\n(K)", 1e-3, 1)]
    values += [("sparsity", "Sparsity\n(%)", 100.0, 1), ("weight_bits", "Weight\nbits", 1.0, 1)]
    for name, header, scale, decimals in values:
        means = [_mean(group.values.get((task.dataset, name))) for group in groups]
        filled.append(_both(name, header, pairs, means, scale, decimals))
    cpu = [_mean(group.costs["workshop_s"]) for group in groups]
    filled.append(_both("workshop_cpu_s", "CPU s", pairs, cpu, 1.0, 1))
    return TableDoc(
        slug("controls", task.id),
        f"{setting.oracle}: methods against their controls, {searched(setting, task.dataset)} "
        f"({budget_words(setting.budget)})",
        main_caption(groups, task.dataset, [target]),
        *transposed(filled),
        legend=_LEGEND.format(target=target.name),
        footnotes=(
            *(
                sentence(*name, each, p_value, adds.scale)
                for name, each, p_value in zip(names, adds.estimates, p_values, strict=True)
            ),
            *floating_notes(groups),
        ),
        citations=(oracles.get(setting.oracle).info.citation,),
        part="searches",
    )


def _adds(task: Task, pairs: Sequence[Pair]) -> Measure:
    place = task.dataset, task.target.name
    lowest, highest = task.target.bounds
    bounds = lowest - highest, highest - lowest
    estimates = []
    for system, control in pairs:
        ours, theirs = paired(task.groups[system], task.groups[control], place)
        estimates.append(estimate(ours - theirs, bounds=bounds) if len(ours) else Estimate(0))
    return Measure("adds", "Adds\n(points)", tuple(estimates), scale_of(task.target), 2)


def _p_values(task: Task, pairs: Sequence[Pair]) -> list[float | None]:
    """Of each pair with an interval, corrected over the pairs of the same method."""
    place = task.dataset, task.target.name
    families: dict[int, dict[Pair, float]] = {}
    for system, control in pairs:
        ours, theirs = paired(task.groups[system], task.groups[control], place)
        if len(ours) >= LEAST:
            p_value = paired_test(ours, theirs).p_value
            families.setdefault(system, {})[system, control] = p_value
    corrected = {
        pair: float(p_value)
        for family in families.values()
        for pair, p_value in zip(family, holm(list(family.values())), strict=True)
    }
    return [corrected.get(pair) for pair in pairs]


def _mean(values: object) -> float | None:
    numbers = np.asarray([] if values is None else values, dtype=float)
    finite = numbers[np.isfinite(numbers)]
    return float(finite.mean()) if finite.size else None


def _both(
    name: str,
    header: str,
    pairs: Sequence[Pair],
    means: Sequence[float | None],
    scale: float,
    decimals: int,
) -> Filled:
    """`method / control`."""

    def text(value: float | None) -> str:
        return DASH if value is None else shown(scale * value, decimals)

    return text_column(
        Column(name, header, (f"{name}_method", f"{name}_control"), "right", 2, 2),
        [f"{text(means[system])} / {text(means[control])}" for system, control in pairs],
        [(means[system], means[control]) for system, control in pairs],
    )


def _p_words(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else shown(p_value, 3)


def sentence(
    method: str, control: str, adds: Estimate, p_value: float | None = None, scale: float = 100.0
) -> str:
    """A sentence on what a method adds to a control, from their paired differences.

    Something is seen where the interval excludes 0 and the corrected p-value is below 0.05.
    """
    if adds.mean is None:
        return f"{method} and {control} share no seed."
    points = shown(scale * adds.mean, 2)
    if adds.n >= LEAST and not adds.sd:
        return f"{method} and {control} differ by {points} points at each of {adds.n} seeds."
    if adds.low is None or adds.high is None:
        seeds = "1 seed" if adds.n == 1 else f"{adds.n} seeds"
        return f"{method} against {control}: {points} points at {seeds}, too few for an interval."
    ends = f"{shown(scale * adds.low, 2)} to {shown(scale * adds.high, 2)}"
    ends += "" if p_value is None else f", p {_p_words(p_value)}"
    seen = p_value is None or p_value < 0.05
    if adds.low > 0 and seen:
        return f"{method} adds {points} points to {control} ({ends})."
    if adds.high < 0 and seen:
        return f"{method} adds nothing to {control} and ends below it: {points} points ({ends})."
    return f"{method} adds nothing that can be seen to {control}: {points} points ({ends})."
