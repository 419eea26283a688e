"""Fisher (Turner et al., ICLR 2020, arXiv:1906.04113, Eq. 7).

The sum over a network is that of arXiv:2101.08134 and its code, `fisher.py`.
"""

from nasrepro.methods.nets.passes import SALIENCY, observed
from nasrepro.suite.registry import scorer


@scorer(
    "fisher", paper="arXiv:1906.04113; arXiv:2101.08134, Eq. 3", needs_data=True, reads=(SALIENCY,)
)
def score(network, batches):
    """Sum over weights of their channel's Fisher information; higher is better.

    A channel's value is 1/2 the mean over the batch of (sum over positions of a dL/da)^2.

    a is the output of a convolution or linear layer. The authors' code gives every weight its
    channel's value, so that a channel counts as often as it has weights. Needs labels and one
    batch. Dead layers add 0; a disconnected cell has the classifier's value alone.
    """
    return sum(
        float(channels.sum()) * weights
        for channels, weights in observed(network, batches, 0, SALIENCY).saliency
    )
