"""Search spaces: architectures as values, and what every method may ask of a space.

An architecture is a tuple of decisions: `code[i]` is the option taken at decision `i`, out of
`space.cardinalities[i]`. All defaults below follow from that; a space overrides what it knows
better.
"""

from __future__ import annotations

import itertools
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space.arch import Arch
from nasrepro.suite.space.optional import Built, Described, Growing, Layered, Topological
from nasrepro.suite.space.structure import Complexity, Graph


class SearchSpace(Topological, Growing, Layered, Described, Built, ABC):
    """A discrete space of architectures.

    What an author writes:
        `name`, `cardinalities`, `decisions`   the decisions that a code is made of
        `parse`, `format`                      the ecosystem's own string, and back
        `graph`                                operations on nodes
        `complexity`                           parameters and MACs, exactly

    What has a default that follows from the code, and is overridden where the space knows better:
        `sample`, `neighbours`, `mutate`       uniform over codes; one decision changed
        `canonical`, `live`                    functionally equal architectures; dead parts left out
        `encode`                               one-hot
        `check`, `at`, `index`, `__len__`      where not every code is an architecture, or the
                                               benchmark has an order of its own

    What a space may offer and a method may ask for (`nasrepro.suite.space.optional`):
        `Topological`   `topology`, `wired`            subgraphs of one DAG
        `Growing`       `growth`                       steps from small architectures to whole ones
        `Layered`       `layers`, `traffic`            the layers of the built network
        `Described`     `convs`, `blocks`              counts of one cell, blocks of one width
        `Built`         `build`, `network`, `with_network`   the network, and what surrounds a cell

    Attributes:
        name: name of the space, in every `Arch` it makes.
        cardinalities: number of options of each decision.
        decisions: a label per decision, for messages and plots.
    """

    name: str
    cardinalities: tuple[int, ...]
    decisions: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<search space {self.name}: {len(self.cardinalities)} decisions>"

    def __len__(self) -> int:
        """Number of architectures; OverflowError above 2^63 - 1, where `count` still answers."""
        return math.prod(self.cardinalities)

    @property
    def count(self) -> int:
        """Number of architectures, however many."""
        try:
            return len(self)
        except OverflowError:
            return math.prod(self.cardinalities)

    @property
    def whole(self) -> SearchSpace:
        """The whole space, of which a table may hold a part; here the space itself."""
        return self

    # -- making and checking architectures ---------------------------------------------------------
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
                f"{self.name}: expected an Arch, got {type(arch).__name__} {arch!r}; use "
                "space.parse(text) or space.at(index)"
            )
        if arch.space != self.name:
            raise InvalidArch(
                f"architecture of space {arch.space!r} given to space {self.name!r}; use "
                "space.parse(text) to make one"
            )
        if len(arch.code) != len(self.cardinalities):
            raise InvalidArch(
                f"{self.name}: code {arch.code} has {len(arch.code)} decisions, expected "
                f"{len(self.cardinalities)}"
            )
        if all(map(operator.lt, arch.code, self.cardinalities)) and min(arch.code, default=0) >= 0:
            return
        for name, option, options in zip(
            self.decisions, arch.code, self.cardinalities, strict=True
        ):
            if not 0 <= option < options:
                raise InvalidArch(
                    f"{self.name}: option {option} of decision {name} in code {arch.code} is "
                    f"outside 0..{options - 1}"
                )

    def at(self, index: int) -> Arch:
        """The architecture with the benchmark's own `index`.

        By default the code in mixed radix, its first decision the most significant.

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
                f"{self.name}: index {index!r} is not an integer; accepted: 0..{self.count - 1}"
            )
        if not 0 <= index < self.count:
            raise InvalidArch(
                f"{self.name}: index {index} is out of range; accepted: 0..{self.count - 1}"
            )
        return int(index)

    def __iter__(self) -> Iterator[Arch]:
        """All architectures, by index."""
        return (self.at(i) for i in range(len(self)))

    # -- moving about ------------------------------------------------------------------------------
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
        """One random neighbour, by the benchmark's own mutation.

        By default uniform over `neighbours`.
        """
        near = self.neighbours(arch)
        return near[int(rng.integers(len(near)))]

    def canonical(self, arch: Arch) -> Arch:
        """Representative of the class of functionally equal architectures; idempotent.

        By default `arch` itself.
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
        *starts, width = itertools.accumulate(self.cardinalities, initial=0)
        code = np.zeros(width, dtype=np.float32)
        code[list(map(operator.add, starts, arch.code))] = 1
        return code

    # -- what a space must say ---------------------------------------------------------------------
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
