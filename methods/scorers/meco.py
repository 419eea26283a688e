"""MeCo (Jiang, Wang, Bie, NeurIPS 2023, Eq. 7; authors' code, `meco.py`).

Deviations:
    - As in the authors' code every module counts, those that hold others too; how modules are
      nested in our networks is not how theirs nest them.
"""

from nasrepro.methods.nets.passes import scored
from nasrepro.suite.registry import scorer


@scorer("meco", paper="NeurIPS 2023; authors' code, github.com/HamsterMimi/MeCo")
def score(network, batches):
    """Sum over modules of the least eigenvalue of a feature map's correlations.

    The correlations are those between its channels.

    Of one image of 64 x 64 pixels from N(0, 1), drawn from torch's generator: no data. Correlations
    that are not defined count as 0. Higher is better.
    """
    import torch

    least = []

    def read(module, inputs, output):
        if output[0].dim() < 2 or output[0, 0].numel() == 1:  # no correlation is defined
            return
        correlations = torch.atleast_2d(torch.corrcoef(output[0].flatten(1).double()))
        least.append(torch.linalg.eigvalsh(correlations.nan_to_num(0.0, 0.0, 0.0))[0])

    hooks = [module.register_forward_hook(read) for module in network.modules()]
    try:
        with torch.no_grad(), scored(network):
            network(torch.randn(1, batches[0][0].shape[1], 64, 64))
    finally:
        for hook in hooks:
            hook.remove()
    return float(sum(least))
