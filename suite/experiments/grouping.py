"""Groups of a plan: methods and seeds that are written once and run on many tables.

[groups.baselines]
seeds = 100
methods = ["random_search", "regularized_evolution"]

[[experiment]]                      # no methods: those of all groups, with their seeds
oracle = "natsbench_size"
without."widths have no edges" = ["gram", "autoshrink"]   # methods left out, by the reason
instead = [{ name = "bananas", encoding = "onehot" }]     # in place of all arms of that method;
                                    # tables of all tasks call it by the method's name
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from nasrepro.suite.errors import NasreproError, UnknownName


def ungrouped(
    raw: Mapping[str, Any], plan: str, at_most: Mapping[str, int] = MappingProxyType({})
) -> dict[str, Any]:
    """A plan as TOML has it, its groups written out: one experiment for each.

    Args:
        raw: the plan.
        plan: its name, for messages.
        at_most: seeds that a group has at most, by the group's name.

    Raises:
        NasreproError: a group without methods or seeds.
        UnknownName: `without` or `instead` name a method that no group has, or `at_most` a group
            that is not there.
    """
    groups = raw.get("groups", {})
    experiments = raw.get("experiment", [])
    if not isinstance(groups, dict) or not isinstance(experiments, list):
        return dict(raw)  # to be complained of where types are
    for name, group in groups.items():
        if not isinstance(group, dict) or set(group) != {"methods", "seeds"}:
            raise NasreproError(
                f"plan {plan}: groups.{name} must have methods and seeds, and nothing else"
            )
        if not isinstance(group["methods"], list):
            raise NasreproError(f"plan {plan}: groups.{name}.methods must be a list")
    for name in at_most:
        if name not in groups:
            raise UnknownName("group of methods:", name, sorted(groups))
    written = [
        each
        for experiment in experiments
        for each in (
            _of_groups(experiment, groups, plan, at_most)
            if groups and isinstance(experiment, dict) and "methods" not in experiment
            else [experiment]
        )
    ]
    rest = {key: value for key, value in raw.items() if key not in ("groups", "experiment")}
    return {**rest, "experiment": written} if "experiment" in raw else rest


def _of_groups(
    experiment: Mapping[str, Any], groups: Mapping[str, Any], plan: str, at_most: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    """One experiment for each group that has any method left."""
    without = [name for names in experiment.get("without", {}).values() for name in names]
    instead = {_name(arm): arm for arm in experiment.get("instead", ())}
    known = sorted({str(_name(arm)) for group in groups.values() for arm in group["methods"]})
    for name in (*without, *instead):
        if name not in known:
            raise UnknownName(f"method in the groups of plan {plan}:", name, known)
    for name, group in groups.items():
        methods: list[Any] = []
        for arm in group["methods"]:
            chosen = instead.get(_name(arm), arm)
            if _name(arm) not in without and chosen not in methods:
                methods.append(chosen)
        if methods:
            seeds = _first(group["seeds"], at_most.get(name))
            there = [arm for arm in instead.values() if arm in methods]
            yield {"seeds": seeds, **experiment, "methods": methods, "instead": there}


def _first(seeds: Any, most: int | None) -> Any:
    if most is None:
        return seeds
    return seeds[:most] if isinstance(seeds, list) else min(seeds, most)


def _name(arm: object) -> object:
    return arm.get("name") if isinstance(arm, dict) else arm
