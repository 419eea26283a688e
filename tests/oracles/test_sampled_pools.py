"""Sampled pools without a counted space: NAS-Bench-MR and the BERT encoders."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.oracles.convert.bert_glue import TASKS
from nasrepro.oracles.convert.nasbench_mr import BEST
from nasrepro.oracles.spaces.bertcell import BertSpace
from nasrepro.oracles.spaces.multires import MultiRes
from nasrepro.suite.errors import InvalidArch, NasreproError, NotTabulated
from nasrepro.suite.search import Budget, Session

MR, BERT = MultiRes(), BertSpace()
#: The first network of NAS-Bench-MR's files.
FIRST = "128,128,2,4,128,2,4,4,128,128,2,4,4,4,128,128,128,2,4,4,4,4,128,128,128,128,128"
ENCODER = "256,2,SA-WMA,4,1024,3,LT-DCT,2,512,3,SA-SDP,2,512,1,SA-SDP,2,512,1"


def test_texts():
    assert len(MR.decisions) == 27 and MR.format(MR.parse(FIRST)) == FIRST
    assert len(BERT.decisions) == 18 and BERT.format(BERT.parse(ENCODER)) == ENCODER
    with pytest.raises(InvalidArch, match="26 values, expected 27"):
        MR.parse(FIRST[4:])
    with pytest.raises(InvalidArch, match="'7' is no stem 1"):
        MR.parse("7" + FIRST[3:])
    for whole, text in ((MR, FIRST), (BERT, ENCODER)):
        with pytest.raises(NasreproError, match="does not count sizes"):
            whole.complexity(whole.parse(text), classes=2, size=1)


def test_absent_layers_make_no_difference():
    other = ENCODER.replace("SA-SDP,2,512,1,SA-SDP,2,512,1", "DSC-9,4,1024,3,LT-DFT,2,512,1")
    assert BERT.canonical(BERT.parse(other)) == BERT.parse(ENCODER)
    four = BERT.parse(ENCODER.replace("256,2", "256,4"))
    assert BERT.canonical(four) == four


def test_nasbench_mr(real):
    oracle = real("nasbench_mr")
    arch = MR.parse(FIRST)
    values = oracle.query(arch, dataset="cls-10c", epochs=1).values
    assert values["valid_accuracy"] == pytest.approx(0.6336) and values["params"] == 28290994
    assert oracle.query(arch, dataset="seg", epochs=1).values["valid_miou"] == pytest.approx(0.7609)
    for task, best in BEST.items():
        objective = oracle.info.objective_of(task).name
        assert oracle.best(task, 1, objective)[0] == pytest.approx(best / 100)
    absent = MR.arch((1,) * 27)
    with pytest.raises(NotTabulated, match="not among the 2,507"):
        oracle.query(absent, dataset="seg", epochs=1)
    session = Session(oracle, dataset="seg", epochs=1, budget=Budget(queries=1))
    assert session.evaluate(arch).score == pytest.approx(0.7609)


def test_bert_glue(real):
    oracle = real("bert_glue")
    best, arch = oracle.best("glue", 1, "valid_score")
    assert best == pytest.approx(0.7513) and len(oracle.archs()) == 491
    tasks = [oracle.query(arch, dataset=task, epochs=1).values["valid_score"] for task in TASKS[1:]]
    assert np.mean(tasks) == pytest.approx(best)
    twice = oracle.query_many(dataset="glue", epochs=1, seed="run2")["valid_score"]
    assert np.isfinite(twice).sum() == 9


@pytest.mark.parametrize("name", ["nasbench_mr", "bert_glue"])
def test_neighbours_are_mutual(real, name):
    part = real(name).space
    for arch in list(part)[::97]:
        near = part.neighbours(arch)
        assert len(near) >= 8 and all(arch in part.neighbours(other) for other in near)
