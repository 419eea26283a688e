"""The best method and how certain it is, in a sentence or two: the first lines of the page."""

from __future__ import annotations

from collections.abc import Sequence

from nasrepro.reports.compare import compared
from nasrepro.reports.document import BEST, CLOSE, DASH, PAD
from nasrepro.reports.summary import Overview, Task, margin_words
from nasrepro.reports.words import unit_words


def best_on(task: Task) -> str:
    """The best rows of a task with their mean, then the rows as good, undecided or worse."""
    measure = task.measures[task.target.name]
    best = [row for row, mark in enumerate(measure.marks) if mark == BEST]
    if not best:
        return "No run has a value."
    leaders = [task.labels[row] for row in best]
    first = task.groups[best[0]]
    interval = measure.intervals[best[0]].replace(PAD, "")
    unit = unit_words(task.target).strip("()")
    sentences = [
        f"Best: {_listed(leaders)}, {measure.means[best[0]].replace(PAD, '')}"
        f"{f' {unit}' if unit else ''}{'' if interval == DASH else f' {interval}'} over "
        f"{first.seeds.size:,} seed{'s' * (first.seeds.size != 1)}."
    ]
    others = [
        row
        for row, estimate in enumerate(measure.estimates)
        if row not in best and estimate.mean is not None
    ]
    close = [row for row in others if measure.marks[row] == CLOSE]
    verdicts = {row: compared(task, first, task.groups[row]).verdict for row in others}
    worse = [row for row in others if row not in close and verdicts[row] == "A"]
    short = [row for row in others if row not in close and verdicts[row] == "too few seeds"]
    undecided = [row for row in others if row not in (*close, *worse, *short)]
    if others and all(verdict == "too few seeds" for verdict in verdicts.values()):
        return f"{sentences[0]} Too few seeds to say how certain that is."
    if close:
        names = _listed([task.labels[row] for row in close])
        sentences.append(f"Worse by less than {margin_words(task.target)} (≈): {names}.")
    if undecided:
        names = _listed([task.labels[row] for row in undecided])
        sentences.append(f"Not distinguishable from the best: {names}.")
    if short:
        names = _listed([task.labels[row] for row in short])
        sentences.append(f"Too few seeds to compare: {names}.")
    if worse:
        which = "All others" if len(worse) == len(others) else f"{len(worse):,} more"
        sentences.append(f"Worse: {which.lower()} (by intervals of paired differences).")
    return " ".join(sentences)


def best_overall(view: Overview, common: Overview | None) -> str:
    """The best average rank, and the methods that are not significantly behind it."""
    sentences = [f"Best average rank over {len(view.overall.settings)} tasks: {_leader(view)}."]
    groups = [group for (group,) in view.raw("groups")]
    level = [
        label for row, label in enumerate(view.labels) if row not in view.best and groups[row] == 1
    ]
    if None in groups:
        sentences.append("Too few seeds to say how certain that is.")
    elif level:
        sentences.append(f"Not significantly behind: {_listed(level)}; all others are (p < 0.05).")
    else:
        sentences.append("All others are significantly behind (p < 0.05).")
    if common is not None:
        sentences.append(
            f"Over the {len(common.overall.settings)} tasks that all {len(common.labels)} ranked "
            f"methods were run on: {_leader(common)}."
        )
    return " ".join(sentences)


def _leader(view: Overview) -> str:
    rows = sorted(view.best)
    interval = view.over_seeds[rows[0]].replace(PAD, "")
    rank = view.ranks[rows[0]].replace(PAD, "")
    names = _listed([view.labels[row] for row in rows])
    return f"{names}, {rank}{'' if interval == DASH else f' {interval}'}"


def _listed(names: Sequence[str]) -> str:
    """Names with commas, and "and" before the last."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
