"""Figures, drawn by matplotlib without a display and without its global state; the same input gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import NasreproError
from suite.files import replacing

#: Up to this many devices the values stand in the cells; more would not be legible.
PRINTED = 20
#: Without these entries a file tells when it was written, and two equal figures differ.
_METADATA: dict[str, dict[str, Any]] = {".png": {"Software": None}, ".pdf": {"CreationDate": None, "Producer": None, "Creator": None}}


def device_agreement(names: Sequence[str], rho: NDArray[np.float64], count: NDArray[np.int64], title: str, path: Path) -> None:
    """Heat map of Spearman's rho between devices.

    The colours (cividis) are told apart by readers with any colour vision and, since they grow steadily lighter, in grey.
    White lines part the sources; a pair without a rho is hatched.

    Args:
        names: "source/device" of d devices, those of a source side by side.
        rho: shape (d, d), NaN where a pair has none.
        count: architectures behind each pair, shape (d, d).
        title: above the figure; n is added.
        path: file to write, .png or .pdf.

    Raises:
        NasreproError: another kind of file, or it cannot be written.
    """
    from matplotlib.figure import Figure  # half a second to import

    if path.suffix.lower() not in _METADATA:
        raise NasreproError(f"cannot draw to {path}; give a file that ends in {' or '.join(_METADATA)}")
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
            axes.text(j, i, f"{rho[i, j]:.2f}", ha="center", va="center", fontsize=7, color="white" if dark else "black")
    pairs = count[~np.eye(size, dtype=bool)]
    shown = f"n = {pairs.min():,}" if pairs.min() == pairs.max() else f"n = {pairs.min():,} to {pairs.max():,}"
    axes.set_title(f"{title}\n{shown}", fontsize=9)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("Spearman's rho", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, metadata=_METADATA[path.suffix.lower()])
