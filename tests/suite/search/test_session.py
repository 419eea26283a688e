"""The session: what it books, what it shows, and that nothing leads from it to the oracle."""

from __future__ import annotations

import math
import time
import types
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from toys import INFO, SPACE, Toy, named, values

from nasrepro.suite.data import Table
from nasrepro.suite.errors import (
    BudgetExhausted,
    BudgetIgnored,
    InvalidArch,
    NasreproError,
    NotTabulated,
    ProtocolError,
)
from nasrepro.suite.experiments.kinds.search import Trace
from nasrepro.suite.oracle import Dataset, Metric, Oracle, Reader, Seed
from nasrepro.suite.registry import load_oracle
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch

CHEAP, DEAR = SPACE.arch((0, 0, 0, 0)), SPACE.arch((0, 0, 0, 2))  # 10 and 12 seconds an epoch


def session(oracle: Oracle | None = None, *, epochs: int = 1, **budget: Any) -> Session:
    return Session(
        oracle or Toy(), dataset="toys", epochs=epochs, budget=Budget(**budget or {"queries": 100})
    )


def booked(made: Session) -> tuple[Any, ...]:
    ledger = made.ledger
    return ledger.queries, ledger.simulated_s, ledger.wall_s, len(ledger.evaluations)


# -- budgets ---------------------------------------------------------------------------------------
def test_seconds_end_the_search_and_what_does_not_fit_is_not_booked() -> None:
    made = session(seconds=33)
    first, second = made.evaluate(CHEAP), made.evaluate(DEAR)
    assert (first.cost_s, first.clock_s, second.cost_s, second.clock_s) == (10, 10, 12, 22)
    with pytest.raises(BudgetExhausted) as caught:
        made.evaluate(DEAR)  # 34 s
    assert booked(made) == (2, 22, 22, 2) and made.exhausted
    assert "; 2 queries, 22 simulated s>" in repr(made)
    assert caught.value.args == ()  # no metrics in it
    with pytest.raises(BudgetIgnored):
        made.evaluate(CHEAP)  # would fit, but the search has ended
    assert booked(made) == (2, 22, 22, 2)


def test_a_training_that_just_fits_is_booked() -> None:
    made = session(seconds=22)
    made.evaluate(CHEAP)
    assert made.evaluate(DEAR).clock_s == 22
    assert not made.exhausted


def test_queries_end_the_search_and_repeats_pay_again() -> None:
    made = session(queries=3)
    clocks = [made.evaluate(CHEAP).clock_s for _ in range(3)]
    assert clocks == [10, 20, 30] and made.queries == 3 and made.clock_s == 30
    assert not made.exhausted
    with pytest.raises(BudgetExhausted):
        made.evaluate(CHEAP)
    assert made.queries == 3 and made.exhausted


@pytest.mark.parametrize(
    ("budget", "queries"),
    [({"seconds": 25, "queries": 9}, 2), ({"seconds": 1000, "queries": 4}, 4)],
)
def test_the_first_limit_reached_ends_it(budget: dict[str, float], queries: int) -> None:
    made = session(**budget)
    with pytest.raises(BudgetExhausted):
        while True:
            made.evaluate(CHEAP)
    assert made.queries == queries


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"seconds": 0},
        {"queries": -1},
        {"seconds": math.inf},
        {"seconds": math.nan},
        {"seconds": 10**400},
        {"queries": 10**400},
    ],
)
def test_a_budget_that_never_ends_or_never_starts_is_refused(limits: dict[str, float]) -> None:
    with pytest.raises(NasreproError, match="budget"):
        Budget(**limits)  # type: ignore[arg-type]


def test_a_swallowed_end_is_followed_by_an_exception_of_another_name() -> None:
    made = session(queries=1)
    made.evaluate(CHEAP)
    refused = 0
    with pytest.raises(BudgetIgnored):
        while True:
            try:
                made.evaluate(CHEAP)
            except BudgetExhausted:
                refused += 1
    assert (
        refused == 1
        and not issubclass(BudgetIgnored, Exception)
        and not issubclass(BudgetIgnored, BudgetExhausted)
    )


# -- resuming --------------------------------------------------------------------------------------
def test_an_oracle_that_resumes_takes_the_difference() -> None:
    made = session(Toy(named("resumable", resumable=True)), epochs=9)
    costs = [made.evaluate(CHEAP, epochs=epochs).cost_s for epochs in (1, 3, 9)]
    assert costs == [10, 20, 60] and made.clock_s == 90  # as much as 9 epochs at once
    assert made.evaluate(CHEAP, epochs=9).cost_s == 90  # a repeat is another training
    assert made.evaluate(CHEAP, epochs=3).cost_s == 30
    assert made.evaluate(DEAR, epochs=9).cost_s == 108  # another architecture has paid nothing


def test_any_other_oracle_takes_the_whole() -> None:
    made = session(epochs=9)
    assert [made.evaluate(CHEAP, epochs=epochs).cost_s for epochs in (1, 3, 9)] == [10, 30, 90]


def test_the_difference_is_what_must_fit_the_budget() -> None:
    made = session(Toy(named("resumable", resumable=True)), epochs=3, seconds=30)
    made.evaluate(CHEAP, epochs=1)
    assert made.evaluate(CHEAP, epochs=3).clock_s == 30


# -- side by side ----------------------------------------------------------------------------------
@pytest.mark.parametrize(("workers", "wall_s"), [(1, 43), (2, 22), (3, 20), (9, 12)])
def test_wall_clock_is_a_list_schedule_and_seconds_are_the_sum(workers: int, wall_s: float) -> None:
    """10, 12, 11 and 10 s. Two workers: 10+11 and 12+10; three: 10+10, 12 and 11."""
    archs = [SPACE.arch((0, 0, 0, last)) for last in (0, 2, 1, 0)]
    made = session(seconds=1000)
    done = made.evaluate_many(archs, workers=workers)
    assert [each.arch for each in done] == archs and [each.clock_s for each in done] == [
        10,
        22,
        33,
        43,
    ]
    assert (made.ledger.simulated_s, made.ledger.wall_s) == (43, wall_s)


def test_one_after_the_other_the_wall_clock_is_the_sum() -> None:
    made = session(queries=9)
    made.evaluate(CHEAP)
    made.evaluate_many([DEAR, DEAR], workers=2)
    assert (made.ledger.simulated_s, made.ledger.wall_s) == (34, 22)


def test_what_came_before_the_end_of_the_budget_is_booked() -> None:
    made = session(seconds=35)
    with pytest.raises(BudgetExhausted):
        made.evaluate_many([CHEAP, DEAR, CHEAP, CHEAP], workers=2)
    assert booked(made) == (3, 32, 20, 3)


def test_submitted_trainings_end_in_the_order_of_simulated_time() -> None:
    """Two workers, trainings of 12, 10, 11 and 10 s: ends at 12, 10, 10 + 11 and 12 + 10."""
    made = session(seconds=1000)
    middle = SPACE.arch((0, 0, 0, 1))
    made.submit(DEAR)
    made.submit(CHEAP)
    first = made.next_done()
    assert (first.arch, first.clock_s, made.ledger.wall_s) == (CHEAP, 10, 10)
    made.submit(middle)
    second = made.next_done()
    assert (second.arch, second.clock_s, made.ledger.wall_s) == (DEAR, 22, 12)
    made.submit(CHEAP)
    assert [(made.next_done().arch, made.ledger.wall_s) for _ in range(2)] == [
        (middle, 21),
        (CHEAP, 22),
    ]
    assert booked(made) == (4, 43, 22, 4)
    with pytest.raises(NasreproError, match="nothing is running"):
        made.next_done()


def test_trainings_that_end_together_come_in_the_order_of_submission() -> None:
    made = session(queries=9)
    for last in range(2):
        made.submit(SPACE.arch((last, 0, 0, 0)))
    assert [made.next_done().arch.code[0] for _ in range(2)] == [0, 1]


def test_one_submitted_at_a_time_is_an_evaluation() -> None:
    made, plain = session(queries=9), session(queries=9)
    for arch in (DEAR, CHEAP):
        made.submit(arch)
        assert made.next_done() == plain.evaluate(arch)
    assert booked(made) == booked(plain)


@pytest.mark.parametrize("budget", [{"seconds": 33.0}, {"queries": 3}])
def test_what_is_running_counts_against_the_budget_and_is_booked_at_its_end(
    budget: dict[str, float],
) -> None:
    made = session(**budget)
    for arch in (CHEAP, DEAR, CHEAP):  # 32 s
        made.submit(arch)
    with pytest.raises(BudgetExhausted):
        made.submit(CHEAP)
    assert booked(made) == (3, 32, 12, 3)
    with pytest.raises(BudgetIgnored):
        made.submit(CHEAP)


def test_fidelities_are_the_lengths_up_to_the_longest_that_the_seed_has() -> None:
    assert session(epochs=3).fidelities == (1, 3) and session(epochs=9).fidelities == (1, 3, 9)

    class Sparse(Toy):
        def seeds(self, dataset: str, epochs: int) -> tuple[Seed, ...]:
            return (0,) if epochs == 3 else (0, 1)

    made = Session(Sparse(), dataset="toys", epochs=9, budget=Budget(queries=1), seed=1)
    assert made.fidelities == (1, 9) and not made.resumable
    assert session(Toy(named("resumable", resumable=True))).resumable


def test_workers_must_be_positive() -> None:
    with pytest.raises(NasreproError, match="workers = 0"):
        session().evaluate_many([CHEAP], workers=0)


# -- what is shown ---------------------------------------------------------------------------------
def test_an_evaluation_has_no_test_metric() -> None:
    made = session(queries=2)
    done = [made.evaluate(CHEAP), *made.evaluate_many([DEAR])]
    for each in done:
        assert set(each.metrics) == {"valid_accuracy", "valid_loss", "cost_s", "params"}
        assert each.score == values(each.arch, 1)["valid_accuracy"]


def _neighbours(value: Any) -> Iterator[Any]:
    """What a method reaches from a value by attributes, items and bound methods.

    A closure and a module's globals are no attributes.
    """
    if isinstance(value, types.FunctionType | types.ModuleType | type | str | bytes):
        return
    if isinstance(value, types.MethodType):
        yield value.__self__
        return
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    for name in dir(type(value)) if hasattr(type(value), "__slots__") else ():
        if not name.startswith("__"):
            yield from _attribute(value, name)
    yield from getattr(value, "__dict__", {}).values()


def _attribute(value: Any, name: str) -> Iterator[Any]:
    try:
        found = getattr(value, name)
    except AttributeError:
        return
    if not (isinstance(found, types.MethodType) and found.__self__ is value):
        yield found


def reached(root: Any) -> list[Any]:
    seen: dict[int, Any] = {}
    todo = [root]
    while todo:
        value = todo.pop()
        if id(value) not in seen:
            seen[id(value)] = value
            todo += _neighbours(value)
    return list(seen.values())


def forbidden(found: list[Any], oracle: Oracle) -> list[Any]:
    tests = {metric.name for metric in oracle.info.metrics if metric.split == "test"}
    return [
        value
        for value in found
        if isinstance(value, Oracle | Table)
        or (isinstance(value, Metric) and value.split == "test")
        or (isinstance(value, dict) and tests & {key for key in value if isinstance(key, str)})
    ]


@pytest.mark.parametrize("name", ["toy", "digits201", "nasbench201"])
def test_no_attribute_leads_to_the_oracle_or_to_a_test_metric(
    name: str, request: pytest.FixtureRequest
) -> None:
    oracle: Oracle = Toy() if name == "toy" else request.getfixturevalue("real")(name)
    dataset = oracle.info.datasets[0].name
    epochs = oracle.epochs(dataset)
    made = Session(oracle, dataset=dataset, epochs=epochs[-1], budget=Budget(queries=3))
    arch = next(iter(oracle.space))
    made.evaluate(arch, epochs=epochs[0])
    made.evaluate(arch)
    found = reached(made)
    assert any(
        value is made.ledger.evaluations[1].metrics for value in found
    )  # the walk gets about
    assert not forbidden(found, oracle)


def test_the_walk_would_find_an_oracle() -> None:
    class Holder(Toy):
        def _make_reader(self, dataset: Dataset, epochs: int, seed: Seed, names: Any) -> Reader:
            return self.held

        def held(self, arch: Arch) -> dict[str, float]:
            return values(arch, 1)

    oracle = Holder()
    made = session(oracle)
    assert any(value is oracle for value in reached(made))
    made.evaluate(CHEAP)  # a reader that shows everything
    assert any(
        "test_accuracy" in value
        for value in forbidden(reached(made), oracle)
        if isinstance(value, dict)
    )


# -- overhead --------------------------------------------------------------------------------------
def burn(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_charge_books_cpu_seconds_without_those_of_the_oracle() -> None:
    def slow(arch: Arch, epochs: int) -> dict[str, float]:
        burn(0.2)
        return values(arch, epochs)

    made = session(Toy(read=slow))
    with made.charge("predictor"):
        burn(0.05)
        made.evaluate(CHEAP)
        time.sleep(0.05)
    assert 0.04 < made.ledger.overhead_s["predictor"] < 0.15
    assert 0.19 < made.oracle_cpu_s < 0.4
    with made.charge("predictor"):
        burn(0.05)
    assert 0.09 < made.ledger.overhead_s["predictor"] < 0.25


def test_charge_books_what_an_earlier_run_took_in_place_of_its_own_seconds() -> None:
    made = session()
    with made.charge("pretraining") as took:  # read from a cache
        burn(0.02)
        took(30.0)
    assert (
        made.ledger.overhead_s["pretraining"] == 30.0
        and made.cached_cpu_s == pytest.approx(30, abs=0.1)
        and made.cached_cpu_s < 30
    )
    with made.charge("pretraining") as took:  # made just now
        started = time.process_time()
        burn(0.05)
        took(time.process_time() - started)
    assert made.ledger.overhead_s["pretraining"] == pytest.approx(
        30.05, abs=0.02
    ) and made.cached_cpu_s == pytest.approx(30, abs=0.1)


@pytest.mark.parametrize("told", [math.nan, math.inf, -1.0])
def test_charge_refuses_seconds_that_nothing_can_have_taken(told: float) -> None:
    made = session()
    with (
        pytest.raises(ProtocolError, match=r"session.charge\('proxy'\) was told \[.*finite ones"),
        made.charge("proxy") as took,
    ):
        took(1.0)
        took(told)
    assert made.ledger.overhead_s == {} and made.cached_cpu_s == 0


def test_charge_books_also_when_the_budget_ends_inside() -> None:
    made = session(queries=1)
    made.evaluate(CHEAP)
    with pytest.raises(BudgetExhausted), made.charge("proxy"):
        burn(0.02)
        made.evaluate(CHEAP)
    assert made.ledger.overhead_s["proxy"] > 0.01


# -- the best --------------------------------------------------------------------------------------
def flat(**scores: float) -> Toy:
    """An oracle where the architecture with code (0, 0, 0, n) has the score `sn`.

    The score is the same after any epochs.
    """
    return Toy(
        read=lambda arch, epochs: {
            **values(arch, epochs),
            "valid_accuracy": scores[f"s{arch.code[3]}"],
        }
    )


def test_best_is_by_epochs_then_by_score_then_the_first() -> None:
    arch = [SPACE.arch((0, 0, 0, last)) for last in range(3)]
    made = session(flat(s0=0.9, s1=0.5, s2=0.5), epochs=9)
    with pytest.raises(ProtocolError, match="evaluated nothing and returned no architecture"):
        made.best()
    made.evaluate(arch[0], epochs=1)
    assert made.best() == arch[0]
    made.evaluate(arch[1], epochs=3)
    assert made.best() == arch[1]
    made.evaluate(arch[2], epochs=3)
    assert made.best() == arch[1]
    made.evaluate(arch[0], epochs=1)
    assert made.best() == arch[1]


def test_a_score_is_signed_so_that_higher_is_better() -> None:
    made = session(Toy(named("loss", objective="valid_loss")))
    done = [made.evaluate(arch) for arch in (CHEAP, DEAR, SPACE.arch((1, 1, 1, 1)))]
    assert [each.score for each in done] == [-each.metrics["valid_loss"] for each in done]
    assert made.best() == min(done, key=lambda each: each.metrics["valid_loss"]).arch


def test_the_objective_may_be_the_data_sets_own() -> None:
    own = replace(INFO.datasets[0], objective="valid_loss")
    assert session(Toy(named("own", datasets=(own,)))).objective.name == "valid_loss"


class Unchecked(Toy):
    """A reader that lets everything through, as an oracle with its own one may."""

    def _make_reader(self, dataset: Dataset, epochs: int, seed: Seed, names: Any) -> Reader:
        return lambda arch: self._values(arch, epochs)


@pytest.mark.parametrize("objective", ["valid_accuracy", "valid_loss"])
def test_a_diverged_training_is_worse_than_any_other(objective: str) -> None:
    def diverged(arch: Arch, epochs: int) -> dict[str, float]:
        return {**values(arch, epochs), **({objective: math.nan} if arch == DEAR else {})}

    made = session(Unchecked(named(f"diverged_{objective}", objective=objective), diverged))
    assert made.evaluate(DEAR).score == -math.inf
    made.evaluate(CHEAP)
    assert made.best() == CHEAP


# -- refusals and errors ---------------------------------------------------------------------------
def test_epochs_beyond_the_searchs_own_are_refused() -> None:
    made = session(epochs=3)
    with pytest.raises(ProtocolError, match="9 epochs asked for in a search of at most 3"):
        made.evaluate(CHEAP, epochs=9)
    with pytest.raises(NotTabulated, match="2 epochs"):
        made.evaluate(CHEAP, epochs=2)
    assert booked(made) == (0, 0, 0, 0)


def test_an_oracle_without_times_needs_a_budget_in_queries() -> None:
    timeless = Toy(named("timeless", cost=""), lambda arch, epochs: {"valid_accuracy": 0.5})
    with pytest.raises(NasreproError, match=r"no training times.*queries"):
        session(timeless, seconds=100)
    made = session(timeless, seconds=100, queries=2)
    assert made.evaluate(CHEAP).cost_s == 0


def test_an_objective_of_the_test_split_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"test_accuracy.*test split"):
        session(Toy(named("cheat", objective="test_accuracy")))
    own = replace(INFO.datasets[0], objective="test_accuracy")
    with pytest.raises(ProtocolError, match="test split"):
        session(Toy(named("cheat", datasets=(own,))))


def failing(arch: Arch, epochs: int) -> dict[str, float]:
    raise OSError("the disk has gone")


@pytest.mark.parametrize("lost", ["valid_accuracy", "cost_s"])
def test_a_missing_value_is_refused_and_not_free(lost: str) -> None:
    made = session(
        Toy(
            read=lambda arch, epochs: {
                name: value for name, value in values(arch, epochs).items() if name != lost
            }
        )
    )
    with pytest.raises(NotTabulated, match=f"no {lost} of 0-0-0-0 on toys after 1 epochs"):
        made.evaluate(CHEAP)
    assert booked(made) == (0, 0, 0, 0)


def test_errors_of_the_oracle_book_nothing() -> None:
    made = session(Toy(read=failing))
    with pytest.raises(OSError, match="disk"):
        made.evaluate(CHEAP)
    with pytest.raises(OSError, match="disk"):
        made.evaluate_many([CHEAP, DEAR], workers=2)
    assert booked(made) == (0, 0, 0, 0) and not made.exhausted


def test_no_architecture_of_this_space_books_nothing() -> None:
    made = session()
    for wrong in (
        Arch("other", (0, 0, 0, 0)),
        Arch("toy", (0, 0)),
        Arch("toy", (0, 0, 0, 3)),
        "0-0-0-0",
    ):
        with pytest.raises(InvalidArch):
            made.evaluate(wrong)  # type: ignore[arg-type]
    assert booked(made) == (0, 0, 0, 0)


def test_complexity_is_that_of_the_sessions_data_set() -> None:
    made = Session(Toy(), dataset="BLOCKS", epochs=1, budget=Budget(queries=1))
    assert made.dataset.name == "blocks"
    assert made.complexity(CHEAP) == SPACE.complexity(CHEAP, classes=5, size=8)
    assert booked(made) == (0, 0, 0, 0)


def test_the_training_seed_is_the_one_asked_for() -> None:
    with pytest.raises(NotTabulated, match="seed 7"):
        Session(Toy(), dataset="toys", epochs=1, budget=Budget(queries=1), seed=7)


@pytest.mark.usefixtures("nasbench201")
def test_the_real_table_books_the_real_times() -> None:
    oracle = load_oracle("nasbench201")
    made = Session(oracle, dataset="cifar10", epochs=12, budget=Budget(seconds=12000))
    arch = oracle.space.at(0)
    done = made.evaluate(arch)
    known = oracle.query(arch, dataset="cifar10", epochs=12).values
    assert done.cost_s == known["cost_s"] and done.score == known["valid_accuracy"]
    assert not [name for name in done.metrics if oracle.info.metric(name).split == "test"]


def test_what_a_method_logs_is_in_the_trace() -> None:
    """`Session.log` keeps its rows beside the evaluations, for figures.

    Each row has the query at which it was written.
    """
    made = session()
    made.log("start", edges=6)
    made.evaluate(CHEAP)
    made.log("step", weights=[0.5, 1.5])
    events = tuple(made.ledger.events)
    assert events[0] == {"event": "start", "query": 0, "clock_s": 0, "edges": 6}
    assert events[1] == {"event": "step", "query": 1, "clock_s": 10, "weights": [0.5, 1.5]}
    trace = Trace((((0, 1), 4, 0.5, 2.0), ((1, 1), 4, None, 1.0)), events)
    assert Trace.from_bytes(trace.to_bytes()) == trace


# -- a method's own score --------------------------------------------------------------------------
def test_ratings_decide_what_is_best_once_there_is_one() -> None:
    made = session()
    first, second, third = (made.evaluate(SPACE.arch((0, 0, 0, last))) for last in range(3))
    scores = [first.score, second.score, third.score]
    worst, best = scores.index(min(scores)), scores.index(max(scores))
    assert made.best() == SPACE.arch((0, 0, 0, best))
    done = made.ledger.evaluations[worst]
    assert made.rate(done, 5.0) == 5.0 and made.best() == done.arch
    made.rate(made.ledger.evaluations[best], 5.0)  # a tie: the first one stays
    assert made.best() == done.arch
    first_rating = made.ledger.ratings[0]
    assert (first_rating.evaluation, first_rating.score, first_rating.query) == (done, 5.0, 3)
    assert first_rating.clock_s == made.clock_s


def test_only_what_was_trained_longest_counts_among_ratings() -> None:
    made = session(epochs=3)
    short, long = made.evaluate(DEAR, epochs=1), made.evaluate(CHEAP)
    made.rate(short, 9.0)
    assert made.best() == DEAR
    made.rate(long, 1.0)
    assert made.best() == CHEAP


def test_a_rating_that_is_no_number_is_the_worst() -> None:
    made = session()
    done, other = made.evaluate(CHEAP), made.evaluate(DEAR)
    assert made.rate(done, math.nan) == -math.inf
    made.rate(other, -1e9)
    assert made.best() == DEAR


def test_what_cannot_be_kept_is_refused_where_it_is_logged() -> None:
    made = session()
    with pytest.raises(
        NasreproError,
        match=(
            r"session.log\('step'\): Object of type float32 is not JSON serializable; give "
            r"numbers"
        ),
    ):
        made.log("step", weight=np.float32(0.5))
    assert made.ledger.events == []
