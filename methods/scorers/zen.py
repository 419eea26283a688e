"""Zen-score (Lin et al., ICCV 2021, arXiv:2102.01063, Algorithm 1).

Deviations:
    - One repetition per network; the authors' code averages several. The deviations under the
      logarithm are of the batch, as in the paper; the authors' code reads batch norm's running
      averages.
    - Features are what enters the last average pooling over the image, else the last linear layer.
"""

from nasrepro.methods.nets.passes import gaussian, scored
from nasrepro.suite.registry import scorer


@scorer("zen", paper="arXiv:2102.01063, Algorithm 1")
def score(network, batches):
    """Ln of the mean |f(x) - f(x + 0.01 e)|, summed over features, plus the sum over batch norms of ln sqrt(mean variance of their input).

    f has weights from N(0, 1), x and e are images from N(0, 1): no data but the shape of a batch.
    They are drawn from torch's generator, which `nasrepro score` seeds. Higher is better. Where
    features do not depend on the image, as in a disconnected cell, it is -inf.
    """
    import torch
    from torch import nn

    images = batches[0][0]
    pools, linears = (
        [module for module in network.modules() if isinstance(module, kind)]
        for kind in (nn.AdaptiveAvgPool2d, nn.Linear)
    )
    features, variances = [], []
    hooks = [
        (pools or linears)[-1].register_forward_pre_hook(
            lambda module, inputs: features.append(inputs[0])
        )
    ]
    hooks += [
        module.register_forward_pre_hook(
            lambda module, inputs: variances.append(inputs[0].var((0, 2, 3), correction=0).mean())
        )
        for module in network.modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    try:
        with torch.no_grad(), scored(network), gaussian(network):
            x = torch.randn_like(images)
            network(x)
            scale = sum(float(variance.log()) / 2 for variance in variances)
            network(x + 0.01 * torch.randn_like(images))
    finally:
        for hook in hooks:
            hook.remove()
    change = (features[0] - features[1]).abs().flatten(1).sum(1).mean()
    return float(change.log()) + scale
