"""AMC's constraint: what strategies cost where widths are rounded behind the wall."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from nasrepro.reports.figures.style import COLOURS, DASHES, Drawing, legend_below, new_figure
from nasrepro.reports.summary import Results


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle of `amc.rounding`, of all its seeds."""
    shares: dict[str, dict[tuple[float, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in results.studies:
        if record.key.study == "amc.rounding" and record.status == "done":
            for row in record.rows:
                shares[row["oracle"]][row["preserve"], row["repair"]] += row["_shares"]
    for oracle, settings in sorted(shares.items()):
        figure = new_figure("column", 0.8)
        axes = figure.add_subplot()
        budgets = sorted({preserve for preserve, _ in settings})
        for (preserve, repair), values in sorted(settings.items()):
            place = budgets.index(preserve)
            axes.plot(
                np.sort(values),
                np.linspace(0, 1, len(values)),
                color=COLOURS[place],
                linestyle=DASHES[repair == "True"],
                label=f"{preserve:.0%}, {'repaired' if repair == 'True' else 'as published'}",
            )
            axes.axvline(preserve, color=COLOURS[place], linewidth=0.6, linestyle=":")
        axes.set_xlabel("share of the whole network's MACs")
        axes.set_ylabel("share of strategies")
        legend_below(figure, axes, columns=2)
        count = len(next(iter(settings.values())))
        yield Drawing(
            f"amc-rounding-{oracle.replace('_', '-')}",
            f"MACs of {count:,} strategies of AMC with random actions on {oracle} for each budget "
            "(dotted): as published, where widths are rounded up after the budget was applied, and "
            "with the budget applied to rounded widths.",
            figure,
        )
