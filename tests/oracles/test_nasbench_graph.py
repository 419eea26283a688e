"""NAS-Bench-Graph: its canonical form, its keys, and known values."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nasrepro.oracles.convert.nasbench_graph import BEST, PER_LINK, PROTEINS_OPS
from nasrepro.oracles.spaces.graphnet import LINKS, OPS, GraphNet
from nasrepro.suite.errors import InvalidArch, NasreproError, UnknownName
from nasrepro.suite.search import Budget, Session

SPACE = GraphNet()


@pytest.fixture(scope="module")
def oracle(real):
    return real("nasbench_graph")


def test_codes_and_keys():
    assert len(SPACE) == 24 * (9**4 - 1) and len(LINKS) == 9
    assert SPACE.format(SPACE.keyed(87072)) == "0,1,2,3;fc,gat,fc,gin"
    assert SPACE.key(SPACE.parse("0,0,0,0;gcn,gat,skip,gat")) == SPACE.key(
        SPACE.parse("0,0,0,0;skip,gat,gat,gcn")
    )


def test_names_of_the_operations_do_not_matter():
    one = SPACE.parse("0,1,2,1;gcn,gin,fc,cheb")  # the example of the benchmark's README
    other = SPACE.parse("0,1,1,2;gcn,cheb,gin,fc")
    assert SPACE.key(one) == SPACE.key(SPACE.parse("0,1,1,2;gcn,gin,cheb,fc"))
    assert SPACE.key(one) != SPACE.key(other)


def test_a_skip_in_a_chain_is_lifted_to_the_front():
    chain = SPACE.parse("0,1,2,3;gat,skip,gcn,fc")
    assert SPACE.format(SPACE.canonical(chain)) == "0,1,2,3;skip,gat,gcn,fc"
    leaf = SPACE.parse("0,1,1,2;gat,skip,gcn,fc")
    assert SPACE.format(SPACE.canonical(leaf)).startswith("0,1,2,2;skip,gat")


def test_skips_alone_are_no_network():
    skips = (0, 0, 0, 8, 8, 8, 8)
    with pytest.raises(InvalidArch, match="four skips"):
        SPACE.arch(skips)
    near = SPACE.neighbours(SPACE.arch((0, 0, 0, 8, 8, 8, 7)))
    assert skips not in {arch.code for arch in near}
    with pytest.raises(NasreproError, match="does not count sizes"):
        SPACE.complexity(SPACE.at(0), classes=7, size=1433)


@pytest.mark.parametrize("text", ["", "0,0,0;gcn,gcn,gcn,gcn", "1,0,0,0;gcn,gcn,gcn,gcn"])
def test_other_texts_are_refused(text):
    with pytest.raises(InvalidArch, match="four links and four operations"):
        SPACE.parse(text)
    with pytest.raises(UnknownName, match="conv"):
        SPACE.parse("0,0,0,0;conv,gcn,gcn,gcn")


def test_every_code_of_five_operations_has_a_row_of_proteins(real):
    space, oracle = GraphNet(PROTEINS_OPS), real("nasbench_graph_proteins")
    keys = {space.key(space.at(index)) for index in range(len(space))}
    assert sorted(keys) == oracle.table.column("key").tolist()
    best, arch = oracle.best("proteins", 1, "valid_auc")
    assert (best, space.key(arch)) == (pytest.approx(BEST["proteins"][0], abs=1e-6), 74578)


def test_sampled_codes_have_rows(oracle):
    keys = oracle.table.column("key").tolist()
    assert [Counter(key // 10000 for key in keys)[link] for link in range(9)] == PER_LINK
    rng = np.random.default_rng(0)
    assert {SPACE.key(SPACE.sample(rng)) for _ in range(2000)} <= set(keys)


def test_known_constants(oracle):
    values = oracle.query(SPACE.keyed(0), dataset="cora", epochs=1).values
    assert values["params"] == 1736711 and SPACE.keyed(0).code[3:] == (OPS.index("gat"),) * 4
    for name, (best, key) in BEST.items():
        if name != "proteins":
            value, arch = oracle.best(name, 1, "valid_accuracy")
            assert (value, SPACE.key(arch)) == (pytest.approx(best, abs=1e-6), key)
    assert oracle.query(SPACE.keyed(87072), dataset="cora", epochs=1).values[
        "test_accuracy"
    ] == pytest.approx(0.826333, abs=1e-6)


def test_a_search_sees_no_test(oracle):
    session = Session(oracle, dataset="arxiv", epochs=1, budget=Budget(queries=1))
    assert set(session.evaluate(SPACE.at(5)).metrics) == {"valid_accuracy", "latency", "params"}
