"""`nasrepro score`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasrepro.suite.cli.common import Json, Quiet, app, print_json, print_table, progress_bar
from nasrepro.suite.errors import NasreproError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nasrepro.suite.oracle import Oracle
    from nasrepro.suite.scoring import ScoreTable, ScoringSetting

Batch = Annotated[int, typer.Option(min=1, help="Images per batch.")]
Count = Annotated[
    int, typer.Option("--batches", min=1, help="Number of batches; all networks see the same ones.")
]
Data = Annotated[
    str,
    typer.Option(help='Images: "random" or a data set (default: the oracle\'s own, if shipped).'),
]
Network = Annotated[
    list[str] | None,
    typer.Option(help="Parameter of the networks as name=number, e.g. channels=8; repeatable."),
]
DatasetOf = Annotated[
    str,
    typer.Option(
        "--network-dataset",
        help="Data set the networks are built for (default: the oracle's first).",
    ),
]


AsBuilt = Annotated[
    bool,
    typer.Option(
        "--as-built", help="Score networks with their dead parts (default: without them)."
    ),
]


def setting_of(
    batch: int,
    batches: int,
    data: str,
    seed: int,
    network: list[str] | None,
    dataset: str,
    as_built: bool = False,
) -> ScoringSetting:
    """The setting that the options give."""
    from nasrepro.suite.scoring import ScoringSetting

    sizes = {}
    for text in network or []:
        name, equals, value = text.partition("=")
        if not equals or not value.isdecimal() or int(value) < 1:
            raise NasreproError(
                f"--network {text!r} is not name=number, a positive one such as channels=8"
            )
        sizes[name] = int(value)
    return ScoringSetting(batch, batches, data, seed, sizes, dataset, as_built)


@app.command()
def score(
    oracle: Annotated[str, typer.Argument(help="Oracle whose networks are scored.")],
    scorer: Annotated[
        list[str] | None,
        typer.Option(help="Scorer; repeatable (default: all that need a network)."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Score the first N of a fixed random order (default: all)."),
    ] = None,
    batch: Batch = 128,
    batches: Count = 2,
    data: Data = "",
    seed: Annotated[int, typer.Option(min=0, help="Seed of images, weights and scorers.")] = 0,
    network: Network = None,
    networks_of: DatasetOf = "",
    as_built: AsBuilt = False,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes, one thread each.")] = 1,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Start no new network after N seconds.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Copy the scores to this .parquet file.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Score untrained networks and store the scores.

    Functionally equal architectures are scored once; stored scores are not computed again.

    Example: nasrepro score digits201 --scorer zico --scorer synflow --batch 64
    """
    from nasrepro.suite.registry import load_oracle, scorers
    from nasrepro.suite.scoring import sample as sample_of
    from nasrepro.suite.scoring import score as run

    opened = load_oracle(oracle)
    asked = [scorers.get(name) for name in scorer] if scorer else scorers.all()
    named = [part for each in asked for part in each.combines or (each.name,)]
    wanted = [scorers.get(name) for name in dict.fromkeys(named)]
    if not scorer or any(each.combines for each in asked):  # what is counted is not stored
        wanted = [each for each in wanted if each.needs_network]
    for each in wanted:
        if not each.needs_network:
            raise NasreproError(
                f"scorer {each.name} needs no network: nasrepro rank computes it directly, "
                "so there are no scores to store"
            )
    setting = setting_of(batch, batches, data, seed, network, networks_of, as_built)
    archs = [opened.archs()[row] for row in sample_of(opened, sample)]
    limit_s = float("inf") if seconds is None else seconds
    with progress_bar(f"scoring {opened.name}", quiet) as progress:
        table = run(
            opened, wanted, archs, setting, workers=workers, limit_s=limit_s, progress=progress
        )
    path = table.save(out) if out else table.path
    _print_scores(opened, table, [each.name for each in wanted], path, as_json)


def _print_scores(
    oracle: Oracle, table: ScoreTable, names: Sequence[str], path: Path, as_json: bool
) -> None:
    """How many architectures each scorer has scored."""
    import numpy as np

    from nasrepro.suite.scoring import scored

    rows = []
    for name in names:
        scores = np.array(list(table.rows.get(name, {}).values()), dtype=np.float64).reshape(-1, 2)
        rows.append(
            {
                "scorer": name,
                "distinct": len(scores),
                "sample": len(scored(oracle, table, name)[0]),
                "non_finite": int((~np.isfinite(scores[:, 0])).sum()),
                "mean_cpu_s": float(scores[:, 1].mean()) if len(scores) else None,
            }
        )
    if as_json:
        print_json(
            {"oracle": oracle.name, "inputs": str(table.inputs), "path": str(path), "scorers": rows}
        )
        return
    typer.echo(f"{oracle.name}: {table.inputs}")
    shown = [
        [
            row["scorer"],
            f"{row['distinct']:,}",
            f"{row['sample']:,} of {len(oracle.archs()):,}",
            row["non_finite"],
            _seconds(row["mean_cpu_s"]),
        ]
        for row in rows
    ]
    print_table(
        ["scorer", "distinct scored", "first of the sample", "non-finite", "CPU s each"], shown
    )
    typer.echo(f"kept in {path}" if path.exists() else "all of them ship with the package")


def _seconds(value: Any) -> str:
    return "" if value is None else f"{value:.3f}"
