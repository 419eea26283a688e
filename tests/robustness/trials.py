"""What goes wrong on a lab's machines, tried: kill -9, a full disk, a dead scheduler, other code.

Each trial runs a plan of searches on digits201 by the command line, spoils something, gives the
same command again, and holds the store against one of a run that nothing happened to.

    python tests/robustness/trials.py [--times 5] [--log LOG] [--out results/robustness.md]

The table counts what LOG has of earlier commands, too: a line for each trial.
A full disk is a small one in memory, and hosts are network namespaces with addresses of their own;
root alone can make either, elsewhere that is not tried.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.store import Store

ROOT = Path(__file__).parents[2]
PLAN = """
[[experiment]]
oracle = "digits201"
methods = ["random_search", "regularized_evolution", "local_search", "reinforce"]
datasets = ["digits"]
search_epochs = 12
report_epochs = 30
budgets = [{ queries = 40 }]
seeds = 300
"""
FOLDERS = ("nasrepro", "suite", "oracles", "methods", "reports")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "nasrepro", *arguments]


def run(store: Path, *more: str) -> list[str]:
    plan = str(store.with_suffix(".toml"))
    Path(plan).write_text(PLAN, encoding="utf-8")
    return command("run", "--plan", plan, "--store", str(store), "--quiet", *more)


def done(arguments: list[str], **changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, capture_output=True, text=True, check=False, env={**os.environ, **changed}
    )


def answers(store: Path) -> dict[str, object]:
    """Of every finished run what it gave, by its id."""
    with Store(store, read_only=True) as opened:
        return {
            run_id: (record.status, record.chosen, record.reports, record.incumbents)
            for run_id, record in opened.identified_runs()
            if record.status != "failed"
        }


def one_line(ended: subprocess.CompletedProcess[str]) -> str:
    """ "" where a command ended as one refusal, else what is wrong with that."""
    said = ended.stderr.strip().splitlines()
    if ended.returncode != 2 or "Traceback" in ended.stderr or not said[-1].startswith("error: "):
        return f"exit code {ended.returncode}: {ended.stderr[-300:]}"
    return ""


def killed_runner(folder: Path, reference: dict[str, object], rng: random.Random) -> str:
    """kill -9 of the command at a random moment; nothing that was there is lost."""
    store = folder / "runs.sqlite"
    process = subprocess.Popen(run(store), start_new_session=True)
    while not store.exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(rng.uniform(0.5, 4))
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = answers(store)
    ended = done(run(store))
    after = answers(store)
    if ended.returncode or not before.items() <= after.items():
        return f"lost, or exit code {ended.returncode}: {ended.stderr[-300:]}"
    return "" if after == reference else "other answers"


def killed_workers(folder: Path, reference: dict[str, object], rng: random.Random) -> str:
    """kill -9 of both worker processes, twice, while the command goes on."""
    store = folder / "runs.sqlite"
    process = subprocess.Popen(run(store, "--workers", "2"), start_new_session=True)
    for _ in range(2):
        time.sleep(rng.uniform(1, 3))
        listed = done(["pgrep", "-P", str(process.pid)]).stdout.split()
        for worker in listed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(worker), signal.SIGKILL)
    if process.wait():
        return f"exit code {process.returncode}"
    return "" if answers(store) == reference else "other answers"


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def full_disk_run(folder: Path, reference: dict[str, object], rng: random.Random) -> str:
    """A store on a disk that becomes full; with room again the same command ends the work."""
    with small_disk(folder, "600k") as disk:
        store = disk / "runs.sqlite"
        if wrong := one_line(done(run(store))):
            return wrong
        before = answers(store)
        subprocess.run(["mount", "-o", "remount,size=60m", disk], check=True)
        ended = done(run(store))
        after = answers(store)
        if ended.returncode or not before or not before.items() <= after.items():
            return f"lost, or exit code {ended.returncode}: {ended.stderr[-300:]}"
        return "" if after == reference else "other answers"


def _full_disk(arguments: list[str], folder: Path) -> str:
    """A command whose results go to a full disk: one line, and nothing half-written."""
    with small_disk(folder, "16k") as disk:
        (disk / "filler").write_bytes(bytes(4096 * 2))
        ended = done(
            [each.replace("DISK", str(disk)) for each in arguments], NASREPRO_DATA=str(disk)
        )
        left = [path.name for path in disk.rglob("*.parquet")]
        return one_line(ended) or (f"left: {left}" if left else "")


def full_disk_score(folder: Path, reference: dict[str, object], rng: random.Random) -> str:
    """`score` with its cache on a full disk."""
    return _full_disk(command("score", "digits201", "--sample", "3", "--scorer", "naswot"), folder)


def full_disk_train(folder: Path, reference: dict[str, object], rng: random.Random) -> str:
    """`train-table` into a full disk."""
    return _full_disk(
        command("train-table", "digits201", "--out", "DISK/table", "--cells", "1", "--seeds", "0"),
        folder,
    )


# -- a cluster -------------------------------------------------------------------------------------
def _dask(what: str, *arguments: str, path: Path = ROOT, host: str = "") -> subprocess.Popen[bytes]:
    within = ["ip", "netns", "exec", host] if host else []
    return subprocess.Popen(
        [*within, sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments],
        env={**os.environ, "PYTHONPATH": str(path)}, cwd="/",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _worker(
    address: str, folder: Path, at: str = "127.0.0.1", path: Path = ROOT, host: str = ""
) -> subprocess.Popen[bytes]:
    named = ("--host", at, "--nthreads", "1", "--no-nanny", "--no-dashboard")
    return _dask("worker", address, *named, "--local-directory", str(folder), path=path, host=host)


def _scheduler(port: int, at: str = "127.0.0.1") -> subprocess.Popen[bytes]:
    """A scheduler that answers; on a busy machine it starts for longer than a command waits."""
    started = _dask("scheduler", "--host", at, "--port", str(port), "--no-dashboard")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((at, port), 1):
            return started
        time.sleep(0.2)
    raise RuntimeError(f"no scheduler listens at {at}:{port}")


#: The network of the trial of two hosts.
BRIDGE, HOSTS = "nasrepro0", {"nasrepro-a": "10.77.0.2", "nasrepro-b": "10.77.0.3"}
GATEWAY = "10.77.0.1"


@contextlib.contextmanager
def two_hosts() -> Iterator[None]:
    """Two network namespaces, linked with this one by a bridge at `GATEWAY`."""

    def ip(*words: str, check: bool = True) -> None:
        subprocess.run(["ip", *words], check=check, stderr=subprocess.DEVNULL)

    ip("link", "add", BRIDGE, "type", "bridge")
    try:
        ip("addr", "add", f"{GATEWAY}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for host, address in HOSTS.items():
            outer, inner = f"{host}0", f"{host}1"
            ip("netns", "add", host)
            ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", host)
            ip("link", "set", outer, "master", BRIDGE, "up")
            ip("-n", host, "addr", "add", f"{address}/24", "dev", inner)
            ip("-n", host, "link", "set", inner, "up")
            ip("-n", host, "link", "set", "lo", "up")
        yield
    finally:
        for host in HOSTS:
            ip("netns", "del", host, check=False)
        ip("link", "del", BRIDGE, check=False)


def _end(*processes: subprocess.Popen[bytes]) -> None:
    for process in processes:
        process.kill()
        process.wait()


def dead_scheduler(folder: Path, reference: dict[str, object], rng: random.Random) -> str:
    """kill -9 of scheduler and workers in mid-run; the same command with new ones ends the work."""
    port, store = rng.randrange(20_000, 30_000), folder / "runs.sqlite"
    address = f"tcp://127.0.0.1:{port}"
    arguments = run(store, "--executor", "dask", "--address", address)
    first = [_scheduler(port), _worker(address, folder)]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    there = 0
    while process.poll() is None and not there:
        time.sleep(0.2)
        with contextlib.suppress(NasreproError):  # not made yet
            there = len(answers(store))
    _end(*first)
    _, said = process.communicate(timeout=120)
    if process.returncode != 2 or "Traceback" in said:
        return f"exit code {process.returncode}: {said[-300:]}"
    before = answers(store)
    second = [_scheduler(port), _worker(address, folder)]
    try:
        ended = done(arguments)
    finally:
        _end(*second)
    after = answers(store)
    if ended.returncode or not before.items() <= after.items():
        return f"lost, or exit code {ended.returncode}: {ended.stderr[-300:]}"
    return "" if after == reference else "other answers"


def other_code(folder: Path, reference: dict[str, object], rng: random.Random) -> str:
    """Two network namespaces, in one another source of a method: its cells go to the other."""
    other = folder / "other"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, other / name, ignore=shutil.ignore_patterns("__pycache__"))
    source = other / "methods" / "random_search.py"
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("session.space.sample(rng)", "session.space.at(0)"))
    port, store = rng.randrange(20_000, 30_000), folder / "runs.sqlite"
    address = f"tcp://{GATEWAY}:{port}"
    (a, at_a), (b, at_b) = HOSTS.items()
    with two_hosts():
        hosts = [
            _scheduler(port, GATEWAY),
            _worker(address, folder, at_a, other, a),
            _worker(address, folder, at_b, host=b),
        ]
        try:
            ended = done(run(store, "--executor", "dask", "--address", address))
        finally:
            _end(*hosts)
    if ended.returncode:
        return f"exit code {ended.returncode}: {ended.stderr[-300:]}"
    return "" if answers(store) == reference else "other answers"


TRIALS: dict[str, Callable[[Path, dict[str, object], random.Random], str]] = {
    "kill -9 of the command": killed_runner,
    "kill -9 of the workers": killed_workers,
    "full disk, run": full_disk_run,
    "full disk, score": full_disk_score,
    "full disk, train-table": full_disk_train,
    "dead scheduler, new workers": dead_scheduler,
    "two hosts, other code on one": other_code,
}


SURVIVED = "survived"


def main() -> int:
    """Print the table; 1 where a trial did not end as it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(TRIALS))
    parser.add_argument("--log", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    log = given.log or Path(os.devnull)
    ended = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    lines = [
        "# What goes wrong on a lab's machines",
        "",
        "Written by `tests/robustness/trials.py`: survived is a trial "
        "after which nothing was lost and the answers are those of an undisturbed run.",
        "",
        "| trial | what happens | tried | survived |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        undisturbed = Path(name) / "reference.sqlite"
        subprocess.run(run(undisturbed), check=True)
        reference = answers(undisturbed)
        for title in given.only:
            trial = TRIALS[title]
            if title.startswith(("full disk", "two hosts")) and os.geteuid():
                continue
            before = sum(line.startswith(f"{title} ") for line in ended)
            for number in range(before, before + given.times):
                folder = Path(name) / re.sub(r"\W+", "-", f"{title} {number}")
                folder.mkdir()
                wrong = trial(folder, reference, random.Random(number))
                ended.append(f"{title} {number} {wrong or SURVIVED}".replace("\n", " "))
                print(ended[-1], file=sys.stderr, flush=True)
                with log.open("a", encoding="utf-8") as file:
                    file.write(f"{ended[-1]}\n")
    good = True
    for title, trial in TRIALS.items():
        tried = [line for line in ended if line.startswith(f"{title} ")]
        survived = sum(line.endswith(f" {SURVIVED}") for line in tried)
        what = (trial.__doc__ or "").split("\n")[0].rstrip(".")
        lines.append(f"| {title} | {what} | {len(tried)} | {survived} |")
        good = good and survived == len(tried)
    text = "\n".join(lines) + "\n"
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
