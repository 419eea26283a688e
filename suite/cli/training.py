"""`nasrepro train` and `train-table`: one network, or a table of this project's own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasrepro.suite.cli.common import (
    Json,
    Quiet,
    app,
    json_text,
    print_json,
    print_table,
    progress_bar,
    remark,
    typed_arch,
)
from nasrepro.suite.errors import NasreproError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nasrepro.suite.registry import Trainer
    from nasrepro.suite.space import SearchSpace


@app.command()
def train(
    space: Annotated[str, typer.Option(help="Search space or oracle; see: nasrepro list spaces.")],
    arch: Annotated[str, typer.Option(help="Official string or index of the architecture.")],
    data: Annotated[
        str,
        typer.Option(
            help="Data set: digits, cifar10, cifar10_jpeg (lossy), cifar100, ImageNet16-120, ..."
        ),
    ],
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Training length (default: the recipe's).")
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of trainings, with seeds 0, 1, ...")
    ] = 1,
    batch: Annotated[int | None, typer.Option(min=1, help="Examples per step.")] = None,
    lr: Annotated[float | None, typer.Option(min=0, help="Initial learning rate.")] = None,
    channels: Annotated[
        int | None, typer.Option(min=1, help="Channels of the first stage.")
    ] = None,
    cells: Annotated[int | None, typer.Option(min=1, help="Cells per stage.")] = None,
    stages: Annotated[int | None, typer.Option(min=1, help="Stages.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ... (default: cpu).")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for training.json and the curves, training.png.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train one network; an interrupted training resumes.

    On digits, NAS-Bench-201 cells are trained exactly as those of the table digits201. Data sets
    are looked for in NASREPRO_DATASETS. Not every space has --channels, --cells or --stages.

    Example: nasrepro train --space nasbench201 --arch 284
    --data digits --epochs 30 --seeds 3 --out trained
    """
    from nasrepro.suite.data import cache_dir

    trainer, dataset = _trainer(data)
    opened = _space(space)
    chosen = typed_arch(opened, arch)
    given = {
        "epochs": epochs, "batch": batch, "learning_rate": lr, "channels": channels, "cells": cells,
        "stages": stages, "device": device
    }  # fmt: skip
    options = {name: value for name, value in given.items() if value is not None}
    with progress_bar(f"training on {dataset}", quiet) as progress:
        measured = trainer.train(
            opened,
            chosen,
            dataset,
            list(range(seeds)),
            folder=(out or cache_dir() / "trained") / "checkpoints",
            tell=lambda done, total: progress(int(done), total, ""),
            **options,
        )
    run = {"data": dataset, "trainer": trainer.name, "options": options}
    document = {"space": opened.name, "arch": opened.format(chosen), **run, **_results(measured)}
    if out is not None:
        _write(document, measured, out)
        remark(f"written: {out / 'training.json'}, {out / 'training.png'}", quiet)
    if as_json:
        print_json(document)
    else:
        _print_results(document)


def _results(measured: Mapping[tuple[int, int], Mapping[str, float]]) -> dict[str, Any]:
    """What was measured by epochs and seed: after the last epoch, and after each."""
    last = max(epochs for epochs, _ in measured)
    by_seed = sorted(measured.items(), key=lambda item: item[0][::-1])
    return {
        "epochs": last,
        "results": [
            {"seed": seed, **values} for (epochs, seed), values in by_seed if epochs == last
        ],
        "curves": [{"seed": seed, "epoch": epochs, **values} for (epochs, seed), values in by_seed],
    }


def _print_results(document: Mapping[str, Any]) -> None:
    typer.echo(f"{document['arch']} on {document['data']}, {document['epochs']} epochs")
    results: list[dict[str, float]] = document["results"]
    names = [name for name in results[0] if name != "seed"]
    print_table(
        ["seed", *names],
        [[row["seed"], *(_shown(name, row[name]) for name in names)] for row in results],
    )


def _trainer(data: str) -> tuple[Trainer, str]:
    """The trainer that has a data set, and the data set's official name."""
    from nasrepro.suite.registry import trainers

    names = {name: trainer for trainer in trainers.all() for name in trainer.datasets}
    for name, trainer in names.items():
        if name.lower() == data.lower():
            return trainer, name
    raise UnknownName("data set", data, names)


def _space(name: str) -> SearchSpace:
    """The space of that name, or of the oracle of that name."""
    from nasrepro.suite.registry import oracles

    infos = sorted(
        (entry.info for entry in oracles.all()), key=lambda info: info.table is None
    )  # a benchmark's own skeleton first
    for info in infos:
        if name in (info.name, info.space.name):
            return info.space
    raise UnknownName(
        "space",
        name,
        dict.fromkeys([info.space.name for info in infos] + [info.name for info in infos]),
    )


def _shown(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "diverged"
    if name.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if value == int(value) else f"{value:.4f}"


def _write(
    document: dict[str, Any], measured: Mapping[tuple[int, int], Mapping[str, float]], folder: Path
) -> None:
    """The JSON, and a curve of every metric that changes with the epochs."""
    from matplotlib.figure import Figure

    from nasrepro.suite.data import atomic_write, write_text

    write_text(folder / "training.json", json_text(document) + "\n")
    lengths, seeds = (
        sorted({epoch for epoch, _ in measured}),
        sorted({seed for _, seed in measured}),
    )
    names = [
        name
        for name in measured[lengths[0], seeds[0]]
        if name != "cost_s" and len({measured[epoch, seeds[0]].get(name) for epoch in lengths}) > 1
    ]
    figure = Figure(figsize=(3.2 * max(1, len(names)), 2.4), layout="constrained")
    for name, axes in zip(
        names, figure.subplots(1, max(1, len(names)), squeeze=False)[0], strict=False
    ):
        for seed in seeds:
            axes.plot(
                lengths,
                [measured[epoch, seed].get(name, math.nan) for epoch in lengths],
                lw=1,
                label=f"seed {seed}",
            )
        axes.set(xlabel="epoch", title=name.replace("_", " "))
    if names and len(seeds) > 1:
        figure.axes[0].legend(frameon=False, fontsize=7)
    figure.suptitle(f"{document['data']}: {document['arch']}", fontsize=8, wrap=True)
    with atomic_write(folder / "training.png") as temporary:
        figure.savefig(temporary, format="png", dpi=200)


@app.command("train-table")
def train_table(
    name: Annotated[str, typer.Argument(help="The table: digits201.")],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the shards; the same command resumes there."),
    ],
    seeds: Annotated[str, typer.Option(help="Training seeds; see --group.")] = "0,1,2,3,4,5",
    workers: Annotated[int, typer.Option(min=1, help="Number of processes, one thread each.")] = 2,
    cells: Annotated[
        int | None, typer.Option(min=1, help="Train only the first N cells of the random order.")
    ] = None,
    collect: Annotated[
        Path | None,
        typer.Option(
            help="Write the shards to this Parquet file, with a data card; train nothing."
        ),
    ] = None,
    unpack: Annotated[
        Path | None,
        typer.Option(
            help="Fill the folder from this Parquet file, to resume from it; train nothing."
        ),
    ] = None,
    trial: Annotated[
        str | None,
        typer.Option(
            help="Try a recipe on a sample of cells and report the criteria that it meets."
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Train all cells with a recipe that was tried.")
    ] = None,
    group: Annotated[int, typer.Option(min=1, help="Seeds trained side by side.")] = 3,
) -> None:
    """Train a table that ships with this project.

    Training runs in shards, which can be interrupted and resumed; --collect writes the Parquet.

    Example: nasrepro train-table digits201 --out shards; nasrepro train-table digits201 --out
    shards --collect new.parquet
    """
    from nasrepro.suite.registry import oracles

    makers = {entry.name: entry.trained_by for entry in oracles.all() if entry.trained_by}
    if name not in makers:
        raise UnknownName("table that this project trains:", name, makers)
    try:
        wanted = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise NasreproError(
            f"--seeds {seeds!r} is not a list of numbers; give for example --seeds 0,1,2"
        ) from None
    typer.echo(
        makers[name](
            out=out,
            seeds=wanted,
            workers=workers,
            cells=cells,
            collect_to=collect,
            unpack_from=unpack,
            trial_of=trial,
            recipe=recipe,
            group=group,
        )
    )
