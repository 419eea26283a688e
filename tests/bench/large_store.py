"""What a results store of many runs costs: the resume check, the report, the page.

A synthetic store of searches on digits201, then each command in a process of its own: wall and CPU
seconds and the most memory it had.

    python tests/bench/large_store.py 100000       # runs; 2,500 if not given
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from nasrepro.suite.experiments.identity import environment
from nasrepro.suite.experiments.kinds.search import (
    Protocol,
    Report,
    RunRecord,
    SearchSetting,
    run_key,
)
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget

METHODS = (
    "random_search", "regularized_evolution", "local_search", "reinforce", "autoshrink",
    "autoshrink_op", "gram", "bohb", "hyperband", "flash",
)  # fmt: skip
#: Seeds of one method at one budget, about as in the plan matrix.
SEEDS = 100
DATASET, EPOCHS, REPORTED = "digits", 12, 30
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


def records(runs: int) -> Iterator[RunRecord]:
    """Runs whose numbers come from the table, of methods that are better the later they stand."""
    oracle, rng = load_oracle("digits201"), np.random.default_rng(0)
    table = oracle.query_many(dataset=DATASET, epochs=REPORTED)
    archs, order = oracle.archs(), np.argsort(table["test_accuracy"])
    best, protocol = float(table["test_accuracy"].max()), Protocol(EPOCHS, REPORTED, ())
    here = environment()
    for number in range(runs // (len(METHODS) * SEEDS)):
        setting = SearchSetting.checked(oracle, DATASET, protocol, Budget(queries=100 + number))
        for place, name in enumerate(METHODS):
            first = run_key(setting, methods.get(name), {})
            for seed in range(SEEDS):
                rows = order[np.sort(rng.integers(300 * place, len(order), 8))]
                queries = np.sort(rng.integers(1, 100, 8))
                metrics = {metric: float(column[rows[-1]]) for metric, column in table.items()}
                yield RunRecord(
                    replace(first, seed=seed),
                    "budget",
                    chosen=oracle.space.format(archs[rows[-1]]),
                    reports={DATASET: Report(metrics, best - metrics["test_accuracy"])},
                    queries=100 + number,
                    unique_queries=90,
                    simulated_s=float(rng.uniform(10, 12)),
                    wall_s=12.0,
                    overhead_s={"total": float(rng.uniform(0.01, 0.02))},
                    incumbents=tuple(
                        (int(query), 0.1 * int(query), score, score)
                        for query, score in zip(
                            queries, table["test_accuracy"][rows].tolist(), strict=True
                        )
                    ),
                    environment=here,
                )


def measured(*arguments: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and MB of a command."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "nasrepro", *arguments])
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"nasrepro {' '.join(arguments)} ended with status {status}")
    return time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3


def main() -> None:
    """Print a row for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=2500)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, plan = folder / "runs.sqlite", folder / "plan.toml"
        with Store(store) as opened:
            for record in records(runs):
                opened.add(record)
        per_budget = len(METHODS) * SEEDS
        budgets = ", ".join(f"{{ queries = {100 + at} }}" for at in range(runs // per_budget))
        named = ", ".join(f'"{name}"' for name in METHODS)
        plan.write_text(PLAN.format(methods=named, budgets=budgets, seeds=SEEDS), encoding="utf-8")
        places = ["--store", str(store), "--quiet"]
        print(f"{runs:,} runs, {store.stat().st_size / 1e6:,.0f} MB")
        print("| command | wall s | CPU s | MB |")
        print("|---|---|---|---|")
        for title, arguments in (
            ("run: all is there", ("run", "--plan", str(plan), *places)),
            ("report, no page", ("report", "--format", "md,tex,html,csv,runs", *places)),
            ("leaderboard page", ("leaderboard", *places)),
            ("report, whole", ("report", *places)),
        ):
            wall_s, cpu_s, mb = measured(*arguments)
            print(f"| {title} | {wall_s:.1f} | {cpu_s:.1f} | {mb:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
