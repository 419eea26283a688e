"""The latent space of arch2vec.

The first two principal components of the embeddings, coloured by accuracy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, new_figure
from nasrepro.reports.summary import Results
from nasrepro.suite.experiments.kinds.study import StudyRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = "arch2vec.map"


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle and setting of the study, of the smallest seed.

    A panel for each encoder.
    """
    chosen: dict[str, StudyRecord] = {}
    for record in results.studies:
        if record.key.study == STUDY and record.status == "done":
            name = slug(
                "latent-map",
                *(
                    str(record.key.params[part])
                    for part in ("oracle", "epochs", "pretraining_seed", "points")
                ),
            )
            if name not in chosen or record.key.seed < chosen[name].key.seed:
                chosen[name] = record
    for name, record in sorted(chosen.items()):
        points = {str(row["encoder"]): np.array(json.loads(row["_points"])) for row in record.rows}
        first = record.rows[0]
        shares = ", ".join(
            f"{row['encoder']} {100 * row['variance_explained']:.0f} %" for row in record.rows
        )
        caption = (
            f"Embeddings of {len(points[str(first['encoder'])]):,} random architectures of "
            f"{first['oracle']}: first two principal "
            f"components (variance explained: {shares}), coloured by rank of accuracy on "
            f"{first['dataset']}. The encoder saw no accuracies."
        )
        yield Drawing(name, caption, maps(points))


def maps(points: dict[str, NDArray[np.float64]]) -> Figure:
    """A panel for each encoder.

    Colours are ranks, since accuracies crowd near the best; viridis grows steadily lighter and is
    told apart by readers with any colour vision.

    Args:
        points: for each encoder x, y and accuracy, shape (n, 3).
    """
    figure = new_figure("page", 0.42)
    panels = figure.subplots(1, len(points), squeeze=False)[0]
    shown = None
    for axes, (encoder, rows) in zip(panels, points.items(), strict=True):
        ranks = 100 * np.argsort(np.argsort(rows[:, 2], kind="stable")) / max(len(rows) - 1, 1)
        shown = axes.scatter(
            rows[:, 0],
            rows[:, 1],
            c=ranks,
            s=3,
            cmap="viridis",
            vmin=0,
            vmax=100,
            linewidths=0,
            rasterized=True,
        )
        axes.set_title(encoder)
        axes.set_xlabel("first component")
    panels[0].set_ylabel("second component")
    if shown is not None:
        figure.colorbar(
            shown, ax=list(panels), label="rank of accuracy (%)", fraction=0.03, pad=0.01
        )
    return figure
