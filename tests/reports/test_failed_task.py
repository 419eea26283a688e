"""A task on which every run failed is shown as such, in every form of the report."""

import json
import sqlite3

from typer.testing import CliRunner

from nasrepro.__main__ import app

PLAN = """
[[experiment]]
oracle = "digits201"
methods = ["random_search"]
datasets = ["digits"]
search_epochs = 12
report_epochs = 30
budgets = [{ queries = 3 }]
seeds = 2
"""
RAISING = '''"""Fails.

Deviations:
    - None.
"""
import nasrepro as nr


@nr.method("random_search", paper="ours")
def search(session, rng):
    raise RuntimeError("no luck")
'''


def test_a_task_without_a_finished_run_is_reported(tmp_path):
    (tmp_path / "mine.py").write_text(RAISING.replace("random_search", "unlucky"))
    (tmp_path / "plan.toml").write_text(PLAN)
    store = str(tmp_path / "s.sqlite")
    ran = CliRunner().invoke(
        app,
        ["run", "--plan", str(tmp_path / "plan.toml"), "--method", str(tmp_path / "mine.py"),
         "--store", store, "--executor", "inline"],
    )  # fmt: skip
    assert "2 failed" in ran.output, ran.output
    with sqlite3.connect(store) as db:  # and none of the other method is left
        db.execute("DELETE FROM records WHERE status != 'failed'")
    done = CliRunner().invoke(app, ["report", "--store", store, "--out", str(tmp_path / "rep")])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "rep/report.md").read_text("utf-8")
    assert "unlucky" in text and "2 of 2" in text
    snapshot = json.loads((tmp_path / "rep/snapshot.json").read_text("utf-8"))
    assert snapshot
