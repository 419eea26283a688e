"""`nasrepro query` and `run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasrepro.suite.cli.common import (
    DEFAULT_STORE,
    Executor,
    Json,
    Quiet,
    StorePath,
    app,
    chosen_dataset,
    is_integer,
    print_json,
    print_table,
    progress_bar,
    remark,
    typed_arch,
)
from nasrepro.suite.errors import DataMissing, NasreproError, UnknownName

if TYPE_CHECKING:
    from nasrepro.suite.experiments.kind import Cell, Record
    from nasrepro.suite.experiments.kinds.search import Arm
    from nasrepro.suite.experiments.plan import Plan
    from nasrepro.suite.experiments.runner import Outcome
    from nasrepro.suite.oracle import Oracle
    from nasrepro.suite.registry import Method


@app.command()
def query(
    oracle: Annotated[str, typer.Argument(help="Oracle; see: nasrepro list oracles.")],
    arch: Annotated[str, typer.Argument(help="Official string or index of the architecture.")],
    dataset: Annotated[str, typer.Option(help="Data set (case-insensitive).")] = "",
    epochs: Annotated[
        int | None, typer.Option(help="Training length in epochs (required).")
    ] = None,
    seed: Annotated[str, typer.Option(help="Training seed in the table, or mean.")] = "mean",
    as_json: Json = False,
) -> None:
    """Show everything an oracle knows about an architecture.

    Example: nasrepro query nasbench201 6111 --dataset cifar10 --epochs 200
    """
    from nasrepro.suite.registry import load_oracle

    opened = load_oracle(oracle)
    space = opened.space
    name = chosen_dataset(opened, dataset)
    if epochs is None:
        raise NasreproError(
            "give --epochs; "
            f"{opened.name} has {', '.join(map(str, opened.epochs(name)))} for {name}"
        )
    wanted = typed_arch(space, arch)
    if opened.info.trains:
        remark(_price(opened, name, epochs, seed))
    reading = opened.query(
        wanted, dataset=name, epochs=epochs, seed=int(seed) if is_integer(seed) else seed
    )
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
        print_json(row)
    else:
        units = {metric.name: f"{metric.unit}, {metric.split}" for metric in opened.info.metrics}
        print_table(
            ["", "value", "unit, split"],
            [
                [key, _shown(value, units.get(key, "")), units.get(key, "").replace(", none", "")]
                for key, value in row.items()
            ],
        )


def _price(oracle: Oracle, dataset: str, epochs: int, seed: str) -> str:
    """What an answer of an oracle that trains may cost."""
    count = len(oracle.seeds(dataset, epochs)) if seed == "mean" else 1
    networks = "1 network" if count == 1 else f"{count} networks"
    return (
        f"{oracle.name} trains what it does not have: up to {networks} of {epochs} epochs now "
        "(Ctrl-C stops; the same command resumes)"
    )


def _shown(value: Any, unit: str) -> str:
    """Six digits, thousands separated; what has no unit (an index, epochs) as it is typed."""
    return (
        f"{value:,.0f}"
        if isinstance(value, float) and unit and value.is_integer() and abs(value) < 1e15
        else f"{value:.6g}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int) and unit
        else str(value)
    )


@app.command()
def run(
    plan: Annotated[
        str,
        typer.Option("--plan", "-p", help="Shipped plan or .toml file; see: nasrepro list plans."),
    ] = "reproduce",
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            "-m",
            help="Method to add: a Python file, a name, or optuna:SAMPLER; repeatable.",
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help="Search seeds 0..N-1 (default: the plan's)."),
    ] = None,
    executor: Executor = "processes",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes (default: number of cores).")
    ] = None,
    address: Annotated[str, typer.Option(help="Dask scheduler, tcp://HOST:PORT.")] = "",
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.1, help="Time limit of each run, in seconds (default: the plan's, 6 hours)."
        ),
    ] = None,
    skip_missing: Annotated[
        bool,
        typer.Option(
            "--skip-missing", help="Skip and report experiments whose table is not installed."
        ),
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Run a plan and store the results.

    Finished runs are skipped; an interrupted plan resumes. Exits 1 if a run failed.

    Example: nasrepro run --plan nasbench201 --method my_method.py
    """
    from nasrepro.suite.experiments.kinds.search import arm_labels
    from nasrepro.suite.experiments.plan import load_plan

    left_out: dict[str, DataMissing] = {}
    added = [_method(each) for each in method or []]
    loaded = load_plan(plan)
    labels = arm_labels(loaded.experiment)
    cells = _cells(plan, loaded, added, seeds, left_out if skip_missing else None)
    if address and executor != "dask":
        raise NasreproError("--address is of a Dask scheduler: give --executor dask, too")
    how = {"executor": executor, "workers": workers, "address": address, "timeout_s": timeout}
    outcome = _run(plan, cells, labels, store, quiet, how)
    if as_json:
        print_json(_document(plan, store, outcome, left_out))
    else:
        remark(
            f"{outcome.finished:,} finished, {outcome.there:,} already done, "
            f"{len(outcome.failed):,} failed; see them with: nasrepro report --store {store}",
            quiet,
        )
    for line in _reasons(outcome.failed, store):
        remark(line)
    return int(bool(outcome.failed))


def _document(
    plan: str, store: Path, outcome: Outcome, left_out: Mapping[str, DataMissing]
) -> dict[str, Any]:
    """What `run --json` prints."""
    failed = [
        {"id": record.key.run_id, "error": last_line(record.error)} for record in outcome.failed
    ]
    return {
        "plan": plan,
        "store": str(store),
        "there": outcome.there,
        "finished": outcome.finished,
        "failed": failed,
        "left_out": sorted(left_out),
    }


def _cells(
    name: str,
    plan: Plan,
    extra: Sequence[Method],
    seeds: int | None,
    left_out: dict[str, DataMissing] | None,
) -> list[Cell]:
    """The cells of a plan; what lacks a table goes to `left_out`, or is an error without it."""
    from nasrepro.suite.experiments.cells import cells_of

    try:
        cells = cells_of(
            plan if seeds is None else plan.seeded(seeds),
            extra,
            missing=None if left_out is None else left_out.__setitem__,
        )
    except DataMissing as lacking:
        told = f"{lacking}; --skip-missing runs what can be run without it"
        raise DataMissing(told) from lacking
    for subject, error in (left_out or {}).items():
        remark(f"{subject}: left out, {error}")
    if not cells:
        why = "; ".join(map(str, (left_out or {}).values())) or "it is empty"
        raise NasreproError(f"nothing of plan {name} can run here: {why}")
    return cells


def _run(
    plan: str,
    cells: Sequence[Cell],
    labels: Mapping[Arm, str],
    store: Path,
    quiet: bool,
    how: Mapping[str, Any],
) -> Outcome:
    from nasrepro.suite.experiments.runner import run_cells
    from nasrepro.suite.experiments.store import Store

    with Store(store) as opened:
        opened.name_arms(labels)
        try:
            with progress_bar(f"running {plan}", quiet) as progress:
                return run_cells(cells, opened, progress=progress, **how)
        except KeyboardInterrupt:
            finished = sum(cell.key.run_id in opened.finished() for cell in cells)
            remark(
                f"stopped: {finished:,} of {len(cells):,} are in {store}; "
                "the same command resumes the others"
            )
            raise


def _reasons(failed: Sequence[Record], store: Path) -> Iterator[str]:
    """One line for each method or scorer and kind of error: how often, and the first message."""
    kinds: dict[tuple[str, str], list[Record]] = {}
    for record in failed:
        kind = last_line(record.error).split(":")[0]
        kinds.setdefault((record.key.subject, kind), []).append(record)
    for (subject, _), records in kinds.items():
        times = f"{len(records):,} times" if len(records) > 1 else "once"
        yield (
            f"{subject} failed {times}, for example: {last_line(records[0].error)}; "
            f"traceback: nasrepro show {records[0].key.run_id} --error --store {store}"
        )


def last_line(error: str) -> str:
    """The short message of a failure; "" where there is none."""
    return (error.strip().splitlines() or [""])[-1]


def _method(name: str) -> Method:
    from nasrepro.suite.registry import methods

    if name.endswith(".py") or "/" in name:
        own = methods.from_file(Path(name))
        if own.name not in methods.known():  # a plan may name it, with parameters
            methods.add(own.name, own, __name__)
        return own
    base, colon, value = name.partition(":")
    if Path(f"{base}.py").exists() and not methods.has(base):
        raise UnknownName("method", name, methods.names(), f"or give the file: {base}.py")
    method = methods.get(base)
    texts = [param for param, default in method.defaults.items() if isinstance(default, str)]
    if not colon:
        return method
    if not texts:
        raise NasreproError(f"method {base} has no parameter for {value!r}")
    return replace(method, defaults={**method.defaults, texts[0]: value})
