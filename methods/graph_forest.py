"""Graph forest: simple features of the graph, the plain control of predictor-guided search.

After GRAF (Kadlecova et al., ICML 2024, arXiv:2404.16551).

    D <- `initial` random distinct architectures, evaluated
    repeat until the budget ends:
        fit a forest to (features, validation error) of D; features: nodes, edges, how often each
          operation occurs; for each set of operations the length of the shortest and of the longest
          path through nodes of that set alone, and how many of these the input and the output touch
        C <- 200 mutants of the best 10, none in D, no two equal cells
        evaluate the 10 of the lowest predicted error, and add them to D

Deviations:
    - GRAF is a predictor; the loop around it is ours, that of our other predictor-guided methods.
    - Features are read from any space's graph, with sets of up to 2 operations and the set of all
      (the paper: all sets), and without the zero-cost scores that it adds in places.
    - The forest is scikit-learn's with 50 trees; candidates are ranked by the mean of the trees to
      6 decimals, equal ones in canonical order.
"""

from itertools import combinations

import numpy as np

from nasrepro.methods.nets.guided import errors, guided, mutants
from nasrepro.suite.registry import method


@method("graph_forest", paper="arXiv:2404.16551", initial=10, batch=10, pool=200, trees=50)
def search(session, rng, *, initial, batch, pool, trees):
    """Search guided by a random forest.

    Args:
        session: the search session.
        rng: random generator.
        initial: random architectures at the start.
        batch: architectures evaluated between two fits.
        pool: candidates.
        trees: of the forest.
    """
    from sklearn import config_context
    from sklearn.ensemble import RandomForestRegressor

    space = session.space

    def choose(done, candidates):
        graphs = [space.graph(arch) for arch in (*(each.arch for each in done), *candidates)]
        X = graph_features(graphs)
        forest = RandomForestRegressor(trees, random_state=int(rng.integers(2**31)))
        with config_context(assume_finite=True, skip_parameter_validation=True):
            forest.fit(X[: len(done)], errors(session, done))
            predicted = forest.predict(X[len(done) :]).round(6)
        ranked = sorted(range(len(candidates)), key=lambda row: (predicted[row], candidates[row]))
        return ranked[:batch]

    candidates = mutants(space, rng, size=pool)
    guided(session, rng, initial=initial, pool=candidates, choose=choose)


def graph_features(graphs):
    """Features of graphs, shape (n, features); 0 stands for the length of a missing path."""
    ops = sorted({op for graph in graphs for op in graph.ops[1:-1]})
    sets = [set(chosen) for size in (1, 2) for chosen in combinations(ops, size)]
    sets += [set(ops)] if len(ops) > 2 else []
    return np.array([_features(graph, ops, sets) for graph in graphs], dtype=float)


def _features(graph, ops, sets):
    adjacency, last = graph.adjacency.tolist(), len(graph.ops) - 1
    before = [[each for each in range(node) if adjacency[each][node]] for node in range(last + 1)]
    row = [last + 1, sum(map(sum, adjacency)), *(graph.ops.count(op) for op in ops)]
    for chosen in sets:
        inside = [op in chosen for op in graph.ops]
        shortest, longest = {0: 0}, {0: 0}
        for node in range(1, last + 1):
            reached = [each for each in before[node] if each in shortest]
            if reached and (inside[node] or node == last):
                shortest[node] = 1 + min(shortest[each] for each in reached)
                longest[node] = 1 + max(longest[each] for each in reached)
        fed = sum(adjacency[0][node] for node in range(last + 1) if inside[node])
        feeding = sum(adjacency[node][last] for node in range(last + 1) if inside[node])
        row += [shortest.get(last, 0), longest.get(last, 0), fed, feeding]
    return row
