"""Spaces of plain settings: a list of decisions, each with its options, written as their values."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import numpy as np

from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.space import Arch, Complexity, Graph, SearchSpace


class OptionSpace(SearchSpace):
    """Every combination of options.

    Args:
        name: of the space.
        options: values of each decision, by its label.
        example: a text that `parse` reads, for messages.
    """

    def __init__(
        self, name: str, options: Sequence[tuple[str, Sequence[int | str]]], example: str
    ) -> None:
        self.name = name
        self.decisions = tuple(label for label, _ in options)
        self.options = tuple(tuple(map(str, values)) for _, values in options)
        self.cardinalities = tuple(map(len, self.options))
        self._example = example

    def __len__(self) -> int:
        """Number of architectures, or the largest that Python's `len` can say."""
        return min(math.prod(self.cardinalities), sys.maxsize)

    @property
    def count(self) -> int:
        """Number of architectures, however many."""
        return math.prod(self.cardinalities)

    def parse(self, text: str) -> Arch:
        """Read the values of all decisions, joined by commas."""
        values = [value.strip() for value in text.split(",")]
        if len(values) != len(self.options):
            raise InvalidArch(
                f"{self.name}: {text!r} has {len(values)} values, expected {len(self.options)} "
                "such "
                f"as {self._example}"
            )
        for label, value, options in zip(self.decisions, values, self.options, strict=True):
            if value not in options:
                raise InvalidArch(
                    f"{self.name}: {value!r} is no {label} of {text!r}; accepted: "
                    f"{', '.join(options)}"
                )
        return self.arch([o.index(value) for value, o in zip(values, self.options, strict=True)])

    def format(self, arch: Arch) -> str:
        """The values of all decisions."""
        self.check(arch)
        return ",".join(o[option] for option, o in zip(arch.code, self.options, strict=True))

    def graph(self, arch: Arch) -> Graph:
        """The decisions as a chain: these spaces say no more of their networks."""
        values = self.format(arch).split(",")
        ops = (f"{label} {v}" for label, v in zip(self.decisions, values, strict=True))
        size = len(values) + 2
        return Graph(("input", *ops, "output"), np.eye(size, k=1, dtype=bool))

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Not counted.

        Raises:
            NasreproError: the layers of these networks are not known here.
        """
        self.check(arch)
        raise NasreproError(
            f"space {self.name} does not count sizes: the layers of its networks are unknown"
        )
