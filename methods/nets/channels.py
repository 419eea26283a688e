"""Which channels of a network belong together.

A network of any space is followed operation by operation (torch.fx). Channels that are added to
each other, or that a depthwise convolution maps one to one, form one group: what happens to one of
them happens to all.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import fx, nn

from nasrepro.suite.errors import NasreproError

_CHANNELWISE: tuple[type[nn.Module], ...] = (
    nn.ReLU,
    nn.ReLU6,
    nn.Identity,
    nn.AvgPool2d,
    nn.MaxPool2d,
    nn.AdaptiveAvgPool2d,
    nn.Flatten,
    nn.Dropout,
    nn.BatchNorm2d,
)
_CHANNELWISE_CALLS: frozenset[Any] = frozenset(
    {F.relu, F.avg_pool2d, F.max_pool2d, F.pad, torch.relu, torch.flatten, operator.mul}
    | {"mul", "mean", "flatten", "relu", "contiguous", operator.truediv}
)
_SUMS: frozenset[Any] = frozenset({operator.add, operator.iadd, torch.add, "add"})


class Call(NamedTuple):
    """A layer, and the group of each channel that it reads and gives."""

    name: str
    module: nn.Module
    reads: tuple[int, ...]
    gives: tuple[int, ...]


@dataclass(frozen=True)
class ChannelMap:
    """Which channels of a network belong together.

    Attributes:
        network: the network as a graph of operations; never changed.
        gives: group of each channel of what a node of the graph gives, by the node's name.
        locked: groups that nothing may happen to: images, logits, grouped convolutions.
    """

    network: fx.GraphModule
    gives: Mapping[str, tuple[int, ...]]
    locked: frozenset[int]

    def calls(self) -> Iterator[Call]:
        """The layers, in the order in which they are called."""
        for node in self.network.graph.nodes:
            if node.op == "call_module":
                yield Call(
                    str(node.target),
                    self.network.get_submodule(str(node.target)),
                    self.gives[source_of(node).name],
                    self.gives[node.name],
                )

    def writers(self, group: int) -> list[tuple[str, int]]:
        """(layer, row) of each convolution or linear layer that writes a channel of the group."""
        return [
            (call.name, row)
            for call in self.calls()
            if isinstance(call.module, nn.Conv2d | nn.Linear)
            for row, other in enumerate(call.gives)
            if other == group
        ]

    def readers(self, group: int) -> list[tuple[str, int]]:
        """(layer, column) of each layer with a weight for every channel that reads the group."""
        return [
            (call.name, column)
            for call in self.calls()
            if mixes(call.module)
            for column, other in enumerate(call.reads)
            if other == group
        ]

    def free(self) -> list[int]:
        """Groups that a move may change, in the order in which the network meets them."""
        seen = dict.fromkeys(group for gives in self.gives.values() for group in gives)
        return [group for group in seen if group not in self.locked]

    def written(self, name: str) -> tuple[int, ...]:
        """Group of each channel that a layer gives."""
        return next(call.gives for call in self.calls() if call.name == name)


class _Tracer(fx.Tracer):
    """Passes identities by, of which some networks make one while they run."""

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        return (
            args[0] if isinstance(m, nn.Identity) else super().call_module(m, forward, args, kwargs)
        )


def followed(network: nn.Module) -> fx.GraphModule:
    """A copy of the network as a graph of operations.

    Raises:
        NasreproError: its forward pass depends on values.
    """
    copied = copy.deepcopy(network)
    try:
        return fx.GraphModule(copied, _Tracer().trace(copied))
    except Exception as error:  # whatever the network's own code raises on a tracer's stand-in
        raise NasreproError(
            f"surgery: cannot follow {type(network).__name__} ({error}); "
            "its forward pass must not depend on values"
        ) from error


def channel_map(network: nn.Module, *, lock_ends: bool = True, width: int = 0) -> ChannelMap:
    """Follow every channel through a network.

    Args:
        network: of convolutions, batch norms, poolings, sums, concatenations, slices and linear
            layers; one input, whose first reader is a convolution.
        lock_ends: whether the channels of input and output stay as they are.
        width: channels of the input of a network without weights.

    Raises:
        NasreproError: it does something else, or calls a layer twice.
    """
    graph = followed(network)
    atoms = _Atoms()
    gives: dict[fx.Node, list[int]] = {}
    called: set[str] = set()
    for node in graph.graph.nodes:
        if node.op == "call_module":
            if node.target in called:
                raise NasreproError(f"surgery: {node.target} is called twice; give it one call")
            called.add(node.target)
        gives[node] = _follow(node, graph, gives, atoms, lock_ends, width)
    roots = {atom: atoms.root(atom) for atom in range(len(atoms.parents))}
    return ChannelMap(
        graph,
        {node.name: tuple(roots[atom] for atom in given) for node, given in gives.items()},
        frozenset(roots[atom] for atom in atoms.locked),
    )


@dataclass
class _Atoms:
    """Channels as they are first written, and which of them are tied (union-find)."""

    parents: list[int] = field(default_factory=list)
    locked: set[int] = field(default_factory=set)

    def fresh(self, count: int) -> list[int]:
        first = len(self.parents)
        self.parents.extend(range(first, first + count))
        return list(range(first, first + count))

    def root(self, atom: int) -> int:
        while self.parents[atom] != atom:
            atom = self.parents[atom]
        return atom

    def tie(self, left: Sequence[int], right: Sequence[int]) -> None:
        for one, other in zip(left, right, strict=True):
            low, high = sorted((self.root(one), self.root(other)))
            self.parents[high] = low


def _follow(
    node: fx.Node,
    network: fx.GraphModule,
    gives: Mapping[fx.Node, list[int]],
    atoms: _Atoms,
    lock_ends: bool,
    width: int,
) -> list[int]:
    """The channels of what a node gives."""
    if node.op == "placeholder":
        first = next((m for m in network.modules() if isinstance(m, nn.Conv2d)), None)
        norm = next((m for m in network.modules() if isinstance(m, nn.BatchNorm2d)), None)
        count = first.in_channels if first else norm.num_features if norm else width
        image = atoms.fresh(count)
        atoms.locked.update(image if lock_ends else ())
        return image
    if node.op == "get_attr":
        return []
    if node.op == "output":
        result = gives[node.args[0]]  # type: ignore[index]
        atoms.locked.update(result if lock_ends else ())
        return result
    if node.op == "call_module":
        return _through(network.get_submodule(str(node.target)), gives[source_of(node)], atoms)
    if node.target is torch.cat:
        return [atom for part in node.args[0] for atom in gives[part]]  # type: ignore[union-attr,index]
    given = gives[source_of(node)]
    if node.target in _SUMS:
        for other in node.args[1:]:
            if isinstance(other, fx.Node):
                atoms.tie(given, gives[other])
        return given
    if node.target is operator.getitem:
        return taken_of(given, index_of(node, network))
    if node.target == "expand":  # of one channel, all zeros or all alike
        atoms.locked.update(given)
        return atoms.fresh(int(node.args[2]))  # type: ignore[arg-type]
    if node.target in _CHANNELWISE_CALLS:
        return given
    raise NasreproError(f"surgery: cannot follow channels through {node.target}")


def _through(module: nn.Module, given: list[int], atoms: _Atoms) -> list[int]:
    """The channels that a layer gives."""
    if isinstance(module, nn.Linear):
        if module.in_features != len(given):
            raise NasreproError(
                f"surgery: a linear layer reads {module.in_features} numbers of {len(given)} "
                "channels; pool each channel to one number first"
            )
        return atoms.fresh(module.out_features)
    if isinstance(module, nn.Conv2d):
        written = atoms.fresh(module.out_channels)
        if module.groups == module.in_channels == module.out_channels:
            atoms.tie(given, written)
        elif module.groups > 1:
            atoms.locked.update([*given, *written])
        return written
    if isinstance(module, _CHANNELWISE):
        return given
    raise NasreproError(f"surgery: cannot follow channels through {type(module).__name__}")


def mixes(module: nn.Module) -> bool:
    """Whether each output of a layer has a weight for every input."""
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)


def source_of(node: fx.Node) -> fx.Node:
    """The node that a node reads first."""
    source: fx.Node = node.all_input_nodes[0]
    return source


def index_of(node: fx.Node, network: fx.GraphModule) -> Any:
    """What a node takes along the channels; None for all of them."""
    index = node.args[1]
    if not isinstance(index, tuple) or len(index) < 2:
        return slice(None)
    chosen = index[1]
    if isinstance(chosen, fx.Node):
        return operator.attrgetter(str(chosen.target))(network).tolist()
    return chosen


def taken_of(given: Sequence[int], index: Any) -> list[int]:
    """What an index or a slice takes of a row of channels."""
    return list(given[index] if isinstance(index, slice) else [given[place] for place in index])
