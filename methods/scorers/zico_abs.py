"""ZiCo as its paper prints it.

The deviation of |g| (Li et al., ICLR 2023, arXiv:2301.11300, Eq. 15).

Deviations:
    - None known from Eq. 15. The authors' code takes the deviation of the signed gradient (`zico`).
"""

from nasrepro.methods.nets.zico import over_layers
from nasrepro.suite.registry import scorer


@scorer("zico_abs", paper="arXiv:2301.11300, Eq. 15", needs_data=True, batches=2)
def score(network, batches):
    """Sum over layers of ln(sum of mean |g| / std |g|) over batches; higher is better.

    Needs labels and at least two batches. Weights of which |g| is the same in every batch are left
    out; a disconnected cell scores 0.
    """
    return over_layers(network, batches, lambda mean, deviation: mean / deviation)
