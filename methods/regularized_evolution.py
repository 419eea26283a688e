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
"""

from collections import deque

from nasrepro.suite.registry import method


@method(
    "regularized_evolution",
    paper="arXiv:1802.01548; parameters of arXiv:2001.00326",
    population=10,
    sample=3,
)
def search(session, rng, *, population, sample):
    """Age-regularized evolution by tournament selection.

    Args:
        session: the search session.
        rng: random generator.
        population: members alive at a time.
        sample: members drawn for a tournament, with replacement.
    """
    alive = deque(session.evaluate(session.space.sample(rng)) for _ in range(population))
    while True:
        parent = max(
            (alive[i] for i in rng.integers(len(alive), size=sample)),
            key=lambda member: member.score,
        )
        alive.append(session.evaluate(session.space.mutate(parent.arch, rng)))
        alive.popleft()
