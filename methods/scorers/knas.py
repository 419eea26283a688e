"""KNAS (Xu et al., ICML 2021, arXiv:2111.13293): the mean of the Gram matrix of gradients.

Deviations:
    - Neither the paper's body nor its code was read: the mean over pairs of samples of the inner
      product of their gradients is what its abstract names (MGM), with the gradients of TE-NAS's
      kernel (`ntk`).
"""

from nasrepro.methods.nets.samples import gram_of_logits
from nasrepro.suite.registry import scorer


@scorer("knas", paper="arXiv:2111.13293, abstract", needs_data=True)
def score(network, batches):
    """Mean over pairs of samples of the inner product of their gradients; higher is better.

    Needs one batch, no labels, and a backward pass for each image of it.
    """
    return float(gram_of_logits(network, batches).mean())
