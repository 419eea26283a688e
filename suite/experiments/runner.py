"""Running cells on a `concurrent.futures` executor.

This process, loky processes, or a Dask cluster.

Every finished cell is in the store before the next one is waited for; what is there is not run
again.
"""

from __future__ import annotations

import concurrent.futures as futures
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import ParamSpec, TypeVar

from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.experiments.kind import Cell, Record
from nasrepro.suite.experiments.store import Store

P = ParamSpec("P")
T = TypeVar("T")

#: Cells in flight per worker: enough that none waits for the store, few enough that Ctrl-C is
#: quick.
_AHEAD = 4
EXECUTORS = ("loky", "inline", "dask")
#: Seconds between two looks at whether a cluster from which nothing comes is still there.
_LOOK_S = 2.0
#: Seconds that a Dask scheduler is given to answer, and to have a worker.
CONNECT_S = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call of `run_cells` did.

    Cells that were there before, finished now, and failed now.
    """

    there: int
    finished: int
    failed: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Pool:
    """An executor, how many cells to give it at a time, and whether it can still answer."""

    executor: Executor
    ahead: int
    alive: Callable[[], bool] = lambda: True


class _Inline(Executor):
    """Runs each cell at once in this process: for debugging a method, and for one worker."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def execute(cell: Cell) -> tuple[Record, bytes]:
    """Execute a cell (what a worker is handed).

    A record that cannot be kept (a numpy float32 in it) is a failure of that cell alone.
    """
    record, trace = cell.execute()
    try:
        record.to_json()
    except (TypeError, ValueError) as error:
        return cell.failed(
            f"{type(error).__name__}: {error}; what is recorded must be float, int or text"
        ), b""
    return record, trace


def _start_worker(parent: int) -> None:
    """Ctrl-C reaches the whole process group, but the main process alone decides what stops.

    And when it dies, so does a worker.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while processes are started.

    They inherit the mask, so that none is interrupted in its imports.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(
        signal, "pthread_sigmask"
    ):  # Windows has no mask
        yield
        return
    # loky would start it, and up to Python 3.12 that lifts the mask
    resource_tracker.ensure_running()
    pressed = threading.Event()
    handler = signal.signal(
        signal.SIGINT, lambda *_: pressed.set()
    )  # for the other threads, which have no mask
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler or signal.SIG_DFL)
    if pressed.is_set() and callable(handler):
        handler(signal.SIGINT, None)


@contextlib.contextmanager
def open_executor(kind: str, *, workers: int | None = None, address: str = "") -> Iterator[Pool]:
    """An executor, with what the runner must know of it.

    Args:
        kind: `loky` (processes on this machine), `inline` (this process) or `dask` (a cluster).
        workers: processes; the number of cores if not given. A Dask cluster brings its own.
        address: of the Dask scheduler, for example tcp://10.0.0.1:8786.

    Raises:
        UnknownName: no such executor.
        NasreproError: the extra `cluster` is not installed, or the scheduler does not answer.
    """
    if kind not in EXECUTORS:
        raise UnknownName("executor", kind, EXECUTORS)
    if kind == "inline":
        yield Pool(_Inline(), 1)
    elif kind == "loky":
        from loky import ProcessPoolExecutor, cpu_count

        count = workers or cpu_count()
        # workers that each take all cores for their linear algebra wait for one another; what the
        # user has set stays
        share = str(max(1, cpu_count() // count))
        threads = {
            name: os.environ.get(name, share)
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        }
        pool = ProcessPoolExecutor(
            max_workers=count, initializer=_start_worker, initargs=(os.getpid(),), env=threads
        )
        try:
            with _interrupts_held():
                pool.submit(os.getpid)  # the first call starts the processes
            yield Pool(pool, count * _AHEAD)
        finally:
            # a pool that breaks while it starts a process forgets that one
            left = list((getattr(pool, "_processes", None) or {}).values())
            pool.shutdown(wait=True, kill_workers=True)
            for process in left:
                if process.is_alive():
                    process.kill()
                    process.join()
    else:
        with _dask(address) as opened:
            yield opened


@contextlib.contextmanager
def _dask(address: str) -> Iterator[Pool]:
    try:
        from distributed import Client
    except ImportError as error:
        raise NasreproError(
            "executor dask needs the extra cluster: python -m pip install 'nasrepro[cluster]'"
        ) from error
    if not address:
        raise NasreproError(
            "executor dask needs the address of a scheduler: --address tcp://HOST:8786 (start one with: dask scheduler)"
        )
    logging.getLogger("distributed.client").setLevel(
        logging.CRITICAL
    )  # it logs, with tracebacks, what ends here on one line
    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise NasreproError(
            f"no Dask scheduler answers at {address} ({type(error).__name__}: {error}); is it running, and is the address right?"
        ) from error
    with client:
        try:
            client.wait_for_workers(
                1, timeout=CONNECT_S
            )  # one that was killed takes seconds to come back
        except TimeoutError as error:
            raise NasreproError(
                f"the Dask scheduler at {address} has no workers; start some with: dask worker {address}"
            ) from error
        count = sum(client.nthreads().values())
        pool = client.get_executor(pure=False)
        try:
            yield Pool(pool, count * _AHEAD, lambda: client.status != "closed")
        finally:
            pool.shutdown(wait=False)  # cancels what has not started


def run_cells(
    cells: Sequence[Cell],
    store: Store,
    *,
    executor: str = "loky",
    workers: int | None = None,
    address: str = "",
    progress: Callable[[int, int, str], None] = lambda done, total, label: None,
) -> Outcome:
    """Execute the cells that the store does not have, and keep each result at once.

    A worker that dies (killed, out of memory) takes its pool with it; the cells that were in flight
    are tried again one by one, and the one that kills its worker again is a recorded failure.

    Args:
        cells: what to run.
        store: where results go; only this process writes to it.
        executor: see `open_executor`.
        workers: see `open_executor`.
        address: see `open_executor`.
        progress: called with (cells done, cells to do, label of the last one).
    """
    finished = store.finished()
    unique = {cell.key.run_id: cell for cell in cells}
    todo = [cell for run_id, cell in unique.items() if run_id not in finished]
    failed: list[Record] = []
    done = 0

    def keep(cell: Cell, record: Record, trace: bytes) -> None:
        nonlocal done
        store.add(record, trace)
        if record.status == "failed":
            failed.append(record)
        done += 1
        progress(done, len(todo), cell.label)

    progress(0, len(todo), "")
    waiting = todo[::-1]
    while waiting:
        with open_executor(executor, workers=workers, address=address) as pool:
            suspects = [cell for cell, _ in _drain(pool, pool.ahead, waiting, keep)]
        while suspects:
            with open_executor(executor, workers=1, address=address) as pool:
                for cell, error in _drain(pool, 1, suspects, keep):
                    kind = type(error).__name__
                    keep(
                        cell,
                        cell.failed(
                            f"{kind}: {error}\n\nno worker could finish this, not even alone ({kind})"
                        ),
                        b"",
                    )
    return Outcome(len(unique) - len(todo), done - len(failed), tuple(failed))


def _drain(
    pool: Pool, ahead: int, waiting: list[Cell], keep: Callable[[Cell, Record, bytes], None]
) -> list[tuple[Cell, Exception]]:
    """Run `waiting` (taken from its end) with `ahead` cells in flight.

    Returns:
        What was in flight when a worker died, and how that showed; the rest is left in `waiting`.
    """
    flying: dict[Future[tuple[Record, bytes]], Cell] = {}
    broken: list[tuple[Cell, Exception]] = []
    while flying or (waiting and not broken):
        while waiting and len(flying) < ahead and not broken:
            cell = waiting.pop()
            try:
                flying[pool.executor.submit(execute, cell)] = cell
            except Exception as error:  # the pool broke since the last result
                broken.append((cell, error))
        ready, _ = futures.wait(flying, timeout=_LOOK_S, return_when=futures.FIRST_COMPLETED)
        if not ready and not pool.alive():  # what was given to it as it died would never come back
            broken += [(cell, ConnectionError("the cluster was lost")) for cell in flying.values()]
            flying.clear()
        for future in ready:
            cell = flying.pop(future)
            try:
                record, trace = future.result()
            except Exception as error:  # `execute` turns what a cell raises into a record: this is the worker's own death
                broken.append((cell, error))
            else:
                keep(cell, record, trace)
    return broken
