"""The NAS-Bench-101 cell space (arXiv:1902.09635): DAGs of up to 7 vertices and 9 edges with an operation per vertex.

A code is the upper triangle of the 7 x 7 adjacency matrix, row by row (21 bits), then the operations of vertices 1 to 5.
Vertices on no path from input (0) to output (6) are pruned, and only what is left counts: a code is an architecture if
its input reaches its output and at most 9 edges remain. Pruned cells that are relabellings of each other are one cell;
423,624 distinct ones remain, which is what `len`, `at` and `index` count.

The network is a 3x3 stem of 128 channels, three stacks of three cells with 2x2 max-pooling and twice the channels from
one stack to the next, global average pooling and a linear classifier. Every convolution has a batch norm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache, lru_cache
from itertools import permutations, product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import InvalidArch, UnknownName
from suite.space import Arch, Complexity, ConfinedSpace, Graph, Growth, SearchSpace, Topology

if TYPE_CHECKING:
    from torch import nn

OPS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
CONV3, CONV1, POOL = range(3)
INPUT, OUTPUT = "input", "output"
VERTICES, MAX_EDGES, INNER = 7, 9, 5
#: Vertices of each edge bit of a code.
PAIRS = tuple((source, target) for source in range(VERTICES) for target in range(source + 1, VERTICES))
#: The cell without its output: vertices 0 to 5, an operation on each but the input; the leaves feed the output.
TOPOLOGY = Topology(tuple(pair for pair in PAIRS if pair[1] < VERTICES - 1), OPS, on_edges=False)
#: Distinct cells, as published and as `enumerate_cells` finds.
DISTINCT = 423_624

_LABELS = tuple(product(range(len(OPS)), repeat=INNER))
_FORM = "0110/0001/0001/0000;input,conv3x3-bn-relu,maxpool3x3,output"
Edges = tuple[int, ...]


def _bit(source: int, target: int) -> int:
    """Place of an edge in the number of a graph: column by column, as in the benchmark's own enumeration."""
    return source + target * (target - 1) // 2


# -- graphs ------------------------------------------------------------------------------------------------
def _live(into: Sequence[int]) -> int:
    """Vertices on a path from the first to the last one, as a bit mask; 0 where there is no path.

    Args:
        into: for each vertex the bit mask of the vertices with an edge to it, all of them earlier ones.
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
def _pruned(edges: Edges) -> tuple[int, Edges]:
    """Live vertices (bit mask, 0 where input and output are not connected) and the edges between them."""
    into = [0] * VERTICES
    for (source, target), there in zip(PAIRS, edges, strict=True):
        if there:
            into[target] |= 1 << source
    live = _live(into)
    return live, tuple(there and live >> source & live >> target & 1 for (source, target), there in zip(PAIRS, edges, strict=True))


@cache
def _orders() -> tuple[tuple[int, ...], ...]:
    """All orders of the inner vertices: the old vertex at each of the places 1 to 5."""
    return tuple(permutations(range(1, VERTICES - 1)))


@cache
def _relabelled() -> NDArray[np.float64]:
    """What an edge adds to the number of a graph in each order of its vertices, shape (21, 120).

    So `edges @ _relabelled()` is the number of a graph in all orders at once; an order in which an edge runs
    backwards gives more than any number. All values are whole and below 2**53, so floats (and BLAS) are exact.
    """
    table = np.empty((len(PAIRS), len(_orders())))
    for column, order in enumerate(_orders()):
        place = {0: 0, VERTICES - 1: VERTICES - 1, **{old: new for new, old in enumerate(order, start=1)}}
        for row, (source, target) in enumerate(PAIRS):
            first, second = place[source], place[target]
            table[row, column] = 2.0 ** _bit(first, second) if first < second else 2.0**40
    return table


@lru_cache(maxsize=1 << 16)
def _canonical_graph(live: int, edges: Edges) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """Smallest number of a pruned graph over all orders of its vertices, and the orders that give it (0 for a dead vertex).

    It is the graph that the benchmark's enumeration met first, with its dead vertices, if any, at the end.
    """
    numbers = np.array(edges, dtype=np.float64) @ _relabelled()
    smallest = numbers.min()
    orders = {tuple(old if live >> old & 1 else 0 for old in _orders()[i]) for i in np.flatnonzero(numbers == smallest)}
    return int(smallest), tuple(orders)


@lru_cache(maxsize=1 << 16)
def _edges_of(graph: int) -> Edges:
    """Edge bits of a graph's number."""
    return tuple(graph >> _bit(source, target) & 1 for source, target in PAIRS)


def enumerate_cells(vertices: int = VERTICES) -> NDArray[np.int64]:
    """Numbers (`Dag101.number`) of all distinct cells of up to `vertices` vertices, ascending; half a second for all 7.

    The order is that in which the benchmark's own enumeration meets them: by vertices, graph, operations. A graph is
    kept if no relabelling has a smaller number; operations are kept if none of the graph's symmetries makes them smaller.
    """
    labels = np.array(_LABELS)
    weights = len(OPS) ** np.arange(INNER)[::-1]
    relabelled_ops = np.stack([labels[:, np.array(order) - 1] @ weights for order in _orders()])  # (120, 243)
    found = []
    for size in range(2, vertices + 1):
        numbers = np.arange(1 << (size * (size - 1) // 2))
        columns = [numbers >> _bit(0, target) & ((1 << target) - 1) for target in range(1, size)]
        sources = np.bitwise_or.reduce(columns)
        numbers = numbers[np.all(columns, axis=0) & (sources == (1 << (size - 1)) - 1)]  # every vertex on a path
        shift = _bit(0, size - 1)
        graphs = numbers & ((1 << shift) - 1) | numbers >> shift << _bit(0, VERTICES - 1)
        edges = np.stack([graphs >> _bit(*pair) & 1 for pair in PAIRS], axis=1)
        few = edges.sum(1) <= MAX_EDGES
        in_all_orders = edges[few].astype(np.float64) @ _relabelled()
        own_labels = np.arange(0, len(_LABELS), len(OPS) ** (VERTICES - size))
        for graph, in_orders in zip(graphs[few], in_all_orders, strict=True):
            if in_orders.min() == graph:
                symmetries = relabelled_ops[in_orders == graph][:, own_labels]
                kept = own_labels[(symmetries >= own_labels).all(0)]
                found.append((size << len(PAIRS) | int(graph)) * len(_LABELS) + kept)
    return np.concatenate(found)


@cache
def _cells() -> NDArray[np.int64]:
    return enumerate_cells()


# -- sizes -------------------------------------------------------------------------------------------------
def vertex_channels(matrix: NDArray[np.bool_], channels: int) -> list[int]:
    """Channels of the inner vertices in a cell of `channels` outputs, the benchmark's own rule.

    Those that feed the output share its channels, the first ones taking the remainder; any other has the most of those
    that it feeds.

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
            width[vertex] = max(width[after] for after in range(vertex + 1, last) if matrix[vertex, after])
    return width[1:]


@lru_cache(maxsize=1 << 15)
def _widths(graph: int, inputs: int, channels: int) -> tuple[int, int, tuple[int, ...]]:
    """Weights and batch-norm parameters of the projections of a canonical graph, and the channels of its inner vertices."""
    matrix = _graph(_edges_of(graph), (0,) * INNER).adjacency
    widths = vertex_channels(matrix, channels)
    projected = [width for there, width in zip(matrix[0, 1:], [*widths, channels], strict=True) if there]
    return inputs * sum(projected), 2 * sum(projected), tuple(widths)


def _cell_sizes(graph: int, ops: Sequence[int], inputs: int, channels: int) -> tuple[int, int]:
    """Convolution weights and batch-norm parameters of a canonical cell; whatever its input feeds gets it through a 1x1 convolution."""
    weights, norms, widths = _widths(graph, inputs, channels)
    for op, width in zip(ops, widths, strict=False):  # dead vertices stand at the end
        if op != POOL:
            weights += (9 if op == CONV3 else 1) * width**2
            norms += 2 * width
    return weights, norms


def _graph(edges: Edges, ops: Sequence[int]) -> Graph:
    """The pruned graph, without its dead vertices."""
    live, kept = _pruned(edges)
    vertices = [vertex for vertex in range(VERTICES) if live >> vertex & 1]
    matrix = np.zeros((VERTICES, VERTICES), dtype=bool)
    matrix[np.triu_indices(VERTICES, 1)] = kept
    return Graph((INPUT, *(OPS[ops[vertex - 1]] for vertex in vertices[1:-1]), OUTPUT), matrix[np.ix_(vertices, vertices)])


# -- the space ---------------------------------------------------------------------------------------------
class Dag101(SearchSpace):
    """423,624 distinct cells, written by many more codes.

    Args:
        channels: of the stem and the first stack.
        stacks: number of stacks.
        modules: cells per stack.
        in_channels: channels of the image.
    """

    name = "dag101"
    cardinalities = (2,) * len(PAIRS) + (len(OPS),) * INNER
    decisions = (*(f"{source}->{target}" for source, target in PAIRS), *(f"op {vertex}" for vertex in range(1, VERTICES - 1)))

    def __init__(self, *, channels: int = 128, stacks: int = 3, modules: int = 3, in_channels: int = 3) -> None:
        self.channels, self.stacks, self.modules, self.in_channels = channels, stacks, modules, in_channels

    def __len__(self) -> int:
        """Distinct cells."""
        return DISTINCT

    # -- names -------------------------------------------------------------------------------------------
    def check(self, arch: Arch) -> None:
        """Raise InvalidArch unless `arch` is a code whose pruned graph the benchmark has."""
        super().check(arch)
        live, edges = _pruned(arch.code[: len(PAIRS)])
        if not live:
            raise InvalidArch(f"{self.name}: no path leads from input to output in code {arch.code}")
        if sum(edges) > MAX_EDGES:
            raise InvalidArch(f"{self.name}: {sum(edges)} edges are left after pruning code {arch.code}, at most {MAX_EDGES} are allowed")

    def from_spec(self, matrix: Any, ops: Sequence[str]) -> Arch:
        """The architecture of the benchmark's `ModelSpec(matrix, ops)`.

        Args:
            matrix: adjacency, (V, V), zeros and ones of any type, upper triangular; V of any size if 7 are left after pruning.
            ops: V names: "input", operations, "output".

        Raises:
            InvalidArch, UnknownName: not such a specification, or outside the space.
        """
        try:
            given = np.asarray(matrix)
        except ValueError as error:
            raise InvalidArch(f"{self.name}: the adjacency matrix has rows of different lengths") from error
        names = list(ops)
        size = len(names)
        if given.shape != (size, size) or size < 2:
            raise InvalidArch(
                f"{self.name}: adjacency matrix of shape {given.shape} for {size} operations, expected (V, V) and V, V at least 2"
            )
        if not np.isin(given, (0, 1)).all():
            raise InvalidArch(f"{self.name}: adjacency matrix {given.tolist()} has other values than 0 and 1")
        there = given.astype(bool)
        if np.tril(there).any():
            raise InvalidArch(f"{self.name}: adjacency matrix {there.astype(int).tolist()} is not strictly upper triangular")
        if names[0] != INPUT or names[-1] != OUTPUT:
            raise InvalidArch(f"{self.name}: operations {names} must begin with {INPUT!r} and end with {OUTPUT!r}")
        for name in names[1:-1]:
            if name not in OPS:
                raise UnknownName(f"operation of {self.name}:", name, OPS)
        if size > VERTICES:
            live = _live([sum(1 << int(source) for source in np.flatnonzero(column)) for column in there.T])
            kept = [vertex for vertex in range(size) if live >> vertex & 1]
            if not kept or len(kept) > VERTICES:
                raise InvalidArch(f"{self.name}: {len(kept)} vertices are left after pruning of {size}, expected 2 to {VERTICES}")
            return self.from_spec(there[np.ix_(kept, kept)], [names[vertex] for vertex in kept])
        whole = np.zeros((VERTICES, VERTICES), dtype=int)  # the output goes to the last place, the others keep theirs
        places = [*range(size - 1), VERTICES - 1]
        whole[np.ix_(places, places)] = there
        labels = [OPS.index(name) for name in names[1:-1]]
        return self.arch([*whole[np.triu_indices(VERTICES, 1)], *labels, *[0] * (INNER - len(labels))])

    def parse(self, text: str) -> Arch:
        """Read rows of the matrix and operations, `0110/0001/0001/0000;input,...,output`, or a module hash of 32 hexadecimal digits.

        Raises:
            InvalidArch, UnknownName: the text names no architecture of the space.
            DataMissing: a hash, where the hashes have not been computed yet; the message has the command.
        """
        from oracles.spaces.hash101 import find, is_hash

        if is_hash(text.strip()):
            return self.at(int(find([text.strip()])[0]))
        matrix, separator, ops = text.strip().partition(";")
        rows = [row.strip() for row in matrix.split("/")]
        if not separator or any(set(row) - {"0", "1"} or len(row) != len(rows) for row in rows):
            raise InvalidArch(f"{self.name}: {text!r} must be a square matrix and as many operations, as in {_FORM}; or a module hash")
        return self.from_spec([[int(value) for value in row] for row in rows], [op.strip() for op in ops.split(",")])

    def format(self, arch: Arch) -> str:
        """Matrix and operations as `parse` reads them, pruned or not; without the last inner vertices where they have no edge."""
        self.check(arch)
        edges, ops = arch.code[: len(PAIRS)], arch.code[len(PAIRS) :]
        matrix = np.zeros((VERTICES, VERTICES), dtype=int)
        matrix[np.triu_indices(VERTICES, 1)] = edges
        inner = INNER
        while inner and not (ops[inner - 1] or matrix[inner].any() or matrix[:, inner].any()):
            inner -= 1
        kept = [*range(inner + 1), VERTICES - 1]
        rows = ("".join(map(str, row)) for row in matrix[np.ix_(kept, kept)].tolist())
        return f"{'/'.join(rows)};{','.join((INPUT, *(OPS[option] for option in ops[:inner]), OUTPUT))}"

    def module_hash(self, arch: Arch) -> str:
        """The benchmark's hash of a cell, the key of its files."""
        from oracles.spaces.hash101 import module_hash

        self.check(arch)
        graph = _graph(arch.code[: len(PAIRS)], arch.code[len(PAIRS) :])
        return module_hash(graph.adjacency, [-1, *(OPS.index(op) for op in graph.ops[1:-1]), -2])

    def number(self, arch: Arch) -> int:
        """A number that is the same for all codes of a cell: its vertices, canonical graph and operations, mixed radix."""
        vertices, graph, ops = self._canonical(arch)
        number = vertices << len(PAIRS) | graph
        for option in ops:
            number = number * len(OPS) + option
        return number

    def numbered(self, number: int) -> Arch:
        """The canonical form with that number."""
        graph, label = divmod(int(number), len(_LABELS))
        return Arch(self.name, _edges_of(graph & (1 << len(PAIRS)) - 1) + _LABELS[label])

    def at(self, index: int) -> Arch:
        """The canonical form of the cell that is `index`-th in the order of the benchmark's enumeration."""
        return self.numbered(int(_cells()[self._check_index(index)]))

    def index(self, arch: Arch) -> int:
        """Place of a cell in the benchmark's enumeration, the same for all its codes."""
        return int(np.searchsorted(_cells(), self.number(arch)))

    def __iter__(self) -> Iterator[Arch]:
        """The canonical form of every distinct cell, by index."""
        return map(self.numbered, _cells().tolist())

    # -- equivalences ------------------------------------------------------------------------------------
    def canonical(self, arch: Arch) -> Arch:
        """The graph and operations that the benchmark's enumeration met first among all relabellings of the pruned cell.

        It is the one that was trained: where channels do not divide evenly, the order of vertices decides who gets one more.
        """
        _, graph, ops = self._canonical(arch)
        return Arch(self.name, _edges_of(graph) + ops)

    def _canonical(self, arch: Arch) -> tuple[int, int, tuple[int, ...]]:
        """Number of live vertices, number of the canonical graph, and its operations."""
        self.check(arch)
        live, edges = _pruned(arch.code[: len(PAIRS)])
        graph, orders = _canonical_graph(live, edges)
        ops = (0, *arch.code[len(PAIRS) :])
        return live.bit_count(), graph, min(tuple(ops[old] for old in order) for order in orders)

    def live(self, arch: Arch) -> Arch:
        """The cell without the edges and operations of pruned vertices, the others in their places."""
        self.check(arch)
        live, edges = _pruned(arch.code[: len(PAIRS)])
        ops = (option if live >> vertex & 1 else 0 for vertex, option in enumerate(arch.code[len(PAIRS) :], start=1))
        return Arch(self.name, (*edges, *ops))

    # -- moving about ------------------------------------------------------------------------------------
    def sample(self, rng: np.random.Generator) -> Arch:
        """Uniform over valid codes, as the benchmark's authors sample: random edges and operations until valid.

        So it is not uniform over cells: cells of 2 to 7 vertices come up in 10, 20, 28, 30, 12 and 0.3 % of the draws,
        while 85 % of the distinct cells have 7. `space.at(rng.integers(len(space)))` is uniform over cells.
        """
        while True:
            arch = super().sample(rng)
            if self._is_valid(arch):
                return arch

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """Valid codes with one edge flipped or one operation changed that are another cell; several may be the same one.

        One flip cannot make a vertex live that has no edge, so cells grow only from codes with edges that are pruned.
        """
        own = self._canonical(arch)
        return tuple(near for near in super().neighbours(arch) if self._is_valid(near) and self._canonical(near) != own)

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """The mutation of the benchmark's demo, so more than one step: a child is rarely among the `neighbours`.

        Each edge flips with probability 1/7, each operation becomes another one with probability 1/5; drawn again while
        invalid or (unlike there, one child in 80) unchanged.
        """
        self.check(arch)
        code, options = np.array(arch.code), np.array(self.cardinalities)
        chances = np.repeat([1 / VERTICES, 1 / INNER], [len(PAIRS), INNER])
        while True:
            step = rng.integers(1, options) * (rng.random(len(options)) < chances)
            child = Arch(self.name, tuple(((code + step) % options).tolist()))
            if step.any() and self._is_valid(child):
                return child

    def _is_valid(self, arch: Arch) -> bool:
        live, edges = _pruned(arch.code[: len(PAIRS)])
        return bool(live) and sum(edges) <= MAX_EDGES

    # -- structure ---------------------------------------------------------------------------------------
    def graph(self, arch: Arch) -> Graph:
        """The pruned cell, 2 to 7 vertices in their own order: what the benchmark builds."""
        self.check(arch)
        return _graph(arch.code[: len(PAIRS)], arch.code[len(PAIRS) :])

    def topology(self) -> Topology:
        """Operations on the vertices 1 to 5; every leaf among the vertices 0 to 5 has an edge to the output."""
        return TOPOLOGY

    def wired(self, kept: Collection[int], ops: Sequence[int]) -> Arch:
        """The cell of the live ones of the kept edges; raises InvalidArch where they and those of the leaves are more than 9."""
        live = [TOPOLOGY.edges[edge] for edge in TOPOLOGY.live(kept)]
        reached = {0, *(target for _, target in live)}
        leaves = reached - {source for source, _ in live}
        there = {*live, *((leaf, VERTICES - 1) for leaf in leaves)}
        labels = [ops[vertex - 1] if vertex in reached else 0 for vertex in range(1, VERTICES - 1)]
        return self.arch([*(pair in there for pair in PAIRS), *labels])

    def growth(self) -> tuple[Growth, ...]:
        """Vertex by vertex, from one inner vertex to five; the newest goes to the output. Every partial cell is a cell of the benchmark."""
        steps: list[Growth] = []
        for newest in range(1, INNER + 1):
            free = [PAIRS.index((source, newest)) for source in range(newest)]
            free.append(PAIRS.index((newest - 1, VERTICES - 1)))  # whether the one before it, now inner, still goes to the output
            free.append(len(PAIRS) + newest - 1)
            rest = [0] * len(self.cardinalities)
            rest[PAIRS.index((newest, VERTICES - 1))] = 1
            steps.append(Growth(tuple(free), (*(steps[-1].taken if steps else ()), *free), tuple(rest)))
        return tuple(steps)

    def traffic(self, arch: Arch, *, classes: int, size: int) -> int:
        """Bytes moved by the built network, of the cell's canonical form."""
        from oracles.spaces.traffic import counted_traffic

        return counted_traffic(self, self.canonical(arch), self.in_channels, classes, size)

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs of the network that the benchmark trained for this cell (its canonical form).

        MACs count convolutions (projections included) and the classifier's weights.
        """
        _, graph, ops = self._canonical(arch)
        weights = 9 * self.in_channels * self.channels
        params, macs = weights + 2 * self.channels, weights * size**2
        inputs = width = self.channels
        side = size
        for stack in range(self.stacks):
            if stack:
                side, width = -(-side // 2), 2 * width
            for cells, given in ((1, inputs), (self.modules - 1, width)):
                weights, norms = _cell_sizes(graph, ops, given, width)
                params += cells * (weights + norms)
                macs += cells * weights * side**2
            inputs = width
        return Complexity(params + (width + 1) * classes, macs + width * classes)

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The network that the benchmark trained for this cell (its canonical form), with PyTorch's default initialisation."""
        from oracles.spaces.net101 import Network101

        cell = self.graph(self.canonical(arch))
        sizes = {"channels": self.channels, "stacks": self.stacks, "modules": self.modules, "in_channels": self.in_channels}
        return Network101(cell, classes=classes, **sizes)


class Part101(ConfinedSpace):
    """The cells that a table has; any code of such a cell is inside.

    Args:
        whole: the space.
        archs: canonical forms, by row.
    """

    def _has(self, arch: Arch) -> bool:
        return self.whole.canonical(arch) in self._inside

    def check(self, arch: Arch) -> None:
        """Raise InvalidArch unless the table has the cell."""
        if not self._has(arch):
            raise InvalidArch(f"{self.format(arch)} is not among the {len(self):,} cells of {self.name} that this table has")

    def growth(self) -> tuple[Growth, ...]:
        """As in the whole space, up to the largest cells that the table has."""
        edges = np.array([arch.code[: len(PAIRS)] for arch in self], dtype=bool)
        from_vertex = np.array([source for source, _ in PAIRS])
        largest = max(int(vertex) for vertex in range(INNER + 1) if edges[:, from_vertex == vertex].any())
        return self.whole.growth()[: max(1, largest)]

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """Those neighbours in the whole space that the table has; there may be none."""
        return tuple(near for near in self.whole.neighbours(arch) if self._has(near))

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """The whole space's mutation, drawn again until it gives another cell that the table has.

        A uniform sample where a thousand mutations gave none.
        """
        own = self.whole.canonical(arch)
        for _ in range(1000):
            child = self.whole.mutate(arch, rng)
            cell = self.whole.canonical(child)
            if cell != own and cell in self._inside:
                return child
        return self.sample(rng)
