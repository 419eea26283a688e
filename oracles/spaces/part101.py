"""Parts of the NAS-Bench-101 space that tables hold."""

from __future__ import annotations

import numpy as np

from nasrepro.oracles.spaces.graph101 import INNER, PAIRS
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, ConfinedSpace, Growth


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
            raise InvalidArch(
                f"{self.format(arch)} is not among the {len(self):,} cells of {self.name} that "
                "this table has"
            )

    def growth(self) -> tuple[Growth, ...]:
        """As in the whole space, up to the largest cells that the table has."""
        edges = np.array([arch.code[: len(PAIRS)] for arch in self], dtype=bool)
        from_vertex = np.array([source for source, _ in PAIRS])
        largest = max(
            int(vertex) for vertex in range(INNER + 1) if edges[:, from_vertex == vertex].any()
        )
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
