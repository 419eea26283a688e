"""Surgery on trained networks: channels split, added and cut, edges replicated and dealt, refits.

A move says what becomes of each group of channels (`nets.channels`); convolutions, batch norms, the
classifier and every slice and index are rebuilt to fit. (Splitting: Net2Net, arXiv:1511.05641;
replicating and dealing edges: arXiv:1806.02639; refits: AMC, arXiv:1802.03494.)
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from nasrepro.methods.nets.channels import (
    ChannelMap,
    channel_map,
    index_of,
    mixes,
    source_of,
    taken_of,
)
from nasrepro.suite.errors import NasreproError

#: What becomes of a group: for each copy of its channels, the factor of the weights that read it.
Factors = Mapping[int, Sequence[float]]
CUT: tuple[float, ...] = ()
HALVES = (0.5, 0.5)
ADDED = (1.0, 0.0)


# -- rebuilding ------------------------------------------------------------------------------------
def expanded(groups: Sequence[int], factors: Factors) -> list[tuple[int, int, int, float]]:
    """The channels that a row of channels becomes.

    Returns:
        (place before, group, number of the copy, factor of the weights that read it) of each;
        copies stand side by side, so that equal rows stay equal.
    """
    return [
        (place, group, number, factor)
        for place, group in enumerate(groups)
        for number, factor in enumerate(factors.get(group, (1.0,)))
    ]


def rebuilt(channels: ChannelMap, factors: Factors) -> fx.GraphModule:
    """The network with each group copied, added to or cut; batch norm is carried along.

    A copy writes what its original writes, so the function is kept where factors sum to 1.

    Args:
        channels: of the network.
        factors: what becomes of a group; the others stay.

    Raises:
        NasreproError: a locked group, or a layer that would lose all its channels.
    """
    others = sorted(set(factors) - set(channels.free()))
    if others:
        raise NasreproError(
            f"surgery: group {others[0]} is locked (image, logits or grouped convolution) or none "
            "of this network; take one of free()"
        )
    network = copy.deepcopy(channels.network)
    for node in network.graph.nodes:
        written = expanded(channels.gives[node.name], factors)
        if node.op == "call_module":
            read = expanded(channels.gives[source_of(node).name], factors)
            if not written or not read:
                raise NasreproError(
                    f"surgery: {node.target} would have no channel left; keep at least one"
                )
            network.set_submodule(
                node.target, _resized(network.get_submodule(node.target), read, written)
            )
        elif node.target == "expand":
            node.args = (*node.args[:2], len(written), *node.args[3:])
        elif node.target is operator.getitem:
            _reindex(node, channels, factors)
    network.graph.eliminate_dead_code()
    network.recompile()
    return network


_Row = list[tuple[int, int, int, float]]


def _resized(module: nn.Module, read: _Row, written: _Row) -> nn.Module:
    """A layer with other channels, its numbers those of the places that they come from."""
    rows = [place for place, *_ in written]
    if isinstance(module, nn.BatchNorm2d):
        names = ("weight", "bias", "running_mean", "running_var")
        return _with(module, {name: getattr(module, name)[rows] for name in names}, len(rows))
    if not isinstance(module, nn.Conv2d | nn.Linear):
        return module
    weight = module.weight.detach()[rows]
    if mixes(module):
        weight = weight[:, [place for place, *_ in read]]
        scale = torch.tensor([factor for *_, factor in read], dtype=weight.dtype)
        weight = weight * scale.view(1, -1, *(1,) * (weight.dim() - 2))
    values = {"weight": weight}
    if module.bias is not None:
        values["bias"] = module.bias.detach()[rows]
    return _with(module, values, len(rows), len(read))


def _with(
    module: nn.Module, values: Mapping[str, Tensor], outputs: int, inputs: int = 0
) -> nn.Module:
    """A copy of a layer with these numbers."""
    made = copy.deepcopy(module)
    for name, value in values.items():
        fresh = value.detach().clone()
        setattr(made, name, nn.Parameter(fresh) if name in ("weight", "bias") else fresh)
    if isinstance(made, nn.BatchNorm2d):
        made.num_features = outputs
    elif isinstance(made, nn.Linear):
        made.in_features, made.out_features = inputs, outputs
    elif isinstance(made, nn.Conv2d):
        if made.groups == made.in_channels == made.out_channels:
            made.groups = outputs
        made.in_channels, made.out_channels = inputs, outputs
    return made


def _reindex(node: fx.Node, channels: ChannelMap, factors: Factors) -> None:
    """Take the same channels, and all their copies, from a source that has changed."""
    index: Any = node.args[1]
    if not isinstance(index, tuple) or len(index) < 2:
        return
    before = list(range(len(channels.gives[source_of(node).name])))
    wanted = taken_of(before, index_of(node, channels.network))
    places: dict[int, list[int]] = {}
    for after, (place, *_) in enumerate(expanded(channels.gives[source_of(node).name], factors)):
        places.setdefault(place, []).append(after)
    taken = [after for place in wanted for after in places.get(place, [])]
    node.args = (node.args[0], (index[0], taken, *index[2:]))


# -- moves on channels -----------------------------------------------------------------------------
def split(channels: ChannelMap, groups: Sequence[int]) -> fx.GraphModule:
    """Two of each channel of the groups, read by half: the same function (Net2Net's wider)."""
    return rebuilt(channels, dict.fromkeys(groups, HALVES))


def cut(channels: ChannelMap, groups: Sequence[int]) -> fx.GraphModule:
    """Without the channels of these groups: the same function where all that they give is 0."""
    return rebuilt(channels, dict.fromkeys(groups, CUT))


def added(channels: ChannelMap, groups: Sequence[int], rows: Callable[[Tensor], None]) -> nn.Module:
    """A new channel beside each of the groups, which nothing reads yet: the same function.

    Args:
        channels: of the network.
        groups: a new channel goes wherever this one goes.
        rows: fills the weights that write a new channel, in place, shape (in, k, k) or (in,).
    """
    factors: dict[int, Sequence[float]] = dict.fromkeys(groups, ADDED)
    network = rebuilt(channels, factors)
    with torch.no_grad():
        for call in channels.calls():
            copies = enumerate(expanded(call.gives, factors))
            new = [row for row, (_, _, number, _) in copies if number]
            layer: Any = network.get_submodule(call.name)
            for row in new if isinstance(layer, nn.Conv2d | nn.Linear) else ():
                rows(layer.weight[row])
                if layer.bias is not None:
                    layer.bias[row] = 0.0
            if isinstance(layer, nn.BatchNorm2d):
                for name in ("weight", "bias", "running_mean", "running_var"):
                    getattr(layer, name)[new] = float(name in ("weight", "running_var"))
    return network


def norms(channels: ChannelMap, order: int = 1) -> dict[int, float]:
    """Norm of all weights that write each free group: what trimming by magnitude ranks by."""
    sums = dict.fromkeys(channels.free(), 0.0)
    for call in channels.calls():
        if isinstance(call.module, nn.Conv2d | nn.Linear):
            weight = call.module.weight.detach().abs().double()
            for group, power in zip(
                call.gives, weight.pow(order).flatten(1).sum(1).tolist(), strict=True
            ):
                if group in sums:
                    sums[group] += power
    return {group: total ** (1 / order) for group, total in sums.items()}


# -- moves on edges --------------------------------------------------------------------------------
class Averaged(nn.Module):
    """Branches that read the same, averaged."""

    def __init__(self, branches: Sequence[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """The mean of what the branches give."""
        first, *others = [branch(x) for branch in self.branches]
        mean: Tensor = sum(others, start=first) / len(self.branches)
        return mean


class Joined(nn.Module):
    """Branches side by side in the channels.

    Args:
        branches: each gives a share of the channels.
        places: the channels that each reads; None for all of them.
    """

    def __init__(
        self, branches: Sequence[nn.Module], places: Sequence[Sequence[int] | None]
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.places = [None if chosen is None else list(chosen) for chosen in places]

    def forward(self, x: Tensor) -> Tensor:
        """What the branches give, concatenated."""
        return torch.cat(
            [
                branch(x if chosen is None else x[:, chosen])
                for branch, chosen in zip(self.branches, self.places, strict=True)
            ],
            dim=1,
        )


def replicated(edge: nn.Module, count: int) -> Averaged:
    """Copies of an edge, averaged: the same function."""
    return Averaged([copy.deepcopy(edge) for _ in range(count)])


def dealt(edge: nn.Module, width: int, count: int) -> Joined:
    """An edge's channels dealt to `count` branches, concatenated: the same function.

    Where an output comes from one input (identity, pooling, depthwise), a branch reads its share.
    Channels of other shares that a layer of the edge reads stay in a branch; it gives its own.

    Args:
        edge: of `width` outputs; without weights, of as many inputs.
        width: channels that it gives.
        count: branches.

    Raises:
        NasreproError: the edge cannot be followed (`nets.channels`).
    """
    channels = channel_map(nn.Sequential(edge), lock_ends=False, width=width)
    ends = {node.op: node.name for node in channels.network.graph.nodes}
    outputs, inputs = channels.gives[ends["output"]], channels.gives[ends["placeholder"]]
    unread = {group for group in channels.free() if not channels.readers(group)}
    branches, places = [], []
    for share in shares_of(width, count):
        dropped = unread & set(outputs) - {outputs[place] for place in share}
        for call in channels.calls():  # no layer loses all its channels
            dropped -= set(call.gives) if dropped.issuperset(call.gives) else set()
        branch = cut(channels, sorted(dropped))
        left = [place for place, group in enumerate(outputs) if group not in dropped]
        if left != share:
            _give(branch, [left.index(place) for place in share])
        branches.append(branch)
        read = [place for place, group in enumerate(inputs) if group not in dropped]
        places.append(None if len(read) == len(inputs) else read)
    return Joined(branches, places)


def _give(network: fx.GraphModule, places: list[int]) -> None:
    """Make a network give these channels alone."""
    end = next(node for node in network.graph.nodes if node.op == "output")
    with network.graph.inserting_before(end):
        index = (slice(None), places)
        end.args = (network.graph.call_function(operator.getitem, (end.args[0], index)),)
    network.recompile()


def shares_of(width: int, count: int) -> list[list[int]]:
    """Consecutive channels in `count` shares, the first ones larger where it does not divide."""
    sizes = [width // count + (part < width % count) for part in range(count)]
    starts = [sum(sizes[:part]) for part in range(count)]
    return [list(range(start, start + size)) for start, size in zip(starts, sizes, strict=True)]


def identity_conv(conv: nn.Conv2d, norm: nn.BatchNorm2d, read: Tensor) -> None:
    """Make a convolution and its batch norm an identity on what `read` is a sample of.

    The kernel is 1 at its centre, the batch norm takes the sample's statistics and undoes them.

    Args:
        conv: as many outputs as inputs (dense or depthwise), odd kernel, stride 1.
        norm: behind it.
        read: (batch, channels, H, W).
    """
    with torch.no_grad():
        conv.weight.zero_()
        middle = conv.kernel_size[0] // 2
        rows = torch.arange(conv.out_channels)
        conv.weight[rows, 0 if conv.groups > 1 else rows, middle, middle] = 1.0
        mean, var = read.mean((0, 2, 3)), read.var((0, 2, 3), unbiased=False)
        for name, value in (("running_mean", mean), ("running_var", var), ("bias", mean)):
            getattr(norm, name).copy_(value)
        norm.weight.copy_((var + norm.eps).sqrt())


# -- refits and masks ------------------------------------------------------------------------------
def refit(conv: nn.Conv2d, read: Tensor, wanted: Tensor) -> None:
    """Weights of a convolution without bias that give `wanted` from `read` best (least squares).

    Args:
        conv: one group.
        read: what it reads now, (batch, in, H, W).
        wanted: what it gave before, (batch, out, H', W').
    """
    patches = F.unfold(read, conv.kernel_size, padding=conv.padding, stride=conv.stride)  # type: ignore[arg-type]
    points = patches.transpose(1, 2).flatten(0, 1).double()
    targets = wanted.flatten(2).transpose(1, 2).flatten(0, 1).double()
    solved = torch.linalg.lstsq(points, targets, driver="gelsd").solution
    with torch.no_grad():
        conv.weight.copy_(solved.T.reshape(conv.weight.shape))


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """Weights of convolutions and linear layers by name: what masks are on."""
    return {
        f"{name}.weight": module.weight
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }


def global_masks(scores: Mapping[str, Tensor], keep: float) -> dict[str, Tensor]:
    """Masks (1 or 0) of the `keep` share of all scores that are highest, ties by position.

    Args:
        scores: by name, one number for each weight.
        keep: share kept; the number cut is floor((1 - keep) N).
    """
    joined = torch.cat([score.flatten() for score in scores.values()])
    dropped = int((1 - keep) * len(joined) + 1e-9)
    flat = torch.ones(len(joined))
    flat[torch.sort(joined, stable=True).indices[:dropped]] = 0.0
    parts = flat.split([score.numel() for score in scores.values()])
    return {
        name: part.view(score.shape)
        for (name, score), part in zip(scores.items(), parts, strict=True)
    }
