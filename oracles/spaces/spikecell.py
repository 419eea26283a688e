"""The space of SpikeNAS-Bench: spiking cells of four nodes and six edges, as NAS-Bench-201's.

An edge holds zero, skip, or a leaky integrate-and-fire neuron with threshold 0.5, 1.0 or 1.5
followed by a 3x3 convolution and a batch norm. Two cells of one form, of 128 and 256 channels,
stand
in the network: a 3x3 stem, the cell, a batch norm and a 3x3 convolution to 256 channels, average
pooling, the cell, average pooling, and linear layers to 1,024 and to ten outputs a class, which
vote.

The parameters of this network are those of all 15,625 logs; the order of convolution and pooling
between the cells is inferred (it decides the MACs, by the same number for every cell). MACs are
those of one time step with every input counted; spikes make most of them additions, or none.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.spaces.graph201 import CONV1, CONV3, NONE, POOL, SKIP, function_of
from nasrepro.oracles.spaces.layers import conv, conv_norm, norm, pool
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Complexity, Graph, Layer, SearchSpace

EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
OPS = ("zero", "skip", "lif0.5_conv3x3", "lif1.0_conv3x3", "lif1.5_conv3x3")
#: Where each edge of NAS-Bench-201's order (01, 02, 12, 03, 13, 23) stands here.
_ORDER201 = (0, 1, 3, 2, 4, 5)
#: What stands for each operation where only equality counts: three convolutions that differ.
_AS201 = (NONE, SKIP, CONV1, CONV3, POOL + 1)
_WIDTH, _HIDDEN, _VOTES = 128, 1024, 10


class SpikeCell(SearchSpace):
    """15,625 cells; an architecture's code is the operation of each edge in `EDGES`."""

    name = "spikecell"
    cardinalities = (len(OPS),) * len(EDGES)
    decisions = tuple(f"{source}->{target}" for source, target in EDGES)

    def at(self, index: int) -> Arch:
        """The cell of the benchmark's number: base 5, edge 0->1 least significant."""
        number = self._check_index(index)
        return Arch(self.name, tuple(number // 5**edge % 5 for edge in range(len(EDGES))))

    def index(self, arch: Arch) -> int:
        """The benchmark's number of a cell."""
        self.check(arch)
        return sum(option * 5**edge for edge, option in enumerate(arch.code))

    def parse(self, text: str) -> Arch:
        """Read six digits 0..4, an operation per edge in the order of `EDGES`, such as 234001."""
        digits = text.strip()
        if len(digits) != len(EDGES) or not set(digits) <= set("01234"):
            raise InvalidArch(
                f"{self.name}: {text!r} is not {len(EDGES)} digits 0..4 such as 234001 (0 zero, "
                "1 skip, 2 to 4 convolutions behind neurons of threshold 0.5, 1.0, 1.5)"
            )
        return Arch(self.name, tuple(map(int, digits)))

    def format(self, arch: Arch) -> str:
        """Six digits, an operation per edge."""
        self.check(arch)
        return "".join(map(str, arch.code))

    def canonical(self, arch: Arch) -> Arch:
        """The functionally equal cell with the smallest number."""
        return self.at(int(_representatives()[self.index(arch)]))

    def live(self, arch: Arch) -> Arch:
        """The cell with zero on every edge that lies on no path from node 0 to node 3."""
        self.check(arch)
        reached, reaching = {0}, {3}
        edges = list(zip(arch.code, EDGES, strict=True))
        for option, (source, target) in edges:
            if option and source in reached:
                reached.add(target)
        for option, (source, target) in reversed(edges):
            if option and target in reaching:
                reaching.add(source)
        code = (op if s in reached and t in reaching else 0 for op, (s, t) in edges)
        return Arch(self.name, tuple(code))

    def graph(self, arch: Arch) -> Graph:
        """8 nodes: input, the operation of each edge in `EDGES`, output."""
        self.check(arch)
        adjacency = np.zeros((8, 8), dtype=bool)
        for edge, (source, target) in enumerate(EDGES, start=1):
            adjacency[0, edge] = source == 0
            adjacency[edge, 7] = target == 3
            for later, (start, _) in enumerate(EDGES, start=1):
                adjacency[edge, later] = start == target
        return Graph(("input", *(OPS[option] for option in arch.code), "output"), adjacency)

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """All weighted layers and poolings, of one time step."""
        self.check(arch)
        convs = sum(option > 1 for option in arch.code)
        wide, half = 2 * _WIDTH, -(-size // 2)
        side = -(-half // 2)
        return (
            *conv_norm(3, _WIDTH, 3, size),
            *conv_norm(_WIDTH, _WIDTH, 3, size) * convs,
            norm(_WIDTH, size),
            conv(_WIDTH, wide, 3, size),
            pool("avg_pool", wide, 2, size, stride=2),
            *conv_norm(wide, wide, 3, half) * convs,
            pool("avg_pool", wide, 2, half, stride=2),
            Layer("linear", wide * side**2, _HIDDEN, bias=True),
            Layer("linear", _HIDDEN, _VOTES * classes, bias=True),
        )

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters, and MACs of one time step."""
        return Complexity.of(self.layers(arch, classes=classes, size=size))


@cache
def _representatives() -> NDArray[np.uint16]:
    """`compute_representatives`, stored."""
    stored = resources.files("nasrepro.oracles.data").joinpath("spikecell_representatives.npy")
    with stored.open("rb") as file:
        table: NDArray[np.uint16] = np.load(file, allow_pickle=False)
    return table


def compute_representatives() -> NDArray[np.uint16]:
    """Smallest number in the functional class of each number, shape (15625,); ten seconds."""
    first: dict[object, int] = {}
    return np.array(
        [first.setdefault(computed(arch), number) for number, arch in enumerate(SpikeCell())],
        dtype=np.uint16,
    )


def computed(arch: Arch) -> object:
    """What a cell computes, as `graph201.function_of` says it."""
    return function_of(tuple(_AS201[arch.code[edge]] for edge in _ORDER201))
