"""The table of oracles that train: methods beside controls, by hand and from a small run."""

from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from nasrepro.__main__ import app
from nasrepro.oracles import shrinkcnn, trained_rnn
from nasrepro.reports.overall import overall
from nasrepro.reports.summary import Measure, Results
from nasrepro.reports.tables import trained
from nasrepro.reports.tables.trained import beyond_controls, over_controls
from nasrepro.suite.experiments.store import Store

PLAN = """
[[experiment]]
oracle = "trained_dense"
methods = ["random_search", "local_search"]
datasets = ["digits"]
search_epochs = 1
report_epochs = 8
budgets = [{ queries = 1 }]
seeds = 2
"""


def task(info, **scores):
    """A task whose methods have these values of the target at seeds 0, 1, ..."""
    target = info.metric(info.target)
    place = "data", target.name
    groups = [
        SimpleNamespace(method=name, seeds=np.arange(len(row)), values={place: np.array(row)})
        for name, row in scores.items()
    ]
    return SimpleNamespace(
        setting=SimpleNamespace(oracle=info.name),
        dataset="data",
        target=target,
        groups=groups,
        labels=list(scores),
        measures={target.name: Measure(target.name, "", (), 1.0, 2)},
    )


def test_what_beats_a_control_is_said_by_intervals():
    spread = np.array([-0.01, 0.0, 0.01, 0.0, 0.0])
    made = task(
        shrinkcnn.INFO,
        good=0.9 + spread,
        bad=0.5 - spread,
        open=0.7 + 40 * spread,
        random_search=0.7 - spread,
    )
    assert beyond_controls(made, over_controls(made)) == (
        "shrinkcnn, by intervals of single differences: better than random search: good; "
        "worse: bad."
    )


def test_a_lower_perplexity_is_better():
    spread = np.array([-0.1, 0.0, 0.1, 0.0, 0.0])
    made = task(trained_rnn.INFO, low=6 + spread, size_walk=8 - spread)
    assert beyond_controls(made, over_controls(made)) == (
        "trained_rnn, by intervals of single differences: better than the size walk: low; "
        "worse: none."
    )


def test_few_seeds_give_no_verdict():
    made = task(shrinkcnn.INFO, good=[0.9, 0.8], random_search=[0.5, 0.4])
    assert beyond_controls(made, over_controls(made)).endswith("too few seeds for an interval.")


def test_searches_that_train_stand_in_one_table_beside_the_control(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    store = tmp_path / "s.sqlite"
    given = ["--plan", str(tmp_path / "plan.toml"), "--store", str(store), "--executor", "inline"]
    ran = CliRunner().invoke(app, ["run", *given])
    assert "0 failed" in ran.output, ran.output
    with Store(store) as found:
        (table,) = trained.tables(Results(found))
    names = [name for column in table.columns for name in column.data]
    rows = {
        row["method"]: row
        for cells in table.rows
        for row in [
            dict(zip(names, (value for cell in cells for value in cell.values), strict=True))
        ]
    }
    ours, control = rows["local_search"], rows["random_search"]
    assert ours["searched"] == "trained_dense, 1 query" and ours["seeds"] == 2
    assert ours["over_random_search"] == pytest.approx(ours["test_mean"] - control["test_mean"])
    assert control["over_random_search"] is None and ours["over_size_walk"] is None
    assert ours["simulated_training_hours"] > 0


def test_oracles_that_train_count_in_no_overall_rank():
    def pair(oracle, dataset):
        return SimpleNamespace(oracle=oracle, dataset=dataset), []

    # it would ask for the target of a setting that counts
    assert overall([pair("shrinkcnn", "digits"), pair("trained_rnn", "tiny_shakespeare")]) is None
