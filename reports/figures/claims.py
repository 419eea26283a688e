"""Claims overview: how far each figure is from the published one, in units of its margin."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, new_figure
from nasrepro.reports.summary import Results
from nasrepro.reports.words import title_of
from nasrepro.suite.claims import Verdict, judge_all, load_claims
from nasrepro.suite.claims.tally import CLASSES, Class, class_of
from nasrepro.suite.registry import methods

#: Colour and marker of each class: apart by both.
LOOKS: dict[Class, tuple[str, str]] = {
    "reproduced": ("#009E73", "o"),
    "not reproduced": ("#D55E00", "X"),
    "inconclusive": ("#0072B2", "D"),
    "consistent": ("#56B4E9", "P"),
    "inconsistent": ("#E69F00", "v"),
    "ours": ("#CC79A7", "^"),
    "blocked": ("0.6", "s"),
    "not judged": ("0.85", "s"),
}
#: Margins shown at either side; what is farther off stands at the edge with an arrow.
EDGE = 4.0
#: Lines of a plot in one column, and of each column where there are two: a page has no more.
SINGLE, LINES = 24, 62


def draw(results: Results) -> Iterator[Drawing]:
    """How many claims of each paper have which verdict.

    And for each paper the figures that have a margin.
    """
    if results.plan:  # a plan's seeds are not what claims are judged by
        return
    verdicts = sorted(
        judge_all(load_claims(), results.store),
        key=lambda each: (each.claim.file, each.claim.id),
    )
    by_paper = {
        name: list(members) for name, members in groupby(verdicts, key=lambda each: each.claim.file)
    }
    judged = {
        name: members
        for name, members in by_paper.items()
        if any(_measured(each) for each in members)
    }
    if judged:
        yield Drawing(
            "claims",
            _CAPTION.format(count=sum(map(len, by_paper.values())), papers=len(by_paper)),
            _counts(by_paper),
        )
    for name, members in judged.items():
        placed = [each for each in members if _place(each) is not None]
        pages = _pages(placed)
        for number, columns in enumerate(pages, start=1):
            part = f" Part {number} of {len(pages)}." if len(pages) > 1 else ""
            yield Drawing(
                slug("claims", name, *([number] if part else [])),
                _FOREST.format(paper=members[0].claim.title or name, count=len(placed)) + part,
                _forest(columns),
            )


_CAPTION = (
    "Verdicts on the {count} claims of {papers} papers. Blocked: the claim cannot be tested here; "
    "not judged: this store has no results for it."
)
_FOREST = (
    "{paper}: for the {count} figures that have a margin, our figure minus the published one, in "
    "units of that margin, with 95 % intervals. An interval within the band means reproduced, one "
    "wholly outside not reproduced, and one across an edge inconclusive. Arrows: farther off than "
    "shown."
)


def _measured(verdict: Verdict) -> bool:
    return verdict.verdict not in ("blocked", "not judged")


def _counts(by_paper: dict[str, list[Verdict]]) -> Any:
    """A field for each paper and class, with its number, the darker the larger its share."""
    counts = {
        name: {kind: sum(class_of(each) == kind for each in members) for kind in CLASSES}
        for name, members in by_paper.items()
    }
    kinds = [kind for kind in CLASSES if any(count[kind] for count in counts.values())]
    untold: tuple[Class, ...] = ("blocked", "not judged")
    judged = {
        name: len(members) - sum(counts[name][kind] for kind in untold)
        for name, members in by_paper.items()
    }
    names = sorted(counts, key=lambda name: (-judged[name], name))
    figure = new_figure("page", height=0.5 + 0.17 * len(names))
    axes = figure.add_subplot()
    for row, name in enumerate(names):
        for column, kind in enumerate(kinds):
            count = counts[name][kind]
            if count:
                share = count / len(by_paper[name])
                axes.barh(
                    row, 0.94, left=column - 0.47, height=0.86, color=LOOKS[kind][0],
                    alpha=0.25 + 0.6 * share, linewidth=0,
                )  # fmt: skip
                axes.text(column, row, str(count), ha="center", va="center", fontsize=6.5)
    axes.set_yticks(
        range(len(names)),
        [f"{_spelled(by_paper[name])} ({len(by_paper[name])})" for name in names],
    )
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set_xlim(-0.5, len(kinds) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


def _spelled(verdicts: Sequence[Verdict]) -> str:
    """The name of a file of claims as the titles of its papers spell it, or the method."""
    file = verdicts[0].claim.file
    for title in dict.fromkeys(verdict.claim.title for verdict in verdicts):
        parts: list[list[str]] = [re.findall(pattern, title) for pattern in (r"[\w-]+", r"\w+")]
        for name in [*parts[0], *parts[1], *(" ".join(words[:2]) for words in parts)]:
            if _letters(name) == _letters(file):
                return name
    if methods.has(file):
        return title_of(file)
    words = " ".join(w.upper() if len(w) < 4 else w for w in file.split("_"))  # NAS, NN
    return words[:1].upper() + words[1:]


def _letters(name: str) -> str:
    return slug(name).replace("-", "")


def _place(verdict: Verdict) -> tuple[float, float, float] | None:
    """(ours, low, high) less the published figure, in margins.

    None where the claim has no margin, or was not judged.
    """
    claim = verdict.claim
    if not _measured(verdict) or verdict.ours is None or claim.value is None or not verdict.band:
        return None
    width = max(abs(end - claim.value) for end in verdict.band if math.isfinite(end))
    if not width:
        return None
    low, high = (verdict.ours if end is None else end for end in (verdict.low, verdict.high))
    ours, low, high = ((each - claim.value) / width for each in (verdict.ours, low, high))
    return ours, low, high


#: A line of the plot: what heads a group of claims, or one of them with what it is called there.
Line = str | tuple[str, Verdict]


def _pages(verdicts: Sequence[Verdict]) -> list[list[list[Line]]]:
    """Lines in columns, and columns in pages, none taller than a page.

    Claims whose ids begin with the same two words are a group under that beginning.
    """
    lines: list[Line] = []
    for head, members in groupby(verdicts, key=lambda each: each.claim.id.split("-")[:2]):
        group = list(members)
        start = "-".join(head) if len(group) > 1 else ""
        if start:
            lines.append(start)
        lines += [(_label(each).removeprefix(f"{start}-"), each) for each in group]
    if len(lines) <= SINGLE:
        return [[lines]] if lines else []
    down = min(LINES, -(-len(lines) // 2))
    columns = [lines[start : start + down] for start in range(0, len(lines), down)]
    return [columns[start : start + 2] for start in range(0, len(columns), 2)]


def _forest(columns: Sequence[Sequence[Line]]) -> Any:
    figure = new_figure("page", height=0.65 + 0.13 * max(map(len, columns)))
    panels = figure.subplots(1, len(columns), squeeze=False)[0]
    for panel, lines in zip(panels, columns, strict=True):
        _column(panel, lines, max(map(len, columns)))
    shown = {class_of(line[1]) for lines in columns for line in lines if not isinstance(line, str)}
    kinds = [kind for kind in CLASSES if kind in shown]
    handles = [
        panels[0].plot([], [], marker=LOOKS[kind][1], color=LOOKS[kind][0], linestyle="none")[0]
        for kind in kinds
    ]
    figure.legend(handles, kinds, loc="outside upper center", ncols=len(kinds))
    return figure


def _column(axes: Any, lines: Sequence[Line], down: int) -> None:
    axes.axvspan(-1, 1, color="0.93", linewidth=0)
    axes.axvline(0, color="0.6", linewidth=0.6)
    for row, line in enumerate(lines):
        if isinstance(line, str):
            continue
        ours, low, high = _place(line[1]) or (np.nan,) * 3
        colour, marker = LOOKS[class_of(line[1])]
        axes.plot(np.clip([low, high], -EDGE, EDGE), [row, row], color=colour, linewidth=1.2)
        if abs(ours) > EDGE:
            marker = ">" if ours > 0 else "<"
        axes.plot(
            np.clip(ours, -EDGE, EDGE),
            row,
            marker=marker,
            color=colour,
            markersize=4,
            linestyle="none",
        )
    names = [line if isinstance(line, str) else line[0] for line in lines]
    axes.set_yticks(range(len(lines)), names, fontsize=6)
    for tick, line in zip(axes.get_yticklabels(), lines, strict=True):
        if isinstance(line, str):
            tick.set_fontweight("bold")
    axes.set_ylim(down - 0.2, -0.8)
    axes.set_xlim(-EDGE - 0.2, EDGE + 0.2)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Ours less published, in margins")


def _label(verdict: Verdict) -> str:
    name = verdict.claim.id
    return name if verdict.claim.read else f"{name} †"
