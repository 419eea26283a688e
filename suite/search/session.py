"""The only door between a method and an oracle.

It shows validation metrics, and records what they cost.

Cost has three columns that are never added up: simulated training (seconds of the table),
measured search overhead (CPU seconds of the method itself), and queries.

Longer than other files because it is all that a method sees, in one place.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from nasrepro.suite.errors import (
    BudgetExhausted,
    BudgetIgnored,
    NasreproError,
    NotTabulated,
    ProtocolError,
)
from nasrepro.suite.oracle import MEAN, Dataset, Metric, Oracle, Reader, Seed
from nasrepro.suite.search.ledger import Budget, Evaluation, Ledger, Rating
from nasrepro.suite.space import Arch, Complexity, SearchSpace

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from nasrepro.suite.oracle import Cost, DeviceTable, Workshop


class _Training(NamedTuple):
    """A training that is running; see `Session.submit`."""

    arch: Arch
    epochs: int
    values: dict[str, float]
    cost_s: float


def objective_of(oracle: Oracle, dataset: str, epochs: int, budget: Budget, seed: Seed) -> Metric:
    """The metric that a search with these arguments of `Session` optimises.

    Raises:
        ProtocolError: a metric of the test split.
        NasreproError: the budget never ends.
        UnknownName, NotTabulated: no such data set, epochs or seed.
    """
    info = oracle.info
    objective = info.objective_of(dataset)
    if objective.split == "test":
        raise ProtocolError(
            f"{info.name}: objective {objective.name} is measured on the test split, "
            "which a search may not see"
        )
    if not info.cost and budget.queries is None and oracle.workshops is None:
        raise NasreproError(
            f"{info.name} has no training times, so a budget in seconds never ends; "
            "give one in queries"
        )
    oracle.reader(dataset, epochs, seed, splits=("train", "valid", "none"))
    return objective


def _fidelities(oracle: Oracle, dataset: str, epochs: int, seed: Seed) -> tuple[int, ...]:
    """Lengths of up to `epochs` that were trained with a seed, ascending."""
    return tuple(
        length
        for length in oracle.epochs(dataset)
        if length <= epochs and seed in (MEAN, *oracle.seeds(dataset, length))
    )


#: How much rounding may add to a sum of costs that meets the budget exactly.
ROUNDING = 1e-12


class Session:
    """A search's view of an oracle.

    A repeated evaluation is recorded like the first (the benchmarks' own protocol: it stands for
    another training). On an oracle whose trainings can be resumed, an architecture evaluated before
    at fewer epochs costs only the difference.

    Args:
        oracle: the source of metrics and prices.
        dataset: data set to search on.
        epochs: default training length of an evaluation, and the longest one allowed.
        budget: the limits of the search.
        seed: training seed of the table that the search sees, or "mean".
        devices: finds the table of a device by its name; without it, a search has no latencies.
        checkpoints: a folder only for this run's trainings in the workshop; without it, a killed
            run starts from the beginning.

    Attributes:
        space: the search space.
        dataset: the data set (classes, image size).
        objective: the metric behind `score`.
        max_epochs: longest training.
        fidelities: training lengths in epochs that an evaluation can have, ascending; the last one
            is `max_epochs`. A training costs about in proportion to its epochs.
        resumable: whether a longer training continues a shorter one and costs only the difference;
            otherwise each length is a separate training at its full price.
        budget: as given.
        ledger: the evaluations and costs so far; read-only for methods.
    """

    __slots__ = (
        "_batches",
        "_best",
        "_cached_cpu_s",
        "_cost",
        "_devices",
        "_exhausted",
        "_kept",
        "_known",
        "_lock",
        "_needed",
        "_open_reader",
        "_open_workshop",
        "_oracle_cpu_s",
        "_paid",
        "_rated",
        "_readers",
        "_running",
        "budget",
        "dataset",
        "fidelities",
        "ledger",
        "max_epochs",
        "objective",
        "resumable",
        "space",
)  # fmt: skip

    def __init__(
        self,
        oracle: Oracle,
        *,
        dataset: str,
        epochs: int,
        budget: Budget,
        seed: Seed = MEAN,
        devices: Callable[[str], DeviceTable] | None = None,
        checkpoints: Path | None = None,
    ) -> None:
        info = oracle.info
        objective = objective_of(oracle, dataset, epochs, budget, seed)
        self.space: SearchSpace = oracle.space
        self.dataset: Dataset = info.dataset(dataset)
        self.objective: Metric = objective
        self.max_epochs = epochs
        self.budget = budget
        self.ledger = Ledger()
        self._lock = threading.RLock()
        self.fidelities = _fidelities(oracle, self.dataset.name, epochs, seed)
        self.resumable: bool = info.resumable
        self._cost = info.cost
        self._needed = {objective.name, info.cost} if info.cost else {objective.name}
        self._best: Evaluation | None = None
        self._rated: Rating | None = None
        self._kept: Arch | nn.Module | None = None
        self._exhausted = False
        self._paid: dict[tuple[int, ...], int] = {}
        # by simulated time of the end, then by order of submission: see `submit`
        self._running: list[tuple[float, int, _Training]] = []
        self._oracle_cpu_s = 0.0
        self._cached_cpu_s = 0.0
        self._devices = devices

        # The oracle stays in this closure: the session has no attribute that leads to it.
        def open_reader(length: int) -> Reader:
            if length > epochs:
                raise ProtocolError(
                    f"{length} epochs asked for in a search of at most {epochs} "
                    f"({info.name}, {dataset})"
                )
            return oracle.reader(dataset, length, seed, splits=("train", "valid", "none"))

        def batches(
            size: int, count: int, draw: int, data: str
        ) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
            return oracle.batches(dataset, size=size, count=count, seed=draw, data=data)

        def open_workshop(rng: np.random.Generator) -> AbstractContextManager[Workshop]:
            if oracle.workshops is None:
                raise NasreproError(
                    f"{info.name} offers no workshop, which this method needs to train networks "
                    "of its own; use one that does, such as workshop201"
                )
            return oracle.workshops.open(self.dataset, rng, self._spend, checkpoints)

        self._open_reader, self._batches, self._known = open_reader, batches, oracle.known
        self._open_workshop = open_workshop
        self._readers: dict[int, Reader] = {epochs: open_reader(epochs)}

    def __repr__(self) -> str:
        used = f"{self.queries:,} queries, {self.clock_s:,.6g} simulated s"
        return f"<Session: {self.space.name}, {self.dataset.name}; {used}>"

    # -- evaluating -------------------------------------------------------------------------------
    def evaluate(self, arch: Arch, *, epochs: int | None = None) -> Evaluation:
        """Train `arch` (look it up) and record the cost.

        Args:
            arch: an architecture of `space`.
            epochs: training length; `max_epochs` if not given.

        Returns:
            The validation metrics and the score; nothing of the test split.

        Raises:
            BudgetExhausted: the training does not fit the budget; it is not recorded, and the
                search is over.
            BudgetIgnored: evaluated again after BudgetExhausted.
            NotTabulated, InvalidArch: the oracle's own errors; nothing is recorded.
        """
        length = self.max_epochs if epochs is None else epochs
        with self._lock:  # a method may evaluate in threads
            values, cost_s = self._measure(arch, length)
            self.ledger.wall_s += cost_s
            return self._book(arch, length, values, cost_s)

    def evaluate_many(
        self, archs: Sequence[Arch], *, workers: int = 1, epochs: int | None = None
    ) -> list[Evaluation]:
        """Evaluate in parallel on `workers` simulated workers.

        Seconds are summed; the simulated wall clock advances by the length of a list schedule
        (each evaluation goes to the first free worker).

        Raises:
            BudgetExhausted: an evaluation does not fit; those before it are in the ledger.
        """
        if workers < 1:
            raise NasreproError(f"workers = {workers} must be at least 1")
        length = self.max_epochs if epochs is None else epochs
        free_at = [0.0] * workers
        done = []
        try:
            for arch in archs:
                values, cost_s = self._measure(arch, length)
                heapq.heapreplace(free_at, free_at[0] + cost_s)
                done.append(self._book(arch, length, values, cost_s))
        finally:
            self.ledger.wall_s += max(free_at)
        return done

    def submit(self, arch: Arch, *, epochs: int | None = None) -> None:
        """Start a training on a simulated worker of its own; `next_done` returns its result.

        The method decides the number of workers by the number of trainings it runs at a time.
        Running trainings count against the budget.

        Raises:
            BudgetExhausted: the training does not fit the budget; running ones were recorded.
        """
        length = self.max_epochs if epochs is None else epochs
        values, cost_s = self._measure(arch, length)
        training = _Training(arch, length, values, cost_s)
        order = self.ledger.queries + len(self._running)
        heapq.heappush(self._running, (self.ledger.wall_s + cost_s, order, training))

    def next_done(self) -> Evaluation:
        """Wait for the submitted training that ends first; among ties, the one submitted first.

        The simulated wall clock advances to its end, unless it is already past that.

        Raises:
            NasreproError: nothing is running.
        """
        if not self._running:
            raise NasreproError("session.next_done: nothing is running; submit a training first")
        end_s, _, training = heapq.heappop(self._running)
        self.ledger.wall_s = max(self.ledger.wall_s, end_s)
        return self._book(*training)

    def finish(self) -> None:
        """Wait for all running trainings, and record them."""
        while self._running:
            self.next_done()

    def _measure(self, arch: Arch, epochs: int) -> tuple[dict[str, float], float]:
        """Metrics and price of one evaluation, checked against the budget."""
        ledger, running, most = self.ledger, self._running, self.budget.queries
        if self._exhausted or (most is not None and len(ledger.evaluations) + len(running) >= most):
            self._refuse()
        read = self._reader(epochs)
        try:
            known = arch.code in self._known
        except AttributeError:  # not an architecture: the oracle raises the error
            known = False
        values = read(arch) if known else self._timed(read, arch)
        cost_s = values.get(self._cost, 0.0)
        if self.resumable and 0 < (paid := self._paid.get(arch.code, 0)) < epochs:
            cost_s -= self._reader(paid)(arch).get(self._cost, 0.0)
        if cost_s != cost_s or not values.keys() >= self._needed:
            lacking = sorted(self._needed - values.keys()) or [self._cost]
            raise NotTabulated(
                f"no {lacking[0]} of {self.space.format(arch)} on {self.dataset.name} "
                f"after {epochs} epochs, which a search needs"
            )
        limit_s = self.budget.seconds
        if limit_s is not None:
            spent_s = ledger.simulated_s + sum(training.cost_s for _, _, training in running)
            if spent_s + cost_s > limit_s * (1 + ROUNDING):
                self._refuse()
        return values, cost_s

    def _timed(self, read: Reader, arch: Arch) -> dict[str, float]:
        """An answer whose CPU seconds are the oracle's, not the method's."""
        started = time.process_time()
        try:
            return read(arch)
        finally:
            self._oracle_cpu_s += time.process_time() - started

    def _refuse(self) -> NoReturn:
        if self._exhausted:
            raise BudgetIgnored
        self.finish()
        self._exhausted = True
        raise BudgetExhausted

    def _reader(self, epochs: int) -> Reader:
        reader = self._readers.get(epochs)
        if reader is None:
            reader = self._readers[epochs] = self._open_reader(epochs)
        return reader

    def _book(self, arch: Arch, epochs: int, values: dict[str, float], cost_s: float) -> Evaluation:
        ledger = self.ledger
        ledger.simulated_s += cost_s
        value = values[self.objective.name]
        score = value if self.objective.higher_is_better else -value
        if score != score:  # a diverged training: worse than any other
            score = -math.inf
        done = Evaluation(arch, epochs, score, values, cost_s, ledger.simulated_s)
        ledger.evaluations.append(done)
        if self.resumable:
            self._paid[arch.code] = max(epochs, self._paid.get(arch.code, 0))
        if self._best is None or (epochs, score) > (self._best.epochs, self._best.score):
            self._best = done
        return done

    # -- networks of the method's own -------------------------------------------------------------
    def workshop(self, rng: np.random.Generator) -> AbstractContextManager[Workshop]:
        """A workshop to train the method's own networks in, as a context manager.

        Args:
            rng: the method's generator, the source of all randomness in the workshop.

        Raises:
            NasreproError: the oracle offers no workshop.
        """
        return self._open_workshop(rng)

    def keep(self, chosen: Arch | nn.Module) -> None:
        """Set the result of the search if the budget ends before the method returns one."""
        self._kept = chosen

    def _spend(self, seconds: float, cpu_s: float) -> None:
        """Record work of the workshop: as counted, and as measured (not part of the overhead)."""
        ledger, budget = self.ledger, self.budget
        self._oracle_cpu_s += cpu_s
        ledger.overhead_s["workshop"] = ledger.overhead_s.get("workshop", 0.0) + cpu_s
        if self._exhausted or (
            budget.seconds is not None
            and ledger.simulated_s + seconds > budget.seconds * (1 + ROUNDING)
        ):
            self._refuse()
        ledger.workshop_s += seconds
        ledger.simulated_s += seconds
        ledger.wall_s += seconds

    # -- what else a method may ask ---------------------------------------------------------------
    @property
    def clock_s(self) -> float:
        """Simulated training seconds spent."""
        return self.ledger.simulated_s

    @property
    def queries(self) -> int:
        """Evaluations made, repeats included."""
        return self.ledger.queries

    @property
    def exhausted(self) -> bool:
        """Whether the budget has ended the search."""
        return self._exhausted

    @property
    def oracle_cpu_s(self) -> float:
        """CPU seconds spent inside the oracle; not part of a method's overhead."""
        return self._oracle_cpu_s

    @property
    def cached_cpu_s(self) -> float:
        """CPU seconds recorded for results of an earlier run, minus those of reading them.

        Part of a method's overhead (see `charge`).
        """
        return self._cached_cpu_s

    def complexity(self, arch: Arch) -> Complexity:
        """Exact parameters and MACs for this session's data set; free."""
        return self.space.complexity(arch, classes=self.dataset.classes, size=self.dataset.size)

    def traffic(self, arch: Arch) -> int:
        """Bytes moved by one forward pass of one image of this session's data set; free."""
        return self.space.traffic(arch, classes=self.dataset.classes, size=self.dataset.size)

    def latency(self, arch: Arch, device: str) -> float:
        """Milliseconds of one forward pass on `device` ("source/device"); free.

        Raises:
            UnknownName: no such device.
            NotTabulated: its table has no latency for this data set or architecture.
            DataMissing: its table is not installed.
        """
        return self._on_device(arch, device, "latency")

    def energy(self, arch: Arch, device: str) -> float:
        """Millijoules of one forward pass; free; errors as for `latency`."""
        return self._on_device(arch, device, "energy")

    def _on_device(self, arch: Arch, device: str, kind: Cost) -> float:
        if self._devices is None:
            raise NasreproError(
                f"no {kind} on {device}: this session has no devices; "
                "give Session(..., devices=load_devices)"
            )
        started = time.process_time()
        try:
            table = self._devices(device)
            source = table.info.device(device)
            if source.kind != kind:
                raise NasreproError(
                    f"{device} holds {source.kind}, not {kind}; "
                    f"use session.{source.kind}, or see: nasrepro list devices"
                )
            return table.value(arch, device, self.dataset.name)
        finally:
            self._oracle_cpu_s += time.process_time() - started

    def build(self, arch: Arch) -> nn.Module:
        """The untrained network for this session's data set.

        Draws its weights from torch's generator, which the caller seeds.
        """
        return self.space.build(arch, classes=self.dataset.classes)

    def batch(
        self, size: int, *, count: int = 1, seed: int = 0, data: str = ""
    ) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """`count` batches of training images and labels.

        Arguments and errors as for `Oracle.batches`.
        """
        return self._batches(size, count, seed, data)

    @contextlib.contextmanager
    def charge(self, kind: str) -> Iterator[Callable[[float], None]]:
        """Record the CPU seconds of the block as overhead of that kind ("proxy", "predictor", ...).

        A block that may read a result of an earlier run (a pre-trained encoder, stored scores)
        states the seconds that the result took. They replace the block's own seconds, so that a run
        costs the same whether or not the result was stored:

            with session.charge("pretraining") as took:
                encoder, seconds = ...
                took(seconds)
        """
        started, inside = time.process_time(), self._oracle_cpu_s
        told: list[float] = []
        try:
            yield told.append
        finally:
            spent = time.process_time() - started - (self._oracle_cpu_s - inside)
            if not all(0 <= seconds < math.inf for seconds in told):
                raise ProtocolError(
                    f"session.charge({kind!r}) was told {told} seconds; give finite ones, from 0"
                )
            recorded = sum(told) if told else spent
            self._cached_cpu_s += recorded - spent
            self.ledger.overhead_s[kind] = self.ledger.overhead_s.get(kind, 0.0) + recorded

    def log(self, event: str, **values: Any) -> None:
        """Add details of the search to the run's trace, for figures.

        Args:
            event: the kind of row, by name.
            values: numbers, texts, truth values, or lists and mappings of them.

        Raises:
            NasreproError: a value of another type (such as a numpy number or array).
        """
        try:
            json.dumps(values)
        except TypeError as error:
            raise NasreproError(
                f"session.log({event!r}): {error}; "
                "give numbers, texts, truth values, or lists and mappings of them"
            ) from error
        self.ledger.events.append(
            {
                **values,
                "event": event,
                "query": self.ledger.queries,
                "clock_s": self.ledger.simulated_s,
            }
        )

    def rate(self, done: Evaluation, score: float) -> float:
        """Rate an evaluation by the method's own score, if it differs from the objective.

        From the first rating on, `best` and the anytime curve use only ratings, among the longest
        trainings.

        Args:
            done: an evaluation of this session.
            score: higher is better; NaN is worse than any other.

        Returns:
            The score.
        """
        score = -math.inf if score != score else score
        self.ledger.ratings.append(
            Rating(done, score, self.ledger.queries, self.ledger.simulated_s)
        )
        if self._rated is None or (done.epochs, score) > (
            self._rated.evaluation.epochs,
            self._rated.score,
        ):
            self._rated = self.ledger.ratings[-1]
        return score

    def answer(self) -> Arch | nn.Module:
        """The architecture or network given to `keep`, else `best`."""
        return self.best() if self._kept is None else self._kept

    def best(self) -> Arch:
        """The best-rated architecture so far, or the best-scoring one if the method rates none.

        The first one among ties; only the longest trainings count.

        Raises:
            ProtocolError: nothing was evaluated.
        """
        if self._rated is not None:
            return self._rated.evaluation.arch
        if self._best is None:
            raise ProtocolError(
                "the search ended before its first evaluation; "
                "the budget does not cover one training"
                if self._exhausted
                else "the method evaluated nothing and returned no architecture"
            )
        return self._best.arch
