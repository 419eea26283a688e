"""The table of searches by one supernet, from rows by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nasrepro.reports.tables.one_shot import tables


def record(method: str, seed: int, regret: float, skips: list[float]) -> SimpleNamespace:
    last = len(skips) - 1
    rows: list[dict[str, Any]] = [
        {
            "done": round(place / last, 2),
            "accuracy": 90 - regret,
            "regret": regret,
            "skips": share,
            "kendall": 0.1 * seed if place == last else float("nan"),
            "kendall_params": 0.5 if place == last else float("nan"),
        }
        for place, share in enumerate(skips)
    ]
    key = SimpleNamespace(
        study=f"{method}.inherited", params={"oracle": "workshop201"}, study_sha256="s", seed=seed
    )
    return SimpleNamespace(key=key, status="done", rows=rows)


def test_a_row_a_method_with_the_end_of_each_search_and_skips_over_time() -> None:
    darts = [record("darts", seed, seed, [0.0, 0.2, 0.4, 1.0]) for seed in range(1, 7)]
    other = SimpleNamespace(
        key=SimpleNamespace(study="amc.logs", params={}, study_sha256="", seed=0),
        status="done",
        rows=[],
    )
    results = SimpleNamespace(studies=[*darts, record("gdas", 0, 3, [0.5, 0.5]), other], seed=0)
    (table,) = tables(results)  # type: ignore[arg-type]
    columns = {column.name: place for place, column in enumerate(table.columns)}

    def shown(name: str) -> list[str]:
        return [row[columns[name]].text.strip() for row in table.rows]

    assert shown("method") == ["DARTS", "GDAS"] and shown("seeds") == ["6", "1"]
    assert shown("kendall") == ["0.35", "0.00"] and shown("regret") == ["3.5", "3.0"]
    assert shown("skips_start") == ["0", "50"]
    assert shown("skips_middle") == ["20", "50"]  # a third of the search is done, not two
    assert shown("skips_end") == ["100", "50"]
    low, high = table.rows[0][columns["kendall_interval"]].values
    assert low < 0.35 < high and table.rows[1][columns["kendall_interval"]].values == (None, None)


def test_without_such_studies_there_is_no_table() -> None:
    assert not list(tables(SimpleNamespace(studies=[], seed=0)))  # type: ignore[arg-type]
