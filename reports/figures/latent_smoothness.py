"""Smoothness of the latent space of arch2vec.

Distance between two embeddings against the edits between their architectures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, look_of, new_figure
from nasrepro.reports.summary import Results

STUDY = "arch2vec.smoothness"


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle and setting of the study, seeds averaged."""
    groups: dict[str, list[Any]] = defaultdict(list)
    for record in results.studies:
        if record.key.study == STUDY and record.status == "done":
            params = record.key.params
            groups[
                slug(
                    "latent-smoothness",
                    *(
                        str(params[part])
                        for part in ("oracle", "epochs", "pretraining_seed", "steps")
                    ),
                )
            ].append(record)
    for name, records in sorted(groups.items()):
        curves: dict[str, dict[int, list[tuple[float, float]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for record in records:
            for row in record.rows:
                if row["distance"] is not None:
                    curves[str(row["encoder"])][int(row["edits"])].append(
                        (row["distance"], row["distance_deviation"])
                    )
        figure = new_figure("column", 0.75)
        axes = figure.add_subplot()
        axes.axhline(1, color="0.6", linewidth=0.6)
        looks = look_of(curves)
        for encoder, by_edits in curves.items():
            edits = np.array([0, *sorted(by_edits)])
            mean, deviation = np.array(
                [(0.0, 0.0), *(np.mean(by_edits[edit], axis=0) for edit in sorted(by_edits))]
            ).T
            axes.plot(
                edits, mean, **looks[encoder].line, marker=looks[encoder].marker, label=encoder
            )
            axes.fill_between(
                edits,
                mean - deviation,
                mean + deviation,
                color=looks[encoder].colour,
                alpha=0.15,
                linewidth=0,
            )
        axes.set_xlabel("edits (operations or edges changed)")
        axes.set_ylabel("distance / that of random pairs")
        axes.set_xlim(0, None)
        axes.set_ylim(0, None)
        axes.legend(loc="lower right")
        params = records[0].key.params
        walks = f"{params['walks']:,} random walks" + (
            f", {len(records)} seeds" if len(records) > 1 else ""
        )
        caption = (
            f"Distance in the latent space after each edit of {walks} on {params['oracle']}: "
            "mean and standard deviation over walks, in "
            "units of the root mean square distance of two random architectures. An untrained "
            "encoder is shown beside the pre-trained one."
        )
        yield Drawing(name, caption, figure)
