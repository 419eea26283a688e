"""Parts of an architecture that a space may show.

Graph, size, layers, steps of growth, topology, blocks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """An architecture as a DAG with operations on nodes.

    The nodes are in topological order (first: input, last: output).

    Attributes:
        ops: operation name per node, length V.
        adjacency: bool, shape (V, V); `adjacency[i, j]` is an edge i -> j, so it is strictly upper
            triangular.
    """

    ops: tuple[str, ...]
    adjacency: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Complexity:
    """Exact size of the built network.

    Attributes:
        params: trainable parameters.
        macs: multiply-accumulate operations of one forward pass of one image (never called "flops"
            here).
    """

    params: int
    macs: int

    @classmethod
    def of(cls, layers: Iterable[Layer]) -> Complexity:
        """The size of a network of these layers."""
        listed = tuple(layers)
        return cls(sum(layer.params for layer in listed), sum(layer.macs for layer in listed))


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a built network, on one square image.

    Attributes:
        kind: what it computes; `global_pool` is the mean over all places.
        in_channels: channels that it reads.
        out_channels: channels that it writes.
        kernel: side of its kernel or window, pixels.
        stride: step of its kernel or window, pixels.
        groups: of a convolution; `in_channels` where it is depthwise.
        in_side: height and width of what it reads, pixels; 1 for a linear layer.
        out_side: height and width of what it writes, pixels.
        bias: whether a convolution or linear layer adds a bias; a batch norm always does.
        weights: of a convolution or a linear layer, without its bias; else 0.
        params: trainable parameters: weights and bias, or scale and shift of a batch norm.
        macs: multiply-accumulate operations on one image, without the bias.
    """

    kind: Literal["conv", "linear", "batch_norm", "avg_pool", "max_pool", "global_pool"]
    in_channels: int
    out_channels: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    in_side: int = 1
    out_side: int = 1
    bias: bool = False
    # Computed once: networks of a space share most of their layers, and are sized by the thousand.
    weights: int = field(init=False, repr=False, compare=False)
    params: int = field(init=False, repr=False, compare=False)
    macs: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        weighted = self.kind in ("conv", "linear")
        inputs = self.in_channels // self.groups
        weights = weighted * self.kernel**2 * inputs * self.out_channels
        added = 2 if self.kind == "batch_norm" else int(self.bias)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "params", weights + added * self.out_channels)
        object.__setattr__(self, "macs", weights * self.out_side**2)

    @property
    def moved(self) -> int:
        """Numbers read and written on one image, parameters included.

        0 for a batch norm, taken as fused.
        """
        if self.kind == "batch_norm":
            return 0
        read = self.in_channels * self.in_side**2
        return read + self.out_channels * self.out_side**2 + self.params


@dataclass(frozen=True, slots=True)
class Growth:
    """One step from small architectures to whole ones, for progressive methods.

    Attributes:
        free: the decisions that this step frees, in the order in which to take them.
        taken: all that are taken by the end of it, in order; ends with `free`.
        rest: a code; it has the options of all other decisions, so that what was decided is an
            architecture already.
    """

    free: tuple[int, ...]
    taken: tuple[int, ...]
    rest: tuple[int, ...]

    def closed(self, options: Sequence[int]) -> tuple[int, ...]:
        """The code of the architecture with these options for the decisions `taken`."""
        code = list(self.rest)
        for decision, option in zip(self.taken, options, strict=True):
            code[decision] = int(option)
        return tuple(code)


@dataclass(frozen=True, slots=True)
class Topology:
    """A space as the subgraphs of one DAG, the guide: what topology methods see.

    There is an operation on each edge or on each vertex.

    `SearchSpace.wired` makes the architecture of some kept edges and the operations of all places.

    Attributes:
        edges: (source, target) of each edge of the guide, source < target, sorted by source; vertex
            0 is the input.
        ops: names of the operations that a place can hold; "no edge" is not among them.
        on_edges: whether the places are the edges, or the vertices 1, 2, ...
        output: the vertex that must be reached; None where all leaves together make the output.
    """

    edges: tuple[tuple[int, int], ...]
    ops: tuple[str, ...]
    on_edges: bool
    output: int | None = None

    @property
    def vertices(self) -> int:
        """Number of vertices, the input included."""
        return 1 + max(target for _, target in self.edges)

    @property
    def places(self) -> int:
        """How many operations an architecture has."""
        return len(self.edges) if self.on_edges else self.vertices - 1

    def live(self, kept: Collection[int]) -> tuple[int, ...]:
        """The kept edges (indices into `edges`) that are connected.

        The input reaches them and, where there is an `output`, they reach it.
        """
        reached = {0}
        for edge in sorted(kept):
            source, target = self.edges[edge]
            if source in reached:
                reached.add(target)
        live = [edge for edge in sorted(kept) if self.edges[edge][0] in reached]
        if self.output is not None:
            reaching = {self.output}
            for edge in reversed(live):
                source, target = self.edges[edge]
                if target in reaching:
                    reaching.add(source)
            live = [edge for edge in live if self.edges[edge][1] in reaching]
        return tuple(live)


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the built network with one width, as metrics of topology see it.

    Such a part is a cell or a residual block.

    Attributes:
        width: channels of a layer.
        depth: layers on the longest path.
        links: channels that skip links bring to its layers, summed.
        possible: the most that they could bring, where links concatenate; 0 where they add.
        inputs: channels of what it reads.
        kernels: kernel areas of its convolutions, summed (9 for a 3x3).
    """

    width: int
    depth: int
    links: int = 0
    possible: int = 0
    inputs: int = 0
    kernels: int = 0
