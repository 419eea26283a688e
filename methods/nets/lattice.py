"""Hierarchical SHGO on a lattice.

A function of integers is relaxed to reals, optimised coarsely, then finely, and rounded.

The relaxation is the piecewise linear interpolation over the Freudenthal triangulation: a point of
a unit cube is a convex combination of d + 1 of its corners, so any function of d integers gets a
continuous extension that costs d + 1 look-ups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, SearchSpace

Code = tuple[int, ...]
#: SHGO's complex has a corner for each of the 2^d corners of the box; of more variables, so many
#: are searched at a time.
AT_ONCE = 8
#: Of a point: the value to maximise, and by how much each limit is exceeded (a share of it; not
#: above 0 where it holds).
Evaluate = Callable[[Code], tuple[float, Sequence[float]]]


class Lattice:
    """Maximises a function of integers 0..sizes[i]-1 under limits.

    Remembers every point that it evaluates.

    Args:
        evaluate: see `Evaluate`; called once for each point.
        sizes: options of each variable.

    Attributes:
        seen: value followed by the excesses, by point, in the order of evaluation.
    """

    def __init__(self, evaluate: Evaluate, sizes: Sequence[int]) -> None:
        self.evaluate, self.sizes = evaluate, tuple(sizes)
        self.seen: dict[Code, NDArray[np.float64]] = {}

    def at(self, code: Code) -> NDArray[np.float64]:
        """Value and excesses of a point, shape (1 + limits,)."""
        if code not in self.seen:
            value, excesses = self.evaluate(code)
            self.seen[code] = np.array([value, *excesses], dtype=np.float64)
        return self.seen[code]

    def rank(self, code: Code) -> tuple[float, float]:
        """Rank of a point, larger being better.

        A point that keeps the limits is before one that does not; then the value decides.
        """
        found = self.at(code)
        return -max(0.0, *found[1:]) if len(found) > 1 else 0.0, float(found[0])

    def feasible(self) -> list[Code]:
        """The points seen that keep all limits, best first; equal ones by their code."""
        kept = sorted(code for code in self.seen if self.rank(code)[0] == 0)
        return sorted(kept, key=self.rank, reverse=True)

    # -- the search --------------------------------------------------------------------------------
    def maximise(self, *, coarse: int = 4, keep: int = 3, start: Code = ()) -> Code:
        """Maximise by SHGO over the whole box, then round the best points, then by unit steps.

        The coarse level covers the whole box, the fine one the box round each kept point. Unit
        steps follow while they gain.

        Args:
            coarse: steps that the coarse level divides each variable into.
            keep: points that go from one level to the next.
            start: where variables stand while others are searched, which matters above `AT_ONCE` of
                them; the middle if not given.

        Returns:
            The best point seen by `rank`; it exceeds a limit only where no point seen keeps them
            all.
        """
        axes = [
            np.unique(np.linspace(0, size - 1, coarse + 1).round().astype(int)).tolist()
            for size in self.sizes
        ]
        kept = self._best(
            self._level(axes, start or tuple(axis[len(axis) // 2] for axis in axes)), keep
        )
        finer: list[Code] = []
        for point in kept:
            near = []
            for axis, option, size in zip(axes, point, self.sizes, strict=True):
                low = max((each for each in axis if each < option), default=option)
                high = min((each for each in axis if each > option), default=option)
                near.append(
                    list(
                        range(
                            max(0, min(low, option - 1)), min(size - 1, max(high, option + 1)) + 1
                        )
                    )
                )
            finer += self._level(near, point)
        for point in self._best([*kept, *finer], keep):
            self.climb(point)
        return max(self.seen, key=self.rank)

    def _level(self, axes: Sequence[Sequence[int]], start: Code) -> list[Code]:
        points = [start]
        for first in range(0, len(axes), AT_ONCE):
            at_once, best = range(first, first + AT_ONCE), max(points, key=self.rank)
            points += self.shgo(
                [axis if i in at_once else [best[i]] for i, axis in enumerate(axes)]
            )
        return points

    def _best(self, points: Sequence[Code], keep: int) -> list[Code]:
        return sorted(dict.fromkeys(points), key=self.rank, reverse=True)[:keep]

    def shgo(self, axes: Sequence[Sequence[int]]) -> list[Code]:
        """One level: the lattice points round the minimisers of SHGO on the relaxation over `axes`.

        Where SHGO finds no point that keeps the limits, the best lattice point that it saw stands
        for its result.
        """
        from scipy.optimize import shgo

        free = [i for i, axis in enumerate(axes) if len(axis) > 1]
        before = [axis[0] for axis in axes]
        if not free:
            return [tuple(before)]

        def corners(x: Sequence[float]) -> Iterator[tuple[float, Code]]:
            """Weights and corners of the simplex of the triangulation that `x` is in."""
            base = [min(max(int(t), 0), len(axes[i]) - 2) for t, i in zip(x, free, strict=True)]
            rest = [min(max(t - b, 0.0), 1.0) for t, b in zip(x, base, strict=True)]
            corner = before.copy()
            for b, i in zip(base, free, strict=True):
                corner[i] = axes[i][b]
            left = 1.0
            for j in sorted(range(len(free)), key=rest.__getitem__, reverse=True):
                yield left - rest[j], tuple(corner)
                left, i = rest[j], free[j]
                corner[i] = axes[i][base[j] + 1]
            yield left, tuple(corner)

        last: tuple[bytes, NDArray[np.float64]] | None = None

        def relaxed(x: NDArray[np.float64]) -> NDArray[np.float64]:
            nonlocal last
            where = x.tobytes()
            if (
                last is None or last[0] != where
            ):  # the objective and the constraints are asked at the same point
                terms = [
                    weight * self.at(corner) for weight, corner in corners(x.tolist()) if weight > 0
                ]
                last = where, np.sum(terms, axis=0)
            return last[1]

        limits = len(self.at(tuple(before))) - 1
        constraints = [
            {"type": "ineq", "fun": lambda x, i=i: -relaxed(x)[i]} for i in range(1, 1 + limits)
        ]
        # no part of the relaxation is flat by rounding alone: values are seen in units of their
        # spread over the diagonal
        spread = (
            abs(self.at(tuple(axis[-1] for axis in axes))[0] - self.at(tuple(before))[0]) or 1.0
        )
        found = shgo(
            lambda x: -relaxed(x)[0] / spread,
            [(0.0, len(axes[i]) - 1.0) for i in free],
            constraints=constraints,
            n=2 ** (len(free) + 1),  # the corners alone miss what lies between limits
            minimizer_kwargs={"method": "SLSQP", "options": {"maxiter": 30, "ftol": 1e-4}},
        )
        minima = found.xl if found.success else []
        points = [
            corner
            for x in minima
            for weight, corner in corners(np.asarray(x).tolist())
            if weight > 0
        ]
        return points or [max(self.seen, key=self.rank)]

    def climb(self, code: Code) -> Code:
        """Unit steps of one or two variables at a time.

        Each goes to the best neighbour, as long as that ranks higher.
        """
        single = [(i, step) for i in range(len(code)) for step in (-1, 1)]
        steps = [(one, one) for one in single] + [
            (one, other) for one, other in combinations(single, 2) if one[0] != other[0]
        ]
        while True:
            near = []
            for moves in steps:
                point = list(code)
                for i, step in moves:
                    point[i] = code[i] + step
                if all(0 <= point[i] < self.sizes[i] for i, _ in moves):
                    near.append(tuple(point))
            best = max(near, key=self.rank, default=code)
            if self.rank(best) <= self.rank(code):
                return code
            code = best

    def exhaustive(self) -> Code:
        """The best of all points; for spaces that are small enough."""
        return max(product(*map(range, self.sizes)), key=self.rank)


def ordered(
    space: SearchSpace, metric: Callable[[Arch], float], rng: np.random.Generator, contexts: int
) -> list[list[int]]:
    """The options of each decision by ascending mean of a metric.

    The other decisions are those of `contexts` random architectures.

    So a decision without an order of its own (which operator) can be relaxed; options that
    never make an architecture come last.
    """
    around = [space.sample(rng).code for _ in range(contexts)]
    orders = []
    for i, options in enumerate(space.cardinalities):
        means = []
        for option in range(options):
            values: list[float] = []
            for code in around:
                try:
                    values.append(metric(space.arch((*code[:i], option, *code[i + 1 :]))))
                except InvalidArch:
                    continue
            means.append(round(float(np.mean(values)), 9) if values else np.inf)
        orders.append(sorted(range(options), key=means.__getitem__))
    return orders
