"""Regularized evolution (Real et al., AAAI 2019, arXiv:1802.01548, Algorithm 1).

    population <- `population` random architectures, evaluated
    repeat until the budget ends:
        parent <- best of `sample` members of the population
        child <- mutate(parent), evaluated, appended
        the oldest member leaves
    return the best ever evaluated

Deviations:
    - Population 10 and tournament 3, with replacement, are the NAS-Bench-201 authors' values for
      this algorithm (their code, not the paper's 100 and 25); the mutation is the benchmark's own,
      `space.mutate`.
    - The budget ends the search in place of a number of cycles, as in the NAS-Bench-201 authors'
      code.
    - With several `workers` (simulated, as the paper's are real), a child is bred whenever one is
      free, of the members that are trained by then.
"""

import itertools
from collections import deque

from nasrepro.suite.registry import method
from nasrepro.suite.search import Evaluation


@method(
    "regularized_evolution",
    paper="arXiv:1802.01548; parameters of arXiv:2001.00326",
    population=10,
    sample=3,
    workers=1,
)
def search(session, rng, *, population, sample, workers):
    """Age-regularized evolution by tournament selection.

    Args:
        session: the search session.
        rng: random generator.
        population: members alive at a time.
        sample: members drawn for a tournament, with replacement.
        workers: trainings at a time (simulated).
    """
    alive: deque[Evaluation] = deque(maxlen=population)
    for started in itertools.count():
        if started >= workers:
            alive.append(session.next_done())
        if started < population or not alive:
            child = session.space.sample(rng)
        else:
            parent = max(
                (alive[i] for i in rng.integers(len(alive), size=sample)),
                key=lambda member: member.score,
            )
            child = session.space.mutate(parent.arch, rng)
        session.submit(child)
