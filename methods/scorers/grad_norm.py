"""Gradient norm (Abdelfattah et al., ICLR 2021, arXiv:2101.08134, Sec. 3.1)."""

from nasrepro.methods.nets.passes import gradients
from nasrepro.suite.registry import scorer


@scorer("grad_norm", paper="arXiv:2101.08134, Sec. 3.1", needs_data=True)
def score(network, batches):
    """Sum over layers of the Euclidean norm of dL/dw; higher is better.

    Needs labels and one batch. Dead layers add 0; a disconnected cell has the same zero everywhere
    but in what needs no cell.
    """
    return sum(
        float(gradient.norm()) for gradient in gradients(network, batches) if gradient is not None
    )
