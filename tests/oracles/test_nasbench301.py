"""NAS-Bench-301's own surrogates by their export: trees small enough to follow by hand."""

from __future__ import annotations

import json

import pytest

from nasrepro.oracles import nasbench301
from nasrepro.oracles.convert import nasbench301 as convert
from nasrepro.oracles.spaces.dartscell import CELLS, INPUTS, NODES, OPS, DartsCell
from nasrepro.suite.data import fetch_table
from nasrepro.suite.errors import DataCorrupt, DataMissing

SPACE = DartsCell()
DARTS = (  # the first-order cell that DARTS released
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
NAMES = [
    *(f"edge_{cell}_{edge}" for cell in CELLS for edge in range(14)),
    *(f"inputs_node_{cell}_{node}" for cell in CELLS for node in NODES[1:]),
]


def below(feature, value, yes, no):
    """A tree of xgboost's: `yes` where the input is below the value."""
    children = [{"nodeid": 1, "leaf": yes}, {"nodeid": 2, "leaf": no}]
    split = {"split": f"f{feature}", "split_condition": value, "yes": 1, "no": 2, "missing": 1}
    return {"nodeid": 0, "depth": 0, **split, "children": children}


def at_most(feature, value, left, right):
    """A tree of lightgbm's: `left` where the input is at most the value."""
    leaves = {"left_child": {"leaf_value": left}, "right_child": {"leaf_value": right}}
    return {"split_feature": feature, "threshold": value, "decision_type": "<=", **leaves}


def export(**changed):
    """Inputs: a constant, then the choices; sep_conv_3x3 is number 3, an edge that is not there -1.

    Edge normal_0 is a sep_conv_3x3: not below 3, but at most 3. Edge normal_13 is not chosen.
    """
    options = {name: list(OPS) for name in NAMES if name.startswith("edge")}
    options |= {
        name: [f"{a}_{b}" for a, b in INPUTS[int(name[-1])]] for name in NAMES if name[0] == "i"
    }
    first = 1 + NAMES.index("edge_normal_0")
    absent = 1 + NAMES.index("edge_normal_13")
    return {
        "format": "nasbench301 export 1",
        "names": ["SimpleTrainNode:mixup:alpha", *(convert._PREFIX + name for name in NAMES)],
        "base": [0.2, *[-1.0] * len(NAMES)],
        "choices": {convert._PREFIX + name: value for name, value in options.items()},
        "accuracy": [
            {"base_score": 90.0, "trees": [below(first, 3, 1.0, 2.0), {"nodeid": 0, "leaf": 0.5}]},
            {"base_score": 91.0, "trees": [below(absent, 0, 3.0, 4.0)]},
        ],
        "seconds": [{"base_score": 0.0, "trees": [at_most(first, 3, 5000.0, 7000.0)]}],
        # (90 + 2 + .5 + 91 + 3) / 2, and the left leaf
        "checks": [{"genotype": DARTS, "accuracy": 93.25, "seconds": 5000.0}],
        **changed,
    }


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv(convert.PATH_VARIABLE, str(tmp_path))
    return tmp_path / convert.FILE


def test_trees_by_hand(place):
    place.write_text(json.dumps(export()))
    fetch_table(nasbench301.TABLE)
    oracle = nasbench301.load()
    values = oracle.query(SPACE.parse(DARTS), dataset="cifar10", epochs=100).values
    assert values["valid_accuracy"] == pytest.approx(0.9325)
    assert values["cost_s"] == 5000 and values["params"] == 919722
    other = DARTS.replace("[('sep_conv_3x3', 0)", "[('max_pool_3x3', 0)", 1)
    values = oracle.query(SPACE.parse(other), dataset="cifar10", epochs=100).values
    assert values["valid_accuracy"] == pytest.approx((90 + 1 + 0.5 + 91 + 3) / 200)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"checks": [{"genotype": DARTS, "accuracy": 93.3, "seconds": 5000.0}]}, "our accuracy"),
        ({"checks": [{"genotype": DARTS, "accuracy": 93.25, "seconds": 1.0}]}, "our seconds"),
        ({"checks": []}, "at least one"),
        ({"format": "2"}, "format of the export"),
        ({"seconds": None}, "not an export"),
    ],
)
def test_an_export_that_does_not_fit_is_refused(place, changed, why):
    place.write_text(json.dumps(export(**changed)))
    with pytest.raises(DataCorrupt, match=why):
        fetch_table(nasbench301.TABLE)


def test_the_authors_pickles_are_not_opened(place):
    with pytest.raises(DataMissing, match="make it from the authors' models") as caught:
        fetch_table(nasbench301.TABLE)
    assert "not opened" not in str(caught.value)
    model = place.parent / "nb_models_1.0/xgb_v1.0/0/surrogate_model.model"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"\x80\x04")
    with pytest.raises(DataMissing, match="are pickles and not opened"):
        fetch_table(nasbench301.TABLE)
