"""Plain saliency (arXiv:2101.08134, authors' code, `plain.py`)."""

from nasrepro.methods.nets.passes import gradients, layers
from nasrepro.suite.registry import scorer


@scorer("plain", paper="arXiv:2101.08134, authors' code", needs_data=True)
def score(network, batches):
    """Sum over weights of w dL/dw; taken as higher is better, though it often ranks backwards.

    Needs labels and one batch. A layer followed by batch norm adds almost nothing (the loss does
    not depend on the scale of its weights), so what is left is the classifier and rounding. Dead
    layers add 0; a disconnected cell scores 0.
    """
    found = zip(layers(network), gradients(network, batches), strict=True)
    return sum(
        float((layer.weight.detach() * gradient).sum())
        for layer, gradient in found
        if gradient is not None
    )
