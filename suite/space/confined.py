"""The part of a space that a table holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space.arch import Arch
from nasrepro.suite.space.space import SearchSpace


class _Whole:
    """A method or an attribute that is the whole space's."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, part: ConfinedSpace | None, owner: type) -> Any:
        return self if part is None else getattr(part.whole, self._name)


class ConfinedSpace(SearchSpace):
    """The part of a space that a table has.

    Searches stay inside; everything else, what a space may offer included, is the whole space's.
    With other networks it is the whole space.

    Args:
        whole: the space.
        archs: what the table has, by row.
    """

    def __init__(self, whole: SearchSpace, archs: Sequence[Arch]) -> None:
        self._whole = whole
        self.name, self.cardinalities = whole.name, whole.cardinalities
        self.decisions = whole.decisions
        self._archs = tuple(archs)
        self._inside = frozenset(self._archs)

    @property
    def whole(self) -> SearchSpace:
        """The space of which this is a part."""
        return self._whole

    def __len__(self) -> int:
        """Architectures inside."""
        return len(self._archs)

    def check(self, arch: Arch) -> None:
        """Raise InvalidArch unless `arch` is inside."""
        self.whole.check(arch)
        if arch not in self._inside:
            raise InvalidArch(
                f"{self.format(arch)} is not among the {len(self):,} architectures of {self.name} "
                "that this table has"
            )

    def __iter__(self) -> Iterator[Arch]:
        """The architectures inside, by row."""
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
        """The neighbours in the whole space that lie inside; possibly none."""
        return tuple(near for near in self.whole.neighbours(arch) if near in self._inside)

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """A random neighbour inside; where there is none, a uniform sample."""
        near = self.neighbours(arch)
        return near[int(rng.integers(len(near)))] if near else self.sample(rng)

    def wired(self, kept: Collection[int], ops: Sequence[int]) -> Arch:
        """As in the whole space; raises InvalidArch where it is not inside."""
        arch = self.whole.wired(kept, ops)
        self.check(arch)
        return arch

    # -- the whole space's -------------------------------------------------------------------------
    parse: Any = _Whole()
    format: Any = _Whole()
    canonical: Any = _Whole()
    live: Any = _Whole()
    encode: Any = _Whole()
    graph: Any = _Whole()
    complexity: Any = _Whole()
    topology: Any = _Whole()
    growth: Any = _Whole()
    layers: Any = _Whole()
    traffic: Any = _Whole()
    convs: Any = _Whole()
    blocks: Any = _Whole()
    build: Any = _Whole()
    supernet: Any = _Whole()
    settings: ClassVar[Any] = _Whole()
    network: Any = _Whole()
    with_network: Any = _Whole()
