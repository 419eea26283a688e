"""What a search says it did, held against its budget and its table on the runner's side."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from nasrepro.suite.data import plain
from nasrepro.suite.errors import ProtocolError
from nasrepro.suite.oracle import Oracle, Seed
from nasrepro.suite.search import Budget, Evaluation, Rating
from nasrepro.suite.space import Arch, SearchSpace

#: Rounding that a sum of costs, or a regret, may show.
ROUNDING = 1e-9
#: Architectures that stay known to this process, so that a thousand short runs on one table check
#: each once.
_KNOWN = 1 << 15


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search did, as its process says; JSON-able.

    Attributes:
        chosen: code of the architecture returned, or of the best one evaluated; empty where a
            network was handed back.
        ended: whether the budget ended it.
        evaluations: rows [code, epochs, score, cost_s], in order.
        ratings: rows [index of the evaluation, score, query, clock_s].
        events: what the method told `Session.log`.
        simulated_s: seconds of training, as the oracle has them.
        wall_s: the same with evaluations side by side.
        overhead_s: CPU seconds of the method, by kind.
        environment: versions and machine.
        drawn: global generators that the method drew from.
        peak_bytes: most memory that the process had.
        workshop_s: the part of `simulated_s` that trainings of the method's own cost.
    """

    chosen: tuple[int, ...]
    ended: bool
    evaluations: tuple[tuple[tuple[int, ...], int, float, float], ...]
    ratings: tuple[tuple[int, float, int, float], ...]
    events: tuple[Mapping[str, Any], ...]
    simulated_s: float
    wall_s: float
    overhead_s: Mapping[str, float]
    environment: Mapping[str, str] = field(default_factory=dict)
    drawn: tuple[str, ...] = ()
    peak_bytes: int = 0
    workshop_s: float = 0.0

    def to_json(self) -> str:
        """One JSON object."""
        return json.dumps(plain(self))

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """Inverse of `to_json`."""
        raw = json.loads(text)
        for name in ("chosen", "events", "drawn"):
            raw[name] = tuple(raw[name])
        raw["evaluations"] = tuple(
            (tuple(code), epochs, score, cost_s)
            for code, epochs, score, cost_s in raw["evaluations"]
        )
        raw["ratings"] = tuple(tuple(row) for row in raw["ratings"])
        return cls(**raw)


@lru_cache(_KNOWN)
def _arch(space: SearchSpace, code: tuple[int, ...]) -> Arch:
    return space.arch(code)


@lru_cache(_KNOWN)
def canonical_of(space: SearchSpace, code: tuple[int, ...]) -> Arch:
    """The canonical architecture of a code."""
    return space.canonical(_arch(space, code))


def audited(
    outcome: Outcome,
    oracle: Oracle,
    dataset: str,
    epochs: int,
    seed: Seed,
    budget: Budget,
) -> list[Evaluation]:
    """The evaluations of a search, each read from the table again.

    Args:
        outcome: what its process says.
        oracle: what was searched, opened on this side.
        dataset: data set searched on.
        epochs: longest training allowed.
        seed: training seed of the table.
        budget: what could be spent.

    Raises:
        ProtocolError: a score, a cost, a sum or a count that the table and the budget do not bear
            out.
    """
    rows = outcome.evaluations
    if budget.queries is not None and len(rows) > budget.queries:
        raise ProtocolError(
            f"the record has {len(rows):,} evaluations, the budget {budget.queries:,} queries"
        )
    objective, cost = oracle.info.objective_of(dataset), oracle.info.cost
    readers: dict[int, Any] = {}

    def read(arch: Arch, length: int) -> dict[str, float]:
        if length not in readers:
            if length > epochs:
                raise ProtocolError(
                    f"the record has an evaluation of {length} epochs, the search at most {epochs}"
                )
            readers[length] = oracle.reader(dataset, length, seed, ("train", "valid", "none"))
        values: dict[str, float] = readers[length](arch)
        return values

    done: list[Evaluation] = []
    paid: dict[Arch, set[int]] = {}
    clock_s = 0.0
    for number, (code, length, said_score, said_cost_s) in enumerate(rows, start=1):
        arch = _arch(oracle.space, code)
        values = read(arch, length)
        value = values.get(objective.name, math.nan)
        score = value if objective.higher_is_better else -value
        score = -math.inf if score != score else score
        full_s = values.get(cost, 0.0)
        prices = {full_s}
        if oracle.info.resumable:
            earlier = paid.setdefault(arch, set())
            prices |= {full_s - read(arch, short).get(cost, 0.0) for short in earlier}
            earlier.add(length)
        if said_score != score or said_cost_s not in prices:
            raise ProtocolError(
                f"evaluation {number}, {oracle.space.format(arch)}: the record says score "
                f"{said_score} and {said_cost_s} s, the table {score} and {full_s} s"
            )
        clock_s += said_cost_s
        done.append(Evaluation(arch, length, score, values, said_cost_s, clock_s))
    _check_sums(outcome, oracle, budget, clock_s)
    return done


def _check_sums(outcome: Outcome, oracle: Oracle, budget: Budget, evaluated_s: float) -> None:
    """What a search spent, against what its evaluations cost; raises ProtocolError."""
    if not 0 <= outcome.workshop_s < math.inf or (outcome.workshop_s and oracle.workshops is None):
        raise ProtocolError(
            f"the record has {outcome.workshop_s} s of trainings in a workshop of {oracle.name}"
        )
    clock_s = evaluated_s + outcome.workshop_s
    if not math.isclose(clock_s, outcome.simulated_s, rel_tol=ROUNDING, abs_tol=ROUNDING):
        raise ProtocolError(
            f"the record says {outcome.simulated_s} s of training, its evaluations sum to {clock_s}"
        )
    if budget.seconds is not None and clock_s > budget.seconds * (1 + ROUNDING):
        raise ProtocolError(f"the record spends {clock_s} s, the budget is {budget.seconds} s")
    if not -ROUNDING <= outcome.wall_s <= clock_s * (1 + ROUNDING) + ROUNDING:
        raise ProtocolError(
            f"the record says {outcome.wall_s} s of wall clock for {clock_s} s of training"
        )
    if any(not 0 <= seconds < math.inf for seconds in outcome.overhead_s.values()):
        raise ProtocolError(f"the record has an overhead of {dict(outcome.overhead_s)} s")


def ratings_of(outcome: Outcome, done: list[Evaluation]) -> list[Rating]:
    """The ratings of a search, or its scores where the method rates none."""
    if not outcome.ratings:
        return [
            Rating(evaluation, evaluation.score, query, evaluation.clock_s)
            for query, evaluation in enumerate(done, start=1)
        ]
    return [
        Rating(done[index], score, query, clock_s)
        for index, score, query, clock_s in outcome.ratings
    ]
