"""`nasrepro rank-devices`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasrepro.suite.cli.common import Json, Quiet, app, print_json, print_table, remark
from nasrepro.suite.errors import DataMissing, NasreproError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasrepro.suite.oracle import Device


@app.command("rank-devices")
def rank_devices(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Devices or whole sources (default: all installed tables)."),
    ] = None,
    dataset: Annotated[
        str, typer.Option(help="Data set of the networks, in any case.")
    ] = "cifar10",
    kind: Annotated[str, typer.Option(help="Of whole sources: latency or energy.")] = "latency",
    out: Annotated[
        Path | None, typer.Option(help="A .csv file for all pairs: device, device, rho, n.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="A .png or .pdf file for the heat map.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Show the rank agreement between devices (Spearman's rho).

    Is one proxy device enough? The OneProxy paper asks for 0.9. Devices that repeat the numbers of
    another installed device are left out of whole sources.

    Example: nasrepro rank-devices hwnasbench --dataset cifar100
    """
    from nasrepro.reports.figures.device_agreement import heat_map
    from nasrepro.reports.figures.style import save
    from nasrepro.suite.oracle import agreement

    labels, columns = _values(_chosen_devices(names, kind, quiet), dataset, quiet)
    rho, count = agreement(columns)
    pairs = [
        {
            "device": labels[i],
            "other": labels[j],
            "spearman": float(rho[i, j]),
            "n": int(count[i, j]),
        }
        for i in range(len(labels))
        for j in range(i + 1, len(labels))
    ]
    if out is not None:
        _write_pairs(pairs, out)
    if figure is not None:
        save(heat_map(labels, rho, count, f"Rank agreement between devices, {dataset}"), figure)
    if as_json:
        print_json({"dataset": dataset, "devices": labels, "pairs": pairs})
        return
    _print_agreement(labels, rho, count, dataset)


def _values(
    devices: Sequence[Device], dataset: str, quiet: bool
) -> tuple[list[str], list[NDArray[np.float64]]]:
    """The names and the columns of the devices that have values for networks of a data set.

    Raises:
        NasreproError: fewer than two have any.
    """
    from nasrepro.suite.errors import NotTabulated
    from nasrepro.suite.registry import load_devices

    columns: dict[str, NDArray[np.float64]] = {}
    without = []
    for device in devices:
        try:
            columns[device.name] = load_devices(device.name).values(device.name, dataset)
        except NotTabulated:
            without.append(device.name)
    if len(columns) < 2:
        raise NasreproError(
            f"{len(columns)} devices have values for networks of {dataset}, two are needed; see: "
            "nasrepro list devices"
        )
    if without:
        remark(f"left out, no values for networks of {dataset}: {', '.join(without)}", quiet)
    return list(columns), list(columns.values())


def _write_pairs(pairs: Sequence[Mapping[str, object]], path: Path) -> None:
    import csv
    import io

    from nasrepro.suite.data import write_text

    text = io.StringIO()
    writer = csv.DictWriter(text, list(pairs[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(pairs)
    write_text(path, text.getvalue())


def _chosen_devices(names: Sequence[str] | None, kind: str, quiet: bool) -> list[Device]:
    """Devices named one by one, and those of the named sources.

    Of every installed source if none is named.
    """
    from nasrepro.suite.errors import UnknownName
    from nasrepro.suite.registry import devices, load_devices

    if kind not in ("latency", "energy"):
        raise UnknownName("kind", kind, ("latency", "energy"))
    if not names:
        away = [entry.name for entry in devices.all() if not entry.info.table.path.exists()]
        for name in away:
            remark(
                f"left out: {name} is not installed; get it with: nasrepro data fetch {name}", quiet
            )
        here = [entry for entry in devices.all() if entry.name not in away]
        spaces_here = [entry.info.space.name for entry in here]
        most = max(spaces_here, key=spaces_here.count, default="")  # one space alone compares
        names = [entry.name for entry in here if entry.info.space.name == most]
        if not names:
            raise DataMissing(
                "no table of devices is installed; get one with: nasrepro data fetch hwnasbench"
            )
    chosen: dict[str, Device] = {}
    for name in names:
        info = load_devices(name).info
        found = (
            [info.device(name)]
            if "/" in name
            else [device for device in info.devices if device.kind == kind]
        )
        chosen |= {device.name: device for device in found}
    spaces = sorted({device.space for device in chosen.values()})
    if len(spaces) > 1:
        raise NasreproError(
            f"devices of several spaces ({', '.join(spaces)}) cannot be compared; name those of "
            "one: nasrepro list devices"
        )
    return [
        device for device in chosen.values() if device.copy_of not in chosen or device.name in names
    ]


#: Up to this many devices their matrix fits a terminal.
_MATRIX = 20


def _print_agreement(
    labels: Sequence[str], rho: NDArray[np.float64], count: NDArray[np.int64], dataset: str
) -> None:
    """The matrix where it fits; how well each device stands for the others.

    And how sources agree.
    """
    import numpy as np

    others = np.where(np.eye(len(labels), dtype=bool), np.nan, rho)
    sizes = sorted({int(n) for n in count[np.triu_indices(len(labels), 1)]})
    shown = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    typer.echo(f"Spearman's rho between {len(labels)} devices, {dataset}, n = {shown}")
    if len(labels) <= _MATRIX:
        typer.echo()
        _print_matrix(labels, rho, count, below=len(sizes) > 1)
    typer.echo()
    print_table(
        ["as the proxy of all others", "median rho", "lowest", "highest"],
        _proxy_rows(labels, others),
    )
    typer.echo()
    print_table(
        ["sources", "pairs", "median rho", "lowest", "0.9 or more"], _source_rows(labels, others)
    )


def _print_matrix(
    labels: Sequence[str], rho: NDArray[np.float64], count: NDArray[np.int64], *, below: bool
) -> None:
    """`below`: n below the diagonal, where it is not the same for all pairs."""
    size = len(labels)
    cells = [
        [f"{count[i, j]:,}" if below and j < i else f"{rho[i, j]:.2f}" for j in range(size)]
        for i in range(size)
    ]
    print_table(
        ["rho; below the diagonal: n" if below else "rho", *(str(i + 1) for i in range(size))],
        [[f"{i + 1} {labels[i]}", *cells[i]] for i in range(size)],
    )


def _proxy_rows(labels: Sequence[str], others: NDArray[np.float64]) -> list[list[str]]:
    """How well each device stands for the others; its agreement with itself is nan in `others`."""
    import numpy as np

    rows: list[list[str]] = []
    for label, row in zip(labels, others, strict=True):
        if np.isnan(row).all():
            rows.append([label, *["none"] * 3])
            continue
        low, high = int(np.nanargmin(row)), int(np.nanargmax(row))
        rows.append(
            [
                label,
                f"{np.nanmedian(row):.3f}",
                f"{row[low]:.3f} {labels[low]}",
                f"{row[high]:.3f} {labels[high]}",
            ]
        )
    return sorted(rows, key=lambda row: row[2], reverse=True)


def _source_rows(labels: Sequence[str], others: NDArray[np.float64]) -> list[list[str]]:
    """How the devices of each two sources agree, and those of each source among themselves."""
    import numpy as np

    sources = np.array([label.partition("/")[0] for label in labels])
    rows = []
    for i, j in itertools.combinations_with_replacement(dict.fromkeys(sources), 2):
        pairs = (
            np.triu(np.ones_like(others), 1).astype(bool)
            & (sources[:, None] == i)
            & (sources == j)
            & ~np.isnan(others)
        )
        if pairs.any():
            values, name = others[pairs], str(i) if i == j else f"{i} and {j}"
            rows.append(
                [
                    name,
                    str(len(values)),
                    f"{np.median(values):.3f}",
                    f"{values.min():.3f}",
                    str((values >= 0.9).sum()),
                ]
            )
    return rows
