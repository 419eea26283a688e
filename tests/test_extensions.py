"""What CONTRIBUTING shows is one file each: put into a copy of the tree, it works.

Method, scorer, oracle with its converter, device, claims, kind of claim, kind of experiment and
table of the report. Nothing else of the copy is touched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
#: The file of each extension, and what tells its block of code from the others.
FILES = {
    "methods/my_method.py": "@nr.method",
    "methods/scorers/depth.py": '@nr.scorer("depth"',
    "oracles/my_table.py": "@oracle(",
    "oracles/devices/my_source.py": "@device_table(",
    "methods/claims/the_paper.toml": "[[claim]]",
    "suite/claims/kinds/count.py": "class Count(",
    "suite/experiments/kinds/best.py": "class BestPart(",
    "reports/tables/runs_by_method.py": '"runs-by-method"',
}
PLAN = """
[[experiment]]
oracle = "digits201"
methods = ["my_method"]
datasets = ["digits"]
search_epochs = 12
report_epochs = 30
budgets = [{ queries = 3 }]
seeds = 2

[[ranking]]
oracle = "digits201"
scorers = ["depth"]
datasets = ["digits"]
epochs = 30

[[best]]
oracle = "digits201"
dataset = "digits"
epochs = 30
"""
CLAIMS = """
paper = "arXiv:0000.00000"
title = "Counted"

[[claim]]
id = "counted-digits201"
statement = "digits201 holds 5,044 architectures"
where = "Table 1"
source = "paper"
count = { oracle = "digits201" }
value = 5044
"""
FRAMES = """
import nasrepro as nr
from nasrepro.suite.claims import load_claims
from nasrepro.suite.registry import load_devices
oracle, results = nr.load("digits201"), nr.results("s.sqlite")
(best,) = results.bests.value
assert best == oracle.best("digits", 30, oracle.info.objective_of("digits").name)[0]
assert set(results.rankings.scorer) == {"depth"}
assert "paper-rs-cifar10-test" in {claim.id for claim in load_claims()}
table = nr.load("my_table")
arch = table.space.at(7)
latency = load_devices("my_source").value(arch, "my_source/my_phone", "cifar10")
print(table.query(arch, dataset="cifar10", epochs=200).values, latency)
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Runs commands with a copy of the tree that has one file more for each extension."""
    tree, work = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("work")
    for folder in ("nasrepro", "suite", "oracles", "methods", "reports"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tree / folder, ignore=ignored)
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", CONTRIBUTING, flags=re.DOTALL)
    for name, mark in FILES.items():
        (block,) = [block for block in blocks if mark in block]
        assert not (tree / name).exists()
        (tree / name).write_text(block, encoding="utf-8")
    originals = work / "owner" / "repository" / "commit"
    originals.mkdir(parents=True)
    (originals / "accuracies.txt").write_text("90.0\n" * 15625, encoding="utf-8")
    (originals / "latencies.txt").write_text("2.5\n" * 15625, encoding="utf-8")
    (work / "plan.toml").write_text(PLAN, encoding="utf-8")
    (work / "counted.toml").write_text(CLAIMS, encoding="utf-8")
    (work / "counted.verdicts.toml").write_text(
        'counted-digits201 = "consistent"\n', encoding="utf-8"
    )
    variables = {"PYTHONPATH": tree, "NASREPRO_DATA": work / "data", "NASREPRO_MIRROR": work}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=work,
            env={**os.environ, **{name: str(path) for name, path in variables.items()}},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("-m", "nasrepro", "run", "--plan", "plan.toml", "--store", "s.sqlite", "--workers", "1")
    return run


def test_method_scorer_oracle_device_claims_and_experiment(shell):
    shell("-m", "nasrepro", "data", "fetch", "my_table", "my_source")
    assert shell("-c", FRAMES) == "{'valid_accuracy': 0.9} 2.5\n"


def test_table_of_the_report(shell):
    report = shell("-m", "nasrepro", "report", "--store", "s.sqlite", "--all", "--format", "csv")
    assert re.search(r"my_method\W+2\b", report)


def test_kind_of_claim(shell):
    command = "nasrepro claims --store s.sqlite --file counted.toml --no-run --json"
    assert json.loads(shell("-m", *command.split()))[0]["verdict"] == "consistent"
