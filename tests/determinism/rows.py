"""Rows of the tables in results/ made again on this machine, and held against what stands there.

    python tests/determinism/rows.py [--seconds 600] [--out results/rows.md] [--results results]

A row names all that determines it: oracle, table, budget, method, parameters, sources, number of
seeds. So it needs no store of the machine that made it: its searches are run here, reported, and
every number but measured seconds is compared, digit by digit. Rows come cheapest first: one of each
method, one of each method and oracle, then the others, until the CPU seconds that they took before
are spent. Methods that decide by floating-point training (‡) may differ and are counted apart.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

from nasrepro.suite.errors import DataMissing
from nasrepro.suite.experiments.identity import environment
from nasrepro.suite.experiments.kinds.search import (
    Protocol,
    RunCell,
    SearchSetting,
    run_key,
    search_cell,
)
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import MEAN
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget

Row = dict[str, str]
#: What identifies a row beside the sources and the table.
KEY = (
    "oracle", "searched_on", "search_epochs", "table_seed", "report_epochs", "budget_s",
    "budget_queries", "reported_on", "method", "params",
)  # fmt: skip
#: Measured on the machine; names of rows and labels follow from other columns.
NOT_COMPARED = {"overhead_cpu_s", "row", "label"}
#: How near two sums are that were added up in another order.
ROUNDING = 1e-12
#: CPU seconds of a search beside those of its method.
BESIDE_S = 0.02


def rows_of(results: Path) -> list[Row]:
    """The rows of the main tables."""
    found = []
    for path in sorted(results.glob("main-*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found += list(csv.DictReader(file))
    return found


def key(row: Row) -> tuple[str, ...]:
    """What identifies a row."""
    return tuple(row[name] for name in KEY)


def price(row: Row) -> float:
    """CPU seconds of all its searches, as measured by who made it."""
    return int(row["seeds"]) * (float(row["overhead_cpu_s"] or 0) + BESIDE_S)


def current(row: Row) -> bool:
    """Whether the method and the table are those of the row, and networks are not trained."""
    if not methods.has(row["method"]) or row["failed_runs"] != "0":
        return False
    entry = methods.get(row["method"])
    if entry.workshop or entry.source_sha256 != row["method_sha256"]:
        return False
    try:
        opened = load_oracle(row["oracle"])
    except DataMissing:
        return False
    return opened.table_sha256 == row["table_sha256"] and not opened.info.trains


def chosen(rows: Iterable[Row], seconds: float) -> list[Row]:
    """Cheapest first: of each method, of each method on each oracle, all; within the seconds."""
    cheap = sorted(rows, key=price)
    first: dict[object, Row] = {}
    for row in cheap:
        first.setdefault(row["method"], row)
    for row in cheap:
        first.setdefault((row["method"], row["oracle"]), row)
    ordered = {key(row): row for row in (*first.values(), *cheap)}
    taken, spent = [], 0.0
    for row in ordered.values():
        if spent + price(row) <= seconds and current(row):
            taken.append(row)
            spent += price(row)
    return taken


def cells(rows: Sequence[Row]) -> Iterator[RunCell]:
    """The searches of the rows; those that differ in what they report alone are one."""
    reported = defaultdict(list)
    for row in rows:
        reported[tuple(row[name] for name in KEY if name != "reported_on")].append(row)
    for same in reported.values():
        row = same[0]
        oracle, method = load_oracle(row["oracle"]), methods.get(row["method"])
        seed = row["table_seed"]
        protocol = Protocol(
            int(row["search_epochs"]),
            int(row["report_epochs"]),
            tuple(each["reported_on"] for each in same),
            int(seed) if seed.isdigit() else MEAN,
        )
        budget = Budget(
            seconds=float(row["budget_s"]) if row["budget_s"] else None,
            queries=int(row["budget_queries"]) if row["budget_queries"] else None,
        )
        setting = SearchSetting.checked(oracle, row["searched_on"], protocol, budget)
        for number in range(int(row["seeds"])):
            yield search_cell(run_key(setting, method, json.loads(row["params"]), number), method)


def differing(before: Row, now: Row | None) -> tuple[list[str], list[str]]:
    """Names of the columns that differ in rounding alone, and of those that differ otherwise.

    The whole row where it is not there.
    """
    if now is None:
        return [], ["row"]
    others = [
        name
        for name, value in before.items()
        if name not in NOT_COMPARED and name in now and now[name] != value
    ]
    rounded = [name for name in others if _near(before[name], now[name])]
    return rounded, [name for name in others if name not in rounded]


def _near(one: str, other: str) -> bool:
    try:
        return math.isclose(float(one), float(other), rel_tol=ROUNDING)
    except ValueError:
        return False


def main() -> int:
    """Print the table; 1 where a row differs that may not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600, help="CPU, as measured before")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, help="Markdown file, beside printing it")
    given = parser.parse_args()
    rows = chosen(rows_of(given.results), given.seconds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.sqlite"
        with Store(path) as store:
            run_cells(list(cells(rows)), store, executor="processes")
        command = [sys.executable, "-m", "nasrepro", "report", "--store", str(path), "--quiet"]
        subprocess.run([*command, "--out", folder, "--format", "csv"], check=True)
        again = {key(row): row for row in rows_of(Path(folder))}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    bad = []
    for row in rows:
        rounded, found = differing(row, again.get(key(row)))
        floating = methods.get(row["method"]).floating
        kind = "different" if found else "rounded" if rounded else "equal"
        counts[f"{row['method']}{' ‡' * floating}"].update(
            {"rows": 1, "searches": int(row["seeds"]), kind: 1}
        )
        if found and not floating:
            bad.append([row["method"], row["oracle"], row["reported_on"], ", ".join(found)])
    names = ("rows", "searches", "equal", "rounded", "different")
    table = [[name, *(found[each] for each in names)] for name, found in sorted(counts.items())]
    table.append(["all", *(sum(found[each] for found in counts.values()) for each in names)])
    headers = ["method", "rows", "searches", "equal", "equal but for rounding", "different"]
    here = environment()
    text = (
        "# Rows of the tables, made again on another machine\n\n"
        f"Written by `tests/determinism/rows.py --seconds {given.seconds:g}` on {here['cpu']}, "
        f"BLAS kernel {here['blas_kernel']}; the rows were made on "
        f"{_made_on(given.results)}. Compared is every number of the main tables but measured "
        f"seconds: equal in every digit, or to {ROUNDING:g} of it. ‡ decides by floating-point "
        "training, so that other processors may give another "
        f"search.\n\n{tabulate(table, headers, tablefmt='github')}\n"
    )
    print(text)
    for line in bad:
        print("DIFFERENT", *line)
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    return int(bool(bad))


def _made_on(results: Path) -> str:
    manifest = json.loads((results / "manifest.json").read_text(encoding="utf-8"))
    machines = {(each["cpu"], each["blas_kernel"]) for each in manifest["environments"]}
    return " and ".join(f"{cpu}, BLAS kernel {kernel}" for cpu, kernel in sorted(machines))


if __name__ == "__main__":
    sys.exit(main())
