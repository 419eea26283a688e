"""The NAS-Bench-201 cell space (arXiv:2001.00326).

It is also NATS-Bench's topology space (arXiv:2009.00437).

A cell has 4 nodes; each of its 6 edges i -> j (i < j) carries one of 5 operations, and a node is
the sum of what arrives on its edges. The network is stem, three stages of N cells with C, 2C, 4C
channels, a residual reduction block between stages, and a linear classifier.

Three equivalences are in use; `unique_string` has the first two, `canonical` the third:
    12,751 classes  the benchmark's own isomorphism string, a skip standing for its source
     6,466 classes  the same, with zeros resolved too (it merges conv_a(x)+conv_b(x) and
       2*conv_a(x))
     5,044 classes  functionally distinct cells: weight identity kept, dead edges and zeros dropped,
         skips merged,
                    average pooling linear
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nasrepro.oracles.spaces.graph201 import (
    CONV1,
    CONV3,
    EDGES,
    NONE,
    OPS,
    POOL,
    SKIP,
    TOPOLOGY,
    line_graph,
    official_index,
    official_order,
    representatives,
)
from nasrepro.oracles.spaces.layers import conv_norm, head, norm, pool, reduction
from nasrepro.suite.errors import InvalidArch, UnknownName
from nasrepro.suite.space import (
    Arch,
    Block,
    Complexity,
    Graph,
    Growth,
    Layer,
    SearchSpace,
    Topology,
)

if TYPE_CHECKING:
    from nasrepro.oracles.spaces.net201 import Network201
    from nasrepro.oracles.spaces.supernet import Supernet

#: Edge of the guide at each decision.
_GUIDE_EDGE = tuple(TOPOLOGY.edges.index(edge) for edge in EDGES)

#: Base-5 number of a cell, first edge most significant.
_WEIGHTS = tuple(len(OPS) ** k for k in reversed(range(len(EDGES))))


class Cell201(SearchSpace):
    """15,625 cells; an architecture's code is the operation of each edge in `EDGES`.

    Args:
        channels: C, channels of the first stage of the network around the cell.
        cells: N, cells per stage.
        stages: number of stages; the benchmark has 3.
        in_channels: channels of the image.
    """

    name = "cell201"
    cardinalities = (len(OPS),) * len(EDGES)
    decisions = tuple(f"{source}->{target}" for source, target in EDGES)
    settings = ("channels", "cells", "stages", "in_channels")

    def __init__(
        self, *, channels: int = 16, cells: int = 5, stages: int = 3, in_channels: int = 3
    ) -> None:
        self.channels, self.cells, self.stages, self.in_channels = (
            channels,
            cells,
            stages,
            in_channels,
        )

    # -- names -------------------------------------------------------------------------------------
    def parse(self, text: str) -> Arch:
        """Read `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`."""
        form = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
        groups = text.strip().split("+")
        edges = [edge for group in groups for edge in group.strip().strip("|").split("|")]
        if len(groups) != 3 or [len(group.strip().strip("|").split("|")) for group in groups] != [
            1,
            2,
            3,
        ]:
            raise InvalidArch(
                f"{self.name}: {text!r} has {len(edges)} edges in {len(groups)} nodes, expected 6 "
                f"edges in 3 nodes: {form}"
            )
        code = []
        for edge, (source, target) in zip(edges, EDGES, strict=True):
            op, _, node = edge.partition("~")
            if op not in OPS:
                raise UnknownName(f"operation on edge {source}->{target} of {text!r}:", op, OPS)
            if node != str(source):
                raise InvalidArch(
                    f"{self.name}: edge {edge!r} into node {target} of {text!r} must end in "
                    f"~{source}; the form is {form}"
                )
            code.append(OPS.index(op))
        return Arch(self.name, tuple(code))

    def format(self, arch: Arch) -> str:
        """The official string."""
        self.check(arch)
        op = [
            f"{OPS[option]}~{source}" for option, (source, _) in zip(arch.code, EDGES, strict=True)
        ]
        return f"|{op[0]}|+|{op[1]}|{op[2]}|+|{op[3]}|{op[4]}|{op[5]}|"

    def at(self, index: int) -> Arch:
        """The cell at an official index."""
        return self.numbered(int(official_order()[self._check_index(index)]))

    def index(self, arch: Arch) -> int:
        """The official index of a cell."""
        return int(official_index()[self.number(arch)])

    def number(self, arch: Arch) -> int:
        """Base-5 number of a cell, first edge most significant (not the official index)."""
        self.check(arch)
        return sum(option * weight for option, weight in zip(arch.code, _WEIGHTS, strict=True))

    def numbered(self, number: int) -> Arch:
        """Inverse of `number`."""
        return Arch(self.name, tuple(number // weight % len(OPS) for weight in _WEIGHTS))

    # -- equivalences ------------------------------------------------------------------------------
    def canonical(self, arch: Arch) -> Arch:
        """The functionally equal cell with the smallest number: 5,044 of them, one per class."""
        return self.numbered(int(representatives()[self.number(arch)]))

    def unique_string(self, arch: Arch, *, zeros: bool = True) -> str:
        """The benchmark's own isomorphism string (paper, Sec. 2.2).

        6,466 distinct ones, or 12,751 without `zeros`.

        A node is the sorted sum of `(source)@operation`, a skip standing for its source; with
        `zeros`, everything that is zero is one symbol.
        """
        self.check(arch)
        nodes = ["0"]
        for target in (1, 2, 3):
            terms = []
            for option, (source, to) in zip(arch.code, EDGES, strict=True):
                if to != target:
                    continue
                if zeros and (option == NONE or nodes[source] == "#"):
                    terms.append("#")
                elif option == SKIP:
                    terms.append(nodes[source])
                else:
                    terms.append(f"({nodes[source]})@{OPS[option]}")
            nodes.append("+".join(sorted(terms)))
        return nodes[3]

    def live(self, arch: Arch) -> Arch:
        """The cell with `none` on every edge that lies on no path from node 0 to node 3."""
        self.check(arch)
        reached, reaching = {0}, {3}
        for option, (source, target) in zip(arch.code, EDGES, strict=True):
            if option != NONE and source in reached:
                reached.add(target)
        for option, (source, target) in sorted(
            zip(arch.code, EDGES, strict=True), key=lambda edge: -edge[1][0]
        ):
            if option != NONE and target in reaching:
                reaching.add(source)
        keep = (
            option if source in reached and target in reaching else NONE
            for option, (source, target) in zip(arch.code, EDGES, strict=True)
        )
        return Arch(self.name, tuple(keep))

    # -- moving about ------------------------------------------------------------------------------
    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """The benchmark's mutation (authors' code, `mutate_arch_func`).

        A target node, one of its edges, another operation, each uniform.

        So edge 0->1 changes with probability 1/3, an edge into node 2 with 1/6, one into node 3
        with 1/9.
        """
        self.check(arch)
        target = int(rng.integers(1, 4))
        edge = (target - 1) * target // 2 + int(rng.integers(target))
        step = int(rng.integers(1, len(OPS)))
        code = list(arch.code)
        code[edge] = (code[edge] + step) % len(OPS)
        return Arch(self.name, tuple(code))

    # -- structure ---------------------------------------------------------------------------------
    def graph(self, arch: Arch) -> Graph:
        """8 nodes: input, the operation of each edge in `EDGES`, output.

        Edges marked `none` stay as nodes.
        """
        self.check(arch)
        ops = ("input", *(OPS[option] for option in arch.code), "output")
        return Graph(ops, line_graph())

    def topology(self) -> Topology:
        """Operations on the 6 edges, node 3 the output; removing an edge makes it `none`."""
        return TOPOLOGY

    def wired(self, kept: Collection[int], ops: Sequence[int]) -> Arch:
        """The cell with `none` on all but the live ones of the kept edges.

        Raises InvalidArch where no path leads to node 3.
        """
        live = TOPOLOGY.live(kept)
        if not live:
            raise InvalidArch(
                f"{self.name}: no path leads from node 0 to node 3 over the edges "
                f"{sorted(TOPOLOGY.edges[i] for i in kept)}"
            )
        return self.arch([1 + ops[edge] if edge in live else NONE for edge in _GUIDE_EDGE])

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs of the built network.

        MACs count convolutions and the classifier.
        """
        self.check(arch)
        ones, threes = arch.code.count(CONV1), arch.code.count(CONV3)
        stem = 9 * self.in_channels * self.channels
        params, macs = (
            stem + 2 * self.channels,
            stem * size**2,
        )  # stem: 3x3 convolution and batch norm
        width, side = self.channels, size
        for stage in range(self.stages):
            # residual reduction: 3x3 stride 2, 3x3, and a 1x1 on the pooled shortcut, without batch
            # norm
            if stage:
                side = -(-side // 2)
                weights = 9 * width * 2 * width + 9 * (2 * width) ** 2 + width * 2 * width
                params += weights + 2 * 2 * (2 * width)
                macs += weights * side**2
                width *= 2
            weights = (ones + 9 * threes) * width**2
            params += self.cells * (weights + 2 * width * (ones + threes))
            macs += self.cells * weights * side**2
        params += 2 * width + (width + 1) * classes  # last batch norm, classifier
        macs += (width + 1) * classes  # the benchmark's own counter adds one operation per bias
        return Complexity(params, macs)

    def growth(self) -> tuple[Growth, ...]:
        """Node by node: 5, 125 and 15,625 cells.

        The last node with edges goes to the output by a skip, other undecided edges are none.
        """
        first = Growth((0,), (0,), (0, NONE, NONE, NONE, SKIP, NONE))
        second = Growth((1, 2), (0, 1, 2), (0, 0, 0, NONE, NONE, SKIP))
        return first, second, Growth((3, 4, 5), (0, 1, 2, 3, 4, 5), (0,) * 6)

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """Stem, cells edge by edge with the reductions between stages, batch norm, classifier."""
        self.check(arch)
        width, side = self.channels, size
        layers = [*conv_norm(self.in_channels, width, 3, side)]
        for stage in range(self.stages):
            if stage:
                layers += reduction(width, 2 * width, side)
                width, side = 2 * width, -(-side // 2)
            edges = {
                CONV1: conv_norm(width, width, 1, side),
                CONV3: conv_norm(width, width, 3, side),
                POOL: (pool("avg_pool", width, 3, side, stride=1),),
            }
            cell = [layer for option in arch.code for layer in edges.get(option, ())]
            layers += cell * self.cells
        return (*layers, norm(width, side), *head(width, side, classes))

    def blocks(self, arch: Arch) -> tuple[Block, ...]:
        """The cells and the reductions between them.

        A cell's links are its live skips, its depth the layers (convolutions, poolings) on the
        longest live path, and its kernels those of live convolutions.
        """
        code = self.live(arch).code
        depth = [0, 0, 0, 0]
        for option, (source, target) in zip(code, EDGES, strict=True):
            if option != NONE:
                depth[target] = max(depth[target], depth[source] + (option != SKIP))
        skips, kernels = code.count(SKIP), 9 * code.count(CONV3) + code.count(CONV1)
        found: list[Block] = []
        for stage in range(self.stages):
            width = self.channels << stage
            if stage:
                found.append(Block(width, 2, width, inputs=width // 2, kernels=18))
            found += [
                Block(width, max(1, depth[3]), skips * width, inputs=width, kernels=kernels)
            ] * self.cells
        return tuple(found)

    def build(self, arch: Arch, *, classes: int) -> Network201:
        """The benchmark's network around the cell, with PyTorch's default initialisation."""
        from nasrepro.oracles.spaces.net201 import Network201

        self.check(arch)
        return Network201(
            arch.code,
            classes=classes,
            channels=self.channels,
            cells=self.cells,
            stages=self.stages,
            in_channels=self.in_channels,
        )

    def supernet(self, *, classes: int) -> Supernet:
        """All cells in one; cells of the network share the choice of an edge, not its weights."""
        from nasrepro.oracles.spaces.net201 import supernet201

        return supernet201(self.build(self.arch((NONE,) * len(EDGES)), classes=classes))
