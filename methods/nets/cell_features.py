"""What AZ-NAS reads: the feature maps between the cells of a network with fresh weights.

Lee, Ham, CVPR 2024 (arXiv:2403.19232; authors' code, `compute_az_nas_score.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nasrepro.methods.nets.passes import gaussian, scored
from nasrepro.suite.errors import NasreproError

if TYPE_CHECKING:
    from torch import Tensor, nn

    Batches = Sequence[tuple[Tensor, Tensor]]


@contextmanager
def cell_features(network: nn.Module, batches: Batches) -> Iterator[list[Tensor]]:
    """Outputs of the stem and of each cell, on images from N(0, 1) of the batch's shape.

    Weights are from N(0, 2 / fan-in), batch norm uses the batch. Weights and images are drawn from
    torch's generator. The graph of gradients is there while this is open.

    Raises:
        NasreproError: the network is no stem and a row of cells.
    """
    import torch
    from torch import nn

    stem, cells = getattr(network, "stem", None), getattr(network, "cells", ())
    parts = [part for part in (stem, *cells) if isinstance(part, nn.Module)]
    maps: list[Tensor] = []
    read: Callable[..., None] = lambda module, inputs, output: maps.append(output)  # noqa: E731
    hooks = [part.register_forward_hook(read) for part in parts]
    try:
        with torch.enable_grad(), scored(network), gaussian(network):
            with torch.no_grad():
                for module in network.modules():
                    if isinstance(module, nn.Conv2d | nn.Linear):
                        module.weight.mul_((2 / module.weight[0].numel()) ** 0.5)
            network(torch.randn_like(batches[0][0]))
            if len(maps) < 3:
                raise NasreproError(
                    f"{type(network).__name__} is no stem and a row of cells, which AZ-NAS reads; "
                    "use the spaces of NAS-Bench-201 or DARTS"
                )
            yield maps
    finally:
        for hook in hooks:
            hook.remove()


def entropies(maps: Sequence[Tensor]) -> list[float]:
    """Of each feature map (n, channels, H, W): entropy of the spectrum of its channels.

    The spectrum is that of the covariance over samples and positions, divided by its sum; what is
    below zero by rounding is 0. NaN where a map is constant.
    """
    import torch

    found = []
    for each in maps:
        rows = each.detach().permute(0, 2, 3, 1).flatten(0, 2)
        rows = rows - rows.mean(0, keepdim=True)
        spectrum = torch.linalg.eigvalsh(rows.T @ rows / len(rows)).clamp(min=0)
        shares = spectrum / spectrum.sum()
        found.append(float(-(shares * (shares + 1e-8).log()).sum()))
    return found
