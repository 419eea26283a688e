"""SynFlow (Tanaka et al., NeurIPS 2020, arXiv:2006.05467, Eq. 3).

The sum over a network is that of arXiv:2101.08134, Eq. 2.
"""

from nasrepro.methods.nets.passes import linearised
from nasrepro.suite.registry import scorer


@scorer("synflow", paper="arXiv:2006.05467; arXiv:2101.08134, Eq. 2")
def score(network, batches):
    """Sum over weights of |w dR/dw|; higher is better.

    R is the sum of the logits of an image of ones under |w|, without batch norm.

    Needs no data but the shape of an image. Computed in double precision: values grow with depth,
    to 1e46 and more. Dead layers add 0; a disconnected cell scores 0.
    """
    return sum(
        float((weight * gradient).abs().sum())
        for weight, gradient in linearised(network, batches[0][0].shape[1:])
    )
