"""ZiCo (Li et al., ICLR 2023, arXiv:2301.11300, Eq. 15; authors' code, `compute_zico.py`).

    for each of N batches: g_i <- gradient of the cross-entropy by the weights, at initialisation
    score <- sum over convolutions and linear layers of ln( sum over weights of mean_i |g_i| /
      std_i(g_i) )

Deviations:
    - Eq. 15 has the deviation of |g|; the authors' code takes that of the signed g, and so do we.
    - With two batches mean / std is (|g1| + |g2|) / |g1 - g2| exactly; that is computed, with no
      copy to the host.

The denominator is a difference of two gradients, near 0 for some weights, and those terms count
most: between instruction sets (AVX-512 and AVX2) the score of one network differs by up to 1.4 %
(small networks, batches of 16) or .3 % (the published setting), where the gradient norm differs by
1e-7.
"""

from nasrepro.methods.nets.passes import gradients
from nasrepro.suite.registry import scorer


@scorer("zico", paper="arXiv:2301.11300, Eq. 15", needs_data=True, batches=2)
def score(network, batches):
    """Sum over layers of ln(sum of mean |g| / std g) over batches; higher is better.

    Needs labels and at least two batches (the paper: two of 128). Weights whose gradient is the
    same in every batch (zero, mostly) are left out, and so is a layer in which all are: a
    disconnected cell scores 0. A gradient that is not finite makes the score so.
    """
    total = 0.0
    for layer in zip(
        *(gradients(network, batches, index) for index in range(len(batches))), strict=True
    ):
        if layer[0] is not None:
            total += _layer(layer)
    return total


def _layer(given):
    if len(given) == 2:
        first, second = given
        mean, deviation = first.abs() + second.abs(), (first - second).abs()
    else:
        import torch

        stacked = torch.stack(given)
        mean, deviation = stacked.abs().mean(0), stacked.std(0, correction=0)
    ratio = (mean / deviation)[deviation != 0]  # a deviation of NaN stays
    return float(ratio.sum().log()) if ratio.numel() else 0.0
