"""A trained chain of convolutions with fewer channels: which ones stay, and weights refitted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nasrepro.methods.nets.channels import channel_map
from nasrepro.methods.nets.surgery import cut, refit


def chain_macs(shape: tuple[int, int, int], widths: Sequence[int], classes: int) -> int:
    """Multiply-accumulate operations of a `nets.chain.Chain` on one image."""
    total, side = 0, shape[1]
    for number, (inputs, width) in enumerate(zip((shape[0], *widths), widths, strict=False)):
        side = -(-side // 2) if number == len(widths) // 2 else side
        total += 9 * inputs * width * side**2
    return total + widths[-1] * classes


def kept_channels(network: nn.Module, widths: Sequence[int], by: str) -> list[list[int]]:
    """The channels of each convolution with the largest L1 norm, in order; ties to the first.

    Args:
        network: a chain.
        widths: how many stay.
        by: "readers", weights of the next layer that read a channel (AMC), or "writers", those
            that write it (CompactNet).
    """
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    kept = []
    for writer, reader, width in zip(layers, layers[1:], widths, strict=False):
        weight = writer.weight if by == "writers" else reader.weight.transpose(0, 1)
        norms = weight.detach().abs().flatten(1).sum(1).double()
        order = sorted(range(len(norms)), key=lambda c, n=norms: (-round(float(n[c]), 6), c))  # type: ignore[misc]
        kept.append(sorted(order[:width]))
    return kept


def narrowed(network: nn.Module, kept: Sequence[Sequence[int]]) -> nn.Module:
    """The chain with these channels of each convolution; batch norm is carried along."""
    channels = channel_map(network)
    convs = [call for call in channels.calls() if isinstance(call.module, nn.Conv2d)]
    dropped = [
        group
        for call, places in zip(convs, kept, strict=True)
        for place, group in enumerate(call.gives)
        if place not in set(places)
    ]
    return cut(channels, dropped)


def overwritten(network: nn.Module, widths: Sequence[int]) -> nn.Module:
    """The chain as CompactNet's code trims it: each position of a kernel ranks for itself.

    Of each input channel and place, the numbers of largest absolute value stay, in the order of
    the filters; batch norm and the next layer follow the last position.

    Args:
        network: a chain.
        widths: how many filters of each convolution stay.
    """
    for layer, width in enumerate(widths):
        convs: list[Any] = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
        if width == convs[layer].out_channels:
            continue
        weight = convs[layer].weight.detach()
        size = weight.abs().double().round(decimals=6)
        order = size.argsort(dim=0, descending=True, stable=True)[:width].sort(dim=0).values
        kept = [list(range(conv.out_channels)) for conv in convs]
        kept[layer] = order[:, -1, -1, -1].tolist()
        network = narrowed(network, kept)
        trimmed: list[Any] = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
        with torch.no_grad():
            trimmed[layer].weight.copy_(weight.gather(0, order))
    return network


def refitted(
    network: nn.Module, before: nn.Module, kept: Sequence[Sequence[int]], images: Tensor
) -> None:
    """Weights of each convolution that give best what they gave before, layer by layer.

    Args:
        network: narrowed; changed in place.
        before: the chain that it was.
        kept: channels of each convolution that stayed.
        images: a sample.
    """
    names = [name for name, module in before.named_modules() if isinstance(module, nn.Conv2d)]
    for name, places in zip(names[1:], kept[1:], strict=True):  # the first reads what it did
        wanted = _seen(before, name, images)[1][:, list(places)]
        layer: Any = network.get_submodule(name)
        refit(layer, _seen(network, name, images)[0], wanted)


def _seen(network: nn.Module, name: str, images: Tensor) -> tuple[Tensor, Tensor]:
    """What a layer reads and gives, in evaluation mode."""
    seen: list[tuple[Tensor, Tensor]] = []
    handle = network.get_submodule(name).register_forward_hook(
        lambda module, given, result: seen.append((given[0], result))
    )
    with torch.no_grad():
        network.eval()(images)
    handle.remove()
    return seen[0]


def widest(macs: Any, widths: Sequence[int], layer: int, most: float) -> int:
    """The largest width of a layer, others as given, within so many MACs; 0 where none is."""
    fitting = (
        width
        for width in range(widths[layer], 0, -1)
        if macs([*widths[:layer], width, *widths[layer + 1 :]]) <= most
    )
    return next(fitting, 0)


def uniform(macs: Any, widths: Sequence[int], most: float) -> list[int]:
    """All layers at the largest common share of their widths within so many MACs.

    What is left of the MACs goes to the layers in turn, from the first, a channel each.
    """
    shares = (
        [max(1, math.floor(width * percent / 100)) for width in widths]
        for percent in range(100, 0, -1)
    )
    narrow = next((share for share in shares if macs(share) <= most), [1] * len(widths))
    for layer in range(len(widths)):
        wider = [*narrow[:layer], min(narrow[layer] + 1, widths[layer]), *narrow[layer + 1 :]]
        narrow = wider if macs(wider) <= most else narrow
    return narrow
