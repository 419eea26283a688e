"""The contract that every method keeps, checked over the whole registry.

And for each of its lines a plug-in that breaks it.

A new method is covered without touching this file. The oracles are the toy, a part of it, and every
table that ships.
"""

from __future__ import annotations

import contextlib
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contract import (
    CONTRACT,
    contained,
    documented,
    inside,
    repeatable,
    seeded,
    setting,
    thrifty,
    tried,
)
from toys import RANDOM, SPACE, Toy, cell, known, measured_apart, named, source, toy_fixture, values  # noqa: F401

from nasrepro.suite.errors import InvalidArch, NasreproError, ProtocolError
from nasrepro.suite.experiments.identity import scorers_of
from nasrepro.suite.experiments.kinds.search import Protocol, RunCell, RunKey, RunRecord
from nasrepro.suite.experiments.worker import Refused, execute_here
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import Method, load_oracle, methods, oracles
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import ConfinedSpace

#: Without workshop201, whose table is that of digits201.
SHIPPED = [
    entry.name
    for entry in oracles.all()
    if entry.info.table is None and not entry.info.trains and entry.name != "workshop201"
]
#: Without those that need a workshop; tests of the workshop have those.
NAMES = [name for name in methods.names() if not methods.get(name).workshop]


def part() -> Toy:
    """The toy with every other architecture missing."""
    archs = [arch for arch in SPACE if sum(arch.code) % 2]
    return Toy(named("part"), values, ConfinedSpace(SPACE, archs))


def opened(name: str) -> Oracle:
    return Toy() if name == "toy" else part() if name == "part" else load_oracle(name)


@pytest.mark.parametrize("line", CONTRACT, ids=lambda line: line.__name__)
@pytest.mark.parametrize("oracle", ["toy", "part", *SHIPPED])
@pytest.mark.parametrize("method", NAMES)
def test_every_method_keeps_the_contract(
    method: str, oracle: str, line: Callable[[Method, Oracle], None]
) -> None:
    line(methods.get(method), opened(oracle))


@pytest.mark.parametrize("method", NAMES)
def test_every_method_runs_on_the_real_nasbench201(method: str, nasbench201: Oracle) -> None:
    for line in CONTRACT:
        line(methods.get(method), nasbench201)


#: Parameters that are numbers, of every method of NAMES.
NUMBERS = [
    (name, parameter, default)
    for name in NAMES
    for parameter, default in methods.get(name).defaults.items()
    if type(default) in (int, float)
]
#: CPU seconds that a search of 12 queries of the toy may take; none took 6.
LONG = 40


@pytest.mark.parametrize(("name", "parameter", "default"), NUMBERS)
def test_a_number_is_refused_below_its_least_and_there_gives_an_answer_or_a_reason(
    name: str, parameter: str, default: float, toy: Oracle
) -> None:
    method = methods.get(name)
    least = method.at_least.get(parameter)
    if least is None:
        pytest.skip("any number")
    with pytest.raises(NasreproError, match=f"parameter {parameter} of method {name}: .* small"):
        method.params({parameter: type(default)(least - 1)})
    params = method.params({parameter: type(default)(least)})
    with measured_by(LONG), contextlib.suppress(NasreproError):  # as BudgetExhausted is
        tried(replace(method, defaults=params), toy, Budget(queries=12))


@contextlib.contextmanager
def measured_by(seconds: float) -> Iterator[None]:
    """Fail what takes more CPU seconds."""

    def stop(*_: object) -> None:
        pytest.fail(f"no answer in {seconds} CPU seconds")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def test_reinforce_goes_on_where_its_policy_settles_on_a_code_that_is_no_architecture() -> None:
    archs = [SPACE.arch(code) for code in ((2, 2, 2, 0), (1, 1, 2, 0), (1, 2, 1, 1), (1, 2, 1, 0))]
    sparse = Toy(named("sparse"), values, ConfinedSpace(SPACE, archs))
    eager = replace(
        methods.get("reinforce"), defaults={"learning_rate": 2.0, "momentum": 0.9, "scale": 100.0}
    )
    assert tried(eager, sparse, Budget(queries=8), seed=28).session.queries == 8


def run_of(method: str, oracle: Oracle, budget: Budget, seed: int = 0) -> RunRecord:
    """A whole run, as the runner makes it."""
    dataset, epochs = setting(oracle)
    found = methods.get(method)
    protocol = Protocol(epochs, epochs, (dataset,))
    key = RunKey(
        found.name,
        found.source_sha256,
        found.params({}),
        oracle.name,
        oracle.table_sha256,
        dataset,
        protocol,
        budget,
        seed,
        scorers=scorers_of(found.params({})),
    )
    record, _ = execute_here(RunCell(key))
    return record


@pytest.mark.parametrize("oracle", ["toy", "part", *SHIPPED])
@pytest.mark.parametrize("method", NAMES)
def test_every_method_makes_the_same_record_twice(method: str, oracle: str, toy: Oracle) -> None:
    if oracle == "part":
        known(part())
    budget = Budget(queries=30)
    record = run_of(method, load_oracle(oracle), budget)
    assert record.status in ("done", "budget"), record.error
    assert 0 < record.unique_queries <= record.queries <= 30
    report = record.reports[record.key.dataset]
    assert report.regret is not None and report.regret >= 0
    assert (
        1 <= record.incumbents[0][0] <= record.queries
    )  # a method may rate a batch when all of it is trained
    assert [row[2] for row in record.incumbents] == sorted(row[2] for row in record.incumbents)
    assert measured_apart(record) == measured_apart(run_of(method, load_oracle(oracle), budget))


# -- methods that break it, and what the runner says -----------------------------------------------
GOES_ON = """
for _ in range(1000):
    try:
        session.evaluate(session.space.sample(rng))
    except {caught}:
        pass
"""
SWALLOWS = """
from nasrepro.suite.errors import BudgetExhausted
best = None
try:
    while True:
        best = session.evaluate(session.space.sample(rng)).arch
except BudgetExhausted:
    return best
"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (SWALLOWS, "ProtocolError: method toy_method caught BudgetExhausted; do not catch it"),
        (
            "from nasrepro.suite.errors import BudgetExhausted\n"
            + GOES_ON.format(caught="BudgetExhausted"),
            "caught BudgetExhausted",
        ),
        (
            "from nasrepro.suite.errors import BudgetExhausted\n"
            + GOES_ON.format(caught="(Exception, BudgetExhausted)"),
            "caught BudgetExhausted",
        ),
        (GOES_ON.format(caught="BaseException"), "caught BudgetExhausted"),
        (
            "from nasrepro.suite.errors import BudgetExhausted\nwhile True:"
            + GOES_ON.format(caught="BudgetExhausted").replace("\n", "\n    "),
            "caught BudgetExhausted",
        ),
        (
            GOES_ON.format(caught="BaseException") + "session.evaluate(session.space.sample(rng))",
            "caught BudgetExhausted",
        ),
        (
            (
                "from nasrepro import load\n"
                "load('toy').query(session.space.at(0), dataset='toys', epochs=9)"
            ),
            "ProtocolError: toy was queried without the session",
        ),
        (
            "from nasrepro import load\nload('toy').query_many(dataset='toys', epochs=9)",
            "ProtocolError: toy was queried without the session",
        ),
        (
            "from nasrepro import load\nload('toy').reader('toys', 9, 'mean')(session.space.at(0))",
            "ProtocolError: toy was queried without the session",
        ),
        (
            "from nasrepro import load\nload('toy').best('toys', 9, 'test_accuracy')",
            "ProtocolError: toy was queried without the session",
        ),
        (
            "return session.evaluate(session.space.at(0)).metrics['test_accuracy']",
            "KeyError: 'test_accuracy'",
        ),
        (
            "session.evaluate(session.space.at(0), epochs=9)",
            "ProtocolError: 9 epochs asked for in a search of at most 1",
        ),
        ("return '0-0-0-0'", "InvalidArch: toy: expected an Arch, got str '0-0-0-0'"),
        (
            "return session.evaluate(session.space.at(0))",
            "InvalidArch: toy: expected an Arch, got Evaluation",
        ),
        (
            "from nasrepro.suite.space import Arch\nreturn Arch('cell201', (0, 0, 0, 0))",
            "InvalidArch: architecture of space 'cell201' given to space 'toy'",
        ),
        (
            "from nasrepro.suite.space import Arch\nreturn Arch('toy', (0, 0, 0, 5))",
            "InvalidArch: toy: option 5",
        ),
        ("return None", "ProtocolError: the method evaluated nothing and returned no architecture"),
        ("raise RuntimeError('out of luck')", "RuntimeError: out of luck"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("def deeper():\n    return deeper()\nreturn deeper()", "RecursionError"),
    ],
)
def test_a_method_that_breaks_the_protocol_is_a_failed_run_that_says_so(
    body: str, message: str, toy: Oracle
) -> None:
    record, trace = execute_here(cell(source(body)))
    assert (record.status, trace, record.chosen, record.reports) == ("failed", b"", "", {})
    assert record.error.startswith("Traceback") and message in record.error.splitlines()[-1]


def test_a_budget_too_small_for_one_training_says_so(toy: Oracle) -> None:
    record, _ = execute_here(cell(RANDOM, budget=Budget(seconds=1)))
    assert record.status == "failed" and "does not cover one training" in record.error


def test_a_search_that_ends_by_itself_is_done_and_one_that_the_budget_ends_says_so(
    toy: Oracle,
) -> None:
    done, _ = execute_here(cell(source("return session.evaluate(session.space.at(3)).arch")))
    ended, _ = execute_here(cell(RANDOM))
    assert (done.status, done.chosen, done.queries) == ("done", SPACE.format(SPACE.at(3)), 1)
    assert (ended.status, ended.queries, ended.simulated_s) == ("budget", 20, ended.wall_s)


def test_what_a_method_prints_is_no_result(toy: Oracle, capsys: pytest.CaptureFixture[str]) -> None:
    record, _ = execute_here(
        cell(source("print('here')\nreturn session.evaluate(session.space.at(3)).arch"))
    )
    assert record.status == "done" and capsys.readouterr() == ("", "here\n")


def test_an_oracle_answers_again_after_a_search_that_failed(toy: Oracle) -> None:
    execute_here(cell(source("raise RuntimeError")))
    assert toy.query(SPACE.at(0), dataset="toys", epochs=9).values


# -- methods that break it, and what the contract says ---------------------------------------------
@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        (
            "import numpy as np\nnp.random.seed(0)\nsession.evaluate(session.space.sample(rng))",
            contained,
            "global random state",
        ),
        (
            "import numpy as np\nnp.random.rand()\nsession.evaluate(session.space.sample(rng))",
            contained,
            "global random state",
        ),
        (
            "import random\nrandom.random()\nsession.evaluate(session.space.sample(rng))",
            contained,
            "global random state",
        ),
        (
            (
                "import numpy as np\nrng = np.random.default_rng()\nwhile True:\n"
                "    session.evaluate(session.space.sample(rng))"
            ),
            repeatable,
            "same key",
        ),
        ("while True:\n    session.evaluate(session.space.at(0))", seeded, "another seed"),
        (
            (
                "session.budget = session.budget.__class__(queries=99)\nwhile True:\n"
                "    session.evaluate(session.space.sample(rng))"
            ),
            thrifty,
            "more queries",
        ),
        (
            (
                "session.ledger.evaluations.append(session.evaluate(session.space.sample(rng)))\n"
                "return None"
            ),
            thrifty,
            "more seconds",
        ),
    ],
)
def test_a_method_that_breaks_a_line_is_caught_by_it(
    body: str, line: Callable[[Method, Oracle], None], message: str
) -> None:
    wrong = methods.from_file(Path("toy_method.py"), source(body))
    state = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with pytest.raises(AssertionError, match=message):
            line(wrong, Toy())
    finally:
        np.random.set_state(state[0])  # noqa: NPY002
        random.setstate(state[1])


def test_a_method_without_its_deviations_is_caught() -> None:
    wrong = methods.from_file(Path("toy_method.py"), RANDOM.replace("Deviations:", "Notes:"))
    with pytest.raises(AssertionError, match="no Deviations list"):
        documented(wrong, Toy())


@pytest.mark.parametrize(
    "chosen", ["'0-0-0-0'", "session.space.at(0).__class__('toy', (7, 0, 0, 0))"]
)
def test_a_method_that_returns_no_architecture_of_the_space_is_caught(chosen: str) -> None:
    wrong = methods.from_file(Path("toy_method.py"), source(f"return {chosen}"))
    with pytest.raises(InvalidArch):
        inside(wrong, Toy())


# -- oracles that break it -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("metric", "value"),
    [("valid_accuracy", 1.5), ("valid_accuracy", float("inf")), ("cost_s", -1.0)],
)
def test_an_oracle_outside_its_own_bounds_is_caught(metric: str, value: float, toy: Oracle) -> None:
    name = f"outside_{metric}_{value}"
    known(Toy(named(name), lambda arch, epochs: {**values(arch, epochs), metric: value}))
    record, _ = execute_here(cell(RANDOM, oracle=name))
    assert (
        record.status == "failed"
        and f"{metric} = {value} of" in record.error
        and "outside its bounds" in record.error
    )


def test_an_oracle_that_shows_a_test_metric_in_a_search_is_caught(toy: Oracle) -> None:
    with pytest.raises(
        ProtocolError, match="objective test_accuracy is measured on the test split"
    ):
        Session(
            Toy(named("cheat", objective="test_accuracy")),
            dataset="toys",
            epochs=1,
            budget=Budget(queries=1),
        )
    known(Toy(named("cheat", objective="test_accuracy")))
    record, _ = execute_here(cell(RANDOM, oracle="cheat"))
    assert record.status == "failed" and "test split" in record.error.splitlines()[-1]


def test_a_table_that_differs_from_the_plans_is_refused(toy: Oracle) -> None:
    made = cell(RANDOM)
    other = replace(made, key=replace(made.key, table_sha256="1" * 64))
    assert execute_here(other) == Refused("", "another version of the table of toy")


def test_a_method_file_whose_decorator_and_keywords_differ_is_refused() -> None:
    with pytest.raises(NasreproError, match=r"decorator gives \['size'\]"):
        methods.from_file(
            Path("toy_method.py"), source("return None", size=3).replace("*, size", "*, number")
        )
