"""Local search (White et al., UAI 2021, arXiv:2005.02960).

The paper is "Exploring the loss landscape in NAS"; its authors' code is naszilla.

    repeat until the budget ends:
        current <- best of `initial` random architectures
        while some neighbour of current, taken in random order, scores higher: current <- that
            neighbour
    return the best ever evaluated

Deviations:
    - First improvement, not best of all neighbours: the variant that naszilla runs when it counts
      queries. The paper's text was not read here.
    - A neighbour evaluated before is not evaluated again; its score is remembered, as in naszilla.
      Architectures that compute the same function (`space.canonical`) count as one.
    - Restarts go on while the budget lasts (the paper stops at the first local optimum), or until
      the whole space was seen.
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
    space, scores = session.space, {}

    def score(arch):
        same = space.canonical(arch)
        if same not in scores:
            scores[same] = session.evaluate(arch).score
        return scores[same]

    order = iter(space)
    unseen = next(order)
    while unseen is not None:
        current = max((space.sample(rng) for _ in range(initial)), key=score)
        climbing = True
        while climbing:
            near = space.neighbours(current)
            better = (
                near[i] for i in rng.permutation(len(near)) if score(near[i]) > score(current)
            )
            following = next(better, None)
            climbing = following is not None
            current = following or current
        while unseen is not None and space.canonical(unseen) in scores:
            unseen = next(order, None)
