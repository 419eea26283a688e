"""NAS-BOWL (Ru, Wan, Dong, Osborne; ICLR 2021, arXiv:2006.07556; their code: xingchenwan/nasbowl).

    D <- `initial` random distinct architectures, evaluated
    repeat until the budget ends:
        phi_i <- counts of the labels of an architecture's graph after i relabellings
          (Weisfeiler-Lehman)
        K_h(a, b) = sum over i <= h of <phi_i(a), phi_i(b)>, normalised to diagonal 1
        fit a Gaussian process with K_h to -log(validation error); h in {1, 2, 3} by likelihood
        C <- 200 mutants of the best 10, none in D, no two equal cells
        evaluate the 5 of the largest expected improvement, and add them to D

Deviations:
    - Follows the authors' code where it differs from the paper: what is to be improved is the
      observed value at the point of the highest posterior mean; of candidates with one and the same
      expected improvement one is taken.
    - The noise is the likeliest of 31 values in [1e-5, 0.01] (theirs: 20 steps of Adam within these
      bounds). Targets are standardised. Posterior variances are at least the noise, as in their
      code, but covariances of different points are left as they are.
    - A node's label takes in those of its successors. `none` is dropped and skips are contracted in
      every space, as they do on NAS-Bench-201.
    - `assignment` true is the optimal-assignment variant, which they use on NAS-Bench-101, where
      half of their candidates are random (`uniform` 0.5); the default is what they use on
      NAS-Bench-201.
    - A mutant changes 1.5 decisions on average, as in our BANANAS.
"""

import functools
from collections import Counter

import numpy as np

from nasrepro.methods.nets.guided import errors, guided, mutants
from nasrepro.methods.nets.kernel_process import best_improvements
from nasrepro.suite.registry import method

#: Operations that do nothing, and that nothing passes.
SKIPS, NONE = ("skip_connect", "identity"), "none"
HEIGHTS = (1, 2, 3)


@method(
    "nas_bowl",
    paper="arXiv:2006.07556",
    at_most={"uniform": 1},
    initial=10,
    batch=5,
    pool=200,
    uniform=0.0,
    assignment=False,
)
def search(session, rng, *, initial, batch, pool, uniform, assignment):
    """Bayesian optimisation with a Weisfeiler-Lehman kernel.

    Args:
        session: the search session.
        rng: random generator.
        initial: random architectures at the start.
        batch: architectures evaluated between two fits, at most.
        pool: candidates.
        uniform: share of random ones among them.
        assignment: whether the kernel sums minima of counts in place of their products.
    """
    space = session.space

    @functools.cache  # what was evaluated is in every fit
    def counted(arch):
        return label_counts(space.graph(arch), max(HEIGHTS))

    def choose(done, candidates):
        counts = [counted(arch) for arch in (*(each.arch for each in done), *candidates)]
        by_height = kernels(counts, assignment, len(done))
        y = -np.log(np.maximum(errors(session, done), 1e-3))
        return best_improvements([by_height[height] for height in HEIGHTS], y, candidates, batch)

    candidates = mutants(space, rng, size=pool, uniform=uniform)
    guided(session, rng, initial=initial, pool=candidates, choose=choose)


def label_counts(graph, height):
    """How often each label occurs after 0, 1, ..., `height` relabellings: a Counter for each."""
    adjacency, labels = _contracted(graph)
    successors = [np.flatnonzero(row).tolist() for row in adjacency]
    counts = [Counter(labels)]
    for _ in range(height):
        labels = [
            (label, tuple(sorted([labels[after] for after in successors[node]])))
            for node, label in enumerate(labels)
        ]
        counts.append(Counter(labels))
    return counts


def kernels(counts, assignment, known=None):
    """The normalised kernels of architectures by their `label_counts`, one for each height.

    Sums of minima of counts where `assignment`, which are inner products of a bit for the first,
    the second, ... occurrence of a label; else of products of counts. All are whole numbers, so
    that the order of the sums makes no difference.

    Returns:
        Kernels of the n architectures with the first `known` of them, shape (n, known); by default
        with all.
    """
    products, squares, made = 0.0, 0.0, []
    for level in range(len(counts[0])):
        columns: dict[object, int] = {}
        rows, places, values = [], [], []
        for row, of_one in enumerate(counts):
            for label, count in of_one[level].items():
                for key in [(label, time) for time in range(count)] if assignment else [label]:
                    rows.append(row)
                    places.append(columns.setdefault(key, len(columns)))
                    values.append(1 if assignment else count)
        features = np.zeros((len(counts), len(columns)))
        features[rows, places] = values
        products = products + features @ features[:known].T  # type: ignore[assignment]
        squares = squares + (features**2).sum(axis=1)
        lengths = np.sqrt(squares)
        made.append(products / np.outer(lengths, lengths[:known]))
    return made


def _contracted(graph):
    """Adjacency and operations of a graph without nodes that pass nothing, skips made edges."""
    adjacency, kept = graph.adjacency.copy(), list(range(len(graph.ops)))
    for node, op in enumerate(graph.ops):
        if op in SKIPS:
            adjacency |= np.outer(adjacency[:, node], adjacency[node])
        if op in SKIPS or op == NONE:
            kept.remove(node)
    return adjacency[np.ix_(kept, kept)], [graph.ops[node] for node in kept]
