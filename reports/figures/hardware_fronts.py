"""Accuracy against latency: what FLASH found under several limits.

It is shown against the best that the table has under each limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, look_of, new_figure, spelled
from nasrepro.reports.summary import Results

#: Column of the study `flash.search`, and what it is called.
_SERIES = {
    "best_accuracy": "best of the table",
    "returned_accuracy": "FLASH, returned",
    "found_accuracy": "FLASH, found by SHGO",
}


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle: what is limited down, data sets across."""
    found: dict[str, dict[tuple[str, str], list[Mapping[str, Any]]]] = {}
    for record in results.studies:
        if (
            record.key.study == "flash.search"
            and record.status == "done"
            and record.key.params["samples"]
        ):
            for row in record.rows:
                panel = row["limited"], row["dataset"]
                found.setdefault(str(record.key.params["oracle"]), {}).setdefault(panel, []).append(
                    row
                )
    for oracle, panels in sorted(found.items()):
        yield _drawing(oracle, panels)


def _drawing(oracle: str, panels: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]) -> Drawing:
    limited, datasets = (
        list(dict.fromkeys(name for name, _ in panels)),
        list(dict.fromkeys(name for _, name in panels)),
    )
    figure = new_figure("page" if len(datasets) > 1 else "column", height=0.7 + 1.75 * len(limited))
    axes = figure.subplots(len(limited), len(datasets), squeeze=False)
    looks = look_of(_SERIES.values())
    seeds = 0
    for line, name in zip(axes, sorted(limited), strict=True):
        for axis, dataset in zip(line, datasets, strict=True):
            rows = panels.get((name, dataset), [])
            if not rows:
                axis.set_axis_off()
                continue
            limits = sorted({row["limit"] for row in rows})
            scale = 1e-6 if name == "macs" else 1.0
            for column, label in _SERIES.items():
                at = [
                    [100 * row[column] for row in rows if row["limit"] == limit] for limit in limits
                ]
                seeds = max(seeds, *map(len, at))
                means, low, high = (
                    np.array([f(values) for values in at]) for f in (np.mean, np.min, np.max)
                )
                x = scale * np.array(limits)
                axis.plot(x, means, label=label, marker=looks[label].marker, **looks[label].line)
                if column != "best_accuracy":
                    axis.fill_between(
                        x, low, high, color=looks[label].colour, alpha=0.15, linewidth=0
                    )
            axis.set_title(spelled(f"{name}, {dataset}"))
            axis.set_xlabel("Limit, million MACs" if name == "macs" else "Limit, ms")
        line[0].set_ylabel("Accuracy, %")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    caption = (
        f"{oracle}: the search's objective under a limit on the network's cost; the limits are "
        f"quantiles of the cost over the table. Lines are means over {seeds} search seeds, and "
        "bands reach from the lowest to the highest value; the best of the table under the limit "
        "is the true front. "
        "Found by SHGO: the network that the predictor led to; returned: the best that the "
        "search evaluated, its samples included."
    )
    return Drawing(slug("hardware-fronts", oracle), caption, figure)
