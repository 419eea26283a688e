"""AccPar's arrays of accelerators: how a network is split over them, and how long a step takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from nasrepro.methods.nets.partition import (
    Network,
    Types,
    Values,
    best_types,
    level_costs,
    price,
    released_types,
)
from nasrepro.suite.errors import NasreproError, UnknownName

Shortcuts = Literal["exact", "code", "none"]
#: Types that a scheme may choose from; the other two schemes choose nothing.
SCHEMES = {"data parallelism": 0, "one weird trick": 0, "HyPar": 2, "AccPar": 3}
RULES = ("even", "compute", "level", "end", "scan")
WORD_BYTES = 2  # bfloat16
#: Shares that the rules "level" and "scan" try; the ends leave one half nearly idle.
GRID = np.round(np.arange(0.02, 0.981, 0.01), 2)


class Group(NamedTuple):
    """Equal accelerators: how many (a power of two), TFLOPS and Gb/s of each."""

    number: int
    tflops: float
    gbits: float

    def seconds(self, elements: float) -> float:
        """Time to receive that many elements."""
        return WORD_BYTES * elements / (self.gbits * 1e9 / 8)


@dataclass(frozen=True)
class Plan:
    """How a network is split.

    Attributes:
        share: of the first group.
        types: of each level, in order; below the first those of both groups, one after the other.
        compute_s, communication_s: of one training step, in the slower group.
    """

    share: float
    types: tuple[Types, ...]
    compute_s: float
    communication_s: float

    @property
    def step_s(self) -> float:
        """Time of one training step."""
        return self.compute_s + self.communication_s


@dataclass(frozen=True)
class Partitioner:
    """Splits a network over one or two groups of accelerators by a scheme of `SCHEMES`."""

    network: Network
    groups: tuple[Group, ...]
    scheme: str
    batch: int = 512
    shortcuts: Shortcuts = "exact"

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise UnknownName("accpar: scheme", self.scheme, SCHEMES)
        if self.shortcuts not in ("exact", "code", "none"):
            raise UnknownName("accpar: shortcuts", self.shortcuts, ("exact", "code", "none"))

    @property
    def additions(self) -> Mapping[int, int]:
        """Shortcuts that are priced."""
        return {} if self.shortcuts == "none" else self.network.shortcuts

    def plan(self, rule: str = "level") -> Plan:
        """The split; `rule` sets the share of the first of two groups, for AccPar alone.

        Args:
            rule: "even"; "compute", in proportion to speeds; "level", the slower group is fastest
                at the first level; "scan", over all levels; "end", both groups finish together;
                or a share in text ("0.3").
        """
        if len(self.groups) == 1:
            return self._single()
        if self.scheme != "AccPar" or rule == "even":
            return self._split(0.5)
        if rule == "compute":
            speeds = [group.number * group.tflops for group in self.groups]
            return self._split(speeds[0] / sum(speeds))
        if rule == "level":
            slower = [max(self.first_level(share)[1]) for share in GRID]
            return self._split(float(GRID[_least(slower)]))
        if rule == "scan":
            plans = [self._split(share) for share in GRID.tolist()]
            return plans[_least([plan.step_s for plan in plans])]
        if rule == "end":
            return self._split(self._balanced())
        try:
            share = float(rule)
        except ValueError:
            raise UnknownName("accpar: rule", rule, RULES, "or give a share, such as 0.3") from None
        if not 0 < share < 1:
            raise NasreproError(f"accpar: share {rule} is not between 0 and 1")
        return self._split(share)

    def _chosen(self, inside: Values, between: Values) -> Types:
        choices = SCHEMES[self.scheme]
        if choices:
            search = released_types if self.shortcuts == "code" else best_types
            return search(inside, between, self.additions, choices)
        trick = self.scheme == "one weird trick"
        return np.array([int(trick and layer.kind == "fc") for layer in self.network.layers])

    def _halved(self, sizes: Values, group: Group) -> tuple[list[Types], float]:
        """Types of the levels inside a group, and the elements of them all."""
        levels, elements = [], 0.0
        for _ in range(int(math.log2(group.number))):
            inside, between = level_costs(self.network, sizes, 0.5)
            types = self._chosen(inside, between)
            elements += price(inside, between, types, self.additions)
            sizes = scaled(sizes, types, 0.5)
            levels.append(types)
        return levels, elements

    def _compute(self, share: float, group: Group) -> float:
        """Three products a layer (forward, error, gradient), two operations a MAC."""
        return 6 * share * self.batch * self.network.macs / (group.number * group.tflops * 1e12)

    def _single(self) -> Plan:
        (group,) = self.groups
        levels, elements = self._halved(self.network.sizes(self.batch), group)
        return Plan(1.0, tuple(levels), self._compute(1, group), group.seconds(elements))

    def first_level(self, share: float) -> tuple[Types, list[float]]:
        """Types at the first of two groups' levels, and both groups' seconds there."""
        sizes, shares = self.network.sizes(self.batch), (share, 1 - share)
        costs = [level_costs(self.network, sizes, part) for part in shares]
        one, other = (group.seconds(1) for group in self.groups)
        inside, between = (one * a + other * b for a, b in zip(*costs, strict=True))
        types = self._chosen(inside, between)
        return types, [
            self._compute(part, group) + group.seconds(price(*cost, types, self.additions))
            for part, group, cost in zip(shares, self.groups, costs, strict=True)
        ]

    def _halves(self, share: float) -> tuple[list[Types], list[tuple[float, float]]]:
        """Types of all levels, and each group's seconds of computing and of communication."""
        sizes, (types, first) = self.network.sizes(self.batch), self.first_level(share)
        levels, seconds = [types], []
        for part, group, at_first in zip((share, 1 - share), self.groups, first, strict=True):
            below, elements = self._halved(scaled(sizes, types, part), group)
            compute = self._compute(part, group)
            seconds.append((compute, at_first - compute + group.seconds(elements)))
            levels += below
        return levels, seconds

    def _split(self, share: float) -> Plan:
        levels, seconds = self._halves(share)
        return Plan(share, tuple(levels), *max(seconds, key=sum))

    def gap(self, share: float) -> float:
        """Seconds by which the first group finishes after the second."""
        first, second = (sum(parts) for parts in self._halves(share)[1])
        return first - second

    def _balanced(self) -> float:
        low, high = float(GRID[0]), float(GRID[-1])
        if self.gap(low) >= 0 or self.gap(high) <= 0:
            return low if self.gap(low) >= 0 else high
        while high - low > 1e-9:
            middle = (low + high) / 2
            low, high = (low, middle) if self.gap(middle) > 0 else (middle, high)
        return high


def _least(seconds: Sequence[float]) -> int:
    """Place of the least, the first of those equal to 12 digits."""
    values = np.asarray(seconds)
    return int(np.round(values / values.max(), 12).argmin())


def scaled(sizes: Values, types: Types, share: float) -> Values:
    """Sizes of a part: what each layer's type splits is scaled by its share."""
    smaller = sizes.copy()
    smaller[np.arange(len(sizes)), types] *= share
    return smaller
