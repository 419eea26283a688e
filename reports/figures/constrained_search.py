"""Methods under a limit of latency: how far what they return is below the best within it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, legend_below, look_of, new_figure
from nasrepro.reports.summary import Results


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle, data set and quantile of `constrained.search`."""
    gaps: dict[tuple[str, str, float], dict[str, dict[str, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    broken: dict[tuple[str, str, float], int] = defaultdict(int)
    for record in results.studies:
        if record.key.study != "constrained.search" or record.status != "done":
            continue
        for row in record.rows:
            setting = row["oracle"], row["dataset"], row["quantile"]
            broken[setting] += not row["holds"]
            gaps[setting][row["arm"]][row["device"]] += [row["below_best"]] if row["holds"] else []
    for (oracle, dataset, quantile), arms in sorted(gaps.items()):
        devices = sorted({device for by_device in arms.values() for device in by_device})
        figure = new_figure("page", height=0.9 + 0.24 * len(devices))
        axes = figure.add_subplot()
        looks = look_of(arms)
        for place, (arm, by_device) in enumerate(sorted(arms.items())):
            points = [(d, np.mean(by_device[d])) for d in devices if by_device[d]]
            axes.plot(
                [100 * mean for _, mean in points],
                [devices.index(d) + 0.12 * (place - len(arms) / 2) for d, _ in points],
                label=arm,
                **looks[arm].points,
            )
        axes.set_yticks(range(len(devices)), devices)
        axes.invert_yaxis()
        axes.set_xlabel("below the best within the limit (points)")
        axes.set_xlim(-0.05, None)
        axes.grid(axis="x")
        legend_below(figure, axes, columns=5)
        yield Drawing(
            slug("constrained-search", oracle, dataset, str(quantile)),
            f"What each method returns on {oracle}, {dataset}, where {quantile:.0%} of the "
            "networks are within the limit: how far below the best of those, mean over seeds; "
            f"{broken[oracle, dataset, quantile]} searches that broke the limit are left out.",
            figure,
        )
