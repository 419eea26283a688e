"""ZiCo as a search: what it scores, what it books, and its two strategies.

The strategies run on the toy and on the table that ships.
"""

import numpy as np
import pytest
from toys import SPACE, Toy

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.oracle import searching
from nasrepro.suite.registry import load_oracle, methods, scorers
from nasrepro.suite.scoring import ScoreTable, ScoringSetting, StoredScorer, inputs_of, scored
from nasrepro.suite.search import Budget, Session

ZICO = methods.get("zico")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """An empty folder in place of the tables of scores that ship."""
    monkeypatch.setattr("nasrepro.suite.scoring.table.shipped_folder", lambda: tmp_path / "scores")
    return tmp_path / "scores"


def searched(oracle, seed=0, **given):
    dataset = oracle.info.datasets[0].name
    session = Session(
        oracle, dataset=dataset, epochs=oracle.epochs(dataset)[-1], budget=Budget(queries=5)
    )
    with searching():
        chosen = ZICO.search(session, np.random.default_rng(seed), **ZICO.params(given))
    return chosen, session


def stored(oracle, values, setting):
    """Ship made-up ZiCo scores of the toy: the user's cache is the folder of what ships."""
    inputs = inputs_of(oracle.space, oracle.info.datasets[0], setting)
    rows = {SPACE.index(arch): (value, 2.0) for arch, value in values.items()}
    ScoreTable(inputs, {"zico": rows}, {"zico": scorers.get("zico").source_sha256}).save()


def test_the_highest_score_is_the_one_evaluation(shipped):
    oracle = Toy()
    values = {arch: float(index) for index, arch in enumerate(SPACE)}
    stored(oracle, values, ScoringSetting())
    for strategy in ("rank", "evolve"):
        chosen, session = searched(oracle, strategy=strategy, candidates=0, steps=600)
        assert chosen == list(SPACE)[-1] and [done.arch for done in session.ledger.evaluations] == [
            chosen
        ]
        (event,) = session.ledger.events
        assert event["event"] == "zero_shot" and event["score"] == 80 and event["stored"] == 81


def test_stored_scores_are_booked_by_what_they_took_and_confine_a_ranking(shipped):
    oracle = Toy()
    half = {arch: -float(index) for index, arch in enumerate(SPACE) if index % 2}
    stored(oracle, half, ScoringSetting())
    chosen, session = searched(oracle, candidates=0)
    assert chosen == SPACE.at(1) and session.ledger.overhead_s == {"proxy": pytest.approx(2.0 * 40)}
    chosen, session = searched(oracle, candidates=7)
    assert chosen in half and session.ledger.overhead_s == {"proxy": pytest.approx(14.0)}
    _, session = searched(
        oracle, candidates=0, stored=False, batch=2
    )  # another setting: nothing is stored
    (event,) = session.ledger.events
    assert event["stored"] == 0 and event["scored"] == 81 and session.ledger.overhead_s["proxy"] > 0


def test_limits_are_kept(shipped):
    oracle = Toy()
    stored(oracle, {arch: float(sum(arch.code)) for arch in SPACE}, ScoringSetting())
    for strategy in ("rank", "evolve"):
        chosen, session = searched(
            oracle, strategy=strategy, candidates=0, max_params=50, steps=500
        )
        assert session.complexity(chosen).params == 50 and sum(chosen.code) == 4
    with pytest.raises(NasreproError, match="at most 1 parameters"):
        searched(oracle, candidates=0, max_params=1)
    with pytest.raises(NasreproError, match="strategy 'guess'"):
        searched(oracle, strategy="guess")


def test_the_population_keeps_the_best(shipped):
    """With one member the walk climbs.

    Each step keeps the better of the member and its mutation.
    """
    oracle = Toy()
    stored(oracle, {arch: float(sum(arch.code)) for arch in SPACE}, ScoringSetting())
    chosen, _ = searched(oracle, strategy="evolve", steps=400, population=1)
    assert chosen.code == (2, 2, 2, 2)


def test_scores_by_another_source_are_not_read(shipped):
    oracle = Toy()
    dataset, zico = oracle.info.datasets[0], scorers.get("zico")
    ScoreTable(
        inputs_of(SPACE, dataset, ScoringSetting()), {"zico": {0: (1.0, 1.0)}}, {"zico": "another"}
    ).save()
    assert StoredScorer.of(SPACE, dataset, oracle.batches, zico, ScoringSetting()).stored == {}


# -- tables of scores that ship --------------------------------------------------------------------
def check_shipped(oracle, setting, tried):
    """The table is by the scorers' present sources.

    `tried` cells of each, scored again, give the same.

    Within the 2 % that a float32 score moves with the machine and its threads.
    """
    dataset = oracle.info.datasets[0]
    table = ScoreTable.load(inputs_of(oracle.space, dataset, setting))
    for scorer, rows in table.rows.items():
        judge = StoredScorer.of(
            oracle.space,
            dataset,
            lambda **given: oracle.batches(dataset.name, **given),
            scorers.get(scorer),
            setting,
        )
        how = (
            f"{scorer} has changed: nasrepro score {oracle.name} --scorer {scorer} takes its "
            "scores over or makes them anew"
        )
        assert judge.stored.keys() == rows.keys(), how
        fresh = StoredScorer(judge.space, judge.scorer, judge.inputs, judge.draw)
        for index in list(rows)[:: max(1, len(rows) // max(1, tried))][:tried]:
            again, kept = fresh.score(judge.space.at(index)), rows[index][0]
            assert again == pytest.approx(
                kept if np.isfinite(kept) else -np.inf, rel=0.02, abs=1e-3
            ), (scorer, index)
    return table


def test_scores_of_digits201_are_there_for_every_cell():
    table = check_shipped(load_oracle("digits201"), ScoringSetting(), 3)
    assert len(table.rows["zico"]) == 5044


def test_scores_of_nasbench201_are_there_for_a_thousand_cells_and_more(nasbench201):
    """The sample is scored in a small network by all scorers, on at least its first 2,000.

    In the benchmark's own network the cheaper scorers score it.
    """
    table = check_shipped(
        nasbench201, ScoringSetting(batch=32, network={"channels": 8, "cells": 1}), 1
    )
    networks = {entry.name for entry in scorers.all() if entry.needs_network}
    assert {"zico", "grad_norm", "snip", "synflow", "fisher", "jacob_cov"} <= set(table.rows)
    assert set(table.rows) <= networks
    assert all(len(scored(nasbench201, table, scorer)[0]) >= 2000 for scorer in table.rows)
    assert len(check_shipped(nasbench201, ScoringSetting(), 0).rows["zico"]) >= 63
