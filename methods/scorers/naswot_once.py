"""NASWOT with every ReLU counted once (Mellor et al., ICML 2021, arXiv:2006.04647, Eq. 2).

Deviations:
    - The authors' code counts the ReLUs of a cell twice (`naswot`).
"""

from nasrepro.methods.nets.passes import CODES, codes
from nasrepro.suite.registry import scorer


@scorer("naswot_once", paper="arXiv:2006.04647, Eq. 2", needs_data=True, reads=(CODES,))
def score(network, batches):
    """Ln |det K| of the samples' matching ReLU codes; higher is better.

    K[i, j] is the number of ReLU inputs positive for both or neither of samples i and j.

    Needs one batch, no labels; the score depends on the size of the batch. Where samples share all
    codes, as in a disconnected cell, K is singular and the score is -inf; where the network has no
    ReLU module it is NaN.
    """
    kernel = codes(network, batches).once
    return float("nan") if kernel is None else float(kernel.slogdet().logabsdet)
