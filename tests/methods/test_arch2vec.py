"""arch2vec: expected improvement, the two strategies, the studies and their figures.

Of the strategies: what they evaluate, and what is booked.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from contract import CONTRACT
from scipy.stats import norm
from toys import SPACE, Toy, named, values

from nasrepro.methods import arch2vec
from nasrepro.methods.nets import vgae
from nasrepro.methods.nets.graphs import graphs_of
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.reports.figures import latent_map, latent_smoothness
from nasrepro.reports.summary import Results
from nasrepro.reports.tables.studies import study_tables
from nasrepro.suite.errors import BudgetExhausted, NasreproError, UnknownName
from nasrepro.suite.experiments.kinds.study import StudyKey, StudyRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import searching
from nasrepro.suite.registry import methods, studies
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch, Graph

METHOD = methods.get("arch2vec")


class Lines(type(SPACE)):  # type: ignore[misc]
    """The toy with graphs: four operations in a row."""

    name = "toy"

    def graph(self, arch: Arch) -> Graph:
        return Graph(
            ("in", *("abc"[option] for option in arch.code), "out"), np.eye(6, k=1, dtype=bool)
        )


LINES = Lines()


def session(queries: int = 40, read: Any = values) -> Session:
    return Session(
        Toy(named("toy", space=LINES), read, LINES),
        dataset="toys",
        epochs=1,
        budget=Budget(queries=queries),
    )


def searched(seed: int = 0, queries: int = 40, read: Any = values, **params: Any) -> Session:
    made = session(queries, read)
    METHOD.run(made, np.random.default_rng(seed), **{"requery": False, **params})
    return made


def evaluated(made: Session) -> list[int]:
    return [LINES.index(done.arch) for done in made.ledger.evaluations]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A supervised encoder trained for a moment."""
    from nasrepro.methods.nets import supervised

    predict = supervised.predict_all
    monkeypatch.setattr(
        supervised, "predict_all", lambda *args, **kwargs: predict(*args, **kwargs, epochs=2)
    )


# -- expected improvement --------------------------------------------------------------------------
def test_expected_improvement_by_hand() -> None:
    mean, deviation, best = np.array([0.9, 0.95, 1.0, 0.5]), np.array([0.02, 0.01, 0.05, 0.2]), 0.95
    u = (mean - best) / deviation
    np.testing.assert_allclose(
        arch2vec.log_expected_improvement(u, deviation),
        np.log(deviation * (norm.pdf(u) + u * norm.cdf(u))),
        rtol=1e-12,
    )
    at_best = arch2vec.log_expected_improvement(np.array([0.0]), np.array([1.0]))
    assert at_best[0] == pytest.approx(np.log(1 / np.sqrt(2 * np.pi)))


def test_expected_improvement_is_that_of_draws() -> None:
    draws = np.random.default_rng(0).normal(0.3, 0.5, 400_000)
    expected = np.log(np.maximum(draws - 0.6, 0).mean())
    gain = arch2vec.log_expected_improvement(np.array([(0.3 - 0.6) / 0.5]), np.array([0.5]))
    assert gain[0] == pytest.approx(expected, abs=0.01)


def test_expected_improvement_orders_what_is_zero_in_floating_point() -> None:
    u = -np.array([10.0, 24.99, 25.01, 40.0, 1000.0])
    log_gain = arch2vec.log_expected_improvement(u, np.ones(5))
    assert np.isfinite(log_gain).all() and (np.diff(log_gain) < 0).all()
    assert log_gain[2] - log_gain[1] == pytest.approx(
        -0.02 * 25, rel=0.02
    )  # no step where the formula changes


# -- what it evaluates -----------------------------------------------------------------------------
VARIANTS: list[dict[str, Any]] = [
    {"strategy": strategy, "encoding": encoding}
    for strategy in ("bo", "reinforce")
    for encoding in ("arch2vec", "supervised", "discrete")
]


@pytest.mark.parametrize("params", [*VARIANTS, {"surrogate": "gp"}, {"epochs": 0}], ids=str)
def test_nothing_is_evaluated_twice_and_all_of_a_small_space_at_last(
    params: dict[str, Any],
) -> None:
    queries = (
        20 if params.get("encoding") == "supervised" else 200 if params in VARIANTS[2:4] else 30
    )
    rows = evaluated(searched(queries=queries, **params))
    whole = (
        80 if params.get("strategy") == "reinforce" else 81
    )  # where the walk begins is not evaluated, as in the authors' code
    assert len(rows) == len(set(rows)) == min(queries, whole)


@pytest.mark.parametrize(
    "params",
    [
        {"encoding": "discrete"},
        {"strategy": "reinforce", "skip": 1},
        {"surrogate": "gp"},
        {"requery": True},
    ],
    ids=str,
)
def test_every_variant_keeps_the_contract(params: dict[str, Any]) -> None:
    for line in CONTRACT:
        line(
            replace(METHOD, defaults=METHOD.params(params)),
            Toy(named("toy", space=LINES), values, LINES),
        )


def test_the_trap_of_the_authors_code_pays_again(monkeypatch: pytest.MonkeyPatch) -> None:
    mean = np.linspace(0, 1, 81)
    monkeypatch.setattr(
        arch2vec, "surrogate_of", lambda *_: lambda rows, y: (mean, np.full(81, 1e-4))
    )
    made = searched(requery=True, queries=22, encoding="discrete", batch=2)
    assert evaluated(made)[16:] == [80, 79] * 3 and made.clock_s == sum(
        done.cost_s for done in made.ledger.evaluations
    )


def test_bayesian_optimisation_chooses_by_expected_improvement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mean = np.linspace(0, 1, 81)
    known: list[tuple[list[int], list[float]]] = []

    def predict(points: Any, rows: Any, y: Any, rng: Any, squared: bool) -> Any:
        known.append((rows.tolist(), y.tolist()))
        return mean, np.full(81, 1e-4)

    from nasrepro.methods.nets import dngo

    monkeypatch.setattr(dngo, "predict_all", predict)
    made = searched(queries=26, encoding="discrete", batch=4, initial=6)
    rows = evaluated(made)
    rest = sorted(set(range(81)) - set(rows[:6]), reverse=True)
    assert rows[6:] == rest[:20]  # the largest means, four at a time
    assert [len(given) for given, _ in known] == [6, 10, 14, 18, 22, 26]
    assert known[-1] == (rows, [done.score for done in made.ledger.evaluations])


@pytest.mark.parametrize(
    ("incumbent", "spread", "chosen"),
    [(0.95, "variance", 0), (0.95, "deviation", 1), ("best", "deviation", 2)],
)
def test_incumbent_and_spread_decide(
    monkeypatch: pytest.MonkeyPatch, incumbent: Any, spread: str, chosen: int
) -> None:
    mean, variance = np.full(81, -9.0), np.full(81, 1e-6)
    mean[:3], variance[:3] = (0.949, 0.8, 0.96), (0.05, 0.16, 1e-8)
    monkeypatch.setattr(arch2vec, "surrogate_of", lambda *_: lambda rows, y: (mean, variance))
    low = searched(
        queries=4,
        initial=3,
        batch=1,
        encoding="discrete",
        incumbent=incumbent,
        spread=spread,
        read=lambda *_: {**FLAT},
        seed=1,
    )
    first = evaluated(low)
    assert not {0, 1, 2} & set(first[:3])
    u = (mean[:3] - (0.5 if incumbent == "best" else incumbent)) / (
        variance[:3] if spread == "variance" else np.sqrt(variance[:3])
    )
    scale = variance[:3] if spread == "variance" else np.sqrt(variance[:3])
    assert first[3] == int(np.argmax(scale * (norm.pdf(u) + u * norm.cdf(u)))) == chosen


FLAT = {
    "valid_accuracy": 0.5,
    "valid_loss": 0.5,
    "test_accuracy": 0.5,
    "cost_s": 1.0,
    "params": 1.0,
}


def test_reinforce_goes_to_the_nearest_unvisited_and_passes_over_some() -> None:
    nearest, second = (
        searched(strategy="reinforce", encoding="discrete", queries=20, skip=skip)
        for skip in (0, 1)
    )
    assert evaluated(nearest) != evaluated(second)
    assert len(set(evaluated(second))) == 20


def rewards_of(seed: int, queries: int = 320) -> list[float]:
    """What REINFORCE earns where the first coordinate of a point is its reward, in order."""
    rng = np.random.default_rng(7)
    points = rng.uniform(-1, 1, (len(LINES) * 40, 4))

    class Many(Lines):
        cardinalities = (len(points),)
        decisions = ("point",)

        def graph(self, arch: Arch) -> Graph:
            return Graph(("in", "a", "out"), np.eye(3, k=1, dtype=bool))

    space = Many()

    def read(arch: Arch, epochs: int) -> dict[str, float]:
        reward = float(points[arch.code[0]][0] + 1) / 2
        return {"valid_accuracy": reward, "test_accuracy": reward, "cost_s": 1.0}

    oracle = Toy(named("toy", space=space), read, space)
    made = Session(oracle, dataset="toys", epochs=1, budget=Budget(queries=queries))
    with searching(), contextlib.suppress(BudgetExhausted):
        arch2vec.reinforce(made, np.random.default_rng(seed), points, baseline=0.5, skip=0)
    return [done.score for done in made.ledger.evaluations]


def test_the_policy_learns_where_rewards_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its points drift to the better half; a policy whose steps do nothing stays where it was."""
    learnt = np.mean(rewards_of(0)[-160:])
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self, *_: None)
    frozen = np.mean(rewards_of(0)[-160:])
    assert learnt > frozen + 0.2


def test_the_switches_of_the_authors_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misplaced parenthesis chooses by the variance; each switch changes what is searched."""
    mean, variance = np.linspace(0.9, 0.95, 81), np.full(81, 1e-3)
    variance[5] = 5e-3
    monkeypatch.setattr(arch2vec, "surrogate_of", lambda *_: lambda rows, y: (mean, variance))
    for improvement, first in (("expected", 80), ("misplaced", 5)):
        given = {"initial": 1, "batch": 1, "improvement": improvement}
        made = searched(queries=2, encoding="discrete", seed=1, **given)
        assert evaluated(made)[1] == first
    monkeypatch.undo()
    base = {"queries": 14, "encoding": "supervised", "initial": 8}
    chosen = [
        tuple(evaluated(searched(**base, **given)))
        for given in ({}, {"head": "hidden"}, {"misfit": "squared"})
    ]
    assert len(set(chosen)) == 3
    for name in ("head", "misfit", "improvement"):
        with pytest.raises(UnknownName, match=f"{name} of arch2vec"):
            searched(**{name: "other"})


def test_a_diverged_training_is_borne() -> None:
    def read(arch: Arch, epochs: int) -> dict[str, float]:
        return {
            **values(arch, epochs),
            "valid_accuracy": float("nan") if arch.code[0] == 1 else 0.5 + 0.1 * arch.code[1],
        }

    for strategy in ("bo", "reinforce"):
        made = searched(strategy=strategy, encoding="discrete", read=read)
        assert made.queries == 40 and any(done.score == -np.inf for done in made.ledger.evaluations)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"encoding": "arch3vec"}, UnknownName, "encoding of arch2vec: 'arch3vec'"),
        ({"strategy": "rl"}, UnknownName, "strategy of arch2vec"),
        ({"surrogate": "forest"}, UnknownName, "surrogate of arch2vec"),
        ({"encoding": "supervised", "surrogate": "gp"}, NasreproError, 'use surrogate = "dngo"'),
    ],
)
def test_what_does_not_exist_is_said(
    params: dict[str, Any], error: type[NasreproError], message: str
) -> None:
    with pytest.raises(error, match=message):
        searched(**params)


# -- what is booked --------------------------------------------------------------------------------
def test_pretraining_is_booked_the_same_whether_it_was_there_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))
    arch2vec.embedding.cache_clear()
    cold = searched(queries=17, pretraining_seed=7)
    arch2vec.embedding.cache_clear()
    warm = searched(queries=17, pretraining_seed=7)
    arch2vec.embedding.cache_clear()
    assert cold.ledger.overhead_s["pretraining"] == warm.ledger.overhead_s["pretraining"] > 0
    assert cold.ledger.evaluations == warm.ledger.evaluations
    assert cold.ledger.overhead_s["predictor"] > 0
    assert "pretraining" not in searched(queries=17, encoding="discrete").ledger.overhead_s


# -- studies ---------------------------------------------------------------------------------------
def faster(recipe: vgae.Recipe) -> vgae.Recipe:
    return replace(recipe, hidden=32, layers=2, batch=10, learning_rate=1e-2)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> str:
    """An oracle of 200 cells of NAS-Bench-201, in the place of the real one."""
    from nasrepro.suite.oracle import Dataset
    from nasrepro.suite.space import ConfinedSpace

    whole = Cell201()
    space = ConfinedSpace(whole, [whole.at(index) for index in range(200)])
    oracle = Toy(
        named("few", space=whole, datasets=(Dataset("toys", 10, 8),)),
        lambda arch, _: {**FLAT, "test_accuracy": 0.1 * arch.code[0]},
        space,
    )
    monkeypatch.setattr(arch2vec, "load_oracle", lambda name: oracle)
    monkeypatch.setattr(
        vgae,
        "pretrained",
        lambda graphs, recipe: made_by(graphs, faster(recipe)),
    )
    return "few"


def made_by(graphs: Any, recipe: vgae.Recipe) -> vgae.Pretrained:
    network, met = vgae.train(graphs, recipe)
    return vgae.Pretrained(network, 1.5, met.mean(0), met.std(0))


def measured(name: str, **params: Any) -> list[dict[str, Any]]:
    entry = studies.get(name)
    rows = [dict(row) for row in entry.measure(np.random.default_rng(0), **entry.params(params))]
    assert all(list(row) == list(rows[0]) and set(entry.by) <= set(row) for row in rows)
    keys = [tuple(row[column] for column in entry.by) for row in rows]
    assert len(set(keys)) == len(keys)
    return rows


def test_reconstruction_counts_what_is_right(few: str) -> None:
    untrained = measured("arch2vec.reconstruction", oracle=few, samples=300, epochs=0)
    trained = measured("arch2vec.reconstruction", oracle=few, samples=300, epochs=12)
    assert len(trained) == 2 and trained[0]["behaviour"] != trained[1]["behaviour"]
    for before, after in zip(untrained, trained, strict=True):
        assert after["operations_right"] > before["operations_right"] + 0.1
        assert (
            after["edges_right"] > before["edges_right"]
            and after["architectures_right"] <= after["operations_right"]
        )
        assert 0 <= after["cells"] <= after["valid"] <= 1
        assert (
            after["unique_among_valid"] is None
            if after["valid"] == 0
            else 0 < after["unique_among_valid"] <= 1
        )
        assert after["pretraining_s"] == 1.5


def test_distance_grows_with_edits(few: str) -> None:
    rows = measured("arch2vec.smoothness", oracle=few, walks=60, epochs=2)
    pretrained = [row["distance"] for row in rows if row["encoder"] == "pre-trained"]
    assert [row["edits"] for row in rows] == [*range(1, 7)] * 2 and {
        row["walks"] for row in rows
    } == {60}
    assert pretrained[0] < pretrained[2] < pretrained[5]


def test_the_map_has_a_place_and_an_accuracy_for_each_point(few: str) -> None:
    rows = measured("arch2vec.map", oracle=few, points=50, epochs=2)
    assert [row["encoder"] for row in rows] == ["pre-trained", "untrained"]
    for row in rows:
        points = np.array(json.loads(row["_points"]))
        assert points.shape == (50, 3) and 0 < row["variance_explained"] <= 1
        assert set(np.unique(points[:, 2])) <= {0.0, 0.1, 0.2, 0.3, 0.4}
        assert points[:, 0].var() >= points[:, 1].var()


def test_nearest_difference_by_hand() -> None:
    points, accuracies = np.array([[0.0], [1.0], [3.0], [3.5]]), np.array([0.1, 0.2, 0.5, 0.9])
    assert arch2vec.nearest_difference(points, accuracies) == pytest.approx(
        (0.1 + 0.1 + 0.4 + 0.4) / 4
    )


def test_the_embedding_is_of_the_space_in_its_own_order() -> None:
    points, _ = arch2vec.embedding(LINES, 0, True, 1)
    assert points.shape == (81, 16)
    network, _ = vgae.train(graphs_of(LINES), vgae.Recipe(epochs=0))
    np.testing.assert_allclose(
        points[5], vgae.means(network, graphs_of(LINES)[5:6]).mean(1)[0], atol=1e-5
    )


# -- figures ---------------------------------------------------------------------------------------
def stored(tmp_path: Path, name: str, **params: Any) -> Store:
    """A store with the study of two seeds."""
    entry = studies.get(name)
    store = Store(tmp_path / "results.sqlite")
    for seed in (0, 1):
        rows = tuple(
            dict(row) for row in entry.measure(np.random.default_rng(seed), **entry.params(params))
        )
        store.add(
            StudyRecord(StudyKey(name, "", entry.params(params), {}, seed), "done", entry.by, rows)
        )
    return store


def test_the_map_is_drawn_and_its_points_stand_in_no_table(few: str, tmp_path: Path) -> None:
    with stored(tmp_path, "arch2vec.map", oracle=few, points=50, epochs=1) as store:
        (drawing,) = latent_map.draw(Results(store))
        (table,) = study_tables(list(store.studies()), 0)
    assert (
        drawing.name == "latent-map-few-1-1-50"
        and "50 random architectures of few" in drawing.caption
    )
    first, second, _ = drawing.figure.axes
    assert [axes.get_title() for axes in (first, second)] == ["pre-trained", "untrained"]
    assert len(first.collections[0].get_offsets()) == 50
    headers = [column.name for column in table.columns]
    assert "variance_explained" in headers and "_points" not in headers


def test_the_smoothness_curve_is_the_mean_over_seeds(few: str, tmp_path: Path) -> None:
    with stored(tmp_path, "arch2vec.smoothness", oracle=few, walks=20, epochs=1, steps=3) as store:
        (drawing,) = latent_smoothness.draw(Results(store))
        rows = [row for record in store.studies() for row in record.rows]
    lines = {line.get_label(): line for line in drawing.figure.axes[0].lines}
    expected = [
        np.mean(
            [
                row["distance"]
                for row in rows
                if row["encoder"] == "untrained" and row["edits"] == edit
            ]
        )
        for edit in (1, 2, 3)
    ]
    np.testing.assert_allclose(lines["untrained"].get_ydata(), [0, *expected])
    assert "2 seeds" in drawing.caption


def test_figures_of_a_store_without_the_studies_are_none(tmp_path: Path) -> None:
    with Store(tmp_path / "empty.sqlite") as store:
        assert not list(latent_map.draw(Results(store))) and not list(
            latent_smoothness.draw(Results(store))
        )
