"""The space of NAS-Bench-Graph (arXiv:2206.09166): four operations on a graph's nodes, as a tree.

Each operation reads the graph's features or an earlier operation; what nobody reads is
concatenated.
There are 24 such link lists and 9 operations: 157,464 codes without those of skips alone, which are
no network. The benchmark counts them as 26,206 architectures: by renaming the operations, and by
lifting a skip to the front, in front of everything that read the features, where it has successors,
or has no sibling, or reads the features through skips alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import permutations

import numpy as np

from nasrepro.suite.errors import InvalidArch, NasreproError, UnknownName
from nasrepro.suite.space import Arch, Complexity, Graph, SearchSpace

#: Link lists up to renaming, by the benchmark's number; 0 stands for the features.
LINKS = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)
OPS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
NODES = 4
_SKIP = OPS[-1]


class GraphNet(SearchSpace):
    """Codes are what operations 2, 3 and 4 read, then the four operations.

    Args:
        ops: the operations that may be chosen; the last one is the skip.
    """

    settings = ("ops",)
    decisions = (*(f"input of {node}" for node in (2, 3, 4)), *(f"op {n}" for n in (1, 2, 3, 4)))

    def __init__(self, ops: Sequence[str] = OPS) -> None:
        self.ops = tuple(ops)
        self.name = "graphnet" if self.ops == OPS else f"graphnet{len(ops)}"
        self.cardinalities = (2, 3, 4, *(len(ops),) * NODES)
        #: Operation codes of one link list: all but the skips alone, which stand last.
        self._each: int = len(ops) ** NODES - 1

    def __len__(self) -> int:
        """Codes that are networks."""
        return 24 * self._each

    def check(self, arch: Arch) -> None:
        """Raise InvalidArch unless it is a code of this space and not of skips alone."""
        super().check(arch)
        if set(arch.code[3:]) == {len(self.ops) - 1}:
            raise InvalidArch(f"{self.name}: four skips are no network; take another operation")

    def at(self, index: int) -> Arch:
        """Mixed radix without the codes of skips alone."""
        links, ops = divmod(self._check_index(index), self._each)
        number = links * (self._each + 1) + ops
        code = np.unravel_index(number, self.cardinalities)
        return Arch(self.name, tuple(int(option) for option in code))

    def index(self, arch: Arch) -> int:
        """Inverse of `at`."""
        links, ops = divmod(super().index(arch), self._each + 1)
        return links * self._each + ops

    def sample(self, rng: np.random.Generator) -> Arch:
        """One network, uniform over codes."""
        return self.at(int(rng.integers(len(self))))

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """All networks that differ in one decision."""
        skips = (len(self.ops) - 1,) * NODES
        return tuple(near for near in super().neighbours(arch) if near.code[3:] != skips)

    # -- names -------------------------------------------------------------------------------------
    def parse(self, text: str) -> Arch:
        """Read `0,0,1,1;gcn,gat,skip,fc`: what each operation reads, and the operations."""
        links, _, ops = (part.strip() for part in text.partition(";"))
        read, names = links.split(","), [name.strip() for name in ops.split(",")]
        numbers = [int(part) for part in map(str.strip, read) if part in ("0", "1", "2", "3")]
        if len(numbers) != len(read) or len(read) != NODES or len(names) != NODES or numbers[0]:
            raise InvalidArch(
                f"{self.name}: {text!r} is not four links and four operations such as "
                "0,0,1,1;gcn,gat,skip,fc (0 is the input, 1 the first operation)"
            )
        for name in names:
            if name not in self.ops:
                raise UnknownName(f"operation in {text!r}:", name, self.ops)
        return self.arch([*numbers[1:], *map(self.ops.index, names)])

    def format(self, arch: Arch) -> str:
        """What each operation reads, and the operations."""
        self.check(arch)
        names = ",".join(self.ops[option] for option in arch.code[3:])
        return f"{','.join(map(str, (0, *arch.code[:3])))};{names}"

    def keyed(self, key: int) -> Arch:
        """The architecture of the benchmark's key.

        Link class and operations, five decimal digits.
        """
        links, *ops = map(int, f"{key:05d}")
        return self.arch([*LINKS[links][1:], *(self.ops.index(OPS[option]) for option in ops)])

    def key(self, arch: Arch) -> int:
        """The benchmark's key of an architecture (`valid_hash` of its package)."""
        self.check(arch)
        return _key((0, *arch.code[:3]), tuple(OPS.index(self.ops[o]) for o in arch.code[3:]))

    # -- structure ---------------------------------------------------------------------------------
    def canonical(self, arch: Arch) -> Arch:
        """The architecture that the benchmark trained for it."""
        return self.keyed(self.key(arch))

    def graph(self, arch: Arch) -> Graph:
        """6 nodes: the features, four operations, the output that concatenates the leaves."""
        self.check(arch)
        reads = (0, *arch.code[:3])
        adjacency = np.zeros((NODES + 2, NODES + 2), dtype=bool)
        for node, source in enumerate(reads, start=1):
            adjacency[source, node] = True
            adjacency[node, -1] = node not in reads
        return Graph(
            ("input", *(self.ops[option] for option in arch.code[3:]), "output"), adjacency
        )

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Not counted.

        Raises:
            NasreproError: sizes depend on the graph and on settings tuned for each.
        """
        self.check(arch)
        raise NasreproError(
            f"space {self.name} does not count sizes, which depend on the graph and the width "
            "tuned for it; the table has the parameters (params)"
        )


@cache
def _key(reads: tuple[int, ...], ops: tuple[int, ...]) -> int:
    """Lift the skips, then take the smallest key over all ways of naming the operations."""
    links, names = _lifted(list(reads), [OPS[option] for option in ops])
    keys = []
    for order in permutations(range(1, NODES + 1)):
        place = {0: 0} | {node: at for at, node in enumerate(order, start=1)}
        renamed = tuple(place[links[node - 1]] for node in order)
        if renamed in LINKS:
            digits = [LINKS.index(renamed), *(OPS.index(names[node - 1]) for node in order)]
            keys.append(int("".join(map(str, digits))))
    return min(keys)


def _lifted(reads: list[int], ops: list[str]) -> tuple[list[int], list[str]]:
    """Each skip that makes no difference where it stands, moved to the front."""

    def of_features(node: int) -> bool:
        while node:
            if ops[node - 1] != _SKIP:
                return False
            node = reads[node - 1]
        return True

    for node in range(1, NODES + 1):
        if ops[node - 1] != _SKIP:
            continue
        source = reads[node - 1]
        alone = reads.count(source) == 1
        if node in reads or alone or of_features(node):
            # its successors read its source; what read the features reads it, now number 1
            reads = [source if read == node else read for read in reads]
            rest = reads[: node - 1] + reads[node:]
            reads = [0, *(read + 1 if read < node else read for read in rest)]
            ops = [_SKIP, *ops[: node - 1], *ops[node:]]
    return reads, ops
