"""AccPar: costs against matrices really split, optima against brute force, released types."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nasrepro.methods.accpar import V2, V3
from nasrepro.methods.nets.accelerators import GRID, SCHEMES, Group, Partitioner
from nasrepro.methods.nets.partition import (
    NETWORKS,
    Layer,
    Network,
    best_types,
    convert,
    level_costs,
    network_of,
    price,
    released_types,
)
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.registry import studies

GROUPS = Group(128, 180, 8), Group(128, 420, 16)


# -- two parties that really split matrices --------------------------------------------------------
ROWS, COLUMNS, WHOLE = "rows", "columns", "whole"
#: What a layer of each type reads of its input (and leaves of the error), and leaves of its output.
READS, LEAVES = (ROWS, COLUMNS, WHOLE), (ROWS, WHOLE, COLUMNS)


class Party:
    """Half of the machine: an index range of every side, and the number of elements it received."""

    def __init__(self, first: bool, share: float) -> None:
        self.first, self.share, self.received = first, share, 0

    def part(self, length: int) -> slice:
        cut = round(self.share * length)
        return slice(0, cut) if self.first else slice(cut, length)

    def held(self, shape: tuple[int, int], layout: str) -> np.ndarray:
        mask = np.zeros(shape, dtype=bool)
        rows = self.part(shape[0]) if layout == ROWS else slice(None)
        columns = self.part(shape[1]) if layout == COLUMNS else slice(None)
        mask[rows, columns] = True
        return mask

    def receive(self, shape: tuple[int, int], before: str, after: str) -> None:
        """Book what it needs in the layout `after` and does not hold in the layout `before`."""
        self.received += int((self.held(shape, after) & ~self.held(shape, before)).sum())


def two_layers(types, share, rng):
    """A perceptron of two layers in two parties; checks its numbers, returns what both received."""
    batch, sides = 20, (30, 40, 10)
    inputs = rng.standard_normal((batch, sides[0]))
    weights = [rng.standard_normal(pair) for pair in itertools.pairwise(sides)]
    error = rng.standard_normal((batch, sides[2]))
    parties = [Party(True, share), Party(False, share)]

    def product(left, right, kind):
        """left @ right by both parties: split over rows, over the inner side, or over columns."""
        out = np.zeros((len(left), right.shape[1]))
        for party in parties:
            rows = party.part(len(left)) if kind == "rows" else slice(None)
            inner = party.part(left.shape[1]) if kind == "inner" else slice(None)
            columns = party.part(right.shape[1]) if kind == "columns" else slice(None)
            out[rows, columns] += left[rows, inner] @ right[inner, columns]
            if kind == "inner":  # partial sums: the other party's whole matrix
                party.received += out.size
        return out

    forward = {0: "rows", 1: "inner", 2: "columns"}
    backward = {0: "rows", 1: "columns", 2: "inner"}
    gradient = {0: "inner", 1: "rows", 2: "columns"}
    hidden = product(inputs, weights[0], forward[types[0]])
    for party in parties:
        party.receive(hidden.shape, LEAVES[types[0]], READS[types[1]])
    output = product(hidden, weights[1], forward[types[1]])
    hidden_error = product(error, weights[1].T, backward[types[1]])
    for party in parties:
        party.receive(hidden.shape, READS[types[1]], LEAVES[types[0]])
    input_error = product(hidden_error, weights[0].T, backward[types[0]])
    gradients = [
        product(inputs.T, hidden_error, gradient[types[0]]),
        product(hidden.T, error, gradient[types[1]]),
    ]
    assert np.allclose(output, inputs @ weights[0] @ weights[1], atol=1e-10)
    assert np.allclose(input_error, error @ weights[1].T @ weights[0].T, atol=1e-10)
    assert np.allclose(gradients[0], inputs.T @ (error @ weights[1].T), atol=1e-10)
    assert np.allclose(gradients[1], (inputs @ weights[0]).T @ error, atol=1e-10)
    return [party.received for party in parties]


@pytest.mark.parametrize("types", list(itertools.product(range(3), repeat=2)))
@pytest.mark.parametrize("share", [0.5, 0.3, 0.1])
def test_elements_exchanged_are_those_of_really_split_matrices(types, share):
    # a share of 20, 30, 40 and 10 is whole for all three
    received = two_layers(types, share, np.random.default_rng(0))
    network = Network((Layer("fc", 30, 40), Layer("fc", 40, 10)))
    for party, part in enumerate((share, 1 - share)):
        costs = level_costs(network, network.sizes(20), part)
        assert received[party] == pytest.approx(price(*costs, types, {}), abs=1e-9)


def test_even_transitions_are_the_authors_table():
    expected = [[0, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5]]
    assert convert(0.5).tolist() == expected


# -- dynamic programming ---------------------------------------------------------------------------
def random_network(rng, layers, shortcuts=None):
    widths = rng.integers(1, 400, layers + 1).tolist()
    sides = rng.choice([1, 4, 8, 16], layers + 1).tolist()
    made = [
        Layer("conv", widths[i], widths[i + 1], int(rng.choice([1, 3])), sides[i], sides[i + 1])
        for i in range(layers)
    ]
    return Network(tuple(made), shortcuts or {})


def brute_force(costs, shortcuts, choices=3):
    layers = len(costs[0])
    return min(
        price(*costs, types, shortcuts)
        for types in itertools.product(range(choices), repeat=layers)
    )


@pytest.mark.parametrize("seed", range(30))
def test_optimum_of_a_chain_is_that_of_brute_force(seed):
    rng = np.random.default_rng(seed)
    network = random_network(rng, int(rng.integers(2, 7)))
    costs = level_costs(network, network.sizes(64), float(rng.uniform(0.1, 0.9)))
    for choices in (2, 3):
        types = best_types(*costs, {}, choices)
        assert price(*costs, types, {}) == pytest.approx(brute_force(costs, {}, choices))
    assert price(*costs, released_types(*costs, {}), {}) == pytest.approx(brute_force(costs, {}))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shortcuts", [{3: 1, 5: 3}, {4: 1}, {6: 0}, {2: 0, 5: 2, 6: 5}])
def test_optimum_with_shortcuts_is_that_of_brute_force_and_the_released_search_may_miss_it(
    seed, shortcuts
):
    rng = np.random.default_rng(seed)
    costs = level_costs(network := random_network(rng, 7, shortcuts), network.sizes(64), 0.5)
    least = brute_force(costs, shortcuts)
    assert price(*costs, best_types(*costs, shortcuts), shortcuts) == pytest.approx(least)
    assert price(*costs, released_types(*costs, shortcuts), shortcuts) >= least * (1 - 1e-12)


def test_constructed_case_where_the_released_search_is_no_optimum():
    # type I before the addition is compared without paying for it, so I wins and then pays
    inside = np.array([[9.0, 0, 9], [0, 9, 9], [0, 9, 9]])
    between = np.zeros((3, 3, 3))
    between[2] = [[0, 0, 0], [5, 0, 0], [0, 0, 0]]
    between[1] = [[0, 0, 0], [0, 0, 0], [0, 0, 0]]
    shortcuts = {2: 0}
    exact, released = (
        best_types(inside, between, shortcuts),
        released_types(inside, between, shortcuts),
    )
    assert (
        price(inside, between, exact, shortcuts) == brute_force((inside, between), shortcuts) == 5
    )
    assert price(inside, between, released, shortcuts) >= 5
    inside[0] = [1.0, 0, 9]  # now I at the start is worth its 1, which the stored path cannot know
    exact, released = (
        best_types(inside, between, shortcuts),
        released_types(inside, between, shortcuts),
    )
    assert price(inside, between, exact, shortcuts) == 1
    assert price(inside, between, released, shortcuts) == 5


def test_shortcuts_inside_one_another_are_refused():
    costs = level_costs(network := NETWORKS["AlexNet"], network.sizes(1), 0.5)
    with pytest.raises(NasreproError, match="inside one another"):
        best_types(*costs, {5: 1, 4: 2})


#: What the released program prints (compiled and run by hand): types of each level, 7 levels.
RELEASED = {
    ("AlexNet", 2): "00000111 00000111 00000111 00000100 00000111 00001000 00011111",
    ("AlexNet", 3): "00000121 00000211 00000121 00000212 00000121 00021212 00001121",
    ("VGG-11", 2): (
        "00000000111 00000000111 00000000111 00000000100 00000000111 00000001100 00000011011"
    ),
    ("VGG-11", 3): (
        "00000000121 00000000121 00000000112 00000000211 00000001212 00000021121 00002112121"
    ),
    ("ResNet-50", 3): " ".join(
        [
            "0" * 49 + "1",
            "0" * 49 + "1",
            "0" * 49 + "2",
            "0" * 50,
            "0" * 40 + "0120120121",
            "0" * 40 + "0200200202",
            "0" * 40 + "2121122121",
        ]
    ),
}


@pytest.mark.parametrize(("name", "choices"), list(RELEASED))
def test_types_are_those_of_the_released_program(name, choices):
    scheme = {2: "HyPar", 3: "AccPar"}[choices]
    plan = Partitioner(NETWORKS[name], (Group(128, 1, 1),), scheme, 512, "code").plan()
    levels = ["".join(map(str, types)) for types in plan.types]
    assert levels == RELEASED[name, choices].split()


# -- arrays ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", list(NETWORKS))
def test_at_the_first_level_more_choices_cost_no_more(name):
    network = NETWORKS[name]
    costs = level_costs(network, network.sizes(512), 0.5)
    accpar, hypar = (
        price(*costs, best_types(*costs, network.shortcuts, choices), network.shortcuts)
        for choices in (3, 2)
    )
    trick = [int(layer.kind == "fc") for layer in network.layers]
    plain = [
        price(*costs, types, network.shortcuts) for types in (trick, [0] * len(network.layers))
    ]
    assert accpar <= hypar * (1 + 1e-12) <= min(plain) * (1 + 1e-9)


def test_networks_are_the_well_known_ones():
    macs = {name: network.macs / 1e9 for name, network in NETWORKS.items()}
    assert macs["VGG-16"] == pytest.approx(15.47, abs=0.01)
    assert macs["VGG-11"] == pytest.approx(7.61, abs=0.01)
    assert [len(NETWORKS[name].layers) for name in ("ResNet-18", "ResNet-34", "ResNet-50")] == [
        18,
        34,
        50,
    ]
    assert NETWORKS["ResNet-50"].shortcuts == {end: end - 3 for end in range(4, 50, 3)}


def test_rule_end_makes_both_groups_finish_together_or_stops_at_a_jump():
    partitioner = Partitioner(NETWORKS["AlexNet"], GROUPS, "AccPar")
    share = partitioner.plan("end").share
    assert 0.02 < share < 0.98
    equal = abs(partitioner.gap(share)) <= 1e-6 * partitioner.plan("end").step_s
    jump = partitioner.gap(share) > 0 > partitioner.gap(share - 2e-9)  # the types change there
    assert equal or jump


def test_rule_level_is_the_best_of_a_fine_scan_and_scan_the_best_of_all():
    partitioner = Partitioner(NETWORKS["LeNet"], GROUPS, "AccPar")
    first = {share: max(partitioner.first_level(share)[1]) for share in GRID.tolist()}
    chosen = partitioner.plan("level").share
    assert first[chosen] == min(first.values())
    best = partitioner.plan("scan").step_s
    assert all(
        partitioner.plan(rule).step_s >= best for rule in ("level", "compute", "even", "0.3")
    )


def test_wrong_names_are_refused():
    with pytest.raises(UnknownName, match="accpar: scheme 'Hypar'"):
        Partitioner(NETWORKS["LeNet"], GROUPS, "Hypar")
    with pytest.raises(UnknownName, match="accpar: rule 'best'"):
        Partitioner(NETWORKS["LeNet"], GROUPS, "AccPar").plan("best")
    with pytest.raises(NasreproError, match="12 accelerators are no power of two"):
        list(studies.get("accpar.partition").measure(None, networks=[], accelerators=12, batch=1))


def test_speedups_of_the_equal_array_stand_with_their_means():
    study = studies.get("accpar.speedup")
    rows = list(study.measure(None, **study.params({"rules": ["compute"]})))
    assert {row["scheme"] for row in rows} == set(SCHEMES)
    for array in ("v2", "v2 + v3"):
        for scheme in SCHEMES:
            own = {
                row["network"]: row["speedup"]
                for row in rows
                if (row["array"], row["scheme"]) == (array, scheme)
            }
            values = [own[name] for name in NETWORKS]
            assert own["geometric mean"] == pytest.approx(np.prod(values) ** (1 / 9))
            assert own["arithmetic mean"] == pytest.approx(np.mean(values))
    assert [V2[0], V3[0]] == [128, 128]


def test_any_architecture_with_listed_layers_is_priced():
    space = Cell201()
    arch = space.sample(np.random.default_rng(1))
    network = network_of(space, arch, classes=10, size=32)
    layers = space.layers(arch, classes=10, size=32)
    assert network.macs == sum(layer.macs for layer in layers)
    plan = Partitioner(network, (Group(8, 180, 8),), "AccPar").plan()
    assert len(plan.types) == 3 and plan.step_s > plan.compute_s > 0


def test_ranking_on_the_shipped_table():
    study = studies.get("accpar.ranking")
    given = {"oracle": "digits201", "dataset": "digits", "archs": 12, "accelerators": 4}
    rows = list(study.measure(np.random.default_rng(0), **study.params(given)))
    assert [row["n"] for row in rows] == [12] * 4
    assert rows[0]["speedup"] == 1 and rows[3]["speedup"] >= rows[2]["speedup"] * (1 - 1e-9)
