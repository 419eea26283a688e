"""Networks made in a workshop: size, cost, and what each method adds to random search."""

from __future__ import annotations

from collections.abc import Iterator

from nasrepro.reports.document import Filled, TableDoc, slug, transposed
from nasrepro.reports.groups import HANDED_BACK
from nasrepro.reports.summary import (
    INTERVAL,
    Estimate,
    Measure,
    Results,
    Task,
    estimate,
    paired,
    plain_measure,
)
from nasrepro.reports.tables.columns import (
    count_columns,
    interval,
    mean,
    method_column,
    origin_column,
)
from nasrepro.reports.words import (
    budget_words,
    changed_sources,
    failures,
    floating_notes,
    main_caption,
    method_notes,
    scale_of,
    searched,
)
from nasrepro.suite.registry import oracles

ORDER = 55
#: The method that the others are compared with, at the same budget.
CONTROL = "random_search"

_LEGEND = (
    "Methods that train their own networks beside methods that look up trainings, at the same "
    "budget. Seconds are counted work at the reference rate, for the trainings of the table as "
    "well; CPU seconds are those of the method's own trainings. Sparsity is the share of zero "
    "weights, and bits are the mean per weight, both counted by the runner on the returned "
    "network; a method that returns only an architecture has neither. In brackets the "
    f"{INTERVAL}."
)
_ADDS = " Adds: {target} minus that of random search at the same seeds, in points."


def tables(results: Results) -> Iterator[TableDoc]:
    """A table for each setting on an oracle with a workshop."""
    for task in results.tasks:
        known = {metric.name for metric in oracles.get(task.setting.oracle).info.metrics}
        if known.issuperset(HANDED_BACK):
            yield workshop_table(task)


def workshop_table(task: Task) -> TableDoc:
    """In the order of the main table."""
    setting, target, groups = task.setting, task.target, task.groups
    sizes = [
        plain_measure(name, header, [g.values[task.dataset, name] for g in groups], scale=scale)
        for name, header, scale in (
            ("sparsity", "Sparsity\n(%)", 100.0),
            ("weight_bits", "Weight\nbits", 1.0),
        )
    ]
    seconds = plain_measure("seconds", "Seconds", [g.costs["simulated_s"] for g in groups])
    cpu = plain_measure("workshop_cpu", "Workshop\nCPU s", [g.costs["workshop_s"] for g in groups])
    accuracy, adds = task.measures[target.name], _adds(task)
    filled: list[Filled] = [
        origin_column(groups, task.dataset),
        method_column(groups, task.labels),
        *count_columns(task.measures),
        mean(accuracy, f"{target.name}_mean", terminal=1),
        interval(accuracy, target.name, terminal=2),
        *adds,
        *(
            mean(task.measures[name], f"{name}_mean", terminal=2, panel=2)
            for name in ("params", "macs")
            if name in task.measures
        ),
        *(mean(size, f"{size.name}_mean", terminal=3, panel=2) for size in sizes),
        mean(seconds, "simulated_s_mean", terminal=2, panel=2),
        mean(cpu, "workshop_cpu_s_mean", terminal=3, panel=2),
    ]
    return TableDoc(
        slug("workshop", task.id),
        f"{setting.oracle}: networks and their cost, {searched(setting, task.dataset)} "
        f"({budget_words(setting.budget)})",
        main_caption(groups, task.dataset, [target]),
        *transposed(filled),
        legend=_LEGEND + (_ADDS.format(target=target.name) if adds else ""),
        footnotes=(*floating_notes(groups), *failures(groups, task.labels)),
        notes=tuple(changed_sources(groups)),
        background=tuple(method_notes(groups)),
        citations=(oracles.get(setting.oracle).info.citation,),
        row_ids=tuple(group.id for group in groups),
        part="searches",
    )


def _adds(task: Task) -> list[Filled]:
    """Differences from the control at the same seeds; nothing in its own row, nor without it."""
    place = task.dataset, task.target.name
    control = next((group for group in task.groups if group.method == CONTROL), None)
    if control is None:
        return []
    estimates = []
    for group in task.groups:
        if group is control:
            estimates.append(Estimate(0, None))
            continue
        ours, theirs = paired(group, control, place)
        estimates.append(estimate(ours - theirs) if len(ours) else Estimate(0, None))
    adds = Measure("adds", "Adds\n(points)", tuple(estimates), scale_of(task.target), 2)
    stem = f"{task.target.name}_adds"
    return [mean(adds, stem, terminal=1), interval(adds, stem, terminal=2)]
