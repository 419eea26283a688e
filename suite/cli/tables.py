"""`nasrepro data`: the tables of oracles, devices and references."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasrepro.suite.cli.common import (
    Json,
    Quiet,
    data_app,
    print_json,
    print_table,
    progress_bar,
    remark,
)
from nasrepro.suite.errors import DataCorrupt, DataMissing, NasreproError, NotTabulated

if TYPE_CHECKING:
    from nasrepro.suite.data import TableSpec
    from nasrepro.suite.data.spec import Progress
    from nasrepro.suite.oracle import DeviceInfo, Oracle, OracleInfo, ReferenceInfo
    from nasrepro.suite.registry import DeviceEntry, OracleEntry, ReferenceEntry


def _tables(names: Sequence[str] | None) -> list[OracleEntry | DeviceEntry | ReferenceEntry]:
    """What has a table: oracles, sources of devices, references; those named, or all."""
    from nasrepro.suite.errors import UnknownName
    from nasrepro.suite.registry import devices, oracles, references

    entries: list[OracleEntry | DeviceEntry | ReferenceEntry] = [
        *oracles.all(),
        *devices.all(),
        *references.all(),
    ]
    known = {entry.name: entry for entry in entries}
    for name in names or ():
        if name not in known:
            raise UnknownName("table", name, known)
    return [known[name] for name in names or known]


@data_app.command("fetch")
def data_fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help=(
                "Tables to fetch (oracles, sources of devices, references), or images "
                "(cifar10, cifar100)."
            )
        ),
    ] = None,
    all_tables: Annotated[bool, typer.Option("--all", help="Fetch every table.")] = False,
    if_reachable: Annotated[
        bool, typer.Option(help="Skip (exit 0) what cannot be reached.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes (default: number of cores).")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Download the original files of a table, check their sha256 and convert them.

    Originals come from NASREPRO_MIRROR (a folder or URL with the same paths) if it is set, else
    from their pinned addresses. Tables are kept in NASREPRO_DATA, else in the platform's cache
    folder.
    """
    from nasrepro.suite.experiments.runner import cores

    if names and all_tables:
        raise NasreproError("--all fetches every table: give names or --all, not both")
    if not names and not all_tables:
        raise NasreproError(
            "name the tables to fetch, or give --all; accepted: "
            f"{', '.join(entry.name for entry in _tables(None))}"
        )
    names, downloads = _without_images(names or [])
    for name, fetch in downloads.items():
        try:
            remark(f"{name}: {fetch(name)}", quiet)
        except DataMissing as error:
            if not if_reachable:
                raise
            remark(f"{name}: left out, {error}")
    if downloads and not names and not all_tables:
        return
    missing: list[str] = []
    wanted = _tables(None if all_tables else names)
    for entry in wanted:
        if entry.info.table is None:
            trains = getattr(entry.info, "trains", False)
            asked = "trains what it is asked for, there is nothing to fetch"
            remark(f"{entry.name}: {asked if trains else 'ships with the package'}", quiet)
    tables = {entry.name: entry.info.table for entry in wanted if entry.info.table is not None}
    for name, found in _converted(tables, workers or cores(), quiet):
        if isinstance(found, Path):
            remark(f"{name}: {found}", quiet)
            continue
        corrupt = isinstance(found, DataCorrupt)  # reached, and wrong: never to be passed over
        if len(wanted) == 1 and (corrupt or not if_reachable):
            raise found
        remark(f"{name}: left out, {found}")
        # what a user brings, as a file or a package (extra `tables`), is not expected of --all
        theirs = tables[name].local or any(file.package for file in tables[name].files.values())
        if corrupt or not (if_reachable or (all_tables and theirs)):
            missing.append(name)
    if missing:
        raise DataMissing(f"could not get {', '.join(missing)}; the reasons are above")


def _converted(
    tables: Mapping[str, TableSpec], workers: int, quiet: bool
) -> Iterator[tuple[str, Path | DataMissing | DataCorrupt]]:
    """Each table by name, in their order: where it is, or why it cannot be had."""
    from joblib import Parallel, delayed

    if not tables:
        return
    if len(tables) == 1:  # with its files in the bar
        ((name, spec),) = tables.items()
        with progress_bar(f"fetching {name}", quiet) as progress:
            yield name, _fetched(spec, progress)
        return
    first: dict[Path, str] = {}  # two entries may share a table
    for name, spec in tables.items():
        if not spec.path.exists():
            first.setdefault(spec.path, name)
    todo = list(first.values())
    parallel = Parallel(min(workers, max(1, len(todo))), return_as="generator", batch_size=1)
    with progress_bar("fetching", quiet) as progress:
        made = parallel(delayed(_fetched_by_name)(name) for name in todo)
        for done, (name, spec) in enumerate(tables.items()):
            progress(done, len(tables), name)
            yield name, next(made) if name in todo else _fetched(spec)
        progress(len(tables), len(tables), "done")


def _fetched_by_name(name: str) -> Path | DataMissing | DataCorrupt:
    """In a process of its own, which finds the table as this one did."""
    (entry,) = _tables([name])
    assert entry.info.table is not None, "only tables with originals are sent here"
    return _fetched(entry.info.table)


def _fetched(
    spec: TableSpec, progress: Progress = lambda done, total, name: None
) -> Path | DataMissing | DataCorrupt:
    from nasrepro.suite.data import fetch_table

    try:
        return fetch_table(spec, progress)
    except (DataMissing, DataCorrupt) as error:
        return error


def _without_images(names: Sequence[str]) -> tuple[list[str], dict[str, Callable[[str], Path]]]:
    """The names of tables, and those of images that can be downloaded, with what does."""
    from nasrepro.suite.registry import image_sets, oracles

    known = {entry.name: entry.fetch for entry in image_sets.all() if entry.fetch is not None}
    tables = set(oracles.names())
    downloads = {name: known[name] for name in names if name in known and name not in tables}
    return [name for name in names if name not in downloads], downloads


@data_app.command("info")
def data_info(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Oracles, sources of devices, references (default: all)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Describe tables: contents, size, licence, citation, and how to get them."""
    found = [_described_table(entry) for entry in _tables(names)]
    if as_json:
        print_json(found)
        return
    for each in found:
        name, *rest = each.items()
        typer.echo(name[1])
        for key, value in rest:
            lines = value if isinstance(value, list) else str(value).splitlines()
            for i, line in enumerate(lines):
                typer.echo(f"  {key if i == 0 else '':<12}{line}")
        typer.echo()


def _described_table(entry: OracleEntry | DeviceEntry | ReferenceEntry) -> dict[str, Any]:
    from nasrepro.suite.registry import DeviceEntry, OracleEntry

    if isinstance(entry, OracleEntry):
        return _described(entry)
    return (
        _described_devices(entry)
        if isinstance(entry, DeviceEntry)
        else _described_references(entry)
    )


def _described(entry: OracleEntry) -> dict[str, Any]:
    info = entry.info
    row: dict[str, Any] = {
        "oracle": info.name,
        "notes": list(info.notes),
        "space": f"{info.space.name}, {info.space.count:,} architectures",
    }
    try:
        oracle = entry.load()
        table = getattr(oracle, "table", None)
        row["present"] = str(table.path) if table is not None else "yes"
        row["rows"] = (
            "trained when asked for; answers so far: " + f"{getattr(oracle, 'answers', 0):,}"
            if info.trains
            else _listed_rows(oracle)
        )
        row["data sets"] = [
            line for dataset in info.datasets for line in _trainings(oracle, dataset.name)
        ]
        if table is not None:
            row["bytes"] = table.path.stat().st_size
        row["sha256"] = oracle.table_sha256
    except DataMissing as error:
        row["present"] = f"no; {error}"
        row["data sets"] = [d.name for d in info.datasets]
    row["metrics"] = [
        f"{m.name} ({m.unit}, {m.split}){': ' + m.note if m.note else ''}" for m in info.metrics
    ]
    return row | _origin(info)


def _listed_rows(oracle: Oracle) -> int | str:
    try:
        return len(oracle.archs())
    except NotTabulated:
        return "predicted for any architecture of the space"


def _described_devices(entry: DeviceEntry) -> dict[str, Any]:
    info = entry.info
    row: dict[str, Any] = {
        "source of devices": info.name,
        "notes": list(info.notes),
        "space": f"{info.space.name}, {info.space.count:,} architectures",
    }
    cells = {device.name: "" for device in info.devices}
    try:
        opened = entry.load()
        row["present"] = str(opened.table.path)
        row["rows"] = len(opened.table)
        cells = {
            d.name: (
                f", {opened.measured(d.name, d.datasets[0] if d.datasets else ''):,} architectures"
            )
            for d in info.devices
        }
        row["bytes"] = opened.table.path.stat().st_size
        row["sha256"] = opened.table.sha256
    except DataMissing as error:
        row["present"] = f"no; {error}"
    for d in info.devices:
        values = f"{d.kind}, {d.unit}{cells[d.name]}; {', '.join(d.datasets) or 'any data set'}"
        row.setdefault("devices", []).append(f"{d.name} ({values}): {d.note}")
    return row | _origin(info)


def _described_references(entry: ReferenceEntry) -> dict[str, Any]:
    info = entry.info
    row: dict[str, Any] = {
        "references": info.name,
        "notes": list(info.notes),
        "oracle": info.oracle,
        "data sets": list(info.datasets),
    }
    try:
        table = entry.load().table
        row |= {
            "present": str(table.path),
            "rows": len(table),
            "bytes": table.path.stat().st_size,
            "sha256": table.sha256,
        }
    except DataMissing as error:
        row["present"] = f"no; {error}"
    row["scores"] = [f"{info.source}/{score}" for score in info.scores]
    return row | _origin(info)


def _origin(info: OracleInfo | DeviceInfo | ReferenceInfo) -> dict[str, Any]:
    """What `data info` says last."""
    row: dict[str, Any] = {"licence": info.licence}
    if info.table is not None:
        row["originals"] = [
            f"{file.url} ({file.bytes:,} bytes, sha256 {file.sha256[:16]}...)"
            for file in info.table.files.values()
        ]
    row["citation"] = info.citation
    return row


def _trainings(oracle: Oracle, dataset: str) -> list[str]:
    """One line per set of training seeds: the epochs that have it."""
    by_seeds: dict[tuple[Any, ...], list[int]] = {}
    for epochs in oracle.epochs(dataset):
        by_seeds.setdefault(oracle.seeds(dataset, epochs), []).append(epochs)
    lines = []
    for seeds, lengths in by_seeds.items():
        whole = lengths == list(range(lengths[0], lengths[-1] + 1)) and len(lengths) > 2
        shown = f"{lengths[0]} to {lengths[-1]}" if whole else ", ".join(map(str, lengths))
        lines.append(
            f"{dataset}: {shown} epochs, seeds "
            f"{', '.join(map(str, seeds)) or 'none (the mean alone)'}"
        )
    return lines


@data_app.command("verify")
def data_verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Tables (default: all installed).")
    ] = None,
    as_json: Json = False,
) -> int:
    """Check the hash of every installed table; exits 1 if one differs."""
    from nasrepro.suite.data import open_table

    results = []
    for entry in _tables(names):
        try:
            table = (
                open_table(entry.info.table)
                if entry.info.table is not None
                else getattr(entry.load(), "table", None)
            )
            if table is not None:
                table.verify()
            results.append({"table": entry.name, "result": "good"})
        except DataMissing as error:
            if names:
                raise
            results.append({"table": entry.name, "result": f"not here: {error}"})
        except DataCorrupt as error:
            results.append({"table": entry.name, "result": f"damaged: {error}"})
    if as_json:
        print_json(results)
    else:
        print_table(["table", "result"], [[row["table"], row["result"]] for row in results])
    return int(any(row["result"].startswith("damaged") for row in results))
