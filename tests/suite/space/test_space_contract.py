"""What every search space must do, for the space of each registered oracle.

A new one is tested without touching this file.
"""

from __future__ import annotations

import inspect
import math
import pickle
import subprocess
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.registry import oracles
from nasrepro.suite.space import (
    Arch,
    Built,
    Complexity,
    ConfinedSpace,
    Described,
    Graph,
    Growing,
    Layered,
    SearchSpace,
    Topological,
)

#: One oracle for each distinct space: of one class with the same settings. Most codes of recurrent
#: recipes are none, so they have no numbers: tests/oracles/test_nasbench_nlp.py holds them to the
#: rest of the contract.
INFOS = {
    info.name: info
    for info in {
        (type(e.info.space), repr(vars(e.info.space))): e.info for e in oracles.all()
    }.values()
    if info.name != "nasbench_nlp"
}
SMALLEST = min((info.space for info in INFOS.values()), key=lambda space: space.count)


def confined() -> ConfinedSpace:
    """About a third of a space, in whole classes of equal architectures.

    Such is a table that is not complete.
    """
    whole = SMALLEST
    return ConfinedSpace(
        whole, [arch for arch in whole if sum(whole.canonical(arch).code) % 3 == 0]
    )


SPACES: dict[str, SearchSpace] = {name: info.space for name, info in INFOS.items()} | {
    "confined": confined()
}


def indices(space: SearchSpace) -> Sequence[int]:
    """All indices of a space, ascending; those of a part are the whole space's."""
    return (
        [space.whole.index(arch) for arch in space]
        if isinstance(space, ConfinedSpace)
        else range(space.count)
    )


#: Class count and image size of a data set of each space.
IMAGES = {name: (info.datasets[0].classes, info.datasets[0].size) for name, info in INFOS.items()}
#: Spaces whose benchmark mutates by more than one step, as their `mutate` says.
LEAPING = {"dag101"}
each_space = pytest.mark.parametrize("name", SPACES)
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=60, deadline=None)


def drawn(space: SearchSpace, seed: int) -> Arch:
    return space.sample(np.random.default_rng(seed))


def options(codes: Iterable[tuple[int, ...]]) -> list[set[int]]:
    """What occurs at each decision."""
    return [set(column) for column in zip(*codes, strict=True)]


def complexity(name: str, arch: Arch) -> Complexity | None:
    """None where the space says that it does not count sizes."""
    classes, size = IMAGES.get(name, (10, 32))
    try:
        return SPACES[name].complexity(arch, classes=classes, size=size)
    except InvalidArch:
        raise
    except NasreproError as error:
        assert "does not count sizes" in str(error)
        return None


# -- names -----------------------------------------------------------------------------------------
@each_space
@few
@given(seed=SEEDS)
def test_parse_and_format_are_inverse(name, seed):
    space = SPACES[name]
    arch = drawn(space, seed)
    text = space.format(arch)
    assert space.parse(text) == arch
    assert space.format(space.parse(text)) == text == " ".join(text.split())


@each_space
@few
@given(text=st.text(max_size=40))
def test_any_text_is_parsed_or_refused_by_name(name, text):
    try:
        SPACES[name].check(SPACES[name].parse(text))
    except NasreproError as error:
        assert "\n" not in str(error)


@each_space
@few
@given(seed=SEEDS, data=st.data())
def test_at_and_index_are_inverse(name, seed, data):
    space = SPACES[name]
    index = indices(space)[data.draw(st.integers(0, space.count - 1))]
    assert space.index(space.at(index)) == index
    arch = drawn(space, seed)
    named = space.at(space.index(arch))  # where several codes are one cell, the index is the cell's
    assert space.canonical(named) == space.canonical(arch) and space.index(named) == space.index(
        arch
    )


@each_space
def test_every_integer_type_is_an_index_and_nothing_else(name):
    space = SPACES[name]
    first, last = indices(space)[0], indices(space)[-1]
    narrow = min(last, np.iinfo(np.int64).max)  # what numpy's integers can say
    assert space.at(np.int64(narrow)) == space.at(np.uint64(narrow)) == space.at(narrow)
    assert [space.index(arch) for arch in (space.at(first), space.at(last))] == [first, last]
    whole = space.whole
    # Python's `len` cannot say more than the largest index
    beyond = len(whole) if len(whole) < sys.maxsize else math.prod(whole.cardinalities)
    for wrong in (True, np.bool_(False), 1.0, np.float64(1), "1", None, -1, beyond, np.int64(-1)):
        with pytest.raises(
            InvalidArch, match=r"index .* (is not an integer|is out of range); accepted: 0\.\."
        ):
            space.at(wrong)


@each_space
def test_codes_of_numpy_integers_give_plain_ones(name):
    space = SPACES[name]
    arch = space.at(indices(space)[0])
    same = space.arch(np.array(arch.code))
    assert same == arch and hash(same) == hash(arch)
    assert {type(option) for option in same.code} == {int}
    assert {type(option) for option in drawn(space, 0).code} == {int}


@each_space
def test_what_is_no_architecture_of_the_space_is_refused(name):
    space = SPACES[name]
    arch = space.at(indices(space)[0])
    wrong = [
        Arch("another space", arch.code),
        Arch(arch.space, arch.code[:-1]),
        Arch(arch.space, (*arch.code, 0)),
        Arch(arch.space, (*arch.code[:-1], space.cardinalities[-1])),
        Arch(arch.space, (-1, *arch.code[1:])),
        space.format(arch),
        0,
        None,
    ]
    for each in wrong:
        for use in (
            space.check,
            space.index,
            space.format,
            space.canonical,
            space.live,
            space.encode,
            space.graph,
            space.neighbours,
        ):
            with pytest.raises(InvalidArch):
                use(each)
        with pytest.raises(InvalidArch):
            complexity(name, each)


@each_space
def test_iteration_is_by_index(name):
    space = SPACES[name]
    assert [arch for arch, _ in zip(space, range(20), strict=False)] == [
        space.at(i) for i in indices(space)[:20]
    ]
    assert len(space.cardinalities) == len(space.decisions) == len(space.at(indices(space)[0]).code)


@each_space
def test_space_and_architectures_travel_to_other_processes(name):
    space = SPACES[name]
    arch = space.at(indices(space)[space.count // 2])
    again, same = pickle.loads(pickle.dumps((space, arch)))
    assert same == arch and again.index(same) == space.index(arch)
    one, other = map(space.at, indices(space)[:2])
    assert sorted([other, one]) == sorted([one, other])


# -- moving about ----------------------------------------------------------------------------------
@each_space
@few
@given(seed=SEEDS)
def test_neighbours_are_distinct_others_and_symmetric(name, seed):
    space = SPACES[name]
    arch = drawn(space, seed)
    near = space.neighbours(arch)
    assert len(set(near)) == len(near) and arch not in near
    for other in near:
        assert arch in space.neighbours(other)
    assert near == space.neighbours(arch)


@each_space
@few
@given(seed=SEEDS)
def test_mutation_gives_a_neighbour(name, seed):
    space = SPACES[name]
    arch = drawn(space, seed)
    near = space.neighbours(arch)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        child = space.mutate(arch, rng)
        space.index(child)
        assert child in near or not near or space.name in LEAPING
    assert space.mutate(arch, np.random.default_rng(seed)) == space.mutate(
        arch, np.random.default_rng(seed)
    )


@each_space
@few
@given(seed=SEEDS)
def test_sampling_is_decided_by_the_generator_alone(name, seed):
    space = SPACES[name]
    first, second = np.random.default_rng(seed), np.random.default_rng(seed)
    archs = [space.sample(first) for _ in range(5)]
    assert archs == [space.sample(second) for _ in range(5)]
    for arch in archs:
        space.index(arch)


@each_space
def test_sampling_and_mutation_reach_every_option(name):
    space = SPACES[name]
    rng = np.random.default_rng(0)
    sampled = [space.sample(rng).code for _ in range(2000)]
    every = options(
        space.at(indices(space)[i]).code
        for i in (
            rng.permutation(space.count)[:5000].tolist()
            if space.count < 1_000_000
            else [int(share * space.count) for share in rng.random(5000)]
        )
    )
    assert all(found >= there for found, there in zip(options(sampled), every, strict=True))
    walked = [space.sample(rng)]
    for _ in range(4000):
        walked.append(space.mutate(walked[-1], rng))
    if not isinstance(
        space, ConfinedSpace
    ):  # a part of a space may fall into islands, some of a single architecture
        assert all(before != after for before, after in pairwise(walked))
        assert all(
            found >= there
            for found, there in zip(options(arch.code for arch in walked), every, strict=True)
        )


# -- structure -------------------------------------------------------------------------------------
@each_space
@few
@given(seed=SEEDS)
def test_canonical_and_live_forms_are_fixed_points(name, seed):
    space = SPACES[name]
    arch = drawn(space, seed)
    canonical, live = space.canonical(arch), space.live(arch)
    assert space.canonical(canonical) == canonical
    assert space.live(live) == live
    assert space.canonical(live) == canonical
    space.check(canonical)


@each_space
@few
@given(seed=SEEDS)
def test_complexity_is_positive_and_live_parts_are_no_larger(name, seed):
    space = SPACES[name]
    arch = drawn(space, seed)
    whole, live = complexity(name, arch), complexity(name, space.live(arch))
    if whole is None or live is None:
        assert whole is live
        return
    for size in (whole, live):
        assert {type(size.params), type(size.macs)} == {int}
        assert size.params > 0 and size.macs > 0
    assert live.params <= whole.params and live.macs <= whole.macs
    assert 0 <= space.convs(space.live(arch)) <= space.convs(arch)


@each_space
@few
@given(seed=SEEDS)
def test_encoding_has_one_shape_and_type(name, seed):
    space = SPACES[name]
    first, second = drawn(space, seed), drawn(space, seed + 1)
    a, b = space.encode(first), space.encode(second)
    assert a.dtype == b.dtype == np.float32
    assert a.ndim == 1 and a.shape == b.shape
    assert np.isfinite(a).all()
    assert np.array_equal(a, b) == (first == second)
    a[:] = -1  # the caller's own array
    assert np.array_equal(space.encode(second), b)


@each_space
@few
@given(seed=SEEDS)
def test_graphs_are_in_topological_order(name, seed):
    space = SPACES[name]
    graph = space.graph(drawn(space, seed))
    assert isinstance(graph, Graph)
    nodes = len(graph.ops)
    assert graph.adjacency.dtype == bool and graph.adjacency.shape == (nodes, nodes)
    assert not np.tril(graph.adjacency).any()
    assert all(isinstance(op, str) and op for op in graph.ops)


@each_space
@pytest.mark.usefixtures("global_generators_untouched")
def test_the_global_random_state_is_untouched(name):
    space = SPACES[name]
    rng = np.random.default_rng(0)
    for _ in range(20):
        arch = space.mutate(space.sample(rng), rng)
        (
            space.neighbours(arch),
            space.canonical(arch),
            space.live(arch),
            space.encode(arch),
            space.graph(arch),
            complexity(name, arch),
        )
        space.at(space.index(space.parse(space.format(arch))))


def test_spaces_import_no_torch():
    code = (
        "from nasrepro.suite.registry import oracles; import sys; import numpy; "
        "rng = numpy.random.default_rng(0); "
        "[e.info.space.encode(e.info.space.sample(rng)) for e in oracles.all()]; "
    )
    code += "print('torch' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "False"
    )


# -- networks --------------------------------------------------------------------------------------
@each_space
def test_settings_are_the_keywords_of_the_constructor(name):
    """The same space with other networks can be made.

    An oracle's hash covers all of them.
    """
    whole = SPACES[name].whole
    keywords = inspect.signature(type(whole)).parameters
    assert tuple(whole.network) == tuple(keywords)
    again = whole.with_network()
    assert type(again) is type(whole) and vars(again).keys() == vars(whole).keys()
    assert again.network == whole.network and again is not whole
    with pytest.raises(NasreproError, match=f"networks of {whole.name} have no setting colour"):
        whole.with_network(colour=1)


def test_other_networks_of_one_space():
    space = Cell201(stages=1)
    small = space.with_network(channels=2, cells=3)
    assert small.network == {"channels": 2, "cells": 3, "stages": 1, "in_channels": 3}
    assert space.network == {"channels": 16, "cells": 5, "stages": 1, "in_channels": 3}
    # stem 27 x 2 and its norm, last norm, classifier of 10: an empty cell has nothing else
    assert small.complexity(small.numbered(0), classes=10, size=8).params == 54 + 4 + 4 + 30
    part = SPACES["confined"]
    assert part.whole is SMALLEST and part.with_network().network == part.network


def test_a_confined_space_passes_on_all_that_a_space_may_offer():
    """What `SearchSpace` has beyond what follows from its own architectures."""
    for base in (Topological, Growing, Layered, Described, Built):
        for method in vars(base):
            if not method.startswith("_"):
                assert method in vars(ConfinedSpace), method


# -- the confined space itself ---------------------------------------------------------------------
def test_a_confined_space_stays_inside():
    space = SPACES["confined"]
    assert isinstance(space, ConfinedSpace)
    inside = set(space)
    assert 0 < len(inside) == len(space) < len(space.whole)
    outside = next(arch for arch in space.whole if arch not in inside)
    for refused in (
        lambda: space.index(outside),
        lambda: space.at(space.whole.index(outside)),
        lambda: space.arch(outside.code),
    ):
        with pytest.raises(InvalidArch, match="is not among"):
            refused()
    for arch in list(space)[::200]:
        assert set(space.neighbours(arch)) == set(space.whole.neighbours(arch)) & inside


def test_a_confined_space_without_neighbours_samples():
    whole = SMALLEST
    lone = ConfinedSpace(whole, [whole.at(0)])
    assert lone.neighbours(whole.at(0)) == ()
    assert lone.mutate(whole.at(0), np.random.default_rng(0)) == whole.at(0)
