"""The control that walks down sizes."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.suite.errors import BudgetExhausted, UnknownName
from nasrepro.suite.registry import load_oracle, methods
from nasrepro.suite.search import Budget, Session

WALK = methods.get("size_walk")


def searched(queries, **params):
    session = Session(
        load_oracle("digits201"), dataset="digits", epochs=12, budget=Budget(queries=queries)
    )
    with pytest.raises(BudgetExhausted):
        WALK.search(session, np.random.default_rng(0), **WALK.params(params))
    return session


@pytest.mark.parametrize("by", ["params", "macs"])
def test_after_the_samples_the_largest_come_first(by):
    session = searched(60, by=by)
    archs = [done.arch for done in session.ledger.evaluations]
    sampled = {session.space.canonical(arch) for arch in archs[:25]}
    sizes = [getattr(session.complexity(arch), by) for arch in archs[25:]]
    assert sizes == sorted(sizes, reverse=True)
    rest = [
        getattr(session.complexity(arch), by)
        for arch in session.space
        if session.space.canonical(arch) not in sampled
    ]
    assert sizes[0] == max(rest)
    walked = [session.space.canonical(arch) for arch in archs[25:]]
    assert len(set(walked)) == 35 and not set(walked) & sampled


def test_without_samples_the_largest_cell_is_the_first():
    session = searched(1, samples=0)
    assert session.space.format(session.ledger.evaluations[0].arch).count("nor_conv_3x3") == 6


def test_dead_convolutions_do_not_count_as_live():
    space = load_oracle("digits201").space
    dead = space.parse("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
    session = searched(400, by="live_params", samples=0)
    assert dead not in {done.arch for done in session.ledger.evaluations}


def test_another_size_is_refused():
    session = Session(
        load_oracle("digits201"), dataset="digits", epochs=12, budget=Budget(queries=1)
    )
    with pytest.raises(UnknownName, match="size of size_walk"):
        WALK.search(session, np.random.default_rng(0), **WALK.params({"by": "flops"}))
