"""Zen-score with the deviations of the batch (arXiv:2102.01063, Algorithm 1).

The paper is Lin et al., ICCV 2021.

Deviations:
    - One repetition per network; the authors' code averages several, and reads batch norm's running
      averages (`zen`).
"""

from nasrepro.methods.nets.zen import change_and_variances
from nasrepro.suite.registry import scorer


@scorer("zen_batch", paper="arXiv:2102.01063, Algorithm 1")
def score(network, batches):
    """Ln mean |f(x) - f(x + 0.01 e)|, summed over features, plus batch norms' deviations.

    The latter are ln of the batch's deviation, over batch norms.

    Data and disconnected cells as for `zen`.
    """
    change, of_batch, _ = change_and_variances(network, batches)
    return change + sum(float(variance.log()) / 2 for variance in of_batch)
