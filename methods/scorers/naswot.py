"""NASWOT (Mellor et al., ICML 2021, arXiv:2006.04647, Eq. 2; authors' code, `score_networks.py`).

Deviations:
    - As in the authors' code, a hook sits on every module whose class is named after ReLU: on
      `ReLUConvBN` too, which reads what its ReLU reads, so that the ReLUs of a NAS-Bench-201 cell
      count twice and the last one once. `naswot_once` counts each once.
"""

from nasrepro.methods.nets.passes import scored
from nasrepro.suite.registry import scorer


@scorer("naswot", paper="arXiv:2006.04647, authors' code", needs_data=True)
def score(network, batches):
    """Ln |det K| of the samples' matching ReLU codes; higher is better.

    K[i, j] is the number of ReLU inputs positive for both or neither of samples i and j.

    Needs one batch, no labels; the score depends on the size of the batch. Where samples share all
    codes, as in a disconnected cell, K is singular and the score is -inf; where the network has no
    ReLU module it is NaN.
    """
    import torch

    kernels = []

    def count(module, inputs):
        x = (inputs[0].detach() > 0).to(torch.float32)
        x = x.permute(0, *range(2, x.dim()), 1).flatten(1)
        ones = x.sum(1)
        # x x' + (1 - x)(1 - x)', of whole numbers: exact up to 2 ** 24
        kernels.append((x.shape[1] - ones[:, None] - ones + 2 * (x @ x.T)).double())

    relus = [module for module in network.modules() if type(module).__name__.startswith("ReLU")]
    hooks = [module.register_forward_pre_hook(count) for module in relus]
    try:
        with torch.no_grad(), scored(network):
            network(batches[0][0].to(memory_format=torch.channels_last))
    finally:
        for hook in hooks:
            hook.remove()
    return float(sum(kernels).slogdet().logabsdet) if kernels else float("nan")
