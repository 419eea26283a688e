"""Plans: what ships loads, and what is misspelt is named."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import cast

import pytest
from toys import INFO, PLAN, Toy, named, toy_fixture  # noqa: F401

from nasrepro.suite import registry
from nasrepro.suite.errors import DataMissing, NasreproError, UnknownName
from nasrepro.suite.experiments.cells import cells_of
from nasrepro.suite.experiments.kinds.ranking import RankCell
from nasrepro.suite.experiments.kinds.search import RunCell, arm_labels
from nasrepro.suite.experiments.plan import Plan, load_plan, shipped_plans, stand_ins
from nasrepro.suite.oracle import Oracle, Workshops
from nasrepro.suite.registry import OracleEntry, methods
from nasrepro.suite.search import Budget

RANKING = """
[[ranking]]
oracle = "toy"
scorers = ["params", "macs"]
datasets = ["toys"]
epochs = 9
"""


def loaded(folder: Path, text: str, name: str = "plan.toml") -> Plan:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_plan(str(path))


# -- what ships ------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", shipped_plans())
def test_every_shipped_plan_loads_and_names_what_exists(name: str) -> None:
    plan = load_plan(name)
    assert plan.title and (plan.experiment or plan.ranking or plan.study)
    missing: list[str] = []
    cells = cells_of(plan, missing=lambda oracle, error: missing.append(oracle))
    assert cells or missing
    assert len({cell.key.run_id for cell in cells}) == len(cells)


def test_shipped_plans_agree_on_their_labels() -> None:
    every = [each for name in shipped_plans() for each in load_plan(name).experiment]
    labels = set(arm_labels(every).values())
    assert {"arch2vec-RL", "arch2vec-BO", "EPNAS-REINFORCE"} <= labels
    assert not labels & {methods.get(name).title for name in methods.names()}


@pytest.mark.parametrize("name", shipped_plans())
def test_the_size_control_stands_in_every_setting_of_every_plan(name: str) -> None:
    """Or the plan says why it cannot."""
    found: dict[tuple[object, ...], set[str]] = {}
    for each in load_plan(name).experiment:
        absent = {method for methods_there in each.without.values() for method in methods_there}
        for dataset, budget in product(each.datasets, each.budgets):
            setting = (each.oracle, dataset, each.search_epochs, each.report_epochs, budget)
            found.setdefault(setting, set()).update({use.name for use in each.methods} | absent)
    assert not [setting for setting, there in found.items() if "size_walk" not in there]


def test_the_main_job_is_shipped() -> None:
    assert {"reproduce", "nightly", "nasbench201", "digits201"} <= set(shipped_plans())


# -- one plan --------------------------------------------------------------------------------------
def test_a_plan_is_the_product_of_its_lists(toy: Oracle, tmp_path: Path) -> None:
    text = PLAN.replace(
        '["random_search"]', '["random_search", { name = "reinforce", learning_rate = 0.01 }]'
    )
    text = text.replace('["toys"]', '["toys", "BLOCKS"]').replace(
        "{ queries = 20 }", "{ queries = 20 }, { seconds = 50, queries = 3 }"
    )
    cells = cells_of(loaded(tmp_path, text + RANKING))
    rankings, runs = (
        [cell for cell in cells if isinstance(cell, RankCell)],
        [cell for cell in cells if isinstance(cell, RunCell)],
    )
    assert cells == [*rankings, *runs] and len(rankings) == 2 and len(runs) == 2 * 2 * 2 * 6
    assert {cell.key.metric for cell in rankings} == {"test_accuracy"}
    assert {cell.key.dataset for cell in runs} == {"toys", "blocks"}
    assert {cell.key.budget for cell in runs} == {Budget(queries=20), Budget(seconds=50, queries=3)}
    assert {
        cell.key.params.get("learning_rate") for cell in runs if cell.key.method == "reinforce"
    } == {0.01}
    assert all(cell.key.protocol.report_datasets == (cell.key.dataset,) for cell in runs)


def test_the_first_seed_of_every_arm_comes_before_the_other_seeds(
    toy: Oracle, tmp_path: Path
) -> None:
    text = PLAN.replace("seeds = 6", "seeds = [4, 2, 3]")
    arms = text.replace('["random_search"]', '["random_search", "reinforce"]')
    cells = cells_of(loaded(tmp_path, arms + text.replace("queries = 20", "queries = 30")))
    assert [cell.key.seed for cell in cells] == [4] * 3 + [2, 3] * 3


LABELLED = '{ name = "reinforce", learning_rate = 0.01, label = "REINFORCE-0.01" }'


def test_a_label_is_no_parameter_and_in_no_run_s_id(toy: Oracle, tmp_path: Path) -> None:
    bare = LABELLED.replace(', label = "REINFORCE-0.01"', "")
    plans = [
        loaded(tmp_path, PLAN.replace('"random_search"', arm), f"{place}.toml")
        for place, arm in enumerate((bare, LABELLED))
    ]
    ids = [{cell.key.run_id for cell in cells_of(plan)} for plan in plans]
    assert ids[0] == ids[1] and len(ids[0]) == 6
    # merged with a plan that names the same arm without one, it stays
    merged = Plan(experiment=(*plans[0].experiment, *plans[1].experiment))
    ((name, params), label), *others = arm_labels(merged.experiment).items()
    assert (name, label, others) == ("reinforce", "REINFORCE-0.01", [])
    assert json.loads(params) == methods.get("reinforce").params({"learning_rate": 0.01})


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (f"{LABELLED}, {LABELLED.replace('-0.01', '-slow')}", "has two labels"),
        (f"{LABELLED}, {LABELLED.replace('0.01,', '0.02,')}", "two arms have the label"),
        (LABELLED.replace("REINFORCE-0.01", "x" * 31), "at most 30 characters"),
        (LABELLED.replace("REINFORCE-0.01", " a"), "printable line"),
        (LABELLED.replace('"REINFORCE-0.01"', "1"), "label"),
    ],
)
def test_labels_that_tables_cannot_use(arms: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(NasreproError, match=message):
        arm_labels(loaded(tmp_path, PLAN.replace('"random_search"', arms)).experiment)


@pytest.mark.parametrize(("given", "seeds"), [("3", (0, 1, 2)), ("[7, 5]", (7, 5)), ("1", (0,))])
def test_seeds_are_a_number_or_a_list(given: str, seeds: tuple[int, ...], tmp_path: Path) -> None:
    (experiment,) = loaded(tmp_path, PLAN.replace("seeds = 6", f"seeds = {given}")).experiment
    assert experiment.seeds == seeds


def test_methods_given_beside_the_plan_join_every_experiment(toy: Oracle, tmp_path: Path) -> None:
    cells = cells_of(
        loaded(tmp_path, PLAN + PLAN.replace("queries = 20", "queries = 30")),
        [methods.get("local_search")],
    )
    assert (
        sum(cell.key.method == "local_search" for cell in cells if isinstance(cell, RunCell)) == 12
    )


# -- what is wrong ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[experiment]]", "[[experimnt]]", r"top level\): 'experimnt'; did you mean 'experiment'"),
        (
            "search_epochs",
            "serch_epochs",
            r"experiment\.0\): 'serch_epochs'; did you mean 'search_epochs'",
        ),
        ("seeds = 6", "seeds = 6\nseed = 3", r"experiment\.0\): 'seed'; did you mean 'seeds'"),
        (
            "queries = 20",
            "querys = 20",
            r"experiment\.0\.budgets\.0\): 'querys'; did you mean 'queries'",
        ),
        (
            "queries = 20",
            "queries = 20, second = 3",
            r"experiment\.0\.budgets\.0\): 'second'; did you mean 'seconds'",
        ),
        ("scorers =", "scorer =", r"ranking\.0\): 'scorer'; did you mean 'scorers'"),
        (
            "scorers =",
            "setting = { batchs = 3 }\nscorers =",
            r"ranking\.0\.setting\): 'batchs'; did you mean 'batches'",
        ),
    ],
)
def test_a_misspelt_key_gets_the_nearest(old: str, new: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=f"unknown key in plan .*plan.toml \\({message}"):
        loaded(tmp_path, (PLAN + RANKING).replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "search_epochs = 1",
            'search_epochs = "1"',
            r"experiment\.0\.search_epochs: Input should be a valid integer \(got '1'\)",
        ),
        ("search_epochs = 1", "search_epochs = true", "valid integer"),
        ("search_epochs = 1", "search_epochs = 0", "greater than 0"),
        ("search_epochs = 1\n", "", r"experiment\.0\.search_epochs: Field required"),
        ("queries = 20", "queries = 2.5", r"budgets\.0\.queries: Input should be a valid integer"),
        ("queries = 20", "seconds = true", r"budgets\.0\.seconds: Input should be a valid number"),
        ("queries = 20", "queries = -2", "plan .*: budget queries = -2 must be a positive number"),
        ("queries = 20", "seconds = inf", "budget seconds = inf"),
        ("{ queries = 20 }", "{}", "plan .*: a budget needs seconds, queries, or both"),
        ("{ queries = 20 }", "", r"experiment\.0\.budgets: .*at least 1 item"),
        ("seeds = 6", "seeds = 0", r"experiment\.0\.seeds: "),
        (
            "seeds = 6",
            "seeds = [0, -1]",
            r"experiment\.0\.seeds\.1: .*greater than or equal to 0 \(got -1\)",
        ),
        ("seeds = 6", "seeds = 2.5", r"experiment\.0\.seeds: "),
        ("seeds = 6", "seeds = true", r"experiment\.0\.seeds: "),
        ('["toys"]', '"toys"', r"experiment\.0\.datasets: Input should be a valid array"),
        ('["random_search"]', "[3]", r"experiment\.0\.methods\.0: "),
        (
            '["random_search"]',
            "[{ population = 3 }]",
            r"experiment\.0\.methods\.0\.name: Field required",
        ),
        ("[[experiment]]", "[experiment]", "experiment: Input should be a valid array"),
        (
            "[[experiment]]",
            'include = "reproduce"\n[[experiment]]',
            "include: Input should be a valid array",
        ),
        ("seeds = 6", "seeds = = 6", "is not TOML: .*line"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(NasreproError, match=message) as caught:
        loaded(tmp_path, PLAN.replace(old, new))
    assert "plan.toml" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"toy"', '"toyy"', r"unknown oracle 'toyy'; did you mean 'toy'"),
        ('["toys"]', '["toyss"]', r"unknown data set of toy: 'toyss'; did you mean 'toys'"),
        (
            '"random_search"',
            '"random_serch"',
            r"unknown method 'random_serch'; did you mean 'random_search'",
        ),
        (
            '"random_search"',
            '{ name = "reinforce", rate = 1 }',
            r"unknown parameter of method reinforce: 'rate'",
        ),
        (
            "search_epochs = 1",
            "search_epochs = 2",
            "no toys trainings of 2 epochs; accepted: 1, 3, 9",
        ),
        (
            "report_epochs = 9",
            "report_epochs = 12",
            "no toys trainings of 12 epochs; accepted: 1, 3, 9",
        ),
        ("search_epochs = 1", "search_epochs = 1\nsearch_seed = 5", "seed 5"),
        (
            "search_epochs = 1",
            'search_epochs = 1\nreport_datasets = ["toys", "blcks"]',
            "'blcks'; did you mean 'blocks'",
        ),
    ],
)
def test_what_the_oracle_does_not_have_is_refused_before_anything_runs(
    old: str, new: str, message: str, toy: Oracle, tmp_path: Path
) -> None:
    plan = loaded(tmp_path, PLAN.replace(old, new))
    with pytest.raises(NasreproError, match=message):
        cells_of(plan)


def test_seconds_that_only_a_workshop_spends_are_for_methods_that_train(
    toy: Oracle, tmp_path: Path
) -> None:
    timeless = Toy(named("timeless", cost=""))
    timeless.workshops = cast("Workshops", object())
    registry.oracle(timeless.info)(lambda: timeless)
    text = PLAN.replace('"toy"', '"timeless"').replace("queries = 20", "seconds = 20")
    assert cells_of(loaded(tmp_path, text.replace("random_search", "firefly")))
    with pytest.raises(NasreproError, match=r"never ends for random_search.*in queries"):
        cells_of(loaded(tmp_path, text))


def test_a_ranking_of_what_is_not_there_is_refused(toy: Oracle, tmp_path: Path) -> None:
    for old, new, message in [
        ("epochs = 9", "epochs = 5", "5 epochs"),
        ('"macs"', '"mac"', "unknown scorer 'mac'; did you mean 'macs'"),
        (
            "epochs = 9",
            'epochs = 9\nmetric = "test_acuracy"',
            "'test_acuracy'; did you mean 'test_accuracy'",
        ),
    ]:
        with pytest.raises(NasreproError, match=message):
            cells_of(loaded(tmp_path, RANKING.replace(old, new)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ('learning_rate = "x"', "parameter learning_rate of method reinforce: 'x' is of type str"),
        ("learning_rate = true", "True is of type bool, expected float"),
        ("learning_rate = nan", "nan is not a finite number"),
        ("momentum = [1]", r"\[1\] is of type list, expected float"),
    ],
)
def test_a_parameter_of_another_type_than_its_default_is_refused(
    given: str, message: str, toy: Oracle, tmp_path: Path
) -> None:
    text = PLAN.replace('["random_search"]', f'[{{ name = "reinforce", {given} }}]')
    with pytest.raises(NasreproError, match=message):
        cells_of(loaded(tmp_path, text))


def test_one_and_1_0_are_one_parameter(toy: Oracle, tmp_path: Path) -> None:
    texts = [
        PLAN.replace('["random_search"]', f'[{{ name = "reinforce", scale = {scale} }}]')
        for scale in ("1", "1.0")
    ]
    first, second = (cells_of(loaded(tmp_path, text)) for text in texts)
    assert [cell.key.run_id for cell in first] == [cell.key.run_id for cell in second]


# -- includes --------------------------------------------------------------------------------------
def test_an_include_is_a_shipped_plan_or_a_file_beside_this_one(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    loaded(folder, RANKING, "ranking.toml")
    loaded(folder, 'include = ["ranking.toml"]' + PLAN, "both.toml")
    plan = loaded(tmp_path, 'include = ["inner/both.toml", "digits201"]' + PLAN)
    assert [each.oracle for each in plan.experiment] == ["toy", "digits201", "toy"]
    assert [each.oracle for each in plan.ranking] == ["toy", "digits201"]


def test_plans_that_include_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('include = ["b.toml"]')
    (tmp_path / "b.toml").write_text('include = ["a.toml"]')
    with pytest.raises(
        NasreproError, match=r"a\.toml includes itself: .*a\.toml > .*b\.toml > .*a\.toml"
    ):
        load_plan(str(tmp_path / "a.toml"))


def test_a_plan_that_includes_itself_by_a_relative_path_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text('include = ["a.toml"]')
    with pytest.raises(NasreproError, match="includes itself"):
        load_plan("./a.toml")


# -- which plan ------------------------------------------------------------------------------------
def test_an_unknown_plan_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownName,
        match=(
            r"unknown plan 'nasbench210'; did you mean 'nasbench201'.*or give the path of a "
            r"\.toml file"
        ),
    ):
        load_plan("nasbench210")
    with pytest.raises(UnknownName, match="did you mean 'reproduce'"):
        loaded(tmp_path, 'include = ["reprodce"]')


def test_a_plan_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        NasreproError,
        match=(
            r"cannot read plan .*absent.toml \(No such file or directory\); shipped plans: "
            r".*reproduce"
        ),
    ):
        load_plan(str(tmp_path / "absent.toml"))
    with pytest.raises(NasreproError, match="cannot read plan"):
        load_plan(str(tmp_path))
    (tmp_path / "bytes.toml").write_bytes(b"title = '\xff'")
    with pytest.raises(NasreproError, match="not UTF-8 text"):
        load_plan(str(tmp_path / "bytes.toml"))


# -- a table that is not here ----------------------------------------------------------------------
def test_parts_without_their_table_are_left_out_and_reported(toy: Oracle, tmp_path: Path) -> None:
    def gone() -> Oracle:
        raise DataMissing("fetch it")

    (tmp_path / "plan.toml").write_text(
        PLAN.replace('"toy"', '"elsewhere"') + PLAN + RANKING.replace('"toy"', '"elsewhere"')
    )
    registry.oracles.add("elsewhere", OracleEntry("elsewhere", INFO, gone), __name__)
    plan = load_plan(str(tmp_path / "plan.toml"))
    left_out = []
    cells = cells_of(plan, missing=lambda name, error: left_out.append((name, str(error))))
    assert {cell.key.oracle for cell in cells} == {"toy"} and left_out == [
        ("elsewhere", "fetch it")
    ] * 2
    with pytest.raises(DataMissing):
        cells_of(plan)


# -- groups of methods -----------------------------------------------------------------------------
GROUPED = """
title = "groups"

[groups.cheap]
seeds = 3
methods = ["random_search", "local_search", { name = "reinforce", learning_rate = 0.01 }]

[groups.dear]
seeds = [4]
methods = ["gram", "reinforce"]

[[experiment]]
oracle = "toy"
datasets = ["toys"]
search_epochs = 9
report_epochs = 9
budgets = [{ queries = 2 }]
without."it has no edges" = ["gram"]
"""


def test_an_experiment_without_methods_has_those_of_all_groups(toy: Oracle, tmp_path: Path) -> None:
    plan = loaded(tmp_path, GROUPED)
    cheap, dear = plan.experiment
    assert [use.name for use in cheap.methods] == ["random_search", "local_search", "reinforce"]
    assert cheap.seeds == (0, 1, 2) and dear.seeds == (4,)
    assert [use.name for use in dear.methods] == ["reinforce"]
    assert cheap.without == {"it has no edges": ("gram",)}


def test_an_arm_stands_instead_of_all_arms_of_its_method(toy: Oracle, tmp_path: Path) -> None:
    other = 'instead = [{ name = "reinforce", learning_rate = 0.5 }]\n'
    cheap, dear = loaded(tmp_path, GROUPED + other).experiment
    assert cheap.methods[-1].params == {"learning_rate": 0.5} == dear.methods[0].params
    assert cheap.instead == dear.instead == dear.methods
    none = loaded(tmp_path, GROUPED + 'instead = [{ name = "local_search" }]\n').experiment
    assert [[use.name for use in each.instead] for each in none] == [["local_search"], []]


def test_an_arm_that_is_not_run_stands_for_nothing(toy: Oracle, tmp_path: Path) -> None:
    lonely = PLAN + 'instead = [{ name = "reinforce", learning_rate = 0.5 }]\n'
    with pytest.raises(NasreproError, match="instead: reinforce with these parameters is not in"):
        loaded(tmp_path, lonely)


def test_shipped_plans_say_which_arms_stand_for_their_method() -> None:
    found = {(oracle, dataset, method) for oracle, dataset, method, _ in stand_ins()}
    assert ("transnas101_micro", "class_scene", "zico") in found
    assert ("nasbench201", "cifar10", "zico") not in found
    (params,) = {
        text
        for oracle, _, method, text in stand_ins()
        if (oracle, method) == ("nasbench101_slice", "zico")
    }
    assert json.loads(params)["network"] == {"channels": 16}
    assert json.loads(params)["candidates"] == 25  # a default


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GROUPED.replace('["gram"]', '["grum"]'), "did you mean 'gram'"),
        (GROUPED.replace("seeds = [4]\n", ""), "groups.dear must have methods and seeds"),
    ],
)
def test_what_is_wrong_in_groups_is_named(
    toy: Oracle, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(NasreproError, match=message):
        loaded(tmp_path, text)


def test_a_plan_is_included_with_fewer_seeds(toy: Oracle, tmp_path: Path) -> None:
    loaded(tmp_path, GROUPED, "inner.toml")
    outer = loaded(tmp_path, 'include = [{ plan = "inner.toml", seeds = 2 }]\n')
    assert [each.seeds for each in outer.experiment] == [(0, 1), (4,)]


def test_a_plan_is_included_with_fewer_data_sets(toy: Oracle, tmp_path: Path) -> None:
    text = PLAN.replace('["toys"]', '["blocks", "toys"]')
    (tmp_path / "inner.toml").write_text(text + RANKING + '[[study]]\nname = "accpar.speedup"\n')
    given = 'include = [{ plan = "inner.toml", seeds = 2, datasets = 1 }]\n'
    outer = loaded(tmp_path, given)
    assert [each.datasets for each in outer.experiment] == [("blocks",)]
    assert [len(each.datasets) for each in outer.ranking] == [1] and len(outer.study) == 1
    with pytest.raises(NasreproError, match="datasets"):
        loaded(tmp_path, given.replace("datasets = 1", "datasets = 0"))


def test_a_plan_is_included_with_fewer_seeds_of_a_group(toy: Oracle, tmp_path: Path) -> None:
    loaded(tmp_path, GROUPED, "inner.toml")
    outer = loaded(tmp_path, 'include = [{ plan = "inner.toml", seeds.cheap = 2 }]\n')
    assert [each.seeds for each in outer.experiment] == [(0, 1), (4,)]
    few = loaded(tmp_path, 'include = [{ plan = "inner.toml", seeds = { dear = 1, cheap = 9 } }]\n')
    assert [each.seeds for each in few.experiment] == [(0, 1, 2), (4,)]
    with pytest.raises(NasreproError, match=r"inner.toml: unknown group .*'chep'.*cheap"):
        loaded(tmp_path, 'include = [{ plan = "inner.toml", seeds.chep = 2 }]\n')
