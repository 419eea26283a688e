"""Rank by fidelity: how well trainings of each length rank, against what they cost."""

from __future__ import annotations

from collections.abc import Iterator

from nasrepro.reports.figures.style import Drawing, legend_below, look_of, new_figure, spelled
from nasrepro.reports.summary import Results

STUDY = "fidelity.rank"
PANELS = (("kendall", "all architectures"), ("top_kendall", "the best 10 % at the end"))


def draw(results: Results) -> Iterator[Drawing]:
    """One figure: a line for each oracle and data set that the study was made on."""
    curves = {
        f"{record.key.params['oracle']}, {record.key.params['dataset']}": [
            row for row in record.rows if row["share_of_cost"] is not None
        ]
        for record in results.studies
        if record.key.study == STUDY and record.status == "done"
    }
    named = {name: rows for name, rows in sorted(curves.items()) if rows}
    if not named:
        return
    looks = look_of(named)
    figure = new_figure("page", height=2.6 + 0.14 * -(-len(named) // 3))
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (column, title) in zip(panels, PANELS, strict=True):
        for name, rows in named.items():
            share = [100 * row["share_of_cost"] for row in rows]
            look = looks[name]
            panel.plot(
                share,
                [row[column] for row in rows],
                label=spelled(name),
                marker=look.marker,
                markersize=2.5,
                **look.line,
            )
            panel.fill_between(
                share,
                [row[f"{column}_low"] for row in rows],
                [row[f"{column}_high"] for row in rows],
                color=look.colour,
                alpha=0.15,
                linewidth=0,
            )
        panel.axhline(0, color="0.6", linewidth=0.6)
        panel.set_xscale("log")
        panel.set_xlabel("Cost of the training (% of the longest)")
        panel.set_title(title, fontsize="medium")
        panel.grid(visible=True)
    panels[0].set_ylabel("Kendall's tau-b with the longest")
    legend_below(figure, panels[0], columns=3)
    counts = "; ".join(f"{name}: {rows[0]['n']:,}" for name, rows in named.items())
    yield Drawing(
        "fidelity-rank",
        "Rank agreement of the objective after a training of each length with that after the "
        f"longest; bands are 95 % bootstrap intervals over architectures. Architectures: {counts}.",
        figure,
    )
