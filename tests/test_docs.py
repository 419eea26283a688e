"""README and CONTRIBUTING say what is so.

Their code runs, their commands exist, their tables stand in results/.
"""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from nasrepro.__main__ import app
from nasrepro.suite.claims import Claim, load_claims
from nasrepro.suite.data import fetch_table
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.oracle import Dataset
from nasrepro.suite.registry import devices, load_oracle, methods, oracles, scorers
from nasrepro.suite.search import Budget, Session

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_the_method_they_show_runs(text, tmp_path):
    from nasrepro.suite.errors import BudgetExhausted

    (code,) = [block for block in blocks(text, "python") if "@nr.method" in block]
    (tmp_path / "my_method.py").write_text(code, encoding="utf-8")
    entry = methods.from_file(tmp_path / "my_method.py")
    session = Session(
        load_oracle("digits201"), dataset="digits", epochs=12, budget=Budget(queries=20)
    )
    with pytest.raises(BudgetExhausted):
        import numpy as np

        entry.search(session, np.random.default_rng(0), **entry.defaults)
    assert session.queries == 20


def test_the_scorer_of_contributing_runs(tmp_path):
    (code,) = [block for block in blocks(CONTRIBUTING, "python") if "@nr.scorer" in block]
    (tmp_path / "depth.py").write_text(code, encoding="utf-8")
    entry = scorers.from_file(tmp_path / "depth.py")
    space = load_oracle("digits201").space
    chain = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_1x1~2|"
    assert entry.score(space, space.parse(chain), Dataset("digits", 10, 8)) == 3


def test_the_oracle_and_the_device_of_contributing_open(tmp_path, monkeypatch):
    """With originals of the hashes that they name, in a mirror."""
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("NASREPRO_MIRROR", str(tmp_path))
    folder = tmp_path / "owner" / "repository" / "commit"
    folder.mkdir(parents=True)
    (folder / "accuracies.txt").write_text("90.0\n" * 15625, encoding="utf-8")
    (folder / "latencies.txt").write_text("2.5\n" * 15625, encoding="utf-8")
    opened = {}
    for kind, mark in ((oracles, "@oracle("), (devices, "@device_table(")):
        (code,) = [block for block in blocks(CONTRIBUTING, "python") if mark in block]
        (tmp_path / "file.py").write_text(code, encoding="utf-8")
        entry = kind.from_file(tmp_path / "file.py")
        fetch_table(entry.info.table)
        opened[entry.name] = entry.load()
    table, source = opened["my_table"], opened["my_source"]
    arch = table.space.at(7)
    assert table.query(arch, dataset="cifar10", epochs=200).values == {"valid_accuracy": 0.9}
    assert source.value(arch, "my_source/my_phone", "cifar10") == 2.5


def test_the_space_of_contributing_is_a_space():
    (code,) = [block for block in blocks(CONTRIBUTING, "python") if "SearchSpace)" in block]
    names: dict[str, object] = {}
    exec(code, names)
    space = names["Chain"](channels=2, in_channels=1)
    assert [space.format(space.parse(space.format(arch))) for arch in space] == [
        space.format(arch) for arch in space
    ]
    assert space.convs(space.parse("131")) == 3
    size = space.complexity(space.parse("131"), classes=3, size=4)
    assert size.params == (2 + 4) + (36 + 4) + (4 + 4) + (6 + 3)
    assert size.macs == (2 + 36 + 4) * 16 + 6
    assert space.with_network(channels=4).network == {"channels": 4, "in_channels": 1}
    with pytest.raises(InvalidArch, match="not three of the digits"):
        space.parse("132")


def module(code: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file with this code, imported."""
    (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, made)
    spec.loader.exec_module(made)
    return made


def test_the_kind_of_claim_of_contributing_judges(tmp_path, monkeypatch):
    (code,) = [block for block in blocks(CONTRIBUTING, "python") if "(Strict)" in block]
    kind = module(code, "count_kind", tmp_path, monkeypatch).Count(oracle="digits201")
    about = {"id": "x", "paper": "p", "statement": "s", "where": "w", "source": "paper"}
    count = len(load_oracle("digits201").archs())
    for value, verdict in ((count, "reproduced"), (count + 1, "not reproduced")):
        claim = Claim.model_validate(
            {**about, "value": value, "lookup": {"oracle": "digits201", "dataset": "digits",
             "epochs": 30, "metric": "test_accuracy"}}
        )  # fmt: skip
        assert kind.needs() == () and not kind.seeds(claim)
        assert kind.judge(claim, None).verdict == verdict


def test_the_kind_of_experiment_of_contributing_runs(tmp_path, monkeypatch):
    from nasrepro.suite.experiments.kind import KINDS
    from nasrepro.suite.experiments.store import Store

    for name, kind in KINDS.items():
        monkeypatch.setitem(KINDS, name, kind)
    (code,) = [block for block in blocks(CONTRIBUTING, "python") if "register(\n" in block]
    made = module(code, "best_kind", tmp_path, monkeypatch)
    try:
        part = made.BestPart(oracle="digits201", dataset="digits", epochs=30)
        (cell,) = KINDS["best"].cells(part, [])
        record, _ = cell.conclude(*cell.perform())
        assert record == made.BestRecord.from_json(record.to_json())
        with Store(tmp_path / "results.sqlite") as store:
            store.add(record)
            ((run_id, kept),) = store.identified("best")
        assert run_id == cell.key.run_id
        oracle = load_oracle("digits201")
        best = oracle.best("digits", 30, oracle.info.objective_of("digits").name)[0]
        assert [row["value"] for row in made.rows(kept)] == [best]
    finally:
        del KINDS["best"]


def test_the_table_of_contributing_is_placed(tmp_path, monkeypatch):
    from types import SimpleNamespace

    (code,) = [block for block in blocks(CONTRIBUTING, "python") if "TableDoc(" in block]
    made = module(code, "own_table", tmp_path, monkeypatch)
    groups = [SimpleNamespace(method=name, seeds=[0] * n) for name, n in (("a", 3), ("a", 2))]
    (doc,) = made.tables(SimpleNamespace(chosen=SimpleNamespace(groups=groups)))
    assert [[cell.text for cell in row] for row in doc.rows] == [["a", "5"]]
    assert list(made.tables(SimpleNamespace(chosen=SimpleNamespace(groups=[])))) == []


def test_the_claims_of_contributing_are_claims(tmp_path):
    text, table = blocks(CONTRIBUTING, "toml")
    path = tmp_path / "paper.toml"
    path.write_text(text, encoding="utf-8")
    assert [claim.value for claim in load_claims([path])] == [93.70]
    head = 'paper = "arXiv:0000.00000"\ntitle = "The paper"\n'
    path.write_text(head + table.replace("where =", 'source = "paper"\nwhere ='), encoding="utf-8")
    claims = {claim.id: claim for claim in load_claims([path])}
    assert len(claims) == 7 and "paper-snip-c100-kendall" not in claims
    spearman = claims["paper-snip-c10-spearman"]
    assert spearman.statement == "SNIP: spearman 0.63 with test accuracy on cifar10"
    assert (spearman.kind, spearman.value) == ("ranking", 0.63)


def test_the_oracle_code_of_readme_runs(nasbench201):
    (code,) = [block for block in blocks(README, "python") if "nr.load(" in block]
    names: dict[str, object] = {}
    exec(code, names)
    assert names["oracle"] is load_oracle("nasbench201")


def test_every_command_of_readme_exists():
    import typer

    known = typer.main.get_command(app).commands
    found = re.findall(r"nasrepro ((?!as\b)[a-z-]+)", README)
    assert {"run", "report", "query", "rank", "data"} <= set(found)
    assert [name for name in found if name not in known] == []


def test_readme_names_every_oracle():
    table = README[README.index("| oracle |") :]
    named = re.findall(r"`([a-z0-9_]+\*?)`", table)
    missing = [
        name
        for name in oracles.names()
        if not any(
            name == each or (each.endswith("*") and name.startswith(each[:-1])) for each in named
        )
    ]
    assert missing == []


def test_readme_is_what_results_give():
    path = ROOT / "docs/readme.py"
    spec = importlib.util.spec_from_file_location("readme", path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.rendered(README, ROOT / "results") == README, "run: python docs/readme.py"
    table = README[README.index("| Method") :].split("\n\n")[0]
    assert all(3 < line.count("|") <= 9 and len(line) < 100 for line in table.splitlines())
    with pytest.raises(ValueError, match="ranking"):
        made.rendered(README.replace("from results: ranking", "from"), ROOT / "results")
