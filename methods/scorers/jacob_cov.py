"""Jacobian covariance (Mellor et al., first version of arXiv:2006.04647, Eq. 4).

It is also in arXiv:2101.08134 and its code, `jacob_cov.py`.
"""

from nasrepro.methods.nets.passes import JACOBIAN, observed
from nasrepro.suite.registry import scorer


@scorer(
    "jacob_cov", paper="arXiv:2006.04647v1; arXiv:2101.08134", needs_data=True, reads=(JACOBIAN,)
)
def score(network, batches):
    """Minus the sum of ln(v + k) + 1 / (v + k) over eigenvalues v; k = 1e-5.

    They are the eigenvalues of the correlations between samples' gradients.

    A sample's gradient is that of the sum of all logits by its pixels. Higher is better. Needs one
    batch, no labels. Where a sample's gradient is zero, as in a disconnected cell, it has no
    correlation: the score is NaN.
    """
    import torch

    jacobian = observed(network, batches, 0, JACOBIAN).jacobian
    correlations = None if jacobian is None else jacobian.double().corrcoef()
    if correlations is None or not correlations.isfinite().all():
        return float("nan")
    shifted = torch.linalg.eigvalsh(correlations) + 1e-5
    return -float((shifted.log() + 1 / shifted).sum())
