"""Successive halving (Jamieson and Talwalkar, AISTATS 2016, arXiv:1502.07943).

    repeat until the budget ends:
        `initial` random architectures, trained for the shortest length
        while a longer length is left: the best 1 / eta of them, trained for it
    return the best of those trained longest

Deviations:
    - The paper divides a budget B given in advance over log2(n) rounds of halving and runs once;
      here the lengths are the oracle's, a share 1 / eta goes on (3, as in Hyperband), and rounds
      follow each other until the budget ends.
    - `initial` 0 stands for eta ** (number of rungs - 1): one architecture is trained longest.
    - Lengths are those that the oracle has: from the longest down, each the longest that exists of
      at most 1 / eta of the one before. Where trainings cannot be resumed each pays in full.
    - `workers` trainings run side by side on the simulated clock; a rung waits for its last one.
"""

from nasrepro.methods.nets.halving import halve, rungs
from nasrepro.suite.registry import method


@method(
    "successive_halving",
    paper="arXiv:1502.07943",
    at_least={"eta": 2},
    eta=3,
    initial=0,
    shortest=1,
    workers=1,
)
def search(session, rng, *, eta, initial, shortest, workers):
    """Halve random architectures over growing training lengths, again and again.

    Args:
        session: the search session.
        rng: random generator.
        eta: one in so many goes on.
        initial: architectures that start a round; 0: so many that one is trained longest.
        shortest: no training below so many epochs.
        workers: trainings at a time (simulated).
    """
    lengths = rungs(session.fidelities, eta, shortest)
    count = initial or eta ** (len(lengths) - 1)
    while True:
        halve(
            session,
            count,
            lengths,
            eta=eta,
            workers=workers,
            draw=lambda: session.space.sample(rng),
        )
