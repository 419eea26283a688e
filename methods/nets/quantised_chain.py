"""A trained chain of convolutions whose layers read and multiply numbers of few bits."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasrepro.methods.nets.chain import Chain
from nasrepro.methods.nets.quantisers import (
    on_levels,
    quantised_activations,
    quantised_weights,
    threshold,
)
from nasrepro.suite.space import Layer

#: Most that an activation's range begins with, as HAQ's code has it.
MOST_RANGE = 6.0


class _Quantised(nn.Module):
    """What a quantised layer reads, and its weights.

    Attributes:
        bits: of weights and activations; 32 leaves them as they are.
        cut: where weights are cut off.
        reach: where activations are cut off; a number when the network is settled.
    """

    bits: tuple[int, int]
    cut: float
    reach: nn.Parameter | float

    def _read(self, x: Tensor) -> Tensor:
        if isinstance(self.reach, float) and self.bits[1] < 32:
            step = self.reach / (2 ** self.bits[1] - 1)
            rounded: Tensor = torch.round(x.clamp(0, self.reach) / step) * step
            return rounded
        return quantised_activations(x, self.bits[1], self.reach)

    def _weights(self) -> Tensor:
        weight: Any = self.weight
        return quantised_weights(weight, self.bits[0], self.cut)


class QuantisedConv(_Quantised, nn.Conv2d):
    """A convolution without bias."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in, H, W) -> (batch, out, H', W')."""
        return F.conv2d(self._read(x), self._weights(), None, self.stride, self.padding)


class QuantisedLinear(_Quantised, nn.Linear):
    """A classifier."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in) -> (batch, out)."""
        return F.linear(self._read(x), self._weights(), self.bias)


def layers_of(chain: Chain, shape: Sequence[int]) -> list[Layer]:
    """The convolutions and the classifier, with their sides.

    Args:
        chain: of convolutions.
        shape: of an image.
    """
    layers, side = [], shape[1]
    for module in chain.modules():
        if isinstance(module, nn.Conv2d):
            after, stride = -(-side // module.stride[0]), module.stride[0]
            layers.append(
                Layer("conv", module.in_channels, module.out_channels, 3, stride, 1, side, after)
            )
            side = after
    head = chain.classifier
    return [*layers, Layer("linear", head.in_features, head.out_features, bias=True)]


def quantised(chain: Chain, policy: Sequence[tuple[int, int]], images: Tensor) -> Chain:
    """A copy of a trained chain with these bits; ranges are set by one batch.

    The first layer reads the images as they are.

    Args:
        chain: trained.
        policy: bits of weights and activations, by layer.
        images: the batch.
    """
    made = copy.deepcopy(chain).eval()
    modules = [m for m in made.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    for number, (module, bits) in enumerate(zip(modules, policy, strict=True)):
        layer: Any = module
        layer.__class__ = QuantisedConv if isinstance(module, nn.Conv2d) else QuantisedLinear
        layer.bits, layer.cut, layer.reach = (32, 32), 0.0, 0.0
        layer.wanted = bits if number else (bits[0], 32)
    handles = [layer.register_forward_pre_hook(_calibrate) for layer in modules]
    with torch.no_grad():
        made(images)
    for handle in handles:
        handle.remove()
    return made


def _calibrate(layer: Any, given: tuple[Tensor]) -> None:
    """Take up the bits that are wanted, with ranges that fit what the layer reads now."""
    layer.bits = layer.wanted
    layer.cut = threshold(layer.weight.detach().numpy(), layer.bits[0])
    if layer.bits[1] < 32:
        reach = min(MOST_RANGE, threshold(given[0].numpy(), layer.bits[1]))
        del layer.reach
        layer.reach = nn.Parameter(torch.tensor(max(reach, 1e-6)))


def settled(network: Chain) -> Chain:
    """A copy whose weights are on their levels and whose ranges are numbers."""
    made = copy.deepcopy(network)
    for layer in made.modules():
        if isinstance(layer, _Quantised):
            reach = float(layer.reach.detach() if isinstance(layer.reach, Tensor) else layer.reach)
            del layer.reach
            layer.reach = reach
            with torch.no_grad():
                layer.weight.copy_(on_levels(layer.weight, layer.bits[0], layer.cut))  # type: ignore[operator,arg-type]
            layer.bits = 32, layer.bits[1]
    return made
