"""Rank by fidelity: the study against scipy, and its figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from nasrepro.reports.figures.fidelity_rank import draw
from nasrepro.reports.summary import Results
from nasrepro.suite.experiments.kinds.study import StudyKey, StudyRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import load_oracle, studies


@pytest.fixture(scope="module", name="rows")
def measured() -> list[dict[str, float]]:
    entry = studies.get("fidelity.rank")
    return list(entry.measure(np.random.default_rng(0), **entry.params({"resamples": 20})))


def test_every_length_is_compared_with_the_longest(rows: list[dict[str, float]]) -> None:
    oracle = load_oracle("digits201")
    assert [row["epochs"] for row in rows] == list(oracle.epochs("digits"))
    early, late = (
        oracle.query_many(dataset="digits", epochs=epochs)["valid_accuracy"] for epochs in (10, 30)
    )
    assert rows[9]["kendall"] == pytest.approx(kendalltau(early, late).statistic)
    assert rows[-1]["kendall"] == rows[-1]["top_kendall"] == 1 == rows[-1]["share_of_cost"]
    assert rows[9]["share_of_cost"] == pytest.approx(1 / 3, rel=1e-3)  # one schedule
    assert rows[9]["top_kendall"] < rows[9]["kendall"]  # the best are harder to tell apart


def test_the_figure_has_a_line_for_each_oracle(
    rows: list[dict[str, float]], tmp_path: Path
) -> None:
    with Store(tmp_path / "store.db") as store:
        assert list(draw(Results(store))) == []
        for oracle in ("digits201", "nasbench201"):
            params = {"oracle": oracle, "dataset": "digits"}
            key = StudyKey("fidelity.rank", "0", params, {}, 0)
            store.add(StudyRecord(key, "done", ("epochs",), tuple(rows)))
        (drawing,) = draw(Results(store))
    whole, best = drawing.figure.axes
    lines = [line for line in whole.lines if len(line.get_xdata()) == 30]
    assert len(lines) == 2 and lines[0].get_ydata()[-1] == 1
    assert "digits201, digits: 5,044" in drawing.caption
    assert best.get_title() == "the best 10 % at the end"
