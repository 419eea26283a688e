"""Parameters and layers of a NAS-Bench-101 cell."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from nasrepro.oracles.spaces.graph101 import (
    CONV3,
    INNER,
    OPS,
    OUTPUT,
    POOL,
    edges_of,
    graph_of,
    vertex_channels,
)
from nasrepro.oracles.spaces.layers import conv_norm, pool
from nasrepro.suite.space import Graph, Layer


@lru_cache(maxsize=1 << 15)
def _widths(graph: int, inputs: int, channels: int) -> tuple[int, int, tuple[int, ...]]:
    """Parameters of the projections of a canonical graph, and the channels of its inner vertices.

    The parameters are weights and those of batch norm.
    """
    matrix = graph_of(edges_of(graph), (0,) * INNER).adjacency
    widths = vertex_channels(matrix, channels)
    projected = [
        width for there, width in zip(matrix[0, 1:], [*widths, channels], strict=True) if there
    ]
    return inputs * sum(projected), 2 * sum(projected), tuple(widths)


def cell_sizes(graph: int, ops: Sequence[int], inputs: int, channels: int) -> tuple[int, int]:
    """Convolution weights and batch-norm parameters of a canonical cell.

    Whatever its input feeds gets it through a 1x1 convolution.
    """
    weights, norms, widths = _widths(graph, inputs, channels)
    for op, width in zip(ops, widths, strict=False):  # dead vertices stand at the end
        if op != POOL:
            weights += (9 if op == CONV3 else 1) * width**2
            norms += 2 * width
    return weights, norms


def cell_layers(cell: Graph, inputs: int, channels: int, side: int) -> list[Layer]:
    """Vertex by vertex, each projection of the input before the operation that it feeds."""
    layers: list[Layer] = []
    widths = (*vertex_channels(cell.adjacency, channels), channels)
    for vertex, (op, width) in enumerate(zip(cell.ops[1:], widths, strict=True), start=1):
        if cell.adjacency[0, vertex]:
            layers += conv_norm(inputs, width, 1, side)
        if op == OPS[POOL]:
            layers.append(pool("max_pool", width, 3, side, stride=1))
        elif op != OUTPUT:
            layers += conv_norm(width, width, 3 if op == OPS[CONV3] else 1, side)
    return layers
