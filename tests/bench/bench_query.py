"""How long an answer takes: the first in a new process, the next ones, and all at once.

Beside `nats_bench` in the same run.

    tox -e bench        or, in an environment with the extras `test` and `official`:
    pytest tests/bench --benchmark-only

Needs the table of NAS-Bench-201 and, for the comparison, the benchmark's two official sample
records (see `tests/conftest.py`). The medians stand at the end of the output, each beside its aim.

What is compared. A cold start is a new process that imports the libraries first (numpy and pyarrow
here, numpy there); what comes after that is the reader's own work: importing its modules, opening
the data, answering once. `nats_bench` has two architectures of the 15,625 here; with all of them
its folder is larger, but it opens only the record that is asked for, so its times do not depend on
that. One of its answers is the mean over seeds on one data set after 200 epochs, like ours.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import subprocess
import sys

import pytest

from nasrepro.suite.search import Budget, Session

INDEX = 11
ARCH = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|none~0|skip_connect~1|nor_conv_1x1~2|"
ROUNDS = 9

OURS = f"""
import time
began = time.perf_counter()
import numpy, pyarrow
libraries = time.perf_counter()
from nasrepro import load
oracle = load("nasbench201")
answer = oracle.query(oracle.space.parse({ARCH!r}), dataset="cifar10", epochs=200).values["test_accuracy"]
print(libraries - began, time.perf_counter() - libraries, answer)
"""  # noqa: E501
THEIRS = """
import sys, time
began = time.perf_counter()
import numpy
libraries = time.perf_counter()
from nats_bench import create
api = create(sys.argv[1], "tss", fast_mode=True, verbose=False)
answer = api.get_more_info({index}, "cifar10", hp="200", is_random=False)["test-accuracy"] / 100
print(libraries - began, time.perf_counter() - libraries, answer)
"""


def fresh(code: str, *arguments: str) -> tuple[float, float, float]:
    """Seconds of the libraries' imports, seconds of the rest, and the answer.

    All is run in a new process.
    """
    shown = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    ).stdout
    libraries_s, own_s, answer = map(float, shown.splitlines()[-1].split())
    return libraries_s, own_s, answer


def cold(benchmark, note, name, code, *arguments, aim_s=None):
    """Benchmark whole processes, and note what they say of themselves."""
    found = []
    benchmark.pedantic(
        lambda: found.append(fresh(code, *arguments)), rounds=ROUNDS, warmup_rounds=1
    )
    libraries_s, own_s, _ = map(statistics.median, zip(*found, strict=True))
    benchmark.extra_info.update(libraries_s=libraries_s, own_s=own_s)
    note(f"{name}, new process: imports of libraries", libraries_s)
    note(f"{name}, new process: own work to the first answer", own_s, aim_s)
    return found[-1][-1]


@pytest.fixture(scope="module")
def records(mirror):
    """Folder of the two official sample records."""
    pytest.importorskip("nats_bench", reason="the extra `official` is not installed")
    folders = sorted(mirror.glob("D-X-Y/NATS-Bench/*/fake_torch_dir/NATS-tss-v1_0-3ffb9-simple"))
    if not folders:
        pytest.skip("the two official sample records are not in NASREPRO_MIRROR")
    return str(folders[0])


def open_official(records):
    from nats_bench import create

    with contextlib.redirect_stdout(io.StringIO()):
        return create(records, "tss", fast_mode=True, verbose=False)


def median_s(benchmark):
    return benchmark.stats.stats.median


# -- the first answer ------------------------------------------------------------------------------
def test_cold_start(benchmark, note, nasbench201):
    answer = cold(benchmark, note, "nasrepro", OURS, aim_s=0.15)
    assert (
        answer
        == nasbench201.query(nasbench201.space.parse(ARCH), dataset="cifar10", epochs=200).values[
            "test_accuracy"
        ]
    )


def test_cold_start_official(benchmark, note, records, nasbench201):
    answer = cold(benchmark, note, "nats_bench", THEIRS.format(index=INDEX), records)
    assert answer == pytest.approx(
        nasbench201.query(nasbench201.space.at(INDEX), dataset="cifar10", epochs=200).values[
            "test_accuracy"
        ]
    )


def test_cold_command_line(benchmark, note, nasbench201):
    command = [
        sys.executable,
        "-c",
        "from nasrepro.__main__ import main; main()",
        "query",
        "nasbench201",
        ARCH,
    ]
    command += ["--dataset", "cifar10", "--epochs", "200", "--json"]
    benchmark.pedantic(
        lambda: subprocess.run(command, capture_output=True, check=True),
        rounds=ROUNDS,
        warmup_rounds=1,
    )
    note("nasrepro query, whole process with the interpreter's start", median_s(benchmark))


def test_first_answer_about_an_architecture_official(benchmark, note, records):
    def new():
        return (open_official(records), INDEX, "cifar10"), {"hp": "200", "is_random": False}

    benchmark.pedantic(
        lambda api, *given, **how: api.get_more_info(*given, **how), setup=new, rounds=ROUNDS
    )
    note("nats_bench, same process: first answer about an architecture", median_s(benchmark))


def test_first_answer_about_an_architecture(benchmark, note, nasbench201):
    archs = iter(
        nasbench201.archs()
    )  # rows of architectures are kept once found: each round asks about another one
    nasbench201.query(nasbench201.space.at(0), dataset="cifar10", epochs=200)

    def new():
        return (next(archs),), {}

    benchmark.pedantic(
        lambda arch: nasbench201.query(arch, dataset="cifar10", epochs=200), setup=new, rounds=2000
    )
    note("nasrepro, same process: first answer about an architecture", median_s(benchmark))


# -- the next answers ------------------------------------------------------------------------------
def test_warm_query(benchmark, note, nasbench201):
    arch = nasbench201.space.at(INDEX)
    benchmark(nasbench201.query, arch, dataset="cifar10", epochs=200)
    note("nasrepro, warm query", median_s(benchmark), 5e-6)


def test_warm_query_official(benchmark, note, records):
    api = open_official(records)
    benchmark(api.get_more_info, INDEX, "cifar10", hp="200", is_random=False)
    note("nats_bench, warm get_more_info", median_s(benchmark))


def test_warm_reader(benchmark, note, nasbench201):
    read = nasbench201.reader("cifar10", 12, "mean", splits=("train", "valid", "none"))
    benchmark(read, nasbench201.space.at(INDEX))
    note("nasrepro, warm look-up of a session (validation only)", median_s(benchmark))


def test_evaluation(benchmark, note, nasbench201):
    archs = list(nasbench201.archs()[:1000])

    def new():
        session = Session(
            nasbench201, dataset="cifar10", epochs=12, budget=Budget(queries=1000, seconds=1e12)
        )
        return (session.evaluate,), {}

    benchmark.pedantic(
        lambda evaluate: [evaluate(arch) for arch in archs], setup=new, rounds=50, warmup_rounds=2
    )
    note("nasrepro, an evaluation by a session", median_s(benchmark) / len(archs), 4e-6)


# -- all at once -----------------------------------------------------------------------------------
def test_all_cells(benchmark, note, nasbench201):
    found = benchmark(nasbench201.query_many, dataset="cifar10", epochs=200)
    assert len(found["test_accuracy"]) == 15625
    note("nasrepro, query_many of the whole table", median_s(benchmark), 5e-3)


def test_all_cells_by_name(benchmark, note, nasbench201):
    archs = list(nasbench201.archs())
    found = benchmark(nasbench201.query_many, archs, dataset="cifar10", epochs=200)
    assert len(found["test_accuracy"]) == 15625
    note("nasrepro, query_many of 15,625 given architectures", median_s(benchmark), 5e-3)


def test_all_cells_one_by_one(benchmark, note, nasbench201):
    archs = nasbench201.archs()
    benchmark.pedantic(
        lambda: [nasbench201.query(arch, dataset="cifar10", epochs=200) for arch in archs],
        rounds=5,
        warmup_rounds=1,
    )
    note("nasrepro, 15,625 single queries", median_s(benchmark))
