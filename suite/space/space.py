"""Search spaces: architectures as values, and what every method may ask of a space.

An architecture is a tuple of decisions: `code[i]` is the option taken at decision `i`, out of
`space.cardinalities[i]`. All defaults below follow from that; a space overrides what it knows
better.
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

from nasrepro.suite.errors import InvalidArch, NasreproError, NoTopology
from nasrepro.suite.space.structure import Block, Complexity, Graph, Growth, Layer, Topology

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, order=True)
class Arch:
    """One architecture: hashable, sortable, JSON-able. Made by a space.

    `code` has one integer per decision.
    """

    space: str
    code: tuple[int, ...]


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
            raise InvalidArch(
                f"architecture of space {arch.space!r} given to space {self.name!r}; use space.parse(text) to make one"
            )
        if len(arch.code) != len(self.cardinalities):
            raise InvalidArch(
                f"{self.name}: code {arch.code} has {len(arch.code)} decisions, expected {len(self.cardinalities)}"
            )
        for name, option, options in zip(
            self.decisions, arch.code, self.cardinalities, strict=True
        ):
            if not 0 <= option < options:
                raise InvalidArch(
                    f"{self.name}: option {option} of decision {name} in code {arch.code} is outside 0..{options - 1}"
                )

    def at(self, index: int) -> Arch:
        """The architecture with the benchmark's own `index`; here.

        Mixed radix, first decision most significant.

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
            raise InvalidArch(
                f"{self.name}: index {index!r} is not an integer; accepted: 0..{len(self) - 1}"
            )
        if not 0 <= index < len(self):
            raise InvalidArch(
                f"{self.name}: index {index} is out of range; accepted: 0..{len(self) - 1}"
            )
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
        """One random neighbour, by the benchmark's own mutation; here.

        Uniform over `neighbours`.
        """
        near = self.neighbours(arch)
        return near[int(rng.integers(len(near)))]

    def canonical(self, arch: Arch) -> Arch:
        """Representative of the class of functionally equal architectures; idempotent. Here.

        `arch` itself.
        """
        self.check(arch)
        return arch

    def live(self, arch: Arch) -> Arch:
        """`arch` without the parts that cannot reach the output or are not reached from the input.

        Here: all of it.
        """
        self.check(arch)
        return arch

    def encode(self, arch: Arch) -> NDArray[np.float32]:
        """One-hot code of the decisions, shape (sum of cardinalities,)."""
        self.check(arch)
        parts = [
            np.eye(options, dtype=np.float32)[option]
            for option, options in zip(arch.code, self.cardinalities, strict=True)
        ]
        return np.concatenate(parts)

    # -- what a space must say ---------------------------------------------------------------------------
    @abstractmethod
    def parse(self, text: str) -> Arch:
        """The architecture written in the ecosystem's own string.

        Raises InvalidArch naming what is wrong.
        """

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
        raise NoTopology(
            f"space {self.name} has no topology: its architectures are not subgraphs of one DAG; use a space of cells"
        )

    def wired(self, kept: Collection[int], ops: Sequence[int]) -> Arch:
        """The architecture of the live ones of the kept edges.

        Args:
            kept: indices into `topology().edges`.
            ops: an index into `topology().ops` for each place, shape (places,); those of dropped
                places make no difference.

        Raises:
            InvalidArch: that is none of this space (no path, too many edges, not in the table).
            NoTopology: as for `topology`.
        """
        raise NoTopology(
            f"space {self.name} has no topology: its architectures are not subgraphs of one DAG; use a space of cells"
        )

    def growth(self) -> tuple[Growth, ...]:
        """Steps from small architectures to whole ones, by a rule that closes what is not decided yet. Here: one step, all free."""
        every = tuple(range(len(self.cardinalities)))
        return (Growth(every, every, (0,) * len(every)),)

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """The layers that `complexity` counts, and the poolings between them, in forward order.

        Args:
            arch: the architecture.
            classes: outputs of the classifier.
            size: height and width of the input image, pixels.

        Raises:
            NasreproError: the space has no convolutional networks, or does not list their layers.
        """
        raise NasreproError(
            f"space {self.name} does not list the layers of its networks; "
            "its parameters and MACs are exact"
        )

    def traffic(self, arch: Arch, *, classes: int, size: int) -> int:
        """Bytes that one forward pass of one image moves, 4 bytes a number.

        What each convolution, pooling and classifier reads and writes, parameters included; batch
        norm, ReLU and sums are taken as fused. MACs per byte are the compute intensity.

        Raises:
            NasreproError: as for `layers`.
        """
        return 4 * sum(layer.moved for layer in self.layers(arch, classes=classes, size=size))

    def convs(self, arch: Arch) -> int:
        """Number of convolutions among the operations of `arch` (in one cell, where there are cells)."""
        return sum("conv" in op for op in self.graph(arch).ops)

    def blocks(self, arch: Arch) -> tuple[Block, ...]:
        """The parts of the network, for metrics of topology. Here.

        The live graph as one cell of width 1, a link where an edge leaps.
        """
        graph = self.graph(self.live(arch))
        level = np.zeros(len(graph.ops), dtype=int)
        for node in range(1, len(level)):
            level[node] = max(level[graph.adjacency[:, node]], default=-1) + 1
        sources, targets = np.nonzero(graph.adjacency)
        links = int((level[targets] - level[sources] > 1).sum())
        areas = [
            int(side) ** 2
            for op in graph.ops
            if "conv" in op
            for side in re.findall(r"(\d+)x\1", op)
        ]
        return (Block(1, max(1, int(level[-1]) - 1), links, 0, 1, sum(areas)),)

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The network, untrained. Torch is imported only here."""
        raise NotImplementedError(f"{self.name}: networks of this space cannot be built yet")
