"""Claims overview: how far each figure is from the published one, in units of its margin."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, new_figure, spelled
from nasrepro.reports.summary import Results
from nasrepro.suite.claims import Verdict, judge_all, load_claims
from nasrepro.suite.claims.tally import CLASSES, Class, class_of

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
#: Hatches of the classes that say something of a paper's experiments.
_HATCHES: dict[Class, str] = {
    "not reproduced": "////",
    "inconclusive": "....",
    "inconsistent": "xxxx",
}
#: Margins shown at either side; what is farther off stands at the edge with an arrow.
EDGE = 4.0


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
        if placed:
            yield Drawing(
                slug("claims", name),
                _FOREST.format(paper=members[0].claim.title or name, count=len(placed)),
                _forest(placed),
            )


_CAPTION = (
    "Verdicts on the {count} claims of {papers} papers; blocked: it cannot be tested here; "
    "not judged: this store has no results for it."
)
_FOREST = (
    "{paper}: the {count} figures with a margin, ours less the published one in units of that "
    "margin, with 95 % intervals; within the band "
    "is reproduced, wholly outside is not, across its edge is inconclusive. Arrows: farther off "
    "than shown."
)


def _measured(verdict: Verdict) -> bool:
    return verdict.verdict not in ("blocked", "not judged")


def _counts(by_paper: dict[str, list[Verdict]]) -> Any:
    """Stacked bars of shares, so that a paper of one claim shows beside one of hundreds.

    With the numbers in them.
    """
    names = sorted(by_paper, reverse=True)
    figure = new_figure("page", height=0.6 + 0.2 * len(names))
    axes = figure.add_subplot()
    totals = np.array([len(by_paper[name]) for name in names])
    left = np.zeros(len(names))
    for kind in CLASSES:
        counts = np.array(
            [sum(class_of(each) == kind for each in by_paper[name]) for name in names]
        )
        hatch = _HATCHES.get(kind)
        shares = 100 * counts / totals
        axes.barh(
            range(len(names)),
            shares,
            left=left,
            height=0.7,
            color=LOOKS[kind][0],
            hatch=hatch,
            edgecolor="white",
            label=kind,
        )
        for row, (count, share) in enumerate(zip(counts, shares, strict=True)):
            if share > 3:
                white = (
                    {"facecolor": "white", "edgecolor": "none", "pad": 0.6} if hatch else None
                )  # to be read on a hatch
                axes.text(
                    left[row] + share / 2,
                    row,
                    str(count),
                    ha="center",
                    va="center",
                    fontsize=6,
                    bbox=white,
                )
        left += shares
    axes.set_yticks(
        range(len(names)),
        [spelled(f"{name.replace('_', ' ')} ({len(by_paper[name])})") for name in names],
    )
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 100)
    axes.set_xlabel("Claims of a paper (%), their number in brackets")
    figure.legend(loc="outside upper center", ncols=4)
    return figure


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


def _forest(verdicts: Sequence[Verdict]) -> Any:
    figure = new_figure("page", height=0.65 + 0.15 * len(verdicts))
    axes = figure.add_subplot()
    axes.axvspan(-1, 1, color="0.93", linewidth=0)
    axes.axvline(0, color="0.6", linewidth=0.6)
    for row, verdict in enumerate(reversed(verdicts)):
        ours, low, high = _place(verdict) or (np.nan,) * 3
        colour, marker = LOOKS[class_of(verdict)]
        axes.plot(np.clip([low, high], -EDGE, EDGE), [row, row], color=colour, linewidth=1.2)
        if abs(ours) > EDGE:
            marker = ">" if ours > 0 else "<"
        axes.plot(
            np.clip(ours, -EDGE, EDGE),
            row,
            marker=marker,
            color=colour,
            markersize=4.5,
            linestyle="none",
        )
    axes.set_yticks(range(len(verdicts)), [_label(each) for each in reversed(verdicts)], fontsize=6)
    axes.set_ylim(-0.8, len(verdicts) - 0.2)
    axes.set_xlim(-EDGE - 0.2, EDGE + 0.2)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Ours less published (margins of the claim)")
    kinds = [kind for kind in CLASSES if any(class_of(each) == kind for each in verdicts)]
    handles = [
        axes.plot([], [], marker=LOOKS[kind][1], color=LOOKS[kind][0], linestyle="none")[0]
        for kind in kinds
    ]
    figure.legend(handles, kinds, loc="outside upper center", ncols=len(kinds))
    return figure


def _label(verdict: Verdict) -> str:
    name = verdict.claim.id
    return name if verdict.claim.read else f"{name} †"
