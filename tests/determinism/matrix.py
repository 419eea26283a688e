"""The same records on every machine: methods x (BLAS kernels, threads, executors, hash seeds).

Every combination runs the same searches in a process of its own, whose CPU is played by the
environment: OpenBLAS's kernels, the vector instructions of NumPy and of torch. Records and
evaluations must be equal bit for bit; of methods built on floating-point training (`floating`) the
results over seeds must come from one distribution (Mann-Whitney's p of the test metric).

    python tests/determinism/matrix.py --out results/determinism.md       # tox -e determinism

With --methods the rows of these alone are made anew, those of others stay as they stand in --out.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

#: CPUs that are played: OpenBLAS's kernels, what NumPy may not use, what torch may.
_AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"
KERNELS = {
    "Haswell": (_AVX512, "avx2"),
    "SkylakeX": ("", "avx512"),
    "Nehalem": (f"X86_V3 {_AVX512}", "default"),
    "Zen": (_AVX512, "avx2"),
}
#: What torch may use, from the least; a CPU plays what it has or less.
CAPABILITIES = ("DEFAULT", "AVX2", "AVX512")
#: (kernel, threads, executor, workers, hash seed); the first is what the others are compared with.
BASE = ("Haswell", 1, "inline", 1, 0)
QUICK = (BASE, ("Nehalem", 2, "inline", 1, 1))
FULL = (
    BASE,
    ("Haswell", 2, "inline", 1, 0),
    *((kernel, threads, "inline", 1, 0) for kernel in list(KERNELS)[1:] for threads in (1, 2)),
    ("Haswell", 1, "inline", 1, 1),
    *(
        ("Haswell", 1, executor, workers, 0)
        for executor in ("processes", "dask")
        for workers in (1, 2)
    ),
)
#: Parameters that keep a search short; every method of the registry runs.
SHORT: Mapping[str, Mapping[str, Any]] = {
    "arch2vec": {"epochs": 2},
    "enas": {"epochs": 3, "steps": 2, "samples": 10},
    "flash": {"finals": 1000},
    "spos": {"epochs": 3, "generations": 1},
    "zico": {"candidates": 8},
}
#: Oracle, data set, epochs of the search, epochs reported, budget.
TASKS: tuple[tuple[str, str, int, int, Mapping[str, float]], ...] = (
    ("digits201", "digits", 12, 30, {"queries": 40}),
    ("nasbench201", "cifar10", 12, 200, {"queries": 40}),
    ("natsbench_size", "cifar10", 90, 90, {"queries": 40}),
    ("nasbench101_slice", "cifar10", 12, 108, {"queries": 40}),
    ("nasbench_macro", "cifar10", 50, 50, {"queries": 40}),
    ("transnas101_micro", "class_scene", 25, 25, {"queries": 40}),
    ("transnas101_macro", "class_scene", 25, 25, {"queries": 40}),
    ("ecnas_4v", "cifar10", 12, 108, {"queries": 40}),
)
#: Where the methods that train networks of their own run, and what is said in place of a number of
#: tasks where they run there.
WORKSHOP = (("workshop201", "digits", 30, 30, {"seconds": 5.0}),)
AT_WORK = "workshop"
#: Seeds of a bit-for-bit comparison, and of a comparison of distributions.
SEEDS, MANY = 3, 20
#: What a comparison finds; a method that ends by the same error on both sides has its message.
EQUAL, ALIKE, DIFFERENT = "equal", "p", "DIFFERENT"
#: Below it two samples are called different.
LEVEL = 0.001
#: Of fewer seeds than `FEW`, which no p below `LEVEL` can have, only that bits differ is told; of
#: what was not run, a dash.
OTHER_BITS, FEW, NOT_RUN = "other bits", 7, "–"


# -- in the process that plays a CPU ---------------------------------------------------------------
def run(executor: str, workers: int, names: Sequence[str], tasks: str, seeds: int) -> None:
    """Print, by method and task, a digest of the records and the test metric of each seed."""
    from nasrepro.suite.errors import DataMissing
    from nasrepro.suite.experiments.kinds.search import (
        Protocol,
        RunCell,
        SearchSetting,
        Trace,
        run_key,
        search_cell,
    )
    from nasrepro.suite.experiments.runner import run_cells
    from nasrepro.suite.experiments.store import Store
    from nasrepro.suite.oracle import MEAN
    from nasrepro.suite.registry import load_oracle, methods, oracles
    from nasrepro.suite.search import Budget

    cells: list[RunCell] = []
    where = WORKSHOP if tasks == AT_WORK else TASKS[: int(tasks)]
    for oracle, dataset, epochs, report, budget in where:
        try:
            setting = SearchSetting.checked(
                load_oracle(oracle),
                dataset,
                Protocol(epochs, report, (dataset,), MEAN),
                Budget(**budget),
            )
        except DataMissing:
            continue
        for name in names:
            method = methods.get(name)
            first = run_key(setting, method, SHORT.get(name, {}))
            cells += (search_cell(replace(first, seed=seed), method) for seed in range(seeds))
    outcomes: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "runs.sqlite") as store:
        with _cluster(executor, workers) as address:
            run_cells(cells, store, executor=executor, workers=workers, address=address)
        found = dict(store.identified_runs())
        for cell in cells:
            record = found[cell.key.run_id]
            row = outcomes.setdefault(
                f"{cell.key.method}|{cell.key.oracle}", {"digests": [], "values": [], "error": ""}
            )
            if record.status == "failed":
                row["error"] = record.error.strip().splitlines()[-1]
                continue
            whole = asdict(record)
            for measured in ("overhead_s", "environment"):
                del whole[measured]
            whole["evaluations"] = Trace.from_bytes(store.trace(cell.key.run_id)).evaluations
            text = json.dumps(whole, sort_keys=True)
            row["digests"].append(hashlib.sha256(text.encode()).hexdigest())
            report, info = record.reports[cell.key.dataset], oracles.get(cell.key.oracle).info
            target = report.metrics[info.target_of(cell.key.dataset).name]
            row["values"].append(target if report.regret is None else report.regret)
    json.dump(outcomes, sys.stdout)


@contextlib.contextmanager
def _cluster(executor: str, workers: int) -> Iterator[str]:
    if executor != "dask":
        yield ""
        return
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


# -- in the process that compares ------------------------------------------------------------------
def playable(kernel: str) -> bool:
    """Whether this CPU has the instructions of a kernel, without which a process dies."""
    import torch

    here = torch.backends.cpu.get_cpu_capability()
    return CAPABILITIES.index(KERNELS[kernel][1].upper()) <= CAPABILITIES.index(here)


def outcomes_of(
    combination: tuple[str, int, str, int, int],
    names: Sequence[str],
    tasks: int | str,
    seeds: int,
) -> dict[str, dict[str, Any]]:
    """What `run` prints in a process of that combination, with a cache folder of its own."""
    from nasrepro.suite.data import cache_dir

    kernel, threads, executor, workers, hash_seed = combination
    numpy_without, torch_with = KERNELS[kernel]
    environment = {
        **os.environ,
        "OPENBLAS_CORETYPE": kernel,
        "NPY_DISABLE_CPU_FEATURES": numpy_without,
        "ATEN_CPU_CAPABILITY": torch_with,
        **{f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL")},
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, __file__, "--run", executor, str(workers), str(tasks), str(seeds)]
    with tempfile.TemporaryDirectory() as cache:
        # What one machine has trained is not there on another one.
        for kept in ("tables", "scores", "datasets", "sources"):
            (Path(cache) / kept).symlink_to(cache_dir() / kept)
        environment["NASREPRO_DATA"] = cache
        done = subprocess.run(
            [*command, *names], env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RuntimeError(f"{combination}: exit code {done.returncode} {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def compare(
    combinations: Sequence[tuple[str, int, str, int, int]],
    names: Sequence[str],
    *,
    tasks: int | str,
    seeds: int,
) -> Iterator[tuple[str, tuple[str, int, str, int, int], str, bool]]:
    """(method|oracle, combination, what was found, whether it is as it should be).

    Of kernels that this CPU can play.
    """
    from scipy.stats import mannwhitneyu

    from nasrepro.suite.registry import methods

    base = outcomes_of(combinations[0], names, tasks, seeds)
    for combination in (each for each in combinations[1:] if playable(each[0])):
        other = outcomes_of(combination, names, tasks, seeds)
        for label, row in other.items():
            first = base[label]
            if row["digests"] == first["digests"] and row["error"] == first["error"]:
                yield label, combination, row["error"] or EQUAL, True
            elif methods.get(label.partition("|")[0]).floating and not row["error"]:
                if len(row["values"]) < FEW:
                    yield label, combination, OTHER_BITS, True
                    continue
                same = sorted(row["values"]) == sorted(first["values"])
                p = 1.0 if same else float(mannwhitneyu(row["values"], first["values"]).pvalue)
                yield label, combination, f"{ALIKE} = {p:.2g}", p >= LEVEL
            else:
                yield label, combination, DIFFERENT, False


def _title(combination: tuple[str, int, str, int, int]) -> str:
    kernel, threads, executor, workers, hash_seed = combination
    changed = [f"{threads} threads"] * (threads != 1) + [f"hash seed {hash_seed}"] * (hash_seed > 0)
    ran = [f"{executor}, {workers} worker{'s' * (workers > 1)}"] * (executor != "inline")
    return "<br>".join([kernel, *changed, *ran])


def main() -> int:
    """Print the table; 1 where something differs that may not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tasks",
        type=int,
        choices=range(1, len(TASKS) + 1),
        default=len(TASKS),
        help="of methods that are exact",
    )
    for option, number, whose in (
        ("--seeds", SEEDS, "methods that are exact"),
        ("--many", MANY, "methods that train"),
        ("--train", MANY, "methods in a workshop"),
    ):
        parser.add_argument(option, type=_positive, default=number, help=f"seeds of {whose}")
    parser.add_argument("--quick", action="store_true", help="one other machine alone")
    parser.add_argument("--methods", nargs="*", default=[])
    parser.add_argument("--out", type=Path, help="file for the table, beside printing it")
    given = parser.parse_args()
    from nasrepro.suite.registry import methods

    names = given.methods or methods.names()
    exact = [name for name in names if not methods.get(name).floating]
    workshop = [name for name in names if methods.get(name).workshop]
    trained = [name for name in names if methods.get(name).floating and name not in workshop]
    other = "SkylakeX" if playable("SkylakeX") else "Nehalem"
    machines = (BASE, (other, 1, "inline", 1, 0)) if given.quick else FULL
    good, rows = True, _rows(given.out) if given.methods else {}
    for group, tasks, seeds, mark, where in (
        (exact, given.tasks, given.seeds, "", f"{given.tasks} tables"),
        (trained, 1, given.many, " ‡", TASKS[0][0]),
        (workshop, AT_WORK, given.train, " ‡", WORKSHOP[0][0]),
    ):
        cells: dict[tuple[str, tuple[str, int, str, int, int]], list[str]] = {}
        for label, combination, verdict, fine in (
            compare(machines, group, tasks=tasks, seeds=seeds) if group else ()
        ):
            print(label, *combination, verdict, file=sys.stderr, flush=True)
            cells.setdefault((label.partition("|")[0], combination), []).append(verdict)
            good = good and fine
        for name in group:
            found = [
                _merged(cells[name, each]) if (name, each) in cells else NOT_RUN
                for each in FULL[1:]
            ]
            scope = f"{where}, {seeds} seed{'s' * (seeds > 1)}"
            rows[f"{name}{mark}"] = f"| {name}{mark} | {scope} | {' | '.join(found)} |"
    ordered = sorted(rows, key=lambda name: (name.endswith("‡"), name))
    text = "\n".join([*_head(), *(rows[name] for name in ordered)]) + "\n"
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    return 0 if good else 1


def _head() -> list[str]:
    """What stands above the rows."""
    return [
        "# Records of every method under other CPUs, threads, executors and hash seeds",
        "",
        "Written by `tests/determinism/matrix.py --out`. Each column is held against "
        f"{_title(BASE)}, 1 thread, inline, hash seed 0, 40 queries a search; rows of methods that "
        "a command does not name stand as an earlier one left them.",
        "",
        "*equal*: records and evaluations, bit for bit, on the first so many of "
        f"{', '.join(oracle for oracle, *_ in TASKS)}. Methods that decide by floating-point "
        f"training (‡) run on {TASKS[0][0]}; where bits differ, p is Mann-Whitney's of the "
        f"regrets (without a table: of the test metric), and below {LEVEL} counts as different. "
        f"Those that train networks of their own run on {WORKSHOP[0][0]}, "
        f"{WORKSHOP[0][-1]['seconds']:g} s. Of fewer than {FEW} seeds no p is told, since none "
        f"could be below {LEVEL}. n/a: the method runs on none of these spaces, or its budget "
        f"there does not pay for a training; {NOT_RUN}: not run there (or the CPU lacked the "
        "instructions).",
        "",
        f"| method | run on | {' | '.join(map(_title, FULL[1:]))} |",
        f"|---|---|{'---|' * len(FULL[1:])}",
    ]


def _positive(text: str) -> int:
    """A number of seeds: of none, everything would be equal."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} compares nothing; give at least 1")
    return number


def _rows(out: Path | None) -> dict[str, str]:
    """The rows of a table that was written before, by their first cell."""
    lines = out.read_text(encoding="utf-8").splitlines() if out and out.exists() else []
    return {
        line.split("|")[1].strip(): line
        for line in lines
        if line.startswith("| ") and not line.startswith("| method |")
    }


def _merged(verdicts: Sequence[str]) -> str:
    """What was found on all tasks that the method runs on, in a word or two."""
    ran = {
        each for each in verdicts if each.startswith((EQUAL, OTHER_BITS, f"{ALIKE} = ", DIFFERENT))
    }
    return "<br>".join(sorted(ran)) or "n/a"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        _, _, executor, workers, tasks, seeds, *names = sys.argv
        run(executor, int(workers), names, tasks, int(seeds))
    else:
        sys.exit(main())
