"""NASWOT (Mellor et al., ICML 2021, arXiv:2006.04647, Eq. 2; authors' code, `score_networks.py`).

Deviations:
    - As in the authors' code, a hook sits on every module whose class is named after ReLU: on
      `ReLUConvBN` too, which reads what its ReLU reads, so that the ReLUs of a NAS-Bench-201 cell
      count twice and the last one once. `naswot_once` counts each once.
"""

from nasrepro.methods.nets.passes import CODES, codes
from nasrepro.suite.registry import scorer


@scorer("naswot", paper="arXiv:2006.04647, authors' code", needs_data=True, reads=(CODES,))
def score(network, batches):
    """Ln |det K| of the samples' matching ReLU codes; higher is better.

    K[i, j] is the number of ReLU inputs positive for both or neither of samples i and j.

    Needs one batch, no labels; the score depends on the size of the batch. Where samples share all
    codes, as in a disconnected cell, K is singular and the score is -inf; where the network has no
    ReLU module it is NaN.
    """
    kernel = codes(network, batches).named
    return float("nan") if kernel is None else float(kernel.slogdet().logabsdet)
