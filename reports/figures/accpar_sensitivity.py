"""What AccPar's mean speed-up depends on: rule for unequal groups, batch, bandwidths."""

from __future__ import annotations

from collections.abc import Iterator

from nasrepro.reports.figures.style import Drawing, legend_below, look_of, new_figure
from nasrepro.reports.summary import Results

#: Columns of the study, their names, and the abstract's figures.
SERIES = {
    "one_weird_trick": ("one weird trick", 2.98),
    "hypar": ("HyPar", 3.78),
    "accpar": ("AccPar", 6.30),
}


def draw(results: Results) -> Iterator[Drawing]:
    """One figure for each version of `accpar.sensitivity`, which has no randomness."""
    records = {
        record.key.study_sha256: record
        for record in results.studies
        if record.key.study == "accpar.sensitivity" and record.status == "done"
    }
    for number, record in enumerate(records.values(), start=1):
        panels = list(dict.fromkeys(row["varied"] for row in record.rows))
        figure = new_figure("page", 0.42)
        looks = look_of(SERIES)
        every = figure.subplots(1, len(panels), sharey=True)
        for axes, varied in zip(every, panels, strict=True):
            rows = [row for row in record.rows if row["varied"] == varied]
            for column, (name, published) in SERIES.items():
                look = looks[column]
                axes.plot(
                    range(len(rows)),
                    [row[column] for row in rows],
                    **(look.points | look.line),
                    label=name,
                )
                axes.axhline(published, color=look.colour, linewidth=0.6, linestyle=":")
            axes.set_xticks(range(len(rows)), [row["value"] for row in rows], rotation=45)
            axes.set_xlabel("rule for the share" if varied == "rule" else varied)
        every[0].set_ylim(0, None)
        every[0].set_ylabel("speed-up over data parallelism")
        legend_below(figure, every[0], columns=3)
        yield Drawing(
            "accpar-sensitivity" + ("" if len(records) == 1 else f"-{number}"),
            "Geometric mean over nine networks of the speed-up over data parallelism on two "
            "unequal groups of accelerators, where one setting at a time differs from batch 512, "
            "twice the bandwidth and the rule 'level'; a rule that is a number is the first "
            "group's share. Dotted: the abstract's figures.",
            figure,
        )
