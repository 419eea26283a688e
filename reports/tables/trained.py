"""Methods where each answer is a training: all oracles that train in one table, beside controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from nasrepro.reports.document import (
    Column,
    Filled,
    TableDoc,
    text_column,
    transposed,
)
from nasrepro.reports.groups import HANDED_BACK
from nasrepro.reports.summary import (
    INTERVAL,
    Estimate,
    Measure,
    Results,
    Task,
    estimate,
    interval_header,
    paired,
)
from nasrepro.reports.tables.columns import (
    cost_columns,
    count_columns,
    interval,
    mean,
    method_column,
    origin_column,
    spread,
)
from nasrepro.reports.words import budget_words, failures, floating_notes, scale_of, unit_words
from nasrepro.suite.registry import oracles
from nasrepro.suite.statistics import LEAST

ORDER = 56
#: The controls, as the table's columns name them.
CONTROLS = {"random_search": "random search", "size_walk": "the size walk"}

_CAPTION = (
    "Searches on oracles that train what they are asked for. Each chosen network is reported by "
    "its test metric at the end of its training, as the mean over the training seeds of the oracle."
)
_LEGEND = (
    "Mean ± standard deviation over search seeds; in brackets the "
    f"{INTERVAL}. Over a control: the method minus the control at the same seeds, in the unit of "
    "the row (accuracies in points); a lower perplexity is better. Training hours are counted "
    "work at the reference rate; overhead is the CPU time of the method itself. Costs are means "
    "per run and are never added up."
)


def tables(results: Results) -> Iterator[TableDoc]:
    """One table, where there are searches on such an oracle."""
    tasks = [task for task in results.tasks if _trains(task)]
    if tasks:
        yield trained_table(tasks)


def _trains(task: Task) -> bool:
    """Whether the oracle trains what it is asked for; those with a workshop have a table."""
    info = oracles.get(task.setting.oracle).info
    return info.trains and not {metric.name for metric in info.metrics}.issuperset(HANDED_BACK)


def trained_table(tasks: Sequence[Task]) -> TableDoc:
    """By oracle; the methods of each in the order of its main table."""
    differences = [over_controls(task) for task in tasks]
    parts = [_filled(task, over) for task, over in zip(tasks, differences, strict=True)]
    groups = [group for task in tasks for group in task.groups]
    ends = interval_header([group.seeds.size for group in groups])
    filled = [
        (
            replace(column, header=ends) if column.name.endswith("_interval") else column,
            [cell for part in parts for cell in part[place][1]],
        )
        for place, (column, _) in enumerate(parts[0])
    ]
    names = [f"{task.setting.oracle}, {label}" for task in tasks for label in task.labels]
    infos = {task.setting.oracle: oracles.get(task.setting.oracle).info for task in tasks}
    return TableDoc(
        "trained",
        "Methods where each answer is a training",
        _CAPTION,
        *transposed(filled),
        legend=_LEGEND,
        footnotes=(
            *map(beyond_controls, tasks, differences),
            *floating_notes(groups),
            *failures(groups, names),
        ),
        citations=tuple(dict.fromkeys(info.citation for info in infos.values())),
        row_ids=tuple(group.id for group in groups),
        part="searches",
    )


def _filled(task: Task, over: Mapping[str, Measure]) -> list[Filled]:
    """The columns of one task; their names and headers are those of every task."""
    setting, target, groups = task.setting, task.target, task.groups
    measure, measures = task.measures[task.target.name], task.measures
    where = f"{setting.oracle}, {budget_words(setting.budget)}"
    unit = f"{target.name} {unit_words(target)}".rstrip()
    test = _named(spread(measure, terminal=1), "test", "Test", ("test_mean", "test_std"))
    ends = interval(measure, "test", terminal=2)
    filled = [
        origin_column(groups, task.dataset),
        text_column(Column("oracle", "Oracle", ("searched",), "left", 0, 0), [where] * len(groups)),
        text_column(Column("metric", "Metric", ("metric",), "left", 9), [unit] * len(groups)),
        method_column(groups, task.labels),
        *count_columns(measures),
        test,
        _named(ends, "test_interval", ends[0].header, ends[0].data),
    ]
    for name, words in CONTROLS.items():
        filled += [mean(over[name], terminal=3), interval(over[name], terminal=4)]
        filled[-2] = _named(filled[-2], over[name].name, f"Over\n{words}", (over[name].name,))
    return [*filled, *cost_columns(measures, panel=2, terminal=5)]


def _named(filled: Filled, name: str, header: str, data: tuple[str, ...]) -> Filled:
    column, cells = filled
    return replace(column, name=name, header=header, data=data), cells


def over_controls(task: Task) -> dict[str, Measure]:
    """By control, what each row has over it; see `beyond_controls`."""
    return {control: _over(task, control) for control in CONTROLS}


def _over(task: Task, control: str) -> Measure:
    """The target of each row minus that of a control at the same seeds."""
    place = task.dataset, task.target.name
    lowest, highest = task.target.bounds
    rivals = [group for group in task.groups if group.method == control]
    estimates = []
    for group in task.groups:
        if not rivals or group is rivals[0]:
            estimates.append(Estimate(0))
            continue
        ours, theirs = paired(group, rivals[0], place)
        bounds = lowest - highest, highest - lowest
        estimates.append(estimate(ours - theirs, bounds=bounds) if len(ours) else Estimate(0))
    measure = task.measures[task.target.name]
    scale = scale_of(task.target)
    return Measure(f"over_{control}", "", tuple(estimates), scale, measure.decimals)


def beyond_controls(task: Task, over: Mapping[str, Measure]) -> str:
    """A sentence on which methods of a task beat which controls, by the intervals.

    Args:
        task: the task.
        over: by control, the target of each row minus the control's at the same seeds.
    """
    sign = 1 if task.target.higher_is_better else -1
    said = []
    for control, words in CONTROLS.items():
        better, worse, judged = [], [], False
        for label, each in zip(task.labels, over[control].estimates, strict=True):
            # without any spread the difference is what it is
            ends = each.ends if each.sd else (each.mean, each.mean)
            if each.n < LEAST or None in ends:
                continue
            judged = True
            low, high = sorted(sign * end for end in ends if end is not None)
            better += [label] if low > 0 else []
            worse += [label] if high < 0 else []
        if judged:
            said.append(f"better than {words}: {', '.join(better) or 'none'}")
            said.append(f"worse: {', '.join(worse) or 'none'}")
    told = "; ".join(said) or "too few seeds for an interval"
    return f"{task.setting.oracle}, by intervals of single differences: {told}."
