"""Rank agreement between devices before and after the proxy's adaptation.

Two heat maps side by side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, new_figure
from nasrepro.reports.summary import Results
from nasrepro.suite.experiments.kinds.study import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage


#: The columns of the study that are drawn, and the titles of their panels.
PANELS = {"raw": "the proxy as it is", "adaproxy": "after AdaProxy"}


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each setting of `oneproxy.adaptation` with every device as proxy once.

    Rows are the proxies, columns the targets.
    """
    settings = defaultdict(list)
    for record in results.studies:
        params = record.key.params
        if (
            record.key.study == "oneproxy.adaptation"
            and record.status == "done"
            and not params["proxy"]
        ):
            settings[params["devices"], params["dataset"], params["samples"]].append(record)
    for (source, dataset, samples), records in sorted(settings.items()):
        names = sorted({row["device"] for record in records for row in record.rows})
        maps = {column: _mean_map(records, names, column) for column in PANELS}
        figure = new_figure("page", 0.52)
        panels = figure.subplots(1, 2, sharey=True)
        low = min(0.0, *(float(np.nanmin(values)) for values in maps.values()))
        for axes, (column, title) in zip(panels, PANELS.items(), strict=True):
            image = _heat_map(axes, maps[column], names, low)
            off = maps[column][~np.isnan(maps[column])]
            axes.set_title(f"{title}: median {np.median(off):.2f}, lowest {off.min():.2f}")
        panels[0].set_ylabel("proxy")
        figure.colorbar(image, ax=panels, shrink=0.8, label="Spearman's rho")
        caption = (
            f"{source}, {dataset}: Spearman's rho between a target's latencies and, at the left, "
            "the proxy's as they are or, at the right, AdaProxy's predictions for the other cells "
            f"from {samples} cells measured on the target; mean of {len(records)} draws."
        )
        yield Drawing(slug("oneproxy-heatmaps", source, dataset, str(samples)), caption, figure)


def _mean_map(
    records: Sequence[StudyRecord], names: Sequence[str], column: str
) -> NDArray[np.float64]:
    """A column's mean over the draws, [proxies, targets]; nan on the diagonal."""
    total = np.zeros((len(names), len(names)))
    for record in records:
        for row in record.rows:
            place = names.index(row["proxy"]), names.index(row["device"])
            total[place] += row[column] / len(records)
    np.fill_diagonal(total, np.nan)
    return total


def _heat_map(
    axes: Axes, values: NDArray[np.float64], names: Sequence[str], low: float
) -> AxesImage:
    """Draw one map, from `low` to 1, with its numbers in the cells."""
    axes.patch.set(facecolor="0.85")
    image = axes.imshow(np.ma.masked_invalid(values), cmap="cividis", vmin=low, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=5.5)
    axes.set_yticks(range(len(names)), names, fontsize=5.5)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for (i, j), value in np.ndenumerate(values):
        if not np.isnan(value):
            dark = value < low + 0.6 * (1 - low)
            axes.text(
                j,
                i,
                f"{value:.2f}".replace("0.", "."),
                ha="center",
                va="center",
                fontsize=4,
                color="white" if dark else "black",
            )
    return image
