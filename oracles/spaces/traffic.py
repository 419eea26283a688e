"""Bytes that a built network moves, counted on the network itself on the meta device, where nothing is computed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasrepro.suite.space import Arch, SearchSpace


@lru_cache(maxsize=1 << 14)
def counted_traffic(
    space: SearchSpace, arch: Arch, in_channels: int, classes: int, size: int
) -> int:
    """What `SearchSpace.traffic` defines, by hooks; some 10 ms for each new architecture.

    A tensor that global pooling reads is counted by what the classifier's input says: as many
    channels as it has, over the last side.
    """
    import torch
    from torch import Tensor, nn

    numbers = 0
    last = torch.empty(0)

    def count(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal numbers, last
        numbers += (
            given[0].numel()
            + output.numel()
            + sum(parameter.numel() for parameter in module.parameters(recurse=False))
        )
        if isinstance(module, nn.Linear):  # and the global pooling before it
            numbers += given[0].numel() * (1 + last.shape[-1] * last.shape[-2])
        last = output

    with torch.device("meta"), torch.no_grad():
        network = space.build(arch, classes=classes).eval()
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.AvgPool2d | nn.MaxPool2d):
                module.register_forward_hook(count)
        network(torch.empty(1, in_channels, size, size))
    return 4 * numbers
