"""The command line: what it prints, as JSON and not; what bad input is told.

What importing it costs.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer

from nasrepro import __main__ as cli
from nasrepro.oracles.nasbench201 import TABLE
from nasrepro.suite.cli.common import fitting, print_table
from nasrepro.suite.cli.search import _price
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import load_oracle, methods, oracles

ARCH = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|"
    "skip_connect~2|"
)
QUERY = ["query", "nasbench201", ARCH, "--dataset", "cifar10", "--epochs", "200"]
PLAN = """
title = "small"
[[experiment]]
oracle = "digits201"
methods = ["random_search"]
datasets = ["digits"]
search_epochs = 30
report_epochs = 30
budgets = [{ queries = 3 }]
seeds = 2
"""
REAL = pytest.mark.usefixtures("nasbench201")


@pytest.fixture
def nasrepro(monkeypatch, capsys):
    """Run the command line in this process.

    Gives its exit code, standard output and standard error.
    """

    def run(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["anything", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def refused(nasrepro):
    """Run what must end in one line of error and exit code 2; gives that line."""

    def run(*arguments) -> str:
        code, out, err = nasrepro(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("error: ") and err.endswith("\n") and err.count("\n") == 1, err
        return err

    return run


def process(*arguments, cwd, **environment) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    import os

    command = [
        sys.executable,
        "-c",
        "from nasrepro.__main__ import main; main()",
        *map(str, arguments),
    ]
    return subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


# -- query -----------------------------------------------------------------------------------------
@REAL
def test_query_prints_one_document(nasrepro):
    code, out, err = nasrepro(*QUERY, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["index"] == 1 and found["arch"] == ARCH
    assert (found["oracle"], found["dataset"], found["epochs"], found["seed"]) == (
        "nasbench201",
        "cifar10",
        200,
        "mean",
    )
    assert found["valid_accuracy"] == pytest.approx(0.907693, abs=1e-6)
    assert found["test_accuracy"] == pytest.approx(
        0.9366
    )  # of the networks trained on 50,000 images
    assert found["test_accuracy_25k"] == pytest.approx(0.905133, abs=1e-6)
    assert found["cost_s"] == pytest.approx(2169.6414, abs=1e-4)
    assert (found["params"], found["macs"]) == (802426, 113951370)


@REAL
def test_an_index_in_place_of_the_string_gives_the_same(nasrepro):
    named = nasrepro(*QUERY, "--json")
    assert (
        nasrepro("query", "nasbench201", 1, "--dataset", "CIFAR10", "--epochs", 200, "--json")
        == named
    )
    assert (
        nasrepro(
            "query",
            "nasbench201",
            f" {ARCH}\n",
            "--dataset",
            "Cifar10",
            "--epochs",
            200,
            "--seed",
            "mean",
            "--json",
        )
        == named
    )


@REAL
def test_query_of_a_seed_and_as_a_table(nasrepro):
    _, out, _ = nasrepro(
        "query", "nasbench201", 0, "--dataset", "cifar10", "--epochs", 200, "--seed", 888, "--json"
    )
    found = json.loads(out)
    assert (
        found["seed"] == 888
        and found["valid_accuracy"] == pytest.approx(0.81616)
        and "test_accuracy" not in found
    )
    _, out, _ = nasrepro("query", "nasbench201", 11472, "--dataset", "cifar10", "--epochs", 200)
    rows = [line.split() for line in out.splitlines()]
    assert ["index", "11472"] in rows and ["params", "559,386", "param"] in rows
    assert ["valid_accuracy", "0.9086", "fraction,", "valid"] in rows


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {2: ARCH.replace("nor_conv_3x3", "nor_conv_5x5", 1)},
            "'nor_conv_5x5'; did you mean 'nor_conv_3x3'",
        ),
        ({2: "|none~0|+|none~0|none~1|"}, "has 3 edges in 2 nodes, expected 6 edges in 3 nodes"),
        ({2: "two\nlines"}, r"'two\nlines' has 1 edges"),
        ({2: "15625"}, "index 15625 is out of range; accepted: 0..15624"),
        ({2: "²"}, "expected 6 edges"),
        ({2: "9" * 5000}, "expected 6 edges"),
        ({2: "1.0"}, "expected 6 edges"),
        ({1: "nasbench2O1"}, "unknown oracle 'nasbench2O1'; did you mean 'nasbench201'"),
        (
            {4: "cifar"},
            (
                "unknown data set of nasbench201: 'cifar'; did you mean 'cifar10'? (accepted: "
                "cifar10, cifar100, ImageNet16-120)"
            ),
        ),
        ({6: "90"}, "no cifar10 trainings of 90 epochs; accepted: 12, 200"),
        ({6: "many"}, "(see: nasrepro query --help)"),
        ({3: "--dateset"}, "No such option: --dateset"),
    ],
)
@REAL
def test_bad_queries(refused, changed, message):
    assert message in refused(*(changed.get(i, argument) for i, argument in enumerate(QUERY)))


@pytest.mark.parametrize(
    ("added", "message"),
    [
        (
            ["--seed", "111"],
            (
                "no cifar10 trainings of 200 epochs with seed 111; accepted: mean, 777, 888, 999, "
                "run1, run2, run3"
            ),
        ),
        (["--seed", "max"], "with seed 'max'; accepted"),
        (["--seed", "²"], "with seed '²'; accepted"),
        (["surplus"], "(see: nasrepro query --help)"),
    ],
)
@REAL
def test_bad_queries_with_more(refused, added, message):
    assert message in refused(*QUERY, *added)


def test_a_missing_seed_is_named(refused, nasbench201):
    index = int(
        np.flatnonzero(
            np.isnan(
                nasbench201.query_many(dataset="cifar10", epochs=200, seed=999)["valid_accuracy"]
            )
        )[0]
    )
    error = refused(
        "query", "nasbench201", index, "--dataset", "cifar10", "--epochs", 200, "--seed", 999
    )
    assert "has no cifar10 training of 200 epochs with seed 999; it has: 777, 888" in error


@REAL
def test_nothing_is_guessed(refused):
    assert "give --dataset; nasbench201 has cifar10, cifar100, ImageNet16-120" in refused(
        "query", "nasbench201", 0, "--epochs", 200
    )
    assert "give --epochs; nasbench201 has 12, 200 for cifar10" in refused(
        "query", "nasbench201", 0, "--dataset", "cifar10"
    )
    assert "(see: nasrepro query --help)" in refused("query")


def test_the_only_data_set_need_not_be_named(nasrepro):
    oracle = load_oracle("digits201")
    _, out, _ = nasrepro(
        "query", "digits201", oracle.space.index(oracle.archs()[0]), "--epochs", 30, "--json"
    )
    assert json.loads(out)["dataset"] == "digits"


# -- in a process of its own -----------------------------------------------------------------------
@REAL
def test_a_process_of_its_own(tmp_path):
    good = process(*QUERY, "--json", cwd=tmp_path)
    assert (good.returncode, good.stderr) == (0, "") and json.loads(good.stdout)["index"] == 1
    bad = process(
        "query", "nasbench201", 15625, "--dataset", "cifar10", "--epochs", 200, cwd=tmp_path
    )
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "error: cell201: index 15625 is out of range; accepted: 0..15624\n"


def test_without_its_table_a_query_says_how_to_get_it(tmp_path):
    bad = process(*QUERY, cwd=tmp_path, NASREPRO_DATA=str(tmp_path))
    assert bad.returncode == 2 and bad.stdout == ""
    where = tmp_path / "tables"
    assert bad.stderr == (
        f"error: the table of nasbench201 is not in {where}; get it with: nasrepro data "
        "fetch nasbench201\n"
    )


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    command = [
        sys.executable,
        "-c",
        "from nasrepro.__main__ import main; main()",
        "list",
        "--json",
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        running.stdout.close()
        assert running.stderr.read() == "" and running.wait() in (0, 1)


#: Runs the query and exits like the command line.
ASK = (
    f"import sys; sys.argv = ['', *{QUERY!r}]; from nasrepro.__main__ import main\n"
    "try: main()\nexcept SystemExit: pass"
)
HEAVY = (
    "torch",
    "pandas",
    "pyarrow",
    "matplotlib",
    "scipy",
    "sklearn",
    "numpy",
    "pydantic",
    "requests",
    "pooch",
)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [("import nasrepro.__main__", HEAVY), (ASK, ("torch", "matplotlib", "scipy", "sklearn"))],
)
@REAL
def test_imports_are_paid_for_by_what_uses_them(code, heavy, tmp_path):
    code += f"\nimport sys; print('found:', *[name for name in {heavy!r} if name in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert shown.splitlines()[-1].strip() == "found:"


# -- help ------------------------------------------------------------------------------------------
def commands(command, path=()):
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


ALL = list(commands(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_of_every_command(nasrepro, path):
    code, out, err = nasrepro(*path, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(" ".join(["Usage: nasrepro", *path])) and "--help" in out


def test_the_commands_there_are():
    assert {
        "list",
        "data fetch",
        "data info",
        "data verify",
        "query",
        "run",
        "report",
        "rank",
    } <= set(map(" ".join, ALL))


def test_without_a_command_the_help_is_shown(nasrepro):
    for path in ((), ("data",)):
        code, out, err = nasrepro(*path)
        assert (code, out) == (2, "") and err.startswith("Usage: nasrepro") and "error" not in err


def test_misspelt_commands(refused):
    assert "No such command 'quary'" in refused("quary") and "nasrepro --help" in refused("quary")
    assert "nasrepro data --help" in refused("data", "fetsh")


# -- list, data ------------------------------------------------------------------------------------
def test_list(nasrepro, refused):
    _, out, _ = nasrepro("list", "--json")
    found = json.loads(out)
    assert set(found) >= {"oracles", "spaces", "methods", "scorers", "plans"} and all(
        found.values()
    )
    assert {"nasbench201", "digits201"} <= {row["oracle"] for row in found["oracles"]}
    assert {"random_search", "regularized_evolution", "local_search", "reinforce"} <= {
        row["method"] for row in found["methods"]
    }
    assert {"params", "macs", "live_params", "live_conv_count"} <= {
        row["scorer"] for row in found["scorers"]
    }
    for kind in found:
        code, out, err = nasrepro("list", kind, "--json")
        assert (code, err) == (0, "") and json.loads(out) == found[kind]
        _, out, _ = nasrepro("list", kind)
        assert all(next(iter(row.values())) in out for row in found[kind])
    _, out, _ = nasrepro("list")
    assert all(kind in out for kind in found)
    assert "did you mean 'oracles'" in refused("list", "oracle")


@REAL
def test_data_info(nasrepro, refused):
    code, out, _ = nasrepro("data", "info", "nasbench201", "--json")
    (found,) = json.loads(out)
    assert code == 0 and found["oracle"] == "nasbench201" and found["rows"] == 15625
    assert found["present"] == str(TABLE.path) and found["bytes"] == TABLE.path.stat().st_size
    assert "cifar10: 200 epochs, seeds 777, 888, 999, run1, run2, run3" in found["data sets"]
    assert len(found["originals"]) == 6 and all("sha256" in each for each in found["originals"])
    assert "2001.00326" in found["citation"] and found["licence"] and found["notes"]
    _, out, _ = nasrepro("data", "info")
    assert "nasbench201\n" in out and "digits201\n" in out and found["sha256"] in out
    assert "did you mean 'nasbench201'" in refused("data", "info", "nasbench2o1")


def test_data_info_of_an_absent_table(nasrepro, tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))
    code, out, _ = nasrepro("data", "info", "nasbench201", "--json")
    (found,) = json.loads(out)
    assert (
        code == 0
        and found["present"].startswith("no; ")
        and "nasrepro data fetch nasbench201" in found["present"]
    )
    assert found["data sets"] == ["cifar10", "cifar100", "ImageNet16-120"]


@REAL
def test_data_verify_finds_one_changed_byte(nasrepro, refused, tmp_path, monkeypatch):
    assert json.loads(nasrepro("data", "verify", "nasbench201", "--json")[1]) == [
        {"table": "nasbench201", "result": "good"}
    ]
    here = TABLE.path
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))
    assert "nasrepro data fetch nasbench201" in refused("data", "verify", "nasbench201")
    code, out, _ = nasrepro("data", "verify", "--json")
    (row,) = (row for row in json.loads(out) if row["table"] == "nasbench201")
    assert code == 0 and row["result"].startswith("not here: ")
    TABLE.path.parent.mkdir()
    shutil.copyfile(here, TABLE.path)
    with TABLE.path.open("r+b") as file:
        file.seek(TABLE.path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    code, out, _ = nasrepro("data", "verify", "nasbench201", "--json")
    assert code == 1 and json.loads(out)[0]["result"].startswith("damaged: ")
    code, out, _ = nasrepro("data", "verify", "nasbench201")
    assert code == 1 and "damaged" in out


def test_data_fetch_with_nothing_to_be_had(nasrepro, refused, tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr("nasrepro.suite.data.spec.ORIGIN", "http://127.0.0.1:9")
    error = refused("data", "fetch", "nasbench201", "--quiet")
    assert "NASREPRO_MIRROR is not set. Connect to the network, or set NASREPRO_MIRROR" in error
    code, _, err = nasrepro("data", "fetch", "nasbench201")  # with its progress before it
    assert code == 2 and err.splitlines()[-1].startswith("error: cannot get ")
    code, out, err = nasrepro(
        *("data", "fetch", "--all", "--if-reachable", "--quiet", "--workers", "1")
    )
    assert (code, out) == (0, "") and "nasbench201: left out, cannot get " in err
    assert "to fetch, or give --all; accepted: " in refused("data", "fetch")
    assert "unknown table 'nothing'" in refused("data", "fetch", "nothing")


@pytest.mark.parametrize("damage", ["cut short", "changed"])
def test_data_fetch_of_damaged_originals(refused, tmp_path, monkeypatch, damage):
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("NASREPRO_MIRROR", str(tmp_path / "mirror"))
    file = TABLE.files["csv_cifar10"]
    path = tmp_path / "mirror" / file.path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"0" * (file.bytes - (damage == "cut short")))
    assert f"({damage}" in refused("data", "fetch", "nasbench201", "--quiet")


def test_a_damaged_original_keeps_no_other_table_from_being_made(nasrepro, tmp_path, monkeypatch):
    """And is told also where what cannot be reached may be left out."""
    specs = {name: oracles.get(name).info.table for name in ("nasbench201", "nasbench_macro")}
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("NASREPRO_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setattr("nasrepro.suite.data.spec.ORIGIN", "http://127.0.0.1:9")
    for file in specs["nasbench201"].files.values():
        path = tmp_path / "mirror" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0" * file.bytes)
    command = ("data", "fetch", *specs, "--if-reachable", "--workers", "1")
    code, _, err = nasrepro(*command)
    assert code == 2 and "nasbench201: left out, " in err and "changed" in err
    assert "nasbench_macro: left out, cannot get " in err
    assert err.splitlines()[-1].startswith("error: could not get nasbench201;")


def test_all_tables_and_names_are_not_asked_for_together(refused):
    assert "give names or --all, not both" in refused("data", "fetch", "--all", "nosuch")


@REAL
def test_data_fetch_of_what_is_there(nasrepro):
    code, out, err = nasrepro("data", "fetch", "nasbench201", "--quiet")
    assert (code, out, err) == (0, "", "")
    code, out, err = nasrepro("data", "fetch", "digits201", "nasbench201")
    assert (
        code == 0
        and "digits201: ships with the package" in err
        and f"nasbench201: {TABLE.path}" in err.replace("\n", "")
    )


def test_data_fetch_into_a_folder_that_cannot_be_written_to(refused, tmp_path, monkeypatch, mirror):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("NASREPRO_MIRROR", str(mirror))
    error = refused("data", "fetch", "nasbench201", "--quiet")
    assert f"cannot write to {tmp_path}/file/cache/tables" in error and "NASREPRO_DATA" in error


# -- rank ------------------------------------------------------------------------------------------
@REAL
def test_rank_of_params(nasrepro):
    code, out, err = nasrepro(
        "rank",
        "nasbench201",
        "--scorer",
        "params",
        "--dataset",
        "cifar100",
        "--resamples",
        200,
        "--json",
        "--quiet",
    )
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["n"], found["epochs"], found["metric"], found["scorer"]) == (
        15625,
        200,
        "test_accuracy",
        "params",
    )
    assert found["kendall"] == pytest.approx(0.5526, abs=5e-5) and found[
        "spearman"
    ] == pytest.approx(0.7273, abs=5e-5)
    for name in ("kendall", "spearman"):
        low, high = found[f"{name}_ci"]
        assert low < found[name] < high < low + 0.03


@REAL
def test_rank_as_a_table_and_of_several(nasrepro):
    some = ["--scorer", "macs", "--scorer", "live_params", "--resamples", 20, "--quiet"]
    _, out, _ = nasrepro(
        "rank",
        "nasbench201",
        "--dataset",
        "ImageNet16-120",
        "--epochs",
        12,
        "--metric",
        "valid_accuracy",
        *some,
    )
    assert "n = 15,625" in out and "macs" in out and "live_params" in out and "12 epochs" in out
    _, out, _ = nasrepro("rank", "nasbench201", "--dataset", "cifar10", *some, "--json")
    found = json.loads(out)
    assert [row["scorer"] for row in found] == ["macs", "live_params"]
    assert found == json.loads(
        nasrepro("rank", "nasbench201", "--dataset", "cifar10", *some, "--json")[1]
    )


def test_rank_without_a_scorer_leaves_out_what_a_space_does_not_count(nasrepro, real):
    real("bert_glue")
    code, out, err = nasrepro("rank", "bert_glue", "--dataset", "glue", "--resamples", 20, "--json")
    assert code == 0 and json.loads(out)["scorer"] == "live_conv_count"
    for name in ("params", "macs", "live_params"):
        assert f"{name} is left out: space bertcell does not count sizes" in err
    for name in ("flops", "zico_bias"):
        assert f"{name} is left out: space bertcell does not list the layers" in err
    real("spikenas")
    _, out, err = nasrepro(
        "rank", "spikenas", "--dataset", "cifar10", "--resamples", 20, "--json", "--quiet"
    )
    assert (len(json.loads(out)), err) == (6, "")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--scorer", "parms"], "unknown scorer 'parms'; did you mean 'params'"),
        (["--epochs", "7"], "no cifar10 trainings of 7 epochs"),
        (["--epochs", "0"], "no cifar10 trainings of 0 epochs"),
        (["--metric", "test_acc"], "did you mean 'test_accuracy'"),
        (["--metric", "valid_test_accuracy"], "has no valid_test_accuracy for cifar10"),
        (["--seed", "-1"], "nasrepro rank --help"),
        (["--resamples", "1"], "nasrepro rank --help"),
    ],
)
@REAL
def test_bad_rankings(refused, given, message):
    assert message in refused(
        "rank", "nasbench201", "--dataset", "cifar10", "--scorer", "params", "--quiet", *given
    )


# -- run -------------------------------------------------------------------------------------------
@pytest.fixture
def plan(tmp_path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def test_run_and_run_again(nasrepro, plan, tmp_path):
    given = [
        "run",
        "--plan",
        plan,
        "--store",
        tmp_path / "new" / "runs.sqlite",
        "--executor",
        "inline",
        "--quiet",
        "--json",
    ]
    code, out, err = nasrepro(*given)
    first = json.loads(out)
    assert (code, err) == (0, "")
    assert (first["finished"], first["there"], first["failed"]) == (2, 0, [])
    again = json.loads(nasrepro(*given)[1])
    assert (again["finished"], again["there"]) == (0, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("[[experiment]]", "[[experimnt]]"), "'experimnt'; did you mean 'experiment'"),
        (
            ("search_epochs = 30", "search_epochs = 30\nrepot_datasets = ['digits']"),
            "'repot_datasets'; did you mean 'report_datasets'",
        ),
        (("methods", "method"), "'method'; did you mean 'methods'"),
        (("queries = 3", "queries = 3, second = 1"), "'second'; did you mean 'seconds'"),
        (
            ('"random_search"', '"random_serch"'),
            "unknown method 'random_serch'; did you mean 'random_search'",
        ),
        (('"digits201"', '"digits2O1"'), "unknown oracle 'digits2O1'; did you mean 'digits201'"),
        (('"digits"', '"digit"'), "unknown data set of digits201: 'digit'; did you mean 'digits'"),
        (("search_epochs = 30", "search_epochs = 31"), "no digits trainings of 31 epochs"),
        (("queries = 3", ""), "a budget needs seconds, queries, or both"),
        (("seeds = 2", "seeds = "), "is not TOML"),
    ],
)
def test_bad_plans(refused, plan, tmp_path, changed, message):
    plan.write_text(PLAN.replace(*changed))
    error = refused("run", "--plan", plan, "--store", tmp_path / "runs.sqlite", "--quiet")
    assert message in error
    assert not (tmp_path / "runs.sqlite").exists()


OWN = '''"""Mine.

Deviations:
    - None.
"""
import nasrepro as nr


@nr.method("of_my_own", paper="ours", count=2)
def search(session, rng, *, count):
    for _ in range(count):
        session.evaluate(session.space.sample(rng))
'''


@pytest.fixture
def own(tmp_path) -> Iterator[Path]:
    """A file with a method of one's own, which is not registered any more afterwards."""
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    yield path
    methods._found.pop("of_my_own", None)


def test_a_plan_names_a_method_of_ones_own_with_parameters(nasrepro, plan, own, tmp_path):
    arms = '"random_search", { name = "of_my_own", count = 3 }'
    plan.write_text(PLAN.replace('"random_search"', arms))
    store = tmp_path / "runs.sqlite"
    given = ["run", "--plan", plan, "--store", store, "--executor", "inline", "--quiet", "--json"]
    code, out, _ = nasrepro(*given, "--method", own)
    assert (code, json.loads(out)["finished"]) == (0, 4)
    with Store(store, read_only=True) as opened:
        runs = [(each.key.method, dict(each.key.params), each.key.seed) for each in opened.runs()]
    assert sorted(runs, key=str) == [
        ("of_my_own", {"count": 3}, 0),
        ("of_my_own", {"count": 3}, 1),
        ("random_search", {}, 0),
        ("random_search", {}, 1),
    ], "as the plan says, and not with its defaults besides"


def test_a_method_of_ones_own_that_the_plan_does_not_name_runs_with_its_defaults(
    nasrepro, plan, own, tmp_path
):
    store = tmp_path / "runs.sqlite"
    given = ["run", "--plan", plan, "--store", store, "--executor", "inline", "--quiet", "--json"]
    code, out, _ = nasrepro(*given, "--method", own)
    assert (code, json.loads(out)["finished"]) == (0, 4)
    with Store(store, read_only=True) as opened:
        params = {each.key.method: dict(each.key.params) for each in opened.runs()}
    assert params == {"of_my_own": {"count": 2}, "random_search": {}}


def test_no_such_plan(refused, tmp_path):
    assert "unknown plan 'reproduc'; did you mean 'reproduce'" in refused(
        "run", "--plan", "reproduc"
    )
    assert "cannot read plan" in refused("run", "--plan", tmp_path / "absent.toml")


def test_stores_that_cannot_be_used(refused, plan, tmp_path):
    store = tmp_path / "runs.sqlite"
    given = ["run", "--plan", plan, "--store", store, "--executor", "inline", "--quiet"]
    with sqlite3.connect(store) as newer:
        newer.execute("PRAGMA user_version = 1000")
    newer.close()
    assert f"{store} was written by a newer nasrepro (store version 1000" in refused(*given)
    store.write_text("hello, this is a text and not a data base")
    assert f"{store} is not a results store" in refused(*given)
    assert "give another --store" in refused(*given[:4], plan / "runs.sqlite", *given[5:])


# -- width, errors, price --------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["methods", "studies", "oracles", "plans"])
def test_lists_fit_the_terminal(kind, monkeypatch, nasrepro):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = nasrepro("list", kind)
    assert max(map(len, out.splitlines())) <= 80
    monkeypatch.delenv("COLUMNS")
    _, piped, _ = nasrepro("list", kind)
    assert piped.count("\n") < out.count("\n")  # one line a row, for grep


@pytest.mark.parametrize(
    ("widths", "total", "fits"),
    [([3, 4], 80, [3, 4]), ([10, 50, 60], 80, [10, 33, 33]), ([50] * 9, 20, [5] * 9), ([], 9, [])],
)
def test_columns_are_cut_where_they_are_widest(widths, total, fits):
    assert fitting(widths, total) == fits


def test_a_table_keeps_the_lines_of_its_cells_and_may_be_empty(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    print_table(["check", "found"], [["run", "Traceback:\n" + "word " * 20 + "\nlast"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["run", "Traceback:"] and lines[-1].split() == ["last"]
    assert len(lines) == 6 and max(map(len, lines)) <= 80
    print_table(["check", "found"], [])
    assert capsys.readouterr().out.split()[:2] == ["check", "found"]


def test_errors_are_json_where_json_is_asked_for(nasrepro):
    code, out, err = nasrepro("query", "digits202", "5", "--json")
    assert code == 2 and err.startswith("error: unknown oracle")
    assert json.loads(out)["error"]["kind"] == "UnknownName"
    code, out, _ = nasrepro("query", "--json")
    assert code == 2 and json.loads(out)["error"]["kind"] == "usage"


def test_lists_are_typed_in_json(nasrepro):
    rows = json.loads(nasrepro("list", "--json")[1])
    digits = next(row for row in rows["oracles"] if row["oracle"] == "digits201")
    assert digits["here"] is True and digits["trains"] is False and digits["datasets"] == ["digits"]
    zico = next(row for row in rows["methods"] if row["method"] == "zico")
    assert zico["title"] == "ZiCo" and isinstance(zico["parameters"], dict)


def test_an_oracle_that_trains_says_so_before_it_does():
    price = _price(load_oracle("trained201"), "digits", 1, "mean")
    assert re.fullmatch(
        r"trained201 trains what it does not have: up to \d+ networks? of 1 .*", price
    )
