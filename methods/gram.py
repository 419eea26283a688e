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
import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    at_least={"prune": 0},
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
    meta = _MetaGraph(session.space, variant, sampling, rng)

    def score(arch):
        done = session.evaluate(arch)
        macs = session.complexity(arch).macs
        return session.rate(done, done.score - lam * math.log10(macs / 1e6))

    scores: list[float] = []
    graph, pruned = meta.sample(), prune == 0
    for turn in itertools.count():
        mu = score(meta.arch(graph))
        if scores:
            best = 5 if baseline == "top" else len(scores)
            meta.learn(graph, earned(mu, scores, alpha, clip, best), normalise)
        scores.append(mu)
        if not pruned and _nearly_over(session, prune):
            _evaluate_front(session, meta, prune, score)
            pruned = True
        graph = meta.changed(graph, turn) if variant == "gibbs" else meta.sample()


class _Graph(NamedTuple):
    """A graph of the meta-graph: its edges, and the operation on every place, (places,)."""

    edges: frozenset[int]
    ops: NDArray[np.int64]


class _MetaGraph:
    """The complete DAG, with the weights that sampled graphs earned.

    Attributes:
        edges: weights (edges, options): one, or one per operation; "no edge" comes last in "gibbs".
        vertices: weights (vertices, operations); no rows where operations do not sit on vertices or
            are fixed.
        fixed: the operation on every place, where operations have no weights.
    """

    def __init__(self, space, variant, sampling, rng):
        self.space, self.topology, self.rng = space, space.topology(), rng
        self.gibbs, self.softmax = variant == "gibbs", sampling == "softmax"
        self.sources, self.targets = np.array(self.topology.edges).T
        self.options, weighted = len(self.topology.ops), variant != "edges"
        self.on_edges = weighted and self.topology.on_edges
        self.on_vertices = weighted and not self.topology.on_edges
        per_edge = (self.options if self.on_edges else 1) + self.gibbs
        self.edges = np.ones((len(self.sources), per_edge))
        self.vertices = np.ones((self.topology.places if self.on_vertices else 0, self.options))
        self.fixed = assigned(self.topology, "balanced", rng)

    def arch(self, graph):
        """The architecture of a graph; None where it is none."""
        live = self.topology.live(graph.edges)
        with contextlib.suppress(InvalidArch):
            return self.space.wired(live, graph.ops) if live else None

    def sample(self):
        """Algorithm 2: a graph that is an architecture, its edges live."""
        p = chances(strength(self.edges, self.gibbs), self.sources if self.softmax else None)
        for tries in range(1, TRIES + 1):
            edges = frozenset(np.flatnonzero(p > self.rng.random(len(p))).tolist())
            graph = _Graph(edges, self._operations(self._drawn))
            if self.arch(graph) is not None:
                # an edge of a vertex that is not reached is not live: as if never drawn
                return graph._replace(edges=frozenset(self.topology.live(edges)))
            if tries % 1000 == 0:
                self.fixed = assigned(self.topology, "balanced", self.rng)
        raise NasreproError(
            f"gram: {TRIES:,} samples in a row are no architectures of {self.space.name}; it "
            "has too few connected cells"
        )

    def changed(self, graph, turn):
        """One option drawn anew, of an edge or a vertex by turns; `graph` where that is none."""
        edges, ops = set(graph.edges), graph.ops.copy()
        count = len(self.edges)
        place = turn % (count + len(self.vertices))
        row = self.edges[place] if place < count else self.vertices[place - count]
        option = self._drawn(row[None])[0]
        if place >= count:
            ops[place - count] = option
        elif option == len(row) - 1:
            edges.discard(place)
        else:
            edges.add(place)
            if self.on_edges:
                ops[place] = option
        following = _Graph(frozenset(edges), ops)
        return graph if self.arch(following) is None else following

    def learn(self, graph, factor, normalise):
        """Algorithm 1: the weights of what is in the graph, times `factor`."""
        live = np.array(self.topology.live(graph.edges))
        w, v = self.edges, self.vertices
        w[live, graph.ops[live] if self.on_edges else 0] *= factor
        if self.gibbs:
            w[[edge for edge in range(len(w)) if edge not in graph.edges], -1] *= factor
        if self.on_vertices:
            reached = np.unique(self.targets[live]) - 1
            v[reached, graph.ops[reached]] *= factor
        if normalise:
            sums, degrees = np.bincount(self.sources, w.mean(axis=1)), np.bincount(self.sources)
            w /= (sums / degrees)[self.sources, None]
            v /= v.mean(axis=1, keepdims=True)

    def likeliest(self):
        """The likeliest operation on every place, and the strength of every edge.

        Rounded, so that equal weights tie: in the order of the operations and of the edges.
        """
        ops = self._operations(lambda rows: rows.round(9).argmax(axis=1))
        return ops, strength(self.edges, self.gibbs).round(9)

    def pruned(self):
        """Structure-level pruning: the complete DAG and what is left of it, edge by edge."""
        ops, weights = self.likeliest()
        levels = [self.topology.live(range(len(weights)))]
        for pruned in np.argsort(weights, kind="stable"):
            live = self.topology.live([edge for edge in levels[-1] if edge != pruned])
            if live and live != levels[-1]:
                levels.append(live)
        return [_Graph(frozenset(live), ops) for live in levels]

    def _drawn(self, rows):
        """An option for each row, by the softmax of its weights."""
        below = softmax(rows).cumsum(axis=1) < self.rng.random((len(rows), 1))
        return np.minimum(below.sum(axis=1), rows.shape[1] - 1)

    def _operations(self, take):
        """One for every place, which `take` picks from the rows of weights."""
        if self.on_edges:
            return take(self.edges[:, : self.options])
        return take(self.vertices) if self.on_vertices else self.fixed


def _evaluate_front(session, meta, prune, score):
    """The weights are logged, levels of the pruned DAG are evaluated."""
    topology = meta.topology
    ops, weights = meta.likeliest()
    session.log(
        "meta_graph",
        edges=topology.edges,
        weights=weights.tolist(),
        ops=[topology.ops[op] for op in ops],
        on_edges=topology.on_edges,
        output=topology.output,
    )
    levels = [graph for graph in meta.pruned() if meta.arch(graph) is not None]
    for level in np.unique(np.linspace(0, len(levels) - 1, min(prune, len(levels))).astype(int)):
        arch = meta.arch(levels[level])
        reached = score(arch)
        session.log(
            "front",
            edges=len(levels[level].edges),
            score=reached,
            objective=session.ledger.evaluations[-1].score,
            macs=session.complexity(arch).macs,
        )


def _nearly_over(session, prune):
    """Whether what is left of the budget is what the front takes.

    Each level is taken to be as dear as the dearest evaluation.
    """
    budget, dearest = session.budget, max(done.cost_s for done in session.ledger.evaluations)
    few = budget.queries is not None and budget.queries - session.queries <= prune
    return few or (
        budget.seconds is not None and budget.seconds - session.clock_s <= prune * dearest
    )
