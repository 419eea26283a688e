"""`nasrepro verify` and `nasrepro check`, and the frames of a store."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from toys import PLAN, RANDOM, source, toy_fixture  # noqa: F401

import nasrepro as nr
from nasrepro.__main__ import main
from nasrepro.suite.experiments.cells import cells_of
from nasrepro.suite.experiments.kinds.study import StudyKey, StudyRecord
from nasrepro.suite.experiments.plan import load_plan
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.experiments.verify import compared
from nasrepro.suite.oracle import Oracle

RANKING = (
    '[[ranking]]\noracle = "toy"\nscorers = ["params"]\ndatasets = ["toys"]\nepochs = 9\n'
    "resamples = 20\n"
)


@pytest.fixture
def store(toy: Oracle, tmp_path: Path) -> Path:
    """A store with six searches and a ranking of the toy."""
    (tmp_path / "plan.toml").write_text(PLAN + RANKING)
    path = tmp_path / "runs.sqlite"
    with Store(path) as opened:
        run_cells(cells_of(load_plan(str(tmp_path / "plan.toml"))), opened, executor="inline")
    return path


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Exit code, output and errors of a command."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nasrepro", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0), *capsys.readouterr()

    return run


def changed(store: Path, run_id: str, **fields: object) -> None:
    with sqlite3.connect(store) as db:
        (text,) = db.execute("SELECT record FROM records WHERE id = ?", (run_id,)).fetchone()
        text = json.dumps({**json.loads(text), **fields})
        db.execute("UPDATE records SET record = ? WHERE id = ?", (text, run_id))


def test_stored_results_are_equal_when_they_are_run_again(store: Path, command) -> None:
    code, out, _ = command(
        "verify", "--sample", "7", "--store", str(store), "--executor", "inline", "--json"
    )
    found = json.loads(out)
    assert code == 0 and len(found) == 7 and {row["verdict"] for row in found} == {"equal"}


def test_what_is_equal_is_kept_in_a_store_of_its_own(store: Path, command, tmp_path: Path) -> None:
    with Store(store, read_only=True) as opened:
        run_id = next(opened.runs()).key.run_id
    changed(store, run_id, chosen="0-0-0-0")
    new = tmp_path / "kept.sqlite"
    drawn = ("verify", "--sample", "7", "--store", str(store), "--executor", "inline", "--quiet")
    assert command(*drawn, "--oracle", "toy", "--keep", str(new))[0] == 1
    code, _, err = command(*drawn, "--oracle", "nosuch")
    assert code == 2 and "has no result on nosuch to draw from" in err
    with Store(store, read_only=True) as opened, Store(new, read_only=True) as kept:
        assert kept.finished() == opened.finished() - {run_id} and len(kept.finished()) == 6
    code, _, err = command(*drawn, "--keep", str(new))
    assert code == 2 and "already exists" in err


def test_another_answer_is_different_and_the_exit_code_is_1(store: Path, command) -> None:
    with Store(store, read_only=True) as opened:
        run_id = next(opened.runs()).key.run_id
    changed(store, run_id, chosen="0-0-0-0")
    code, out, _ = command(
        "verify", run_id, "--store", str(store), "--executor", "inline", "--json"
    )
    (row,) = json.loads(out)
    assert (code, row["verdict"], row["detail"]) == (1, "different", "chosen differs")


def test_rounding_is_the_same_answer_in_other_bits(store: Path) -> None:
    with Store(store, read_only=True) as opened:
        record = next(opened.runs())
    nearly = replace(record, simulated_s=record.simulated_s * (1 + 1e-15) + 1e-9)
    failed, unmeasured = replace(record, status="failed"), replace(record, overhead_s={})
    assert compared("id", "", record, nearly).verdict == "same answer, other bits"
    assert compared("id", "", record, unmeasured).verdict == "equal"
    assert compared("id", "", record, failed).verdict == "different"


def test_floating_training_explains_another_search_on_another_machine_alone(store: Path) -> None:
    with Store(store, read_only=True) as opened:
        record = next(opened.runs())
    here = {"blas_kernel": "Haswell", "torch_capability": "AVX2"}
    there = {"blas_kernel": "SkylakeX", "torch_capability": "AVX512"}

    def verdict(method: str, made_on: Mapping[str, str], **changes: Any) -> tuple[str, str]:
        key = replace(record.key, method=method)
        old = replace(record, key=key, environment=made_on, chosen="0-0-0-0")
        found = compared("id", "", old, replace(record, key=key, environment=here, **changes))
        return found.verdict, found.detail

    assert verdict("epnas", there) == (
        "another search",
        "chosen differs; made with blas_kernel SkylakeX, not Haswell, "
        "torch_capability AVX512, not AVX2",
    )
    assert verdict("epnas", here) == ("different", "chosen differs")
    assert verdict("epnas", {}) == ("different", "chosen differs")  # an old record names none
    assert verdict("random_search", there) == ("different", "chosen differs")
    assert verdict("epnas", there, status="failed") == ("different", "status differs")


@pytest.mark.parametrize(
    ("study", "expected"),
    [("spos.inherited", "another search"), ("fidelity.rank", "different")],
)
def test_so_it_does_what_a_study_of_such_a_method_finds(study: str, expected: str) -> None:
    key = StudyKey(study, "", {}, {}, 0)
    one, other = (
        StudyRecord(key, "done", ("of",), ({"of": "all", "kendall": value},), environment=made)
        for value, made in (
            (0.1, {"torch_capability": "AVX2"}),
            (0.2, {"torch_capability": "AVX512"}),
        )
    )
    assert compared("id", "", one, other).verdict == expected


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("epnas", {"oracle": "nasbench101_slice"}, "another search"),
        ("random_search", {"oracle": "nasbench101_slice"}, "different"),
        ("random_search", {"oracle": "shrinkcnn"}, "another search"),
        ("random_search", {"oracles": ["digits201", "trained_rnn"]}, "another search"),
    ],
)
def test_what_a_study_says_of_such_a_method_and_of_trained_networks_may_differ(
    method: str, params: dict[str, object], expected: str
) -> None:
    """Found by the nightly run: EPNAS's row of `multi_objective.fronts` on another processor."""
    key = StudyKey("multi_objective.fronts", "", params, {}, 0)
    rows = [{"method": "gram", "best": 0.9}, {"method": method, "best": 0.8}]
    one, other = (
        StudyRecord(
            key, "done", ("method",), (rows[0], {**rows[1], "best": best}), environment=made
        )
        for best, made in (
            (0.8, {"torch_capability": "AVX2"}),
            (0.7, {"torch_capability": "AVX512"}),
        )
    )
    assert compared("id", "", one, other).verdict == expected


def test_two_stores_are_held_against_each_other(store: Path, command, tmp_path: Path) -> None:
    other, table = tmp_path / "other.sqlite", tmp_path / "table.md"
    shutil.copy(store, other)
    with Store(store, read_only=True) as opened:
        mine, first, second, third, failing = [key for key, _ in opened.identified("run")][:5]
        seconds = opened.record(second).simulated_s
    call = ("verify", "--store", str(store), "--against", str(other))
    assert command(*call, "--json")[:2] == (0, "[]\n")
    with sqlite3.connect(store) as db:
        db.execute("DELETE FROM records WHERE id = ?", (first,))
    changed(other, second, simulated_s=seconds + 1e-9)
    assert command(*call)[0] == 0  # nothing differs but in bits, or is missing
    changed(other, third, chosen="0-0-0-0")
    changed(other, failing, status="failed", error="no data")
    with sqlite3.connect(other) as db:
        db.execute("DELETE FROM records WHERE id = ?", (mine,))
    code, out, _ = command(*call, "--json")
    verdicts = {row["run_id"]: row["verdict"] for row in json.loads(out)}
    assert code == 1 and verdicts == {
        mine: "only here",
        failing: "only here",
        first: "only there",
        second: "same answer, other bits",
        third: "different",
    }
    code, out, _ = command(*call, "--out", str(table))
    counts = [line.split("|")[3:-2] for line in table.read_text().splitlines() if "| all" in line]
    assert code == 1 and [list(map(int, row)) for row in counts] == [[2, 1, 0, 1, 2, 1]]
    assert out.splitlines()[-1].split() == ["all", "2", "1", "0", "1", "2", "1"]


def _better(line: str) -> tuple[str, ...]:
    """How often either store is better, of a printed row."""
    found = re.search(r"(\d+) / (\d+), p [01]\.\d\d", line)
    return found.groups() if found else ()


def test_which_store_has_the_smaller_regrets(store: Path, command, tmp_path: Path) -> None:
    """Four searches that chose otherwise there: three with more regret, one with less."""
    other = tmp_path / "other.sqlite"
    shutil.copy(store, other)
    with Store(store, read_only=True) as opened:
        runs = [(key, record) for key, record in opened.identified("run")][:4]
    for place, (key, record) in enumerate(runs):
        reports = {name: asdict(report) for name, report in record.reports.items()}
        for report in reports.values():
            report["regret"] += 0.1 if place else -0.1
        changed(other, key, chosen="0-0-0-0", reports=reports)
    code, out, _ = command("verify", "--store", str(store), "--against", str(other), "--json")
    assert code == 1 and sorted(row["better"] for row in json.loads(out)) == [-1, 1, 1, 1]
    _, out, _ = command("verify", "--store", str(store), "--against", str(other))
    assert sum(int(word) for line in out.splitlines() for word in _better(line)) == 4


def test_options_of_the_other_comparison_are_refused(store: Path, command, tmp_path: Path) -> None:
    out, here = tmp_path / "table.md", ("--store", str(store))
    for more in (
        ("--sample", "2"),
        ("--keep", str(tmp_path / "kept.sqlite")),
        ("0123456789abcdef",),
    ):
        code, _, err = command("verify", *here, "--against", str(store), *more)
        assert code == 2 and "--against compares all results of two stores" in err
    code, _, err = command("verify", *here, "--sample", "2", "--out", str(out))
    assert code == 2 and "give --against, too" in err and not out.exists()


def test_a_result_of_another_source_is_not_verified(store: Path, command) -> None:
    with Store(store) as opened:
        record = next(opened.runs())
        key = replace(record.key, method_sha256="0" * 64)
        opened.add(replace(record, key=key))
    code, out, _ = command(
        "verify", key.run_id, "--store", str(store), "--executor", "inline", "--json"
    )
    (row,) = json.loads(out)
    assert code == 0 and row["verdict"] == "not verified"
    assert "another source of method random_search" in row["detail"]


@pytest.mark.parametrize(
    ("body", "code", "line"),
    [
        ("while True:\n    session.evaluate(session.space.sample(rng))", 0, "untouched"),
        (
            "import numpy\nwhile True:\n    number = numpy.random.randint(9)\n"
            "    session.evaluate(session.space.at(number))",
            0,
            "draws from numpy.random, which are seeded for each run; use rng",
        ),
        (
            "import torch\nwhile True:\n    number = int(torch.randint(9, ()))\n"
            "    session.evaluate(session.space.at(number))",
            0,
            "draws from torch, which are seeded for each run; use rng",
        ),
        (
            "import os\nwhile True:\n    number = int.from_bytes(os.urandom(2), 'big') % 15625\n"
            "    session.evaluate(session.space.at(number))",
            1,
            "no: evaluation 1 differs",
        ),
        ("1 / 0", 1, "ZeroDivisionError: division by zero (mine.py, line 14)"),
        ("return session.evaluate(session.space.at(0)).arch", 0, "it does not depend on rng"),
        (
            "if False:\n    import nowhere_lib, numpy.random\n"
            "return session.evaluate(session.space.at(0)).arch",
            0,
            "nowhere_lib: not in a run's id",
        ),
        (
            "arch = session.space.at(0)\nsession.log('drawn', number=int(rng.integers(99)))\n"
            "return session.evaluate(arch).arch",
            0,
            "another seed, another search  yes",
        ),
    ],
)
def test_check_says_what_is_wrong_with_a_method(
    body: str, code: int, line: str, tmp_path: Path, command
) -> None:
    (tmp_path / "mine.py").write_text(source(body))
    found, out, _ = command("check", str(tmp_path / "mine.py"))
    assert found == code and line in out, out


def test_check_refuses_a_wrong_signature(tmp_path: Path, command) -> None:
    (tmp_path / "mine.py").write_text(source("return None").replace("session, rng", "session"))
    code, _, err = command("check", str(tmp_path / "mine.py"))
    assert code == 2 and "takes 1 positional arguments (session), expected (session, rng" in err
    (tmp_path / "mine.py").write_text(RANDOM.replace("def search", "class Search:\n  def search"))
    assert command("check", str(tmp_path / "mine.py"))[0] == 2


def test_frames_have_typed_columns(store: Path) -> None:
    frames = nr.results(store)
    assert len(frames.runs) == 6 and len(frames.rankings) == 1 and frames.studies.empty
    assert "\nruns: 6 rows (id, method, " in repr(frames)
    assert repr(frames).endswith("studies: 0 rows (no columns)")
    assert pd.api.types.is_integer_dtype(frames.runs.dtypes["seed"])
    assert pd.api.types.is_float_dtype(frames.runs.dtypes["test_accuracy"])
    assert pd.api.types.is_string_dtype(frames.runs.dtypes["method"])
    assert set(frames.runs["status"]) == {"budget"} and frames.runs["regret"].min() >= 0
    assert frames.rankings["kendall_ci_low"][0] <= frames.rankings["kendall"][0]


def test_results_of_another_engine_are_named_wherever_a_store_is_read(store: Path, command) -> None:
    with sqlite3.connect(store) as db:
        (run_id,) = db.execute("SELECT min(id) FROM records WHERE kind = 'run'").fetchone()
        db.execute("UPDATE records SET engine = 1 WHERE id = ?", (run_id,))
    told = "1 left out: results of the older engine 1"
    with pytest.warns(UserWarning, match=told):
        nr.results(store)
    for words in (
        ("compare", "random_search", "mine"),
        ("report", "--quiet", "--out", str(store.parent / "report")),
        ("claims", "missing", "--paper", "hyperband"),
        ("claims", "--no-run", "--paper", "hyperband"),
        ("verify", "--sample", "1", "--executor", "inline"),
    ):
        assert told in command(*words, "--store", str(store))[2], words
