"""The oracle that trains what it is asked for: remembers, survives, shares.

With a toy for a trainer, and real digits.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import INFO, SPACE, named, values

import nasrepro
from nasrepro.oracles.training import oracle as trained
from nasrepro.oracles.training.oracle import TrainedOracle, Training
from nasrepro.suite.errors import (
    BudgetExhausted,
    DataCorrupt,
    InvalidArch,
    NasreproError,
    NotTabulated,
    ProtocolError,
)
from nasrepro.suite.experiments.kinds.search import Protocol, RunCell, RunKey
from nasrepro.suite.experiments.worker import execute_here
from nasrepro.suite.oracle import OracleInfo, searching
from nasrepro.suite.registry import methods
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch

ARCH = SPACE.at(7)
TRAINS = named("toy_trained", trains=True)


class Counting:
    """A trainer that answers as the toy oracle does, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.made: list[Training] = []

    def __call__(self, training: Training) -> Mapping[tuple[int, int], Mapping[str, float]]:
        self.made.append(training)
        return {
            (training.epochs, training.seed): {
                **values(training.arch, training.epochs),
                "cost_s": 2.0 + training.seed,
            }
        }


def made(
    folder: Path, train: Any = None, info: OracleInfo = TRAINS, **changes: Any
) -> TrainedOracle:
    setting: dict[str, Any] = {
        "epochs": (9, 1, 3),
        "seeds": (0, 1),
        "determined_by": {"recipe": "toy"},
        "folder": folder,
        **changes,
    }
    return TrainedOracle(info, train or Counting(), **setting)


# -- one oracle
# --------------------------------------------------------------------------------------------------
def test_an_answer_is_trained_once_and_remembered_by_every_later_process(tmp_path: Path) -> None:
    train = Counting()
    oracle = made(tmp_path, train)
    first = oracle.query(ARCH, dataset="TOYS", epochs=3, seed=1)
    assert first.values == {**values(ARCH, 3), "cost_s": 3.0} and first.dataset == "toys"
    assert oracle.query(ARCH, dataset="toys", epochs=3, seed=1) == first
    later = Counting()
    assert made(tmp_path, later).query(ARCH, dataset="toys", epochs=3, seed=1) == first
    assert [len(train.made), len(later.made), oracle.answers] == [1, 0, 1]


def test_a_mean_is_over_all_seeds_of_the_setting_and_trains_those_that_are_missing(
    tmp_path: Path,
) -> None:
    train = Counting()
    oracle = made(tmp_path, train, seeds=(4, 0, 2))
    oracle.query(ARCH, dataset="toys", epochs=1, seed=2)
    assert oracle.query(ARCH, dataset="toys", epochs=1).values["cost_s"] == 4.0
    assert [training.seed for training in train.made] == [2, 0, 4]


def test_what_else_a_training_tells_is_remembered_too(tmp_path: Path) -> None:
    def curve(training: Training) -> dict[tuple[int, int], dict[str, float]]:
        asked.append(training.epochs)
        return {
            (epoch, seed): {"valid_accuracy": epoch / 10 + seed / 100}
            for epoch in (1, 3, 9)
            for seed in (0, 1)
        }

    asked: list[int] = []
    oracle = made(tmp_path, curve, replace(TRAINS, resumable=True))
    assert oracle.query(ARCH, dataset="toys", epochs=3).values == {
        "valid_accuracy": pytest.approx(0.305)
    }
    assert oracle.query(ARCH, dataset="toys", epochs=9, seed=1).values == {"valid_accuracy": 0.91}
    assert (asked, oracle.answers) == ([3], 6)


def test_equal_architectures_share_one_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        type(SPACE), "canonical", lambda self, arch: Arch("toy", tuple(sorted(arch.code)))
    )
    train = Counting()
    oracle = made(tmp_path, train)
    one, other = (
        oracle.query(SPACE.parse(text), dataset="toys", epochs=1, seed=0)
        for text in ("2-0-1-1", "1-2-1-0")
    )
    assert one.values == other.values and [training.arch for training in train.made] == [
        SPACE.parse("0-1-1-2")
    ]


def test_query_many_trains_what_is_named_and_nothing_can_be_listed(tmp_path: Path) -> None:
    oracle = made(tmp_path)
    archs = [SPACE.at(index) for index in (3, 5, 3)]
    found = oracle.query_many(archs, dataset="toys", epochs=9, seed=0)
    np.testing.assert_allclose(
        found["valid_accuracy"], [values(arch, 9)["valid_accuracy"] for arch in archs]
    )
    for listing in (
        oracle.archs,
        lambda: oracle.query_many(dataset="toys", epochs=9),
        lambda: oracle.best("toys", 9, "test_accuracy"),
    ):
        with pytest.raises(
            NotTabulated, match="toy_trained trains what it is asked for and has no list"
        ):
            listing()


def test_what_cannot_be_asked_is_named_before_anything_is_trained(tmp_path: Path) -> None:
    train = Counting()
    oracle = made(tmp_path, train)
    with pytest.raises(NotTabulated, match="accepted: 1, 3, 9"):
        oracle.query(ARCH, dataset="toys", epochs=2)
    with pytest.raises(NotTabulated, match="accepted: mean, 0, 1"):
        oracle.query(ARCH, dataset="toys", epochs=1, seed=7)
    with pytest.raises(InvalidArch):
        oracle.query(Arch("cell201", (0,) * 6), dataset="toys", epochs=1)
    with searching(), pytest.raises(ProtocolError):
        oracle.query(ARCH, dataset="toys", epochs=1)
    assert not train.made and not list(tmp_path.iterdir())


def test_the_hash_is_that_of_the_setting(tmp_path: Path) -> None:
    one = made(tmp_path)
    same, recipe, seeds = (
        made(tmp_path),
        made(tmp_path, determined_by={"recipe": "other"}),
        made(tmp_path, seeds=(0, 1, 2)),
    )
    assert (
        one.table_sha256 == same.table_sha256
        and len({each.table_sha256 for each in (one, recipe, seeds)}) == 3
    )
    assert one.folder == seeds.folder != recipe.folder, (
        "more seeds add to the same table, another recipe begins another"
    )
    one.query(ARCH, dataset="toys", epochs=1, seed=0)
    assert recipe.answers == 0 and seeds.answers == 1


def test_an_answer_says_where_it_is_from(tmp_path: Path) -> None:
    oracle = made(tmp_path)
    oracle.query(ARCH, dataset="toys", epochs=1, seed=0)
    with sqlite3.connect(oracle.folder / "answers.sqlite") as db:
        (origin,), (setting,) = (
            db.execute("SELECT origin FROM answers").fetchone(),
            db.execute("SELECT * FROM setting").fetchone(),
        )
    assert {"date", "machine", "torch", "capability", "commit"} <= set(json.loads(origin))
    assert json.loads(setting) == {
        "answers": 2,
        "oracle": "toy_trained",
        "space": "toy",
        "network": {},
        "recipe": "toy",
    }


def test_a_description_that_does_not_say_that_it_trains_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NasreproError, match="must say trains=True"):
        made(tmp_path, info=INFO)


def test_a_trainer_that_leaves_out_what_it_was_asked_for_is_named(tmp_path: Path) -> None:
    oracle = made(tmp_path, lambda training: {(9, 0): {"valid_accuracy": 0.5}})
    with pytest.raises(
        NasreproError, match="the trainer of toy_trained gave no answer for 1 epochs, seed 0"
    ):
        oracle.query(ARCH, dataset="toys", epochs=1, seed=0)
    assert oracle.answers == 0


# -- in a search
# --------------------------------------------------------------------------------------------------
def test_oracles_of_one_training_loop_measure_the_same() -> None:
    from nasrepro.oracles import shrinkcnn, trained201_cifar10, trained_dense, trained_rnn

    assert trained_dense.INFO.metrics is trained201_cifar10.INFO.metrics is trained.METRICS
    assert trained_rnn.INFO.citation is shrinkcnn.INFO.citation


def test_a_diverged_training_is_an_outcome_and_the_worst_one(tmp_path: Path) -> None:
    def diverging(training: Training) -> dict[tuple[int, int], dict[str, float]]:
        found = values(training.arch, training.epochs)
        return {
            (training.epochs, training.seed): {
                **found,
                "valid_accuracy": float("nan") if training.seed else 0.5,
            }
        }

    session = Session(made(tmp_path, diverging), dataset="toys", epochs=1, budget=Budget(queries=5))
    assert session.evaluate(ARCH).score == float("-inf"), "one diverged seed, and the mean is none"
    assert np.isnan(
        made(tmp_path).query(ARCH, dataset="toys", epochs=1, seed=1).values["valid_accuracy"]
    ), "remembered"
    assert (
        made(tmp_path).query(ARCH, dataset="toys", epochs=1, seed=0).values["valid_accuracy"] == 0.5
    )


def test_a_search_pays_the_measured_seconds_and_has_no_regret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle = made(tmp_path)
    monkeypatch.setattr("nasrepro.suite.registry.loading._open", {"toy_trained": oracle})
    method = methods.get("random_search")
    key = RunKey(
        method.name,
        method.source_sha256,
        {},
        oracle.name,
        oracle.table_sha256,
        "toys",
        Protocol(1, 9, ("toys",)),
        Budget(seconds=20),
        0,
    )
    record, _ = execute_here(RunCell(key))
    assert (record.status, record.queries, record.simulated_s) == ("budget", 8, 20.0), record.error
    assert (
        record.reports["toys"].regret is None
        and record.reports["toys"].metrics["test_accuracy"] > 0
    )
    # two seeds, 2 and 3 s, of each architecture that was the best for a while
    assert record.reporting_s == 5.0 * len(record.incumbents) > 0


def test_a_ranking_of_it_says_that_it_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nasrepro.suite.experiments.kinds.ranking import RankingSetting, rank_key

    oracle = made(tmp_path)
    monkeypatch.setattr("nasrepro.suite.registry.loading._open", {"toy_trained": oracle})
    with pytest.raises(NotTabulated, match="no ranking of them all; name the architectures"):
        RankingSetting.opened(rank_key(oracle, "params", "toys", 1)).rank()


# -- checkpoints and progress
# ------------------------------------------------------------------------------------------
def test_a_training_that_was_stopped_finds_its_checkpoint_again(tmp_path: Path) -> None:
    def stopped(training: Training) -> Mapping[tuple[int, int], Mapping[str, float]]:
        training.checkpoint.write_text("half")
        raise BudgetExhausted

    def resumed(training: Training) -> Mapping[tuple[int, int], Mapping[str, float]]:
        found.append(training.checkpoint.read_text() if training.checkpoint.exists() else "")
        return Counting()(training)

    found: list[str] = []
    with pytest.raises(BudgetExhausted):
        made(tmp_path, stopped).query(ARCH, dataset="toys", epochs=3, seed=0)
    for epochs, seed in ((1, 0), (3, 1), (3, 0)):
        made(tmp_path, resumed).query(ARCH, dataset="toys", epochs=epochs, seed=seed)
    assert found == ["", "", "half"]
    assert not list((made(tmp_path).folder / "checkpoints").iterdir())


def test_one_schedule_has_one_checkpoint_until_its_end(tmp_path: Path) -> None:
    def longer(training: Training) -> Mapping[tuple[int, int], Mapping[str, float]]:
        found.append(training.checkpoint.read_text() if training.checkpoint.exists() else "")
        training.checkpoint.write_text(str(training.epochs))
        return Counting()(training)

    found: list[str] = []
    oracle = made(tmp_path, longer, replace(TRAINS, resumable=True))
    for epochs in (1, 3, 9):
        oracle.query(ARCH, dataset="toys", epochs=epochs, seed=0)
    assert found == ["", "1", "3"]
    assert not list((oracle.folder / "checkpoints").iterdir())


def test_only_a_long_training_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def slow(training: Training) -> Mapping[tuple[int, int], Mapping[str, float]]:
        for epoch in range(4, training.epochs + 1):  # resumed after 4
            training.tell(epoch, training.epochs)
            clock[0] += 3
        return Counting()(training)

    clock = [0.0]
    monkeypatch.setattr(trained.time, "monotonic", lambda: clock[0])
    made(tmp_path, slow).query(ARCH, dataset="toys", epochs=9, seed=0)
    assert (
        capsys.readouterr().err == "toy_trained, toys, 0-0-2-1, seed 0: epoch 5 of 9, 12 s left\n"
    )
    made(tmp_path, slow).query(ARCH, dataset="toys", epochs=3, seed=0)
    assert capsys.readouterr() == ("", "")


# -- several processes, and bad ends
# -----------------------------------------------------------------------------------
#: Where this file is, and what tests share.
TESTS = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
CHILD = """
import os, signal, sys, time
from pathlib import Path
sys.path[:0] = {tests!r}
from test_oracle import ARCH, SPACE, Counting, made
folder = Path(sys.argv[1])

def train(training):
{body}
    return Counting()(training)

{run}
"""
ASK = (
    "print(made(folder, train).query(ARCH, dataset='toys', epochs=3, "
    "seed=0).values['valid_accuracy'])"
)


def child(folder: Path, body: str, run: str = ASK) -> subprocess.Popen[str]:
    text = CHILD.format(tests=TESTS, body=f"    {body}", run=run)
    here = os.pathsep.join(
        [str(Path(nasrepro.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    )
    return subprocess.Popen(
        [sys.executable, "-c", text, str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": here},
    )  # fmt: skip


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Children that end with the test."""
    found: list[subprocess.Popen[str]] = []
    yield found
    for process in found:
        process.kill()
        process.communicate()


def test_two_processes_that_want_the_same_train_it_once(
    tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    body = "(folder / f'trained-{os.getpid()}').touch(); time.sleep(1.5)"
    started += [child(tmp_path, body) for _ in range(2)]
    both = [process.communicate() for process in started]
    said = [out for out, _ in both]
    assert said[0] == said[1] == f"{values(ARCH, 3)['valid_accuracy']}\n", both
    assert len(list(tmp_path.glob("trained-*"))) == 1


def test_a_killed_process_leaves_the_table_whole_and_its_lock_free(
    tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    run = f"made(folder, train).query(SPACE.at(1), dataset='toys', epochs=1, seed=0); {ASK}"
    process = child(
        tmp_path,
        "(folder / 'second').touch() if training.arch == ARCH else None; time.sleep(60 * "
        "(training.arch == ARCH))",
        run,
    )
    started.append(process)
    while not (tmp_path / "second").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    oracle = made(tmp_path)
    assert oracle.answers == 1
    assert (
        oracle.query(ARCH, dataset="toys", epochs=3, seed=0).values["valid_accuracy"]
        == values(ARCH, 3)["valid_accuracy"]
    )
    assert oracle.answers == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind there")
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",
            "NasreproError: the table of trainings",
        ),  # as a full disk refuses
        ("resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31)); bytearray(2**33)", "MemoryError"),
    ],
    ids=["full disk", "out of memory"],
)
def test_a_full_disk_or_memory_leaves_the_table_readable(
    tmp_path: Path, started: list[subprocess.Popen[str]], body: str, says: str
) -> None:
    oracle = made(tmp_path)
    first = oracle.query(SPACE.at(1), dataset="toys", epochs=1, seed=0)
    process = child(tmp_path, f"import resource; {body}")
    started.append(process)
    _, error = process.communicate()
    assert process.returncode == 1 and says in error.splitlines()[-1], error
    if "disk" in error:
        assert "What is in it stays; free some space" in error
    train = Counting()
    again = made(tmp_path, train)
    assert (
        again.answers == 1
        and again.query(SPACE.at(1), dataset="toys", epochs=1, seed=0) == first
        and not train.made
    )
    assert again.query(ARCH, dataset="toys", epochs=3, seed=0).values


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    oracle = made(tmp_path)
    oracle.folder.mkdir(parents=True)
    (oracle.folder / "answers.sqlite").write_bytes(b"no table " * 200)
    with pytest.raises(
        DataCorrupt,
        match=r"answers.sqlite is damaged .*delete it, and its answers are trained anew",
    ):
        oracle.query(ARCH, dataset="toys", epochs=1, seed=0)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NasreproError, match="set NASREPRO_DATA to another folder"):
        made(tmp_path / "file").query(ARCH, dataset="toys", epochs=1, seed=0)


def test_the_table_grows_in_the_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))
    oracle = TrainedOracle(TRAINS, Counting(), epochs=(1,), seeds=(0,), determined_by={})
    assert oracle.folder.parent == tmp_path / "trained"


@pytest.mark.parametrize("column", ["measured", "tested", "origin"])
def test_an_answer_that_was_changed_is_named_and_not_believed(tmp_path: Path, column: str) -> None:
    oracle = made(tmp_path)
    oracle.query(ARCH, dataset="toys", epochs=1, seed=0)
    with sqlite3.connect(oracle.folder / "answers.sqlite") as db:
        db.execute(f"UPDATE answers SET {column} = '{{\"test_accuracy\": 0.999}}'")
    with pytest.raises(
        DataCorrupt, match=r"toys, 1 epochs, seed 0 is not as it was written; delete the file"
    ):
        made(tmp_path).query(ARCH, dataset="toys", epochs=1, seed=0)


def test_answers_of_another_setting_are_refused(tmp_path: Path) -> None:
    oracle = made(tmp_path)
    oracle.query(ARCH, dataset="toys", epochs=1, seed=0)
    with sqlite3.connect(oracle.folder / "answers.sqlite") as db:
        db.execute("UPDATE setting SET determined_by = 'another'")
    with pytest.raises(DataCorrupt, match="answers of another setting; delete it"):
        made(tmp_path).query(ARCH, dataset="toys", epochs=1, seed=0)


def test_what_was_tested_is_not_read_while_a_search_runs(tmp_path: Path) -> None:
    oracle = made(tmp_path)
    read = oracle.reader("toys", 1, 0, ("train", "valid", "none"))
    with searching():
        assert "test_accuracy" not in read(ARCH)
        held = [*oracle._known.values(), *oracle._seen.values()]
        assert held and not any("test_accuracy" in answer for answer in held)
    whole = oracle.query(ARCH, dataset="toys", epochs=1, seed=0).values
    assert whole["test_accuracy"] == values(ARCH, 1)["test_accuracy"]


def test_the_hash_of_an_oracle_covers_the_networks_of_its_space(tmp_path: Path) -> None:
    from nasrepro.oracles import shrinkcnn
    from nasrepro.oracles.spaces.nodedag import NodeDag

    def hashed(space: NodeDag) -> str:
        info = replace(shrinkcnn.INFO, space=space)
        return made(tmp_path, info=info).table_sha256

    changes: list[dict[str, Any]] = [
        {"filters": 20},
        {"stem": 64},
        {"stem_stride": 2},
        {"repeats": (1, 2, 1)},
        {"scales": (1, 2, 1)},
        {"pools": (1, 1, 2)},
        {"width": 2.0},
        {"head": 8},
        {"residual": False},
        {"in_channels": 1},
    ]
    spaces = [NodeDag(**change) for change in [{}, *changes]]
    assert len({hashed(space) for space in spaces}) == len(spaces)
    assert set().union(*changes) == set(NodeDag.settings) - {"nodes", "ops"}
    assert (
        made(tmp_path, determined_by={"data": "one"}).table_sha256
        != made(tmp_path, determined_by={"data": "other"}).table_sha256
    )
