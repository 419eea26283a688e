"""The table of networks made in a workshop: what the runner counted, beside the control."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from nasrepro.__main__ import app
from nasrepro.reports.figures import workshop_controls
from nasrepro.reports.figures.style import styled
from nasrepro.reports.summary import Estimate, Measure, estimate
from nasrepro.reports.tables.workshop_controls import pairs_of, sentence
from nasrepro.suite.registry import methods
from nasrepro.suite.search import Budget

PLAN = """
[[experiment]]
oracle = "workshop201"
methods = ["random_search"]
datasets = ["digits"]
search_epochs = 30
report_epochs = 30
budgets = [{ seconds = 2 }]
seeds = 2
"""
HALF = '''"""Hands back a network half of whose classifier is zero.

Deviations:
    - None.
"""
import torch
import nasrepro as nr


@nr.method("half", paper="ours", workshop=True)
def search(session, rng):
    with session.workshop(rng) as shop:
        network = shop.build(session.space.arch((0, 0, 0, 1, 0, 0)))
        mask = torch.ones(10, 8)
        mask[:, ::2] = 0
        shop.train(network, 1, masks={"classifier.weight": mask})
    return network
'''


def test_networks_stand_beside_the_control_with_what_was_counted(tmp_path):
    (tmp_path / "half.py").write_text(HALF)
    (tmp_path / "plan.toml").write_text(PLAN)
    store, report = str(tmp_path / "s.sqlite"), tmp_path / "report"
    given = ["--plan", str(tmp_path / "plan.toml"), "--method", str(tmp_path / "half.py")]
    ran = CliRunner().invoke(app, ["run", *given, "--store", store, "--executor", "inline"])
    assert "0 failed" in ran.output, ran.output
    done = CliRunner().invoke(app, ["report", "--store", store, "--out", str(report)])
    assert done.exit_code == 0, done.output
    (table,) = report.glob("workshop-*.csv")
    with table.open(encoding="utf-8") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    half, control = rows["half"], rows["random_search"]
    # the stem has 72 weights, the classifier 80, half of which are zero
    assert float(half["sparsity_mean"]) == 40 / 152 and not control["sparsity_mean"]
    assert float(half["params_mean"]) == 72 + 16 + 16 + 90
    assert float(half["test_accuracy_adds"]) == pytest.approx(
        float(half["test_accuracy_mean"]) - float(control["test_accuracy_mean"])
    )
    assert not control["test_accuracy_adds"] and float(half["workshop_cpu_s_mean"]) > 0


CONTROLS = """
[[experiment]]
oracle = "workshop201"
methods = [
    { name = "compactnet_network", width = 8, label = "narrow" },
    "compactnet_network",
    { name = "compactnet_network", choose = "uniform", label = "uniform trimming" },
    "random_search",
]
datasets = ["digits"]
search_epochs = 30
report_epochs = 30
budgets = [{ seconds = 1 }]
seeds = 2
"""


def test_a_method_stands_beside_each_of_its_controls(tmp_path):
    (tmp_path / "plan.toml").write_text(CONTROLS)
    store, report = str(tmp_path / "s.sqlite"), tmp_path / "report"
    given = ["--plan", str(tmp_path / "plan.toml"), "--store", store, "--executor", "inline"]
    ran = CliRunner().invoke(app, ["run", *given])
    assert "0 failed" in ran.output, ran.output
    done = CliRunner().invoke(app, ["report", "--store", store, "--out", str(report)])
    assert done.exit_code == 0, done.output
    (table,) = report.glob("controls-*.csv")
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["control"] for row in rows} == {"narrow", "uniform trimming", "Random search"}
    for row in rows:
        assert row["seeds"] == "2"
        assert float(row["test_accuracy_adds"]) == pytest.approx(
            float(row["test_accuracy_method"]) - float(row["test_accuracy_control"])
        )


def test_a_control_by_another_choice_is_of_the_same_source():
    defaults = dict(methods.get("compactnet_network").defaults)

    def row(method, params, source):
        return SimpleNamespace(method=method, params=params, method_sha256=source)

    uniform = {**defaults, "choose": "uniform"}
    groups = [
        row("compactnet_network", defaults, "new"),
        row("compactnet_network", defaults, "old"),
        row("compactnet_network", uniform, "old"),
        row("random_search", {}, "x"),
        row("firefly", {}, "y"),
    ]
    pairs = pairs_of(SimpleNamespace(groups=groups))
    assert set(pairs) == {(0, 3), (1, 2), (1, 3), (4, 3)}


def test_what_all_rows_of_a_method_share_is_no_choice():
    defaults = dict(methods.get("firefly").defaults)
    params = [
        {**defaults, "epochs": 3},
        {**defaults, "epochs": 3, "choose": "random"},
        {**defaults, "epochs": 3, "choose": "wide"},
    ]
    groups = [SimpleNamespace(method="firefly", params=p, method_sha256="x") for p in params]
    assert pairs_of(SimpleNamespace(groups=groups)) == [(0, 1), (0, 2)]
    groups[2].params["epochs"] = 4  # now it is one, and no row has its default
    assert pairs_of(SimpleNamespace(groups=groups)) == []


def test_each_source_of_a_method_has_a_figure_of_its_own(monkeypatch):
    place, values = ("digits", "test_accuracy"), np.array([0.9, 0.92])
    groups = [
        SimpleNamespace(method="amc_network", values={place: values}, seeds=np.arange(2))
        for _ in range(4)
    ]
    target = SimpleNamespace(name="test_accuracy")
    measure = Measure("test_accuracy", "Accuracy", (estimate(values),) * 4, 100.0, 1)
    task = SimpleNamespace(
        id="t",
        dataset="digits",
        target=target,
        groups=groups,
        labels=["AMC [source new]", "AMC (choose=uniform) [source new]", "AMC [source old]", "U"],
        measures={"test_accuracy": measure},
        setting=SimpleNamespace(oracle="workshop201", budget=Budget(seconds=5)),
    )
    pairs = [(task, [(0, 1), (2, 3)])]
    monkeypatch.setattr(workshop_controls, "tasks_with_pairs", lambda results: pairs)
    with styled():
        first, second = workshop_controls.draw(None)
    assert (first.name, second.name) == (
        "workshop-controls-amc-network-t",
        "workshop-controls-amc-network-t-2",
    )
    (axes,) = first.figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["AMC (choose=uniform)", "AMC"]
    strokes = [line for line in axes.lines if line.get_marker() == "|"]
    assert list(strokes[0].get_xdata()) == [90, 92]


@pytest.mark.parametrize(
    ("adds", "p_value", "words"),
    [
        (
            Estimate(20, 0.012, 0.01, 0.004, 0.02),
            0.0312,
            "A adds 1.20 points to B (0.40 to 2.00, p 0.031).",
        ),
        (
            Estimate(20, 0.012, 0.01, 0.004, 0.02),
            0.0000019,
            "A adds 1.20 points to B (0.40 to 2.00, p < 0.001).",
        ),
        (
            Estimate(20, 0.012, 0.01, 0.004, 0.02),
            0.06,
            "A adds nothing that can be seen to B: 1.20 points (0.40 to 2.00, p 0.060).",
        ),
        (
            Estimate(20, -0.012, 0.01, -0.02, -0.004),
            None,
            "A adds nothing to B and ends below it: −1.20 points (−2.00 to −0.40).",
        ),
        (
            Estimate(20, 0.001, 0.01, -0.004, 0.006),
            None,
            "A adds nothing that can be seen to B: 0.10 points (−0.40 to 0.60).",
        ),
        (Estimate(1, 0.01), None, "A against B: 1.00 points at 1 seed, too few for an interval."),
        (Estimate(9, 0.0, 0.0), 1.0, "A and B differ by 0.00 points at each of 9 seeds."),
        (Estimate(0), None, "A and B share no seed."),
    ],
)
def test_what_is_added_in_a_sentence(adds, p_value, words):
    assert sentence("A", "B", adds, p_value) == words
