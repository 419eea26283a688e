"""Gradients of single samples of an untrained network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nasrepro.methods.nets.passes import layers, scored
from nasrepro.suite.scoring import shared

if TYPE_CHECKING:
    from torch import Tensor, nn

    Batch = tuple[Tensor, Tensor]  # images (batch, channels, H, W), labels (batch,)


def gram_of_logits(network: nn.Module, batches: Sequence[Batch]) -> Tensor:
    """Inner products of samples' gradients by all weights, (batch, batch).

    A sample's gradient is that of the sum of its logits.

    The samples share one pass in training mode, as in the authors' codes of TE-NAS and KNAS, so
    that through batch norm the logits of one depend on all. Weights are those of convolutions and
    linear layers; computed once for all scorers that ask.
    """
    return shared(_gram, network, batches)


def _gram(network: nn.Module, batches: Sequence[Batch]) -> Tensor:
    import torch

    images = batches[0][0]
    with scored(network):
        weights = [layer.weight for layer in layers(network)]
        logits = network(images.to(memory_format=torch.channels_last))
        rows = []
        for sample in logits:
            found = torch.autograd.grad(sample.sum(), weights, retain_graph=True, allow_unused=True)
            rows.append(torch.cat([each.flatten() for each in found if each is not None]))
        stacked = torch.stack(rows)
    return (stacked @ stacked.T).double()


def sign_agreement(network: nn.Module, batch: Batch) -> float:
    """Sum over weights of |sum over samples of the sign of the gradient of the sample's own loss|.

    Each sample passes alone in training mode, so that batch norm sees one image.
    """
    import torch
    from torch.nn import functional as F

    images, labels = batch
    with scored(network):
        weights = [layer.weight for layer in layers(network)]
        total = [torch.zeros_like(weight) for weight in weights]
        for image, label in zip(images, labels, strict=True):
            loss = F.cross_entropy(network(image[None]), label[None])
            found = torch.autograd.grad(loss, weights, allow_unused=True)
            for signs, each in zip(total, found, strict=True):
                if each is not None:
                    signs += each.sign().nan_to_num()
    return float(sum(signs.abs().sum(dtype=torch.float64) for signs in total))
