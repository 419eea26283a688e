"""TransNAS-Bench-101.

Both spaces, seven tasks with their own metrics, the order of rows that name no architecture.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from nasrepro.oracles.convert import transnas101 as converter
from nasrepro.oracles.spaces.tasks_transnas import LAST, TASKS, metric_of
from nasrepro.oracles.spaces.transnas import EDGES, NONE, TransNasMacro, TransNasMicro
from nasrepro.oracles.transnas101_macro import INFO as MACRO_INFO
from nasrepro.oracles.transnas101_micro import INFO as MICRO_INFO
from nasrepro.oracles.transnas101_micro import TABLE
from nasrepro.suite.data import fetch_file
from nasrepro.suite.errors import DataCorrupt, InvalidArch, NotTabulated
from nasrepro.suite.search import Budget, Session

MICRO, MACRO = TransNasMicro(), TransNasMacro()


@pytest.fixture(scope="module", params=["micro", "macro"])
def oracle(request, real):
    return real(f"transnas101_{request.param}")


@pytest.fixture(scope="module")
def micro(real):
    return real("transnas101_micro")


# -- the spaces
# ----------------------------------------------------------------------------------------------
def test_official_strings_and_orders():
    assert (len(MICRO), len(MACRO)) == (4096, 3256)
    assert MICRO.parse("64-41414-1_02_333").code == (1, 0, 2, 3, 3, 3)
    assert [MICRO.format(MICRO.at(i)) for i in (0, 1, 4095)] == [
        "64-41414-0_00_000",
        "64-41414-0_00_001",
        "64-41414-3_33_333",
    ]
    assert MACRO.format(MACRO.at(1)) == "64-2311-basic"
    assert len(set(MACRO)) == 3256 and MACRO.parse("64-123412-basic").code == (1, 2, 3, 4, 1, 2)


def test_macro_space_is_every_skeleton_that_the_rules_allow():
    allowed = [
        skeleton
        for length in (4, 5, 6)
        for skeleton in np.ndindex(*(4,) * length)
        if 1 <= sum(digit in (1, 3) for digit in skeleton) <= 3
        and 1 <= sum(digit in (2, 3) for digit in skeleton) <= 4
    ]
    assert {MACRO.skeleton(arch) for arch in MACRO} == {
        tuple(digit + 1 for digit in skeleton) for skeleton in allowed
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1_02_333",
        "64-41414-1_02_33",
        "64-41414-1_02_334",
        "32-41414-1_02_333",
        "64-4141-1_02_333",
        "64-41414-1_02_333-",
        "64-2311-basic",
    ],
)
def test_other_texts_are_no_cells(text):
    with pytest.raises(InvalidArch, match="is not of the form 64-41414-1_02_333"):
        MICRO.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2311",
        "64-1111-basic",
        "64-241-basic",
        "64-2311111-basic",
        "64-23110-basic",
        "64-2222-basic",
        "64-3332-",
        "64-41414-1_02_333",
    ],
)
def test_other_texts_are_no_skeletons(text):
    with pytest.raises(InvalidArch, match="is not of the form 64-2311-basic"):
        MACRO.parse(text)


def test_codes_that_are_no_skeletons_are_refused():
    for code in ((1, 1, 1, 1, 0, 0), (2, 3, 0, 1, 1, 1), (2, 3, 1, 0, 0, 0), (2, 3, 1, 1, 0, 1)):
        with pytest.raises(InvalidArch, match="is no skeleton"):
            MACRO.arch(code)


def test_isomorphic_cells_have_one_canonical_form():
    between = EDGES.index((1, 2))
    for arch in MICRO:
        if arch.code[between] == NONE:
            a, b, _, c, d, e = arch.code
            assert MICRO.canonical(MICRO.arch((b, a, NONE, c, e, d))) == MICRO.canonical(arch)
        assert MICRO.canonical(arch) <= arch or MICRO.live(arch) != arch
    assert len({MICRO.canonical(arch) for arch in MICRO}) == 1948
    assert MICRO.live(MICRO.parse("64-41414-3_20_101")) == MICRO.parse(
        "64-41414-0_20_101"
    )  # node 1 leads nowhere
    assert MICRO.live(MICRO.parse("64-41414-3_33_000")) == MICRO.at(0)


def test_complexity_counts_the_backbone():
    """By hand: stem, then ten blocks.

    Params and MACs of two extremes, and of the smallest image.
    """
    stem = 9 * 3 * 32 + 2 * 32 + 9 * 32 * 64 + 2 * 64
    assert MICRO.complexity(MICRO.at(0), classes=47, size=256).params == stem
    assert (
        MICRO.complexity(MICRO.at(0), classes=47, size=256).macs
        == 9 * 3 * 32 * 128**2 + 9 * 32 * 64 * 64**2
    )
    one = MICRO.parse("64-41414-0_00_200")  # a single 1x1 convolution, from input to output
    widths = [
        (64, 128),
        (128, 128),
        (128, 128),
        (128, 128),
        (128, 256),
        (256, 256),
        (256, 256),
        (256, 256),
        (256, 512),
        (512, 512),
    ]
    assert MICRO.complexity(one, classes=47, size=256).params == stem + sum(
        a * b + 2 * b for a, b in widths
    )
    skip = MICRO.parse(
        "64-41414-0_00_100"
    )  # a skip is a 1x1 convolution in the three blocks that change the shape
    assert MICRO.complexity(skip, classes=47, size=256).params == stem + sum(
        a * b + 2 * b for a, b in widths if a != b
    )
    basic = MACRO.parse("64-4111-basic")
    changed = 9 * 64 * 128 + 9 * 128 * 128 + 64 * 128
    assert MACRO.complexity(
        basic, classes=9, size=64
    ).params == stem + changed + 3 * 2 * 128 + 7 * (2 * 9 * 128 * 128 + 2 * 2 * 128)
    stem_macs = 9 * 3 * 32 * 32**2 + 9 * 32 * 64 * 16**2
    assert (
        MACRO.complexity(basic, classes=9, size=64).macs
        == stem_macs + (changed + 7 * 2 * 9 * 128 * 128) * 8**2
    )


# -- the tables
# ----------------------------------------------------------------------------------------------
def test_each_task_has_its_own_metric_and_length(oracle):
    for dataset in oracle.info.datasets:
        task = TASKS[dataset.name]
        objective, target = (
            oracle.info.objective_of(dataset.name),
            oracle.info.target_of(dataset.name),
        )
        assert (
            (objective.split, target.split) == ("valid", "test")
            and objective.unit == target.unit
            and objective.higher_is_better
        )
        assert oracle.epochs(dataset.name) == (task.epochs,) and oracle.seeds(
            dataset.name, task.epochs
        ) == ("run1",)
        values = oracle.query_many(dataset=dataset.name, epochs=task.epochs)
        measured = {
            f"{split}_{measure}"
            for split in ("train", "valid", "test")
            for measure in task.measures.values()
        }
        measured.add(f"last_valid_{LAST[dataset.name]}")
        assert set(values) == measured | {"cost_s", "params", "macs"}
        assert all(
            np.isfinite(column).all() and len(column) == len(oracle.space)
            for column in values.values()
        )
        assert (values["cost_s"] > 0).all()
    with pytest.raises(NotTabulated, match="accepted: 10"):
        oracle.query(oracle.space.at(0), dataset="jigsaw", epochs=25)


def test_known_values(micro, real):
    best = {
        name: micro.best(name, task.epochs, metric_of(name, "valid"))[0]
        for name, task in TASKS.items()
    }
    accuracies = {
        "class_scene": 0.5494,
        "class_object": 0.4632,
        "jigsaw": 0.9537,
        "segmentsemantic": 0.2627,
    }
    assert {name: round(best[name], 4) for name in accuracies} == accuracies
    assert [round(best[name], 4) for name in ("normal", "autoencoder", "room_layout")] == [
        0.5962,
        0.5772,
        -0.5938,
    ]
    macro = real("transnas101_macro")
    assert macro.query(macro.space.at(1), dataset="class_scene", epochs=25).values[
        "valid_accuracy"
    ] == pytest.approx(0.53577827)
    assert macro.space.format(macro.best("jigsaw", 10, "valid_accuracy")[1]) == "64-2243-basic"


def test_columns_agree_with_the_space(oracle):
    for dataset in oracle.info.datasets:
        values = oracle.query_many(dataset=dataset.name, epochs=TASKS[dataset.name].epochs)
        for row in (0, 1, 1000, 3255):
            size = oracle.space.complexity(
                oracle.space.at(row), classes=dataset.classes, size=dataset.size
            )
            assert (values["params"][row], values["macs"][row]) == (size.params, size.macs)


def test_a_search_optimises_the_task(oracle):
    session = Session(oracle, dataset="room_layout", epochs=25, budget=Budget(queries=2))
    done = session.evaluate(oracle.space.at(0))
    assert done.score == done.metrics["last_valid_neg_loss"] < 0
    assert not any(name.startswith("test") for name in done.metrics)
    assert math.isclose(session.clock_s, done.metrics["cost_s"])
    assert session.complexity(oracle.space.at(0)).params == done.metrics["params"]


def test_both_oracles_say_what_the_values_are():
    for info in (MICRO_INFO, MACRO_INFO):
        assert any("optimistic" in note for note in info.notes)
        assert "seconds are assumed" in info.metric("cost_s").note


def test_the_second_source_is_held_against_every_cell(mirror, monkeypatch, tmp_path):
    monkeypatch.setenv("NASREPRO_MIRROR", str(mirror))
    paths = {name: fetch_file(file) for name, file in TABLE.files.items()}
    second = json.loads(paths["second"].read_text())
    cell = next(iter(second["class_scene"].values()))
    changed = tmp_path / "changed.json"
    cell["val_accuracy"] += 1e-6
    changed.write_text(json.dumps(second))
    with pytest.raises(DataCorrupt, match=r"second source's \(class_scene\) is 710"):
        converter.convert_micro({**paths, "second": changed})
