"""Graphs of NAS-Bench-101 cells: pruning, canonical form, channels of vertices, enumeration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.space import Graph, Topology

OPS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")

CONV3, CONV1, POOL = range(3)

INPUT, OUTPUT = "input", "output"

VERTICES, MAX_EDGES, INNER = 7, 9, 5

#: Vertices of each edge bit of a code.
PAIRS = tuple(
    (source, target) for source in range(VERTICES) for target in range(source + 1, VERTICES)
)

#: The cell without its output: vertices 0 to 5, an operation on each but the input; the leaves feed
#: the output.
TOPOLOGY = Topology(tuple(pair for pair in PAIRS if pair[1] < VERTICES - 1), OPS, on_edges=False)

LABELS = tuple(product(range(len(OPS)), repeat=INNER))

Edges = tuple[int, ...]


def _bit(source: int, target: int) -> int:
    """Place of an edge in the number of a graph.

    Column by column, as in the benchmark's own enumeration.
    """
    return source + target * (target - 1) // 2


def live_edges(into: Sequence[int]) -> int:
    """Vertices on a path from the first to the last one, as a bit mask; 0 where there is no path.

    Args:
        into: for each vertex the bit mask of the vertices with an edge to it, all of them earlier
            ones.
    """
    reached = 1
    for vertex, sources in enumerate(into):
        if sources & reached:
            reached |= 1 << vertex
    needed = 1 << (len(into) - 1)
    for vertex in reversed(range(len(into))):
        if needed >> vertex & 1:
            needed |= into[vertex]
    return reached & needed if reached >> (len(into) - 1) & 1 else 0


@lru_cache(maxsize=1 << 16)
def pruned(edges: Edges) -> tuple[int, Edges]:
    """Live vertices and the edges between them.

    The vertices are a bit mask, 0 where input and output are not connected.
    """
    into = [0] * VERTICES
    for (source, target), there in zip(PAIRS, edges, strict=True):
        if there:
            into[target] |= 1 << source
    live = live_edges(into)
    return live, tuple(
        there and live >> source & live >> target & 1
        for (source, target), there in zip(PAIRS, edges, strict=True)
    )


@cache
def _orders() -> tuple[tuple[int, ...], ...]:
    """All orders of the inner vertices: the old vertex at each of the places 1 to 5."""
    return tuple(permutations(range(1, VERTICES - 1)))


@cache
def _relabelled() -> NDArray[np.float64]:
    """What an edge adds to the number of a graph in each order of its vertices, shape (21, 120).

    So `edges @ _relabelled()` is the number of a graph in all orders at once; an order in which an
    edge runs backwards gives more than any number. All values are whole and below 2**53, so floats
    (and BLAS) are exact.
    """
    table = np.empty((len(PAIRS), len(_orders())))
    for column, order in enumerate(_orders()):
        place = {
            0: 0,
            VERTICES - 1: VERTICES - 1,
            **{old: new for new, old in enumerate(order, start=1)},
        }
        for row, (source, target) in enumerate(PAIRS):
            first, second = place[source], place[target]
            table[row, column] = 2.0 ** _bit(first, second) if first < second else 2.0**40
    return table


@lru_cache(maxsize=1 << 16)
def canonical_graph(live: int, edges: Edges) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """Smallest number of a pruned graph over all orders of its vertices, and such orders.

    The orders are those that give that number (0 for a dead vertex).

    That number is of the graph that the benchmark's enumeration met first, with its dead
    vertices, if any, at the end.
    """
    numbers = np.array(edges, dtype=np.float64) @ _relabelled()
    smallest = numbers.min()
    orders = {
        tuple(old if live >> old & 1 else 0 for old in _orders()[i])
        for i in np.flatnonzero(numbers == smallest)
    }
    return int(smallest), tuple(orders)


@lru_cache(maxsize=1 << 16)
def edges_of(graph: int) -> Edges:
    """Edge bits of a graph's number."""
    return tuple(graph >> _bit(source, target) & 1 for source, target in PAIRS)


def enumerate_cells(vertices: int = VERTICES) -> NDArray[np.int64]:
    """Numbers (`Dag101.number`) of all distinct cells of up to `vertices` vertices, ascending.

    Half a second for all 7.

    The order is that in which the benchmark's own enumeration meets them: by vertices, graph,
    operations. A graph is kept if no relabelling has a smaller number; operations are kept if none
    of the graph's symmetries makes them smaller.
    """
    labels = np.array(LABELS)
    weights = len(OPS) ** np.arange(INNER)[::-1]
    relabelled_ops = np.stack(
        [labels[:, np.array(order) - 1] @ weights for order in _orders()]
    )  # (120, 243)
    found = []
    for size in range(2, vertices + 1):
        numbers = np.arange(1 << (size * (size - 1) // 2))
        columns = [numbers >> _bit(0, target) & ((1 << target) - 1) for target in range(1, size)]
        sources = np.bitwise_or.reduce(columns)
        numbers = numbers[
            np.all(columns, axis=0) & (sources == (1 << (size - 1)) - 1)
        ]  # every vertex on a path
        shift = _bit(0, size - 1)
        graphs = numbers & ((1 << shift) - 1) | numbers >> shift << _bit(0, VERTICES - 1)
        edges = np.stack([graphs >> _bit(*pair) & 1 for pair in PAIRS], axis=1)
        few = edges.sum(1) <= MAX_EDGES
        in_all_orders = edges[few].astype(np.float64) @ _relabelled()
        own_labels = np.arange(0, len(LABELS), len(OPS) ** (VERTICES - size))
        for graph, in_orders in zip(graphs[few], in_all_orders, strict=True):
            if in_orders.min() == graph:
                symmetries = relabelled_ops[in_orders == graph][:, own_labels]
                kept = own_labels[(symmetries >= own_labels).all(0)]
                found.append((size << len(PAIRS) | int(graph)) * len(LABELS) + kept)
    return np.concatenate(found)


def code_of(number: int) -> tuple[int, ...]:
    """Edges and operations of the canonical cell with a number: see `cells`."""
    graph, label = divmod(int(number), len(LABELS))
    return edges_of(graph & (1 << len(PAIRS)) - 1) + LABELS[label]


@cache
def cells() -> NDArray[np.int64]:
    """Codes of all cells, sorted; computed once per process."""
    return enumerate_cells()


def vertex_channels(matrix: NDArray[np.bool_], channels: int) -> list[int]:
    """Channels of the inner vertices in a cell of `channels` outputs, the benchmark's own rule.

    Those that feed the output share its channels, the first ones taking the remainder; any other
    has the most of those that it feeds.

    Args:
        matrix: adjacency of a pruned cell, (V, V).
        channels: of the cell's output.
    """
    last = len(matrix) - 1
    width = [0] * last
    feeding = [vertex for vertex in range(1, last) if matrix[vertex, last]]
    for place, vertex in enumerate(feeding):
        width[vertex] = channels // len(feeding) + (place < channels % len(feeding))
    for vertex in reversed(range(1, last)):
        if not matrix[vertex, last]:
            width[vertex] = max(
                width[after] for after in range(vertex + 1, last) if matrix[vertex, after]
            )
    return width[1:]


def graph_of(edges: Edges, ops: Sequence[int]) -> Graph:
    """The pruned graph, without its dead vertices."""
    live, kept = pruned(edges)
    vertices = [vertex for vertex in range(VERTICES) if live >> vertex & 1]
    matrix = np.zeros((VERTICES, VERTICES), dtype=bool)
    matrix[np.triu_indices(VERTICES, 1)] = kept
    return Graph(
        (INPUT, *(OPS[ops[vertex - 1]] for vertex in vertices[1:-1]), OUTPUT),
        matrix[np.ix_(vertices, vertices)],
    )
