"""What the Zen-score is made of: the change of features, and the deviations under batch norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nasrepro.methods.nets.passes import gaussian, scored

if TYPE_CHECKING:
    from torch import Tensor, nn


def change_and_variances(
    network: nn.Module, batches: Sequence[tuple[Tensor, Tensor]]
) -> tuple[float, list[Tensor], list[Tensor]]:
    """Of a network with weights from N(0, 1), on images from N(0, 1) of the batch's shape.

    Features are what enters the last average pooling over the image, else the last linear layer.
    Images are drawn from torch's generator.

    Returns:
        Ln of the mean over images of the sum of |f(x) - f(x + 0.01 e)|; by batch norm, the mean
        variance of its input over the batch x; and the mean of its running variance after x and
        x + 0.01 e.
    """
    import torch
    from torch import nn

    images = batches[0][0]
    pools, linears = (
        [module for module in network.modules() if isinstance(module, kind)]
        for kind in (nn.AdaptiveAvgPool2d, nn.Linear)
    )
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    features: list[Tensor] = []
    variances: list[Tensor] = []
    hooks = [
        (pools or linears)[-1].register_forward_pre_hook(
            lambda module, inputs: features.append(inputs[0])
        )
    ]
    hooks += [
        norm.register_forward_pre_hook(
            lambda module, inputs: variances.append(inputs[0].var((0, 2, 3), correction=0).mean())
        )
        for norm in norms
    ]
    try:
        with torch.no_grad(), scored(network), gaussian(network):
            x = torch.randn_like(images)
            network(x)
            of_batch = list(variances)
            network(x + 0.01 * torch.randn_like(images))
            running = [norm.running_var.mean() for norm in norms if norm.running_var is not None]
    finally:
        for hook in hooks:
            hook.remove()
    change = (features[0] - features[1]).abs().flatten(1).sum(1).mean()
    return float(change.log()), of_batch, running
