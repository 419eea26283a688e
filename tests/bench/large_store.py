"""What a results store of many runs costs: the resume check, the report, the page.

A synthetic store of searches on digits201, then each command in a process of its own: wall and CPU
seconds and the most memory it had.

    python tests/bench/large_store.py 1000000 --seeds 1000     # 2,500 runs if not given
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nasrepro.suite.data import plain
from nasrepro.suite.experiments.columns import PACKED, Row
from nasrepro.suite.experiments.identity import ENGINE, environment
from nasrepro.suite.experiments.kind import KINDS
from nasrepro.suite.experiments.kinds.search import (
    Protocol,
    Report,
    RunRecord,
    SearchSetting,
    run_key,
)
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import Method, load_oracle, methods
from nasrepro.suite.search import Budget

METHODS = (
    "random_search", "regularized_evolution", "local_search", "reinforce", "autoshrink",
    "autoshrink_op", "gram", "bohb", "hyperband", "flash",
)  # fmt: skip
#: Seeds of one method at one budget, about as in the plan matrix.
SEEDS = 100
DATASET, EPOCHS, REPORTED = "digits", 12, 30
#: As `stable_hash` writes what it hashes.
COMPACT: dict[str, Any] = {"sort_keys": True, "separators": (",", ":"), "default": plain}
#: What the rows of a family share, rows of `records`, rows of `runs`.
Lines = tuple[str, list[tuple[Any, ...]], list[Row]]
#: With compiled modules, as pip leaves them.
INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ROOT = Path(__file__).parents[2]
TITLE = """# What a large results store costs

Written by `tests/bench/large_store.py --out`: synthetic searches, each command in a process of its
own, its modules compiled before; memory at its highest. Seconds are those of the machine and of
what else it did.
"""
PLAN = """
[[experiment]]
oracle = "digits201"
methods = [{methods}]
datasets = ["digits"]
search_epochs = 12
report_epochs = 30
budgets = [{budgets}]
seeds = {seeds}
"""


def family(setting: SearchSetting, method: Method, seeds: int, archs: Archs) -> Lines:
    """Rows of the tables `records` and `runs` of one method in one setting, and what they share.

    The records are as the suite writes them, by a template: a million are made in a minute.
    """
    key = run_key(setting, method, {})
    whole = RunRecord(
        key,
        "budget",
        chosen="CHOSEN",
        reports={DATASET: archs.report(0)},
        queries=setting.budget.queries,
        unique_queries=90,
        simulated_s=11.0,
        wall_s=12.0,
        overhead_s={"total": 0.015},
        incumbents=((1, 2.0, 3.0, 4.0),),
        environment=environment(),
    )
    shared, row = KINDS["run"].split("", whole)
    rng, text = np.random.default_rng(int(key.run_id, 16)), whole.to_json()
    for part, place in (
        ('"CHOSEN"', "{chosen}"),
        ('"seed": 0,', '"seed": {seed},'),
        (json.dumps(whole.reports[DATASET], sort_keys=True, default=plain), "{report}"),
        ("[[1, 2.0, 3.0, 4.0]]", "{incumbents}"),
    ):
        head, between, tail = text.partition(part)
        assert between and part not in tail
        text = f"{head}\0{place}\0{tail}"
    parts = text.split("\0")
    named = json.dumps({"engine": ENGINE, **plain(key)}, **COMPACT)
    before, _, after = named.partition('"seed":0')
    first = 300 * METHODS.index(method.name)
    rows = archs.order[np.sort(rng.integers(first, len(archs.order), (seeds, 8)))]
    queries = np.sort(rng.integers(1, 100, (seeds, 8)))
    curves = np.stack(
        [queries, 0.1 * queries, archs.accuracy[rows], archs.accuracy[rows]], axis=-1
    ).astype(PACKED)
    lines: Lines = (shared, [], [])
    for seed in range(seeds):
        id_ = hashlib.sha256(f'{before}"seed":{seed}{after}'.encode()).hexdigest()[:16]
        last = int(rows[seed, -1])
        values = {
            "{chosen}": json.dumps(archs.names[last]),
            '"seed": {seed},': f'"seed": {seed},',
            "{report}": archs.text(last),
            "{incumbents}": json.dumps([[int(q), *rest] for q, *rest in curves[seed].tolist()]),
        }
        record = "".join(values.get(part, part) for part in parts)
        lines[1].append((id_, "run", ENGINE, "budget", record))
        lines[2].append(
            row._replace(
                seed=seed,
                id=id_,
                chosen=archs.names[last],
                reported=archs.packed(last),
                incumbents=curves[seed].tobytes(),
            )
        )
    return lines


class Archs:
    """What the table says of every architecture, in the forms that a store has."""

    def __init__(self) -> None:
        oracle = load_oracle("digits201")
        self.table = oracle.query_many(dataset=DATASET, epochs=REPORTED)
        self.accuracy = self.table["test_accuracy"]
        self.order = np.argsort(self.accuracy)
        self.names = [oracle.space.format(arch) for arch in oracle.archs()]
        self.best = float(self.accuracy.max())
        self.text, self.packed = cache(self._text), cache(self._packed)

    def report(self, row: int) -> Report:
        metrics = {metric: float(column[row]) for metric, column in self.table.items()}
        return Report(metrics, self.best - metrics["test_accuracy"])

    def _text(self, row: int) -> str:
        return json.dumps(self.report(row), sort_keys=True, default=plain)

    def _packed(self, row: int) -> bytes:
        report = self.report(row)
        by_name = {"regret": report.regret, **report.metrics}
        return np.array([by_name[name] for name in sorted(by_name)], PACKED).tobytes()


def fill(path: Path, runs: int, seeds: int) -> int:
    """Make the store; how many settings it has. Methods are better the later they stand."""
    with Store(path):
        pass
    archs, protocol = Archs(), Protocol(EPOCHS, REPORTED, ())
    settings = runs // (len(METHODS) * seeds)
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA cache_size = -400000")
    marks = ", ".join("?" * (1 + len(Row._fields)))
    for number in range(settings):
        budget = Budget(queries=100 + number)
        setting = SearchSetting.checked(load_oracle("digits201"), DATASET, protocol, budget)
        for name in METHODS:
            shared, records, rows = family(setting, methods.get(name), seeds, archs)
            made = db.execute(
                "INSERT INTO families (engine, shared) VALUES (?, ?)", (ENGINE, shared)
            ).lastrowid
            db.executemany(
                "INSERT INTO records (id, kind, engine, status, record) VALUES (?, ?, ?, ?, ?)",
                sorted(records),
            )
            db.executemany(
                f"INSERT INTO runs (family, {', '.join(Row._fields)}) VALUES ({marks})",
                [(made, *row) for row in rows],
            )
    db.commit()
    db.close()
    with Store(path, read_only=True) as opened:  # the template against the suite's own words
        (kept,) = opened.families()[:1]
        record = opened.record(kept.rows[seeds // 2].id)
        assert record.key.run_id == kept.rows[seeds // 2].id
        assert KINDS["run"].split(record.key.run_id, record)[1] == kept.rows[seeds // 2]
    return settings


def measured(*arguments: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and MB of a command."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "nasrepro", *arguments], env=INSTALLED)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"nasrepro {' '.join(arguments)} ended with status {status}")
    return time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3


def kept(out: Path) -> dict[int, str]:
    """What earlier commands wrote of stores of other sizes, by their runs."""
    text = out.read_text(encoding="utf-8") if out.exists() else ""
    found = re.split(r"^([\d,]+)(?= runs \()", text, flags=re.MULTILINE)[1:]
    return {
        int(runs.replace(",", "")): f"{runs}{rest.rstrip()}\n"
        for runs, rest in zip(found[::2], found[1::2], strict=True)
    }


def main() -> None:
    """Print a row for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=2500)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of a method in a setting")
    parser.add_argument("--folder", type=Path, help="keep the store here; one there is used again")
    parser.add_argument("--out", type=Path, help="put the table into this Markdown file")
    given = parser.parse_args()
    for name in ("nasrepro", "suite", "oracles", "methods", "reports"):
        compileall.compile_dir(ROOT / name, quiet=1)
    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        store, plan = folder / "runs.sqlite", folder / "plan.toml"
        settings = given.runs // (len(METHODS) * given.seeds)
        if not store.exists():
            fill(store, given.runs, given.seeds)
        budgets = ", ".join(f"{{ queries = {100 + at} }}" for at in range(settings))
        named = ", ".join(f'"{name}"' for name in METHODS)
        plan.write_text(
            PLAN.format(methods=named, budgets=budgets, seeds=given.seeds), encoding="utf-8"
        )
        places = ["--store", str(store), "--quiet"]
        runs, mb = settings * len(METHODS) * given.seeds, store.stat().st_size / 1e6
        shape = f"{settings} settings x {len(METHODS)} methods x {given.seeds} seeds"
        lines = [
            f"{runs:,} runs ({shape}), {mb:,.0f} MB",
            "",
            "| command | wall s | CPU s | MB |",
            "|---|---|---|---|",
        ]
        print("\n".join(lines), flush=True)
        for title, arguments in (
            ("report, no page", ("report", "--format", "md,tex,html,csv,runs", *places)),
            ("report, whole", ("report", *places)),
            ("leaderboard page", ("leaderboard", *places)),
            ("run: all is there", ("run", "--plan", str(plan), *places)),
        ):
            wall_s, cpu_s, mb = measured(*arguments)
            lines.append(f"| {title} | {wall_s:.1f} | {cpu_s:.1f} | {mb:,.0f} |")
            print(lines[-1], flush=True)
        if given.out:
            sections = kept(given.out) | {runs: "\n".join([*lines, ""])}
            text = "\n".join([TITLE, *(sections[size] for size in sorted(sections))])
            given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
