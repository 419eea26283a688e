"""FLASH: its formulas, fits, search, limits and studies.

The formulas are checked by hand, the fits on known curves, the search against all points.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from nasrepro.methods.nets.degree import (
    METRICS,
    Curve,
    fit_curve,
    fit_linear,
    nn_degree,
    nn_degree_operators,
    nn_mass,
    sum_of_widths,
)
from nasrepro.methods.nets.lattice import Lattice, ordered
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.reports.figures import hardware_fronts, predictor_scatter
from nasrepro.reports.summary import Results
from nasrepro.suite.errors import NasreproError, NotTabulated, UnknownName
from nasrepro.suite.experiments.cells import cells_of
from nasrepro.suite.experiments.identity import tables_of
from nasrepro.suite.experiments.kinds.search import Protocol, RunCell, RunKey, Trace
from nasrepro.suite.experiments.kinds.study import StudyKey, StudyRecord
from nasrepro.suite.experiments.plan import Plan, load_plan
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.experiments.worker import execute_here
from nasrepro.suite.oracle import MEAN, Device, DeviceInfo, DeviceTable
from nasrepro.suite.registry import load_oracle, methods, studies
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Block

FLASH = methods.get("flash")


# -- formulas --------------------------------------------------------------------------------------
def test_metrics_of_two_dense_cells_by_hand():
    # NN-Mass: cell 1: width 4, depth 4, tc 3: layers 2 and 3 have 4 and 8 channels to link to and
    # take 3 each: density 6 / 12 cell 2: width 8, depth 3, tc 3: layer 2 takes 3 of 8
    cells = (Block(4, 4, 6, 12, 4, 36), Block(8, 3, 3, 8, 4, 27))
    assert nn_mass(cells) == pytest.approx(6 / 12 * 4 * 4 + 3 / 8 * 8 * 3)  # 8 + 9
    assert nn_degree(cells) == pytest.approx((4 + 6 / 16) + (8 + 3 / 24))  # 12.5
    assert nn_degree_operators(cells) == pytest.approx(12.5 + (4 * 36 + 8 * 27) / 9)
    assert sum_of_widths(cells) == 12


def test_nn_mass_of_residual_blocks_is_the_authors():
    assert nn_mass((Block(32, 2, 32, inputs=16),)) == 48  # BasicBlock: inplanes + planes
    assert nn_mass((Block(32, 2, 0, inputs=16),)) == 0  # no residual


def test_on_widths_the_degree_is_their_sum_and_a_constant():
    space = SizeSpace()
    for text in ("8:8:8:8:8", "8:16:24:32:64", "64:64:64:64:64"):
        arch = space.parse(text)
        # three cells with a skip of w over 3 layers: 1/3 each; two reductions with a shortcut of w
        # over 2: 1/2 each
        assert nn_degree(space.blocks(arch)) == sum(space.widths(arch)) + 3 / 3 + 2 / 2
    assert nn_mass(space.blocks(space.parse("8:16:24:32:64"))) == (8 + 8) + (8 + 16) + (16 + 24) + (
        24 + 32
    ) + (32 + 64)


def test_on_cells_of_operators_strict_degree_sees_links_alone():
    space = Cell201(channels=8, cells=1, stages=1)
    text = "|nor_conv_{0}~0|+|none~0|nor_conv_{0}~1|+|skip_connect~0|none~1|nor_conv_{0}~2|"
    one, three = (space.parse(text.format(kernel)) for kernel in ("1x1", "3x3"))
    assert (
        nn_degree(space.blocks(one))
        == nn_degree(space.blocks(three))
        == pytest.approx(8 + 1 / 3, abs=1e-8)
    )
    assert nn_degree_operators(space.blocks(three)) - nn_degree(
        space.blocks(three)
    ) == pytest.approx(8 * 27 / 9)
    assert nn_degree_operators(space.blocks(one)) - nn_degree(space.blocks(one)) == pytest.approx(
        8 * 3 / 9
    )
    dead = space.parse("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
    assert space.blocks(dead) == (Block(8, 1, 8, 0, 8, 0),)  # the convolution leads nowhere


def test_blocks_of_other_spaces_come_from_the_graph():
    space = Dag101()
    matrix = "0100101/0010000/0001000/0000100/0000010/0000001/0000000"
    text = (
        f"{matrix};"
        "input,conv3x3-bn-relu,conv1x1-bn-relu,maxpool3x3,conv3x3-bn-relu,maxpool3x3,output"
    )
    (block,) = space.blocks(space.parse(text))
    assert (block.depth, block.links, block.kernels) == (5, 2, 19)  # links 0 -> 4 and 0 -> 6


# -- fits ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "known",
    [Curve(1.1, 0.05, 2.0, 190.0), Curve(1.3, 0.4, -1.5, 20.0), Curve(1.0, 1e-3, 6.0, 1000.0)],
)
def test_the_curve_is_recovered_from_its_own_values(known):
    g = known.unit * np.linspace(0.4, 1.8, 25)
    found = fit_curve(g, known(g))
    everywhere = known.unit * np.linspace(0.4, 1.8, 200)
    assert np.abs(found(everywhere) - known(everywhere)).max() < 1e-4
    scale = found.unit / known.unit  # the exponent is c unit / g
    assert (found.a, found.b, found.c * scale) == pytest.approx(
        (known.a, known.b, known.c), rel=0.05
    )


def test_a_curve_over_noise_is_no_worse_than_the_mean():
    rng = np.random.default_rng(0)
    for _ in range(5):
        g, score = rng.uniform(1, 10, 25), rng.uniform(0.1, 0.9, 25)
        assert ((fit_curve(g, score)(g) - score) ** 2).mean() <= score.var() * (1 + 1e-6)


def test_a_curve_rises_or_falls():
    assert Curve(1, 1, 1, 1).rises and Curve(1, 0, -1, 1).rises and not Curve(1, 1, -1, 1).rises


@pytest.mark.parametrize(
    "score",
    [
        np.full(25, 0.5),
        np.linspace(-3, -1, 25),
        np.linspace(-1, 1, 25),
        np.r_[-np.inf, np.linspace(0.2, 0.9, 24)],
    ],
)
def test_scores_of_any_kind_give_a_finite_curve(score):
    for g in (np.linspace(1, 9, 25), np.full(25, 3.0), np.zeros(25)):
        curve = fit_curve(g, score)
        assert np.isfinite(curve(np.linspace(0, 20, 50))).all()
    fine, g = np.isfinite(score), np.linspace(1, 9, 25)
    error = (fit_curve(g, score)(g) - score)[fine]
    assert (error**2).mean() <= 0.2 * score[fine].var() + 1e-9  # they rise with g


def test_a_linear_device_model_is_recovered():
    rng = np.random.default_rng(1)
    features = np.column_stack(
        [np.ones(30), rng.uniform(1e6, 1e8, 30), rng.integers(0, 6, (30, 3))]
    )
    values = features @ [3.0, 2e-7, 1.0, 0.5, 4.0]
    model = fit_linear(features[:10], values[:10])
    assert model(features) == pytest.approx(values)


# -- the search ------------------------------------------------------------------------------------
def knapsack(limit, code):
    value = float(sum((i + 2) * x for i, x in enumerate(code)) + 0.01 * code[0] * code[1])
    return value, (sum((i + 1) * x * x for i, x in enumerate(code)) / limit - 1,)


@pytest.mark.parametrize("limit", [15, 60, 150, 1000])
def test_hierarchical_shgo_finds_the_best_of_all_points(limit):
    sizes = (6, 5, 6, 4)
    lattice = Lattice(partial(knapsack, limit), sizes)
    best = lattice.maximise()
    every = [
        code for code in itertools.product(*map(range, sizes)) if knapsack(limit, code)[1][0] <= 0
    ]
    assert knapsack(limit, best)[0] == max(knapsack(limit, code)[0] for code in every)
    assert (
        len(lattice.seen) < len(list(itertools.product(*map(range, sizes))))
        and best == lattice.feasible()[0]
    )
    assert all(knapsack(limit, code)[1][0] <= 0 for code in lattice.feasible())
    assert Lattice(partial(knapsack, limit), sizes).exhaustive() == next(
        code for code in every if knapsack(limit, code)[0] == lattice.rank(best)[1]
    )


def test_without_a_feasible_point_the_least_excess_is_returned():
    lattice = Lattice(lambda code: (float(sum(code)), (1.0 + sum(code),)), (4, 4))
    assert lattice.maximise() == (0, 0) and lattice.feasible() == []


def test_many_variables_are_searched_a_few_at_a_time():
    lattice = Lattice(
        lambda code: (-float(sum(abs(x - i % 3) for i, x in enumerate(code))), ()), (3,) * 12
    )
    assert lattice.maximise() == (0, 1, 2) * 4


def test_options_are_put_in_the_order_of_the_metric():
    space = Cell201(channels=8, cells=1, stages=1)
    metric = lambda arch: METRICS["nn_degree_operators"](space.blocks(arch))  # noqa: E731
    for order in ordered(space, metric, np.random.default_rng(0), 8):
        assert order[-2:] == [2, 3]  # 1x1, then 3x3
    assert (
        ordered(
            SizeSpace(),
            lambda arch: nn_degree(SizeSpace().blocks(arch)),
            np.random.default_rng(0),
            2,
        )
        == [list(range(8))] * 5
    )


# -- the method ------------------------------------------------------------------------------------
@cache
def latencies():
    space = Cell201()
    values = np.array(
        [
            5.0 + sum((0, 1, 6, 14, 3)[option] for option in space.at(i).code)
            for i in range(len(space))
        ]
    )
    values[::10] = np.nan
    return values


class Column:
    """A table of one made-up device.

    Latency by the live operations of a cell, NaN for a tenth of the cells.
    """

    names = ("cifar10/board", "cifar10/board-energy")
    sha256 = "f" * 64

    def __len__(self):
        return len(latencies())

    def column(self, name):
        return latencies() * (2 if name.endswith("energy") else 1)


BOARD = DeviceTable(
    DeviceInfo(
        "made",
        Cell201(),
        (
            Device("made/board", "cell201", "latency", "ms", ("digits", "cifar10")),
            Device("made/board-energy", "cell201", "energy", "mJ", ("cifar10",)),
        ),
        "",
        "",
        None,  # type: ignore[arg-type]  # it is not fetched
    ),
    Column(),  # type: ignore[arg-type]
)


class Digits(DeviceTable):
    """The same for digits201, whose cells have the same index."""

    def values(self, device, dataset=""):
        if dataset == "cifar100":
            return super().values(device, dataset)
        return self.table.column(f"cifar10/{device.partition('/')[2]}")


def session_on(oracle="digits201", queries=26):
    opened = load_oracle(oracle)
    dataset = opened.info.datasets[0].name
    board = Digits(BOARD.info, BOARD.table)
    return Session(
        opened,
        dataset=dataset,
        epochs=opened.epochs(dataset)[-1],
        budget=Budget(queries=queries),
        devices=lambda name: board,
    )


def searched(seed=0, queries=26, **params):
    session = session_on(queries=queries)
    chosen = FLASH.search(session, np.random.default_rng(seed), **FLASH.params(params))
    return session, chosen


@pytest.mark.parametrize("seed", range(3))
def test_what_is_evaluated_and_returned_keeps_every_limit(seed):
    limits = {"max_macs": 250_000.0, "max_latency": 25.0, "max_energy": 48.0}
    session, chosen = searched(
        seed, device="made/board", metric="nn_degree_operators", features="operators", **limits
    )
    assert session.queries == 26 and chosen == session.best()
    for done in session.ledger.evaluations:
        assert session.complexity(done.arch).macs <= limits["max_macs"]
        assert (
            session.latency(done.arch, "made/board") <= 25
            and session.energy(done.arch, "made/board-energy") <= 48
        )


def test_training_free_search_asks_once_and_fits_nothing():
    session, chosen = searched(samples=0, metric="nn_degree_operators", max_macs=250_000.0)
    assert session.queries == 1 and [event["event"] for event in session.ledger.events] == [
        "search"
    ]
    assert session.ledger.events[0]["measured"] == {}  # MACs are counted, not measured
    g = {
        arch: nn_degree_operators(session.space.blocks(arch))
        for arch in session.space
        if session.complexity(arch).macs <= 250_000
    }
    assert g[chosen] == max(g.values())


def test_the_search_is_logged_and_charged():
    session, _ = searched()
    fit, search = session.ledger.events
    assert (fit["event"], len(fit["g"]), len(fit["score"])) == ("predictor", 25, 25)
    assert (
        set(session.ledger.overhead_s) == {"predictor", "shgo", "listing", "walk"}
        and search["points"] > 0
        and len(search["found"]) == 1
    )
    again = fit_curve(np.array(fit["g"]), np.array(fit["score"]))
    assert (again.a, again.b, again.c) == (fit["a"], fit["b"], fit["c"])


def test_more_finals_are_more_networks():
    session, _ = searched(queries=40, finals=10)
    assert session.queries == 35
    same = session.space.canonical
    finals = {same(done.arch) for done in session.ledger.evaluations[25:]}
    assert len(finals) == 10 and not finals & {
        same(done.arch) for done in session.ledger.evaluations[:25]
    }


@pytest.mark.parametrize("metric", ["nn_degree", "nn_degree_operators"])
def test_the_walk_goes_down_the_metric_over_the_whole_space(metric):
    session, _ = searched(seed=3, queries=65, finals=40, metric=metric)
    same, (fit, search) = session.space.canonical, session.ledger.events
    sign = 1 if fit["b"] * fit["c"] >= 0 else -1
    known, expected = {same(done.arch) for done in session.ledger.evaluations[:25]}, []
    for arch in sorted(
        session.space, key=lambda arch: (-sign * METRICS[metric](session.space.blocks(arch)), arch)
    ):
        if same(arch) not in known:
            known.add(same(arch))
            expected.append(arch)
    assert [session.space.parse(text) for text in search["found"]] == expected[:40]


def test_a_metric_that_says_nothing_leaves_the_canonical_order():
    # all widths of a cell are equal: theta is flat, and no rounding decides
    _, chosen = searched(metric="sum_of_widths", samples=0, queries=1)
    assert chosen == min(load_oracle("digits201").space)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"max_macs": 10.0},
            (
                r"no architecture found within all limits; the nearest, .* macs: limit 10, least "
                r"reachable \d+ MACs"
            ),
        ),
        ({"device": "made/board", "max_latency": 4.0}, "latency: limit 4, least reachable 5 ms"),
        ({"max_latency": 4.0}, "need a device"),
        ({"metric": "nn_mas"}, "unknown metric of flash: 'nn_mas'; did you mean 'nn_mass'"),
        ({"features": "all"}, "unknown features of flash: 'all'"),
    ],
)
def test_what_cannot_be_done_says_why(params, message):
    with pytest.raises(NasreproError, match=message):
        searched(**params)


def test_a_data_set_without_latencies_says_so(real, real_devices):
    oracle, table = real("nasbench201"), real_devices("help")
    session = Session(
        oracle,
        dataset="ImageNet16-120",
        epochs=12,
        budget=Budget(queries=26),
        devices=lambda name: table,
    )
    with pytest.raises(
        NotTabulated,
        match="help/pixel2 has no values for networks of ImageNet16-120; it has: cifar10, cifar100",
    ):
        FLASH.search(
            session,
            np.random.default_rng(0),
            **FLASH.params({"device": "help/pixel2", "max_latency": 5.0}),
        )


def test_a_real_device_limits_what_is_found(real, real_devices):
    oracle, table = real("nasbench201"), real_devices("hwnasbench")
    session = Session(
        oracle, dataset="cifar10", epochs=12, budget=Budget(queries=26), devices=lambda name: table
    )
    params = {
        "device": "hwnasbench/edgetpu",
        "max_latency": 1.0,
        "metric": "nn_degree_operators",
        "features": "operators",
    }
    FLASH.search(session, np.random.default_rng(0), **FLASH.params(params))
    assert session.queries > 1 and all(
        session.latency(done.arch, "hwnasbench/edgetpu") <= 1 for done in session.ledger.evaluations
    )


def test_every_network_measured_on_the_device_is_counted(real, real_devices):
    oracle, table, asked = real("nasbench201"), real_devices("hwnasbench"), set()

    class Watched:
        info = table.info

        def value(self, arch, device, dataset):
            asked.add(arch)
            return table.value(arch, device, dataset)

    session = Session(
        oracle,
        dataset="cifar10",
        epochs=12,
        budget=Budget(queries=26),
        devices=lambda name: Watched(),
    )
    params = {
        "device": "hwnasbench/edgegpu",
        "max_latency": 2.0,
        "metric": "nn_degree_operators",
        "features": "operators",
    }
    FLASH.search(session, np.random.default_rng(0), **FLASH.params(params))
    (search,) = (event for event in session.ledger.events if event["event"] == "search")
    assert search["measured"] == {"latency": len(asked)} and len(asked) > 25


def test_on_widths_it_finds_the_arg_max_of_its_predictor(real):
    oracle = real("natsbench_size")
    (row, *_) = rows_of("flash.search", quantiles=[0.25])
    assert (
        row["is_argmax"] == 1
        and row["found_amount"] <= row["limit"]
        and row["share_of_best"] > 0.97
    )
    assert (
        row["median_accuracy"]
        < row["found_accuracy"]
        <= row["best_accuracy"]
        == pytest.approx(
            max(
                value
                for value, macs in zip(
                    *(
                        oracle.query_many(dataset="cifar10", epochs=90)[name]
                        for name in ("valid_accuracy", "macs")
                    ),
                    strict=True,
                )
                if macs <= row["limit"]
            )
        )
    )


# -- provenance ------------------------------------------------------------------------------------
def key_of(params, **tables):
    oracle = load_oracle("digits201")
    protocol = Protocol(30, 30, ("digits",), MEAN)
    return RunKey(
        "flash",
        FLASH.source_sha256,
        FLASH.params(params),
        oracle.name,
        oracle.table_sha256,
        "digits",
        protocol,
        Budget(queries=26),
        0,
        tables,
    )


def test_a_key_holds_the_hashes_of_the_device_tables(real_devices):
    sha256 = real_devices("hwnasbench").table.sha256
    plan = {
        "oracle": "digits201",
        "methods": [{"name": "flash", "device": "hwnasbench/raspi4", "max_latency": 9.0}, "flash"],
        "datasets": ["digits"],
        "search_epochs": 30,
        "report_epochs": 30,
        "budgets": [{"queries": 26}],
        "seeds": [0],
    }
    with_device, without = (
        cell.key for cell in cells_of(Plan.model_validate({"experiment": [plan]}))
    )
    assert (with_device.device_tables, without.device_tables) == ({"hwnasbench": sha256}, {})
    other = key_of(with_device.params, hwnasbench="0" * 64)
    assert other.run_id != with_device.run_id and without.run_id == key_of({}).run_id
    _, refused = execute_here(RunCell(other))
    assert "another version of the tables of hwnasbench" in refused


def test_a_run_goes_through_the_runner():
    record, trace = execute_here(RunCell(key_of({"metric": "nn_degree_operators"})))
    assert (record.status, record.queries) == ("done", 26), record.error
    assert [event["event"] for event in Trace.from_bytes(trace).events] == ["predictor", "search"]


# -- studies ---------------------------------------------------------------------------------------
def rows_of(name, seed=0, **params):
    study = studies.get(name)
    rows = list(study.measure(np.random.default_rng(seed), **study.params(params)))
    assert rows and all(set(study.by) <= set(row) and list(row) == list(rows[0]) for row in rows)
    return rows


def test_predictors_are_measured_on_the_rest():
    rows = {row["predictor"]: row for row in rows_of("flash_models.predictor", oracle="digits201")}
    assert set(rows) == {*METRICS, "params", "macs", "log_linear"} and {
        row["n"] for row in rows.values()
    } == {load_oracle("digits201").archs().__len__() - 25}
    assert math.isnan(rows["sum_of_widths"]["spearman"])  # of cells, all widths are the same
    assert rows["nn_degree_operators"]["spearman"] > 0.7 > 0 > rows["nn_degree"]["metric_spearman"]
    assert rows["nn_degree_operators"]["rmse"] < rows["nn_degree_operators"]["accuracy_sd"]


def test_device_models_get_better_with_samples(real_devices):
    real_devices("hwnasbench")
    rows = {
        (row["features"], row["samples"]): row
        for row in rows_of("flash_models.latency", devices=["hwnasbench/raspi4"])
    }
    assert (
        rows["operators", 100]["rmse_by_sd"] < rows["operators", 10]["rmse_by_sd"]
        and rows["operators", 100]["spearman"] > 0.85
    )


def test_the_enlarged_space_is_large_and_its_limit_is_kept():
    by_name = {row["optimiser"]: row for row in rows_of("flash_models.enlarged", quantiles=[0.5])}
    assert (
        by_name["random search"]["space"] > 63e9
        and by_name["random search"]["calls"] == by_name["hierarchical SHGO"]["calls"]
    )
    assert (
        max(row["share_of_best"] for row in by_name.values()) == 1
        and by_name["hierarchical SHGO"]["share_of_best"] > 0.95
    )


def test_the_plans_can_be_made(real, real_devices):
    for name in ("natsbench_size", "nasbench201"):
        real(name)
    for name in ("hwnasbench", "help"):
        real_devices(name)
    assert (
        len(cells_of(load_plan("flash"))) > 1000 and len(cells_of(load_plan("flash_dense"))) == 20
    )
    assert tables_of({"devices": ["hwnasbench", "help"]}).keys() == {"hwnasbench", "help"}


# -- figures ---------------------------------------------------------------------------------------
def test_figures_are_drawn_from_runs_and_studies(tmp_path):
    row = {
        "dataset": "cifar10",
        "limited": "macs",
        "found_accuracy": 0.8,
        "returned_accuracy": 0.85,
        "best_accuracy": 0.9,
    }
    rows = tuple({**row, "quantile": q, "limit": 1e8 * q} for q in (0.1, 0.5))
    study = studies.get("flash.search")
    with Store(tmp_path / "runs.sqlite") as store:
        assert not list(predictor_scatter.draw(Results(store))) and not list(
            hardware_fronts.draw(Results(store))
        )
        for seed in range(2):
            store.add(*execute_here(RunCell(replace(key_of({}), seed=seed))))
            key = StudyKey(study.name, study.source_sha256, study.params({}), {}, seed)
            store.add(StudyRecord(key, "done", study.by, rows), b"")
        (scatter,), (fronts,) = (
            list(predictor_scatter.draw(Results(store))),
            list(hardware_fronts.draw(Results(store))),
        )
    assert (scatter.name, fronts.name) == (
        "predictor-scatter-digits201",
        "hardware-fronts-natsbench-size",
    )
    (axes,) = scatter.figure.axes
    grey, curve, dots = axes.get_lines()
    assert (
        len(grey.get_xdata()) == len(dots.get_xdata()) == 25
        and (np.diff(curve.get_xdata()) >= 0).all()
    )
    assert "1 other" in scatter.caption and "2 search seeds" in fronts.caption
    lines = {
        line.get_label(): line.get_ydata().tolist() for line in fronts.figure.axes[0].get_lines()
    }
    assert lines == {
        "best of the table": [90, 90],
        "FLASH, returned": [85, 85],
        "FLASH, found by SHGO": [80, 80],
    }


def test_errors_of_studies_are_clear():
    with pytest.raises(NasreproError, match="samples leave no rest"):
        rows_of("flash_models.predictor", oracle="digits201", samples=5043)
    with pytest.raises(UnknownName):
        studies.get("flash_models.predictor").params({"sample": 3})
