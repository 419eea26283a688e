"""Records do not hang on the CPU, the threads, the executor or the hash seed."""

from __future__ import annotations

import pytest
from matrix import ALIKE, EQUAL, FULL, LEVEL, MANY, QUICK, SEEDS, TASKS, compare

from nasrepro.suite.registry import methods

EXACT = [name for name in methods.names() if not methods.get(name).floating]
FLOATING = [
    name
    for name in methods.names()
    if methods.get(name).floating and not methods.get(name).workshop
]


def differing(combinations, names, **given):
    """What differs, and whether anything was compared at all."""
    rows = list(compare(combinations, names, **given))
    assert {row[0].partition("|")[0] for row in rows} == set(names)
    assert any(row[2].startswith((EQUAL, f"{ALIKE} = ")) for row in rows)
    return [row for row in rows if not row[3]]


def test_exact_methods_give_equal_records_under_two_kernels():
    assert not differing(QUICK, EXACT, tasks=1, seeds=1)


def test_the_floating_ones_are_those_that_train():
    assert set(FLOATING) >= {"arch2vec", "epnas", "zico"} and 0 < LEVEL < 0.05


@pytest.mark.nightly
def test_exact_methods_give_equal_records_everywhere():
    assert not differing(FULL, EXACT, tasks=len(TASKS), seeds=SEEDS)


@pytest.mark.nightly
@pytest.mark.parametrize("name", FLOATING)
def test_floating_methods_give_the_same_distribution(name):
    assert not differing(FULL, [name], tasks=1, seeds=MANY)
