"""CompactNet's simulators: a layer's latency by its output filters.

Fewer filters should be faster.
"""

from __future__ import annotations

from collections.abc import Iterator

from nasrepro.reports.figures.style import Drawing, legend_below, look_of, new_figure
from nasrepro.reports.summary import Results


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for `compactnet.noise`, which has no randomness.

    Nothing where it was not measured.
    """
    for record in results.studies:
        if record.key.study != "compactnet.noise" or record.status != "done":
            continue
        figure = new_figure("page", 0.4)
        panels = figure.subplots(1, len(record.rows))
        for axes, row in zip(panels, record.rows, strict=True):
            looks = look_of(row["_curves"])
            for layer, curve in row["_curves"].items():
                axes.plot(range(1, len(curve) + 1), curve, label=layer, **looks[layer].line)
            axes.set_title(f"{row['device']}: {row['share']:.0%} of steps up are faster")
            axes.set_xlabel("output filters")
            axes.set_ylim(0, None)
        panels[0].set_ylabel("latency of the layer (ms)")
        legend_below(figure, panels[0], columns=3)
        yield Drawing(
            "compactnet-noise",
            "Latency that CompactNet's simulators give a layer with all of its input filters, by "
            "the number of its output filters. Titles: the share of all neighbouring entries in "
            "which one more output filter lowers the latency.",
            figure,
        )
        return
