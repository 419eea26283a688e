"""README's tutorial: its commands, as they stand, from a method of 15 lines to a LaTeX table."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def tutorial():
    """The text of the method's file, and the commands."""
    (code,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
        if "@nr.method" in block
    ]
    (commands,) = re.findall(r"<!-- tutorial -->\n\n```console\n(.*?)```", README, flags=re.DOTALL)
    return code, re.findall(r"^\$ (.*?)(?:\s+#.*)?$", commands, flags=re.MULTILINE)


@pytest.fixture
def shell(tmp_path):
    """Runs a command in an empty folder, with no tables but the shipped one.

    `nasrepro` is on the path whether it is installed or not.
    """
    program = tmp_path / "bin/nasrepro"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nfrom nasrepro.__main__ import main\n\nmain()\n", encoding="utf-8"
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    place = tmp_path / "work"
    place.mkdir()
    paths = (
        os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        if (ROOT / "suite").is_dir()
        else ""
    )
    environment = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "NASREPRO_DATA": str(tmp_path / "none"),
    }
    if paths:
        environment["PYTHONPATH"] = paths

    def run(command):
        return subprocess.run(
            command,
            shell=True,
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    run.place = place
    return run


def test_the_tutorial_works_as_it_stands(shell):
    code, commands = tutorial()
    assert len([line for line in code.splitlines() if line.strip()]) <= 16 and len(commands) == 3
    (shell.place / "my_method.py").write_text(code, encoding="utf-8")
    for command in commands:
        done = shell(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert (
        re.search(r"\$\\triangleright\$ my\\_method\b", done.stdout) and r"\toprule" in done.stdout
    )
    report = shell.place / "nasrepro-results/report"
    assert "▸ my_method" in (report / "report.md").read_text(encoding="utf-8")
    assert "my_method, ours. Deviations: (1) None: it is ours." in (report / "report.md").read_text(
        encoding="utf-8"
    )
    assert "▸ my_method" in (report / "leaderboard/index.html").read_text(encoding="utf-8")
    if shutil.which("pdflatex"):
        whole = (
            "\\documentclass{article}\\usepackage{booktabs}"
            "\\begin{document}\\input{table}\\end{document}"
        )
        (shell.place / "table.tex").write_text(done.stdout, encoding="utf-8")
        (shell.place / "all.tex").write_text(whole, encoding="utf-8")
        made = shell("pdflatex -interaction=nonstopmode -halt-on-error all.tex")
        assert made.returncode == 0 or "booktabs.sty' not found" in made.stdout, made.stdout[-2000:]


def test_the_pictures_of_readme_are_there():
    found = re.findall(r"!\[[^\]]+\]\((?!https?:)([^)]+)\)", README)
    assert found
    for name in found:
        assert (ROOT / name).is_file(), (
            f"README shows {name}, which is not there; draw it with: nasrepro figures --out "
            "results/figures"
        )


@pytest.mark.nightly  # a dozen starts of the command line
def test_the_template_of_a_leaderboard_works_as_it_stands(shell):
    """Each step of its workflow, twice: the second night has a history."""
    template = ROOT / "docs/leaderboard"
    shutil.copytree(template, shell.place, dirs_exist_ok=True)
    text = (template / ".github/workflows/leaderboard.yml").read_text(encoding="utf-8")
    blocks = re.findall(r"run: \|\n((?: {10}.*\n)+)", text)
    assert len(blocks) == 4 and "write" not in text
    start = "set -e; SEEDS='--seeds 2'; GITHUB_STEP_SUMMARY=summary.md\n"
    for _ in range(2):
        for block in blocks:
            done = shell(start + block)
            assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    report = shell.place / "nasrepro-results/report"
    assert "our_method" in (report / "report.md").read_text(encoding="utf-8")
    assert len(list((shell.place / "history").iterdir())) == 1
    assert "Changes since" in (shell.place / "summary.md").read_text(encoding="utf-8")
