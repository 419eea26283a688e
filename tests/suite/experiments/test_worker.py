"""Workers: what a method cannot reach, cannot forge, and cannot take down."""

from __future__ import annotations

import hashlib
import textwrap
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toys import RANDOM, cell, measured_apart, source, toy_fixture  # noqa: F401

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.kind import Cell
from nasrepro.suite.experiments.kinds.search import (
    Protocol,
    RunCell,
    RunRecord,
    SearchSetting,
    Trace,
    run_key,
    search_cell,
)
from nasrepro.suite.experiments.runner import Job, Pool, Run, run_cells
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.experiments.worker import Died, Done, Refused, Team, execute_here
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    """Workers of this machine, one process for all searches of this module."""
    made = Team()
    yield made
    made.close()


def search(body: str, oracle: str = "digits201", folder: str = "", **params: Any) -> RunCell:
    """A search of twenty queries on a real table by a method with that body."""
    opened = load_oracle(oracle)
    dataset = opened.info.datasets[0].name
    length = opened.epochs(dataset)[-1]
    setting = SearchSetting.checked(
        opened, dataset, Protocol(length, length, ()), Budget(queries=20)
    )
    method = methods.from_file(Path(folder, "toy_method.py"), source(body, **params))
    return search_cell(run_key(setting, method, {}), method)


def ran(team: Team, made: RunCell) -> tuple[RunRecord, Trace]:
    done = team.execute(made)
    assert isinstance(done, Done) and isinstance(done.record, RunRecord)
    return done.record, Trace.from_bytes(done.packed) if done.packed else Trace()


# -- the test metric -------------------------------------------------------------------------------
#: Goes from the session, the frames and the modules to everything that they lead to, and logs the
#: arrays and bytes that are the given test column.
WALK = """
import gc, hashlib, sys
import numpy as np
frame, start = sys._getframe(), [session, *sys.modules.values(), *gc.get_objects()]
while frame is not None:
    start.append(frame)
    frame = frame.f_back
seen, todo, arrays, found = set(), start, 0, 0
while todo:
    thing = todo.pop()
    if id(thing) in seen or len(seen) > 3_000_000:
        continue
    seen.add(id(thing))
    if isinstance(thing, np.ndarray) and thing.ndim == 1 and thing.size > 999:
        arrays += 1
        found += hashlib.sha256(thing.tobytes()).hexdigest() == column
    else:
        todo += gc.get_referents(thing)
session.log("walked", arrays=arrays, found=found)
return session.evaluate(session.space.at(0)).arch
"""


@pytest.mark.parametrize("name", ["digits201", "nasbench201"])
@pytest.mark.parametrize("metric", ["test_accuracy", "valid_accuracy"])
def test_no_object_of_the_process_leads_to_a_test_column(
    name: str, metric: str, team: Team, real: Callable[[str], Oracle]
) -> None:
    """The walk finds the validation column that the session reads, so it would find this one."""
    oracle = real(name)
    table = oracle.table  # type: ignore[attr-defined]
    dataset, length = oracle.info.datasets[0].name, oracle.epochs(oracle.info.datasets[0].name)[-1]
    hashes = [
        hashlib.sha256(table.column(column).tobytes()).hexdigest()
        for column in table.names
        if column.startswith(f"{dataset}/{length}/") and column.endswith(f"/{metric}")
    ]
    assert hashes
    body = WALK.replace("== column", f"in {hashes!r}")
    done = Team()  # a process of its own: the walk takes in what earlier runs have left
    try:
        _, trace = ran(done, search(body, name))
    finally:
        done.close()
    (event,) = trace.events
    if metric == "test_accuracy":
        assert event["found"] == 0 and event["arrays"] > 0
    elif name == "nasbench201":  # digits201 averages its seeds
        assert event["found"] > 0


WAYS = {
    "the table": (
        "value = oracle.table.column([n for n in oracle.table.names if 'test' in n][0])[0]"
    ),
    "the table by name": "value = oracle.table.column('digits/30/0/test_accuracy')[0]",
    "past the check": (
        "found = oracle.info.dataset('digits')\n"
        "value = oracle._read_many(None, found, 30, 'mean', ['test_accuracy'])['test_accuracy'][0]"
    ),
    "the session's closure": (
        "closure = [c.cell_contents for c in session._open_reader.__closure__]\n"
        "inner = [c for c in closure if hasattr(c, 'table')][0]\n"
        "value = inner._read_many(None, inner.info.dataset('digits'), 30, 'mean', "
        "['test_accuracy'])['test_accuracy'][0]"
    ),
    "the flag": (
        "import nasrepro.suite.oracle.oracle as module\nmodule._searches = 0\n"
        "value = oracle.query(session.space.at(0), dataset='digits', epochs=30)"
        ".values['test_accuracy']\n"
    ),
    "a thread": (
        "import threading\nanswers = []\n"
        "ask = lambda: answers.append(oracle.query(session.space.at(0), dataset='digits', "
        "epochs=30).values['test_accuracy'])\n"
        "thread = threading.Thread(target=ask)\nthread.start()\nthread.join()\nvalue = answers[0]"
    ),
    "a context": (
        "import contextvars\n"
        "value = contextvars.Context().run(oracle.query, session.space.at(0), dataset='digits', "
        "epochs=30).values['test_accuracy']"
    ),
    "the caller's frame": (
        "import sys\nframe = sys._getframe().f_back\n"
        "value = frame.f_locals['setting'].report(session.space.at(0), 'digits').metrics"
        "['test_accuracy']"
    ),
    "the best": "value = oracle.best('digits', 30, 'test_accuracy')[0]",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_ways_to_the_test_metric_are_closed(way: str, team: Team) -> None:
    body = (
        "from nasrepro.suite.registry import load_oracle\noracle = load_oracle('digits201')\n"
        "try:\n"
        + textwrap.indent(WAYS[way], "    ")
        + "\n    session.log('found', value=float(value))\nexcept Exception as error:\n"
        "    session.log('closed', error=repr(error))\nimport nasrepro.suite.oracle.oracle as m\n"
        "m._searches = 1\nreturn session.evaluate(session.space.at(0)).arch"
    )
    record, trace = ran(team, search(body))
    assert record.status == "done", record.error
    assert [event["event"] for event in trace.events] == ["closed"], trace.events


def test_at_import_of_a_methods_file_there_is_no_test_metric_either(team: Team) -> None:
    made = search(
        "session.log('seen', names=NAMES)\nreturn session.evaluate(space_at(session)).arch"
    )
    at_import = (
        "from nasrepro.suite.registry import load_oracle\n"
        "NAMES = [n for n in load_oracle('digits201').table.names if 'test' in n]\n"
        "def space_at(session):\n    return session.space.at(0)\n"
    )
    text = made.source.replace("from nasrepro", at_import + "from nasrepro", 1)
    opened = load_oracle("digits201")
    setting = SearchSetting(opened, "digits", made.key.protocol, made.key.budget)
    method = methods.from_file(Path("at_import.py"), text)
    _, trace = ran(team, search_cell(run_key(setting, method, {}), method))
    assert trace.events[0]["names"] == []


def test_the_report_has_the_test_metric(team: Team) -> None:
    record, _ = ran(team, search("return session.evaluate(session.space.at(5)).arch"))
    oracle = load_oracle("digits201")
    values = oracle.query(oracle.space.at(5), dataset="digits", epochs=30).values
    assert record.reports["digits"].metrics == values and "test_accuracy" in values


def test_a_method_may_evaluate_in_threads(team: Team) -> None:
    body = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "archs = [session.space.sample(rng) for _ in range(20)]\n"
        "with ThreadPoolExecutor(4) as pool:\n"
        "    done = list(pool.map(session.evaluate, archs))\n"
        "return max(done, key=lambda each: each.score).arch"
    )
    record, _ = ran(team, search(body))
    assert (record.status, record.queries) == ("done", 20), record.error


# -- what a search says ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "session.budget = session.budget.__class__(queries=999)\n"
            "while True:\n    session.evaluate(session.space.sample(rng))",
            "the record has 999 evaluations, the budget 20 queries",
        ),
        (
            "try:\n    while True:\n        session.evaluate(session.space.sample(rng))\n"
            "except BaseException:\n    session._exhausted = False\n"
            "session.ledger.simulated_s = 0.0\nreturn session.best()",
            "the record says 0.0 s of training",
        ),
        (
            "done = session.evaluate(session.space.at(0))\n"
            "session.ledger.evaluations[0] = done._replace(score=1.0)",
            "the record says score 1.0",
        ),
        (
            "done = session.evaluate(session.space.at(0))\n"
            "session.ledger.evaluations[0] = done._replace(cost_s=0.0)\n"
            "session.ledger.simulated_s = session.ledger.wall_s = 0.0",
            "and 0.0 s, the table",
        ),
        (
            "session.evaluate(session.space.at(0))\nsession.ledger.wall_s = 1e9",
            "s of wall clock for",
        ),
        (
            "session.evaluate(session.space.at(0))\nsession.ledger.overhead_s['x'] = -5.0",
            "an overhead of",
        ),
        (
            "done = session.evaluate(session.space.at(0))\n"
            "session.ledger.evaluations[0] = done._replace(arch=done.arch.__class__('x', (9, 9)))",
            "InvalidArch",
        ),
    ],
)
def test_a_record_that_does_not_add_up_is_a_failed_run(body: str, reason: str, team: Team) -> None:
    record, _ = ran(team, search(body))
    assert record.status == "failed" and reason in record.error, record.error


def test_a_test_metric_that_is_better_than_the_best_is_a_failed_run(
    toy: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nasrepro.suite.experiments.kinds.search._best", lambda *_: 0.0)
    done = execute_here(cell(RANDOM))
    assert isinstance(done, Done) and "regret" in done.record.error
    assert done.record.status == "failed"


# -- runs that misbehave ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import asyncio\nraise asyncio.CancelledError('enough')", "CancelledError: enough"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("class E(BaseException):\n    pass\nraise E('mine')", "E: mine"),
        (
            "class E(Exception):\n    def __str__(self):\n        1 / 0\nraise E",
            "cannot be printed",
        ),
        ("session.log('x', y='\\ud800')\n1 / 0", "ZeroDivisionError"),
    ],
)
def test_whatever_a_method_raises_is_its_own_failure_with_file_and_line(
    body: str, message: str, team: Team
) -> None:
    record, _ = ran(team, search(body))
    last = record.error.splitlines()[-1]
    assert record.status == "failed" and message in last and "(toy_method.py, line" in last
    assert ran(team, search("return session.evaluate(session.space.at(0)).arch"))[0].queries == 1


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    pass",
        (
            "import time\nwhile True:\n    try:\n        time.sleep(99)\n"
            "    except BaseException:\n        pass"
        ),
    ],
)
def test_what_hangs_is_ended_as_a_recorded_failure(body: str, team: Team) -> None:
    record, _ = ran(team, replace(search(body), timeout_s=2.0))
    assert record.status == "failed"
    assert "TimeoutError: ended after 2 s; a longer limit: nasrepro run --timeout" in record.error


def test_a_worker_that_dies_says_how(team: Team) -> None:
    with pytest.raises(Died, match="ended by SIGKILL"):
        team.execute(search("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"))
    with pytest.raises(Died, match="exit code 3"):
        team.execute(search("import os\nos._exit(3)"))


@pytest.mark.parametrize(
    "mischief",
    [
        "import sys\nsys.stdout.close()\nsys.stderr.close()",
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "import os\nos.close(0)\nos.close(1)",
        "import os, sys\nsys.path.clear()\nos.chdir('/')\nos.environ.clear()",
        "print('x' * 100_000)",
    ],
)
def test_a_run_leaves_nothing_to_the_next(mischief: str, team: Team) -> None:
    last = "\nreturn session.evaluate(session.space.at(0)).arch"
    ran(team, search(mischief + last))
    after = (
        "import os, sys\nsession.log('is', path=sys.path, cwd=os.getcwd(), home=dict(os.environ))"
    )
    record, trace = ran(team, search(after + last))
    assert record.status == "done" and len(trace.events[0]["path"]) > 2
    assert (
        trace.events[0]["cwd"] == str(Path.cwd()) and "OMP_NUM_THREADS" in trace.events[0]["home"]
    )


# -- determinism -----------------------------------------------------------------------------------
GLOBAL = {
    "random": "import random\nnumber = random.random()",
    "numpy.random": "import numpy\nnumber = numpy.random.random()",
    "torch": "import torch\nnumber = torch.rand(1).item()",
}


@pytest.mark.parametrize("library", GLOBAL)
def test_global_generators_are_seeded_by_the_run(library: str, team: Team) -> None:
    """In a new process, in one that has run another, and in this one.

    Another seed, another draw.
    """
    made = search(
        f"{GLOBAL[library]}\nsession.log('drawn', number=number)\n"
        "return session.evaluate(session.space.at(0)).arch"
    )
    numbers = []
    for seed in (0, 0, 1):
        _, trace = ran(team, replace(made, key=replace(made.key, seed=seed)))
        numbers.append(trace.events[0]["number"])
    here = execute_here(made)
    assert isinstance(here, Done)
    numbers.append(Trace.from_bytes(here.packed).events[0]["number"])
    assert numbers[0] == numbers[1] == numbers[3] != numbers[2]


def test_threads_are_one_whatever_is_set(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    made = search("return session.evaluate(session.space.at(0)).arch")
    other = Team()
    try:
        apart, _ = ran(other, made)
    finally:
        other.close()
    assert apart.environment["threads"] == "1"
    assert apart.environment["cpu"] and "openblas" in apart.environment["blas"]
    assert measured_apart(apart) == measured_apart(execute_here(made).record)  # type: ignore[union-attr]


# -- modules beside a method -----------------------------------------------------------------------
def test_a_helper_beside_the_method_is_importable_and_part_of_its_source(
    team: Team, tmp_path: Path
) -> None:
    body = (
        "import helper\nfrom parts import first\nreturn session.evaluate(helper.pick(session)).arch"
    )
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "__init__.py").write_text("")
    (tmp_path / "parts" / "first.py").write_text("NUMBER = 7\n")
    helper = tmp_path / "helper.py"
    helper.write_text(
        "from parts.first import NUMBER\ndef pick(session):\n    return session.space.at(NUMBER)\n"
    )
    made = search(body, folder=str(tmp_path))
    assert set(made.beside) == {"helper.py", "parts/__init__.py", "parts/first.py"}
    chosen = [ran(team, made)[0].chosen]
    far = replace(made, path="/nowhere/toy_method.py")  # a worker without the folder
    chosen.append(ran(team, far)[0].chosen)
    (tmp_path / "parts" / "first.py").write_text("NUMBER = 8  # changed\n")
    other = search(body, folder=str(tmp_path))
    chosen.append(ran(team, other)[0].chosen)
    assert chosen[0] == chosen[1] != chosen[2]
    assert other.key.run_id != made.key.run_id
    (tmp_path / "parts" / "first.py").write_text("NUMBER = 8\n")  # a comment is no other source
    assert search(body, folder=str(tmp_path)).key.run_id == other.key.run_id


# -- who may run a cell ----------------------------------------------------------------------------
def test_a_foreign_worker_refuses_and_the_run_ends_by_saying_so(team: Team, tmp_path: Path) -> None:
    made = search("return session.evaluate(session.space.at(0)).arch")
    foreign = {
        "engine": replace(made, engine=2),
        "another source of method": replace(made, key=replace(made.key, method_sha256="0")),
        "another version of the table": replace(made, key=replace(made.key, table_sha256="0")),
    }
    for why, other in foreign.items():
        answer = team.execute(other)
        assert isinstance(answer, Refused) and why in answer.why
    with Store(tmp_path / "runs.sqlite") as store:
        with pytest.raises(NasreproError, match="2 cells fit no worker, for example toy_method on"):
            run_cells([*list(foreign.values())[1:], made], store, executor="inline")
        assert [record.status for record in store.runs()] == ["done"]


def test_a_worker_that_lacks_the_oracle_refuses(team: Team) -> None:
    made = search("return session.evaluate(session.space.at(0)).arch")
    absent = replace(made, key=replace(made.key, oracle="no_such"))
    for answer in (team.execute(absent), execute_here(absent)):
        assert isinstance(answer, Refused) and "unknown oracle 'no_such'" in answer.why
    assert ran(team, made)[0].status == "done", "the worker goes on"


def test_a_refused_cell_goes_to_another_worker(toy: Oracle, tmp_path: Path) -> None:
    """One of two workers refuses everything.

    All is done by the other, each cell asked there once.
    """
    asked: list[tuple[int, frozenset[str]]] = []

    def submit(made: Cell, refused: frozenset[str]) -> Future[tuple[str, Done | Refused]]:
        asked.append((made.key.seed, refused))
        future: Future[tuple[str, Done | Refused]] = Future()
        foreign = Refused("far", "another source of method toy_random")
        future.set_result(("near", execute_here(made)) if refused else ("far", foreign))
        return future

    cells = [cell(RANDOM, seed=seed) for seed in range(3)]
    pool = Pool(submit, 2, lambda: frozenset({"far", "near"}))
    with Store(tmp_path / "runs.sqlite") as store:
        run = Run(store, 3, lambda *_: None)
        run.drain(pool, 2, deque(Job(made) for made in cells))
        assert (run.finished, run.unfit) == (3, []) and len(list(store.runs())) == 3
    assert sorted(asked, key=lambda each: (each[0], len(each[1]))) == [
        (seed, refused) for seed in range(3) for refused in (frozenset(), frozenset({"far"}))
    ]
