"""Search guided by a predictor: the loop, and the pools of candidates. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.search import Evaluation, Session
from nasrepro.suite.space import Arch, SearchSpace
from nasrepro.suite.statistics import finite

#: Draws before it is given up that one is new.
TRIES = 1000

#: New architectures to choose from: of what was evaluated, and of what is known, which it leaves
#: as it is.
Pool = Callable[[Sequence[Evaluation], "Known"], list[Arch]]
#: Which candidates (their places) to evaluate next, in order.
Choose = Callable[[Sequence[Evaluation], Sequence[Arch]], Sequence[int]]


class Known:
    """Architectures seen so far; equal cells are one."""

    def __init__(self, space: SearchSpace, seen: Sequence[Arch] = ()) -> None:
        self.space = space
        self.seen = {space.canonical(arch) for arch in seen}

    def copy(self) -> Known:
        """Another one with the same architectures."""
        other = Known(self.space)
        other.seen = set(self.seen)
        return other

    def add(self, arch: Arch) -> bool:
        """Note an architecture; whether it is new."""
        whole = self.space.canonical(arch)
        new = whole not in self.seen
        self.seen.add(whole)
        return new

    def new(self, draw: Callable[[], Arch], tries: int = TRIES) -> Arch | None:
        """The first new architecture drawn, noted; None if there is none in `tries` draws."""
        return next((arch for arch in (draw() for _ in range(tries)) if self.add(arch)), None)


def guided(
    session: Session, rng: np.random.Generator, *, initial: int, pool: Pool, choose: Choose
) -> None:
    """`initial` random architectures, then whatever a predictor chooses out of each pool.

    Ends with the budget, or where a pool is empty: everything is known.
    """
    space, known = session.space, Known(session.space)
    done: list[Evaluation] = []
    while len(done) < initial and (arch := known.new(lambda: space.sample(rng))):
        done.append(session.evaluate(arch))
    while True:
        with session.charge("predictor"):
            candidates = pool(done, known.copy())
            chosen = choose(done, candidates) if candidates else []
        if not candidates:
            return
        for row in chosen:
            known.add(candidates[row])
            done.append(session.evaluate(candidates[row]))


def best_of(done: Sequence[Evaluation], count: int) -> list[Arch]:
    """The `count` architectures of highest score, best first; of equal ones, the earlier."""
    return [each.arch for each in sorted(done, key=lambda each: -each.score)[:count]]


def mutated(space: SearchSpace, arch: Arch, changes: float, rng: np.random.Generator) -> Arch:
    """Each decision changes to another option with probability changes / decisions.

    Drawn again where nothing changes or that is no architecture; after 100 of these, a neighbour by
    the benchmark's own mutation.
    """
    options = np.array(space.cardinalities)
    for _ in range(100):
        changed = (rng.random(len(options)) < changes / len(options)) & (options > 1)
        if not changed.any():
            continue
        steps = rng.integers(1, np.maximum(options, 2))
        try:
            return space.arch(np.where(changed, (arch.code + steps) % options, arch.code).tolist())
        except InvalidArch:
            continue
    return space.mutate(arch, rng)


def errors(session: Session, done: Sequence[Evaluation]) -> NDArray[np.float64]:
    """Validation errors in percent, shape (n,); a loss as it is. Diverged: the worst."""
    scores = finite([each.score for each in done])
    return 100 * (1 - scores) if session.objective.unit == "fraction" else -scores


def mutants(
    space: SearchSpace,
    rng: np.random.Generator,
    *,
    size: int,
    parents: int = 10,
    uniform: float = 0.0,
    changes: float = 1.5,
) -> Pool:
    """A pool of `size` new architectures at most: mutants of the best, and uniform ones.

    Args:
        space: the search space.
        rng: random generator.
        size: architectures in the pool; fewer where no more new ones come up.
        parents: best architectures that are mutated, in turn.
        uniform: share of uniform architectures.
        changes: decisions that a mutant changes, on average.
    """

    def pool(done: Sequence[Evaluation], known: Known) -> list[Arch]:
        best = best_of(done, parents)
        drawn = (
            mutated(space, best[number % len(best)], changes, rng) for number in range(2 * size)
        )
        new = list(islice(filter(known.add, drawn), size - round(uniform * size)))
        wanted = round(uniform * size) or (not new)  # one at least, where any is left
        while wanted and (arch := known.new(lambda: space.sample(rng))):
            new.append(arch)
            wanted -= 1
        return new

    return pool
