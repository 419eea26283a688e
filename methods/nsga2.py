"""NSGA-II (Deb, Pratap, Agarwal, Meyarivan; IEEE Trans. Evol. Comp. 6, 2002).

    P <- `population` random architectures, evaluated
    repeat until the budget ends:
        Q <- as many children, evaluated: two binary tournaments by (rank, crowding), uniform
          crossover, each decision mutated with probability 1 / decisions
        sort P + Q into fronts that dominate each other in turn (rank)
        P <- the best fronts that fit; of the first that does not fit, the least crowded
    return the best score ever evaluated; what counts is the front (study multi_objective.fronts)

Deviations:
    - Options have no order, so crossover is uniform and mutation draws another option, where the
      paper has binary strings or simulated binary crossover. Crossover happens with probability
      `crossover`; a child that is no architecture is its first parent mutated.
    - A population of 20 (the paper: 100), so that 150 queries are several generations.
    - A diverged training has the lowest score so far. Of equal architectures each copy counts.
    - Crowding distances are compared to 9 digits; of equal ones, the earlier.
"""

import contextlib

import numpy as np

from nasrepro.methods.nets.fronts import cost_of
from nasrepro.methods.nets.guided import mutated
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.registry import method
from nasrepro.suite.statistics import finite


@method("nsga2", paper="Deb 2002", cost="macs", device="", population=20, crossover=0.9)
def search(session, rng, *, cost, device, population, crossover):
    """Evolution of a front of score and cost.

    Args:
        session: the search session.
        rng: random generator.
        cost: "params", "macs"; "latency" or "energy" on `device`; or a metric of the oracle.
        device: "source/device".
        population: members of a generation.
        crossover: probability that a child has two parents.
    """
    space = session.space

    def evaluated(arch):
        done = session.evaluate(arch)
        return done, cost_of(session, done, cost, device)

    def child():  # of parents sorted, best first
        chosen = rng.integers(len(parents), size=(2, 2)).min(axis=1)
        first, second = (parents[row][0].arch for row in chosen)
        code = np.array(first.code)
        if rng.random() < crossover:
            code = np.where(rng.random(len(code)) < 0.5, code, second.code)
        with contextlib.suppress(InvalidArch):
            first = space.arch(code.tolist())
        return mutated(space, first, 1.0, rng)

    parents = [evaluated(space.sample(rng)) for _ in range(population)]
    while True:
        with session.charge("selection"):
            parents = [parents[row] for row in ranked(parents)[:population]]
            children = [child() for _ in parents]
        parents += [evaluated(arch) for arch in children]


def ranked(members):
    """Rows of (evaluation, cost), best first: by front, by crowding, the earlier."""
    scores = finite([done.score for done, _ in members])
    costs = np.array([cost for _, cost in members])
    order = []
    for rows in fronts(costs, scores):
        distance = crowding(np.column_stack([costs, scores])[rows]).round(9)
        order += [rows[place] for place in np.argsort(-distance, kind="stable")]
    return order


def fronts(costs, scores):
    """Rows (n,) sorted into fronts: the ones that none dominates, those that only these do, ..."""
    dominates = (
        (costs[:, None] <= costs)
        & (scores[:, None] >= scores)
        & ((costs[:, None] < costs) | (scores[:, None] > scores))
    )
    left, sorted_ = np.arange(len(costs)), []
    while left.size:
        free = ~dominates[np.ix_(left, left)].any(axis=0)
        sorted_.append(left[free].tolist())
        left = left[~free]
    return sorted_


def crowding(points):
    """Crowding distance of the points (n, objectives) of one front; infinite at its ends."""
    distance = np.zeros(len(points))
    for values in points.T:
        order = np.argsort(values, kind="stable")
        span = values[order[-1]] - values[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (values[order[2:]] - values[order[:-2]]) / span
    return distance
