"""Optional parts of a space, beside its core.

A space overrides the parts that it offers. The others have a default that follows from the core, or
raise an error that names the space and the missing part.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nasrepro.suite.errors import NasreproError, NoTopology
from nasrepro.suite.space.arch import Arch
from nasrepro.suite.space.structure import Block, Graph, Growth, Layer, Topology

if TYPE_CHECKING:
    from torch import nn


class Topological:
    """A space of subgraphs of one DAG."""

    name: str

    def topology(self) -> Topology:
        """The space as subgraphs of one DAG.

        Raises:
            NoTopology: it is no such space (widths, a row of layers).
        """
        raise self._no_topology()

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
        raise self._no_topology()

    def _no_topology(self) -> NoTopology:
        return NoTopology(
            f"space {self.name} has no topology: its architectures are not subgraphs of one DAG; "
            "use a space of cells"
        )


class Growing:
    """A space whose small architectures grow to whole ones."""

    cardinalities: tuple[int, ...]

    def growth(self) -> tuple[Growth, ...]:
        """Steps from small architectures to whole ones, by a rule that closes what is undecided.

        Here: one step, all decisions free.
        """
        decisions = tuple(range(len(self.cardinalities)))
        return (Growth(decisions, decisions, (0,) * len(decisions)),)


class Layered:
    """A space that lists the layers of its networks."""

    name: str

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """The layers that `complexity` counts, and the poolings between them, in forward order.

        Args:
            arch: the architecture.
            classes: outputs of the classifier.
            size: height and width of the input image, pixels.

        Raises:
            NasreproError: the space has no convolutional networks, or does not list their layers.
        """
        raise NasreproError(f"space {self.name} does not list the layers of its networks")

    def traffic(self, arch: Arch, *, classes: int, size: int) -> int:
        """Bytes that one forward pass of one image moves, 4 bytes a number.

        What each convolution, pooling and classifier reads and writes, parameters included; batch
        norm, ReLU and sums are taken as fused. MACs per byte are the compute intensity.

        Raises:
            NasreproError: as for `layers`.
        """
        return 4 * sum(layer.moved for layer in self.layers(arch, classes=classes, size=size))


class Described:
    """Counts for scorers and metrics of topology."""

    def graph(self, arch: Arch) -> Graph:
        """The architecture as a graph; of the core."""
        raise NotImplementedError

    def live(self, arch: Arch) -> Arch:
        """The architecture without its dead parts; of the core."""
        raise NotImplementedError

    def convs(self, arch: Arch) -> int:
        """Number of convolutions among the operations of `arch` (in one cell, of cells)."""
        return sum("conv" in op for op in self.graph(arch).ops)

    def blocks(self, arch: Arch) -> tuple[Block, ...]:
        """The parts of the network that have one width, for metrics of topology.

        Here: the live graph as one cell of width 1, with a link where an edge leaps.
        """
        graph = self.graph(self.live(arch))
        sources, targets = (ends.tolist() for ends in np.nonzero(graph.adjacency))
        edges = list(zip(sources, targets, strict=True))  # by source: its level is final by then
        level = [0] * len(graph.ops)
        for source, target in edges:
            level[target] = max(level[target], level[source] + 1)
        links = sum(level[target] - level[source] > 1 for source, target in edges)
        areas = sum(map(_kernel_areas, graph.ops))
        return (Block(1, max(1, level[-1] - 1), links, 0, 1, areas),)


@cache
def _kernel_areas(op: str) -> int:
    """Areas of the square kernels in the name of a convolution, summed; 0 of another operation."""
    sides = re.findall(r"(\d+)x\1", op) if "conv" in op else ()
    return sum(int(side) ** 2 for side in sides)


class Built:
    """A space whose networks can be built, and surrounded by other ones.

    Attributes:
        settings: the keywords of the constructor, each kept as an attribute of its name.
    """

    name: str
    settings: ClassVar[tuple[str, ...]] = ()

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The network, untrained. Torch is imported only here."""
        raise NotImplementedError(f"{self.name}: networks of this space cannot be built yet")

    def supernet(self, *, classes: int) -> Any:
        """One untrained network that holds all architectures of the space, with shared weights.

        A torch module with `choose(code)` (be one architecture), `mix(gates, active)` (be a sum of
        operations at each place, gates (decisions, options)) and `path(code)` (the stand-alone
        network with the shared weights).

        Raises:
            NasreproError: the space has none.
        """
        raise NasreproError(
            f"space {self.name} has no supernet; use one that has, such as cell201 or macro"
        )

    @property
    def network(self) -> dict[str, Any]:
        """The settings of this space's networks, by keyword."""
        return {name: getattr(self, name) for name in self.settings}

    def with_network(self, **settings: Any) -> Self:
        """The same (whole) space with other networks, for example `channels=8, cells=1`.

        Raises:
            NasreproError: its networks have no such setting.
        """
        for name in settings:
            if name not in self.settings:
                raise NasreproError(
                    f"networks of {self.name} have no setting {name}; "
                    f"they have: {', '.join(self.settings) or 'none'}"
                )
        return type(self)(**{**self.network, **settings})
