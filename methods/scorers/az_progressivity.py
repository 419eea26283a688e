"""Progressivity of AZ-NAS (Lee, Ham, CVPR 2024, arXiv:2403.19232; authors' code).

Deviations:
    - As for `az_expressivity`.
"""

from itertools import pairwise

from nasrepro.methods.nets.cell_features import cell_features, entropies
from nasrepro.suite.registry import scorer


@scorer("az_progressivity", paper="arXiv:2403.19232, authors' code")
def score(network, batches):
    """The least rise, from one cell to the next, of `az_expressivity`'s entropy; higher is better.

    Needs the shape of a batch alone. -inf where a feature map is constant.
    """
    with cell_features(network, batches) as maps:
        found = entropies(maps)
    rises = [after - before for before, after in pairwise(found)]
    return min(rises) if all(rise == rise for rise in rises) else float("-inf")
