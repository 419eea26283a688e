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
    space, topology = session.space, session.space.topology()
    reached = vertices or topology.vertices
    complete = [edge for edge, (_, target) in enumerate(topology.edges) if target < reached]

    def evaluate(arch, graph, **when):
        """What the trace says of a graph: its score and what that is made of."""
        done = session.evaluate(arch)
        macs = session.complexity(arch).macs
        if form == "accuracy":
            score = done.score - lam * math.log10(macs / 1e6)
        else:
            score = 0.25 * (200 + done.score) - lam * math.log10(max(len(graph), 1))
        return {
            "score": session.rate(done, round(score, 9)),
            "objective": done.score,
            "macs": macs,
            "edges": len(graph),
            **when,
        }

    for trajectory in range(trajectories):
        ops = assigned(topology, assignment, rng)
        graph, step = topology.live(complete), 0
        start = _arch(space, graph, ops)
        if score_start and start is not None:
            session.log("shrink", **evaluate(start, graph, step=step, trajectory=trajectory))
        while len(graph) > round(keep * len(complete)):
            step += 1
            smaller = _removals(topology, graph, rng)
            if not smaller:
                break
            candidates = _candidates(space, smaller, ops, K, redraw, rng)
            if not candidates:
                graph = smaller[0]  # unseen
                continue
            rows = [
                evaluate(arch, smaller, step=step, trajectory=trajectory)
                for arch, smaller, _ in candidates
            ]
            # the first in random order, where several tie
            best = max(range(len(rows)), key=lambda i: rows[i]["score"])
            session.log(
                "shrink",
                candidates=len(rows),
                mean_score=float(np.mean([row["score"] for row in rows])),
                **rows[best],
            )
            _, graph, ops = candidates[best]


def _arch(space, graph, ops):
    """The architecture of a graph; None where it is none."""
    with contextlib.suppress(InvalidArch):
        return space.wired(graph, ops)


def _removals(topology, graph, rng):
    """The graph without each of its edges, in random order, as far as they reach the output."""
    smaller = [
        topology.live([edge for edge in graph if edge != gone]) for gone in rng.permutation(graph)
    ]
    return [edges for edges in smaller if edges or topology.output is None]


def _candidates(space, graphs, ops, K, redraw, rng):
    """The first `K` of the graphs that are architectures: (architecture, graph, operations)."""
    topology = space.topology()
    candidates = []  # type: ignore[var-annotated]
    for graph in graphs:
        own = ops
        if redraw and graph:
            own = changed(ops, rng.choice(places_of(topology, graph)), len(topology.ops), rng)
        if len(candidates) < K and (arch := _arch(space, graph, own)) is not None:
            candidates.append((arch, graph, own))
    return candidates
