"""Finding plug-ins: by name, by file, by entry point; and the hash of their source."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import RANDOM, SPACE, Toy, named, source, toy_fixture  # noqa: F401

from nasrepro.oracles import devices as devices_folder
from nasrepro.suite import registry
from nasrepro.suite.errors import NasreproError, ProtocolError, UnknownName
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import (
    devices,
    images_called,
    load_oracle,
    methods,
    oracle,
    oracles,
    original_images,
    scorers,
)
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch


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


DEVICES = """
import sys
from nasrepro.suite.errors import DataMissing
from nasrepro.suite.registry import devices, load_devices
for name in ("hwnasbench360", "accelnasbench"):
    assert devices.has(name) and devices.get(name).info.name == name
    assert f"nasrepro.oracles.devices.{name}" in sys.modules
assert "nasrepro.oracles.nasbench201" not in sys.modules, "no look-up has imported all oracles"
assert {"hwnasbench360", "accelnasbench"} <= set(devices.names())
for name in devices.names():
    try:
        assert load_devices(name).info.name == name
    except DataMissing:
        pass
"""


def test_devices_are_found_by_name_before_any_oracle_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", DEVICES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_table_of_devices_stands_in_a_file_of_its_name() -> None:
    """Or its name is found only once some other file has been imported."""
    folder = Path(devices_folder.__file__).parent
    made = {
        path.relative_to(folder.parent)
        for path in folder.parent.rglob("*.py")
        if "@device_table(" in path.read_text(encoding="utf-8")
    }
    shipped = [entry for entry in devices.all() if entry.load.__module__.startswith("nasrepro.")]
    assert made == {Path("devices", f"{entry.name}.py") for entry in shipped}
    for entry in shipped:
        assert entry.load.__module__ == f"nasrepro.oracles.devices.{entry.name}"
        assert entry.info.name == entry.name


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
        ("raise GeneratorExit\n", "failed to import: GeneratorExit"),
        (
            "class Stop(BaseException):\n    pass\n\nraise Stop('here')\n",
            r"failed to import: Stop: here \(mine.py, line 4\)",
        ),
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


def test_ctrl_c_while_a_file_is_imported_is_no_error_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        methods.from_file(written(tmp_path, "raise KeyboardInterrupt\n"))


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


def given_to(defaults: str, folder: Path) -> Callable[..., Any]:
    """What becomes of values for a method's one parameter, which has that default."""
    text = FIFTEEN_LINES.replace("population=10", f"population={defaults}")
    found = methods.from_file(written(folder, text))
    return lambda value: found.params({"population": value})["population"]


@pytest.mark.parametrize("zero", [-0.0, 0.0, 0, -0])
def test_zero_is_one_parameter_whatever_its_sign(zero: float, tmp_path: Path) -> None:
    assert str(given_to("0.5", tmp_path)(zero)) == "0.0"
    assert str(given_to("[0.5]", tmp_path)([zero, 1])) == "[0.0, 1.0]"


@pytest.mark.parametrize(
    ("default", "value", "taken"),
    [
        ("[0.5, 1.0]", [1, 2.5], "[1.0, 2.5]"),
        ("(0.5,)", (1, 2), "[1.0, 2.0]"),
        ("[3]", [1.0, 2], "[1, 2]"),
        ("[3]", [], "[]"),
        ("['a']", ["b", "c"], "['b', 'c']"),
        ("[]", [1, "b"], "[1, 'b']"),
    ],
)
def test_elements_of_a_list_of_numbers_are_of_the_type_of_its_default_s(
    default: str, value: list[Any], taken: str, tmp_path: Path
) -> None:
    assert str(given_to(default, tmp_path)(value)) == taken


@pytest.mark.parametrize(
    ("default", "value"),
    [
        ("[0.5]", [1.0, "x"]),
        ("[0.5]", [True]),
        ("[0.5]", [float("nan")]),
        ("[3]", ["1"]),
        ("[3]", [1.5]),
        ("[3]", [[1]]),
    ],
)
def test_what_is_no_number_in_a_list_of_numbers_is_refused(
    default: str, value: list[Any], tmp_path: Path
) -> None:
    with pytest.raises(NasreproError, match="parameter population of method mine, an element: "):
        given_to(default, tmp_path)(value)


# -- one search ------------------------------------------------------------------------------------
def searched(body: str, **budget: float) -> tuple[Arch, Session]:
    """What a method with that body gives on the toy, and the session after it."""
    made = Session(
        Toy(),
        dataset="toys",
        epochs=1,
        budget=Budget(**budget or {"queries": 20}),  # type: ignore[arg-type]
    )
    method = methods.from_file(Path("toy_method.py"), source(body, count=3))
    return method.run(made, np.random.default_rng(0), count=4.0), made


def test_a_search_ends_with_its_budget_and_gives_the_best() -> None:
    chosen, made = searched("while True:\n    session.evaluate(session.space.sample(rng))")
    assert made.exhausted and made.queries == 20
    best = max(made.ledger.evaluations, key=lambda done: done.score)
    assert chosen == best.arch == made.best()


def test_a_search_gives_what_its_method_chose_and_takes_parameters() -> None:
    chosen, made = searched("session.evaluate(session.space.at(5))\nreturn session.space.at(count)")
    assert (chosen, made.best(), made.exhausted) == (SPACE.at(4), SPACE.at(5), False)
    kept, _ = searched("session.evaluate(session.space.at(5))\nsession.keep(session.space.at(9))")
    assert kept == SPACE.at(9)
    with pytest.raises(UnknownName, match="parameter of method toy_method: 'size'"):
        methods.from_file(Path("toy_method.py"), source("pass")).run(
            made, np.random.default_rng(0), size=1
        )


def test_trainings_that_a_method_leaves_running_are_waited_for() -> None:
    chosen, made = searched("for n in range(count):\n    session.submit(session.space.at(n))")
    assert made.queries == 4 and not made.exhausted
    assert {done.arch for done in made.ledger.evaluations} == {SPACE.at(n) for n in range(4)}
    assert chosen == made.best() and made.ledger.wall_s < made.clock_s


def test_oracles_are_closed_to_a_method_until_its_search_has_ended() -> None:
    ask = (
        "from nasrepro.suite.registry import load_oracle\n"
        "oracle = load_oracle('digits201')\n"
        "oracle.query(oracle.archs()[0], dataset='digits', epochs=30)"
    )
    with pytest.raises(ProtocolError, match="session"):
        searched(ask)
    oracle = load_oracle("digits201")
    assert oracle.query(oracle.archs()[0], dataset="digits", epochs=30).values


def test_a_budget_that_covers_no_training_is_an_error_of_the_search() -> None:
    with pytest.raises(ProtocolError, match="the budget does not cover one training"):
        searched("while True:\n    session.evaluate(session.space.sample(rng))", seconds=1.0)
    with pytest.raises(ProtocolError, match="evaluated nothing"):
        searched("return None")


def test_a_search_may_import_what_stands_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "beside_it.py").write_text("NUMBER = 7\n")
    text = source("from beside_it import NUMBER\nreturn session.space.at(NUMBER)")
    method = methods.from_file(written(tmp_path, text))
    made = Session(Toy(), dataset="toys", epochs=1, budget=Budget(queries=1))
    assert method.run(made, np.random.default_rng(0)) == SPACE.at(7)


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


def test_sets_of_images_have_names_in_any_case_and_copies_one_original():
    assert images_called("imagenet16-120").name == "ImageNet16-120"
    with pytest.raises(UnknownName, match="unknown set of images 'CIFAR1'; did you mean 'cifar10'"):
        images_called("CIFAR1")
    assert {original_images(name) for name in ("CIFAR10", "Cifar10_JPEG")} == {"cifar10"}
    assert original_images("ImageNet16-120") == "imagenet16-120"
    assert original_images("My_Own") == "my_own", "not registered: its own"
