"""GRAM, by the rule of Chang et al. 2021 (arXiv:2012.01737), from a digest of it.

SwiftNet (arXiv:1906.08305) inspired it.

    w <- 1 for every edge of the complete DAG, the meta-graph;  beta <- none
    repeat until the budget ends:
        graph <- from the input on: each edge of a reached vertex with the probability that softmax
          of w over its edges gives it
        mu <- score of the graph;  w <- w * exp(alpha (mu - beta)) for the edges in it;  beta <-
          mean of the five best mu so far
    near the end: prune the complete DAG edge by edge, lowest w first, and evaluate the levels: a
        front of accuracy and MACs
    return the best graph ever scored

Deviations:
    - SwiftNet's own rule is not known here: neither its body nor any code of it was read. The rule
      and the sampling are those of Chang et al., which build on it, by a digest of their paper.
      This is no reproduction of SwiftNet.
    - Not given by them and our choice: w = 1 at the start, no update before a beta exists, alpha
      (chosen on seeds 1000 to 1029, which no plan holds), the exponent clipped to +-`clip`, weights
      scaled to mean 1 per source vertex (`normalise`; without it they drift to 0, where sampling is
      uniform).
    - Their operations are fixed. `variant` "edges" does so: drawn at random, balanced, once a run.
      "edges_and_ops" has a weight per edge and operation (where operations sit on vertices: per
      vertex and operation), drawn by their softmax, updated alike; an edge counts with the
      log-mean-exp of its weights. "gibbs" goes round the edges, then vertices, of one graph, draws
      one option by the softmax of its weights ("no edge" is one), and evaluates: the word is in a
      digest of SwiftNet, the rule is ours.
    - Graphs that are no architecture of the space are drawn again (operations too, after each 1,000
      in a row); dead ends are dropped. In "gibbs" the graph then stays as it is; it is trained,
      paid for and learnt from again, as where the present option is drawn anew.
    - Their softmax over a vertex's edges sums to 1, so that a sample has one edge out of each
      vertex on average whatever the weights are: 2.5 edges in a cell of six. `sampling`
      "independent", ours, keeps each edge by itself, at first with probability 1/2.
    - A graph that comes up again is trained and paid for again: of 150 trainings in a NAS-Bench-201
      search some 60 are of new cells. Where repeats are free the method is as good as random
      search there, where they are paid it is worse.
    - `baseline` "mean", ours, is the mean of all scores so far in place of that of the five best.
    - With this baseline most updates lower the weights of what was sampled, whatever it is worth
      (beta is the mean of the five best): the rule spreads samples out more than it repeats good
      ones, unless a few edges decide.
    - A diverged training counts as score 0, or where scores are negative as the lowest so far.
    - Input node 0 plays their pseudo-vertex. `lam` takes MACs into the score, as in AutoShrink;
      theirs has no such term.
    - Pruned levels are architectures of the table, trained from scratch; the digest of SwiftNet
      speaks of pruning without retraining.
"""

import contextlib
import math

import numpy as np

from nasrepro.methods.nets.metagraph import chances, earned, softmax, strength
from nasrepro.methods.nets.operations import assigned
from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.registry import method

VARIANTS = ("edges", "edges_and_ops", "gibbs")
SAMPLINGS, BASELINES = ("softmax", "independent"), ("top", "mean")
#: Samples in a row that may be no architectures.
TRIES = 100_000


@method(
    "gram",
    paper="arXiv:2012.01737, as a digest of it has the rule; inspired by arXiv:1906.08305",
    variant="edges_and_ops",
    sampling="softmax",
    baseline="top",
    alpha=1.0,
    clip=1.0,
    normalise=True,
    lam=0.0,
    prune=6,
)
def search(session, rng, *, variant, sampling, baseline, alpha, clip, normalise, lam, prune):
    """Sampling from weights that accumulate what sampled graphs earned.

    Args:
        session: the search session.
        rng: random generator.
        variant: "edges", "edges_and_ops" or "gibbs".
        sampling: of edges, "softmax" or "independent"; "gibbs" does not sample so.
        baseline: "top", the mean of the five best scores, or "mean", that of all.
        alpha: learning rate of the weights, per unit of score.
        clip: largest exponent of an update.
        normalise: whether weights are scaled to mean 1 per source vertex.
        lam: score per factor of ten in MACs.
        prune: levels of the pruned front that are evaluated, evenly spaced from the complete DAG to
            the last edge; 0 for no front.
    """
    for what, given, accepted in (
        ("variant", variant, VARIANTS),
        ("sampling", sampling, SAMPLINGS),
        ("baseline", baseline, BASELINES),
    ):
        if given not in accepted:
            raise NasreproError(f"gram: unknown {what} {given!r}; accepted: {', '.join(accepted)}")
    topology = session.space.topology()
    seen: list[float] = []
    sources = np.array([source for source, _ in topology.edges])
    targets = np.array([target for _, target in topology.edges])
    options, gibbs = len(topology.ops), variant == "gibbs"
    on_edges = (
        topology.on_edges and variant != "edges"
    )  # whether an edge has a weight per operation
    on_vertices = not topology.on_edges and variant != "edges"
    w = np.ones(
        (len(sources), (options if on_edges else 1) + gibbs)
    )  # its last column is "no edge", for gibbs
    v = np.ones((topology.places if on_vertices else 0, options))
    fixed = assigned(topology, "balanced", rng)

    def drawn(rows):
        """An option for each row, by the softmax of its weights."""
        return np.minimum(
            (softmax(rows).cumsum(axis=1) < rng.random((len(rows), 1))).sum(axis=1),
            rows.shape[1] - 1,
        )

    def operations(take):
        """One for every place, which `take` picks from the rows of weights."""
        return take(w[:, :options]) if on_edges else take(v) if on_vertices else fixed

    def wired(kept, ops):
        """The architecture of a graph, and its live edges; None where it is none."""
        live = topology.live(kept)
        with contextlib.suppress(InvalidArch):
            return live, session.space.wired(live, ops) if live else None
        return live, None

    def sample():
        """Algorithm 2: (edges, operations)."""
        nonlocal fixed
        p = chances(strength(w, gibbs), sources if sampling == "softmax" else None)
        for tries in range(1, TRIES + 1):
            kept, ops = set(np.flatnonzero(p > rng.random(len(p))).tolist()), operations(drawn)
            if (
                wired(kept, ops)[1] is not None
            ):  # an edge of a vertex that is not reached is not live: as if never drawn
                return set(topology.live(kept)), ops
            if tries % 1000 == 0:
                fixed = assigned(topology, "balanced", rng)
        raise NasreproError(
            f"gram: {TRIES:,} samples in a row are no architectures of {session.space.name}; it "
            "has too few connected cells"
        )

    def step(place, kept, ops):
        """One option of one edge or vertex drawn anew: (edges, operations)."""
        kept, ops = set(kept), ops.copy()
        option = drawn(w[[place]] if place < len(w) else v[[place - len(w)]])[0]
        if place >= len(w):
            ops[place - len(w)] = option
        elif option == w.shape[1] - 1:
            kept.discard(place)
        else:
            kept.add(place)
            if on_edges:
                ops[place] = option
        return kept, ops

    def evaluate(arch):
        done = session.evaluate(arch)
        return session.rate(
            done, done.score - lam * math.log10(session.complexity(arch).macs / 1e6)
        )

    def learn(kept, live, ops, mu):
        """Algorithm 1, with the old baseline."""
        if seen:
            factor = earned(mu, seen, alpha, clip, 5 if baseline == "top" else len(seen))
            edges = np.array(live)
            w[edges, ops[edges] if on_edges else 0] *= factor
            if gibbs:
                w[[edge for edge in range(len(w)) if edge not in kept], -1] *= factor
            if on_vertices:
                vertices = np.unique(targets[edges]) - 1
                v[vertices, ops[vertices]] *= factor
            if normalise:
                w[:] /= (np.bincount(sources, w.mean(axis=1)) / np.bincount(sources))[sources, None]
                v[:] /= v.mean(axis=1, keepdims=True)
        seen.append(mu)

    def front():
        """Structure-level pruning: weights are logged, levels of the pruned DAG are evaluated."""
        ops = operations(lambda rows: rows.round(9).argmax(axis=1))
        weight = strength(w, gibbs).round(9)  # so that equal weights tie, in the order of the edges
        names = [topology.ops[op] for op in ops]
        session.log(
            "meta_graph",
            edges=topology.edges,
            weights=weight.tolist(),
            ops=names,
            on_edges=topology.on_edges,
            output=topology.output,
        )
        levels = [topology.live(range(len(w)))]
        for edge in np.argsort(weight, kind="stable"):
            left = topology.live([each for each in levels[-1] if each != edge])
            if left and left != levels[-1]:
                levels.append(left)
        found = [(live, arch) for live in levels if (arch := wired(live, ops)[1]) is not None]
        for level in np.unique(np.linspace(0, len(found) - 1, min(prune, len(found))).astype(int)):
            live, arch = found[level]
            score = evaluate(arch)
            session.log(
                "front",
                edges=len(live),
                score=score,
                objective=session.ledger.evaluations[-1].score,
                macs=session.complexity(arch).macs,
            )

    def nearly_over():
        """Whether what is left of the budget is what the front takes.

        Each level is taken to be as dear as the dearest evaluation.
        """
        budget, dearest = session.budget, max(done.cost_s for done in session.ledger.evaluations)
        few = budget.queries is not None and budget.queries - session.queries <= prune
        return few or (
            budget.seconds is not None and budget.seconds - session.clock_s <= prune * dearest
        )

    (kept, ops), place, pruned = sample(), 0, prune == 0
    while True:
        live, arch = wired(kept, ops)
        learn(kept, live, ops, evaluate(arch))
        if not pruned and nearly_over():
            front()
            pruned = True
        if gibbs:
            following = step(place, kept, ops)
            place = (place + 1) % (len(w) + len(v))
            kept, ops = following if wired(*following)[1] is not None else (kept, ops)
        else:
            kept, ops = sample()
