"""Finding plug-ins: by name, by file, by entry point; and the hash of their source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toys import RANDOM, Toy, named, source, toy_fixture  # noqa: F401

from nasrepro.suite import registry
from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import load_oracle, methods, oracle, oracles, scorers
from nasrepro.suite.search import Budget, Session


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# -- by name ---------------------------------------------------------------------------------------
NAMED = """
import sys
from nasrepro.suite.registry import methods, scorers
known = methods.known(), scorers.known()
assert methods.has("darts") and scorers.has("zico") and methods.ships("darts")
files = {name for name in sys.modules if name.startswith("nasrepro.methods.")}
assert files <= {"nasrepro.methods.scorers"}, "a package, and none of its files"
assert known == (methods.names(), scorers.names())
assert not methods.ships("darts") and not methods.has("no_such_method")
"""


def test_names_are_told_from_the_files_alone() -> None:
    """Colours of figures and marks of own methods go by them: all must be found."""
    done = subprocess.run([sys.executable, "-c", NAMED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# -- by file ---------------------------------------------------------------------------------------
FIFTEEN_LINES = '''"""My method.

Deviations:
    - None known.
"""

from nasrepro.suite.registry import method


@method("mine", paper="none", population=10)
def search(session, rng, *, population):
    """Keep the best of a population."""
    for _ in range(population):
        session.evaluate(session.space.sample(rng))
'''


def test_a_file_of_fifteen_lines_is_a_method(tmp_path: Path) -> None:
    found = methods.from_file(written(tmp_path, FIFTEEN_LINES))
    assert (found.name, found.paper, dict(found.defaults), found.source) == (
        "mine",
        "none",
        {"population": 10},
        FIFTEEN_LINES,
    )
    assert (
        found.path == str(tmp_path / "mine.py")
        and found.deviations == ("None known.",)
        and found.doc.startswith("My method.")
    )
    made = Session(Toy(), dataset="toys", epochs=1, budget=Budget(queries=99))
    found.search(made, np.random.default_rng(0), **found.defaults)
    assert made.queries == 10
    assert "mine" not in methods.names()  # a file opened by path does not join the shipped ones


def test_the_text_stands_for_a_file_that_is_elsewhere() -> None:
    there = methods.from_file(Path("/nowhere/mine.py"), FIFTEEN_LINES)
    assert there.name == "mine" and there is methods.from_file(
        Path("/nowhere/mine.py"), FIFTEEN_LINES
    )


def test_one_file_may_be_opened_again_after_an_edit(tmp_path: Path) -> None:
    first = methods.from_file(written(tmp_path, source("return None", "edited")))
    second = methods.from_file(written(tmp_path, source("return session.space.at(0)", "edited")))
    assert first.source_sha256 != second.source_sha256 and first.search is not second.search


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            FIFTEEN_LINES + FIFTEEN_LINES.replace('"mine"', '"yours"'),
            r"registers 2 methods \(mine, yours\), expected one @method",
        ),
        ('"""Nothing."""\n', r"registers 0 methods \(none\), expected one @method"),
        ("def search(:\n", r"failed to import: SyntaxError: .*line 1"),
        (
            "import no_such_module\n",
            "failed to import: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("raise SystemExit(3)\n", "failed to import: SystemExit: 3"),
        (
            FIFTEEN_LINES.replace("population=10", "size=10"),
            r"decorator gives \['size'\].*parameters \['population'\].*must be the same",
        ),
        *(
            (
                FIFTEEN_LINES.replace("population=10", f"population={wrong}"),
                "must be finite numbers",
            )
            for wrong in ("object()", "float('nan')", "float('-inf')")
        ),
        (
            FIFTEEN_LINES.replace("population=10", 'at_least={"size": 2}, population=10'),
            "bounded parameter of method mine: 'size'",
        ),
        (
            FIFTEEN_LINES.replace("population=10", 'at_least={"population": 12}, population=10'),
            "the default 10 of population is out of the bound 12",
        ),
        (
            FIFTEEN_LINES.replace(", *, population", ", population"),
            r"decorator gives \['population'\].*parameters \[\]",
        ),
    ],
)
def test_a_file_that_is_no_method_says_why_on_one_line(
    text: str, message: str, tmp_path: Path
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(NasreproError, match=message) as caught:
        methods.from_file(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(NasreproError, match=r"cannot read method file .*absent.py \(No such file"):
        methods.from_file(tmp_path / "absent.py")
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe")
    with pytest.raises(NasreproError, match="no UTF-8 text"):
        methods.from_file(tmp_path / "bytes.py")
    with pytest.raises(NasreproError, match="cannot read method file"):
        methods.from_file(tmp_path)


def test_a_method_file_may_import_a_shipped_method(tmp_path: Path) -> None:
    sys.modules.pop("methods.random_search", None)  # as in a process that has not used it yet
    text = FIFTEEN_LINES.replace(
        "from suite", "from nasrepro.methods import random_search\nfrom suite"
    )
    assert methods.from_file(written(tmp_path, text)).name == "mine"
    assert methods.get("random_search").name == "random_search"


def test_a_file_with_the_name_of_a_shipped_method_leaves_that_alone(tmp_path: Path) -> None:
    mine = methods.from_file(written(tmp_path, source("return None", "random_search")))
    assert methods.get("random_search").source_sha256 != mine.source_sha256


# -- the hash --------------------------------------------------------------------------------------
PLAIN = source("x = 1\nreturn session.space.at(x)")


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("x = 1", "x = 1  # one\n\n    # two"),
        PLAIN.replace("x = 1", "x  =  (\n        1\n    )"),
        PLAIN.replace("A toy.", "A better toy."),
        PLAIN.replace("    x = 1", '    """Search."""\n    x = 1'),
        PLAIN.partition('"""\n\n')[2],  # without the module's docstring
    ],
)
def test_comments_docstrings_and_layout_do_not_change_the_hash(text: str, tmp_path: Path) -> None:
    assert text != PLAIN
    assert (
        methods.from_file(written(tmp_path, text)).source_sha256
        == methods.from_file(written(tmp_path, PLAIN)).source_sha256
    )


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("x = 1", "x = 2"),
        PLAIN.replace("import method", "import method, scorer"),
        PLAIN + "\nLATER = 3\n",
    ],
)
def test_code_changes_the_hash(text: str, tmp_path: Path) -> None:
    assert (
        methods.from_file(written(tmp_path, text)).source_sha256
        != methods.from_file(written(tmp_path, PLAIN)).source_sha256
    )


def test_the_path_does_not_change_the_hash(tmp_path: Path) -> None:
    here, there = written(tmp_path, PLAIN), written(tmp_path, PLAIN, "other.py")
    assert methods.from_file(here).source_sha256 == methods.from_file(there).source_sha256 != ""


@pytest.mark.parametrize("name", methods.names())
def test_every_shipped_method_has_a_hash_and_the_name_of_its_file(name: str) -> None:
    found = methods.get(name)
    assert (
        len(found.source_sha256) == 64
        and Path(found.path).stem == name
        and found.paper
        and not found.source
    )


@pytest.mark.parametrize("name", scorers.names())
def test_every_shipped_scorer_has_a_hash(name: str) -> None:
    assert len(scorers.get(name).source_sha256) == 64


# -- names and parameters --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("look_up", "wrong", "near"),
    [
        (methods.get, "random_serch", "random_search"),
        (methods.get, "Regularized_Evolution", "regularized_evolution"),
        (scorers.get, "parms", "params"),
        (oracles.get, "nasbench210", "nasbench201"),
        (load_oracle, "nasbench-201", "nasbench201"),
    ],
)
def test_an_unknown_name_gets_the_nearest(look_up: object, wrong: str, near: str) -> None:
    with pytest.raises(UnknownName, match=rf"'{wrong}'; did you mean '{near}'\? \(accepted: "):
        look_up(wrong)  # type: ignore[operator]


@pytest.mark.parametrize(
    "odd", ["", "scorers", "no such thing", "../methods", "__init__", "os.path"]
)
def test_an_odd_name_is_an_unknown_one(odd: str) -> None:
    with pytest.raises(UnknownName):
        methods.get(odd)


def test_parameters_override_defaults_and_unknown_ones_are_refused() -> None:
    found = methods.get("regularized_evolution")
    assert found.params({}) == dict(found.defaults)
    assert found.params({"sample": 5}) == {**found.defaults, "sample": 5}
    with pytest.raises(
        UnknownName,
        match=r"parameter of method regularized_evolution: 'populaton'; did you mean 'population'",
    ):
        found.params({"populaton": 5})


@pytest.mark.parametrize(
    ("defaults", "given", "accepted"),
    [
        ("count=10", {"count": 1}, True),
        ("count=10", {"count": 0}, False),
        ("count=0", {"count": 0}, True),
        ("count=0", {"count": -1}, False),
        ("share=0.5", {"share": 0}, True),
        ("share=0.5", {"share": -0.1}, False),
        ("slope=-0.07", {"slope": -9}, True),
        ("floors=[1]", {"floors": [-1]}, True),
        ('at_least={"count": 0}, count=10', {"count": 0}, True),
        ('at_least={"eta": 2}, eta=3', {"eta": 1}, False),
        ('at_most={"share": 1}, share=0.5', {"share": 1}, True),
        ('at_most={"share": 1}, share=0.5', {"share": 1.5}, False),
    ],
)
def test_a_number_has_bounds_by_its_default_or_as_its_method_says(
    defaults: str, given: dict[str, float], accepted: bool, tmp_path: Path
) -> None:
    (name,) = given
    text = FIFTEEN_LINES.replace("population=10", defaults).replace("population", name)
    found = methods.from_file(written(tmp_path, text))
    if accepted:
        assert found.params(given) == given
    else:
        message = f"parameter {name} of method mine: .* is too (small|large); give at"
        with pytest.raises(NasreproError, match=message):
            found.params(given)


def test_deviations_are_read_item_by_item(tmp_path: Path) -> None:
    assert methods.from_file(written(tmp_path, RANDOM)).deviations == (
        "It is a toy, no more.",
        "It is short.",
    )
    none = methods.from_file(written(tmp_path, RANDOM.replace("Deviations", "Differences")))
    assert none.deviations == ()


# -- by entry point --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("zico", "ZiCo"),
        ("autoshrink_op", "AutoShrink-Op"),
        ("nsga2", "NSGA-II"),
        ("msnas", "MSNAS-inspired"),
        ("amc_network", "AMC network"),
        ("regularized_evolution", "Regularized evolution"),
    ],
)
def test_a_method_is_spelled_as_in_its_paper(name: str, title: str) -> None:
    assert methods.get(name).title == title


def test_a_docstring_that_begins_with_something_else_is_no_name(tmp_path: Path) -> None:
    path = tmp_path / "walk.py"
    text = '"""%s\n"""\nimport nasrepro as nr\n\n\n@nr.method("walk", paper="ours")\n'
    text += "def search(session, rng):\n    return None\n"
    for first, title in (("Walk: uphill.", "Walk"), ("A walk (ours).", "walk"), ("", "walk")):
        path.write_text(text % first, encoding="utf-8")
        assert methods.from_file(path).title == title


def test_an_installed_package_brings_an_oracle(toy: Oracle, tmp_path: Path) -> None:
    """The fixture has put a package with an entry point on the path.

    Here its module is found by that.
    """
    entry = tmp_path / "plugin" / "toy_plugin.py"
    entry.write_text(entry.read_text().replace("toys.INFO", "toys.named('by_entry_point')"))
    assert registry.oracles.get("by_entry_point").info == named("by_entry_point")
    assert (
        load_oracle("by_entry_point").query(toy.space.at(0), dataset="TOYS", epochs=1).dataset
        == "toys"
    )


def test_an_oracle_is_opened_once(toy: Oracle) -> None:
    opened = []
    oracle(named("opened_once"))(lambda: opened.append(1) or Toy(named("opened_once")))
    assert load_oracle("opened_once") is load_oracle("opened_once") and opened == [1]
