"""The table of networks made in a workshop: what the runner counted, beside the control."""

import csv

import pytest
from typer.testing import CliRunner

from nasrepro.__main__ import app

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
