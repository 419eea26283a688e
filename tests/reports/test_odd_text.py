"""Text from records is data: in a terminal, in Markdown, LaTeX, HTML and CSV, and in file names."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasrepro.__main__ import app
from nasrepro.suite.experiments.cells import cells_of
from nasrepro.suite.experiments.plan import load_plan
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store

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
NAMES = (
    "\x1b]0;owned\x07evil", "\x9b31m", "=1+1", "@SUM(A1)", "> new\nline |", "\ufb01ne e\u0301",
    "n" * 300, " ", "\u202etxt", "<script>alert(1)</script>",
)  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the command prints of a store with methods of those names, and its folder."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "plan.toml").write_text(PLAN)
    with Store(folder / "s.sqlite") as store:
        run_cells(cells_of(load_plan(str(folder / "plan.toml"))), store, executor="inline")
        for record in list(store.runs()):
            for name in NAMES:
                store.add(replace(record, key=replace(record.key, method=name)))
        lost = replace(record.key, seed=9)
        store.add(replace(record, key=lost, status="failed", error="=cmd|\x1b[31m"))
    done = CliRunner().invoke(
        app, ["report", "--all", "--store", str(folder / "s.sqlite"), "--out", str(folder / "rep")]
    )
    assert done.exit_code == 0, done.output
    return done.output, folder / "rep"


def test_no_control_character_is_shown_or_written(report: tuple[str, Path]) -> None:
    printed, folder = report
    texts = {path.name: path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()}
    assert "evil" in printed and "evil" in texts["report.md"] and "evil" in texts["runs.csv"]
    for name, text in {"the terminal": printed, **texts}.items():
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text), name


def test_a_spreadsheet_sees_no_formula(report: tuple[str, Path]) -> None:
    for path in report[1].glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert {len(row) for row in rows} == {len(rows[0])}, path.name
        for cell in (cell for row in rows for cell in row):
            assert cell[:1] not in "=@" or not cell, (path.name, cell)


def test_other_markup_is_text(report: tuple[str, Path]) -> None:
    folder = report[1]
    (main,) = folder.glob("main-*.tex")
    assert r"fine \'{e}" in main.read_text("utf-8")
    rows = [
        line for line in (folder / "report.md").read_text("utf-8").splitlines() if "new" in line
    ]
    assert rows and all(r"\> new line \|" in line for line in rows if line.startswith("|"))
    for page in (folder / "report.html", folder / "leaderboard" / "index.html"):
        assert "<script>alert(1)" not in page.read_text("utf-8")
    assert max(len(path.name) for path in folder.rglob("*")) < 255
