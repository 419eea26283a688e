"""AZ-NAS (Lee, Ham, CVPR 2024, arXiv:2403.19232; authors' code): four proxies, combined by rank.

Deviations:
    - The ranks are among the networks that are ranked together, as in the authors' table of
      correlations; their search ranks a network among those that it has seen.
    - Their complexity is the benchmark's own count of operations; ours is `macs`.
    - Of the parts, those of `az_expressivity`.
"""

import numpy as np
from scipy.stats import rankdata

from nasrepro.suite.registry import scorer


@scorer(
    "az_nas",
    paper="arXiv:2403.19232, authors' code",
    combines=("az_expressivity", "az_progressivity", "az_trainability", "macs"),
)
def score(scores):
    """Sum of ln(rank / n) of expressivity, progressivity, trainability and MACs; higher is better.

    Ties share their mean rank; n networks are ranked.
    """
    return sum(np.log(rankdata(each) / len(each)) for each in scores.values())
