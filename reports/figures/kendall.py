"""Kendall's tau of every scorer with its interval, beside the controls that a proxy must beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import BAR, CONTROL, Drawing, new_figure, spelled
from nasrepro.reports.summary import Results
from nasrepro.reports.tables.rankings import rank_order, rank_table_of, scorer_names
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.kinds.ranking import RankRecord
from nasrepro.suite.registry import scorers

#: Bars in one row of panels.
ACROSS = 3
#: The diamond of tau among the best tenth.
_TOP: dict[str, Any] = {
    "marker": "D",
    "markersize": 3,
    "markerfacecolor": "white",
    "markeredgecolor": "black",
    "markeredgewidth": 0.7,
    "linestyle": "none",
}


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle, metric and training length, with a panel for each data set."""
    records = sorted(
        (record for record in results.rankings if record.status == "done"), key=rank_order
    )
    for place, members in groupby(records, key=rank_table_of):
        by_dataset = {
            dataset: list(each)
            for dataset, each in groupby(members, key=lambda record: record.key.dataset)
        }
        yield _drawing(*place, by_dataset)


def _drawing(
    oracle: str, table: str, metric: str, epochs: int, by_dataset: dict[str, list[RankRecord]]
) -> Drawing:
    everything = [record for records in by_dataset.values() for record in records]
    labels, letters = scorer_names(everything)
    named = dict(zip((record.key.run_id for record in everything), labels, strict=True))
    names = sorted(set(named.values()))
    taus = {
        name: [r.agreement["kendall"] for r in everything if named[r.key.run_id] == name]
        for name in names
    }
    names.sort(key=lambda name: np.nan_to_num(np.mean(taus[name]), nan=-2))  # the best on top
    across = min(ACROSS, len(by_dataset))
    down = -(-len(by_dataset) // across)
    figure = new_figure(
        "column" if across == 1 else "page", height=0.35 + down * (0.55 + 0.17 * max(3, len(names)))
    )
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for panel, (dataset, records) in zip(panels.flat, by_dataset.items(), strict=False):
        _panel(
            panel,
            dataset,
            [(names.index(named[record.key.run_id]), record) for record in records],
            names,
        )
    for panel in panels.flat[len(by_dataset) :]:
        panel.set_axis_off()
    _legend(figure)
    counts = sorted(
        {record.agreement["n"] for records in by_dataset.values() for record in records}
    )
    shown = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
    resamples = max(record.key.resamples for records in by_dataset.values() for record in records)
    caption = (
        f"Kendall's tau-b between each score and {metric} after {epochs} epochs, over {shown} "
        f"architectures of {oracle}; lines are 95 % "
        f"percentile bootstrap intervals over architectures ({resamples:,} resamples). Hatched: "
        "controls that need no network. "
        f"Diamonds: tau among the best 10 % by the metric.{letters}"
    )
    return Drawing(slug("kendall", oracle, metric, epochs, "epochs"), caption, figure)


def _legend(figure: Any) -> None:
    """What bars, lines and diamonds are."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(**BAR, label="score"),
        Patch(**CONTROL, label="control"),
        Line2D([], [], color="black", linewidth=1.1, label="95 % interval"),
        Line2D([], [], **_TOP, label="best 10 % alone"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, handlelength=1.6)


def _panel(
    panel: Any, dataset: str, placed: Sequence[tuple[int, RankRecord]], names: Sequence[str]
) -> None:
    for height, record in placed:
        tau, (low, high) = record.agreement["kendall"], record.agreement["kendall_ci"]
        if not np.isfinite(tau):
            panel.text(0.02, height, str(record.agreement["status"]), va="center", fontsize=6)
            continue
        panel.barh(height, tau, height=0.66, **(CONTROL if _is_control(record.key.scorer) else BAR))
        if np.isfinite([low, high]).all():
            panel.plot([low, high], [height, height], color="black", linewidth=1.1)
        top = record.agreement.get("top_kendall", np.nan)
        if np.isfinite(top):
            panel.plot(top, height, **_TOP)
    panel.axvline(0, color="black", linewidth=0.6)
    panel.set_yticks(range(len(names)), [spelled(name) for name in names])
    panel.set_ylim(-0.6, len(names) - 0.4)
    panel.tick_params(axis="y", length=0)
    panel.grid(visible=True, axis="x")
    panel.set_title(dataset)
    panel.set_xlabel("Kendall's τ-b")
    panel.label_outer()


def _is_control(name: str) -> bool:
    try:
        return scorers.get(name).paper == "control"
    except NasreproError:
        return False
