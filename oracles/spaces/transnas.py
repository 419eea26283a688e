"""The two spaces of TransNAS-Bench-101 (arXiv:2105.11871).

Cells (micro) and skeletons (macro) of one kind of backbone.

A backbone is a stem that divides the image by four and gives 64 channels, then a row of modules,
each two blocks long. A module's digit says what its first block does: 1 nothing, 2 doubles the
channels, 3 halves the image, 4 both. In the micro space the skeleton is 41414 and the block is a
cell of 4 nodes with one of 4 operations on each of its 6 edges; in the macro space the block is
ResNet's basic block and the skeleton is searched: 4 to 6 modules, 1 to 3 doublings, 1 to 4
halvings.

`complexity` is the backbone's, which is what an architecture's string describes and what the
benchmark's own `encoder_params` counts; the head on it is the task's. The backbone is known from
the authors' public code. Parameters and MACs of micro cells are checked against a second source
(NASLib's) for all its 711 cells and seven tasks, where they differ by one constant per task, the
head; no second source of the macro space was found.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.spaces.graph201 import EDGES
from nasrepro.oracles.spaces.layers import conv, norm
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Complexity, Graph, Layer, SearchSpace, Topology

if TYPE_CHECKING:
    from torch import nn

BASE = 64
#: Channels are doubled, the image is halved by these modules.
WIDENING, HALVING = (2, 4), (3, 4)

#: Operations of a micro cell, by their digits.
OPS = ("none", "skip_connect", "conv1x1", "conv3x3")
NONE, SKIP, CONV1, CONV3 = range(4)
MICRO_SKELETON = (4, 1, 4, 1, 4)
_TOPOLOGY = Topology(tuple(sorted(EDGES)), OPS[1:], on_edges=True, output=3)

#: Modules, doublings and halvings of a macro skeleton.
LENGTHS, WIDENINGS, HALVINGS = (4, 5, 6), (1, 2, 3), (1, 2, 3, 4)
_RULES = "4 to 6 modules out of 1 to 4, of which 1 to 3 widen (2, 4) and 1 to 4 halve (3, 4)"


class Conv(NamedTuple):
    """A convolution without bias and the batch norm behind it.

    Kernel, channels and side (pixels) in, channels out, stride; `halves` where it is two 1x1 side
    by side, the second one pixel off (a skip that halves the side).
    """

    kernel: int
    channels: int
    side: int
    out_channels: int
    stride: int
    halves: bool = False

    @property
    def out_side(self) -> int:
        """Height and width of what it writes, pixels."""
        return -(-self.side // self.stride)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The convolution, or its two halves, and the batch norm."""
        half = self.out_channels // 2
        parts = (half, self.out_channels - half) if self.halves else (self.out_channels,)
        return (
            *(
                conv(self.channels, out, self.kernel, self.side, stride=self.stride)
                for out in parts
            ),
            norm(self.out_channels, self.out_side),
        )


class _Backbone(SearchSpace):
    """What both spaces share: stem, modules, counting, building.

    Architectures keep their official names whatever the arguments.

    Args:
        channels: behind the stem.
        stem_stride: of each of the stem's two convolutions; 1 for small images.
        in_channels: channels of the image.
    """

    settings = ("channels", "stem_stride", "in_channels")

    def __init__(self, *, channels: int = BASE, stem_stride: int = 2, in_channels: int = 3) -> None:
        self.channels, self.stem_stride, self.in_channels = channels, stem_stride, in_channels

    @abstractmethod
    def skeleton(self, arch: Arch) -> tuple[int, ...]:
        """The modules' digits."""

    @abstractmethod
    def block(
        self, arch: Arch, channels: int, side: int, out_channels: int, stride: int
    ) -> Iterable[Conv]:
        """The convolutions of one block."""

    def convolutions(self, arch: Arch, *, size: int) -> Iterator[Conv]:
        """Every convolution of the backbone for images of `size` pixels.

        All but the first have a ReLU before them.
        """
        self.check(arch)
        channels, step = self.channels, self.stem_stride
        stem = Conv(3, self.in_channels, size, channels // 2, step)
        yield stem
        second = Conv(3, channels // 2, stem.out_side, channels, step)
        yield second
        side = second.out_side
        for module in self.skeleton(arch):
            out_channels = 2 * channels if module in WIDENING else channels
            stride = 2 if module in HALVING else 1
            yield from self.block(arch, channels, side, out_channels, stride)
            channels, side = out_channels, -(-side // stride)
            yield from self.block(arch, channels, side, channels, 1)

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs of the backbone.

        `classes` makes no difference, for the head is not counted.
        """
        return Complexity.of(self.layers(arch, classes=classes, size=size))

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """The backbone's layers, block by block; as in `complexity`, without the task's head."""
        return tuple(layer for made in self.convolutions(arch, size=size) for layer in made.layers)

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The backbone with the head of the classification tasks.

        Global pooling and a linear layer, which `complexity` leaves out.
        """
        from nasrepro.oracles.spaces.nettransnas import NetworkTransNas

        modules = [(module in WIDENING, module in HALVING) for module in self.skeleton(arch)]
        return NetworkTransNas(
            self.built_block(arch),
            modules,
            classes=classes,
            channels=self.channels,
            stem_stride=self.stem_stride,
            in_channels=self.in_channels,
        )

    @abstractmethod
    def built_block(self, arch: Arch) -> Callable[[int, int, int], nn.Module]:
        """What makes a block of (inputs, outputs, stride)."""


class TransNasMicro(_Backbone):
    """The 4,096 cells of the micro space.

    An architecture's code is the operation of each edge, in the order of the official string.
    """

    name = "transnas_micro"
    cardinalities = (len(OPS),) * len(EDGES)
    decisions = tuple(f"{source}->{target}" for source, target in EDGES)

    def parse(self, text: str) -> Arch:
        """Read `64-41414-1_02_333`."""
        match = re.fullmatch(r"64-41414-([0-3])_([0-3]{2})_([0-3]{3})", text.strip())
        if match is None:
            raise InvalidArch(
                f"{self.name}: {text!r} is not of the form 64-41414-1_02_333 (0 none, 1 skip, 2 "
                "conv1x1, 3 conv3x3)"
            )
        return Arch(self.name, tuple(map(int, "".join(match.groups()))))

    def format(self, arch: Arch) -> str:
        """The official string."""
        self.check(arch)
        digits = "".join(map(str, arch.code))
        return f"{BASE}-{''.join(map(str, MICRO_SKELETON))}-{digits[0]}_{digits[1:3]}_{digits[3:]}"

    def live(self, arch: Arch) -> Arch:
        """The cell with `none` on every edge that lies on no path from node 0 to node 3."""
        self.check(arch)
        reached, reaching = {0}, {3}
        edges = list(zip(arch.code, EDGES, strict=True))
        for option, (source, target) in edges:
            if option != NONE and source in reached:
                reached.add(target)
        for option, (source, target) in reversed(edges):
            if option != NONE and target in reaching:
                reaching.add(source)
        return Arch(
            self.name,
            tuple(
                option if source in reached and target in reaching else NONE
                for option, (source, target) in edges
            ),
        )

    def canonical(self, arch: Arch) -> Arch:
        """The isomorphic cell with the smallest code.

        Dead edges dropped, nodes 1 and 2 in order where no edge joins them.
        """
        code = self.live(arch).code
        if code[EDGES.index((1, 2))] == NONE:
            first, second, between, over, from_first, from_second = code
            code = min(code, (second, first, between, over, from_second, from_first))
        return Arch(self.name, code)

    def graph(self, arch: Arch) -> Graph:
        """8 nodes: input, the operation of each edge, output. Edges marked `none` stay as nodes."""
        self.check(arch)
        return Graph(("input", *(OPS[option] for option in arch.code), "output"), _edges_as_nodes())

    def topology(self) -> Topology:
        """Operations on the 6 edges, node 3 the output; removing an edge makes it `none`."""
        return _TOPOLOGY

    def wired(self, kept: Collection[int], ops: Sequence[int]) -> Arch:
        """The cell with `none` on all but the live ones of the kept edges.

        Raises InvalidArch where no path leads to node 3.
        """
        live = {_TOPOLOGY.edges[edge]: 1 + ops[edge] for edge in _TOPOLOGY.live(kept)}
        if not live:
            raise InvalidArch(
                f"{self.name}: no path leads from node 0 to node 3 over the edges "
                f"{sorted(_TOPOLOGY.edges[i] for i in kept)}"
            )
        return self.arch([live.get(edge, NONE) for edge in EDGES])

    def skeleton(self, arch: Arch) -> tuple[int, ...]:
        """41414 for every cell."""
        return MICRO_SKELETON

    def block(
        self, arch: Arch, channels: int, side: int, out_channels: int, stride: int
    ) -> Iterator[Conv]:
        """The convolutions of a cell. Edges from node 0 carry the change of shape.

        A skip over one is a 1x1 convolution.
        """
        inner = -(-side // stride)
        for option, (source, _) in zip(arch.code, EDGES, strict=True):
            width, pixels, step = (out_channels, inner, 1) if source else (channels, side, stride)
            if option in (CONV1, CONV3):
                yield Conv(3 if option == CONV3 else 1, width, pixels, out_channels, step)
            elif option == SKIP and (width, step) != (out_channels, 1):
                yield Conv(1, width, pixels, out_channels, step, halves=True)

    def built_block(self, arch: Arch) -> Callable[[int, int, int], nn.Module]:
        """The cell."""
        from nasrepro.oracles.spaces.nettransnas import MicroCell

        return partial(MicroCell, arch.code)


class TransNasMacro(_Backbone):
    """The 3,256 skeletons of the macro space.

    An architecture's code is the digit of each of six modules, with 0 behind the last one.
    """

    name = "transnas_macro"
    cardinalities = (5,) * max(LENGTHS)
    decisions = tuple(f"module {module}" for module in range(1, max(LENGTHS) + 1))

    def __len__(self) -> int:
        """Number of skeletons."""
        return len(_skeletons())

    def check(self, arch: Arch) -> None:
        """Raise InvalidArch unless `arch` is one of the skeletons."""
        super().check(arch)
        if arch.code not in _skeleton_index():
            raise InvalidArch(
                f"{self.name}: code {arch.code} is no skeleton: {_RULES}, and 0 only behind them"
            )

    def at(self, index: int) -> Arch:
        """The skeleton at an official index."""
        return Arch(self.name, _skeletons()[self._check_index(index)])

    def index(self, arch: Arch) -> int:
        """The official index of a skeleton."""
        self.check(arch)
        return _skeleton_index()[arch.code]

    def sample(self, rng: np.random.Generator) -> Arch:
        """Uniform over the skeletons."""
        return self.at(int(rng.integers(len(self))))

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """All skeletons that differ in one module, or by one module at the end."""
        return tuple(near for near in super().neighbours(arch) if near.code in _skeleton_index())

    def parse(self, text: str) -> Arch:
        """Read `64-2311-basic`."""
        match = re.fullmatch(r"64-([1-4]{4,6})-basic", text.strip())
        code = tuple(map(int, match[1].ljust(max(LENGTHS), "0"))) if match else ()
        if code not in _skeleton_index():
            raise InvalidArch(f"{self.name}: {text!r} is not of the form 64-2311-basic: {_RULES}")
        return Arch(self.name, code)

    def format(self, arch: Arch) -> str:
        """The official string."""
        return f"{BASE}-{''.join(map(str, self.skeleton(arch)))}-basic"

    def graph(self, arch: Arch) -> Graph:
        """The chain of modules: input, `module_1` to `module_4` by their digits, output."""
        modules = tuple(f"module_{module}" for module in self.skeleton(arch))
        return Graph(("input", *modules, "output"), np.eye(len(modules) + 2, k=1, dtype=bool))

    def convs(self, arch: Arch) -> int:
        """Convolutions of the modules.

        Four each, and one in the shortcut of a module that changes the shape.
        """
        return sum(4 + (module > 1) for module in self.skeleton(arch))

    def skeleton(self, arch: Arch) -> tuple[int, ...]:
        """The modules' digits."""
        self.check(arch)
        return tuple(module for module in arch.code if module)

    def block(
        self, arch: Arch, channels: int, side: int, out_channels: int, stride: int
    ) -> Iterator[Conv]:
        """The convolutions of a basic block; its shortcut has one where the shape changes."""
        first = Conv(3, channels, side, out_channels, stride)
        yield first
        yield Conv(3, out_channels, first.out_side, out_channels, 1)
        if (channels, stride) != (out_channels, 1):
            yield Conv(1, channels, side, out_channels, stride)

    def built_block(self, arch: Arch) -> Callable[[int, int, int], nn.Module]:
        """ResNet's basic block."""
        from nasrepro.oracles.spaces.nettransnas import BasicBlock

        return BasicBlock


@cache
def _skeletons() -> tuple[tuple[int, ...], ...]:
    """Codes of the macro space in official order.

    Not published as a list here: rebuilt as nested loops over length, doublings, halvings, their
    places. It gives the 3,256 skeletons and the one official index known in print (1 is 2311), and
    the training times of the table follow the MACs (the converter checks it); every other nesting
    of the loops tried destroys that.
    """
    return tuple(
        tuple(
            (1 + (place in wide) + 2 * (place in half)) if place < length else 0
            for place in range(max(LENGTHS))
        )
        for length in LENGTHS
        for widenings in WIDENINGS
        for halvings in HALVINGS
        for wide in combinations(range(length), widenings)
        for half in combinations(range(length), halvings)
    )


@cache
def _skeleton_index() -> dict[tuple[int, ...], int]:
    return {code: index for index, code in enumerate(_skeletons())}


@cache
def _edges_as_nodes() -> NDArray[np.bool_]:
    nodes = ((-1, 0), *EDGES, (3, 4))  # input and output as edges from and to the outside
    adjacency = np.array([[into == start for start, _ in nodes] for _, into in nodes])
    adjacency.setflags(write=False)
    return adjacency
