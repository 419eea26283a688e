"""ASHA, asynchronous successive halving (Li et al., MLSys 2020, arXiv:1810.05934, Algorithm 2).

    whenever one of the workers is free:
        for each rung but the last, the highest first:
            if one of the best 1 / eta of those trained there has not gone on: train the best such
              one for the next length
        none has: train a new random architecture for the shortest length
    return the best of those trained longest

Deviations:
    - Lengths are those that the oracle has: from the longest down, each the longest that exists of
      at most 1 / eta of the one before. Where trainings cannot be resumed each pays in full.
    - The paper's early-stopping rate s is `shortest`; eta is 3 (the paper's experiments use 4).
    - Trainings never fail or straggle: they take as long as the table says.
"""

from itertools import pairwise

from nasrepro.methods.nets.halving import rungs, top
from nasrepro.suite.registry import method
from nasrepro.suite.search import Evaluation


@method("asha", paper="arXiv:1810.05934", at_least={"eta": 2}, eta=3, shortest=1, workers=1)
def search(session, rng, *, eta, shortest, workers):
    """Promote when something can be promoted, else start something new.

    Args:
        session: the search session.
        rng: random generator.
        eta: one in so many goes on.
        shortest: no training below so many epochs.
        workers: trainings at a time (simulated).
    """
    lengths = rungs(session.fidelities, eta, shortest)
    steps = list(pairwise(lengths))[::-1]
    done: dict[int, list[Evaluation]] = {epochs: [] for epochs in lengths}
    promoted: dict[int, set[int]] = {epochs: set() for epochs in lengths}

    def job():
        for epochs, longer in steps:
            for row in top(done[epochs], len(done[epochs]) // eta):
                if row not in promoted[epochs]:
                    promoted[epochs].add(row)
                    return done[epochs][row].arch, longer
        return session.space.sample(rng), lengths[0]

    running = 0
    while True:
        if running == workers:
            ended = session.next_done()
            done[ended.epochs].append(ended)
            running -= 1
        arch, epochs = job()
        session.submit(arch, epochs=epochs)
        running += 1
