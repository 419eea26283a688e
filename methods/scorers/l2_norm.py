"""Norm of the weights (arXiv:2101.08134, authors' code, `l2_norm.py`)."""

from nasrepro.methods.nets.passes import layers
from nasrepro.suite.registry import scorer


@scorer("l2_norm", paper="arXiv:2101.08134, authors' code")
def score(network, batches):
    """Sum over layers of the Euclidean norm of the initial weights; higher is better.

    Needs no data: it says how many layers there are, and how wide. It cannot tell dead layers from
    others; `nasrepro score` scores cells without their dead parts, unless `--as-built`.
    """
    return sum(float(layer.weight.detach().norm()) for layer in layers(network))
