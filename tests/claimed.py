"""Claims, runs and verdicts that tests of claims make."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import toys
from ranked import rank_key

from nasrepro.suite import registry
from nasrepro.suite.claims import (
    Claim,
    Evidence,
    Verdict,
    gather,
    judge_all,
    margins,
)
from nasrepro.suite.experiments.kind import Record
from nasrepro.suite.experiments.kinds.ranking import RankRecord
from nasrepro.suite.experiments.kinds.search import Protocol, Report, RunKey, RunRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import load_oracle, methods, scorers
from nasrepro.suite.search import Budget

toy = toys.toy_fixture

SETTING = {
    "oracle": "digits201",
    "dataset": "digits",
    "searched_on": "digits",
    "method": "random_search",
    "metric": "test_accuracy",
    "epochs": 30,
    "search_epochs": 12,
    "budget_queries": 30,
}
BASE = {
    "id": "paper-x",
    "paper": "arXiv:0",
    "statement": "It is so",
    "where": "Table 1",
    "source": "paper",
}


def claim(**fields: Any) -> Claim:
    """A claim about random search on digits201, or about what `fields` say."""
    kinds = {"search", "order", "ranking", "study", "lookup", "formula", "needs"}
    about = (
        {}
        if kinds & set(fields)
        else {"search": SETTING, "value": 90.0, "n": 10**6, "margin": 1.0, "seeds": 4}
    )
    return Claim.model_validate(own({**BASE, **about, **fields}))


def own(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Margins and numbers of seeds of a test are not those of the rules."""
    changed = dict(fields)
    if changed.get("margin") is not None:
        changed["margin"] = {"width": float(changed["margin"]), "why": "a test"}
    if "seeds" in changed:
        changed["replicates"] = {"n": changed.pop("seeds"), "why": "a test"}
    return changed


@pytest.fixture
def few_seeds_count(request, monkeypatch):
    """Tests are quick: their verdicts rest on few seeds; the rules' own numbers have a test."""
    if "rules" not in request.keywords:
        for kind, rule in margins.REPLICATES.items():
            few = rule if kind == "ranking" else dataclasses.replace(rule, least=2)
            monkeypatch.setitem(margins.REPLICATES, kind, few)


def run_of(
    seed: int, percent: float, *, method: str = "random_search", **changes: Any
) -> RunRecord:
    """A finished run whose test accuracy is `percent`."""
    entry = methods.get(method)
    protocol = Protocol(12, 30, ("digits",))
    table = load_oracle("digits201").table_sha256
    key = RunKey(
        method,
        entry.source_sha256,
        dict(entry.defaults),
        "digits201",
        table,
        "digits",
        protocol,
        Budget(queries=30),
        seed,
    )
    return RunRecord(
        dataclasses.replace(key, **changes),
        "budget",
        "",
        {"digits": Report({"test_accuracy": percent / 100})},
    )


def held(store: Store, claims: Sequence[Claim]) -> Evidence:
    """What a store has for claims."""
    return gather(store, [need for each in claims for need in each.results])


def verdict(records: Sequence[Record], one: Claim, *others: Claim, block: int = 0) -> Verdict:
    """One claim, judged by these records alone."""
    with Store(Path(":memory:")) as store:
        for each in records:
            store.add(each)
        return judge_all([one], store, claims=[one, *others], block=block)[0]


FILE = """\
# a comment that stays
paper = "arXiv:0000.00000"
title = "Mine"

[defaults]
source = "paper"
reason = "ours"

[[claim]]
id = "mine-random"  # the first
statement = "Random search reaches 89 %"
where = "Table 1"
value = 89.0
n = 10000
margin = { width = 7.0, why = "a test" }
replicates = { n = 20, why = "a test" }
search.oracle = "digits201"
search.dataset = "digits"
search.searched_on = "digits"
search.method = "random_search"
search.metric = "test_accuracy"
search.epochs = 30
search.search_epochs = 12
search.budget_queries = 10

[[claim]]
id = "mine-impossible"
statement = "It flies"
where = "Table 2"
value = 1.5
needs = "wings"

[[claim]]
id = "mine-ratio"
statement = "Half as many"
where = "abstract"
value = 50
formula.text = "100 * a / b"

[claim.formula.figures]
a = { value = 3, source = "recalled", where = "elsewhere" }
b = { value = 6, where = "Table 3" }
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A user's own file of claims."""
    path = tmp_path / "mine.toml"
    path.write_text(FILE, encoding="utf-8")
    recorded(path, "not reproduced")
    return path


def recorded(path: Path, random: str, **more: str) -> None:
    """Write the verdicts beside a file: of `mine-random`, and of others."""
    lines = {"mine-random": random, **{f"mine-{name}": verdict for name, verdict in more.items()}}
    text = "".join(f'{id} = "{verdict}"\n' for id, verdict in lines.items())
    path.with_suffix(".verdicts.toml").write_text(text, encoding="utf-8")


RANKING = {
    "oracle": "digits201",
    "dataset": "digits",
    "epochs": 30,
    "scorer": "params",
    "coefficient": "kendall",
}


def rank_of(
    tau: float, *, n: int = 1000, half: float = 0.03, scorer: str = "params", best: float = 0.9
) -> RankRecord:
    table = load_oracle("digits201").table_sha256
    key = rank_key(
        scorer,
        scorer_sha256=scorers.get(scorer).source_sha256,
        oracle="digits201",
        table_sha256=table,
        dataset="digits",
        epochs=30,
    )
    agreement = {"n": n, "kendall": tau, "kendall_ci": (tau - half, tau + half), "status": "ok"}
    return RankRecord(key, "done", agreement, "x", best)


def of_the_toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims see the oracles of the toy's test."""
    for name, module in list(sys.modules.items()):
        if name.startswith("nasrepro.suite.claims") and hasattr(module, "oracles"):
            monkeypatch.setattr(module, "oracles", registry.oracles)


SEARCH = (
    "done = [session.evaluate(session.space.sample(rng)) for _ in range(20)]\n"
    "return max(done, key=lambda each: each.score).arch"
)
NOISY = {
    **SETTING,
    "oracle": "noisy",
    "dataset": "toys",
    "searched_on": "toys",
    "epochs": 9,
    "search_epochs": 1,
    "budget_queries": 20,
}


def registered(text: str) -> str:
    entry = methods.from_file(Path("toy.py"), text)
    methods.add(entry.name, entry, __name__)
    return entry.name
