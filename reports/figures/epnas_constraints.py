"""EPNAS under resource constraints.

The reward, and how many of the trained children break a constraint, as the search goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nasrepro.reports.figures.style import Drawing, legend_below, look_of, new_figure
from nasrepro.reports.summary import Results
from nasrepro.suite.experiments.kinds.search import events_of

#: What a search logged.
Events = Sequence[Mapping[str, Any]]


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each oracle and data set with constrained runs of EPNAS.

    Nothing where there are none.
    """
    groups: dict[tuple[str, str], dict[str, list[Events]]] = defaultdict(lambda: defaultdict(list))
    for record in results.runs():
        params = record.key.params
        if record.key.method != "epnas" or not params["constraints"]:
            continue
        if events := events_of(results.store, record.key.run_id):
            label = f"{params['arm']}, {', '.join(params['constraints'])}, {params['penalty']}"
            groups[record.key.oracle, record.key.dataset][label].append(events)
    for (oracle, dataset), settings in sorted(groups.items()):
        figure = new_figure("column", 1.3)
        upper, lower = figure.subplots(2, 1, sharex=True)
        looks = look_of(settings)
        satisfied = []
        for label, traces in sorted(settings.items()):
            steps = min(map(len, traces))
            queries = np.mean(
                [[row["query"] for row in events[:steps]] for events in traces], axis=0
            )
            for axes, what in ((upper, "reward"), (lower, "violating")):
                axes.plot(
                    queries,
                    np.mean([[row[what] for row in events[:steps]] for events in traces], axis=0),
                    **looks[label].line,
                    label=label,
                )
            kept = np.mean([events[-1]["satisfied"] for events in traces])
            satisfied.append(f"{label}: {100 * kept:.0f} % of {len(traces)} runs")
        upper.set_ylabel("reward of the children")
        lower.set_ylabel("share that violates")
        lower.set_ylim(0, None)
        lower.set_xlabel("queries")
        legend_below(figure, upper, columns=1)
        caption = (
            f"EPNAS under constraints on {oracle}, {dataset}: means over the runs. Share of runs "
            "that trained an architecture within the constraints, by arm, constraints and penalty: "
        )
        yield Drawing(
            f"epnas-constraints-{oracle}-{dataset}", f"{caption}{'; '.join(satisfied)}.", figure
        )
