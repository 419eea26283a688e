"""Plans: TOML files that say which methods run on which oracles, data sets, budgets and seeds.

# optional: everything in those, too; a .toml file by its path from this one
include = ["another_plan"]

[[experiment]]
oracle = "nasbench201"
methods = ["random_search", { name = "reinforce", learning_rate = 0.01 }]
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
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.oracle import MEAN, Seed
from nasrepro.suite.scoring import ScoringSetting
from nasrepro.suite.search import Budget

Positive = Annotated[int, Field(gt=0)]
SearchSeed = Annotated[int, Field(ge=0)]


def _count(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return tuple(range(value))
    return tuple(value) if isinstance(value, list) else value


#: Seeds 0..n-1 by their number, or a list of them.
Seeds = Annotated[tuple[SearchSeed, ...], Field(min_length=1), BeforeValidator(_count)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class MethodUse(BaseModel):
    """A method and the parameters that differ from its defaults."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def params(self) -> dict[str, Any]:
        """The parameters given."""
        return dict(self.model_extra or {})


class Experiment(_Strict):
    """Methods x data sets x budgets x seeds on one oracle."""

    oracle: str
    methods: tuple[MethodUse, ...] = Field(min_length=1)
    datasets: tuple[str, ...] = Field(min_length=1)
    report_datasets: tuple[str, ...] = ()
    search_epochs: Positive
    report_epochs: Positive
    search_seed: Seed = MEAN
    budgets: tuple[Budget, ...] = Field(min_length=1)
    seeds: Seeds

    @field_validator("methods", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return (
            tuple({"name": item} if isinstance(item, str) else item for item in value)
            if isinstance(value, list | tuple)
            else value
        )


class Ranking(_Strict):
    """Scorers x data sets against a metric of one oracle's table.

    `setting` and `sample` are for scorers that need networks: see `nasrepro.suite.scoring.ScoringSetting`, and how
    many architectures of a random order are ranked (what is not scored yet is scored then); those
    that are scored already if not given.
    """

    oracle: str
    scorers: tuple[str, ...] = Field(min_length=1)
    datasets: tuple[str, ...] = Field(min_length=1)
    epochs: Positive
    metric: str = ""
    resamples: Positive = 1000
    setting: ScoringSetting = ScoringSetting()
    sample: Positive | None = None


class StudyUse(BaseModel):
    """A study, the parameters that differ from its defaults, and its seeds."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str
    seeds: Seeds = (0,)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters given."""
        return dict(self.model_extra or {})


class Plan(_Strict):
    """What `nasrepro run` runs."""

    title: str = ""
    include: tuple[str, ...] = ()
    experiment: tuple[Experiment, ...] = ()
    ranking: tuple[Ranking, ...] = ()
    study: tuple[StudyUse, ...] = ()


def shipped_plans() -> list[str]:
    """Names of the plans that come with the package."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in resources.files("nasrepro.suite.plans").iterdir()
        if entry.name.endswith(".toml")
    )


def load_plan(name: str, _outer: Sequence[str] = ()) -> Plan:
    """A shipped plan by name, or a plan file by path, with what it includes.

    Raises:
        NasreproError: no such plan, not TOML, a misspelt key, a wrong value, or plans that include
            each other.
    """
    if name in _outer:
        raise NasreproError(f"plan {name} includes itself: {' > '.join((*_outer, name))}")
    folder = Path()
    if name in shipped_plans():
        text = (
            resources.files("nasrepro.suite.plans")
            .joinpath(f"{name}.toml")
            .read_text(encoding="utf-8")
        )
    else:
        path = Path(name)
        folder = path.parent
        if path.suffix != ".toml" and not path.exists():
            raise UnknownName("plan", name, shipped_plans(), "or give the path of a .toml file")
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise NasreproError(
                f"cannot read plan {path} ({error.strerror}); shipped plans: {', '.join(shipped_plans())}"
            ) from error
        except UnicodeDecodeError as error:
            raise NasreproError(
                f"plan {name} is not TOML: it is no UTF-8 text ({error})"
            ) from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NasreproError(f"plan {name} is not TOML: {error}") from error
    plan = _validated(raw, name)
    inner = [
        load_plan(str(folder / each) if each.endswith(".toml") else each, (*_outer, name))
        for each in plan.include
    ]
    return Plan(
        title=plan.title,
        experiment=(*(each for part in inner for each in part.experiment), *plan.experiment),
        ranking=(*(each for part in inner for each in part.ranking), *plan.ranking),
        study=(*(each for part in inner for each in part.study), *plan.study),
    )


_MODELS: dict[str, type[BaseModel]] = {
    "experiment": Experiment,
    "ranking": Ranking,
    "study": StudyUse,
}
_MISSPELT = ("extra_forbidden", "unexpected_keyword_argument")


def _validated(raw: Mapping[str, Any], name: str) -> Plan:
    try:
        # strict: a number is no text and no truth value; by way of JSON, where a list may still
        # become a tuple
        return Plan.model_validate_json(json.dumps(raw, default=str), strict=True)
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
                accepted = list(
                    _MODELS.get(where[0], Plan).model_fields
                    if len(where) > 1
                    else Plan.model_fields
                )
            raise UnknownName(
                f"key in plan {name} ({'.'.join(where[:-1]) or 'top level'}):", where[-1], accepted
            ) from error
        given = "" if first["type"] == "missing" else f" (got {first.get('input')!r})"
        raise NasreproError(
            f"plan {name}: {'.'.join(where)}: {first['msg'].removeprefix('Value error, ')}{given}"
        ) from error
