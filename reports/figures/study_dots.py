"""Studies without a figure of their own: what a table of theirs shows, as dots on a line a row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import (
    Drawing,
    legend_below,
    logarithmic,
    look_of,
    new_figure,
)
from nasrepro.reports.summary import Results
from nasrepro.reports.words import title_of


@dataclass(frozen=True)
class Dots:
    """How a study is drawn.

    Attributes:
        rows: column that names a line.
        values: columns that are drawn.
        label: of their axis.
        caption: what the figure shows.
        series: column whose entries tell dots of one line apart; several `values` otherwise.
        panels: columns whose entries tell panels apart.
        only: entries of the panels that are drawn; all if empty.
        log: whether the axis is logarithmic.
    """

    rows: str
    values: tuple[str, ...]
    label: str
    caption: str
    series: str = ""
    panels: tuple[str, ...] = ()
    only: tuple[tuple[str, ...], ...] = ()
    log: bool = False


STUDIES = {
    "accpar.speedup": Dots(
        "network",
        ("speedup",),
        "speed-up over data parallelism",
        "Speed-up of a training step on 128 equal accelerators (v2) and on 128 slow and 128 fast "
        "ones (v2 + v3); on the latter, the first group's share of AccPar's work is even, or set "
        "by the rule that makes the slower group of the first level fastest.",
        series="scheme",
        panels=("array", "rule"),
        only=(("v2", "even"), ("v2 + v3", "even"), ("v2 + v3", "level")),
        log=True,
    ),
    "accpar.ranking": Dots(
        "scheme",
        ("time_and_macs", "time_and_accuracy", "macs_and_accuracy"),
        "Kendall's tau-b",
        "How well the order of architectures by the time of a training step on 128 accelerators "
        "agrees with that by MACs, and each of the two with that by the validation metric.",
        panels=("oracle",),
    ),
    "compactnet.simulator": Dots(
        "model",
        ("speedup",),
        "speed-up over the pre-trained network",
        "Speed-ups of CompactNet's released networks on the authors' simulators.",
        series="device",
    ),
    "compactnet.schedule": Dots(
        "asked",
        ("said", "bound", "reached", "reached_steady"),
        "speed-up",
        "The speed-up that CompactNet's loop ends with, for each speed-up asked for: by the code's "
        "comment, if every step gained exactly what it asks for, and as reached by the authors' "
        "scan and by one that is safe against noise.",
        panels=("device", "chosen"),
    ),
    "amc.logs": Dots(
        "network",
        ("latency_ms",),
        "latency on a Pixel 1 (ms)",
        "AMC's released MobileNets: time on a Pixel 1 by the authors' logs, mean of three runs.",
    ),
    "workers.clock": Dots(
        "workers",
        ("wall_h",),
        "simulated wall clock (h)",
        "Simulated wall clock of searches by the number of workers, at equal seconds of training.",
        series="method",
        log=True,
    ),
    "firefly_greedy.rank": Dots(
        "scores",
        ("rank",),
        "rank of the greedy set",
        "Rank of the set of candidates that Firefly's scores choose, among all sets of the same "
        "size, by the loss of the network with it; 1 is the best. Mean over seeds.",
    ),
    "path_level_reuse.curve": Dots(
        "epochs",
        ("accuracy",),
        "validation accuracy (%)",
        "Mean accuracy of random path-level candidates after each number of epochs, with weights "
        "inherited from the chain and with new ones.",
        series="weights",
    ),
    "msnas.memory": Dots(
        "wiring",
        ("peak_over_unwired",),
        "peak memory over that without wiring",
        "Exact peak memory of random graphs under each wiring, divided by that of graphs without "
        "wiring whose MACs are equal within 5 %; median of the graphs, mean over seeds.",
    ),
    "haq.table": Dots(
        "policy",
        ("share", "share_first_at_8"),
        "share of the latency at 8 bits",
        "Latency of HAQ's released policy and of uniform bits on the authors' table, with the "
        "first layer's activations as the authors' code reads them, and with 8 bits there.",
    ),
}


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each study, version of its source and set of parameters."""
    groups: dict[tuple[str, str, str], list[Mapping[str, object]]] = defaultdict(list)
    for record in results.studies:
        key = record.key
        if key.study in STUDIES and record.status == "done":
            params = f"{sorted(key.params.items())}"
            groups[key.study, params, key.study_sha256] += record.rows
    numbers: dict[str, int] = defaultdict(int)
    for (study, _, _), rows in sorted(groups.items(), key=lambda item: item[0]):
        how = STUDIES[study]
        drawn = [row for row in rows if not how.only or _panel(how, row) in how.only]
        if drawn:
            numbers[study] += 1
            more = [str(numbers[study])] if numbers[study] > 1 else []
            yield _drawing(slug("study", study, *more), how, drawn)


def _panel(how: Dots, row: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(row[column] for column in how.panels)


def _drawing(name: str, how: Dots, rows: list[Mapping[str, object]]) -> Drawing:
    points: dict[tuple[object, ...], dict[str, dict[str, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row in rows:
        for column in how.values:
            value = row[column]
            if isinstance(value, int | float):
                series = str(row[how.series]) if how.series else column.replace("_", " ")
                points[_panel(how, row)][series][str(row[how.rows])].append(value)
    lines = list(dict.fromkeys(str(row[how.rows]) for row in rows))
    looks = look_of(dict.fromkeys(series for panel in points.values() for series in panel))
    figure = new_figure("page" if len(points) > 1 else "column", height=1.2 + 0.22 * len(lines))
    every = figure.subplots(1, len(points), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (panel, by_series) in zip(every, points.items(), strict=True):
        for series, by_line in by_series.items():
            means = [float(np.mean(values)) for values in by_line.values()]
            places = [lines.index(line) for line in by_line]
            axes.plot(means, places, label=title_of(series), **looks[series].points)
        axes.set_title(", ".join(map(str, panel)))
        axes.set_xlabel(how.label)
        axes.grid(axis="x")
        if how.log:
            logarithmic(axes)
    every[0].set_yticks(range(len(lines)), lines)
    if all(line.replace(".", "", 1).isdigit() for line in lines):  # names speak for themselves
        every[0].set_ylabel(how.rows)
    every[0].invert_yaxis()
    legend_below(figure, every[0], columns=len(looks))
    return Drawing(name, how.caption, figure)
