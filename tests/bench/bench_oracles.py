"""What each table costs: bytes on disk, opening it, one answer, all of them, and memory.

Each in a process of its own.

    tox -e bench        or: pytest tests/bench/bench_oracles.py --benchmark-only

Tables that are not here are skipped. The libraries (numpy, pyarrow) are imported before the clock
starts and before memory is measured, so that the figures are the table's own. Memory is what is
resident after all of that (only Linux tells it). `nats_bench`, which reads two sample records of
NAS-Bench-201 here, stands beside in `bench_query.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nasrepro.suite.errors import DataMissing
from nasrepro.suite.registry import oracles

MEASURE = """
import contextlib, json, sys, time
import numpy, pyarrow.parquet
from nasrepro.suite.errors import NotTabulated
from nasrepro.suite.registry import load_oracle

def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

before = resident_mb()
began, began_cpu = time.perf_counter(), time.process_time()
oracle = load_oracle(sys.argv[1])
dataset = oracle.info.datasets[0].name
epochs = max(oracle.epochs(dataset))
opened, opened_cpu = time.perf_counter(), time.process_time()
try:
    arch = oracle.archs()[0]
except NotTabulated:  # a surrogate lists none
    arch = oracle.space.at(0)
oracle.query(arch, dataset=dataset, epochs=epochs)
first, first_cpu = time.perf_counter(), time.process_time()


def least(times, calls, ask):  # seconds a call: of the fastest block, for a busy machine only adds
    blocks = []
    for _ in range(times):
        start = time.perf_counter()
        for _ in range(calls):
            ask()
        blocks.append((time.perf_counter() - start) / calls)
    return min(blocks)


tabular = hasattr(oracle, "table")
warm = least(25, 400 if tabular else 4, lambda: oracle.query(arch, dataset=dataset, epochs=epochs))
whole = float("nan")
with contextlib.suppress(NotTabulated):
    whole = least(5, 1, lambda: oracle.query_many(dataset=dataset, epochs=epochs))
found = {
    "rows": len(oracle.table) if tabular else 0,
    "bytes": oracle.table.path.stat().st_size if tabular else 0,
    "open_ms": 1e3 * (opened - began),
    "open_cpu_ms": 1e3 * (opened_cpu - began_cpu),
    "first_ms": 1e3 * (first - opened),
    "first_cpu_ms": 1e3 * (first_cpu - opened_cpu),
    "warm_us": 1e6 * warm,
    "whole_ms": 1e3 * whole,
    "memory_mb": resident_mb() - before,
}
print(json.dumps(found))
"""


def measure(name: str) -> dict[str, float]:
    """One new process."""
    shown = subprocess.run(
        [sys.executable, "-c", MEASURE, name], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, float] = json.loads(shown.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", [entry.name for entry in oracles.all() if not entry.info.trains])
def test_table(name, benchmark, oracle_costs):
    try:
        oracles.get(name).load()
    except DataMissing as error:
        pytest.skip(str(error))
    found = [measure(name) for _ in range(3)]
    benchmark.pedantic(measure, args=(name,), rounds=1)
    best = {key: min(each[key] for each in found) for key in found[0]}
    benchmark.extra_info.update(best)
    oracle_costs(name, best)
