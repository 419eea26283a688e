"""NAS-Bench-NLP: recipes, sizes, repeated trainings."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from scipy.stats import kendalltau

from nasrepro.oracles.spaces.rnnrecipe import RnnRecipe
from nasrepro.suite.errors import InvalidArch, NotTabulated
from nasrepro.suite.search import Budget, Session

SPACE = RnnRecipe()
PLAIN = {
    "f": {"op": "linear", "input": ["x", "h_prev_0"]},
    "h_new_0": {"op": "activation_tanh", "input": ["f"]},
}


@pytest.fixture(scope="module")
def oracle(real):
    return real("nasbench_nlp")


def test_the_plain_network_by_hand():
    """Its log (model 1000000) has 15,066,078 parameters."""
    arch = SPACE.parse(json.dumps(PLAIN))
    layers = 400 * 600 + 600 * 600 + 600, 600 * 600 * 2 + 600, 600 * 400 + 400 * 400 + 400
    size = SPACE.complexity(arch, classes=33278, size=1)
    assert size.params == sum(layers) + 400 * 33278 + 33278 == 15_066_078
    assert size.macs == sum(layers) - 1600 + 400 * 33278
    graph = SPACE.graph(arch)
    assert graph.ops[5:] == ("linear", "activation_tanh", "output")
    assert graph.adjacency.sum() == 4 + 2 + 1 + 1


def test_names_and_order_of_nodes_make_no_difference():
    swapped = {"h_new_0": PLAIN["h_new_0"], "f": {"op": "linear", "input": ["h_prev_0", "x"]}}
    assert SPACE.described(swapped) == SPACE.described(PLAIN)


def test_sampled_recipes_go_there_and_back():
    rng = np.random.default_rng(0)
    for _ in range(50):
        arch = SPACE.sample(rng)
        assert SPACE.parse(SPACE.format(arch)) == arch


def test_neighbours_are_recipes_and_mutual():
    rng = np.random.default_rng(3)
    for _ in range(3):
        arch = SPACE.sample(rng)
        near = SPACE.neighbours(arch)
        assert arch not in near and len(set(near)) == len(near) > 0
        assert SPACE.mutate(arch, rng) in near
        for other in near[::20]:
            SPACE.check(other)
            assert arch in SPACE.neighbours(other)


def test_recipes_travel_to_other_processes_and_have_numbers_among_all_codes():
    arch = SPACE.described(PLAIN)
    assert pickle.loads(pickle.dumps(arch)) == arch
    assert SPACE.at(SPACE.index(arch)) == arch
    with pytest.raises(InvalidArch, match="not the first ones"):
        SPACE.at(0)


@pytest.mark.parametrize(
    "change",
    [
        {"f": {"op": "linear", "input": ["x", "nowhere"]}},
        {"f": {"op": "linear", "input": ["x", "h_new_0"]}},  # a cycle
        {"f": {"op": "conv", "input": ["x"]}},
        {"f": {"op": "blend", "input": ["x", "x"]}},
        {"f": {"op": "linear", "input": ["x", "h_prev_0", "h_prev_1", "h_prev_2"]}},
        {"f": {"op": "linear"}},
        {"f": 3},
        {f"node{place}": {"op": "linear", "input": ["x"]} for place in range(14)},
    ],
)
def test_other_recipes_are_refused(change):
    with pytest.raises(InvalidArch):
        SPACE.described(PLAIN | change)


@pytest.mark.parametrize("text", ["", "[", "[]", "3", '{"f": {}}', "{}", "[" * 100_000])
def test_other_texts_are_refused(text):
    with pytest.raises(InvalidArch):
        SPACE.parse(text)


def test_codes_with_gaps_are_refused():
    code = list(SPACE.described(PLAIN).code)
    for place, option in ((8, 1), (1, 0), (60, 3), (60, 0), (62, 1), (5, 0)):
        with pytest.raises(InvalidArch):
            SPACE.arch([*code[:place], option, *code[place + 1 :]])


def test_repeated_trainings_tell_the_noise(oracle):
    assert len(oracle.archs()) == 265 and len(oracle.seeds("wikitext-2", 50)) == 14
    ends = np.array(
        [
            oracle.query_many(dataset="wikitext-2", epochs=50, seed=seed)["valid_loss"]
            for seed in oracle.seeds("wikitext-2", 50)
        ]
    )
    repeated = ends[:, np.isfinite(ends).sum(axis=0) > 1]
    deviations = np.nanvar(repeated, axis=0, ddof=1), np.isfinite(repeated).sum(axis=0) - 1
    assert np.sqrt(np.average(deviations[0], weights=deviations[1])) == pytest.approx(
        0.0374, abs=1e-4
    )
    assert np.nanstd(ends) == pytest.approx(0.613, abs=1e-3)


def test_curves(oracle):
    archs = oracle.space.whole, list(oracle.space)
    assert len(archs[1]) == 263
    curves = [
        oracle.query_many(archs[1], dataset="wikitext-2", epochs=epochs) for epochs in (1, 10, 50)
    ]
    last = curves[-1]["valid_loss"]
    agreement = [kendalltau(curve["valid_loss"], last).statistic for curve in curves]
    assert agreement == pytest.approx([0.58, 0.84, 1], abs=0.01)
    assert kendalltau(curves[-1]["test_loss"], last).statistic == pytest.approx(0.99, abs=0.005)
    assert oracle.best("wikitext-2", 50, "valid_loss", seed="run1")[0] == pytest.approx(
        4.56947, abs=1e-5
    )


def test_searches_stay_among_the_cells(oracle):
    with pytest.raises(NotTabulated, match="not among the 265"):
        oracle.query(SPACE.sample(np.random.default_rng(1)), dataset="wikitext-2", epochs=50)
    session = Session(oracle, dataset="wikitext-2", epochs=50, budget=Budget(queries=3))
    arch = session.space.sample(np.random.default_rng(0))
    near = session.space.neighbours(arch)
    assert len(near) >= 8 and all(arch in session.space.neighbours(other) for other in near)
