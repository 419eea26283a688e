"""Rank by score against rank by metric, for every ranking that kept its scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from scipy.stats import rankdata

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import COLOURS, Drawing, new_figure
from nasrepro.reports.summary import Results
from nasrepro.reports.tables.rankings import rank_order, rank_table_of, scorer_names
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.kinds.ranking import RankRecord, Scatter
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import oracles

ACROSS = 4


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle, metric, training length and data set.

    Each has a panel for each scorer, the best Kendall first.
    """
    records = sorted(
        (record for record in results.rankings if record.status == "done"), key=rank_order
    )
    for place, members in groupby(
        records, key=lambda record: (rank_table_of(record), record.key.dataset)
    ):
        ordered = sorted(
            members, key=lambda record: -np.nan_to_num(record.agreement["kendall"], nan=-2)
        )
        found = [
            (record, scatter)
            for record in ordered
            if (scatter := _scatter(results.store, record)) is not None
        ]
        if found:
            yield _drawing(place[1], found)


def _scatter(store: Store, record: RankRecord) -> Scatter | None:
    try:
        return Scatter.from_bytes(store.trace(record.key.run_id))
    except NasreproError:  # from before rankings kept their scores, or damaged
        return None


def _drawing(dataset: str, found: Sequence[tuple[RankRecord, Scatter]]) -> Drawing:
    key = found[0][0].key
    higher = oracles.get(key.oracle).info.metric(key.metric).higher_is_better
    across = min(ACROSS, len(found))
    down = -(-len(found) // across)
    figure = new_figure("page", height=0.35 + down * 6.9 / ACROSS * 1.04)
    panels = figure.subplots(down, ACROSS, sharex=True, sharey=True, squeeze=False)
    names, letters = scorer_names([record for record, _ in found])
    for panel, (record, scatter), name in zip(panels.flat, found, names, strict=False):
        _panel(panel, record, scatter, higher, name)
    for panel in panels.flat[len(found) :]:
        panel.set_axis_off()
    for panel in panels.flat[max(0, len(found) - ACROSS) : len(found)]:  # the lowest of each column
        panel.tick_params(labelbottom=True)
        panel.set_xlabel("rank by score (%)")
    shown = max(len(scatter.rows) for _, scatter in found)
    ranked = sorted({int(record.agreement["n"]) for record, _ in found})
    many = " to ".join(f"{count:,}" for count in dict.fromkeys((ranked[0], ranked[-1])))
    caption = (
        f"Rank by score against rank by {key.metric} after {key.epochs} epochs on {dataset}, "
        f"among up to {shown:,} of the {many} "
        f"architectures of {key.oracle} that a score ranks; 100 % is the best, equal scores "
        "share the mean of their ranks, scores that "
        f"are not finite rank worst. τ: Kendall's tau-b over all that it ranks.{letters}"
    )
    return Drawing(
        slug("rank-scatter", key.oracle, dataset, key.metric, key.epochs, "epochs"), caption, figure
    )


def _panel(panel: Any, record: RankRecord, scatter: Scatter, higher: bool, name: str) -> None:
    scores = np.array([-np.inf if score is None else score for score in scatter.scores])
    values = np.array(scatter.values) * (1 if higher else -1)
    share = 100 / len(scores)
    panel.plot(
        share * rankdata(scores),
        share * rankdata(values),
        "o",
        color=COLOURS[0],
        alpha=0.45,
        markersize=1.3,
        markeredgewidth=0,
    )
    panel.set_title(f"{name}: τ = {record.agreement['kendall']:.2f}".replace("-", "−"), fontsize=7)
    panel.set_aspect("equal")
    panel.set(xlim=(0, 101), ylim=(0, 101), xticks=(0, 50, 100), yticks=(0, 50, 100))
    panel.set_ylabel(f"rank by {record.key.metric.replace('_', ' ')} (%)")
    panel.label_outer()
