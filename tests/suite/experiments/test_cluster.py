"""Runs on a Dask cluster of worker processes on this machine, some of which are killed."""

from __future__ import annotations

import gc
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from toys import DEADLY, FRAGILE, PLAN, RANDOM, cell, measured_apart, source, toy_fixture  # noqa: F401

from nasrepro.__main__ import main
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import Oracle

pytest.importorskip(
    "distributed",
    reason="the extra `cluster` is not installed: python -m pip install 'nasrepro[cluster]'",
)


def started(
    folder: Path, wanted: str, count: int, *command: str
) -> tuple[subprocess.Popen[str], str]:
    """Start a Dask process in `folder`.

    The process, and what `wanted` matched in the last of `count` lines that it wrote.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if match := re.search(wanted, line):
            count -= 1
            if not count:
                threading.Thread(
                    target=process.stderr.read, daemon=True
                ).start()  # lest the pipe fills
                return process, match[1]
    raise AssertionError("".join(said))


@dataclass(frozen=True)
class Cluster:
    """A scheduler with two worker processes of one thread each, in a folder of their own."""

    address: str
    scheduler: subprocess.Popen[str]


@pytest.fixture(autouse=True)
def no_endless_wait() -> Iterator[None]:
    """A cluster that never answers fails its test; it does not stop all others."""

    def give_up(*_: object) -> None:
        raise TimeoutError("120 s without an end")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def cluster(toy: Oracle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    local = ("--host", "127.0.0.1", "--no-dashboard")
    scheduler, address = started(
        folder,
        r"Scheduler at:\s+(tcp://\S+)",
        1,
        "distributed.cli.dask_scheduler",
        *local,
        "--port",
        "0",
    )
    workers = (
        "distributed.cli.dask_worker",
        address,
        *local,
        "--nworkers",
        "2",
        "--nthreads",
        "1",
        "--local-directory",
        str(folder),
    )
    nanny, _ = started(folder, "(Registered) to", 2, *workers)
    yield Cluster(address, scheduler)
    nanny.send_signal(signal.SIGINT)
    try:
        nanny.wait(10)
    except subprocess.TimeoutExpired:
        nanny.kill()
    scheduler.kill()
    scheduler.wait()


def test_a_run_completes_though_a_worker_is_killed(
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A run by the command line, with a user's method by a path that no worker has.

    The workers are in another folder.
    """
    mark = tmp_path / "mark"
    (tmp_path / "plan.toml").write_text(PLAN)
    (tmp_path / "mine.py").write_text(FRAGILE.replace("mark=''", f"mark={str(mark)!r}"))
    monkeypatch.chdir(tmp_path)
    common = ["nasrepro", "run", "--plan", "plan.toml", "--method", "mine.py", "--quiet", "--store"]
    for arguments in (
        ["dask.sqlite", "--executor", "dask", "--address", cluster.address],
        ["inline.sqlite", "--executor", "inline"],
    ):
        monkeypatch.setattr(sys, "argv", [*common, *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 0 and mark.exists(), capsys.readouterr().err
    there, reference = (
        {
            record.key.run_id: measured_apart(record)
            for record in Store(tmp_path / name, read_only=True).runs()
        }
        for name in ("dask.sqlite", "inline.sqlite")
    )
    assert (
        there == reference
        and len(there) == 12
        and {record["status"] for record in there.values()} == {"budget"}
    )


@pytest.mark.nightly  # how fast a client notices differs much from time to time
def test_what_was_finished_stays_when_the_scheduler_dies(
    toy: Oracle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """On a cluster that gives up on a task when its first worker dies.

    First a method that kills its worker each time.
    """
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    cluster: Cluster = request.getfixturevalue("cluster")
    slow = source("import time\ntime.sleep(0.3)\nreturn session.evaluate(session.space.at(0)).arch")
    with Store(tmp_path / "runs.sqlite") as store:
        outcome = run_cells(
            [cell(DEADLY), cell(RANDOM)], store, executor="dask", address=cluster.address
        )
        (failed,) = outcome.failed
        assert outcome.finished == 1 and failed.key == cell(DEADLY).key
        assert "ended by SIGKILL; no worker could finish this, not even alone" in failed.error

        def kill_later(done: int, total: int, label: str) -> None:
            if done == 3:
                monkeypatch.setattr("nasrepro.suite.experiments.runner.CONNECT_S", 1)
                cluster.scheduler.kill()

        before = time.monotonic()
        with pytest.raises(NasreproError, match=f"no Dask scheduler answers at {cluster.address}"):
            run_cells(
                [cell(slow, seed=seed) for seed in range(30)],
                store,
                executor="dask",
                address=cluster.address,
                progress=kill_later,
            )
        assert time.monotonic() - before < 20
        assert 1 + 3 <= len(store.finished()) < 31


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "tcp://127.0.0.1", "http://127.0.0.1:1", "nowhere", "tcp://"]
)
def test_a_wrong_address_is_one_clear_line(
    address: str, toy: Oracle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nasrepro.suite.experiments.runner.CONNECT_S", 1)
    with (
        Store(tmp_path / "runs.sqlite") as store,
        pytest.raises(NasreproError, match=f"no Dask scheduler answers at {address} ") as caught,
    ):
        run_cells([cell(RANDOM)], store, executor="dask", address=address)
    assert "\n" not in str(caught.value) and "is it running, and is the address right?" in str(
        caught.value
    )


def test_a_refused_address_leaves_no_client_half_open(toy: Oracle, tmp_path: Path) -> None:
    from distributed import Client

    gc.collect()
    before = sum(isinstance(each, Client) for each in gc.get_objects())
    gc.disable()
    try:
        with Store(tmp_path / "runs.sqlite") as store:
            for address in ("http://127.0.0.1:1", "nowhere", "tcp://"):
                with pytest.raises(NasreproError, match="no Dask scheduler answers"):
                    run_cells([cell(RANDOM)], store, executor="dask", address=address)
        assert sum(isinstance(each, Client) for each in gc.get_objects()) == before
    finally:
        gc.enable()


def test_without_an_address_the_message_says_how_to_start_a_scheduler(
    toy: Oracle, tmp_path: Path
) -> None:
    with (
        Store(tmp_path / "runs.sqlite") as store,
        pytest.raises(NasreproError, match="--address tcp://HOST:8786"),
    ):
        run_cells([cell(RANDOM)], store, executor="dask")
