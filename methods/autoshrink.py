"""AutoShrink (Zhang et al., AAAI 2020, arXiv:1911.09251).

The authors' code is github.com/lordzth666/AutoShrink, commit b37564d.

    repeat: ops <- random, balanced, fixed for the trajectory;  graph <- complete DAG
        while edges are left:
            candidates <- `K` removals of one edge, drawn without replacement; what became
              unreachable is dropped
            train and score each candidate, accuracy - `lam` * log10(MACs in M)
            graph <- the best candidate, even where the score falls
    return the best candidate ever scored

Deviations:
    - The paper's body was not read: the algorithm, its score and K = 10 are those of the authors'
      code. Their score with raw MACs, accuracy - 0.1 (log10 MACs - 6), is the same. `form`
      "perplexity" with lam = 1 is their recurrent one, 0.25 (200 - perplexity) - log10 of edges x
      hidden units squared, up to a constant: here log10 of the edges.
    - Trajectories start again, with operations drawn anew, until the budget ends (`trajectories` =
      1 is theirs): a trajectory is 9 to 15 evaluations in a cell of 6 edges, and sees one
      assignment of operations. Restarts are our choice.
    - Where operations sit on edges (NAS-Bench-201) the assignment is over edges, and a removal must
      leave a path to the output; edges that no longer lead there are dropped too. `assignment`
      "nodes" draws an operation for each vertex instead, as theirs are, for all edges into it.
    - "balanced" draws which operations come once more where the places are no multiple of them;
      theirs counts the input vertex, which has no operation, among the places (4 of each over 8).
    - `redraw` (off) changes one operation of each candidate at random, our variant: their
      operations never change. `autoshrink_op` is the adaptation that searches them, too.
    - Their loop counts the edges left, in its test and in the names of files, before what became
      unreachable is dropped; here after.
    - Where a graph is no architecture of the space (too many edges for NAS-Bench-101, not in the
      table), a candidate is not counted; while no candidate is one, a random edge is removed
      unseen. Their space has no such graph.
    - Operations are balanced in the recurrent cell too; theirs are drawn there by `assignment`
      "independent".
    - The complete graph itself is not scored, as in their code; `score_start` does so.
    - The best single candidate is returned; they pick the step with the best score by hand, ties to
      fewer branches.
"""

import contextlib
import math
from typing import Any

import numpy as np

from nasrepro.methods.nets.operations import ASSIGNMENTS, assigned, changed, places_of
from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.registry import method


@method(
    "autoshrink",
    paper="arXiv:1911.09251; score and K of the authors' code",
    K=10,
    lam=0.1,
    form="accuracy",
    assignment="balanced",
    redraw=False,
    keep=0.0,
    vertices=0,
    score_start=False,
    trajectories=100_000,
)
def search(
    session, rng, *, K, lam, form, assignment, redraw, keep, vertices, score_start, trajectories
):
    """Greedy removal of edges, with restarts.

    Args:
        session: the search session.
        rng: random generator.
        K: candidates of a step.
        lam: score per factor of ten in MACs (or edges).
        form: of the score, "accuracy" or "perplexity".
        assignment: of the operations, "balanced", "independent" or "nodes".
        redraw: whether each candidate has one operation changed at random.
        keep: share of the edges that a trajectory ends with (0.01 and 0.25 in the authors'
            convolutional and recurrent search).
        vertices: of the graph that a trajectory starts from, the input included; 0 for all that the
            space has.
        score_start: whether the complete graph is evaluated too.
        trajectories: how many at most; the budget may end them earlier.
    """
    if form not in ("accuracy", "perplexity"):
        raise NasreproError(
            f"autoshrink: unknown form {form!r} of the score; accepted: accuracy, perplexity"
        )
    if assignment not in ASSIGNMENTS:
        raise NasreproError(
            f"autoshrink: unknown assignment {assignment!r}; accepted: {', '.join(ASSIGNMENTS)}"
        )
    topology = session.space.topology()
    complete = [
        edge
        for edge, (_, target) in enumerate(topology.edges)
        if target < (vertices or topology.vertices)
    ]
    for trajectory in range(trajectories):
        ops = assigned(topology, assignment, rng)

        def arch_of(kept, ops):
            with contextlib.suppress(InvalidArch):
                return session.space.wired(kept, ops)

        def evaluate(arch, kept, step, trajectory=trajectory):
            done = session.evaluate(arch)
            macs = session.complexity(arch).macs
            if form == "accuracy":
                score = done.score - lam * math.log10(macs / 1e6)
            else:
                score = 0.25 * (200 + done.score) - lam * math.log10(max(len(kept), 1))
            return {
                "score": session.rate(done, round(score, 9)),
                "objective": done.score,
                "macs": macs,
                "edges": len(kept),
                "step": step,
                "trajectory": trajectory,
            }

        kept, step = topology.live(complete), 0
        start = arch_of(kept, ops)
        if score_start and start is not None:
            session.log("shrink", **evaluate(start, kept, step))
        while len(kept) > round(keep * len(complete)):
            step += 1
            graphs = [
                topology.live([edge for edge in kept if edge != gone])
                for gone in rng.permutation(kept)
            ]
            graphs = [
                graph for graph in graphs if graph or topology.output is None
            ]  # a path to the output is left
            candidates: list[tuple[Any, ...]] = []
            for graph in graphs:
                place = rng.choice(places_of(topology, graph)) if redraw and graph else None
                own = ops if place is None else changed(ops, place, len(topology.ops), rng)
                if len(candidates) < K and (arch := arch_of(graph, own)) is not None:
                    candidates.append((graph, own, arch))
            if candidates:
                rows = [evaluate(arch, graph, step) for graph, _, arch in candidates]
                best = max(
                    range(len(rows)), key=lambda i: rows[i]["score"]
                )  # the first in random order, where several tie
                session.log(
                    "shrink",
                    candidates=len(rows),
                    mean_score=float(np.mean([row["score"] for row in rows])),
                    **rows[best],
                )
                kept, ops, _ = candidates[best]
            elif graphs:
                kept = graphs[0]  # unseen
            else:
                break
