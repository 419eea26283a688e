"""Running cells on a `concurrent.futures` executor.

This process, processes of this machine, or a Dask cluster.

Every finished cell is in the store before the next one is waited for; what is there is not run
again.
"""

from __future__ import annotations

import concurrent.futures as futures
import contextlib
import logging
import os
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.experiments.identity import ENGINE, environment
from nasrepro.suite.experiments.kind import Cell, Record
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.experiments.worker import (
    Done,
    Refused,
    Team,
    execute_here,
    execute_on_cluster,
)

#: Cells in flight per worker: enough that none waits for the store, few enough that Ctrl-C is
#: quick.
_AHEAD = 4
EXECUTORS = ("processes", "inline", "dask")
#: Seconds between two looks at whether a cluster from which nothing comes is still there, and at
#: what other runners do.
_LOOK_S = 2.0
#: Seconds that a Dask scheduler is given to answer, and to have a worker.
CONNECT_S = 10.0

#: Where a cell ran, and what came of it.
Result = tuple[str, Done | Refused]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call of `run_cells` did.

    Cells that were there before or were finished by another runner, finished now, and failed now.
    """

    there: int
    finished: int
    failed: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Pool:
    """Where cells run.

    Attributes:
        submit: has a cell executed by a worker that is not among those given.
        ahead: how many cells to give it at a time.
        workers: addresses of its workers; one, "", where all are the same.
        alive: whether it can still answer.
    """

    submit: Callable[[Cell, frozenset[str]], Future[Result]]
    ahead: int
    workers: Callable[[], frozenset[str]] = lambda: frozenset({""})
    alive: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class Job:
    """A cell, the workers that have refused it, and when it was given to a worker."""

    cell: Cell
    refused: frozenset[str] = field(default_factory=frozenset)
    since: float = 0.0


def _here(cell: Cell, refused: frozenset[str]) -> Future[Result]:
    """Run a cell at once in this process."""
    future: Future[Result] = Future()
    future.set_result(("", execute_here(cell)))
    return future


@contextlib.contextmanager
def open_pool(kind: str, *, workers: int | None = None, address: str = "") -> Iterator[Pool]:
    """Where cells run.

    Args:
        kind: `processes` (of this machine), `inline` (this process) or `dask` (a cluster).
        workers: processes; the number of cores if not given. A Dask cluster brings its own.
        address: of the Dask scheduler, for example tcp://10.0.0.1:8786.

    Raises:
        UnknownName: no such executor.
        NasreproError: the extra `cluster` is not installed, or the scheduler does not answer.
    """
    if kind not in EXECUTORS:
        raise UnknownName("executor", kind, EXECUTORS)
    if kind == "inline":
        yield Pool(_here, 1)
    elif kind == "processes":
        count = workers or cores()
        team, threads = Team(count), ThreadPoolExecutor(2 * count)
        try:
            yield Pool(
                lambda cell, _: threads.submit(lambda: ("", team.execute(cell))), count * _AHEAD
            )
        finally:
            team.close()
            threads.shutdown(wait=True, cancel_futures=True)
    else:
        with _dask(address) as pool:
            yield pool


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def _dask(address: str) -> Iterator[Pool]:
    try:
        from distributed import Client
        from distributed.comm.addressing import resolve_address
    except ImportError as error:
        raise NasreproError(
            "executor dask needs the extra cluster: python -m pip install 'nasrepro[cluster]'"
        ) from error
    if not address:
        raise NasreproError(
            "executor dask needs the address of a scheduler: --address tcp://HOST:8786 "
            "(start one with: dask scheduler)"
        )
    # they log, with tracebacks, what ends here on one line
    for logger in ("distributed.client", "tornado.application"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    try:
        # A client that refuses its address is left half open: when the garbage collector closes it
        # in the thread of the next client's event loop, the two wait for each other.
        resolve_address(address)
        client = Client(address, timeout=CONNECT_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise NasreproError(
            f"no Dask scheduler answers at {address} ({type(error).__name__}: {error}); "
            "is it running, and is the address right?"
        ) from error
    with client:
        try:
            # one that was killed takes seconds to come back
            client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError as error:
            raise NasreproError(
                f"the Dask scheduler at {address} has no workers; "
                f"start some with: dask worker {address}"
            ) from error
        count = sum(client.nthreads().values())
        pools: dict[frozenset[str], Executor] = {}

        def workers() -> frozenset[str]:
            return frozenset(client.nthreads())

        def submit(cell: Cell, refused: frozenset[str]) -> Future[Result]:
            if refused not in pools:
                only = {"workers": sorted(workers() - refused)} if refused else {}
                pools[refused] = client.get_executor(pure=False, **only)
            packed = pickle.dumps(cell)
            try:
                return pools[refused].submit(execute_on_cluster, ENGINE, packed)
            except Exception as error:  # the scheduler went between two looks at it
                lost: Future[Result] = Future()
                lost.set_exception(error)
                return lost

        try:
            yield Pool(submit, count * _AHEAD, workers, lambda: client.status != "closed")
        finally:
            for pool in pools.values():
                with contextlib.suppress(Exception):  # of a scheduler that is gone nothing is left
                    pool.shutdown(wait=False)  # cancels what has not started


def run_cells(
    cells: Sequence[Cell],
    store: Store,
    *,
    executor: str = "processes",
    workers: int | None = None,
    address: str = "",
    timeout_s: float | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, label: None,
) -> Outcome:
    """Execute the cells that the store does not have, and keep each result at once.

    A cell whose worker dies (killed, out of memory) is tried again alone; one that kills its worker
    again is a recorded failure. A cell that a worker refuses goes to another one. What another
    runner of the same store is at is left to that one while it lives.

    Args:
        cells: what to run.
        store: where results go.
        executor: see `open_pool`.
        workers: see `open_pool`.
        address: see `open_pool`.
        timeout_s: seconds after which a cell is ended as failed; what its plan says if not given.
        progress: called with (cells done, cells to do, label of the last one).

    Raises:
        NasreproError: a cell that no worker takes, after all others have run.
    """
    unique = {cell.key.run_id: cell for cell in cells}
    known = store.finished()
    todo = [cell for run_id, cell in unique.items() if run_id not in known]
    if timeout_s is not None:
        todo = [replace(cell, timeout_s=timeout_s) for cell in todo]  # type: ignore[type-var]
    run = Run(store, len(todo), progress)
    progress(0, len(todo), "")
    waiting = deque(Job(cell) for cell in todo)
    try:
        while waiting:
            with open_pool(executor, workers=workers, address=address) as pool:
                run.drain(pool, pool.ahead, waiting)
        while run.suspects:
            suspects = deque(Job(cell) for cell, _ in run.suspects)
            run.suspects = []
            with open_pool(executor, workers=1, address=address) as pool:
                run.drain(pool, 1, suspects)
            for cell, error in run.suspects:
                lost = (
                    f"{type(error).__name__}: {error}; no worker could finish this, not even alone"
                )
                run.keep(cell, Done(cell.failed(lost, environment()), b""))
            run.suspects = []
    finally:
        store.release()
    if run.unfit:
        label, reason = run.unfit[0]
        raise NasreproError(
            f"{len(run.unfit):,} cells fit no worker, for example {label}: {reason}; "
            "install the same version, methods and tables everywhere"
        )
    return Outcome(len(unique) - len(todo) + run.elsewhere, run.finished, tuple(run.failed))


@dataclass(slots=True)
class Run:
    """What one call of `run_cells` has done so far.

    Attributes:
        store: where results go.
        total: cells to do.
        progress: see `run_cells`.
        done: cells done.
        failed: records of failures.
        elsewhere: cells that another runner has finished meanwhile.
        suspects: cells whose worker died, and how that showed.
        unfit: labels of cells that no worker takes, and why.
    """

    store: Store
    total: int
    progress: Callable[[int, int, str], None]
    done: int = 0
    failed: list[Record] = field(default_factory=list)
    elsewhere: int = 0
    suspects: list[tuple[Cell, Exception]] = field(default_factory=list)
    unfit: list[tuple[str, str]] = field(default_factory=list)

    @property
    def finished(self) -> int:
        """Cells that this runner has finished, failures left out."""
        return self.done - len(self.failed) - self.elsewhere - len(self.unfit)

    def keep(self, cell: Cell, done: Done) -> None:
        """Store a result."""
        self.store.add(done.record, done.packed)
        if done.record.status == "failed":
            self.failed.append(done.record)
        self._step(cell)

    def _step(self, cell: Cell) -> None:
        self.done += 1
        self.progress(self.done, self.total, cell.label)

    def _say(self, flying: Iterable[Job]) -> None:
        """What has been in flight for longest, and for how long."""
        oldest = min(flying, key=lambda job: job.since)
        seconds = time.monotonic() - oldest.since
        self.progress(self.done, self.total, f"{oldest.cell.label} ({seconds:,.0f} s)")

    def drain(self, pool: Pool, ahead: int, waiting: deque[Job]) -> None:
        """Run what is waiting with `ahead` cells in flight.

        When the pool is lost, what is left stays in `waiting`; what was in flight is a suspect.
        """
        flying: dict[Future[Result], Job] = {}
        others: deque[Job] = deque()  # another runner is at these
        while flying or waiting or others:
            while waiting and len(flying) < ahead:
                job = waiting.popleft()
                if self._taken(job, others):
                    job = replace(job, since=time.monotonic())
                    flying[pool.submit(job.cell, job.refused)] = job
            if not flying and others:
                time.sleep(_LOOK_S)
            ready, _ = futures.wait(flying, timeout=_LOOK_S, return_when=futures.FIRST_COMPLETED)
            if not ready and flying and not pool.alive():
                # what was given to it as it died would never come back
                lost = ConnectionError("the cluster was lost")
                self.suspects += [(job.cell, lost) for job in flying.values()]
                waiting.extend(others)
                return
            self.store.beat()
            if not ready and flying:
                self._say(flying.values())
            for future in ready:
                self._receive(future, flying.pop(future), pool, waiting)
            if not flying and not waiting:
                waiting.extend(others)
                others.clear()

    def _taken(self, job: Job, others: deque[Job]) -> bool:
        """Whether this runner may run a cell; else it is counted, or put among the others'."""
        state = self.store.take(job.cell.key.run_id)
        if state == "finished":
            self.elsewhere += 1
            self._step(job.cell)
        elif state == "elsewhere":
            others.append(job)
        return state == "ours"

    def _receive(self, future: Future[Result], job: Job, pool: Pool, waiting: deque[Job]) -> None:
        try:
            where, result = future.result()
        except Exception as error:  # what a cell raises is a record: this is the worker's own death
            self.suspects.append((job.cell, error))
            return
        if isinstance(result, Done):
            self.keep(job.cell, result)
            return
        refused = job.refused | {where}
        if pool.workers() - refused:
            waiting.append(Job(job.cell, refused))
        else:
            worker = f"worker {where} has " if where else ""
            self.unfit.append((job.cell.label, f"{worker}{result.why}"))
            self._step(job.cell)
