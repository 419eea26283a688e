"""Dots of studies: what is drawn where, from rows by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nasrepro.reports.figures.study_dots import STUDIES, draw
from nasrepro.reports.figures.style import styled
from nasrepro.suite.registry import studies


def record(study: str, rows: list[dict[str, Any]], **params: Any) -> SimpleNamespace:
    return SimpleNamespace(
        key=SimpleNamespace(study=study, params=params, study_sha256=""), status="done", rows=rows
    )


def test_accpar_has_a_line_a_network_and_the_schemes_side_by_side() -> None:
    rows = [
        {"array": array, "rule": rule, "network": network, "scheme": scheme, "speedup": speedup}
        for array, rule in (("v2", "even"), ("v2 + v3", "level"), ("v2 + v3", "end"))
        for network, speedups in (("LeNet", (1.0, 2.4)), ("AlexNet", (1.0, 9.2)))
        for scheme, speedup in zip(("data parallelism", "AccPar"), speedups, strict=True)
    ]
    with styled():
        (drawing,) = draw(SimpleNamespace(studies=[record("accpar.speedup", rows)]))
    even, level = drawing.figure.axes  # the rule "end" is not drawn
    assert (even.get_title(), level.get_title()) == ("v2, even", "v2 + v3, level")
    lines = {line.get_label(): list(line.get_xydata().ravel()) for line in even.lines}
    assert lines == {"data parallelism": [1, 0, 1, 1], "AccPar": [2.4, 0, 9.2, 1]}
    assert [text.get_text() for text in even.get_yticklabels()] == ["LeNet", "AlexNet"]
    assert not even.get_ylabel()  # names speak for themselves, numbers do not: see below


def test_a_dot_is_the_mean_over_seeds_and_other_parameters_are_another_figure() -> None:
    def seed(said: float) -> dict[str, Any]:
        measured = dict.fromkeys(("bound", "reached", "reached_steady"), said)
        return {"asked": 2, "device": "cpu", "chosen": "chance", "said": said, **measured}

    records = [record("compactnet.schedule", [seed(x)], decay=0.96) for x in (1.0, 2.0)]
    records.append(record("compactnet.schedule", [seed(5.0)], decay=1.0))
    with styled():
        first, second = draw(SimpleNamespace(studies=records))
    assert (first.name, second.name) == (
        "study-compactnet-schedule",
        "study-compactnet-schedule-2",
    )
    assert [line.get_xdata()[0] for line in first.figure.axes[0].lines] == [1.5] * 4
    assert first.figure.axes[0].get_ylabel() == "asked"


@pytest.mark.parametrize("name", STUDIES)
def test_what_is_drawn_is_a_study(name: str) -> None:
    how = STUDIES[name]
    assert {how.rows, *how.panels} <= {*studies.get(name).by}
