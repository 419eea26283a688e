"""Hyperband (Li et al., JMLR 2018, arXiv:1603.06560, Algorithm 1).

    repeat until the budget ends:
        for s = S, S-1, ..., 0:                        # S + 1 training lengths, a factor eta apart
            n = ceil((S + 1) / (s + 1) * eta^s) random architectures, trained for length S - s
            while a longer length is left: the best 1 / eta of them, trained for it
    return the best of those trained longest

Deviations:
    - Lengths are those that the oracle has: from the longest down, each the longest that exists of
      at most 1 / eta of the one before. Where trainings cannot be resumed each pays in full.
    - Rounds follow each other until the budget ends (the paper's infinite horizon keeps doubling
      the longest training instead).
    - `brackets` "hpbandster" starts floor((S + 1) / (s + 1)) * eta^s, as the code of BOHB's authors
      does: 27, 9, 6, 4 of four lengths, not 27, 12, 6, 4.
    - `workers` trainings run side by side on the simulated clock; a rung waits for its last one.
"""

from nasrepro.methods.nets.halving import brackets as brackets_of
from nasrepro.methods.nets.halving import halve, rungs
from nasrepro.suite.registry import method


@method(
    "hyperband",
    paper="arXiv:1603.06560",
    at_least={"eta": 2},
    eta=3,
    brackets="li",
    shortest=1,
    workers=1,
)
def search(session, rng, *, eta, brackets, shortest, workers):
    """Successive halving from every training length in turn.

    Args:
        session: the search session.
        rng: random generator.
        eta: one in so many goes on.
        brackets: "li" or "hpbandster", how many architectures start.
        shortest: no training below so many epochs.
        workers: trainings at a time (simulated).
    """
    lengths = rungs(session.fidelities, eta, shortest)
    while True:
        for count, first in brackets_of(len(lengths), eta, brackets):
            halve(
                session,
                count,
                lengths[first:],
                eta=eta,
                workers=workers,
                draw=lambda: session.space.sample(rng),
            )
