"""Peak memory of a network's activations, exactly: the least over all orders of its operations.

A tensor lives from the operation that gives it to the last one that reads it. While an operation
runs, what it reads and what it gives are there together. Batch norm and ReLU are taken as fused; a
concatenation, a slice and a reshaping are no copies: what they stand for lives on. Weights are not
counted.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from nasrepro.suite.space import Arch, SearchSpace


@dataclass(frozen=True)
class Tensors:
    """What a network computes, in one topological order; the last one is its output.

    Attributes:
        sizes: bytes (or numbers) of each tensor.
        reads: the tensors that each one is computed from.
    """

    sizes: tuple[int, ...]
    reads: tuple[tuple[int, ...], ...]

    @property
    def readers(self) -> tuple[int, ...]:
        """By tensor, bits of the tensors that are computed from it; itself where it is kept."""
        readers = [0] * len(self.sizes)
        for tensor, reads in enumerate(self.reads):
            for read in reads:
                readers[read] |= 1 << tensor
        readers[-1] |= 1 << len(self.sizes)  # the output is read when all is over
        return tuple(readers)


def peak_in(tensors: Tensors, order: Sequence[int]) -> int:
    """Peak of one order of the operations."""
    readers, done, peak = tensors.readers, 0, 0
    for tensor in order:
        alive = _alive(tensors, readers, done)
        peak = max(peak, alive + tensors.sizes[tensor])
        done |= 1 << tensor
    return peak


def _alive(tensors: Tensors, readers: Sequence[int], done: int) -> int:
    """What is there after these operations (bits), before the next one."""
    return sum(
        size
        for tensor, size in enumerate(tensors.sizes)
        if done >> tensor & 1 and readers[tensor] & ~done
    )


def peak(tensors: Tensors) -> int:
    """The least peak of all topological orders.

    A shortest path over the sets of operations done so far, where the length of a path is its
    greatest step; the sets are few where the graph is a row of small cells.
    """
    readers = tensors.readers
    needs = [sum(1 << read for read in set(reads)) for reads in tensors.reads]
    everything = (1 << len(tensors.sizes)) - 1
    queue: list[tuple[int, int]] = [(0, 0)]
    settled: set[int] = set()
    while queue:
        reached, negated = heapq.heappop(queue)
        done = -negated  # of equal peaks, the one that is further on
        if done == everything:
            return reached
        if done in settled:
            continue
        settled.add(done)
        alive = _alive(tensors, readers, done)
        for tensor, size in enumerate(tensors.sizes):
            if not done >> tensor & 1 and needs[tensor] & ~done == 0:
                heapq.heappush(queue, (max(reached, alive + size), -(done | 1 << tensor)))
    raise ValueError("tensors that are computed from each other")


def tensors_of(network: nn.Module, shape: tuple[int, int, int], width: int = 1) -> Tensors:
    """The tensors of one forward pass of one image.

    Args:
        network: any that can be followed (`nets.channels`).
        shape: of the image: channels, height, width.
        width: bytes of a number.
    """
    import torch
    from torch import nn
    from torch.fx.passes.shape_prop import ShapeProp

    from nasrepro.methods.nets.channels import followed

    graph = followed(network.eval())
    with torch.no_grad():
        ShapeProp(graph).propagate(torch.zeros(1, *shape))
    fused = (nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.Flatten, nn.Dropout)
    views = {torch.cat, operator.getitem, torch.relu, nn.functional.relu, torch.flatten}
    names = {"flatten", "relu", "contiguous", "expand"}
    held: dict[object, tuple[int, ...]] = {}
    sizes: list[int] = []
    reads: list[tuple[int, ...]] = []
    for node in graph.graph.nodes:
        given = tuple(dict.fromkeys(t for source in node.all_input_nodes for t in held[source]))
        is_view = node.target in views or node.target in names
        if node.op == "call_module":
            is_view = isinstance(graph.get_submodule(node.target), fused)
        if node.op == "get_attr" or (is_view and given):
            held[node] = given
        elif node.op != "output":
            sizes.append(width * int(node.meta["tensor_meta"].shape.numel()))
            reads.append(given)
            held[node] = (len(sizes) - 1,)
    return Tensors(tuple(sizes), tuple(reads))


def peak_memory(
    space: SearchSpace, arch: Arch, *, classes: int, shape: tuple[int, int, int], width: int = 1
) -> int:
    """Bytes of an architecture's network at their peak, on one image, `width` bytes a number."""
    import torch

    with torch.random.fork_rng(devices=[]):
        network = space.build(arch, classes=classes)
    return peak(tensors_of(network, shape, width))
