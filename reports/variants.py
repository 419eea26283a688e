"""Which rows stand in the main tables, and which in a table of a method's variants."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache

from nasrepro.reports.groups import Group, Setting
from nasrepro.reports.words import changed_params
from nasrepro.suite.experiments.plan import load_plan
from nasrepro.suite.registry import methods, oracles

#: A method with more rows than this in one setting (an ablation) gets a table of its own.
MAX_ROWS = 3
#: The plans whose sets of parameters stand in the main tables beside the defaults; in a workshop
#: they are the controls of a method.
MAIN_PLANS = ("reproduce", "workshop")

Family = tuple[Setting, str, str]


def main_and_variants(groups: Sequence[Group]) -> tuple[list[Group], dict[Family, list[Group]]]:
    """The rows of the main tables.

    And the families of rows that would crowd them, by setting, method and source.

    Of a method that was run with more than `MAX_ROWS` sets of parameters in a setting only its
    defaults, and those that `MAIN_PLANS` name, stand in the main table, whatever came out best: to
    choose the row by its result would be a search on test data. The family's own table has all of
    them.
    """
    families: dict[Family, list[Group]] = {}
    for group in groups:
        families.setdefault((group.setting, group.method, group.method_sha256), []).append(group)
    crowded = {place: rows for place, rows in families.items() if len(rows) > MAX_ROWS}
    hidden = {
        id(row)
        for rows in crowded.values()
        for row in rows
        if changed_params(row, rows)
        and _run_of(row.setting.oracle, row.method, row.params) not in _named_sets()
    }
    return [group for group in groups if id(group) not in hidden], crowded


@cache
def _named_sets() -> frozenset[str]:
    """What `MAIN_PLANS` run, as `_run_of` has it."""
    return frozenset(
        _run_of(
            oracles.get(experiment.oracle).info.name,
            use.name,
            methods.get(use.name).params(use.params),
        )
        for plan in MAIN_PLANS
        for experiment in load_plan(plan).experiment
        for use in experiment.methods
    )


def _run_of(oracle: str, method: str, params: Mapping[str, object]) -> str:
    return json.dumps([oracle, method, params], sort_keys=True)
