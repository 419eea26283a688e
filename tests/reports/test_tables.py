"""Tables by hand from synthetic records, and every rendering of them."""

import csv
import io
import json
import math
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from ranked import rank_key
from rich.console import Console
from typer.testing import CliRunner

from nasrepro.__main__ import app
from nasrepro.reports import render, summary, tables, terminal
from nasrepro.reports.board import board
from nasrepro.reports.document import (
    BEST,
    CLOSE,
    DASH,
    FLOATING,
    OWN,
    PAD,
    RECALLED,
    Column,
    TableCell,
    TableDoc,
    aligned,
    interval_decimals,
    plain_decimals,
    slug,
)
from nasrepro.reports.groups import groups_of
from nasrepro.reports.latex import FITS, escape
from nasrepro.reports.runs import write_runs
from nasrepro.reports.tables.claims import claims_tables
from nasrepro.reports.tables.studies import BOUNDS
from nasrepro.suite.claims import Claim, Verdict
from nasrepro.suite.claims.fragility import Fragility
from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.experiments.identity import ENGINE
from nasrepro.suite.experiments.kinds.ranking import RankRecord
from nasrepro.suite.experiments.kinds.search import Protocol, Report, RunKey, RunRecord
from nasrepro.suite.experiments.kinds.study import StudyKey, StudyRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import Metric
from nasrepro.suite.registry import OracleEntry, load_oracle, methods, oracles, scorers
from nasrepro.suite.search import Budget
from nasrepro.suite.statistics import mean_interval

TABLE = "f" * 64


def build(store, **options):
    """The tables of a store."""
    return tables.build(summary.Results(store, **options))


STRANGE = "α-DÄRTS_50%|&{x}\\ <b>*[2]* # ~$^"  # every character that some format reads as its own


def run(
    method="random_search",
    seed=0,
    test=0.9,
    valid=None,
    *,
    status="budget",
    params=None,
    oracle="nasbench201",
    dataset="cifar10",
    reported=("cifar10",),
    budget=None,
    best=0.95,
    error="",
    sha256=None,
    epochs=12,
):
    """A synthetic run that found `test` (target) and `valid` (objective).

    It found them on every reported data set.
    """
    known = method.isidentifier() and method in methods.names()
    if params is None:
        params = dict(methods.get(method).defaults) if known else {}
    if sha256 is None:
        sha256 = methods.get(method).source_sha256 if known else "0" * 64
    key = RunKey(
        method,
        sha256,
        params,
        oracle,
        TABLE,
        dataset,
        Protocol(epochs, 200, tuple(reported)),
        budget or Budget(12000.0),
        seed,
    )
    if status == "failed":
        return RunRecord(key, "failed", error=error)
    metrics = {
        "valid_accuracy": test - 0.02 if valid is None else valid,
        "test_accuracy": test,
        "params": 2e6,
        "macs": 300e6,
    }
    reports = {name: Report(metrics, best - test) for name in reported}
    return RunRecord(
        key, status, "cell", reports, 100 + seed, 90, 7200.0, overhead_s={"total": 0.5}
    )


def ranking(
    scorer="params",
    dataset="cifar10",
    kendall=0.5,
    *,
    failed=False,
    oracle="nasbench201",
    epochs=200,
    sha256="s" * 64,
    setting=None,
    sample=0,
    inputs="",
    table=TABLE,
    **agreement,
):
    key = rank_key(
        scorer,
        scorer_sha256=sha256,
        oracle=oracle,
        table_sha256=table,
        dataset=dataset,
        epochs=epochs,
        setting=setting or {},
        sample=sample,
    )
    if failed:
        return RankRecord(
            key,
            "failed",
            error=(
                "Traceback\n  File '/home/me/x.py'\nZeroDivisionError: division by zero in /home/me"
            ),
        )
    figures = {
        "n": 15625,
        "non_finite": 0,
        "kendall": kendall,
        "spearman": 0.7,
        "top_kendall": -0.1,
        "precision_1": 0.05,
        "precision_10": 0.4,
    }
    intervals = {
        f"{name}_ci": [value - 0.01, value + 0.01]
        for name, value in figures.items()
        if name in ("kendall", "spearman", "top_kendall")
    }
    return RankRecord(
        key,
        "done",
        {**figures, **intervals, "top_n": 1563, "status": "ok", **agreement},
        "|cell|",
        0.9376,
        inputs=inputs,
    )


@pytest.fixture
def store(tmp_path):
    """Makes a store from records."""
    made = []

    def make(*records, name="store.sqlite"):
        found = Store(tmp_path / name)
        for record in records:
            found.add(record)
        made.append(found)
        return found

    yield make
    for each in made:
        each.close()


def cells(doc, column):
    """The cells of a column, by row."""
    place = [each.name for each in doc.columns].index(column)
    return [row[place] for row in doc.rows]


def texts(doc, column):
    return [cell.text.replace(PAD, " ").removeprefix(f"{OWN} ") for cell in cells(doc, column)]


def has(doc, column):
    return any(each.name == column and each.header for each in doc.columns)


def main_tables(docs):
    return [doc for doc in docs if doc.id.startswith("main")]


@pytest.fixture
def docs(store):
    """Two methods with a clear order, a failed run, a strange name, rankings."""
    rng = np.random.default_rng(0)
    records = [
        run(
            "regularized_evolution",
            seed,
            0.93 + 0.002 * rng.standard_normal(),
            reported=("cifar10", "cifar100"),
        )
        for seed in range(12)
    ]
    records += [
        run(
            "random_search",
            seed,
            0.92 + 0.002 * rng.standard_normal(),
            reported=("cifar10", "cifar100"),
        )
        for seed in range(12)
    ]
    records += [
        run(STRANGE, seed, 0.9295 + 0.002 * rng.standard_normal(), reported=("cifar10", "cifar100"))
        for seed in range(12)
    ]
    records += [
        run(
            "random_search",
            12,
            status="failed",
            error="Traceback\nValueError: /home/me/secret",
            reported=("cifar10", "cifar100"),
        )
    ]
    return build(
        store(*records, ranking(), ranking("macs", kendall=0.6), ranking("macs", "cifar100"))
    )


# -- numbers by hand -------------------------------------------------------------------------------
def test_methods_that_decide_by_floating_point_training_are_marked(store):
    of_one = [run(method=name, test=0.9) for name in ("random_search", "epnas")]
    for doc in build(store(*of_one)):
        marks = {cell.values[0]: cell.mark for cell in cells(doc, "method")}
        assert marks == {"random_search": "", "epnas": FLOATING}
        assert sum(note.startswith(FLOATING) for note in doc.footnotes) == 1
    for doc in build(store(of_one[0], name="other.sqlite")):
        assert not any(note.startswith(FLOATING) for note in doc.footnotes)


@pytest.mark.parametrize(("budget", "told"), [(Budget(queries=9), 1), (Budget(seconds=9), 0)])
def test_main_tables_say_where_multi_fidelity_methods_cannot_gain(store, budget, told):
    records = [run(method=name, test=0.9, budget=budget) for name in ("random_search", "asha")]
    doc = main_tables(build(store(*records)))[0]
    notes = [note for note in doc.footnotes if "plan multi_fidelity" in note]
    assert len(notes) == told and all(note.startswith("ASHA: ") for note in notes)


def test_multi_fidelity_methods_beside_random_search_by_hand(store):
    # random search holds .93, Hyperband .90 after 1 % of the budget and .94 after 5 %
    held = {
        "random_search": [[1, 120.0, 0.9, 0.93]],
        "hyperband": [[1, 120.0, 0.8, 0.90], [9, 600.0, 0.9, 0.94]],
    }
    runs = [
        replace(
            run(name, seed, test=rows[-1][3] + wave, epochs=200),
            incumbents=[[*row[:3], row[3] + wave] for row in rows],
        )
        for name, rows in held.items()
        for seed, wave in enumerate(0.001 * np.random.default_rng(len(name)).random(9))
    ]
    short = [
        replace(each, key=replace(each.key, protocol=Protocol(12, 200, ("cifar10",))))
        for each in runs
    ]
    study = StudyRecord(
        StudyKey(
            "fidelity.rank", "0" * 64, {"oracle": "nasbench201", "dataset": "cifar10"},
            {"nasbench201": TABLE}, 0,
        ),
        "done",
        ("epochs",),
        tuple(
            {"epochs": epochs, "kendall": value, "top_kendall": value / 2}
            for epochs, value in ((12, 0.6), (200, 1.0))
        ),
    )  # fmt: skip
    (doc,) = (doc for doc in build(store(*runs, *short, study)) if doc.id == "multi-fidelity")
    assert [cell.values for cell in cells(doc, "method")] == [("hyperband", "Hyperband")]
    assert texts(doc, "behind") == ["1 to 4.5"]
    (early,), (end,) = (cells(doc, name)[0].values for name in ("early", "end"))
    assert early == pytest.approx(-1.0, abs=0.1) and end == pytest.approx(-1.0, abs=0.1)
    assert texts(doc, "verdict") == ["better"] and "Better: 1 of 1 rows." in doc.caption
    assert texts(doc, "kendall") == ["0.60"] and texts(doc, "top_kendall") == ["0.30"]
    assert doc.footnotes == (
        "nasbench201, cifar10: Kendall's τ-b between trainings of 12 epochs and those of 200 is "
        "0.60; among the best tenth 0.30.",
    )

    worse = [
        replace(
            each,
            reports={
                "cifar10": Report({**each.reports["cifar10"].metrics, "test_accuracy": 0.5}, 0.45)
            },
        )
        if each.key.method == "hyperband"
        else each
        for each in runs
    ]
    (doc,) = (doc for doc in build(store(*worse, name="w.sqlite")) if doc.id == "multi-fidelity")
    assert texts(doc, "verdict") == ["worse"]
    told = (
        "Worse at the end: Hyperband on nasbench201. No significant difference: none. "
        "Better: 0 of 1 rows."
    )
    assert doc.caption.endswith(told)
    assert "was not measured" in doc.footnotes[0]


def test_overhead_is_of_all_runs_of_a_method_and_names_where_it_was_most(store):
    dear = [
        replace(run("hyperband", seed, test=0.9), overhead_s={"total": spent})
        for seed, spent in enumerate([1.0, 62.0])
    ]
    docs = build(store(run(test=0.9), *dear))
    (doc,) = (doc for doc in docs if doc.id == "overhead")
    rows = [[cell.values[0] for cell in row] for row in doc.rows]
    where = "nasbench201, cifar10 (12,000 simulated s)"
    assert rows == [["hyperband", 2, 31.5, 62.0, where], ["random_search", 1, 0.5, 0.5, where]]
    assert "Above a minute: Hyperband." in doc.caption


def test_main_table_by_hand(store):
    values = [0.90, 0.91, 0.92, 0.93, 0.94]
    doc, density, cost = build(
        store(*(run(seed=seed, test=value, valid=value - 0.1) for seed, value in enumerate(values)))
    )
    interval = mean_interval(values, seed=0)
    row = dict(
        zip(
            [name for column in doc.columns for name in column.data],
            [value for cell in doc.rows[0] for value in cell.values],
            strict=True,
        )
    )
    expected = {
        "oracle": "nasbench201",
        "searched_on": "cifar10",
        "reported_on": "cifar10",
        "search_epochs": 12,
        "report_epochs": 200,
        "budget_s": 12000.0,
        "budget_queries": None,
        "method": "random_search",
        "seeds": 5,
        "failed_runs": 0,
        "test_accuracy_mean": pytest.approx(0.92),
        "test_accuracy_std": pytest.approx(0.01 * math.sqrt(2.5)),
        "test_accuracy_low": pytest.approx(interval.low),
        "test_accuracy_high": pytest.approx(interval.high),
        "valid_accuracy_mean": pytest.approx(0.82),
        "regret_mean": pytest.approx(0.03),
        "queries": 102.0,
        "unique_queries": 90.0,
        "simulated_training_hours": 2.0,
        "overhead_cpu_s": 0.5,
        "density_percent_per_million_params": pytest.approx(46.0),
        "density_percent_per_million_macs": pytest.approx(92 / 300),
        "test_accuracy_published": 0.937,
        "test_accuracy_published_spread": 0.0036,
        "test_accuracy_published_source": "recalled",
    }
    assert {name: row[name] for name in expected} == expected
    low, high = 100 * interval.low, 100 * interval.high
    assert texts(doc, "test_accuracy") == [
        "92.0 ± 1.6"
    ]  # a half-width of 2 points supports one decimal
    assert texts(doc, "test_accuracy_interval") == [f"[{low:.1f}, {high:.1f}]"]
    assert texts(doc, "regret") == ["3.0"]
    assert texts(doc, "test_accuracy_published") == ["93.70 ± 0.36"]
    assert cells(doc, "test_accuracy_published")[0].mark == RECALLED
    assert any(note.startswith(RECALLED) and "not read" in note for note in doc.footnotes)
    assert "searched and reported on cifar10" in doc.caption
    assert (
        "5 search seeds" in doc.caption
        and "12,000 simulated s" in doc.caption
        and "test_accuracy: test split" in doc.caption
    )
    assert density.id == "density-nasbench201-cifar10-12ep-12000-s-on-cifar10"
    assert [texts(density, name) for name in ("params", "macs")] == [["2"], ["300"]]
    found = [cells(density, f"density_{unit}")[0].values[0] for unit in ("params", "macs")]
    assert found == pytest.approx([46, 92 / 300])
    interval = mean_interval(np.array(values) * 100 / 2, seed=0)
    assert cells(density, "density_params_interval")[0].values == pytest.approx(
        (interval.low, interval.high)
    )
    assert "Both definitions are ours" in density.legend
    assert cost.id == "cost-nasbench201"
    assert [texts(cost, name) for name in ("training_hours", "overhead", "queries")] == [
        ["2"],
        ["0.50"],
        ["102"],
    ]


def test_one_table_per_setting_and_reported_data_set(store):
    reported = ("cifar10", "cifar100")
    records = [run(seed=seed, reported=reported) for seed in range(2)] + [
        run(seed=0, budget=Budget(None, 150)),
        run(seed=0, epochs=200),
    ]
    docs = main_tables(build(store(*records)))
    assert [doc.id for doc in docs] == [
        "main-nasbench201-cifar10-12ep-150-queries-on-cifar10",
        "main-nasbench201-cifar10-12ep-12000-s-on-cifar10",
        "main-nasbench201-cifar10-12ep-12000-s-on-cifar100",
        "main-nasbench201-cifar10-200ep-12000-s-on-cifar10",
    ]
    assert "searched on cifar10, reported on cifar100" in docs[2].caption
    assert "150 queries" in docs[0].caption
    assert not has(docs[0], "test_accuracy_published")  # published for 12,000 s


def test_parameters_that_differ_from_the_defaults_are_in_the_label(store):
    other = {**methods.get("regularized_evolution").defaults, "population": 50}
    records = [
        run("regularized_evolution", seed, params=params)
        for seed in range(2)
        for params in (None, other)
    ]
    doc = main_tables(build(store(*records)))[0]
    assert sorted(texts(doc, "method")) == [
        "Regularized evolution",
        "Regularized evolution (population=50)",
    ]
    assert dict(zip(texts(doc, "method"), texts(doc, "test_accuracy_published"), strict=True)) == {
        "Regularized evolution": "93.92 ± 0.30",
        "Regularized evolution (population=50)": DASH,  # published for the defaults
    }


def test_a_plan_s_label_stands_for_the_parameters(store):
    other = {**methods.get("arch2vec").defaults, "strategy": "reinforce"}
    opened = store(run("arch2vec"), run("arch2vec", params=other), run("gram"))
    arm = "arch2vec", json.dumps(other, sort_keys=True)
    opened.name_arms({arm: "arch2vec-RL"})
    doc = main_tables(build(opened))[0]
    assert sorted(texts(doc, "method")) == ["GRAM", "arch2vec", "arch2vec-RL"]
    assert "Arms by their labels: arch2vec-RL: arch2vec, strategy=reinforce." in doc.footnotes
    place = [column.name for column in doc.columns].index("method")
    names = {row[place].text: row[place].values[0] for row in doc.rows}
    assert names["GRAM"] == "gram" and names["arch2vec-RL"] == "arch2vec"
    opened.name_arms({arm: "GRAM"})  # the name of another row: told apart by its parameters
    assert "arch2vec (strategy=reinforce)" in texts(main_tables(build(opened))[0], "method")


def test_two_versions_of_a_method_are_told_apart(store):
    doc = main_tables(build(store(run(seed=0), run(seed=0, sha256="1234567890"))))[0]
    assert sorted(texts(doc, "method")) == [
        f"Random search [source {sha}]"
        for sha in sorted(("12345678", methods.get("random_search").source_sha256[:8]))
    ]
    assert doc.notes == (
        "random_search: its source has changed since these runs, so its deviations may have "
        "changed, too.",
    )


def test_parameters_of_a_method_that_is_not_installed(store):
    records = [run("mine", 0, params={"a": 1, "b": value}) for value in (2, 3)]
    doc = main_tables(build(store(*records)))[0]
    assert sorted(texts(doc, "method")) == ["mine (b=2)", "mine (b=3)"]
    assert "mine: not installed here, so its deviations are unknown." in doc.all_notes
    assert texts(main_tables(build(store(records[0], name="one")))[0], "method") == ["mine"]


def test_deviations_notes_and_citations(docs):
    doc = main_tables(docs)[1]
    for deviation in methods.get("regularized_evolution").deviations:
        assert any(deviation in note for note in doc.all_notes)
    assert any("halves of the official test set" in note for note in doc.all_notes)  # of cifar100
    assert not any("ImageNet16-120:" in note for note in doc.all_notes)
    assert doc.citations == (oracles.get("nasbench201").info.citation,)


def test_best_first_and_marks(docs):
    doc = main_tables(docs)[0]
    assert texts(doc, "method") == ["Regularized evolution", STRANGE, "Random search"]
    assert [cell.mark for cell in cells(doc, "test_accuracy")] == [BEST, "", ""]


@pytest.mark.parametrize(
    ("seeds", "gap", "mark"),
    [(12, 0.0005, CLOSE), (12, 0.002, ""), (12, 0.01, ""), (4, 0.0005, "")],
)
def test_close_is_shown_and_not_the_lack_of_a_difference(store, seeds, gap, mark):
    """The margin is 0.2 points; the differences of pairs spread by 0.05."""
    rng = np.random.default_rng(0)
    records = []
    for seed in range(seeds):
        test = 0.93 + 0.01 * rng.standard_normal()
        records.append(run("best", seed, test))
        records.append(run("other", seed, test - gap + 0.0005 * rng.standard_normal()))
    doc = main_tables(build(store(*records)))[0]
    assert [cell.mark for cell in cells(doc, "test_accuracy")] == [BEST, mark]
    too_few = "Too few seeds to test (fewer than 5 shared with the best, so no ≈): ▸ other."
    assert (too_few in doc.footnotes) == (seeds < 5)
    assert ("0.2 points" in doc.legend) == bool(mark)


def test_no_spread_is_said(store):
    records = [run("mine", seed, 0.9) for seed in range(6)]
    records += [run("yours", seed, 0.91 + seed / 1000) for seed in range(6)]
    doc = main_tables(build(store(*records)))[0]
    assert texts(doc, "test_accuracy_interval")[1] == DASH
    assert any("No spread" in note and "▸ mine (6)" in note for note in doc.footnotes)


def test_methods_that_chose_the_same_are_one_search(store):
    records = [
        replace(run(name, seed, 0.9 + seed / 1000), chosen=f"cell {seed + (name == 'gram')}")
        for seed in range(6)
        for name in ("hyperband", "gram", "successive_halving")
    ]
    doc = main_tables(build(store(*records)))[0]
    told = [note for note in doc.footnotes if "one search" in note]
    assert told == [
        "Hyperband, Successive halving chose the same architecture at every seed that they share: "
        "here they are one search."
    ]


def test_runs_reported_on_fewer_data_sets_have_a_heading_of_their_own(store):
    several = [run(seed=seed, reported=("cifar10", "cifar100")) for seed in range(2)]
    docs = main_tables(build(store(*several, *(run("gram", seed) for seed in range(2)))))
    assert [doc.title.partition(": ")[2] for doc in docs] == [
        "searched and reported on cifar10 (12,000 simulated s)",
        "searched on cifar10, reported on cifar100 (12,000 simulated s)",
        "searched and reported on cifar10 (12,000 simulated s; runs reported on cifar10 alone)",
    ]


def test_equal_means_are_both_best(store):
    doc = main_tables(
        build(store(*(run(name, seed) for name in ("mine", "yours") for seed in range(8))))
    )[0]
    assert [cell.mark for cell in cells(doc, "test_accuracy")] == [BEST, BEST]


def test_one_seed_has_no_interval(store):
    doc = main_tables(build(store(run(test=0.9))))[0]
    assert texts(doc, "test_accuracy") == [f"90.00 ± {DASH}"]
    assert texts(doc, "test_accuracy_interval") == [DASH]
    assert cells(doc, "test_accuracy_interval")[0].values == (None, None)


def test_failed_runs_are_shown(store):
    records = [run(seed=seed) for seed in range(3)] + [
        run("broken", 7, status="failed", error="Traceback\nOSError: /home/me/x")
    ]
    doc, _, cost = build(store(*records))
    assert texts(doc, "method") == ["Random search", "broken"]
    for table in (doc, cost):
        assert sorted(texts(table, "failed")) == ["0", "1"]
        assert (
            "▸ broken: 1 of 1 runs failed and are in no mean (seed 7: OSError)." in table.footnotes
        )
    assert texts(doc, "test_accuracy")[1] == DASH
    assert texts(doc, "training_hours") == ["2", DASH]


def test_missing_values_are_counted(store):
    good, bad = run(seed=0), run(seed=1)
    bad = replace(bad, reports={"cifar10": Report({"valid_accuracy": 0.8})})
    doc = main_tables(build(store(good, bad)))[0]
    assert "Random search: only 1 of 2 finished runs have test_accuracy." in doc.footnotes
    assert cells(doc, "test_accuracy")[0].values == (0.9, None)
    assert texts(doc, "regret") == ["5.00"]


def test_an_oracle_with_perplexity_and_no_times(store, monkeypatch):
    metrics = (
        Metric("valid_loss", "1", "valid", False, (0, 1e9)),
        Metric("perplexity", "1", "test", False, (1, 1e9)),
    )
    info = replace(
        oracles.get("nasbench201").info,
        name="words",
        metrics=metrics,
        objective="valid_loss",
        target="perplexity",
        cost="",
        notes=(),
    )
    real = oracles.get
    monkeypatch.setattr(
        oracles,
        "get",
        lambda name: OracleEntry("words", info, lambda: None) if name == "words" else real(name),
    )

    def record(method, seed, perplexity):
        reports = {
            "cifar10": Report({"valid_loss": 4.0, "perplexity": perplexity}, perplexity - 50)
        }
        return replace(run(method, seed, oracle="words", budget=Budget(None, 100)), reports=reports)

    doc, cost, _ = build(
        store(
            *(
                record(name, seed, value + seed)
                for name, value in (("bad", 60), ("good", 55))
                for seed in range(8)
            )
        )
    )
    assert texts(doc, "method") == ["good", "bad"]
    assert [cell.mark for cell in cells(doc, "perplexity")] == [BEST, ""]
    assert texts(doc, "perplexity")[0] == "58.5 ± 2.4"  # not scaled
    assert [column.header for column in doc.columns if column.name == "perplexity"] == [
        "Perplexity"
    ]
    assert texts(doc, "regret") == [" 8.5", "13.5"]
    assert not any("density" in column.name for column in doc.columns)
    assert texts(doc, "training_hours") == [DASH, DASH]
    assert "has no training times" in cost.footnotes[0]


def test_an_oracle_whose_target_is_its_objective(store, monkeypatch):
    info = replace(oracles.get("nasbench201").info, target="valid_accuracy")
    monkeypatch.setattr(oracles, "get", lambda name: OracleEntry(name, info, lambda: None))
    doc = main_tables(build(store(run(seed=0), run(seed=1))))[0]
    assert has(doc, "valid_accuracy") and not any(
        column.name == "test_accuracy" for column in doc.columns
    )


def test_rankings(store):
    nan = math.nan
    constant = {
        "status": "constant",
        "kendall": nan,
        "spearman": nan,
        "top_kendall": nan,
        "kendall_ci": [nan, nan],
        "precision_1": nan,
    }
    records = [
        ranking(),
        ranking("macs", kendall=0.6),
        ranking("flat", **constant),
        ranking("broken", failed=True),
        ranking("macs", "cifar100"),
    ]
    (doc,) = build(store(*records))
    assert texts(doc, "dataset") == ["cifar10"] * 4 + ["cifar100"]
    assert texts(doc, "scorer") == ["macs", "params", "broken", "flat", "macs"]
    assert texts(doc, "kendall") == ["0.600", "0.500", "failed", "constant", "0.500"]
    assert texts(doc, "kendall_interval")[:3] == ["[0.590, 0.610]", "[0.490, 0.510]", DASH]
    assert cells(doc, "kendall")[3].values == (None,)
    assert texts(doc, "top_kendall")[0] == "−0.100"
    assert texts(doc, "n")[:3] == ["all 15,625", "all 15,625", DASH]
    assert texts(doc, "best_value")[0] == "93.76" and texts(doc, "best_arch")[:3] == [
        "|cell|",
        "|cell|",
        DASH,
    ]
    assert doc.footnotes == ("broken on cifar10 failed: ZeroDivisionError.",)
    assert "1,000 resamples" in doc.caption


def test_a_ranking_says_what_it_was_scored_with_and_over_how_many(store):
    small = {"batch": 32, "network": {"cells": 1, "channels": 8}}
    records = [
        ranking(
            "zico",
            kendall=0.6,
            sample=1627,
            n=1627,
            inputs="855 distinct architectures with 2 x 128 random images",
        ),
        ranking(
            "zico",
            kendall=0.5,
            sample=2001,
            n=2001,
            setting=small,
            inputs="1,002 distinct architectures with 2 x 32 random images",
        ),
        ranking(
            "synflow",
            kendall=0.4,
            sample=15625,
            inputs="9,445 distinct architectures with 2 x 128 random images",
        ),
        ranking(kendall=0.3),
        ranking("old", kendall=0.2),
        ranking("old", kendall=0.1, sha256="t" * 64),
    ]
    (doc,) = build(store(*records))
    assert texts(doc, "scorer") == [
        "synflow",
        "params",
        "old [source ssssssss]",
        "old [source tttttttt]",
        "zico",
        "zico",
    ]
    assert texts(doc, "n") == [
        *["all 15,625"] * 4,
        "random 2,001 of 15,625",
        "random 1,627 of 15,625",
    ]
    setting = texts(doc, "setting")
    assert (setting[0], setting[1]) == ("2 × 128, full network", "no network")
    assert setting[4:] == ["2 × 32, cells 1, channels 8", "2 × 128, full network"]
    assert (
        "Scored with 2 × 32, cells 1, channels 8: 1,002 distinct architectures with 2 x 32 "
        "random images."
    ) in doc.footnotes
    alone = build(store(records[0], name="alone"))[0]
    assert texts(alone, "n") == ["random 1,627"]  # of how many is not known here


def test_all_oracles_in_one_table(store):
    records = [
        ranking("macs", kendall=0.6),
        ranking("macs", "digits", kendall=0.2, oracle="digits201", epochs=30),
        ranking("zico", kendall=0.7, sample=1000, n=1000),
        ranking("zico", kendall=0.9, sample=500, n=500),  # the larger sample stands
        ranking("zico", kendall=0.8, sample=400, n=400, setting={"batch": 16}),
        ranking("flat", status="constant", kendall=math.nan),
    ]
    kendall, spearman, *single = build(store(*records))
    assert (kendall.id, spearman.id) == ("rankings-kendall", "rankings-spearman") and len(
        single
    ) == 2
    assert list(zip(texts(kendall, "scorer"), texts(kendall, "setting"), strict=True)) == [
        ("macs", "no network"),
        ("zico", "2 × 16, full network"),
        ("zico", "2 × 128, full network"),
        ("flat", "no network"),
    ]
    assert [text.strip() for text in texts(kendall, "nasbench201_cifar10")] == [
        "0.600",
        "0.800°",
        "0.700°",
        "constant",
    ]
    # the samples are over other cells, so that their larger figures are no better
    assert [cell.mark for cell in cells(kendall, "nasbench201_cifar10")] == [BEST, "", "", ""]
    assert cells(kendall, "nasbench201_cifar10")[2].values[3] == 1000
    assert texts(kendall, "digits201_digits") == ["0.200", *[f"    {DASH}"] * 3]
    assert cells(spearman, "nasbench201_cifar10")[0].values[:3] == pytest.approx((0.7, 0.69, 0.71))


def test_without_a_score_over_all_the_best_is_among_equal_samples(store):
    of_samples = [
        ranking(name, kendall=tau, sample=n, n=n)
        for name, tau, n in (("zico", 0.7, 300), ("snip", 0.6, 300), ("synflow", 0.9, 100))
    ]
    other = ranking("macs", "digits", oracle="digits201", epochs=30)
    kendall = build(store(*of_samples, other))[0]
    marks = dict(zip(texts(kendall, "scorer"), cells(kendall, "nasbench201_cifar10"), strict=True))
    assert {name for name, cell in marks.items() if cell.mark == BEST} == {"zico"}


def test_rankings_over_fewer_architectures_stand_below_those_over_more(store):
    records = [
        ranking("params", kendall=0.5),
        ranking("zico", kendall=0.7, sample=300, n=300),
        ranking("snip", kendall=0.6, sample=1000, n=1000),
    ]
    (doc,) = build(store(*records))
    assert texts(doc, "scorer") == ["params", "snip", "zico"]


def test_of_several_versions_the_table_and_source_that_are_here_stand_in_the_overview(store):
    here, source = load_oracle("digits201").table_sha256, scorers.get("macs").source_sha256
    digits = {"dataset": "digits", "oracle": "digits201", "epochs": 30}
    records = [
        ranking("macs", kendall=0.2),
        ranking("macs", kendall=0.9, sha256=source, **digits),  # of another table
        ranking("macs", kendall=0.8, table=here, n=5044, **digits),  # of another source
        ranking("macs", kendall=0.6, table=here, sha256=source, n=5044, **digits),
        ranking(
            "params", kendall=0.7, table=here, **{**digits, "epochs": 12}
        ),  # not the longest training
    ]
    kendall, *_ = build(store(*records))
    assert texts(kendall, "scorer") == ["macs"]
    assert [text.strip() for text in texts(kendall, "digits201_digits")] == ["0.600"]


# -- which runs ------------------------------------------------------------------------------------
def test_nothing_to_report(store):
    with pytest.raises(
        NasreproError, match=r"nothing to report: .*nasrepro run --plan reproduce --store "
    ):
        build(store())


def test_a_plan_chooses_settings_and_seeds(store, tmp_path):
    plan = tmp_path / "mine.toml"
    plan.write_text(
        "[[experiment]]\n"
        'oracle = "nasbench201"\nmethods = ["random_search"]\ndatasets = ["CIFAR10"]\n'
        "search_epochs = 12\nreport_epochs = 200\n"
        "budgets = [{ seconds = 12000 }]\nseeds = 2\n"
        '[[ranking]]\noracle = "nasbench201"\nscorers = ["params"]\ndatasets = ["cifar10"]\n'
        "epochs = 200\n"
    )
    found = store(
        *(run(seed=seed) for seed in range(4)),
        run("mine", 1),  # run beside the plan's methods
        run(seed=0, budget=Budget(None, 150)),
        ranking(),
        ranking(dataset="cifar100"),
    )
    main, ranks, *_ = build(found, plan=str(plan))
    assert dict(zip(texts(main, "method"), texts(main, "seeds"), strict=True)) == {
        "Random search": "2",
        "mine": "1",
    }
    assert texts(ranks, "dataset") == ["cifar10"]
    plan.write_text(
        plan.read_text()
        .replace("12000", "13000")
        .replace('"cifar10"', '"cifar100"', 1)
        .split("[[ranking]]")[0]
    )
    with pytest.raises(NasreproError, match=r"no runs of plan .*nasrepro run --plan .*mine\.toml"):
        build(found, plan=str(plan))


# -- renderings ------------------------------------------------------------------------------------
def test_two_renderings_are_identical(docs, store, tmp_path):
    first = render.write(docs, tmp_path / "a", render.FORMATS)
    again = render.write(build(Store(tmp_path / "store.sqlite")), tmp_path / "b", render.FORMATS)
    assert [path.name for path in first] == [path.name for path in again]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(
        path.name for path in first
    )
    everything = "".join(path.read_text(encoding="utf-8") for path in first)
    assert str(tmp_path) not in everything and "/home/me" not in everything


def test_unknown_format(docs, tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'html'"):
        render.write(docs, tmp_path, ["htm"])


def test_csv_holds_raw_numbers(docs, tmp_path):
    (path, *_) = render.write(main_tables(docs), tmp_path, ["csv"])
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert [row["method"] for row in rows] == ["regularized_evolution", STRANGE, "random_search"]
    doc = main_tables(docs)[0]
    assert [float(row["test_accuracy_mean"]) for row in rows] == [
        cell.values[0] for cell in cells(doc, "test_accuracy")
    ]
    assert (
        rows[0]["simulated_training_hours"] == "2.0"
        and rows[0]["budget_queries"] == ""
        and rows[2]["failed_runs"] == "1"
    )
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in rows[0])


def test_json(docs):
    found = json.loads(render.to_json(docs))
    assert [each["id"] for each in found] == [doc.id for doc in docs]
    row = found[0]["rows"][0]
    assert row["marks"]["test_accuracy"] == BEST
    assert row["test_accuracy_mean"] == cells(docs[0], "test_accuracy")[0].values[0]
    assert row["budget_queries"] is None


def test_markdown(docs, tmp_path):
    path, _ = render.write(docs, tmp_path, ["md"])
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    bars = [re.sub(r"\\.", "", line).count("|") for line in lines]
    assert set(bars[: 2 + len(docs[0].rows)]) == {
        1 + sum(bool(column.header) for column in docs[0].columns)
    }
    assert re.search(r"\*\*9\d\.\d+ ± \d\.\d+\*\*", text)
    assert r"α-DÄRTS_50%\|&{x}\\ \<b\>\*[2]\* # \~$^" in text
    assert "```bibtex\n@inproceedings{dong2020nasbench201" in text


def test_markdown_says_everything_once(store, tmp_path):
    """Legends, and notes on methods and oracles, are linked to where they stand.

    Details have files of their own.
    """
    records = [
        run(name, seed, 0.9 + seed / 1e3, reported=("cifar10", "cifar100"))
        for name in ("random_search", "gram")
        for seed in range(3)
    ]
    paths = render.write(build(store(*records)), tmp_path, ["md"])
    assert [path.name for path in paths] == ["report.md", "report-searches.md"]
    main, searches = (path.read_text(encoding="utf-8") for path in paths)
    for note in (
        *methods.get("gram").deviations,
        "validation and test: halves of the official test set (x-valid, x-test)",
    ):
        assert (main + searches).count(render._md(note)) == 1
    assert (
        len(re.findall(r"Density: mean over runs of test\\?_accuracy", main)) == 1
        and main.count("[How to read it](#legend-1)") == 1
    )
    for text, other in ((main, searches), (searches, main)):
        for file, anchor in re.findall(r"\]\(([\w.-]*)#([\w-]+)\)", text):
            assert f'<a id="{anchor}"></a>' in (other if file else text)
    assert (
        "Notes: [gram](#notes-gram), [random_search](#notes-random-search), "
        "[nasbench201](#notes-nasbench201)."
    ) in main
    assert (
        "[gram](report.md#notes-gram)" in searches
        and "## nasbench201: accuracy density" in searches
    )


def test_long_tables_are_not_padded(tmp_path):
    columns = (Column("name", "Name", ("name",), "left"), Column("value", "Value", ("value",)))
    sizes = []
    for count in (10, 11):
        rows = tuple(
            (TableCell("x" * (1 + place), ("",)), TableCell("1", (1,))) for place in range(count)
        )
        (path,) = render.write([TableDoc("a", "A", "b", columns, rows)], tmp_path, ["md"])
        sizes.append(
            len({len(line) for line in path.read_text().splitlines() if line.startswith("|")})
        )
    assert sizes[0] == 1 and sizes[1] > 7


class _Page(HTMLParser):
    """Collects tags with their attributes and text; fails on tags that do not nest."""

    def __init__(self):
        super().__init__()
        self.open, self.found, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_html_is_one_page_without_outside_requests(docs, tmp_path):
    (path,) = render.write(docs, tmp_path, ["html"])
    text = path.read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.open == []
    ids = {attributes.get("id") for _, attributes in page.found}
    for tag, attributes in page.found:
        assert tag not in (
            "script",
            "link",
            "img",
            "iframe",
            "b",
        )  # <b> would be the strange name's
        assert "src" not in attributes and "style" not in attributes
        assert attributes.get("href", "#").startswith("#")
        assert {attributes["href"][1:]} <= ids if "href" in attributes else True
    assert not re.search(r"url\(|@import|https?:", text.partition("</style>")[0])
    assert f"{OWN} {STRANGE}" in page.text
    assert [
        attributes["class"]
        for tag, attributes in page.found
        if tag == "tr" and "class" in attributes
    ] == ["own"] * 5  # in five tables
    assert sum(tag == "table" for tag, _ in page.found) == len(docs)
    assert "prefers-color-scheme: dark" in text and 'name="viewport"' in text


def _balanced(text):
    """Braces of LaTeX close in order; comments and escaped braces do not count."""
    depth = 0
    for character in re.sub(r"\\\\|\\[{}]|(?<!\\)%[^\n]*", "", text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    return depth == 0


def test_latex(docs, tmp_path):
    for path, doc in zip(render.write(docs, tmp_path, ["tex"]), docs, strict=True):
        text = path.read_text(encoding="utf-8")
        assert path.name == f"{doc.id}.tex"
        assert _balanced(text)
        body = re.sub(r"(?<!\\)%[^\n]*", "", text)
        assert body.isascii()
        assert (
            body.count(r"\begin{tabular}")
            == body.count(r"\toprule")
            == body.count(r"\end{tabular}")
            > 0
        )
        for tabular in re.findall(r"\\begin{tabular}{(.*?)\\end{tabular}", body, re.DOTALL):
            spec, _, rows = tabular.partition("}")
            counts = {
                len(re.findall(r"(?<!\\)&", row)) + 1
                for row in rows.splitlines()
                if row.endswith(r"\\")
            }
            assert counts == {len(spec)}
    text = (tmp_path / f"{docs[0].id}.tex").read_text(encoding="utf-8")
    assert re.search(r"\\textbf\{9\d\.\d+ \$\\pm\$ \d\.\d+\}", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b & 50 % #1 $x {y}", r"a\_b \& 50 \% \#1 \$x \{y\}"),
        ("\\~^", r"\textbackslash{}\textasciitilde{}\textasciicircum{}"),
        ("[1]*", "{[}1{]}{*}"),
        ("--store - ---", "-{}-store - -{}-{}-"),
        ("αλ ÄéŠ", r"$\alpha$$\lambda$ \"{A}\'{e}\v{S}"),
        ("中²", r"\texttt{U+4E2D}\texttt{U+00B2}"),
        (f"{PAD}1 ± 2 ≈", r"\phantom{0}1 $\pm$ 2 $\approx$"),
    ],
)
def test_latex_escapes(text, expected):
    assert escape(text) == expected


def _has_latex():
    if not shutil.which("pdflatex") or not shutil.which("kpsewhich"):
        return False
    return (
        subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True, check=False).returncode
        == 0
    )


@pytest.mark.skipif(
    not _has_latex(),
    reason=(
        "pdflatex with booktabs is not installed: the LaTeX is only checked for balance and escapes"
    ),
)
@pytest.mark.parametrize("fit", ["", *FITS])
def test_latex_compiles(docs, tmp_path, fit):
    """With booktabs alone; what is asked to fit a column or a page does, and nothing is cut."""
    many = replace(docs[0], id="many", rows=docs[0].rows * 200, row_ids=docs[0].row_ids * 200)
    paths = render.write([*docs, many], tmp_path, ["tex"], fit=fit)
    inputs = "\n".join(f"\\input{{{path.stem}}}\\clearpage" for path in paths)
    columns = (
        "\\documentclass[twocolumn]{article}\n"
        "\\usepackage[textwidth=6.75in,columnsep=.25in,textheight=9in]{geometry}"
    )
    (tmp_path / "all.tex").write_text(
        f"{columns if fit else chr(92) + 'documentclass{article}'}\n\\usepackage{{booktabs}}\n"
        f"\\begin{{document}}\n{inputs}\n\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    wide = [float(each) for each in re.findall(r"Overfull \\hbox \(([\d.]+)pt", done.stdout)]
    tall = re.findall(r"Float too large for page by ([\d.]+)pt", done.stdout)
    assert max(wide, default=0) < (1 if fit else 25) and not tall, (wide, tall)


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_terminal_fits(docs, width):
    out = io.StringIO()
    terminal.terminal(docs, Console(file=out, width=width))
    lines = out.getvalue().splitlines()
    assert "\x1b" not in out.getvalue()  # plain where it is no terminal
    assert max(map(len, lines)) <= width
    if width >= 80:
        assert any(line.startswith("Regularized evolution") and "*" in line for line in lines)
        assert any(line.startswith("Random search") for line in lines)
    if width >= 200:
        assert sum("95 %" in line for line in lines) > 0 and any("Regret" in line for line in lines)


def test_terminal_without_unicode(docs):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    terminal.terminal(docs, Console(file=out, width=100))
    out.flush()
    assert b"Regularized evolution" in raw.getvalue()


def test_any_table_renders(tmp_path):
    """The document type is all that the renderings know.

    A table of another kind needs nothing new.
    """
    columns = (
        Column("claim", "Claim", ("claim",), "left", 0, 0),
        Column("effect", "Effect", ("effect",), terminal=1),
        Column("x", "", ("raw",)),
    )
    rows = (
        (
            TableCell("first", ("first",)),
            TableCell("1.0", (1.0,), BEST),
            TableCell("", (math.nan,)),
        ),
        (TableCell("", ("",)), TableCell(DASH, (None,)), TableCell("", (2,))),
    )
    doc = TableDoc("claims", "Claims", "A caption", columns, rows)
    paths = {
        path.suffix: path.read_text(encoding="utf-8")
        for path in render.write([doc], tmp_path, render.FORMATS)
    }
    assert paths[".csv"] == "claim,effect,raw\nfirst,1.0,\n,,2\n"
    assert "| first | **1.0** |" in paths[".md"]
    assert r"\textbf{1.0}" in paths[".tex"]
    terminal.terminal([doc], Console(file=io.StringIO()))


# -- small parts -----------------------------------------------------------------------------------
def test_decimals():
    assert (
        interval_decimals([(0.918, 0.9184), (0.90, 0.92)], scale=100) == 2
    )  # the half-width is 0.02 points
    assert interval_decimals([(0.5, 0.5), (None, None)]) == 2
    assert interval_decimals([(0.0, 1e-9)]) == 3
    assert interval_decimals([(0.0, 90.0)]) == 1
    assert interval_decimals([(0.0, 90.0)], least=0) == 0
    assert plain_decimals([100.0, 3.0, None]) == 0
    assert plain_decimals([117.4, 98.0]) == 1
    assert plain_decimals([0.0012, 7.0]) == 4
    assert plain_decimals([0.0, 0.5]) == 2
    assert plain_decimals([]) == 0


def test_aligned():
    assert aligned([9.5, 10.25, None, -1.0], 1) == [
        f"{PAD * 1}9.5",
        "10.2",
        f"{PAD * 3}{DASH}",
        "−1.0",
    ]


def test_slug():
    assert slug("Main", "ImageNet16-120", "12,000 s", "α") == "main-imagenet16-120-12000-s"
    assert slug("a", taken={"a", "a-2"}) == "a-3"
    assert slug("α") == "table"
    long, other = slug("study", "word " * 60), slug("study", "word " * 60 + "end")
    assert len(long) < 200 and long[:180] == other[:180] and long != other


# -- more tables -----------------------------------------------------------------------------------
def searched(method, seed, test, dataset="cifar10", **more):
    """A run with a curve: one incumbent after a query, a better one after 40, the last after 90."""
    found = run(method, seed, test, dataset=dataset, reported=(dataset,), **more)
    steps = (
        (1.0, 10.0, 0.5, test - 0.05),
        (40.0, 5000.0 + seed, 0.6, test - 0.004),
        (90.0, 9000.0, 0.7, test),
    )
    return replace(found, incumbents=steps)


def by_id(docs, prefix):
    return [doc for doc in docs if doc.id.startswith(prefix)]


def test_the_second_best_is_underlined(docs, tmp_path):
    doc = main_tables(docs)[0]
    assert [cell.second for cell in cells(doc, "test_accuracy")] == [False, True, False]
    (text,) = (path.read_text() for path in render.write([doc], tmp_path, ["md"]))
    assert text.count("<ins>") == 2 and re.search(r"\*\*9\d\.\d+ ± ", text)
    tex = render.write([doc], tmp_path, ["tex"])[0].read_text()
    assert tex.count(r"\underline{") == 2
    assert render.write([doc], tmp_path, ["html"])[0].read_text().count('class="right second"') == 2


def test_equal_bests_leave_no_second(store):
    doc = main_tables(
        build(
            store(
                *(
                    run(name, seed)
                    for name in ("random_search", "local_search")
                    for seed in range(3)
                )
            )
        )
    )[0]
    assert not any(cell.second for row in doc.rows for cell in row)


def test_iqm_stands_beside_the_mean(store):
    values = (0.90, 0.91, 0.92, 0.99)
    doc = main_tables(
        build(store(*(run(seed=seed, test=value) for seed, value in enumerate(values))))
    )[0]
    assert cells(doc, "iqm")[0].values[0] == pytest.approx(0.915)
    assert "IQM: interquartile mean" in doc.legend
    assert texts(doc, "test_accuracy") == ["93.0 ± 4.1"] and texts(doc, "iqm") == [
        "91.5"
    ]  # of equal precision
    # a density of 46.5 % per million parameters, half the accuracy, has an interval of about 2 to
    # either side
    assert texts(doc, "density_params") == ["46"]


def test_many_variants_get_a_table_of_their_own(store):
    """An ablation leaves in the main table its defaults and what the main plan names.

    Its best is not there.
    """
    rates = (
        0.5,
        0.1,
        0.05,
        0.01,
        0.001,
    )  # the first is the default, the fourth stands in plan reproduce
    defaults = dict(methods.get("reinforce").defaults)
    records = [
        run("reinforce", s, 0.90 + 0.01 * i, params={**defaults, "learning_rate": r})
        for i, r in enumerate(rates)
        for s in range(3)
    ]
    docs = build(store(*records, *(run(seed=seed, test=0.905) for seed in range(3))))
    main, variants = main_tables(docs)[0], by_id(docs, "variants-reinforce")[0]
    assert sorted(texts(main, "method")) == [
        "REINFORCE",
        "REINFORCE (learning_rate=0.01)",
        "Random search",
    ]
    where = (
        "This table shows the defaults and those that the plans reproduce and workshop name; the "
        "table of its variants shows all"
    )
    assert f"reinforce: 5 sets of parameters were run. {where}." in main.footnotes
    assert (
        texts(variants, "method")[0] == "REINFORCE (learning_rate=0.001)"
        and len(variants.rows) == 5
    )
    few = build(
        store(
            *(record for record in records if record.key.params["learning_rate"] > 0.01),
            name="few.sqlite",
        )
    )
    assert len(main_tables(few)[0].rows) == 3 and not by_id(few, "variants")


def test_time_to_a_goal_by_hand(store):
    """Random search ends at 0.93 in the mean; the best cell has 0.95."""
    records = [
        searched("random_search", seed, test) for seed, test in enumerate((0.92, 0.93, 0.94))
    ]
    records += [
        searched("local_search", seed, test) for seed, test in enumerate((0.9495, 0.935, 0.9))
    ]
    (doc,) = by_id(build(store(*records)), "goals")
    assert texts(doc, "method") == ["Local search", "Random search"]
    rows = {
        cell[0].values[0]: dict(
            zip(
                [n for c in doc.columns for n in c.data],
                [v for each in cell for v in each.values],
                strict=True,
            )
        )
        for cell in doc.rows
    }
    local, random = rows["local_search"], rows["random_search"]
    assert (local["baseline_share"], random["baseline_share"]) == pytest.approx((2 / 3, 2 / 3))
    assert (
        local["baseline_queries_median"] == 40 and local["baseline_clock_s_median"] == 5001
    )  # 0.931 of the second run after 5,001 s
    assert random["baseline_queries_median"] == 90
    assert (
        local["within_0.1_share"] == pytest.approx(1 / 3)
        and local["within_0.1_queries_median"] is None
    )
    assert random["within_0.5_share"] == 0 and texts(doc, "within_0.5_queries_median")[1] == DASH
    assert "within 0.5 points of the best: 94.50 %" in doc.caption


def test_failed_runs_reach_no_goal(store):
    """Two methods with the same finished runs; one of them lost two more."""
    tests = (0.92, 0.93, 0.94)
    records = [searched("random_search", seed, test) for seed, test in enumerate(tests)]
    records += [searched("local_search", seed, test) for seed, test in enumerate(tests)]
    records += [
        run("local_search", seed, status="failed", error="Traceback\nOSError: no")
        for seed in (3, 4)
    ]
    records.append(run("reinforce", 0, status="failed", error="Traceback\nOSError: no"))
    (doc,) = by_id(build(store(*records)), "goals")
    assert texts(doc, "method") == ["Random search", "Local search", "REINFORCE"]
    shares = [cell.values[0] for cell in cells(doc, "baseline_share")]
    assert shares == pytest.approx([2 / 3, 2 / 5, 0])
    assert doc.footnotes == (
        "Local search: 2 of 5 runs failed and reach no goal (seed 3: OSError).",
        "REINFORCE: 1 of 1 runs failed and reach no goal (seed 0: OSError).",
    )


def test_a_task_on_which_all_runs_of_a_method_failed_counts(store):
    datasets = ("cifar10", "cifar100", "ImageNet16-120")
    records = [
        searched("random_search", seed, 0.90 + 0.001 * seed, dataset)
        for dataset in datasets
        for seed in range(4)
    ]
    records += [searched("local_search", seed, 0.93, "cifar10") for seed in range(4)]
    records += [
        run("local_search", seed, status="failed", dataset=dataset, reported=(dataset,))
        for dataset in datasets[1:]
        for seed in range(4)
    ]
    doc = build(store(*records))[0]
    ranks = dict(zip(texts(doc, "method"), cells(doc, "rank"), strict=True))
    assert ranks["Local search"].values[0] == pytest.approx((1 + 2 + 2) / 3)
    assert any("8 of its runs failed" in note for note in doc.footnotes)


def test_the_best_objective_counts_failed_runs(store):
    """What is left of a method that failed is better, all of it is not."""
    records = [run(seed=seed, test=0.9) for seed in range(4)]
    records += [run("local_search", seed, test=0.95) for seed in range(2)]
    records += [run("local_search", seed, status="failed") for seed in (2, 3, 4)]
    records += [run("reinforce", seed, test=0.5) for seed in range(4)]
    doc = main_tables(build(store(*records)))[0]
    rows = dict(zip(texts(doc, "method"), range(3), strict=True))
    for column in ("valid_accuracy", "test_accuracy"):
        marks = [cell.mark for cell in cells(doc, column)]
        assert marks[rows["Random search"]] == BEST and marks[rows["Local search"]] != BEST


def test_average_ranks_over_tasks(store):
    records = []
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        for name, test in (
            ("random_search", 0.90),
            ("regularized_evolution", 0.92),
            ("local_search", 0.93),
        ):
            records += [searched(name, seed, test + 0.001 * seed, dataset) for seed in range(4)]
    records += [searched("reinforce", seed, 0.99) for seed in range(4)]  # on one task only
    doc = build(store(*records))[0]
    assert doc.id == "overall" and texts(doc, "method") == [
        "Local search",
        "Regularized evolution",
        "Random search",
    ]
    assert [cell.values[0] for cell in cells(doc, "rank")] == [1, 2, 3]
    # the regrets are 0.0485, 0.0285 and 0.0185 in the mean
    assert [cell.values[0] for cell in cells(doc, "gap_closed")] == pytest.approx(
        [1 - 185 / 485, 1 - 285 / 485, 0]
    )
    assert [cell.values[0] for cell in cells(doc, "wins")] == [3, 0, 0]
    assert (
        "p = 0.05" in doc.footnotes[0] and "1.91" in doc.footnotes[0]
    )  # Friedman's 6 at 2 degrees of freedom; 2.343 * sqrt(12 / 18)
    assert any("REINFORCE (1)" in note for note in doc.footnotes)
    one = build(
        store(*(record for record in records if record.key.dataset == "cifar10"), name="one.sqlite")
    )
    assert not by_id(one, "overall")


def test_methods_of_fewer_tasks_are_compared_pair_by_pair(store):
    datasets = ("cifar10", "cifar100", "ImageNet16-120")
    records = [
        searched(name, seed, test + 0.001 * seed, dataset)
        for dataset in datasets
        for name, test in (("random_search", 0.90), ("local_search", 0.93))
        for seed in range(5)
    ]
    records += [searched("reinforce", seed, 0.92 + 0.001 * seed) for seed in range(5)]
    (doc,) = by_id(build(store(*records)), "overall-pairs")
    assert texts(doc, "method") == ["Local search", "REINFORCE", "Random search"]
    # REINFORCE loses to local search and beats random search on the one task of all three
    assert [cell.values[0] for cell in cells(doc, "beaten")] == [1, 0.5, 0]
    assert [cell.mark for cell in cells(doc, "beaten")] == [BEST, "", ""]
    assert texts(doc, "tasks") == ["3 of 3", "1 of 3", "3 of 3"]
    assert cells(doc, "beaten_interval")[1].values == (0.5, 0.5)
    note = next(note for note in doc.footnotes if note.startswith("REINFORCE: not run on"))
    assert "nasbench201/cifar100" in note and "ranked last" not in note


def test_an_arm_that_stands_in_for_a_method_is_that_method_over_all_tasks(store, monkeypatch):
    other = dict(methods.get("reinforce").defaults) | {"momentum": 0.5}
    stands = {
        ("nasbench201", dataset, "reinforce", json.dumps(other, sort_keys=True))
        for dataset in ("cifar100", "ImageNet16-120")
    }
    records = [
        searched(method, seed, test + 0.001 * seed, dataset, params=arm)
        for dataset in ("cifar10", "cifar100", "ImageNet16-120")
        for method, test, arm in (
            ("random_search", 0.9, None),
            ("local_search", 0.91, None),
            ("reinforce", 0.92, None if dataset == "cifar10" else other),
        )
        for seed in range(5)
    ]
    apart = build(store(*records))[0]
    assert texts(apart, "method")[0] == "Local search"
    assert dict(zip(texts(apart, "method"), texts(apart, "tasks"), strict=True)) == {
        "Local search": "3 of 3", "REINFORCE (momentum=0.5)": "2 of 3", "Random search": "3 of 3"
    }  # fmt: skip
    monkeypatch.setattr("nasrepro.reports.overall.stand_ins", lambda: frozenset(stands))
    doc = build(store(*records, name="stands.sqlite"))[0]
    assert texts(doc, "method") == ["REINFORCE", "Local search", "Random search"]
    assert texts(doc, "tasks") == ["3 of 3"] * 3
    where = "nasbench201/ImageNet16-120, nasbench201/cifar100"
    assert f"REINFORCE: run with momentum=0.5 on {where}." in doc.footnotes


def test_a_study_stands_with_its_definitions_and_the_traps_of_its_oracle(store):
    searches = [{"name": "nsga2", "population": size} for size in (10, 20, 40)]
    params = {"oracle": "nasbench101_slice", "dataset": "cifar10", "searches": searches}
    key = StudyKey("multi_objective.fronts", "0" * 64, params, {}, 0)
    record = StudyRecord(key, "done", ("method",), ({"method": "nsga2", "hypervolume": 0.9},))
    (doc,) = build(store(record))
    words = "oracle=nasbench101_slice, dataset=cifar10, 3 searches"
    assert doc.title == f"Study multi_objective.fronts ({words})"
    assert "'population': 40" in doc.caption
    notes = {note.about: "" for note in doc.background}
    for note in doc.background:
        notes[note.about] += note.text
    assert list(notes) == ["multi_objective.fronts", "nasbench101_slice"]
    assert "The reference point is the nadir" in notes["multi_objective.fronts"]
    assert "few small cells" in notes["nasbench101_slice"]


def test_the_ranking_marks_methods_that_decide_by_floating_point_training(store):
    records = [
        searched(name, seed, test + 0.001 * seed, dataset)
        for dataset in ("cifar10", "cifar100")
        for name, test in (("random_search", 0.90), ("epnas", 0.92), ("local_search", 0.93))
        for seed in range(4)
    ]
    doc = build(store(*records))[0]
    assert [(cell.text, cell.mark) for cell in cells(doc, "method")] == [
        ("Local search", ""),
        ("EPNAS", FLOATING),
        ("Random search", ""),
    ]
    assert doc.footnotes[0].startswith(f"{FLOATING}: ")


def test_studies_are_averaged_over_seeds(store):
    def measured(seed, *rows, **more):
        return StudyRecord(
            StudyKey("toys.error", "0" * 64, {"size": 3}, {}, seed), "done", ("kind",), rows, **more
        )

    records = [
        measured(
            seed,
            {"kind": "a", "error": 1.0 + seed, "fit": None, "word": "x", "_raw": "[1]"},
            {"kind": "b", "error": 9.0, "fit": 2.0, "word": "y", "_raw": ""},
        )
        for seed in range(3)
    ]
    records.append(
        StudyRecord(
            StudyKey("toys.error", "0" * 64, {"size": 3}, {}, 7),
            "failed",
            error="Traceback\nOSError: /home/me",
        )
    )
    found = store(*records)
    (doc,) = build(found)
    assert (
        doc.id == "study-toys-error-3"
        and texts(doc, "kind") == ["a", "b"]
        and texts(doc, "seeds") == ["3", "3"]
    )
    assert (
        texts(doc, "error") == ["2", "9"]
        and texts(doc, "fit") == [DASH, "2"]
        and texts(doc, "word") == ["x", "y"]
    )
    assert not any(column.name == "_raw" for column in doc.columns)
    assert cells(doc, "run_ids")[0].values[0].split() == [
        record.key.run_id for record in records[:3]
    ]
    assert doc.footnotes == ("Seed 7 failed and is in no mean: OSError.",)


def test_a_mean_of_some_runs_of_a_study_says_of_how_many(store):
    nan = math.nan
    records = [
        StudyRecord(
            StudyKey("toys.error", "0" * 64, {"size": 3}, {}, seed),
            "done",
            ("kind",),
            ({"kind": "a", "test": test, "none": nan, "held": held, "absent": None},),
        )
        for seed, (test, held) in enumerate([(nan, 1.0), (nan, None), (0.92, 3.0)])
    ]
    (doc,) = build(store(*records))
    assert texts(doc, "seeds") == ["3"]
    assert texts(doc, "test") == ["0.9200 (1 of 3)"]
    assert texts(doc, "none") == [f"{DASH} (0 of 3)"]
    assert texts(doc, "held")[0].endswith(" (2 of 3)")
    assert texts(doc, "absent") == [DASH]


def test_a_mean_correlation_has_no_interval_above_one(store, monkeypatch):
    bounds = {"kendall": (-1.0, 1.0), "share": (0.0, 1.0)}
    monkeypatch.setitem(BOUNDS, "toys.error", bounds)
    values = [0.999, 0.999, 0.999, 0.999, 0.9]
    found = store(
        *(
            StudyRecord(
                StudyKey("toys.error", "0" * 64, {"size": 3}, {}, seed),
                "done",
                ("kind",),
                ({"kind": "a", "kendall": value, "length": value, "share": 1 - value},),
            )
            for seed, value in enumerate(values)
        )
    )
    (doc,) = build(found)
    high = {name: cells(doc, name)[0].values[2] for name in ("kendall", "length")}
    assert high["kendall"] == 1.0 < high["length"]
    assert cells(doc, "share")[0].values[1] == 0.0


def test_claims_table():
    base = {
        "paper": "arXiv:0",
        "title": "A paper",
        "file": "paper",
        "where": "Table 1",
        "source": "recalled",
        "unit": "%",
    }
    look = {"oracle": "digits201", "dataset": "digits", "epochs": 30, "metric": "test_accuracy"}
    one = Claim(
        id="paper-a",
        statement="It reaches 90 %",
        value=90.5,
        spread=0.3,
        lookup=look,
        recorded="reproduced",
        **base,
    )
    two = Claim(id="paper-b", statement="On a phone", needs="a phone", **base)
    verdicts = [
        Verdict("blocked", why="a phone", claim=two),
        Verdict("not reproduced", 93.123, 93.0, 93.3, 10, "outside", runs=("r1", "r2"), claim=one),
    ]
    (doc,) = claims_tables(verdicts)
    assert texts(doc, "claim") == ["paper-a", "paper-b"] and texts(doc, "verdict") == [
        "not reproduced",
        "blocked",
    ]
    assert [(cell.text, cell.mark) for cell in cells(doc, "published")] == [
        ("90.5 ± 0.3 %", RECALLED),
        (DASH, RECALLED),
    ]
    assert texts(doc, "ours") == ["93.12 [93.00, 93.30]", DASH]
    assert "2 claims of arXiv:0 (A paper): 1† not reproduced, 1 blocked." in doc.caption
    assert doc.footnotes == ("paper-a: the verdict is not reproduced, recorded is reproduced.",)
    assert cells(doc, "run_ids")[0].values[0] == "r1 r2"
    assert claims_tables([verdicts[0]]) == []  # nothing but what cannot be tested
    assert claims_tables([]) == []
    other = Verdict(
        "not judged",
        why="no runs",
        claim=one.model_copy(
            update={"id": "z", "paper": "arXiv:1", "file": "z", "title": "Another"}
        ),
    )
    # a table for each paper of which something was judged; all papers are counted
    counted, first = claims_tables([*verdicts, other])
    assert texts(first, "claim") == ["paper-a", "paper-b"]
    pieces = "All pieces of evidence"
    assert texts(counted, "paper") == ["A paper", "Another", "All claims", pieces]
    assert texts(counted, "claims") == ["2", "1", "3", "3"]
    assert texts(counted, "blocked") == ["1", "0", "1", "1"]
    assert texts(counted, "not_judged") == ["0", "1", "1", "1"]
    assert texts(counted, "not_reproduced") == ["1†", "0", "1†", "1†"], "it was not read"


def test_a_table_of_how_often_verdicts_flip():
    about = {"paper": "p", "file": "p", "statement": "s", "where": "w", "source": "paper"}
    look = {"oracle": "digits201", "dataset": "digits", "epochs": 30, "metric": "test_accuracy"}
    bare = Claim.model_validate({"id": "a", "value": 90.5, "lookup": look, **about})

    def flipping(varied: str, repeats: int, flips: int) -> Fragility:
        return Fragility(varied=varied, repeats=repeats, flips=flips, test=bare.test_hash)

    found = flipping("seeds", 20, 1), flipping("BLAS kernel", 1, 1)
    one = bare.model_copy(update={"fragility": found})
    other = bare.model_copy(update={"fragility": (flipping("seeds", 20, 3),)})
    verdicts = [Verdict("reproduced", 90.5, claim=each) for each in (one, other)]
    _, doc = claims_tables(verdicts)
    shown = {
        name: [text.strip() for text in texts(doc, name)]
        for name in ("varied", "claims", "repeats", "flips", "share", "unstable")
    }
    assert shown == {
        "varied": ["BLAS kernel", "seeds"],
        "claims": ["1", "2"],
        "repeats": ["1", "40"],
        "flips": ["1", "4"],
        "share": ["100.0", "10.0"],
        "unstable": ["1", "1"],
    }


def published(scorer, dataset, value, coefficient="kendall", **more):
    """A claim of a paper on a coefficient of NAS-Bench-201."""
    where = {
        "oracle": "nasbench201",
        "dataset": dataset,
        "epochs": 200,
        "scorer": scorer,
        "coefficient": coefficient,
    }
    base = {
        "paper": "arXiv:0",
        "title": "A paper",
        "file": "paper",
        "where": "Table 3",
        "source": "paper",
        "reason": "of ours",
    }
    claim_id = f"paper-{scorer}-{dataset}-{coefficient}"
    return Claim(
        **{**base, **more}, id=claim_id, statement="It correlates", value=value, ranking=where
    )


def test_published_correlations_beside_ours(store, tmp_path):
    verdicts = [
        Verdict(
            "inconclusive",
            0.577,
            0.555,
            0.594,
            1627,
            runs=("r1",),
            claim=published("zico", "cifar10", 0.6),
        ),
        Verdict(
            "not reproduced", 0.57, 0.56, 0.604, 1627, claim=published("zico", "cifar100", 0.61)
        ),
        Verdict("reproduced", 0.5749, n=15625, claim=published("params", "cifar10", 0.57)),
        Verdict(
            "not reproduced",
            0.577,
            n=15625,
            claim=published("params", "cifar100", 0.57, source="recalled"),
        ),
        Verdict(
            "blocked",
            why="the proxy KNAS",
            claim=published("knas", "cifar10", 0.14, needs="the proxy KNAS"),
        ),
        Verdict(
            "not judged",
            why="the store has none; score some networks: so",
            claim=published("zen", "cifar10", 0.29),
        ),
        Verdict(
            "inconclusive",
            93.76,
            n=1627,
            claim=published("zico", "cifar10", 94.0, "best_value", spread=0.4),
        ),
    ]
    doc, *rest = build(store(ranking()), verdicts=verdicts)
    assert doc.id == "published-paper-nasbench201" and [each.id for each in rest] == [
        "ranking-nasbench201-test-accuracy-200-epochs",
        "claims-paper",
        "claims-blocked",
        "claims-needs",
    ]
    assert texts(doc, "coefficient") == ["Kendall τ-b"] * 4 + ["Best found (%)"]
    assert texts(doc, "scorer") == [
        "zico",
        "params",
        "zen",
        "knas",
        "zico",
    ]  # by what was published
    assert texts(doc, "cifar10_published") == ["0.60", "0.57", "0.29", "0.14", "94.0 ± 0.4"]
    assert texts(doc, "cifar10_ours") == [
        "0.577 [0.555, 0.594]",
        "0.575",
        "not scored",
        "blocked",
        "93.76",
    ]
    # .60 may be .595, which is above .594; a coefficient over all of them has no interval, but
    # .5749 is still printed .57
    assert [cell.mark for cell in cells(doc, "cifar10_difference")] == ["≠", "", "", "", ""]
    assert texts(doc, "cifar10_difference") == ["−0.023", "+0.005", DASH, DASH, "−0.24"]
    assert [cell.mark for cell in cells(doc, "cifar100_difference")] == ["≠", "≠", "", "", ""]
    assert [cell.mark for cell in cells(doc, "cifar100_published")][:2] == ["", RECALLED]
    assert texts(doc, "over") == [
        ("1,627 of 15,625, 2 × 128, full "
            "network."), "all 15,625.", "Score some networks: so.", "The proxy KNAS.",
        "1,627 of 15,625, 2 × 128, full network.",
    ]  # fmt: skip
    assert doc.footnotes == (
        (
            "In 1 of 4 cells with both figures, our interval contains the published one. 2 cells "
            "have no figure of ours."
        ),
    )
    assert "read in the paper and recalled (the text was not read)" in doc.caption
    (path,) = render.write([doc], tmp_path, ["csv"])
    lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert len(lines) == len(verdicts) == len(json.loads(render.to_json([doc]))[0]["rows"])
    first = lines[0]
    assert (first["claim"], first["published"], first["ours_high"], first["run_ids"]) == (
        "paper-zico-cifar10-kendall",
        "0.6",
        "0.594",
        "r1",
    )
    assert [line["differs_by_more_than_the_interval"] for line in lines] == [
        "yes",
        "yes",
        "no",
        "yes",
        "",
        "",
        "",
    ]
    nothing = [each for each in verdicts if each.ours is None]
    assert [each.id for each in build(store(ranking(), name="none"), verdicts=nothing)] == [
        rest[0].id,
        "claims-blocked",
        "claims-needs",
    ]


def test_every_row_leads_to_its_runs(store, tmp_path):
    """The CSV of a table names the row, `runs.csv` and the page have the runs of that row."""
    records = [
        run(name, seed, 0.9 + 0.001 * seed, reported=("cifar10", "cifar100"))
        for name in ("random_search", "mine")
        for seed in range(3)
    ]
    records.append(
        run(
            "mine", 9, status="failed", error="Traceback\nOSError", reported=("cifar10", "cifar100")
        )
    )
    found = store(*records)
    docs = [doc for doc in build(found) if doc.id != "overhead"]  # its rows are of all tasks
    runs = list(csv.DictReader(write_runs(summary.Results(found), tmp_path).open(encoding="utf-8")))
    assert len(runs) == 2 * (2 * 3 + 1) and {each["run_id"] for each in runs} == {
        record.key.run_id for record in records
    }
    site = board(summary.Results(found))
    for doc in docs:
        (path,) = render.write([doc], tmp_path, ["csv"])
        lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        for line, row_id in zip(lines, doc.row_ids, strict=True):
            behind = [
                each for each in runs if each["row"] == row_id and each["status"] == "finished"
            ]
            assert line["row"] == row_id and {each["method"] for each in behind} == {line["method"]}
            assert len({each["seed"] for each in behind}) == int(line.get("seeds", 3))
            assert any(row_id in each["rows"] for each in site.files.values())
        html = render.write([doc], tmp_path, ["html"], site="leaderboard/index.html")[0].read_text()
        assert all(f'href="leaderboard/index.html#row={row_id}"' in html for row_id in doc.row_ids)
    mine = [
        each
        for each in runs
        if (each["method"], each["dataset"], each["status"]) == ("mine", "cifar100", "finished")
    ]
    assert np.mean([float(each["value"]) for each in mine]) == pytest.approx(0.901)
    assert [each["seed"] for each in runs if each["status"] == "failed"] == ["9", "9"]


def test_a_store_is_read_once_until_it_changes(store, monkeypatch):
    found = store(run(seed=0))
    first = groups_of(found)
    assert groups_of(found) is first
    with Store(found.path) as other:
        other.add(run(seed=1))
    assert groups_of(found)[0].seeds.tolist() == [0, 1]
    found.add(run(seed=2))
    assert groups_of(found)[0].seeds.tolist() == [0, 1, 2]


def test_a_whole_report_twice_is_the_same_bytes(store, tmp_path):
    found = store(
        *(
            searched(name, seed, 0.9 + 0.01 * seed)
            for name in ("random_search", "mine")
            for seed in range(6)
        ),
        ranking(),
    )
    for place in ("one", "two"):
        result = CliRunner().invoke(
            app, ["report", "--store", str(found.path), "--out", str(tmp_path / place), "--quiet"]
        )
        assert result.exit_code == 0, result.output
    files = sorted(
        path.relative_to(tmp_path / "one")
        for path in (tmp_path / "one").rglob("*")
        if path.is_file()
    )
    names = {str(path) for path in files}
    assert {
        "report.md",
        "report.html",
        "runs.csv",
        "manifest.json",
        "snapshot.json",
        "leaderboard/index.html",
    } <= names
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), (
            path
        )


# -- size ------------------------------------------------------------------------------------------
@pytest.mark.nightly
def test_a_hundred_thousand_runs(tmp_path):
    """Every table, the runs behind them, the page.

    200 groups of 500 runs, with the curves that real ones have.
    """
    Store(tmp_path / "many.sqlite").close()
    rng = np.random.default_rng(0)
    rows = []
    for group in range(200):
        where = {
            "reported": ("cifar10", "cifar100", "ImageNet16-120"),
            "budget": Budget(1000.0 * (1 + group // 5)),
        }
        name = ("random_search", "local_search", "method_2", "method_3", "method_4")[group % 5]
        raw = json.loads(run(name, **where).to_json())
        for seed in range(500):
            accuracy = 0.9 + 0.01 * rng.standard_normal()
            raw["key"]["seed"], raw["chosen"] = seed, f"cell {seed % 90}"
            for report in raw["reports"].values():
                report["metrics"]["test_accuracy"], report["regret"] = accuracy, 0.95 - accuracy
            raw["incumbents"] = [
                [1 + 10 * i, 100.0 * (1 + i), 0.5, accuracy - 0.01 * (9 - i)] for i in range(10)
            ]
            rows.append(
                (
                    f"{group:06x}{seed:010x}",
                    "run",
                    ENGINE,
                    "budget",
                    json.dumps(raw),
                    "2026-01-01T00:00:00Z",
                )
            )
    with closing(sqlite3.connect(tmp_path / "many.sqlite")) as db, db:
        db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", rows)
    del rows
    before = os.times()
    arguments = [
        "report",
        "--store",
        str(tmp_path / "many.sqlite"),
        "--out",
        str(tmp_path / "report"),
        "--quiet",
    ]
    code = (
        "import resource, sys; from nasrepro.__main__ import main\ntry: main()\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    after = os.times()
    used = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    peak = int(done.stdout.split()[-1]) / 1024  # MiB
    print(f"report of 100,000 runs: {used:.1f} s of CPU, {peak:.0f} MiB")
    assert used < 60 and peak < 2048
    assert len((tmp_path / "report/runs.csv").read_text().splitlines()) == 1 + 300_000
