"""Blocked claims, before and now, and what they need: of the claims that ship."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from nasrepro.reports.tables import blocked
from nasrepro.suite.claims import judge_all, load_claims
from nasrepro.suite.experiments.store import Store


def test_every_blocked_claim_of_the_package_is_counted_and_stands_with_what_it_needs(
    tmp_path: Path,
) -> None:
    with Store(tmp_path / "runs.sqlite") as store:
        verdicts = judge_all(load_claims(), store)
    now = [each.claim for each in verdicts if each.verdict == "blocked"]
    by_paper, needs = blocked.tables(SimpleNamespace(verdicts=verdicts))

    rows = {row[0].text: [cell.values[0] for cell in row[1:]] for row in by_paper.rows}
    assert rows["All"] == [798, 397, len(verdicts), len(now)]
    (amc,) = (row for name, row in rows.items() if name.startswith("AMC"))
    assert amc[:2] == [7, 5] and amc[3] == sum(claim.file == "amc" for claim in now)

    listed = [name for row in needs.rows for name in row[3].text.split(", ")]
    assert sorted(listed) == sorted(claim.id for claim in now)
    assert all(row[2].text for row in needs.rows)


def test_nothing_where_nothing_is_blocked() -> None:
    assert list(blocked.tables(SimpleNamespace(verdicts=()))) == []
