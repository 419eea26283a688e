"""One import package.

A user's own `methods`, `reports`, `suite` or `oracles` does no harm, and no module has two names.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nasrepro as nr

ROOT = Path(__file__).parents[1]
#: Where the package is imported from: the checkout, or site-packages under tox.
HOME = str(Path(nr.__file__).parents[1])

EVERYTHING = """
import collections, importlib, pkgutil, sys
import nasrepro
for part in ("suite", "oracles", "methods", "reports"):
    package = importlib.import_module(f"nasrepro.{part}")
    for module in pkgutil.walk_packages(package.__path__, f"nasrepro.{part}."):
        importlib.import_module(module.name)
names = collections.defaultdict(set)
for name, module in list(sys.modules.items()):
    file = getattr(module, "__file__", None)
    if name.partition(".")[0] == "nasrepro" and file:
        names[file].add(name)
print(len(names), [sorted(twice) for twice in names.values() if len(twice) > 1])
print(sorted(name for name in sys.modules if name in ("suite", "oracles", "methods", "reports")))
"""


@pytest.fixture
def crowded(tmp_path, monkeypatch):
    """A working directory, first on the path, with the names of our folders.

    There they stand for things of its own.
    """
    for package in ("methods", "reports"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("MINE = True\n", encoding="utf-8")
    for module in ("suite.py", "oracles.py"):
        (tmp_path / module).write_text("MINE = True\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([".", HOME]))
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "data"))
    return tmp_path


def python(folder, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands_work_where_a_user_has_our_names(crowded):
    plan = """
    [[experiment]]
    oracle = "digits201"
    methods = ["random_search"]
    datasets = ["digits"]
    search_epochs = 12
    report_epochs = 30
    budgets = [{ queries = 3 }]
    seeds = 1
    """
    (crowded / "plan.toml").write_text(plan, encoding="utf-8")
    assert "digits201" in python(crowded, "-m", "nasrepro", "list", "oracles")
    for command in (
        ["query", "digits201", "3", "--epochs", "30"],
        ["run", "--plan", "plan.toml", "--store", "s.sqlite", "--workers", "2"],
        ["report", "--store", "s.sqlite"],
        ["claims", "--no-run", "--store", "s.sqlite", "--paper", "nas_bench_201"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "nasrepro", *command],
            cwd=crowded, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr
        assert done.stdout or done.stderr


def test_python_works_where_a_user_has_our_names(crowded):
    code = (
        "import methods, suite; assert methods.MINE and suite.MINE\n"
        "import nasrepro as nr\n"
        "print(len(nr.load('digits201').archs()), nr.method.__name__)\n"
        "from nasrepro.suite.registry import methods; print(len(methods.names()) > 9)"
    )
    assert python(crowded, "-c", code) == "5044 method\nTrue\n"


def test_no_module_is_loaded_under_two_names(tmp_path):
    count, twice, bare = re.fullmatch(
        r"(\d+) (.*)\n(.*)\n", python(tmp_path, "-c", EVERYTHING)
    ).groups()
    assert int(count) > 200 and (twice, bare) == ("[]", "[]")


@pytest.mark.parametrize("name", ["suite", "oracles", "methods", "reports", "nasrepro.nasrepro"])
def test_a_folder_is_not_imported_by_another_name(name):
    """From the checkout's own folder, where Python would find it."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "import it by that name" in done.stderr or "No module named" in done.stderr


def test_the_public_face():
    assert sorted(dir(nr)) == sorted(nr.__all__)
    for name in nr.__all__:
        assert getattr(nr, name) is not None
    with pytest.raises(AttributeError, match=r"has no attribute 'lode'; public: Arch, "):
        nr.lode  # noqa: B018
