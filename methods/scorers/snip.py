"""SNIP (Lee et al., ICLR 2019, arXiv:1810.02340, Eq. 4).

The sum over a network is that of arXiv:2101.08134, Eq. 1.
"""

from nasrepro.methods.nets.passes import gradients, layers
from nasrepro.suite.registry import scorer


@scorer("snip", paper="arXiv:1810.02340; arXiv:2101.08134, Eq. 1", needs_data=True)
def score(network, batches):
    """Sum over weights of |w dL/dw|, the gradient by a mask on each weight; higher is better.

    Needs labels and one batch. Dead layers add 0; a disconnected cell scores 0.
    """
    found = zip(layers(network), gradients(network, batches), strict=True)
    return sum(
        float((layer.weight.detach() * gradient).abs().sum())
        for layer, gradient in found
        if gradient is not None
    )
