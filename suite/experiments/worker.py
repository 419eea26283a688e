"""Cells in processes of their own: what a worker does, and how a thread of the runner drives it.

A worker gets cells through a pipe and gives back JSON and bytes. A method that dies, hangs, or
takes its process apart costs its own run and nobody else's. The process that performs a search
never holds a metric of the test split (`Cell.withheld`); what it says is checked, and the test
metrics are read, on the runner's side (`Cell.conclude`).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from nasrepro.suite.data import withhold
from nasrepro.suite.errors import DataMissing, UnknownName, one_line
from nasrepro.suite.experiments.contained import ONE_THREAD
from nasrepro.suite.experiments.identity import ENGINE, Foreign, environment, installed
from nasrepro.suite.experiments.kind import Cell, Record

#: Lengths of an answer's parts.
_HEAD = struct.Struct("!cQQ")
_RAN, _FAILED, _REFUSED, _LAST = b"r", b"f", b"x", b"!"


class Died(Exception):
    """A worker's process ended in the middle of a cell."""


class Done(NamedTuple):
    """A finished cell: its record, and what is kept beside it."""

    record: Record
    packed: bytes


class Refused(NamedTuple):
    """A cell that a worker did not take: the worker ("" on this machine), and what is foreign."""

    where: str
    why: str


class Answer(NamedTuple):
    """What came of a cell: how (ran, failed, refused), JSON or an error's text, and bytes."""

    state: bytes
    text: str
    packed: bytes = b""

    @property
    def ran(self) -> bool:
        """Whether the cell was performed to its end."""
        return self.state == _RAN


def execute_here(cell: Cell) -> Done | Refused:
    """Execute a cell in this process: for debugging a method. Ctrl-C ends it all."""
    try:
        answer = Answer(_RAN, *cell.perform())
    except Foreign as error:
        answer = Answer(_REFUSED, str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        answer = _failure(error, cell)
    return _concluded(cell, answer)


def _failure(error: BaseException, cell: Cell) -> Answer:
    trace = ""
    with contextlib.suppress(Exception):  # an exception of a method may not even print
        trace = "".join(traceback.format_exception(error))
    return Answer(_FAILED, f"{trace}\n{one_line(error, cell.file)}")


def _concluded(cell: Cell, answer: Answer) -> Done | Refused:
    if answer.state == _REFUSED:
        return Refused("", answer.text)
    if answer.state == _FAILED:
        return Done(cell.failed(answer.text, environment()), b"")
    try:
        record, packed = cell.conclude(answer.text, answer.packed)
        record.to_json()
    except Exception as error:  # what a search says may be anything
        return Done(cell.failed(_failure(error, cell).text, environment()), b"")
    return Done(record, packed)


# -- in the worker --------------------------------------------------------------------------------
def serve() -> None:
    """A worker's life: cells come in by standard input, answers go out by standard output."""
    answers, cells = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)  # what a method prints, in C too, is no answer
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _end_with(os.getppid())
    threads, restore = threading.active_count(), _restorer()
    while True:
        try:
            cell, asked = pickle.load(cells)
        except EOFError:
            return
        restore()
        answer = _performed(cell) if asked is None else _concluded_apart(cell, asked)
        text = answer.text.encode(errors="backslashreplace")
        last = threading.active_count() > threads  # the run has left a thread behind
        head = _HEAD.pack(answer.state, len(text), len(answer.packed))
        try:
            answers.write(b"".join((head, text, answer.packed, _LAST if last else b" ")))
            answers.flush()
        except BrokenPipeError:  # the runner was killed: nobody waits for this
            os._exit(1)
        if last:
            os._exit(0)


def _restorer() -> Callable[[], None]:
    """What puts back, as it is now, what runs may leave changed."""
    path, folder, variables = list(sys.path), Path.cwd(), dict(os.environ)

    def restore() -> None:
        sys.path[:] = path
        os.chdir(folder)
        if dict(os.environ) != variables:
            os.environ.clear()
            os.environ.update(variables)
        for name in ("stdout", "stderr"):
            if getattr(sys, name).closed:
                setattr(sys, name, os.fdopen(2, "w", closefd=False))

    return restore


def _performed(cell: Cell) -> Answer:
    try:
        if cell.sealed:
            with installed(ENGINE):  # an oracle that is missing here may be elsewhere
                withheld = cell.withheld
            withhold(withheld)
        return Answer(_RAN, *cell.perform())
    except Foreign as error:
        return Answer(_REFUSED, str(error))
    except BaseException as error:  # also those that end a process are the method's own failure
        return _failure(error, cell)


def _concluded_apart(cell: Cell, asked: Answer) -> Answer:
    return Answer(_RAN, "", pickle.dumps(_concluded(cell, asked)))


def _end_with(parent: int) -> None:
    """End this process when its parent ends."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


# -- in the runner --------------------------------------------------------------------------------
class _Worker:
    """One process, started when it is first asked, and again when it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def ask(self, cell: Cell, answer: Answer | None = None) -> Answer:
        """Have a cell performed, or the answer of another worker concluded.

        Raises:
            Died: the process ended in the middle of it.
        """
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        overdue = threading.Event()

        def end() -> None:
            overdue.set()
            self.kill()

        timer = threading.Timer(cell.timeout_s, end)
        timer.start()
        try:
            process.stdin.write(pickle.dumps((cell, answer)))
            process.stdin.flush()
            state, text, packed = _HEAD.unpack(_read(process.stdout, _HEAD.size))
            given = Answer(
                state,
                _read(process.stdout, text).decode(errors="replace"),
                _read(process.stdout, packed),
            )
            if _read(process.stdout, 1) == _LAST:
                self.kill()
        except (OSError, EOFError, struct.error) as error:
            self.kill()
            if overdue.is_set():
                return Answer(
                    _FAILED,
                    f"TimeoutError: ended after {cell.timeout_s:g} s; "
                    "a longer limit: nasrepro run --timeout SECONDS",
                )
            code = process.returncode
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            raise Died(f"the worker process ended by {how}") from error
        finally:
            timer.cancel()
        return given

    def kill(self, *, for_good: bool = False) -> None:
        """End the process, and what it has started."""
        self._closed |= for_good
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what was not sent is lost
                if pipe is not None:
                    pipe.close()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise Died("the run has ended")
        if self._process is not None and self._process.poll() is not None:
            self.kill()
        if self._process is None:
            code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,  # Ctrl-C is the main process's to hear
            )
        return self._process


def _read(pipe: IO[bytes], size: int) -> bytes:
    found = pipe.read(size)
    if len(found) < size:
        raise EOFError
    return found


class Team:
    """Worker processes: some for searches, some for all else.

    Args:
        size: how many may work at a time; as many as threads ask, if not given. With more threads
            than that, the results of one cell are checked while its worker is at the next.
    """

    def __init__(self, size: int | None = None) -> None:
        self._turns = contextlib.nullcontext() if size is None else threading.Semaphore(size)
        self._lock = threading.Lock()
        self._free: dict[bool, list[_Worker]] = {True: [], False: []}
        self._all: list[_Worker] = []
        self._closed = False

    def execute(self, cell: Cell) -> Done | Refused:
        """Execute a cell apart from this process.

        Raises:
            Died: a worker ended in the middle of it.
        """
        answer = self.perform(cell)
        if answer.state == _RAN and cell.concludes_apart:
            with self._worker(False) as worker:
                concluded: Done | Refused = pickle.loads(worker.ask(cell, answer).packed)
            return concluded
        return _concluded(cell, answer)

    def perform(self, cell: Cell) -> Answer:
        """Have a cell performed; raises Died."""
        with self._worker(cell.sealed) as worker:
            return worker.ask(cell)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._closed = True
        for worker in self._all:
            worker.kill(for_good=True)

    @contextlib.contextmanager
    def _worker(self, sealed: bool) -> Iterator[_Worker]:
        """A worker that nobody else is asking."""
        with self._turns:
            with self._lock:
                if self._closed:
                    raise Died("the run has ended")
                if self._free[sealed]:
                    worker = self._free[sealed].pop()
                else:
                    worker = _Worker()
                    self._all.append(worker)
            try:
                yield worker
            finally:
                with self._lock:
                    self._free[sealed].append(worker)


#: Of a Dask worker's process.
_TEAM = Team()


def execute_on_cluster(engine: int, packed: bytes) -> tuple[str, Done | Refused]:
    """Execute a pickled cell; the address of this Dask worker, and what came of it."""
    from distributed import get_worker

    where: str = get_worker().address
    if engine != ENGINE:  # its cells may not even be read here
        return where, Refused(where, f"engine {ENGINE}, the plan was made with engine {engine}")
    try:
        done = _TEAM.execute(pickle.loads(packed))
    except (AttributeError, ImportError, TypeError) as error:
        done = Refused(where, f"another version of nasrepro ({error})")
    except (DataMissing, UnknownName) as error:
        done = Refused(where, str(error))
    return where, done._replace(where=where) if isinstance(done, Refused) else done
