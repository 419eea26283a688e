"""`nasrepro verify`."""

from __future__ import annotations

import contextlib
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasrepro.suite.cli.common import (
    DEFAULT_STORE,
    Executor,
    Json,
    Quiet,
    StorePath,
    app,
    print_json,
    print_table,
    printable,
    progress_bar,
    reading,
    remark,
)
from nasrepro.suite.errors import DataMissing, NasreproError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from nasrepro.suite.experiments.kind import Cell, Record
    from nasrepro.suite.experiments.runner import Result
    from nasrepro.suite.experiments.store import Store
    from nasrepro.suite.experiments.verify import Verification


@app.command()
def verify(
    run: Annotated[
        list[str] | None,
        typer.Argument(help="Ids of results (run_id in a report's runs.csv)."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Verify N results, drawn at random.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 0,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", "-m", help="Python file of a method in the store; repeatable."),
    ] = None,
    oracle: Annotated[
        list[str] | None, typer.Option(help="Draw only results on this oracle; repeatable.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Copy the equal results to this new store.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="Compare with all results of this store; run nothing."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --against: write the table to this Markdown file.")
    ] = None,
    store: StorePath = DEFAULT_STORE,
    executor: Executor = "processes",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes (default: number of cores).")
    ] = None,
    address: Annotated[str, typer.Option(help="Dask scheduler, tcp://HOST:PORT.")] = "",
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Rerun stored results and compare them with the records.

    Each is equal, the same answer in other bits, or different. A search by a method that decides by
    floating-point training, stored with other instructions or libraries, is another search.

    With --against, compares two stores (of two machines, say) and counts by method. Exits 1 if a
    result is different.

    Example: nasrepro verify --sample 10
    """
    from nasrepro.suite.registry import methods

    if against is not None:
        if run or sample is not None or keep is not None:
            raise NasreproError(
                "--against compares all results of two stores: give no ids, --sample or --keep"
            )
        return _beside(store, against, out, as_json, quiet)
    if out is not None:
        raise NasreproError("--out writes the table of two stores: give --against, too")
    if not run and sample is None:
        raise NasreproError("give ids of results, --sample N, or --against another store")
    for name in method or ():
        entry = methods.from_file(Path(name))
        methods.add(entry.name, entry, "")
    if keep is not None and keep.exists():
        raise NasreproError(f"{keep} already exists; --keep needs a new path")
    records = _chosen(store, run or (), sample or 0, seed, oracle)
    with progress_bar("verifying", quiet) as progress:
        progress(0, len(records), "")
        found = []
        for result in _verified(records, executor, workers, address):
            found.append(result)
            progress(len(found), len(records), result.label)
    if keep is not None:
        _copy(keep, [records[one.run_id] for one in found if one.verdict == "equal"])
    _print(found, as_json)
    counts = {one.verdict: sum(each.verdict == one.verdict for each in found) for one in found}
    remark(", ".join(f"{count:,} {verdict}" for verdict, count in counts.items()), quiet)
    return int("different" in counts)


def _chosen(
    store: Path, run: Sequence[str], sample: int, seed: int, oracle: Sequence[str] | None
) -> dict[str, Record]:
    """The records of the ids in `run`, and of `sample` others drawn at random, by their ids."""
    with reading(store) as opened:
        ids = list(run)
        if sample:
            known = sorted(opened.finished())
            if oracle:
                keys = {run_id: opened.record(run_id).key for run_id in known}
                known = [one for one in known if getattr(keys[one], "oracle", "") in oracle]
            if not known:
                where = f" on {', '.join(oracle)}" if oracle else ""
                raise NasreproError(f"{store} has no result{where} to draw from")
            ids += random.Random(seed).sample(known, min(sample, len(known)))
        return {run_id: opened.record(run_id) for run_id in ids}


def _copy(keep: Path, records: Sequence[Record]) -> None:
    """Write the records to a new store."""
    import sqlite3

    from nasrepro.suite.experiments.store import Store

    with Store(keep) as kept:
        for record in records:
            kept.add(record)
    # a store of a few runs is mostly empty pages, and this one is made to be kept in a repository
    with contextlib.closing(sqlite3.connect(keep, isolation_level=None)) as small:
        for order in ("PRAGMA journal_mode=delete", "PRAGMA page_size=1024", "VACUUM"):
            small.execute(order)


def _verified(
    records: dict[str, Record], executor: str, workers: int | None, address: str
) -> list[Verification]:
    from nasrepro.suite.experiments.runner import open_pool
    from nasrepro.suite.experiments.verify import compared, unverified
    from nasrepro.suite.experiments.worker import Died, Refused
    from nasrepro.suite.registry import methods

    found: list[Verification] = []
    running: list[tuple[str, Record, Cell, Future[Result]]] = []
    with open_pool(executor, workers=workers, address=address) as pool:
        for run_id, record in records.items():
            try:
                cell = record.key.cell()
            except (UnknownName, DataMissing) as error:
                own = getattr(record.key, "method", "")
                absent = f"there is no method {own} here; give its file with --method"
                why = absent if own and not methods.has(own) else str(error)
                found.append(unverified(run_id, record.key.subject, why))
                continue
            if cell.key.run_id != run_id:
                found.append(unverified(run_id, cell.label, "a result of another engine"))
                continue
            running.append((run_id, record, cell, pool.submit(cell, frozenset())))
        for run_id, record, cell, future in running:
            try:
                _, result = future.result()
            except Died as error:
                found.append(unverified(run_id, cell.label, str(error)))
                continue
            if isinstance(result, Refused):
                found.append(unverified(run_id, cell.label, f"this machine has {result.why}"))
            else:
                found.append(compared(run_id, cell.label, record, result.record))
    return found


#: What a row counts, in the order of its columns.
_COUNTED = (
    "equal", "same answer, other bits", "another search", "different", "only here", "only there",
)  # fmt: skip


def _beside(store: Path, against: Path, out: Path | None, as_json: bool, quiet: bool) -> int:
    """Two stores held against each other, as a table by kind and method; 1 where one differs."""
    from dataclasses import asdict

    from tabulate import tabulate

    from nasrepro.suite.data import write_text
    from nasrepro.suite.experiments.verify import beside

    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    better: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    others = []
    with reading(store) as here, reading(against) as there:
        machines = [
            f"{path.name}: {_machines(each)}" for path, each in ((store, here), (against, there))
        ]
        for kind, one in beside(here, there):
            counts[kind, one.label][one.verdict] += 1
            better[kind, one.label][one.better] += 1
            if one.verdict != "equal":
                others.append({"kind": kind, **asdict(one)})
    rows = [
        [
            kind,
            printable(label) + _FLOATS * _floats(kind, label),
            *(found[v] for v in _COUNTED),
            _sides(better[kind, label]),
        ]
        for (kind, label), found in sorted(counts.items())
    ]
    rows.append(["all", "", *(sum(found[v] for found in counts.values()) for v in _COUNTED), ""])
    headers = ["kind", "of", *_COUNTED, "better here / there"]
    if out is not None:
        cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
        table = tabulate(cells, headers, tablefmt="github", disable_numparse=True)
        words = f"`nasrepro verify --store {store.name} --against {against.name}`"
        about = "\n".join(f"* {line}" for line in machines)
        text = f"# Two stores, result by result\n\nWritten by {words}.\n\n{about}\n\n"
        text += f"{_LEGEND}\n\n{table}\n"
        write_text(out, text)
    if as_json:
        print_json(others)
    else:
        print_table(headers, rows)
        remark(_LEGEND, quiet)
    return int(any(each["verdict"] == "different" for each in others))


def _sides(better: Counter[int]) -> str:
    """How often the regret is smaller here and there, and how likely that is by chance."""
    here, there = better[1], better[-1]
    if not here + there:
        return ""
    from scipy.stats import binomtest

    return f"{here} / {there}, p {binomtest(here, here + there).pvalue:.2f}"


def _machines(store: Store) -> str:
    """On what a store's results were made."""
    torch: dict[str, set[str]] = {}
    for each in store.manifest()["environments"]:
        kernel = each.get("blas_kernel", "unknown")
        found = torch.setdefault(f"{each.get('cpu', 'unknown')}, BLAS kernel {kernel}", set())
        found.update({each["torch_capability"]} if "torch_capability" in each else ())
    return " and ".join(
        f"{machine}{', torch ' + ' and '.join(sorted(found)) if found else ''}"
        for machine, found in sorted(torch.items())
    )


#: Marks a method that decides by floating-point training.
_FLOATS = " ‡"
_LEGEND = (
    "Equal: the whole record, but for measured seconds. Same answer, other bits: what was chosen "
    "and reported is the same but for rounding. Another search: by a method that decides by "
    "floating-point training (‡), with other instructions or libraries. Only here, only there: "
    "nothing to compare; better: searches that differ and have the smaller regret here, and "
    "there; p: of a sign test that neither store is the better one."
)


def _floats(kind: str, label: str) -> bool:
    from nasrepro.suite.registry import methods

    return kind == "run" and methods.has(label) and methods.get(label).floating


def _print(found: list[Verification], as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        print_json([asdict(one) for one in found])
    else:
        print_table(
            ["id", "result", "verdict", "detail"],
            [[one.run_id, one.label, one.verdict, one.detail] for one in found],
        )
