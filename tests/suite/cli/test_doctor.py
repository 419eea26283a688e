"""`nasrepro doctor`."""

import json

from typer.testing import CliRunner

from nasrepro.__main__ import app


def doctor(*arguments):
    result = CliRunner().invoke(app, ["doctor", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_it_names_what_a_bug_report_needs(monkeypatch, tmp_path):
    monkeypatch.setenv("NASREPRO_MIRROR", str(tmp_path / "gone"))
    facts = json.loads(doctor("--json"))
    assert facts["tables"]["digits201"] == "ships with the package"
    assert facts["settings"]["NASREPRO_MIRROR"] == f"{tmp_path / 'gone'} (does not exist)"
    assert facts["packages"]["numpy"][0].isdigit() and facts["linear algebra"]
    assert "free there" in facts["disk"]


def test_its_text_has_a_line_for_each_fact():
    text = doctor()
    assert "\ntables\n" in text and max(map(len, text.splitlines())) < 200
