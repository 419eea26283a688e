"""GraSP (Wang et al., ICLR 2020, arXiv:2002.07376, Eq. 8).

The sum over a network is that of arXiv:2101.08134, Eq. 1.
"""

from nasrepro.methods.nets.passes import layers, scored
from nasrepro.suite.registry import scorer


@scorer("grasp", paper="arXiv:2002.07376, Eq. 8; arXiv:2101.08134, Eq. 1", needs_data=True)
def score(network, batches):
    """Minus the sum over weights of w (H g), H the Hessian of the loss and g its gradient.

    Higher is better.

    Needs labels and one batch, and two backward passes through each other: the dearest of these
    scorers. Dead layers add 0; a disconnected cell has no second derivative and scores 0.
    """
    import torch
    from torch.nn import functional as F

    images, labels = batches[0]
    with scored(network):
        weights = [layer.weight for layer in layers(network)]
        loss = F.cross_entropy(network(images.to(memory_format=torch.channels_last)), labels)
        firsts = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True)
        product = torch.stack(
            [(first * first.detach()).sum() for first in firsts if first is not None]
        ).sum()  # its gradient by w is H g
        seconds = torch.autograd.grad(product, weights, allow_unused=True)
    found = zip(weights, seconds, strict=True)
    return -sum(
        float((weight.detach() * second).sum()) for weight, second in found if second is not None
    )
