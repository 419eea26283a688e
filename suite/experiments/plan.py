"""Plans: TOML files that say which methods run on which oracles, data sets, budgets and seeds.

# optional: everything in those, too; a .toml file by its path from this one; with a number of
# seeds, no part of it has more, or none of a group
include = ["another_plan", { plan = "a_long_one", seeds = 10 }, { plan = "matrix", seeds.dear = 3 }]

[[experiment]]
oracle = "nasbench201"
# a label is what tables call a method with its parameters; in no run's id
methods = ["random_search", { name = "reinforce", learning_rate = 0.01, label = "REINFORCE-0.01" }]
datasets = ["cifar10"]              # searched on, one search each
# the chosen architecture is reported on; default: where it was searched
report_datasets = ["cifar10"]
search_epochs = 12
report_epochs = 200
budgets = [{ seconds = 12000 }]     # seconds, queries, or both
seeds = 500                         # a number of seeds (0, 1, ...), or a list

[[ranking]]
oracle = "nasbench201"
scorers = ["params", "zico"]
datasets = ["cifar10"]
epochs = 200
sample = 2000                       # of scorers that need networks; default: what is scored
setting = { batch = 64 }            # how those are scored, where not by default

[[study]]
name = "oneproxy.adaptation"        # and parameters of the study that differ from its defaults
devices = "oneproxy"
seeds = 10                          # default: one, seed 0

Groups of methods that many experiments share: see `grouping`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.experiments.grouping import ungrouped
from nasrepro.suite.experiments.kind import KINDS, Kind, Positive
from nasrepro.suite.experiments.kinds.ranking import Ranking
from nasrepro.suite.experiments.kinds.search import Experiment, MethodUse
from nasrepro.suite.experiments.kinds.study import StudyUse
from nasrepro.suite.registry import oracles
from nasrepro.suite.scoring import ScoringSetting
from nasrepro.suite.search import Budget

__all__ = [
    "Experiment",
    "MethodUse",
    "Plan",
    "Ranking",
    "StudyUse",
    "absences",
    "load_plan",
    "shipped_plans",
    "stand_ins",
]


class Included(BaseModel):
    """Another plan, with so many seeds at most, everywhere or by its groups.

    And with so many data sets at most, the first ones of each of its parts, where that is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
    plan: str
    seeds: Positive | dict[str, Positive]
    datasets: Positive | None = None


class _Plan(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
    title: str = ""
    include: tuple[str | Included, ...] = ()

    def parts(self, kind: Kind) -> tuple[Any, ...]:
        """What it asks for of one kind."""
        return tuple(getattr(self, kind.section))

    def seeded(self, count: int, *, at_most: bool = False) -> Self:
        """The same with seeds 0..count-1, or the first `count` it has, wherever it has seeds."""
        return self._with("seeds", lambda seeds: seeds[:count] if at_most else tuple(range(count)))

    def narrowed(self, count: int | None) -> Self:
        """The same with the first `count` data sets of every part that names some."""
        return self._with("datasets", lambda datasets: datasets[:count])

    def _with(self, field: str, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Self:
        """The same with one field changed in every part that has it."""
        changed = {
            kind.section: tuple(
                part.model_copy(update={field: change(getattr(part, field))})
                for part in self.parts(kind)
            )
            for kind in KINDS.values()
            if field in kind.part.model_fields
        }
        return self.model_copy(update=changed)


if TYPE_CHECKING:

    class Plan(_Plan):
        """What `nasrepro run` runs: a tuple of parts for each kind of experiment."""

        def __init__(self, **fields: Any) -> None: ...

        def __getattr__(self, section: str) -> tuple[Any, ...]: ...

else:
    Plan = create_model(
        "Plan",
        __base__=_Plan,
        **{kind.section: (tuple[kind.part, ...], ()) for kind in KINDS.values()},
    )


def shipped_plans() -> list[str]:
    """Names of the plans that come with the package."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in resources.files("nasrepro.suite.plans").iterdir()
        if entry.name.endswith(".toml")
    )


@cache
def absences() -> Mapping[tuple[str, str, str], str]:
    """Why shipped plans leave methods out, by oracle, data set and method."""
    return {
        (each.oracle, oracles.get(each.oracle).info.dataset(dataset).name, method): reason
        for name in shipped_plans()
        if "without." in _shipped(name)
        for each in load_plan(name).experiment
        for dataset in each.datasets
        for reason, methods in each.without.items()
        for method in methods
    }


@cache
def stand_ins() -> frozenset[tuple[str, str, str, str]]:
    """Arms that shipped plans run in place of a method's own: oracle, data set, method, parameters.

    Parameters are all of the arm's, as JSON.
    """
    return frozenset(
        (each.oracle, oracles.get(each.oracle).info.dataset(dataset).name, *use.arm)
        for name in shipped_plans()
        if "instead = " in _shipped(name)
        for each in load_plan(name).experiment
        for dataset in each.datasets
        for use in each.instead
    )


def _shipped(name: str) -> str:
    file = resources.files("nasrepro.suite.plans").joinpath(f"{name}.toml")
    return file.read_text(encoding="utf-8")


def load_plan(
    name: str,
    _outer: Sequence[str] = (),
    _at_most: Mapping[str, int] = MappingProxyType({}),
) -> Plan:
    """A shipped plan by name, or a plan file by path, with what it includes.

    Raises:
        NasreproError: no such plan, not TOML, a misspelt key, a wrong value, or plans that include
            each other.
    """
    if name in _outer:
        raise NasreproError(f"plan {name} includes itself: {' > '.join((*_outer, name))}")
    folder = Path()
    if name in shipped_plans():
        text = _shipped(name)
    else:
        path = Path(name)
        folder = path.parent
        if path.suffix != ".toml" and not path.exists():
            raise UnknownName("plan", name, shipped_plans(), "or give the path of a .toml file")
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise NasreproError(
                f"cannot read plan {path} ({error.strerror}); "
                f"shipped plans: {', '.join(shipped_plans())}"
            ) from error
        except UnicodeDecodeError as error:
            raise NasreproError(
                f"plan {name} is not TOML: it is not UTF-8 text ({error})"
            ) from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NasreproError(f"plan {name} is not TOML: {error}") from error
    plan = _validated(raw, name, _at_most)
    inner = [_included(each, folder, (*_outer, name)) for each in plan.include]
    sections = {
        kind.section: tuple(part for each in (*inner, plan) for part in each.parts(kind))
        for kind in KINDS.values()
    }
    return Plan(title=plan.title, **sections)


def _included(given: str | Included, folder: Path, outer: Sequence[str]) -> Plan:
    name = given if isinstance(given, str) else given.plan
    path = str(folder / name) if name.endswith(".toml") else name
    if isinstance(given, str):
        return load_plan(path, outer)
    if isinstance(given.seeds, int):
        plan = load_plan(path, outer).seeded(given.seeds, at_most=True)
    else:
        plan = load_plan(path, outer, given.seeds)
    return plan.narrowed(given.datasets)


_MISSPELT = ("extra_forbidden", "unexpected_keyword_argument")


def _validated(raw: Mapping[str, Any], name: str, at_most: Mapping[str, int]) -> Plan:
    try:
        # strict: a number is no text and no truth value; by way of JSON, where a list may still
        # become a tuple
        written = json.dumps(ungrouped(raw, name, at_most), default=str)
        return Plan.model_validate_json(written, strict=True)
    except NasreproError as error:  # a budget's own
        raise NasreproError(f"plan {name}: {error}") from error
    except ValidationError as error:
        first = min(
            error.errors(), key=lambda each: each["type"] not in _MISSPELT
        )  # the key that is missing may be the misspelt one
        where = [str(part) for part in first["loc"]]
        if first["type"] in _MISSPELT:
            if "budgets" in where:
                accepted = list(Budget.__dataclass_fields__)
            elif where[-2:-1] == ["setting"]:
                accepted = list(ScoringSetting.__dataclass_fields__)
            else:
                parts = {kind.section: kind.part for kind in KINDS.values()}
                model = parts.get(where[0], Plan) if len(where) > 1 else Plan
                accepted = list(model.model_fields)
            raise UnknownName(
                f"key in plan {name} ({'.'.join(where[:-1]) or 'top level'}):", where[-1], accepted
            ) from error
        given = "" if first["type"] == "missing" else f" (got {first.get('input')!r})"
        raise NasreproError(
            f"plan {name}: {'.'.join(where)}: {first['msg'].removeprefix('Value error, ')}{given}"
        ) from error
