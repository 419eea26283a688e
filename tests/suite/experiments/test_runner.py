"""The runner: nothing twice, nothing finished lost, whatever is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import Popen
from typing import Any

import numpy as np
import psutil
import pytest
from toys import (  # noqa: F401
    DEADLY,
    FRAGILE,
    PLAN,
    RANDOM,
    SPACE,
    Toy,
    cell,
    known,
    measured_apart,
    named,
    nasrepro,
    source,
    toy_fixture,
    values,
)

from nasrepro.__main__ import main
from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.experiments.cells import Cell, cells_of
from nasrepro.suite.experiments.kinds.ranking import RankCell, RankRecord, rank_key
from nasrepro.suite.experiments.kinds.search import RunRecord, Trace
from nasrepro.suite.experiments.plan import load_plan
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.experiments.worker import Refused, execute_here
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import methods
from nasrepro.suite.search import Budget
from nasrepro.suite.space import ConfinedSpace

FAILING = source("1 / 0", "toy_failing")
#: Slow under the command line as `nasrepro` below starts it, not here.
SLOW = source(
    """
    import os, time
    time.sleep(float(os.environ.get("TOY_PAUSE", "0")))
    while True:
        session.evaluate(session.space.sample(rng))
    """,
    "toy_slow",
)


def records(path: Path) -> dict[str, RunRecord]:
    with Store(path, read_only=True) as store:
        return {record.key.run_id: record for record in store.runs()}


def inline(cells: Sequence[Cell], folder: Path) -> dict[str, Any]:
    """What those cells give in this process: the reference."""
    with Store(folder / "reference.sqlite") as store:
        run_cells(cells, store, executor="inline")
        return {record.key.run_id: measured_apart(record) for record in store.runs()}


# -- in this process -------------------------------------------------------------------------------
def test_nothing_is_run_twice(toy: Oracle, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    text = source(
        f"with open({str(calls)!r}, 'a') as file:\n    file.write('.')\n"
        "return session.evaluate(session.space.sample(rng)).arch"
    )
    cells = [cell(text, seed=seed) for seed in (0, 1, 2, 1, 0)]
    seen: list[tuple[int, int, str]] = []
    with Store(tmp_path / "runs.sqlite") as store:
        outcome = run_cells(
            cells, store, executor="inline", progress=lambda *each: seen.append(each)
        )
        assert (outcome.there, outcome.finished, outcome.failed) == (0, 3, ())
        assert seen == [
            (0, 3, ""),
            *((done, 3, f"toy_method on toy/toys, seed {done - 1}") for done in (1, 2, 3)),
        ]
        seen.clear()
        outcome = run_cells(
            [*cells, cell(text, seed=3)],
            store,
            executor="inline",
            progress=lambda *each: seen.append(each),
        )
        assert (outcome.there, outcome.finished, outcome.failed) == (3, 1, ()) and [
            each[:2] for each in seen
        ] == [(0, 1), (1, 1)]
        assert run_cells(cells, store, executor="inline").there == 3
    assert calls.read_text() == "...."


def test_a_finished_cell_is_in_the_store_before_the_next_one_starts(
    toy: Oracle, tmp_path: Path
) -> None:
    path = tmp_path / "runs.sqlite"
    text = source(
        f"import sqlite3\ncount = sqlite3.connect({str(path)!r}).execute('SELECT "
        "count(*) FROM records').fetchone()[0]\n"
        "assert count == session.space.index(session.evaluate(session.space.at(count)).arch)\n"
        "return session.space.at(count)"
    )
    with Store(path) as store:
        run_cells([cell(text, seed=seed) for seed in range(6)], store, executor="inline")
        assert [
            record.chosen for record in sorted(store.runs(), key=lambda each: each.key.seed)
        ] == [SPACE.format(SPACE.at(n)) for n in range(6)]


def test_a_failed_run_is_kept_with_its_traceback_and_tried_again(
    toy: Oracle, tmp_path: Path
) -> None:
    repaired = tmp_path / "repaired"
    text = source(
        f"import os\nif not os.path.exists({str(repaired)!r}):\n    1 / 0\n"
        "return session.evaluate(session.space.at(0)).arch"
    )
    with Store(tmp_path / "runs.sqlite") as store:
        outcome = run_cells([cell(text), cell(RANDOM)], store, executor="inline")
        assert (outcome.there, outcome.finished) == (0, 1)
        (failed,) = outcome.failed
        assert "ZeroDivisionError" in failed.error and 'toy_method.py", line' in failed.error
        repaired.write_text("")
        outcome = run_cells([cell(text), cell(RANDOM)], store, executor="inline")
        assert (outcome.there, outcome.finished, outcome.failed) == (1, 1, ())
        assert {record.status for record in store.runs()} == {"done", "budget"}


def test_an_unknown_executor_gets_the_nearest(toy: Oracle, tmp_path: Path) -> None:
    with (
        Store(tmp_path / "runs.sqlite") as store,
        pytest.raises(UnknownName, match="unknown executor 'proceses'; did you mean 'processes'"),
    ):
        run_cells([cell(RANDOM)], store, executor="proceses")


def test_what_stops_the_store_stops_the_run(toy: Oracle, tmp_path: Path) -> None:
    with (
        Store(tmp_path / "runs.sqlite") as store,
        sqlite3.connect(tmp_path / "runs.sqlite") as other,
    ):
        other.execute("DROP TABLE traces")
        with pytest.raises(NasreproError, match="cannot write to the results store"):
            run_cells([cell(RANDOM)], store, executor="inline")


# -- what a record says ----------------------------------------------------------------------------
def test_a_record_is_what_the_ledger_and_the_table_say(toy: Oracle) -> None:
    record, trace = execute_here(cell(RANDOM, seed=3, budget=Budget(queries=30)))
    steps = Trace.from_bytes(trace).evaluations
    assert len(steps) == record.queries == 30 and record.unique_queries == len(
        {tuple(step[0]) for step in steps}
    )
    assert record.simulated_s == pytest.approx(sum(step[3] for step in steps)) == record.wall_s
    best = max(steps, key=lambda step: step[2])
    assert record.chosen == "-".join(map(str, best[0]))
    arch = SPACE.parse(record.chosen)
    top = max(values(each, 9)["test_accuracy"] for each in SPACE)
    report = record.reports["toys"]
    assert report.metrics == values(arch, 9) and report.regret == pytest.approx(
        top - values(arch, 9)["test_accuracy"]
    )
    last = record.incumbents[-1]
    assert (
        last[2] == best[2]
        and last[3] == values(arch, 9)["test_accuracy"]
        and last[0] == steps.index(best) + 1
    )
    assert record.overhead_s["total"] >= 0 and record.environment["python"]


def test_regret_of_a_target_that_is_better_when_lower_is_positive(toy: Oracle) -> None:
    known(Toy(named("loss_target", objective="valid_loss", target="valid_loss")))
    record, _ = execute_here(cell(RANDOM, oracle="loss_target", budget=Budget(queries=5)))
    loss = record.reports["toys"].metrics["valid_loss"]
    assert (
        record.reports["toys"].regret
        == pytest.approx(loss - min(values(each, 9)["valid_loss"] for each in SPACE))
        != 0
    )


def test_a_ranking_is_of_everything_that_the_table_has(toy: Oracle) -> None:
    part = Toy(
        named("half"), values, ConfinedSpace(SPACE, [arch for arch in SPACE if arch.code[0]])
    )
    known(part)
    record, _ = execute_here(RankCell(rank_key(part, "params", "toys", 9, resamples=20)))
    assert isinstance(record, RankRecord) and record.status == "done", record.error
    best = max(part.archs(), key=lambda arch: values(arch, 9)["params"])
    assert record.agreement["n"] == 54 and record.best_arch == SPACE.format(best)
    assert record.best_value == values(best, 9)["test_accuracy"]
    assert (
        -1 <= record.agreement["kendall"] <= 1 and np.isfinite(record.agreement["kendall_ci"]).all()
    )


def test_a_scorer_that_is_not_here_is_refused(toy: Oracle) -> None:
    key = replace(rank_key(toy, "params", "toys", 9), scorer="none_such")
    refused = execute_here(RankCell(key))
    assert isinstance(refused, Refused) and "unknown scorer 'none_such'" in refused.why


# -- the command line ------------------------------------------------------------------------------
def test_the_exit_code_is_1_when_a_run_failed_and_the_others_finished(
    toy: Oracle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    (tmp_path / "bad.py").write_text(FAILING)
    monkeypatch.chdir(tmp_path)
    common = [
        "nasrepro",
        "run",
        "--plan",
        "plan.toml",
        "--executor",
        "inline",
        "--seeds",
        "2",
        "--store",
        "runs.sqlite",
        "--json",
    ]
    for arguments, code, there, finished, failed in [
        ([*common, "--method", "bad.py"], 1, 0, 2, 2),
        ([*common, "--method", "bad.py"], 1, 2, 0, 2),  # tried again
        (common, 0, 2, 0, 0),
    ]:
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        said = json.loads(out)
        assert (caught.value.code, said["there"], said["finished"], len(said["failed"])) == (
            code,
            there,
            finished,
            failed,
        )
        assert (
            "toy_failing failed 2 times, for example: ZeroDivisionError: division by zero" in err
        ) == (failed > 0)


# -- workers that die ------------------------------------------------------------------------------
def worker_children() -> list[psutil.Process]:
    """Worker processes of this process, those included that have just ended."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "experiments.worker" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_killed_workers_cost_nothing_but_the_run_that_kills_them(
    toy: Oracle, tmp_path: Path
) -> None:
    """One method kills its worker once (as the system may), one does each time, one raises.

    The others give what they give inline.
    """
    healthy = [cell(RANDOM, seed=seed) for seed in range(12)]
    fragile = cell(FRAGILE, mark=str(tmp_path / "mark"))
    deadly, failing = cell(DEADLY), cell(FAILING)
    cells = [*healthy[:3], fragile, *healthy[3:6], deadly, failing, *healthy[6:]]
    seen: list[tuple[int, int]] = []
    others = worker_children()  # joblib keeps idle workers of earlier tests
    with Store(tmp_path / "runs.sqlite") as store:
        outcome = run_cells(
            cells,
            store,
            executor="processes",
            workers=2,
            progress=lambda done, total, label: seen.append((done, total)),
        )
        there = {record.key.run_id: record for record in store.runs()}
    assert (tmp_path / "mark").exists()
    assert (outcome.there, outcome.finished) == (0, 13)
    assert {record.key.method for record in outcome.failed} == {
        "toy_deadly",
        "toy_failing",
    } and len(outcome.failed) == 2
    # also told while nothing ends: what runs, and for how long
    assert list(dict.fromkeys(seen)) == [(done, 15) for done in range(16)]
    error = there[deadly.key.run_id].error
    assert (
        "no worker could finish this, not even alone" in error.splitlines()[-1]
        and "SIGKILL" in error
    )
    assert "ZeroDivisionError" in there[failing.key.run_id].error
    reference = inline([*healthy, fragile], tmp_path)
    assert {run_id: measured_apart(there[run_id]) for run_id in reference} == reference
    assert not psutil.wait_procs(
        [child for child in worker_children() if child not in others], timeout=10
    )[1]


def test_the_shipped_table_gives_the_same_records_on_every_executor(tmp_path: Path) -> None:
    plan = load_plan("digits201")
    (experiment,) = plan.experiment
    small = plan.model_copy(
        update={"experiment": (experiment.model_copy(update={"seeds": (0, 1)}),), "ranking": ()}
    )
    cells = cells_of(small, [methods.from_file(Path("toy_method.py"), RANDOM)])
    reference = inline(cells, tmp_path)
    assert len(reference) == len(cells) == 14 and {
        each["status"] for each in reference.values()
    } == {"budget"}
    with Store(tmp_path / "runs.sqlite") as store:
        run_cells(cells, store, executor="processes", workers=2)
        assert {record.key.run_id: measured_apart(record) for record in store.runs()} == reference


# -- a main process that dies ----------------------------------------------------------------------
def wait_for(
    process: Popen[str], condition: Callable[[], int | list[psutil.Process]], seconds: float = 60
) -> None:
    """Wait until the condition holds.

    A process that has ended, or does not get there, says what it said.
    """
    until = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            pytest.fail(f"exit code {process.returncode}: {process.communicate()}")
        time.sleep(0.02)


def finished(path: Path) -> int:
    """Records in a store that another process is writing."""
    if not path.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            return int(db.execute("SELECT count(*) FROM records").fetchone()[0])
    except sqlite3.OperationalError:  # not made yet
        return 0


def workers_of(main_process: Popen[str]) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(main_process.pid).children(recursive=True)
        if "experiments.worker" in " ".join(child.cmdline())
    ]


@pytest.fixture
def slow_run(toy: Oracle, tmp_path: Path) -> tuple[Path, tuple[str, ...], list[Cell]]:
    """A folder, the arguments of a run of eighteen cells, and its cells.

    The run takes a few seconds.
    """
    (tmp_path / "plan.toml").write_text(PLAN.replace("seeds = 6", "seeds = 9"))
    (tmp_path / "slow.py").write_text(SLOW)
    cells = cells_of(
        load_plan(str(tmp_path / "plan.toml")), [methods.from_file(tmp_path / "slow.py")]
    )
    return (
        tmp_path,
        (
            "run",
            "--plan",
            "plan.toml",
            "--method",
            "slow.py",
            "--store",
            "runs.sqlite",
            "--workers",
            "2",
        ),
        cells,
    )


def completes(folder: Path, cells: list[Cell], kept: dict[str, RunRecord]) -> None:
    """A second call runs what is missing and leaves alone what is there.

    The whole is as if nothing had happened.
    """
    with Store(folder / "runs.sqlite") as store:
        outcome = run_cells(cells, store, executor="inline")
    assert (outcome.there, outcome.finished, outcome.failed) == (
        len(kept),
        len(cells) - len(kept),
        (),
    )
    there = records(folder / "runs.sqlite")
    assert all(
        there[run_id].overhead_s == record.overhead_s for run_id, record in kept.items()
    )  # measured, so never the same twice
    assert {run_id: measured_apart(record) for run_id, record in there.items()} == inline(
        cells, folder
    )


def test_a_killed_main_process_loses_nothing_and_leaves_nobody_behind(
    slow_run: tuple[Path, tuple[str, ...], list[Cell]],
) -> None:
    folder, arguments, cells = slow_run
    started = nasrepro(folder, *arguments, "--quiet")
    try:
        wait_for(started, lambda: finished(folder / "runs.sqlite") > 9)
        before = finished(folder / "runs.sqlite")
        children = psutil.Process(started.pid).children(recursive=True)
        assert len(workers_of(started)) == 2
    finally:
        started.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    started.communicate()
    kept = records(folder / "runs.sqlite")
    assert before <= len(kept) < len(cells)
    completes(folder, cells, kept)


@pytest.mark.parametrize("moment", ["workers start", "cells run"])
def test_ctrl_c_ends_cleanly(
    moment: str, slow_run: tuple[Path, tuple[str, ...], list[Cell]]
) -> None:
    folder, arguments, cells = slow_run
    started = nasrepro(folder, *arguments)
    if moment == "workers start":
        wait_for(started, lambda: workers_of(started))
    else:
        wait_for(started, lambda: finished(folder / "runs.sqlite"))
    children = psutil.Process(started.pid).children(recursive=True)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    pressed = time.monotonic()
    out, err = started.communicate(timeout=30)
    assert started.returncode == 130 and time.monotonic() - pressed < 10
    kept = records(folder / "runs.sqlite")
    assert (
        f"stopped: {len(kept)} of 18 are in runs.sqlite; the same command resumes the others" in err
    )
    assert "Traceback" not in err and "Error" not in err and out == ""
    assert not psutil.wait_procs(children, timeout=10)[1]
    if moment == "cells run":
        assert 0 < len(kept) < 18
        completes(folder, cells, kept)
