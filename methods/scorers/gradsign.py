"""GradSign (Zhang, Jia, ICLR 2022, arXiv:2110.08616, Algorithm 1).

The authors' code is `grad_conflict.py`.

Deviations:
    - None known from the authors' code. They take one batch of 64; the setting says how many here.
"""

from nasrepro.methods.nets.samples import sign_agreement
from nasrepro.suite.registry import scorer


@scorer("gradsign", paper="arXiv:2110.08616, authors' code", needs_data=True)
def score(network, batches):
    """Sum over weights of |sum over samples of the sign of the sample's gradient|.

    Higher is better.

    Needs labels and one batch, and a pass for each image of it. Dead layers add 0; a disconnected
    cell scores 0.
    """
    return sign_agreement(network, batches[0])
