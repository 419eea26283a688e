"""An oracle as a data frame, and what a notebook shows of it."""

from __future__ import annotations

import numpy as np
import pytest
from toys import SPACE, Toy, values

import nasrepro as nr
from nasrepro.suite.errors import NasreproError, NotTabulated, ProtocolError
from nasrepro.suite.oracle import searching
from nasrepro.suite.space import Arch


def test_a_data_frame_has_a_row_per_architecture_and_a_column_per_metric():
    frame = Toy().to_pandas(dataset="TOYS", epochs=3)
    assert list(frame.columns) == ["arch", *values(SPACE.at(0), 3)]
    assert frame.index.name == "index" and frame.index.tolist() == list(range(81))
    assert frame["arch"][5] == SPACE.format(SPACE.at(5))
    assert frame.loc[5].drop("arch").to_dict() == values(SPACE.at(5), 3)
    some = Toy().to_pandas(dataset="toys", epochs=3, archs=[SPACE.at(7), SPACE.at(2)])
    assert some.index.tolist() == [7, 2]
    assert some.loc[7].drop("arch").to_dict() == values(SPACE.at(7), 3)


def test_a_data_frame_of_the_shipped_table():
    oracle = nr.load("digits201")
    frame = oracle.to_pandas(dataset="digits", epochs=30, seed=2)
    assert len(frame) == 5044
    index = frame["test_accuracy"].idxmax()
    value, best = oracle.best("digits", 30, "test_accuracy", seed=2)
    assert oracle.space.at(int(index)) == best and frame["test_accuracy"].max() == value


def test_devices_stand_beside_the_metrics(real, real_devices):
    real_devices("hwnasbench")
    oracle = real("nasbench201")
    frame = oracle.to_pandas(dataset="cifar10", epochs=200, devices=["hwnasbench/edgetpu"])
    table = oracle.open_devices("hwnasbench")
    assert frame["hwnasbench/edgetpu"].isna().sum() == 4699
    arch = oracle.space.at(3)
    assert np.isclose(
        frame["hwnasbench/edgetpu"][3], table.value(arch, "hwnasbench/edgetpu", "cifar10")
    )


def test_what_a_data_frame_cannot_have():
    oracle = Toy()
    with searching(), pytest.raises(ProtocolError):
        oracle.to_pandas(dataset="toys", epochs=3)
    with pytest.raises(
        NasreproError, match=r"help/pixel2 is found by the registry; .*nasrepro.load"
    ):
        oracle.to_pandas(dataset="toys", epochs=3, devices=["help/pixel2"])
    with pytest.raises(NotTabulated):
        oracle.to_pandas(dataset="toys", epochs=4)


def test_an_oracle_shows_its_rows_data_sets_and_lengths():
    assert repr(Toy()) == "<toy: 81 rows of toy; toys at 1, 3, 9 epochs; blocks at 1, 3, 9 epochs>"
    html = Toy()._repr_html_()
    assert html.count("<tr>") == 3 and "<td>blocks</td>" in html and "81 rows" in html
    assert "34,359,738,368 architectures of nodedag8, trained when asked" in repr(
        nr.load("shrinkcnn")
    )


def test_an_architecture_is_shown_in_its_space_s_own_string():
    oracle = nr.load("digits201")
    assert repr(oracle.space.at(0)) == f"Arch(cell201: {oracle.space.format(oracle.space.at(0))})"
    assert repr(Arch("nowhere", (1, 2))) == "Arch(space='nowhere', code=(1, 2))"
    assert repr(Arch("cell201", (9,))) == "Arch(space='cell201', code=(9,))"
