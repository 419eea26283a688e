"""Local search (White et al., "Exploring the loss landscape in NAS", UAI 2021, arXiv:2005.02960; their code: naszilla).

    repeat until the budget ends:
        current <- best of `initial` random architectures
        while some neighbour of current, taken in random order, scores higher: current <- that
            neighbour
    return the best ever evaluated

Deviations:
    - First improvement, not best of all neighbours: the variant that naszilla runs when it counts
      queries. The paper's text was not read here.
    - A neighbour evaluated before is not evaluated again; its score is remembered, as in naszilla.
    - Restarts go on while the budget lasts (the paper stops at the first local optimum).
"""

from nasrepro.suite.registry import method


@method("local_search", paper="arXiv:2005.02960; variant of the authors' code", initial=10)
def search(session, rng, *, initial):
    """Hill climbing with restarts.

    Args:
        session: the search session.
        rng: random generator.
        initial: random architectures before each climb.
    """
    scores = {}

    def score(arch):
        if arch not in scores:
            scores[arch] = session.evaluate(arch).score
        return scores[arch]

    while len(scores) < len(session.space):
        current = max((session.space.sample(rng) for _ in range(initial)), key=score)
        climbing = True
        while climbing:
            near = session.space.neighbours(current)
            better = (
                near[i] for i in rng.permutation(len(near)) if score(near[i]) > score(current)
            )
            following = next(better, None)
            climbing = following is not None
            current = following or current
