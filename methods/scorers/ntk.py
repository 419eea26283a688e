"""Condition of the neural tangent kernel (TE-NAS, arXiv:2102.11535, Eq. 4).

The paper is Chen, Gong, Wang, ICLR 2021.

Deviations:
    - The authors' code draws weights by Kaiming's rule and takes the mean of three draws; here one
      draw by torch's defaults, as for all scorers.
    - Theirs counts the scales of batch norm where these are trained; here convolutions and linear
      layers alone.
    - The other half of TE-NAS, its count of linear regions, is not here.
"""

from nasrepro.methods.nets.samples import gram_of_logits
from nasrepro.suite.registry import scorer


@scorer("ntk", paper="arXiv:2102.11535, Eq. 4", needs_data=True)
def score(network, batches):
    """Minus the largest over the smallest eigenvalue of the kernel of a batch's gradients.

    Higher is better.

    Needs one batch, no labels, and a backward pass for each image of it. Where the smallest is not
    above 0 but for rounding, as in a disconnected cell, the score is -inf.
    """
    import torch

    eigenvalues = torch.linalg.eigvalsh(gram_of_logits(network, batches))
    smallest, largest = float(eigenvalues[0]), float(eigenvalues[-1])
    return -largest / smallest if smallest > 1e-12 * largest else float("-inf")
