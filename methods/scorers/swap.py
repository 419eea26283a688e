"""SWAP (Peng et al., ICLR 2024, arXiv:2403.04161, Definition 2; authors' code, `swap.py`).

Deviations:
    - Without the regularisation by size, whose two constants are the user's in the authors' code.
    - The setting says how many images; theirs takes 16.
"""

from nasrepro.methods.nets.passes import scored
from nasrepro.suite.registry import scorer


@scorer("swap", paper="arXiv:2403.04161, Definition 2", needs_data=True)
def score(network, batches):
    """How many distinct patterns over the samples the outputs of all ReLUs have; higher is better.

    A pattern says for which samples of the batch one number of the feature maps is positive. Needs
    one batch, no labels. Where the network has no ReLU on feature maps it is 0.
    """
    import numpy as np
    import torch

    patterns = []

    def read(module, inputs, output):
        if output.dim() == 4:
            signs = (output.detach() > 0).flatten(1).T  # (numbers, samples)
            patterns.append(np.unique(np.packbits(signs.numpy(), axis=1), axis=0))

    relus = [module for module in network.modules() if isinstance(module, torch.nn.ReLU)]
    hooks = [module.register_forward_hook(read) for module in relus]
    try:
        with torch.no_grad(), scored(network):
            network(batches[0][0])
    finally:
        for hook in hooks:
            hook.remove()
    return float(len(np.unique(np.concatenate(patterns), axis=0))) if patterns else 0.0
