"""Ablation of ZiCo: the deviation alone (Li et al., ICLR 2023, arXiv:2301.11300, ablation study).

Deviations:
    - The formula of the ablation was not read: it is Eq. 15 without its mean.
"""

from nasrepro.methods.nets.zico import over_layers
from nasrepro.suite.registry import scorer


@scorer("zico_std", paper="arXiv:2301.11300, ablation", needs_data=True, batches=2)
def score(network, batches):
    """Sum over layers of ln(sum of 1 / std |g|) over batches; higher is better.

    Data as for `zico`.
    """
    return over_layers(network, batches, lambda mean, deviation: 1 / deviation)
