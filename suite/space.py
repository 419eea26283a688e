"""Search spaces: architectures as values, and what every method may ask of a space.

An architecture is a tuple of decisions: `code[i]` is the option taken at decision `i`, out of
`space.cardinalities[i]`. All defaults below follow from that; a space overrides what it knows better.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from suite.errors import InvalidArch, NasreproError, NoTopology

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, order=True)
class Arch:
    """One architecture: hashable, sortable, JSON-able. Made by a space; `code` has one integer per decision."""

    space: str
    code: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """An architecture as a DAG with operations on nodes, in topological order (first: input, last: output).

    Attributes:
        ops: operation name per node, length V.
        adjacency: bool, shape (V, V); `adjacency[i, j]` is an edge i -> j, so it is strictly upper triangular.
    """

    ops: tuple[str, ...]
    adjacency: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Complexity:
    """Exact size of the built network.

    Attributes:
        params: trainable parameters.
        macs: multiply-accumulate operations of one forward pass of one image (never called "flops" here).
    """

    params: int
    macs: int


@dataclass(frozen=True, slots=True)
class Growth:
    """One step from small architectures to whole ones, for progressive methods.

    Attributes:
        free: the decisions that this step frees, in the order in which to take them.
        taken: all that are taken by the end of it, in order; ends with `free`.
        rest: a code; it has the options of all other decisions, so that what was decided is an architecture already.
    """

    free: tuple[int, ...]
    taken: tuple[int, ...]
    rest: tuple[int, ...]

    def closed(self, options: Sequence[int]) -> tuple[int, ...]:
        """The code of the architecture with these options for the decisions `taken`."""
        code = list(self.rest)
        for decision, option in zip(self.taken, options, strict=True):
            code[decision] = int(option)
        return tuple(code)


@dataclass(frozen=True, slots=True)
class Topology:
    """A space as the subgraphs of one DAG, the guide, with an operation on each edge or on each vertex: what topology methods see.

    `SearchSpace.wired` makes the architecture of some kept edges and the operations of all places.

    Attributes:
        edges: (source, target) of each edge of the guide, source < target, sorted by source; vertex 0 is the input.
        ops: names of the operations that a place can hold; "no edge" is not among them.
        on_edges: whether the places are the edges, or the vertices 1, 2, ...
        output: the vertex that must be reached; None where all leaves together make the output.
    """

    edges: tuple[tuple[int, int], ...]
    ops: tuple[str, ...]
    on_edges: bool
    output: int | None = None

    @property
    def vertices(self) -> int:
        """Number of vertices, the input included."""
        return 1 + max(target for _, target in self.edges)

    @property
    def places(self) -> int:
        """How many operations an architecture has."""
        return len(self.edges) if self.on_edges else self.vertices - 1

    def live(self, kept: Collection[int]) -> tuple[int, ...]:
        """Those of the kept edges (indices into `edges`) that the input reaches and, where there is an `output`, that reach it."""
        reached = {0}
        for edge in sorted(kept):
            source, target = self.edges[edge]
            if source in reached:
                reached.add(target)
        live = [edge for edge in sorted(kept) if self.edges[edge][0] in reached]
        if self.output is not None:
            reaching = {self.output}
            for edge in reversed(live):
                source, target = self.edges[edge]
                if target in reaching:
                    reaching.add(source)
            live = [edge for edge in live if self.edges[edge][1] in reaching]
        return tuple(live)


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the built network with one width (a cell, a residual block), as metrics of topology see it.

    Attributes:
        width: channels of a layer.
        depth: layers on the longest path.
        links: channels that skip links bring to its layers, summed.
        possible: the most that they could bring, where links concatenate; 0 where they add.
        inputs: channels of what it reads.
        kernels: kernel areas of its convolutions, summed (9 for a 3x3).
    """

    width: int
    depth: int
    links: int = 0
    possible: int = 0
    inputs: int = 0
    kernels: int = 0


class SearchSpace(ABC):
    """A discrete space of architectures.

    Attributes:
        name: name of the space, in every `Arch` it makes.
        cardinalities: number of options of each decision.
        decisions: a label per decision, for messages and plots.
    """

    name: str
    cardinalities: tuple[int, ...]
    decisions: tuple[str, ...]

    def __len__(self) -> int:
        """Number of architectures."""
        return math.prod(self.cardinalities)

    # -- making and checking architectures ---------------------------------------------------------------
    def arch(self, code: Sequence[int]) -> Arch:
        """The architecture of a decision vector.

        Raises:
            InvalidArch: wrong length, or an option out of range.
        """
        made = Arch(self.name, tuple(int(option) for option in code))
        self.check(made)
        return made

    def check(self, arch: Arch) -> None:
        """Raise InvalidArch unless `arch` belongs to this space."""
        if not isinstance(arch, Arch):
            raise InvalidArch(
                f"{self.name}: expected an Arch, got {type(arch).__name__} {arch!r}; use space.parse(text) or space.at(index)"
            )
        if arch.space != self.name:
            raise InvalidArch(f"architecture of space {arch.space!r} given to space {self.name!r}; use space.parse(text) to make one")
        if len(arch.code) != len(self.cardinalities):
            raise InvalidArch(f"{self.name}: code {arch.code} has {len(arch.code)} decisions, expected {len(self.cardinalities)}")
        for name, option, options in zip(self.decisions, arch.code, self.cardinalities, strict=True):
            if not 0 <= option < options:
                raise InvalidArch(f"{self.name}: option {option} of decision {name} in code {arch.code} is outside 0..{options - 1}")

    def at(self, index: int) -> Arch:
        """The architecture with the benchmark's own `index`; here: mixed radix, first decision most significant.

        Raises:
            InvalidArch: index outside 0..len-1.
        """
        number = self._check_index(index)
        code = []
        for options in reversed(self.cardinalities):
            number, option = divmod(number, options)
            code.append(option)
        return Arch(self.name, tuple(reversed(code)))

    def index(self, arch: Arch) -> int:
        """Inverse of `at`."""
        self.check(arch)
        number = 0
        for option, options in zip(arch.code, self.cardinalities, strict=True):
            number = number * options + option
        return number

    def _check_index(self, index: int) -> int:
        if isinstance(index, (bool, np.bool_)) or not isinstance(index, (int, np.integer)):
            raise InvalidArch(f"{self.name}: index {index!r} is not an integer; accepted: 0..{len(self) - 1}")
        if not 0 <= index < len(self):
            raise InvalidArch(f"{self.name}: index {index} is out of range; accepted: 0..{len(self) - 1}")
        return int(index)

    def __iter__(self) -> Iterator[Arch]:
        """All architectures, by index."""
        return (self.at(i) for i in range(len(self)))

    # -- moving about ------------------------------------------------------------------------------------
    def sample(self, rng: np.random.Generator) -> Arch:
        """One architecture, uniform over codes."""
        return Arch(self.name, tuple(rng.integers(self.cardinalities).tolist()))

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """All architectures that differ in one decision; symmetric, without `arch` itself."""
        self.check(arch)
        code = arch.code
        return tuple(
            Arch(self.name, (*code[:i], option, *code[i + 1 :]))
            for i, options in enumerate(self.cardinalities)
            for option in range(options)
            if option != code[i]
        )

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """One random neighbour, by the benchmark's own mutation; here: uniform over `neighbours`."""
        near = self.neighbours(arch)
        return near[int(rng.integers(len(near)))]

    def canonical(self, arch: Arch) -> Arch:
        """Representative of the class of functionally equal architectures; idempotent. Here: `arch` itself."""
        self.check(arch)
        return arch

    def live(self, arch: Arch) -> Arch:
        """`arch` without the parts that cannot reach the output or are not reached from the input. Here: all of it."""
        self.check(arch)
        return arch

    def encode(self, arch: Arch) -> NDArray[np.float32]:
        """One-hot code of the decisions, shape (sum of cardinalities,)."""
        self.check(arch)
        parts = [np.eye(options, dtype=np.float32)[option] for option, options in zip(arch.code, self.cardinalities, strict=True)]
        return np.concatenate(parts)

    # -- what a space must say ---------------------------------------------------------------------------
    @abstractmethod
    def parse(self, text: str) -> Arch:
        """The architecture written in the ecosystem's own string; raises InvalidArch naming what is wrong."""

    @abstractmethod
    def format(self, arch: Arch) -> str:
        """Inverse of `parse`."""

    @abstractmethod
    def graph(self, arch: Arch) -> Graph:
        """The architecture as a graph with operations on nodes."""

    @abstractmethod
    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs of the built network, without building it.

        Args:
            arch: the architecture.
            classes: outputs of the classifier.
            size: height and width of the input image, pixels.
        """

    def topology(self) -> Topology:
        """The space as subgraphs of one DAG.

        Raises:
            NoTopology: it is no such space (widths, a row of layers).
        """
        raise NoTopology(f"space {self.name} has no topology: its architectures are not subgraphs of one DAG; use a space of cells")

    def wired(self, kept: Collection[int], ops: Sequence[int]) -> Arch:
        """The architecture of the live ones of the kept edges.

        Args:
            kept: indices into `topology().edges`.
            ops: an index into `topology().ops` for each place, shape (places,); those of dropped places make no difference.

        Raises:
            InvalidArch: that is none of this space (no path, too many edges, not in the table).
            NoTopology: as for `topology`.
        """
        raise NoTopology(f"space {self.name} has no topology: its architectures are not subgraphs of one DAG; use a space of cells")

    def growth(self) -> tuple[Growth, ...]:
        """Steps from small architectures to whole ones, by a rule that closes what is not decided yet. Here: one step, all free."""
        every = tuple(range(len(self.cardinalities)))
        return (Growth(every, every, (0,) * len(every)),)

    def traffic(self, arch: Arch, *, classes: int, size: int) -> int:
        """Bytes that one forward pass of one image moves: what each convolution, pooling and classifier reads and writes, 4 bytes a number.

        Weights included; batch norm, ReLU and sums are taken as fused. MACs per byte are the compute intensity.
        """
        raise NasreproError(f"space {self.name} does not count the bytes that its networks move; its MACs and parameters are exact")

    def convs(self, arch: Arch) -> int:
        """Number of convolutions among the operations of `arch` (in one cell, where there are cells)."""
        return sum("conv" in op for op in self.graph(arch).ops)

    def blocks(self, arch: Arch) -> tuple[Block, ...]:
        """The parts of the network, for metrics of topology. Here: the live graph as one cell of width 1, a link where an edge leaps."""
        graph = self.graph(self.live(arch))
        level = np.zeros(len(graph.ops), dtype=int)
        for node in range(1, len(level)):
            level[node] = max(level[graph.adjacency[:, node]], default=-1) + 1
        sources, targets = np.nonzero(graph.adjacency)
        links = int((level[targets] - level[sources] > 1).sum())
        areas = [int(side) ** 2 for op in graph.ops if "conv" in op for side in re.findall(r"(\d+)x\1", op)]
        return (Block(1, max(1, int(level[-1]) - 1), links, 0, 1, sum(areas)),)

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The network, untrained. Torch is imported only here."""
        raise NotImplementedError(f"{self.name}: networks of this space cannot be built yet")


class ConfinedSpace(SearchSpace):
    """The part of a space that a table has: searches stay inside, everything else is the whole space's.

    Args:
        whole: the space.
        archs: what the table has, by row.
    """

    def __init__(self, whole: SearchSpace, archs: Sequence[Arch]) -> None:
        self.whole = whole
        self.name, self.cardinalities, self.decisions = whole.name, whole.cardinalities, whole.decisions
        self._archs = tuple(archs)
        self._inside = frozenset(self._archs)

    def __len__(self) -> int:
        """Architectures inside."""
        return len(self._archs)

    def check(self, arch: Arch) -> None:
        """Raise InvalidArch unless `arch` is inside."""
        self.whole.check(arch)
        if arch not in self._inside:
            raise InvalidArch(f"{self.format(arch)} is not among the {len(self):,} architectures of {self.name} that this table has")

    def __iter__(self) -> Iterator[Arch]:
        """Those inside, by row."""
        return iter(self._archs)

    def at(self, index: int) -> Arch:
        """The architecture at the whole space's index, which so means the same in every table; InvalidArch where it is not inside."""
        arch = self.whole.at(index)
        self.check(arch)
        return arch

    def index(self, arch: Arch) -> int:
        """The whole space's index; raises InvalidArch where `arch` is not inside."""
        self.check(arch)
        return self.whole.index(arch)

    def sample(self, rng: np.random.Generator) -> Arch:
        """Uniform over the architectures inside."""
        return self._archs[int(rng.integers(len(self._archs)))]

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """Those neighbours in the whole space that are inside; there may be none."""
        return tuple(near for near in self.whole.neighbours(arch) if near in self._inside)

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """A random neighbour inside; where there is none, a uniform sample."""
        near = self.neighbours(arch)
        return near[int(rng.integers(len(near)))] if near else self.sample(rng)

    def canonical(self, arch: Arch) -> Arch:
        """As in the whole space."""
        return self.whole.canonical(arch)

    def live(self, arch: Arch) -> Arch:
        """As in the whole space."""
        return self.whole.live(arch)

    def encode(self, arch: Arch) -> NDArray[np.float32]:
        """As in the whole space."""
        return self.whole.encode(arch)

    def parse(self, text: str) -> Arch:
        """As in the whole space."""
        return self.whole.parse(text)

    def format(self, arch: Arch) -> str:
        """As in the whole space."""
        return self.whole.format(arch)

    def graph(self, arch: Arch) -> Graph:
        """As in the whole space."""
        return self.whole.graph(arch)

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """As in the whole space."""
        return self.whole.complexity(arch, classes=classes, size=size)

    def growth(self) -> tuple[Growth, ...]:
        """As in the whole space; what lies outside is none of this space."""
        return self.whole.growth()

    def traffic(self, arch: Arch, *, classes: int, size: int) -> int:
        """As in the whole space."""
        return self.whole.traffic(arch, classes=classes, size=size)

    def topology(self) -> Topology:
        """As in the whole space."""
        return self.whole.topology()

    def wired(self, kept: Collection[int], ops: Sequence[int]) -> Arch:
        """As in the whole space; raises InvalidArch where it is not inside."""
        arch = self.whole.wired(kept, ops)
        self.check(arch)
        return arch

    def convs(self, arch: Arch) -> int:
        """As in the whole space."""
        return self.whole.convs(arch)

    def blocks(self, arch: Arch) -> tuple[Block, ...]:
        """As in the whole space."""
        return self.whole.blocks(arch)

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """As in the whole space."""
        return self.whole.build(arch, classes=classes)
