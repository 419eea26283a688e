"""Trainability of AZ-NAS (Lee, Ham, CVPR 2024, arXiv:2403.19232; authors' code).

Deviations:
    - As for `az_expressivity`.
"""

from itertools import pairwise

from nasrepro.methods.nets.cell_features import cell_features
from nasrepro.suite.registry import scorer


@scorer("az_trainability", paper="arXiv:2403.19232, authors' code")
def score(network, batches):
    """Mean over cells of 2 - s - 1 / s; higher is better.

    s is the largest singular value of the mean over samples and positions of (gradient at the
    cell's input) x (gradient at its output), the latter drawn from {-1, 1}; 1 keeps gradients as
    they are. Where a cell halves the image, the positions of its input that become one are channels
    of it. -inf where a cell passes gradients on unchanged. Needs the shape of a batch alone.
    """
    import torch
    from torch.nn import functional

    scores = []
    with cell_features(network, batches) as maps:
        for before, after in reversed(list(pairwise(maps))):
            out = 2 * torch.bernoulli(torch.full_like(after, 0.5)) - 1
            (into,) = torch.autograd.grad(after, before, out, allow_unused=True)
            into = torch.zeros_like(before) if into is None else into
            if into.shape == out.shape and bool((into == out).all()):
                scores.append(float("-inf"))
                continue
            into = functional.pixel_unshuffle(into, into.shape[2] // out.shape[2])
            rows, columns = (each.permute(0, 2, 3, 1).flatten(0, 2) for each in (into, out))
            largest = float(torch.linalg.svdvals(rows.T @ columns / len(rows)).max())
            scores.append(2 - largest - 1 / (largest + 1e-6))
    return sum(scores) / len(scores)
