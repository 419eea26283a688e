"""What is run for claims, and only that."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys
from claimed import (
    NOISY,
    RANKING,
    SEARCH,
    SETTING,
    claim,
    held,
    of_the_toys,
    rank_of,
    registered,
    run_of,
    verdict,
)

from nasrepro.suite import registry
from nasrepro.suite.claims import (
    judge_all,
    missing,
    plan_of,
)
from nasrepro.suite.claims.evidence import SAMPLE, Evidence
from nasrepro.suite.data import Table, write_table
from nasrepro.suite.errors import DataMissing
from nasrepro.suite.experiments.kinds.ranking import of_networks, rank_key
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import TableOracle
from nasrepro.suite.registry import load_oracle, methods, scorer, scorers

pytestmark = pytest.mark.usefixtures("few_seeds_count")


def test_only_what_is_missing_runs_and_one_run_serves_all_its_data_sets():
    wanted = {"oracle": "nasbench201", "searched_on": "cifar10", "epochs": 200, "budget_queries": 3}
    claims = [
        claim(
            id=f"c-{dataset}",
            search={**SETTING, **wanted, "dataset": dataset},
            value=1,
            margin=1,
            seeds=seeds,
        )
        for dataset, seeds in (("cifar100", 2), ("cifar10", 3))
    ]
    (experiment,) = plan_of(claims, claims).experiment
    assert experiment.report_datasets == ("cifar10", "cifar100") and experiment.seeds == (0, 1, 2)
    (alone,) = plan_of(claims[:1], claims).experiment
    assert alone.report_datasets == ("cifar10", "cifar100") and alone.seeds == (0, 1), (
        "asked for alone it is the same run"
    )
    with Store(Path(":memory:")) as store:
        store.add(run_of(1, 90.0))
        about = claim()
        (rest,) = plan_of([about], [about], held(store, [about])).experiment
    assert rest.seeds == (0, 2, 3)


@pytest.fixture
def installed(toy, monkeypatch, tmp_path) -> Callable[[float | None], None]:
    """Install a table in which every test accuracy is that number plus a little.

    None takes it away. One process knows one version.
    """
    of_the_toys(monkeypatch)
    toys.registered_apart(monkeypatch, methods, scorers)
    registered(toys.source(SEARCH, "toy_best"))
    scorer("toy_sum", paper="none", needs_network=False)(
        lambda space, arch, dataset: sum(arch.code)
    )
    info, path, numbers = (
        toys.named("changing", cost=""),
        tmp_path / "t.arrow",
        np.arange(81) / 1000,
    )
    gone = DataMissing("the table of changing is not here")

    def opened() -> TableOracle:
        if not path.exists():
            raise gone
        return TableOracle(info, Table(path), row=toys.SPACE.index, archs=lambda: tuple(toys.SPACE))

    registry.oracle(info)(opened)

    def install(level: float | None) -> None:
        monkeypatch.setattr("nasrepro.suite.registry.loading._open", {})
        path.unlink(missing_ok=True)
        if level is not None:
            write_table(
                path,
                {"toys/1/0/valid_accuracy": numbers, "toys/9/0/test_accuracy": numbers + level},
                {},
            )

    return install


def test_results_of_another_version_of_a_table_count_as_missing(installed):
    setting = {**NOISY, "oracle": "changing", "method": "toy_best"}
    rank = {
        "oracle": "changing",
        "dataset": "toys",
        "epochs": 9,
        "scorer": "toy_sum",
        "coefficient": "best_value",
    }
    claims = [
        claim(id="value", search=setting, value=50.0, margin=9.0, seeds=5),
        claim(id="order", order={"search": setting, "than": "random_search"}, seeds=5),
        claim(id="rank", ranking=rank, value=50.0, margin=9.0),
    ]
    with Store(Path(":memory:")) as store:

        def ours() -> dict[str, tuple[str, float, int]]:
            return {
                each.claim.id: (each.verdict, round(each.ours or 0), each.n)
                for each in judge_all(claims, store, claims=claims)
            }

        def cells() -> list[Any]:
            return missing(claims, held(store, claims), claims)[0]

        installed(0.5)
        assert len(cells()) == 11 and run_cells(cells(), store, executor="inline").failed == ()
        assert cells() == [] and (ours()["value"], ours()["rank"]) == (
            ("reproduced", 58, 5),
            ("reproduced", 58, 81),
        )

        installed(0.2)
        stale = judge_all(claims, store, claims=claims)
        assert {each.verdict for each in stale} == {"not judged"} and not any(
            each.changed for each in stale
        )
        assert all(
            "5 of another version of the table than installed here" in each.why
            for each in stale[:2]
        )
        assert "1 of another version" in stale[2].why
        assert len(cells()) == 11 and run_cells(cells(), store, executor="inline").failed == ()
        assert (ours()["value"], ours()["rank"]) == (
            ("not reproduced", 28, 5),
            ("not reproduced", 28, 81),
        ), "of the new table alone"

        installed(0.5)
        assert cells() == [] and ours()["value"] == ("reproduced", 58, 5), (
            "what was run of a table counts again when it is back"
        )
        installed(None)
        assert ours()["value"][1] in (58, 28), (
            "where no table is to compare with, one version counts, never a mixture"
        )
        assert ours()["rank"][1] in (58, 28)


def test_of_tables_just_the_hash_is_read_and_only_of_those_that_results_are_of(monkeypatch):
    asked: list[str] = []
    sha256 = load_oracle("digits201").table_sha256

    def opened(name: str) -> Any:
        asked.append(name)
        return types.SimpleNamespace(table_sha256=sha256)  # nothing else of it is there

    monkeypatch.setattr("nasrepro.suite.claims.evidence.load_oracle", opened)
    elsewhere = {**SETTING, "oracle": "nasbench201", "dataset": "cifar10", "searched_on": "cifar10"}
    claims = [
        claim(),
        claim(id="y", search=elsewhere, value=1, margin=1),
        claim(id="z", ranking=RANKING, value=1, margin=1),
    ]
    with Store(Path(":memory:")) as store:
        for each in (*(run_of(seed, 90.0) for seed in range(4)), rank_of(0.5)):
            store.add(each)
        evidence = held(store, claims)
    assert evidence.stale == {} and len(evidence.rankings) == 1 and asked == ["digits201"]


def test_networks_are_never_scored_for_a_claim():
    slow = claim(
        ranking={**RANKING, "scorer": "zico", "setting": {"seed": 12345}}, value=0.6, margin=0.1
    )  # nobody has scored with that
    quick = claim(id="q", ranking=RANKING, value=0.6, margin=0.1)
    assert [each.scorers for each in plan_of([slow, quick], []).ranking] == [("params",)]
    why = verdict([], slow).why
    assert f"over at least {SAMPLE} networks" in why and why.endswith(
        f"nasrepro score digits201 --scorer zico --sample {SAMPLE}"
    )


def test_a_ranking_of_fewer_networks_than_are_scored_by_now_is_made_again():
    of_zico = claim(ranking={**RANKING, "scorer": "zico"}, value=0.6, margin=0.1)
    (need,) = [each for each in of_zico.results if each.scorer == "zico"]
    oracle = load_oracle("digits201")
    now = of_networks(
        rank_key(oracle, "zico", need.dataset, need.epochs), oracle, need.scoring
    ).sample
    assert now > SAMPLE
    for sample, again in ((now, ()), (now - 1, ("zico",))):
        ranking = rank_of(0.5)
        key = replace(ranking.key, scorer="zico", sample=sample)
        evidence = Evidence(rankings={need.key: replace(ranking, key=key)})
        made = plan_of([of_zico], [], evidence).ranking
        assert [each.scorers for each in made if each.scorers == ("zico",)] == [again] * bool(again)


def test_what_takes_long_runs_only_where_it_is_asked_for():
    long = claim(long=True)
    assert (
        plan_of([long], [long], long=False).experiment == ()
        and len(plan_of([long], [long]).experiment) == 1
    )
