"""The part of a space that a table holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space.space import Arch, SearchSpace
from nasrepro.suite.space.structure import Block, Complexity, Graph, Growth, Layer, Topology

if TYPE_CHECKING:
    from torch import nn


class ConfinedSpace(SearchSpace):
    """The part of a space that a table has.

    Searches stay inside, everything else is the whole space's.

    Args:
        whole: the space.
        archs: what the table has, by row.
    """

    def __init__(self, whole: SearchSpace, archs: Sequence[Arch]) -> None:
        self.whole = whole
        self.name, self.cardinalities, self.decisions = (
            whole.name,
            whole.cardinalities,
            whole.decisions,
        )
        self._archs = tuple(archs)
        self._inside = frozenset(self._archs)

    def __len__(self) -> int:
        """Architectures inside."""
        return len(self._archs)

    def check(self, arch: Arch) -> None:
        """Raise InvalidArch unless `arch` is inside."""
        self.whole.check(arch)
        if arch not in self._inside:
            raise InvalidArch(
                f"{self.format(arch)} is not among the {len(self):,} architectures of {self.name} that this table has"
            )

    def __iter__(self) -> Iterator[Arch]:
        """Those inside, by row."""
        return iter(self._archs)

    def at(self, index: int) -> Arch:
        """The architecture at the whole space's index, which so means the same in every table.

        InvalidArch where it is not inside.
        """
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

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """As in the whole space."""
        return self.whole.layers(arch, classes=classes, size=size)

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
