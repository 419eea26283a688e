"""The NAS-Bench-101 cell space (arXiv:1902.09635).

DAGs of up to 7 vertices and 9 edges with an operation per vertex.

A code is the upper triangle of the 7 x 7 adjacency matrix, row by row (21 bits), then the
operations of vertices 1 to 5. Vertices on no path from input (0) to output (6) are pruned, and only
what is left counts: a code is an architecture if its input reaches its output and at most 9 edges
remain. Pruned cells that are relabellings of each other are one cell; 423,624 distinct ones remain,
which is what `len`, `at` and `index` count.

The network is a 3x3 stem of 128 channels, three stacks of three cells with 2x2 max-pooling and
twice the channels from one stack to the next, global average pooling and a linear classifier. Every
convolution has a batch norm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nasrepro.oracles.spaces.graph101 import (
    INNER,
    INPUT,
    MAX_EDGES,
    OPS,
    OUTPUT,
    PAIRS,
    TOPOLOGY,
    VERTICES,
    canonical_graph,
    cells,
    code_of,
    edges_of,
    graph_of,
    pruned,
)
from nasrepro.oracles.spaces.hash101 import find, is_hash, module_hash
from nasrepro.oracles.spaces.layers import conv_norm, head, pool
from nasrepro.oracles.spaces.sizes101 import cell_layers, cell_sizes
from nasrepro.oracles.spaces.spec101 import read_spec
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Complexity, Graph, Growth, Layer, SearchSpace, Topology

if TYPE_CHECKING:
    from torch import nn

#: Distinct cells, as published and as `enumerate_cells` finds.
DISTINCT = 423_624

_FORM = "0110/0001/0001/0000;input,conv3x3-bn-relu,maxpool3x3,output"


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
    decisions = (
        *(f"{source}->{target}" for source, target in PAIRS),
        *(f"op {vertex}" for vertex in range(1, VERTICES - 1)),
    )
    settings = ("channels", "stacks", "modules", "in_channels")

    def __init__(
        self, *, channels: int = 128, stacks: int = 3, modules: int = 3, in_channels: int = 3
    ) -> None:
        self.channels, self.stacks, self.modules, self.in_channels = (
            channels,
            stacks,
            modules,
            in_channels,
        )

    def __len__(self) -> int:
        """Distinct cells."""
        return DISTINCT

    # -- names -------------------------------------------------------------------------------------
    def check(self, arch: Arch) -> None:
        """Raise InvalidArch unless `arch` is a code whose pruned graph the benchmark has."""
        super().check(arch)
        live, edges = pruned(arch.code[: len(PAIRS)])
        if not live:
            raise InvalidArch(
                f"{self.name}: no path leads from input to output in code {arch.code}"
            )
        if sum(edges) > MAX_EDGES:
            raise InvalidArch(
                f"{self.name}: {sum(edges)} edges are left after pruning code {arch.code}, at "
                f"most {MAX_EDGES} are allowed"
            )

    def from_spec(self, matrix: Any, ops: Sequence[str]) -> Arch:
        """The architecture of the benchmark's `ModelSpec(matrix, ops)`.

        Args:
            matrix: adjacency, (V, V), zeros and ones of any type, upper triangular; V of any size
                if 7 are left after pruning.
            ops: V names: "input", operations, "output".

        Raises:
            InvalidArch, UnknownName: not such a specification, or outside the space.
        """
        return self.arch(read_spec(self.name, matrix, ops))

    def parse(self, text: str) -> Arch:
        """Read an architecture from its text.

        The text is rows of the matrix and operations, `0110/0001/0001/0000;input,...,output`, or a
        module hash of 32 hexadecimal digits.

        Raises:
            InvalidArch, UnknownName: the text names no architecture of the space.
            DataMissing: a hash, where the hashes have not been computed yet; the message has the
                command.
        """
        if is_hash(text.strip()):
            return self.at(int(find([text.strip()])[0]))
        matrix, separator, ops = text.strip().partition(";")
        rows = [row.strip() for row in matrix.split("/")]
        if not separator or any(set(row) - {"0", "1"} or len(row) != len(rows) for row in rows):
            raise InvalidArch(
                f"{self.name}: {text!r} must be a square matrix and as many operations, as in "
                f"{_FORM}; or a module hash"
            )
        return self.from_spec(
            [[int(value) for value in row] for row in rows], [op.strip() for op in ops.split(",")]
        )

    def format(self, arch: Arch) -> str:
        """Matrix and operations as `parse` reads them, pruned or not.

        Without the last inner vertices where they have no edge.
        """
        self.check(arch)
        edges, ops = arch.code[: len(PAIRS)], arch.code[len(PAIRS) :]
        there = {pair for pair, edge in zip(PAIRS, edges, strict=True) if edge}
        ends = {vertex for pair in there for vertex in pair}
        inner = INNER
        while inner and not (ops[inner - 1] or inner in ends):
            inner -= 1
        kept = [*range(inner + 1), VERTICES - 1]
        rows = ("".join("01"[(source, target) in there] for target in kept) for source in kept)
        return (
            f"{'/'.join(rows)};"
            f"{','.join((INPUT, *(OPS[option] for option in ops[:inner]), OUTPUT))}"
        )

    def module_hash(self, arch: Arch) -> str:
        """The benchmark's hash of a cell, the key of its files."""
        self.check(arch)
        graph = graph_of(arch.code[: len(PAIRS)], arch.code[len(PAIRS) :])
        return module_hash(graph.adjacency, [-1, *(OPS.index(op) for op in graph.ops[1:-1]), -2])

    def number(self, arch: Arch) -> int:
        """A number that is the same for all codes of a cell.

        Its vertices, canonical graph and operations, mixed radix.
        """
        vertices, graph, ops = self._canonical(arch)
        number = vertices << len(PAIRS) | graph
        for option in ops:
            number = number * len(OPS) + option
        return number

    def numbered(self, number: int) -> Arch:
        """The canonical form with that number."""
        return Arch(self.name, code_of(number))

    def at(self, index: int) -> Arch:
        """The canonical form of a cell, by its number.

        The cell is the `index`-th in the order of the benchmark's enumeration.
        """
        return self.numbered(int(cells()[self._check_index(index)]))

    def index(self, arch: Arch) -> int:
        """Place of a cell in the benchmark's enumeration, the same for all its codes."""
        return int(np.searchsorted(cells(), self.number(arch)))

    def __iter__(self) -> Iterator[Arch]:
        """The canonical form of every distinct cell, by index."""
        return map(self.numbered, cells().tolist())

    # -- equivalences ------------------------------------------------------------------------------
    def canonical(self, arch: Arch) -> Arch:
        """The graph and operations that the benchmark's enumeration met first.

        They are first among all relabellings of the pruned cell.

        The graph is the one that was trained: where channels do not divide evenly, the order of
        vertices decides who gets one more.
        """
        _, graph, ops = self._canonical(arch)
        return Arch(self.name, edges_of(graph) + ops)

    def _canonical(self, arch: Arch) -> tuple[int, int, tuple[int, ...]]:
        """Number of live vertices, number of the canonical graph, and its operations."""
        self.check(arch)
        live, edges = pruned(arch.code[: len(PAIRS)])
        graph, orders = canonical_graph(live, edges)
        ops = (0, *arch.code[len(PAIRS) :])
        return live.bit_count(), graph, min(tuple(ops[old] for old in order) for order in orders)

    def live(self, arch: Arch) -> Arch:
        """The cell without the edges and operations of pruned vertices.

        The others keep their places.
        """
        self.check(arch)
        live, edges = pruned(arch.code[: len(PAIRS)])
        ops = (
            option if live >> vertex & 1 else 0
            for vertex, option in enumerate(arch.code[len(PAIRS) :], start=1)
        )
        return Arch(self.name, (*edges, *ops))

    # -- moving about ------------------------------------------------------------------------------
    def sample(self, rng: np.random.Generator) -> Arch:
        """Uniform over valid codes, as the benchmark's authors sample.

        Random edges and operations until valid.

        So it is not uniform over cells: cells of 2 to 7 vertices come up in 10, 20, 28, 30, 12 and
        0.3 % of the draws, while 85 % of the distinct cells have 7.
        `space.at(rng.integers(len(space)))` is uniform over cells.
        """
        while True:
            arch = super().sample(rng)
            if self._is_valid(arch):
                return arch

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """Valid codes with one edge flipped or one operation changed that are another cell.

        Several may be the same one.

        One flip cannot make a vertex live that has no edge, so cells grow only from codes with
        edges that are pruned.
        """
        own = self._canonical(arch)
        return tuple(
            near
            for near in super().neighbours(arch)
            if self._is_valid(near) and self._canonical(near) != own
        )

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """The mutation of the benchmark's demo, so more than one step.

        A child is rarely among the `neighbours`.

        Each edge flips with probability 1/7, each operation becomes another one with probability
        1/5; drawn again while invalid or (unlike there, one child in 80) unchanged.
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
        live, edges = pruned(arch.code[: len(PAIRS)])
        return bool(live) and sum(edges) <= MAX_EDGES

    # -- structure ---------------------------------------------------------------------------------
    def graph(self, arch: Arch) -> Graph:
        """The pruned cell, 2 to 7 vertices in their own order: what the benchmark builds."""
        self.check(arch)
        return graph_of(arch.code[: len(PAIRS)], arch.code[len(PAIRS) :])

    def topology(self) -> Topology:
        """Operations on the vertices 1 to 5.

        Every leaf among the vertices 0 to 5 has an edge to the output.
        """
        return TOPOLOGY

    def wired(self, kept: Collection[int], ops: Sequence[int]) -> Arch:
        """The cell of the live ones of the kept edges.

        Raises InvalidArch where they and those of the leaves are more than 9.
        """
        live = [TOPOLOGY.edges[edge] for edge in TOPOLOGY.live(kept)]
        reached = {0, *(target for _, target in live)}
        leaves = reached - {source for source, _ in live}
        there = {*live, *((leaf, VERTICES - 1) for leaf in leaves)}
        labels = [ops[vertex - 1] if vertex in reached else 0 for vertex in range(1, VERTICES - 1)]
        return self.arch([*(pair in there for pair in PAIRS), *labels])

    def growth(self) -> tuple[Growth, ...]:
        """Vertex by vertex, from one inner vertex to five; the newest goes to the output.

        Every partial cell is a cell of the benchmark.
        """
        steps: list[Growth] = []
        for newest in range(1, INNER + 1):
            free = [PAIRS.index((source, newest)) for source in range(newest)]
            free.append(
                PAIRS.index((newest - 1, VERTICES - 1))
            )  # whether the one before it, now inner, still goes to the output
            free.append(len(PAIRS) + newest - 1)
            rest = [0] * len(self.cardinalities)
            rest[PAIRS.index((newest, VERTICES - 1))] = 1
            steps.append(
                Growth(tuple(free), (*(steps[-1].taken if steps else ()), *free), tuple(rest))
            )
        return tuple(steps)

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """Stem, the cells of the canonical form, the poolings between stacks, classifier."""
        cell = self.graph(self.canonical(arch))
        inputs = width = self.channels
        side = size
        layers = [*conv_norm(self.in_channels, width, 3, side)]
        for stack in range(self.stacks):
            if stack:
                layers.append(pool("max_pool", width, 2, side, stride=2))
                side, width = -(-side // 2), 2 * width
            for _ in range(self.modules):
                layers += cell_layers(cell, inputs, width, side)
                inputs = width
        return (*layers, *head(width, side, classes))

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs of the network that the benchmark trained for this cell.

        It trained the cell's canonical form.

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
            for count, given in ((1, inputs), (self.modules - 1, width)):
                weights, norms = cell_sizes(graph, ops, given, width)
                params += count * (weights + norms)
                macs += count * weights * side**2
            inputs = width
        return Complexity(params + (width + 1) * classes, macs + width * classes)

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The network that the benchmark trained for this cell.

        It is that of the canonical form, with PyTorch's default initialisation.
        """
        from nasrepro.oracles.spaces.net101 import Network101

        cell = self.graph(self.canonical(arch))
        sizes = {
            "channels": self.channels,
            "stacks": self.stacks,
            "modules": self.modules,
            "in_channels": self.in_channels,
        }
        return Network101(cell, classes=classes, **sizes)
