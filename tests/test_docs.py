"""README and CONTRIBUTING say what is so.

Their code runs, their commands exist, their tables stand in results/.
"""

import csv
import importlib.util
import re
import shutil
from pathlib import Path

import pytest

from nasrepro.__main__ import app
from nasrepro.suite.claims import load_claims
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.oracle import Dataset
from nasrepro.suite.registry import load_oracle, methods, oracles, scorers
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


def test_the_scorers_of_contributing_run(tmp_path):
    import torch

    codes = [block for block in blocks(CONTRIBUTING, "python") if "@nr.scorer" in block]
    for name, code in zip(("depth", "weight_norm"), codes, strict=True):
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    entry = scorers.from_file(tmp_path / "depth.py")
    network = torch.nn.Linear(2, 3, bias=False)
    torch.nn.init.constant_(network.weight, -0.5)
    assert scorers.from_file(tmp_path / "weight_norm.py").score(network, None) == 3
    space = load_oracle("digits201").space
    chain = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_1x1~2|"
    assert entry.score(space, space.parse(chain), Dataset("digits", 10, 8)) == 3


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


def test_the_claims_of_contributing_are_claims(tmp_path):
    text, table = blocks(CONTRIBUTING, "toml")
    path = tmp_path / "paper.toml"
    path.write_text(text, encoding="utf-8")
    assert [claim.value for claim in load_claims([path])] == [93.70]
    head = 'paper = "arXiv:0000.00000"\ntitle = "The paper"\n'
    path.write_text(head + table, encoding="utf-8")
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


def test_readme_is_what_results_give(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    made = importlib.import_module("readme")
    assert made.rendered(README, ROOT / "results") == README, "run: python docs/readme.py"
    table = README[README.index("| Method") :].split("\n\n")[0]
    assert all(3 < line.count("|") <= 9 and len(line) < 100 for line in table.splitlines())
    with pytest.raises(ValueError, match="ranking"):
        made.rendered(README.replace("from results: ranking", "from"), ROOT / "results")


def test_a_finding_that_results_show_no_longer_is_refused(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "docs")
    made = importlib.import_module("findings")
    assert len(made.ALL) == 10
    name = f"main-{made.TASK}-on-cifar10.csv"
    table = (ROOT / "results" / name).read_text(encoding="utf-8")
    for copied in (name, "claims-epnas.csv"):
        shutil.copy(ROOT / "results" / copied, tmp_path)
    assert "94.00 against 93.72 %" in made.prediction_does_not_help_epnas(tmp_path)
    (tmp_path / name).write_text(
        table.replace(",EPNAS,", ",-,")
        .replace(",EPNAS-REINFORCE,", ",EPNAS,")
        .replace(",-,", ",EPNAS-REINFORCE,"),
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match="no longer"):
        made.prediction_does_not_help_epnas(tmp_path)


def test_what_reduced_cifar10_confirms_is_what_results_give():
    """The table of the page on the workshop, rounded from the two tables of controls."""

    def words(name):
        return frozenset(re.findall(r"[a-z0-9]+", name.lower())) - {"cifar", "10", "level"}

    def adds(*paths):
        return {
            (row["method"].partition(" (")[0], words(row["control"])): 100
            * float(row["test_accuracy_adds"])
            for path in paths
            for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        }

    digits = adds(ROOT / "results" / "controls-workshop201-digits-30ep-5-s-on-digits.csv")
    images = adds(*(ROOT / "results" / "training").glob("controls-workshop-macro-*.csv"))
    page = (ROOT / "docs" / "pages" / "concepts" / "workshop.md").read_text(encoding="utf-8")
    told = re.findall(r"\n\| ([^|]+) \| ([^|]+) \| ([+-][\d.]+) \| ([+-][\d.]+) \|", page)
    assert len(told) == len(images) == 9
    for method, control, here, there in told:
        key = method, words(control)
        assert (here, there) == (f"{digits[key]:+.2f}", f"{images[key]:+.1f}")


def test_links_of_results_lead_somewhere():
    texts = {page: page.read_text(encoding="utf-8") for page in (ROOT / "results").rglob("*.md")}
    for page, text in texts.items():
        for name, anchor in set(re.findall(r"\]\(([\w./-]*\.md)?(?:#([\w-]+))?\)", text)):
            target = (page.parent / name).resolve() if name else page
            assert target.is_file(), f"{page}: {name}"
            if anchor.startswith("notes-"):
                assert f'id="{anchor}"' in texts[target], f"{page}: {name}#{anchor}"
