"""Methods of a workshop and their controls: what each ends with, one figure a method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, look_of, new_figure
from nasrepro.reports.summary import INTERVAL, Results, Task
from nasrepro.reports.tables.workshop_controls import tasks_with_pairs
from nasrepro.reports.words import budget_words, title_of


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each method with controls and each version of its source, in each setting."""
    for task, pairs in tasks_with_pairs(results):
        numbers: Counter[str] = Counter()
        for system in dict.fromkeys(system for system, _ in pairs):
            controls = [control for ours, control in pairs if ours == system]
            method = task.groups[system].method
            numbers[method] += 1
            yield _drawing(task, system, controls, numbers[method])


def _drawing(task: Task, system: int, controls: list[int], number: int) -> Drawing:
    measure, method = task.measures[task.target.name], task.groups[system].method
    rows = sorted([system, *controls], reverse=True)  # the best at the top
    figure = new_figure("column", height=0.7 + 0.24 * len(rows))
    axes = figure.add_subplot()
    look = look_of([method])[method]
    for place, row in enumerate(rows):
        each = measure.estimates[row]
        if each.mean is None:
            continue
        colour = look.colour if row == system else "0.45"
        if each.low is not None and each.high is not None:
            ends = [measure.scale * each.low, measure.scale * each.high]
            axes.plot(ends, [place, place], color=colour, linewidth=1.2)
        values = measure.scale * task.groups[row].values[task.dataset, task.target.name]
        axes.plot(values, [place] * len(values), "|", color=colour, alpha=0.5, markersize=7)
        axes.plot([measure.scale * each.mean], [place], marker=look.marker, color=colour)
    names = [task.labels[row].partition(" [source")[0] for row in rows]  # all of one
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(measure.header.replace("\n", " "))
    axes.grid(visible=True, axis="x")
    seeds = max(measure.estimates[row].n for row in rows)
    return Drawing(
        slug("workshop-controls", method, task.id, *([str(number)] if number > 1 else [])),
        f"{title_of(method)} and its controls in {task.setting.oracle} "
        f"({budget_words(task.setting.budget)}): {task.target.name}, each seed "
        f"a stroke; means of {'1 seed' if seeds == 1 else f'{seeds} seeds'} with the {INTERVAL}.",
        figure,
    )
