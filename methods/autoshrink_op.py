"""AutoShrink-Op: our adaptation of AutoShrink that searches operations, too; greedy local search.

    repeat: graph <- complete DAG with random operations, scored
        repeat: candidates <- `K` of all removals of one edge and changes of one operation, drawn
              without replacement
            train and score each; graph <- the best candidate, as long as that scores higher
    return the best candidate ever scored

Deviations:
    - Of no paper. AutoShrink (arXiv:1911.09251) fixes its operations, scores no start and accepts
      what scores lower (`autoshrink`); this shows what it gains when they are free.
    - Random complete graphs that are no architecture of the space are drawn again; where 1,000 in a
      row are none, random edges are removed until one is.
    - The score is accuracy alone unless `lam` is given: accuracy - `lam` * log10(MACs in M).
"""

import contextlib
import math

from nasrepro.methods.nets.operations import ASSIGNMENTS, assigned, places_of
from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.registry import method


@method(
    "autoshrink_op",
    paper="adaptation of arXiv:1911.09251",
    K=10,
    lam=0.0,
    assignment="independent",
)
def search(session, rng, *, K, lam, assignment):
    """Greedy removals and changes, with restarts.

    Args:
        session: the search session.
        rng: random generator.
        K: candidates of a step.
        lam: score per factor of ten in MACs.
        assignment: of the operations at a start, "balanced", "independent" or "nodes".
    """
    if assignment not in ASSIGNMENTS:
        raise NasreproError(
            f"autoshrink_op: unknown assignment {assignment!r}; accepted: {', '.join(ASSIGNMENTS)}"
        )
    topology = session.space.topology()
    options = range(len(topology.ops))

    def arch_of(kept, ops):
        with contextlib.suppress(InvalidArch):
            return session.space.wired(kept, ops)

    def score(arch):
        done = session.evaluate(arch)
        penalty = lam * math.log10(session.complexity(arch).macs / 1e6) if lam else 0.0
        return session.rate(done, round(done.score - penalty, 9))

    def start():
        for _ in range(1000):
            kept, ops = (
                topology.live(range(len(topology.edges))),
                assigned(topology, assignment, rng),
            )
            if arch_of(kept, ops) is not None:
                return kept, ops
        while arch_of(kept, ops) is None:
            kept = topology.live(sorted(set(kept) - {kept[rng.integers(len(kept))]})) or (
                topology.live(range(len(topology.edges)))
            )
        return kept, ops

    def moves(kept, ops):
        """(graph, operations) of every removal of an edge and every change of an operation."""
        for gone in kept:
            yield topology.live([edge for edge in kept if edge != gone]), ops
        for place in places_of(topology, kept):
            for option in options:
                if option != ops[place]:
                    other = ops.copy()
                    other[place] = option
                    yield kept, other

    while True:
        kept, ops = start()
        current, best = -math.inf, (score(arch_of(kept, ops)), kept, ops)
        while best[0] > current:
            current, kept, ops = best
            near = [
                (graph, own, arch)
                for graph, own in moves(kept, ops)
                if (graph or topology.output is None) and (arch := arch_of(graph, own)) is not None
            ]
            drawn = [near[i] for i in rng.permutation(len(near))[:K]]
            scored = [(score(arch), graph, own) for graph, own, arch in drawn]
            best = max(scored, key=lambda each: each[0], default=best)
