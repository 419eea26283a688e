"""EPE-NAS (Lopes, Alirezazadeh, Alexandre, ICANN 2021, arXiv:2102.08099).

The authors' code is `search.py`.

Deviations:
    - None known from the authors' code (as NASLib has it) for up to 100 classes; for more, theirs
      compares the classes in pairs, and so do we.
"""

from nasrepro.methods.nets.passes import JACOBIAN, observed
from nasrepro.suite.registry import scorer


@scorer("epe_nas", paper="arXiv:2102.08099, authors' code", needs_data=True, reads=(JACOBIAN,))
def score(network, batches):
    """Sum over classes of |sum of ln(|r| + 1e-5)|.

    r are the correlations between gradients of a class's samples.

    A sample's gradient is that of the sum of all logits by its pixels. Higher is better. Needs one
    batch with labels of real images. A class with one sample has the correlation 1. With more than
    100 classes, each class's sum is divided by its samples, and the mean over classes of the sum of
    differences to all others counts. Where a sample's gradient is zero, as in a disconnected cell,
    the score is NaN.
    """
    import torch

    jacobian, labels = observed(network, batches, 0, JACOBIAN).jacobian, batches[0][1]
    if jacobian is None:
        return float("nan")
    outputs = [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]
    many = outputs.out_features > 100
    sums = []
    for label in labels.unique():
        rows = jacobian[labels == label].double()
        correlations = torch.atleast_2d(torch.corrcoef(rows))
        total = (correlations.abs() + 1e-5).log().sum()
        sums.append(total / len(rows) if many else total)
    values = torch.stack(sums)
    if many:
        return float((values[:, None] - values).abs().sum() / len(values))
    return float(values.abs().sum())
