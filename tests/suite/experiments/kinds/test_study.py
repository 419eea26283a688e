"""Studies: measurements that are no searches.

They are followed from the decorator to the store and the command line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from toys import nasrepro

from nasrepro import __main__ as cli
from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.experiments.cells import cells_of
from nasrepro.suite.experiments.kinds.study import StudyCell, StudyKey, StudyRecord
from nasrepro.suite.experiments.plan import Plan, load_plan
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.experiments.worker import Refused, execute_here
from nasrepro.suite.registry import studies

STUDY = """
from nasrepro.suite.registry import load_oracle, study

@study("{name}", paper="none", by=("epochs",), oracle="digits201", draws=3)
def measure(rng, *, oracle, draws):
    \"\"\"Mean accuracy of a few random cells.\"\"\"
    opened = load_oracle(oracle)
    for epochs in (10, 30):
        archs = [opened.space.sample(rng) for _ in range(draws)]
        yield {{"epochs": epochs, "accuracy": float(opened.query_many(archs, dataset="digits", epochs=epochs)["valid_accuracy"].mean())}}
        {more}
"""  # noqa: E501


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    """A plan with one study of a user's file, at two seeds."""
    file = tmp_path / "mine.py"
    file.write_text(STUDY.format(name="mine.accuracy", more=""))
    studies.add("mine.accuracy", studies.from_file(file), "mine")
    path = tmp_path / "plan.toml"
    path.write_text('[[study]]\nname = "mine.accuracy"\ndraws = 5\nseeds = 2\n')
    yield load_plan(str(path))


def test_a_study_goes_from_a_plan_to_the_store_and_is_not_measured_twice(
    plan: Plan, tmp_path: Path
) -> None:
    cells = cells_of(plan)
    assert [cell.key.params for cell in cells if isinstance(cell, StudyCell)] == [
        {"oracle": "digits201", "draws": 5}
    ] * 2
    with Store(tmp_path / "s.sqlite") as store:
        first = run_cells(cells, store, executor="inline")
        assert (first.finished, first.failed) == (2, ()) and run_cells(
            cells, store, executor="inline"
        ).there == 2
        found = list(store.studies())
        assert list(store.manifest()["tables"]) == ["digits201"]
    assert {record.key.seed for record in found} == {0, 1} and all(
        record.by == ("epochs",) for record in found
    )
    assert found[0].rows != found[1].rows and all(
        0.1 <= row["accuracy"] <= 1 for record in found for row in record.rows
    )
    again, _ = execute_here(cells[0])
    assert isinstance(again, StudyRecord)
    assert again.rows == next(record.rows for record in found if record.key == again.key), (
        "the same seed gave other rows"
    )


def test_the_hash_of_a_named_table_is_in_the_key(plan: Plan) -> None:
    key = cells_of(plan)[0].key
    assert isinstance(key, StudyKey) and len(key.tables["digits201"]) == 64
    other = StudyCell(
        StudyKey(key.study, key.study_sha256, key.params, {"digits201": "0" * 64}, key.seed)
    )
    assert execute_here(other) == Refused("", "another version of the tables of digits201")


def test_rows_with_other_columns_are_a_recorded_failure(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text(STUDY.format(name="odd.rows", more='yield {"epochs": 1, "other": 2}'))
    entry = studies.from_file(file)
    studies.add(entry.name, entry, "odd")
    key = cells_of(Plan.model_validate({"study": [{"name": "odd.rows"}]}))[0].key
    record, _ = execute_here(StudyCell(key))  # type: ignore[arg-type]
    assert (
        record.status == "failed"
        and "a row has the columns ['epochs', 'other'], expected ['epochs', 'accuracy']"
        in record.error
    )


def test_wrong_names_say_what_there_is(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="parameter of study mine"):
        cells_of(Plan.model_validate({"study": [{"name": "mine.accuracy", "drawz": 3}]}))
    with pytest.raises(UnknownName, match="study"):
        cells_of(Plan.model_validate({"study": [{"name": "nobody.knows"}]}))
    file = tmp_path / "bad.py"
    file.write_text(STUDY.format(name="bad.defaults", more="").replace(", draws=3", ""))
    with pytest.raises(NasreproError, match="they must be the same"):
        studies.from_file(file)


def test_a_number_that_cannot_be_kept_is_a_failure_of_its_own_measurement(tmp_path: Path) -> None:
    file = tmp_path / "narrow.py"
    file.write_text(
        "import numpy\n"
        + STUDY.format(name="narrow.rows", more="").replace("float(opened", "numpy.float32(opened")
    )
    studies.add("narrow.rows", studies.from_file(file), "narrow")
    with Store(tmp_path / "s.sqlite") as store:
        outcome = run_cells(
            cells_of(Plan.model_validate({"study": [{"name": "narrow.rows"}]})),
            store,
            executor="inline",
        )
    assert [record.status for record in outcome.failed] == [
        "failed"
    ] and "float32" in outcome.failed[0].error


@pytest.mark.parametrize("given", ["name=x", "seeds=3", "draws"])
def test_what_is_no_parameter_is_an_error_on_one_line(
    given: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nasrepro", "study", "mine.accuracy", "--param", given])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert capsys.readouterr().err.startswith(f"error: --param {given!r}")


def test_a_study_that_nobody_has_ends_the_command_with_its_name(tmp_path: Path) -> None:
    process = nasrepro(tmp_path, "study", "nobody.knows")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "nobody.knows" in err
    process = nasrepro(tmp_path, "list", "studies", "--json")
    out, _ = process.communicate(timeout=60)
    assert all(set(row) == {"study", "paper", "parameters", "what"} for row in json.loads(out))
