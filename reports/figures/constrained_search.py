"""Methods under a limit of latency: how far what they return is below the best within it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, legend_below, look_of, new_figure
from nasrepro.reports.summary import Results


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle and data set of `constrained.search`."""
    gaps: dict[tuple[str, str], dict[str, dict[tuple[str, float], list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    broken: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for record in results.studies:
        if record.key.study != "constrained.search" or record.status != "done":
            continue
        for row in record.rows:
            setting = row["oracle"], row["dataset"]
            broken[setting][row["arm"]] += not row["holds"]
            limit = row["device"], row["quantile"]
            gaps[setting][row["arm"]][limit] += [row["below_best"]] if row["holds"] else []
    for (oracle, dataset), arms in sorted(gaps.items()):
        limits = sorted({limit for by_limit in arms.values() for limit in by_limit})
        figure = new_figure("page", height=0.9 + 0.24 * len(limits))
        axes = figure.add_subplot()
        looks = look_of(arms)
        for place, (arm, by_limit) in enumerate(sorted(arms.items())):
            points = [(limit, np.mean(by_limit[limit])) for limit in limits if by_limit[limit]]
            axes.plot(
                [100 * mean for _, mean in points],
                [limits.index(limit) + 0.12 * (place - len(arms) / 2) for limit, _ in points],
                label=arm,
                **looks[arm].points,
            )
        axes.set_yticks(
            range(len(limits)), [f"{device}, {quantile:.0%}" for device, quantile in limits]
        )
        axes.invert_yaxis()
        axes.set_xlabel("below the best within the limit (points)")
        axes.set_xlim(-0.05, None)
        axes.grid(axis="x")
        legend_below(figure, axes, columns=5)
        over = ", ".join(
            f"{arm} {count}" for arm, count in sorted((+broken[oracle, dataset]).items())
        )
        yield Drawing(
            slug("constrained-search", oracle, dataset),
            f"How far what each method returns on {oracle}, {dataset}, lies below the best network "
            "within the limit, mean over seeds. At the left: the device, and the share of networks "
            f"that keep the limit. Searches left out because they broke it: {over or 'none'}.",
            figure,
        )
