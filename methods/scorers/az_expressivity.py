"""Expressivity of AZ-NAS (Lee, Ham, CVPR 2024, arXiv:2403.19232; authors' code).

Deviations:
    - AZ-NAS adds up logarithms of the ranks of this, of `az_progressivity`, `az_trainability` and
      of MACs among the networks compared; here each stands by itself.
    - Eigenvalues below zero by rounding count as 0; in the authors' code they can make the score
      -inf.
    - `nasrepro score` scores cells without their dead parts; they make no difference here.
"""

from nasrepro.methods.nets.cell_features import cell_features, entropies
from nasrepro.suite.registry import scorer


@scorer("az_expressivity", paper="arXiv:2403.19232, authors' code")
def score(network, batches):
    """Sum over stem and cells of the entropy of their outputs' spectra; higher is better.

    Needs the shape of a batch alone. -inf where a feature map is constant.
    """
    with cell_features(network, batches) as maps:
        total = sum(entropies(maps))
    return total if total == total else float("-inf")
