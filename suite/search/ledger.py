"""Budgets, and what a search did and what it cost."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.space import Arch


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of a search. At least one is given; the first one reached ends the search.

    Attributes:
        seconds: simulated training, in seconds as the oracle counts them (see its card).
        queries: evaluations, repeats included.
    """

    seconds: float | None = None
    queries: int | None = None

    def __post_init__(self) -> None:
        """Refuse a budget that never ends or never starts."""
        if self.seconds is None and self.queries is None:
            raise NasreproError(
                "a budget needs seconds, queries, or both; without either, a search never ends"
            )
        for name, value, kinds in (
            ("seconds", self.seconds, (int, float)),
            ("queries", self.queries, (int,)),
        ):
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, kinds):
                whole = " whole" if name == "queries" else ""
                raise NasreproError(f"budget {name} = {value!r} must be a positive{whole} number")
            if not 0 < value <= sys.float_info.max:
                raise NasreproError(f"budget {name} = {value} must be a positive number")


class Evaluation(NamedTuple):
    """One evaluation as a method sees it.

    Attributes:
        arch: the architecture.
        epochs: training length.
        score: the objective, signed so that higher is better.
        metrics: everything but the test split.
        cost_s: simulated training seconds recorded for it.
        clock_s: simulated training seconds spent when it was done.
    """

    arch: Arch
    epochs: int
    score: float
    metrics: dict[str, float]
    cost_s: float
    clock_s: float


class Rating(NamedTuple):
    """A method's own score of an evaluation.

    Attributes:
        evaluation: the rated evaluation.
        score: the method's own, higher is better.
        query: number of evaluations made before the rating.
        clock_s: simulated training seconds spent by then.
    """

    evaluation: Evaluation
    score: float
    query: int
    clock_s: float


@dataclass(slots=True)
class Ledger:
    """The evaluations and costs of a search.

    Attributes:
        evaluations: in order.
        simulated_s: seconds of training, summed.
        workshop_s: the part of it from the method's own trainings, as counted.
        wall_s: simulated wall clock, with trainings of `evaluate_many` and `submit` in parallel.
        overhead_s: CPU seconds by kind, as charged by the method.
        events: rows passed to `Session.log`, in order.
        ratings: ratings passed to `Session.rate`, in order.
    """

    evaluations: list[Evaluation] = field(default_factory=list)
    simulated_s: float = 0.0
    workshop_s: float = 0.0
    wall_s: float = 0.0
    overhead_s: dict[str, float] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    ratings: list[Rating] = field(default_factory=list)

    @property
    def queries(self) -> int:
        """Evaluations, repeats included."""
        return len(self.evaluations)
