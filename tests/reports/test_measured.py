"""`nasrepro study` prints what the report has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasrepro.__main__ import app
from nasrepro.suite.errors import NasreproError


def test_a_study_is_printed_as_the_table_of_the_report(tmp_path: Path) -> None:
    words = ["study", "haq.kmeans", "--quiet", "--store", str(tmp_path / "runs.sqlite")]
    table = CliRunner().invoke(app, words)
    assert table.exit_code == 0
    first, header, _, row, *rest = table.stdout.splitlines()
    assert first == "Study haq.kmeans" and header.split()[:3] == ["Policy", "Seeds", "Weights"]
    assert "README, 10 %" in row and "0.0996" in row
    assert "Parameters: none; 1 seed." in " ".join(line.strip() for line in rest)

    narrow = CliRunner().invoke(app, words, env={"COLUMNS": "40"}).stdout
    assert max(map(len, narrow.splitlines())) <= 40 < max(map(len, table.stdout.splitlines()))

    rows = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert [(each["seed"], each["policy"]) for each in rows] == [(0, "README, 10 %")]


def test_a_parameter_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    words = ["study", "fidelity.rank", "--quiet", "--store", str(tmp_path / "runs.sqlite")]
    with pytest.raises(NasreproError, match=r"^unknown data set of digits201: 'nope' \(.*\)$"):
        CliRunner().invoke(app, [*words, "--param", "dataset=nope"], catch_exceptions=False)
    twice = ["--param", "dataset=digits", "--param", "dataset=nope"]
    with pytest.raises(NasreproError, match="--param dataset is given 2 times"):
        CliRunner().invoke(app, [*words, *twice], catch_exceptions=False)
