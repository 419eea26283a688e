"""How well devices agree on the order of architectures: a heat map of Spearman's rho."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing
from nasrepro.reports.summary import Results
from nasrepro.suite.errors import DataMissing, NotTabulated
from nasrepro.suite.oracle import Device, agreement
from nasrepro.suite.registry import devices, load_devices, oracles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Up to this many devices the values stand in the cells; more would not be legible.
PRINTED = 20


def draw(results: Results) -> Iterator[Drawing]:
    """One map for each data set with searches in the store and latencies of devices.

    The latencies are from the tables that are here.
    """
    searched = {
        (oracles.get(group.setting.oracle).info.space.name, group.setting.dataset)
        for group in results.chosen.groups
    }
    for space, dataset in sorted(searched):
        columns = dict(_latencies(space, dataset))
        if len(columns) > 1:
            rho, count = agreement(list(columns.values()))
            figure = heat_map(
                list(columns), rho, count, f"Rank agreement between devices, {dataset}"
            )
            caption = (
                f"Spearman's rho between the latencies that {len(columns)} devices have for "
                f"networks of {dataset} in the space {space}."
            )
            yield Drawing(slug("device-agreement", space, dataset), caption, figure)


def _latencies(space: str, dataset: str) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Devices with values for networks of a data set.

    Those that repeat another's numbers are left out.
    """
    for entry in devices.all():
        if entry.info.space.name != space:
            continue
        wanted = [
            device
            for device in entry.info.devices
            if device.kind == "latency" and _counts(device, dataset)
        ]
        for device in wanted:
            try:
                yield device.name, load_devices(device.name).values(device.name, dataset)
            except (DataMissing, NotTabulated):
                continue


def _counts(device: Device, dataset: str) -> bool:
    return not device.copy_of and (not device.datasets or dataset in device.datasets)


def heat_map(
    names: Sequence[str], rho: NDArray[np.float64], count: NDArray[np.int64], title: str
) -> Figure:
    """Heat map of Spearman's rho between devices.

    The colours (cividis) are told apart by readers with any colour vision and, since they grow
    steadily lighter, in grey. White lines part the sources; a pair without a rho is hatched.

    Args:
        names: "source/device" of d devices, those of a source side by side.
        rho: shape (d, d), NaN where a pair has none.
        count: architectures behind each pair, shape (d, d).
        title: above the figure; n is added.
    """
    from matplotlib.figure import Figure  # half a second to import

    size = len(names)
    inches = 2.2 + max(0.2 * size, 0.42 * size if size <= PRINTED else 0)
    figure = Figure(figsize=(inches + 0.9, inches), layout="constrained")
    axes = figure.add_subplot()
    axes.patch.set(facecolor="white", hatch="////", edgecolor="0.6")
    low = min(0.0, float(np.nanmin(rho, initial=0)))
    image = axes.imshow(np.ma.masked_invalid(rho), cmap="cividis", vmin=low, vmax=1)
    axes.set_xticks(range(size), names, rotation=90, fontsize=8)
    axes.set_yticks(range(size), names, fontsize=8)
    axes.tick_params(length=0)
    sources = [name.partition("/")[0] for name in names]
    for after in (i for i in range(1, size) if sources[i] != sources[i - 1]):
        axes.axhline(after - 0.5, color="white", linewidth=2)
        axes.axvline(after - 0.5, color="white", linewidth=2)
    if size <= PRINTED:
        for i, j in np.argwhere(~np.isnan(rho)):
            dark = (rho[i, j] - low) / (1 - low) < 0.55
            axes.text(
                j,
                i,
                f"{rho[i, j]:.2f}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if dark else "black",
            )
    pairs = count[~np.eye(size, dtype=bool)]
    shown = (
        f"n = {pairs.min():,}"
        if pairs.min() == pairs.max()
        else f"n = {pairs.min():,} to {pairs.max():,}"
    )
    axes.set_title(f"{title}\n{shown}", fontsize=9)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("Spearman's rho", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return figure
