"""Cells that are subgraphs of a complete DAG with an operation on each node.

All leaves together make the output.

What AutoShrink's cells share (arXiv:1911.09251), convolutional and recurrent ones. A cell has N
nodes in order; node 0 is its input and has no operation. A code is the upper triangle of the
adjacency matrix, row by row, then the operation of each node 1 .. N-1. Nodes that the input does
not reach are dropped, and the nodes without a way on, the leaves, feed the output, so every code is
a cell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np

from nasrepro.suite.errors import InvalidArch, UnknownName
from nasrepro.suite.space import Arch, Graph, SearchSpace, Topology

INPUT, OUTPUT = "input", "output"


class LeafDag(SearchSpace):
    """Cells of `nodes` nodes; a subclass adds the network around them, its size, and `build`.

    Args:
        name: of the space.
        nodes: N, the input included.
        ops: names of the operations that a node can have.
    """

    def __init__(self, name: str, nodes: int, ops: Sequence[str]) -> None:
        self.name, self.nodes, self.ops = name, nodes, tuple(ops)
        pairs = tuple(
            (source, target) for source in range(nodes) for target in range(source + 1, nodes)
        )
        self._topology = Topology(pairs, self.ops, on_edges=False)
        self.cardinalities = (2,) * len(pairs) + (len(self.ops),) * (nodes - 1)
        self.decisions = (
            *(f"{source}->{target}" for source, target in pairs),
            *(f"op {node}" for node in range(1, nodes)),
        )

    # -- names -------------------------------------------------------------------------------------
    def parse(self, text: str) -> Arch:
        """Read edges and the operations of nodes 1, 2, ...: `0-1,0-2,1-2;tanh,relu`.

        Nodes behind them have no edge.
        """
        edges, separator, ops = text.strip().partition(";")
        pairs = self._topology.edges
        listed = [edge.strip() for edge in edges.split(",") if edge.strip()]
        names = [op.strip() for op in ops.split(",") if op.strip()]
        if (
            not separator
            or len(names) > self.nodes - 1
            or not all(re.fullmatch(r"[0-9]{1,3}-[0-9]{1,3}", edge) for edge in listed)
        ):
            form = f"0-1,0-2,1-2;{self.ops[0]},{self.ops[-1]}"
            raise InvalidArch(
                f"{self.name}: {text!r} must be edges and at most {self.nodes - 1} operations, as "
                f"in {form}"
            )
        found = [
            (int(source), int(target)) for source, target in (edge.split("-") for edge in listed)
        ]
        for pair in found:
            if pair not in pairs or pair[1] > len(names):
                raise InvalidArch(
                    f"{self.name}: edge {pair[0]}-{pair[1]} of {text!r} must lead to a later one "
                    f"of its {len(names) + 1} nodes"
                )
        for name in names:
            if name not in self.ops:
                raise UnknownName(f"operation of {self.name}:", name, self.ops)
        labels = [self.ops.index(name) for name in names]
        return self.arch(
            [*(pair in found for pair in pairs), *labels, *[0] * (self.nodes - 1 - len(labels))]
        )

    def format(self, arch: Arch) -> str:
        """Edges and operations as `parse` reads them.

        Without the last nodes where they have no edge and the first operation.
        """
        self.check(arch)
        kept, ops = self._parts(arch)
        edges = [self._topology.edges[edge] for edge in kept]
        shown = max(
            [target for _, target in edges]
            + [node for node, op in enumerate(ops, start=1) if op]
            + [0]
        )
        return (
            f"{','.join(f'{source}-{target}' for source, target in edges)};"
            f"{','.join(self.ops[op] for op in ops[:shown])}"
        )

    def _parts(self, arch: Arch) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Kept edges, as indices, and the operation of each node."""
        edges = len(self._topology.edges)
        return tuple(edge for edge in range(edges) if arch.code[edge]), arch.code[edges:]

    # -- equivalences ------------------------------------------------------------------------------
    def live(self, arch: Arch) -> Arch:
        """The cell without the edges and operations of nodes that the input does not reach."""
        self.check(arch)
        return self.wired(*self._parts(arch))

    def live_edges(self, arch: Arch) -> tuple[tuple[int, int], ...]:
        """(source, target) of each edge of the live cell."""
        self.check(arch)
        return tuple(
            self._topology.edges[edge] for edge in self._topology.live(self._parts(arch)[0])
        )

    def canonical(self, arch: Arch) -> Arch:
        """The live cell in its canonical order of nodes.

        The order makes (edges into a node, operation), node by node, smallest; dead nodes are last.
        """
        edges, ops = self.live_edges(arch), self._parts(arch)[1]
        into: dict[int, set[int]] = {}
        for source, target in edges:
            into.setdefault(target, set()).add(source)
        order = _smallest_order(
            tuple(
                (node, frozenset(sources), ops[node - 1]) for node, sources in sorted(into.items())
            )
        )
        place = {0: 0, **{node: number for number, node in enumerate(order, start=1)}}
        there = {
            (place[source], place[node]) for node, sources in into.items() for source in sources
        }
        labels = [ops[node - 1] for node in order]
        return self.arch(
            [
                *(pair in there for pair in self._topology.edges),
                *labels,
                *[0] * (self.nodes - 1 - len(labels)),
            ]
        )

    # -- structure ---------------------------------------------------------------------------------
    def topology(self) -> Topology:
        """Operations on the nodes but the input, all edges between nodes, the leaves the output."""
        return self._topology

    def wired(self, kept: Collection[int], ops: Sequence[int]) -> Arch:
        """The cell of the live ones of the kept edges; without any, the output is the input."""
        live = self._topology.live(kept)
        reached = {self._topology.edges[edge][1] for edge in live}
        labels = [op if node in reached else 0 for node, op in enumerate(ops, start=1)]
        return self.arch([*(edge in live for edge in range(len(self._topology.edges))), *labels])

    def graph(self, arch: Arch) -> Graph:
        """The live cell: input, live nodes, and a vertex that the leaves feed."""
        edges, ops = self.live_edges(arch), self._parts(arch)[1]
        nodes = sorted({0, *(target for _, target in edges)})
        matrix = np.zeros((len(nodes) + 1,) * 2, dtype=bool)
        for source, target in edges:
            matrix[nodes.index(source), nodes.index(target)] = True
        matrix[~matrix.any(1), -1] = True
        matrix[-1, -1] = False
        return Graph((INPUT, *(self.ops[ops[node - 1]] for node in nodes[1:]), OUTPUT), matrix)


@lru_cache(maxsize=1 << 14)
def _smallest_order(nodes: tuple[tuple[int, frozenset[int], int], ...]) -> tuple[int, ...]:
    """Nodes in the order that makes the list of (places of the sources, operation) smallest.

    Each node is behind its sources.

    Place by place the smallest description is taken; where several nodes share it, all of them are
    followed.

    Args:
        nodes: (node, its sources, its operation); node 0 is placed.
    """
    found: list[tuple[int, ...]] = [(0,)]  # all orders so far with the same, smallest, descriptions
    for _ in nodes:
        options = []
        for order in found:
            place = {node: number for number, node in enumerate(order)}
            options += [
                ((tuple(sorted(place[source] for source in sources)), op), (*order, node))
                for node, sources, op in nodes
                if node not in place and sources <= place.keys()
            ]
        smallest = min(description for description, _ in options)
        found = [order for description, order in options if description == smallest]
    return found[0][1:]
