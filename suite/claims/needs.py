"""The results that claims rest on, as values: a search, a ranking, a study.

Each has a `key`, by which `Evidence` finds what a store holds of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from pydantic import Field, model_validator

from nasrepro.suite.claims.statement import Strict
from nasrepro.suite.oracle import MEAN, Seed
from nasrepro.suite.registry import methods, oracles, scorers, studies
from nasrepro.suite.scoring import ScoringSetting
from nasrepro.suite.search import Budget


def frozen(value: Any) -> Hashable:
    """A parameter's value, or all of them, as something that can be a key."""
    if isinstance(value, Mapping):
        return frozenset((name, frozen(inner)) for name, inner in value.items())
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


class Searched(Strict):
    """The figure of a search.

    Attributes:
        oracle, method: by their names here.
        dataset, epochs, metric: what the figure was measured on, after how long a training.
        searched_on, search_epochs, search_seed: what the search saw.
        params: those that differ from the method's defaults.
        budget_s, budget_queries: of the search.
    """

    oracle: str
    dataset: str
    searched_on: str
    method: str
    params: dict[str, object] = Field(default_factory=dict)
    metric: str
    epochs: int
    search_epochs: int
    search_seed: Seed = MEAN
    budget_s: float | None = None
    budget_queries: int | None = None

    @property
    def subject(self) -> str:
        """The method."""
        return self.method

    @property
    def absent(self) -> str:
        """What of it does not exist, in words; "" where all does."""
        return "" if methods.has(self.method) else f"there is no method {self.method}"

    @property
    def budget(self) -> Budget:
        """Of the search."""
        return Budget(self.budget_s, self.budget_queries)

    @property
    def search(self) -> Hashable:
        """The search alone: figures on several data sets come from one."""
        return self._search(methods.get(self.method).params(self.params))

    @property
    def written(self) -> Hashable:
        """The search with the parameters that the claim gives, which imports no method."""
        return self._search(self.params)

    def _search(self, params: Mapping[str, object]) -> Hashable:
        lengths = self.search_epochs, self.epochs, self.search_seed
        return self.oracle, self.searched_on, self.method, frozen(params), lengths, self.budget

    @property
    def key(self) -> Hashable:
        """By what `Evidence` finds it."""
        self.check()
        return self.search, self.dataset, self.metric

    def check(self) -> None:
        """Raises UnknownName: the oracle, the data set or the metric does not exist."""
        info = oracles.get(self.oracle).info
        info.dataset(self.dataset)
        if self.metric != "regret":
            info.metric(self.metric)

    def __str__(self) -> str:
        """In words."""
        limits = {"s": self.budget_s, "queries": self.budget_queries}
        budget = ", ".join(f"{value:,g} {unit}" for unit, value in limits.items() if value)
        return (
            f"{self.method}{_settings(self.params)} on {self.oracle}/{self.searched_on}, {budget}"
        )


class Ranked(Strict):
    """The ranking of a table by a scorer.

    Attributes:
        oracle, dataset, epochs, metric: what the scores are compared with; the metric is the
            oracle's target if not given.
        scorer: its name.
        setting: how networks are scored, where not by default; see
            `nasrepro.suite.scoring.Setting`.
    """

    oracle: str
    dataset: str
    epochs: int
    scorer: str
    metric: str = ""
    setting: dict[str, object] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Ranked:
        fields = ScoringSetting.__dataclass_fields__
        if wrong := sorted(set(self.setting) - set(fields)):
            raise ValueError(f"`setting` has no {', '.join(wrong)}; it has {', '.join(fields)}")
        return self

    @property
    def subject(self) -> str:
        """The scorer."""
        return self.scorer

    @property
    def absent(self) -> str:
        """What of it does not exist, in words; "" where all does."""
        return "" if scorers.has(self.scorer) else f"there is no scorer {self.scorer}"

    @property
    def target(self) -> str:
        """The metric, by its name."""
        return self.metric or oracles.get(self.oracle).info.target_of(self.dataset).name

    @property
    def scoring(self) -> ScoringSetting:
        """How networks are scored."""
        return ScoringSetting(**self.setting)  # type: ignore[arg-type]

    @property
    def key(self) -> Hashable:
        """By what `Evidence` finds it."""
        changed = frozen(self.scoring.changed)
        return self.scorer, self.oracle, self.dataset, self.epochs, self.target, changed

    @property
    def written(self) -> Hashable:
        """The key."""
        return self.key

    def __str__(self) -> str:
        """In words."""
        setting = _settings(self.scoring.changed)
        return f"ranking of {self.oracle}/{self.dataset} by {self.scorer}{setting}"


class Measured(Strict):
    """A study.

    Attributes:
        study: its name.
        params: those that differ from its defaults.
    """

    study: str
    params: dict[str, object] = Field(default_factory=dict)

    @property
    def subject(self) -> str:
        """The study."""
        return self.study

    @property
    def absent(self) -> str:
        """What of it does not exist, in words; "" where all does."""
        return "" if studies.has(self.study) else f"there is no study {self.study}"

    @property
    def key(self) -> Hashable:
        """By what `Evidence` finds it."""
        return self.study, frozen(studies.get(self.study).params(self.params))

    @property
    def written(self) -> Hashable:
        """The key with the parameters that the claim gives, which imports no study."""
        return self.study, frozen(self.params)

    def __str__(self) -> str:
        """In words."""
        return f"study {self.study}{_settings(self.params)}"


def _settings(values: Mapping[str, object]) -> str:
    """Values by name, in brackets; nothing where there are none."""
    words = ", ".join(f"{name}={value}" for name, value in values.items())
    return f" ({words})" if words else ""


Need = Searched | Ranked | Measured
