"""Zen-score (Lin et al., ICCV 2021, arXiv:2102.01063, Algorithm 1).

The authors' code is `compute_zen_score.py`.

Deviations:
    - One repetition per network; the authors' code averages several.
    - The deviations under the logarithm are batch norm's running ones after both passes, as in the
      authors' code, where a running variance begins at 1; the paper has those of the batch
      (`zen_batch`).
    - Every batch norm of the network counts, as theirs; but `nasrepro score` scores cells without
      their dead parts, whose batch norms count in their code. `--as-built` (`as_built` of a
      setting) scores them with these.
"""

from nasrepro.methods.nets.zen import change_and_variances
from nasrepro.suite.registry import scorer


@scorer("zen", paper="arXiv:2102.01063, authors' code")
def score(network, batches):
    """Ln mean |f(x) - f(x + 0.01 e)|, summed over features, plus batch norms' deviations.

    The latter are ln of the running deviation, over batch norms.

    f has weights from N(0, 1), x and e are images from N(0, 1): no data but the shape of a batch.
    They are drawn from torch's generator, which `nasrepro score` seeds. Higher is better. Where
    features do not depend on the image, as in a disconnected cell, it is -inf.
    """
    change, _, running = change_and_variances(network, batches)
    return change + sum(float(variance.log()) / 2 for variance in running)
