"""What SuperTickets trains: a network of multi-kernel blocks, its scales, masks on its weights.

The blocks and rules are those of the authors' code (GATECH-EIC/SuperTickets, commit 36d7edd0).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from nasrepro.methods.nets.channels import ChannelMap, channel_map
from nasrepro.methods.nets.passes import gradients, linearised
from nasrepro.methods.nets.surgery import cut, global_masks, weights_of


class Block(nn.Module):
    """MobileNet's block with several kernels: expansion, depthwise, side by side; projection.

    Args:
        inputs: channels read.
        outputs: channels given; a residual where nothing changes.
        inner: channels of each kernel.
        kernels: of the depthwise convolutions.
        stride: of the depthwise convolutions.
    """

    def __init__(
        self, inputs: int, outputs: int, inner: int, kernels: Sequence[int], stride: int
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, inner, 1, bias=False),
                nn.BatchNorm2d(inner),
                nn.ReLU(),
                nn.Conv2d(inner, inner, kernel, stride, kernel // 2, groups=inner, bias=False),
                nn.BatchNorm2d(inner),
                nn.ReLU(),
            )
            for kernel in kernels
        )
        self.project = nn.Conv2d(len(kernels) * inner, outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.residual = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H / stride, W / stride)."""
        inner = torch.cat([branch(x) for branch in self.branches], dim=1)
        out: Tensor = self.norm(self.project(inner))
        return out + x if self.residual else out


class MultiKernel(nn.Module):
    """Stem, four blocks (the third halves the image), pooling, classifier."""

    def __init__(
        self, channels: int, width: int, inner: int, kernels: Sequence[int], classes: int
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        shapes = [(width, width, 1), (width, width, 1), (width, 2 * width, 2)]
        shapes.append((2 * width, 2 * width, 1))
        self.blocks = nn.Sequential(
            *(Block(ins, outs, inner, kernels, stride) for ins, outs, stride in shapes)
        )
        self.classifier = nn.Linear(2 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, channels, H, W) -> logits (batch, classes)."""
        out: Tensor = self.classifier(self.blocks(self.stem(x)).mean((2, 3)))
        return out


# -- searching: scales that die --------------------------------------------------------------------
def prices(network: nn.Module, shape: Sequence[int]) -> dict[str, Tensor]:
    """Of each scale of an atomic block, its share of all their MACs; they sum to 1.

    Atomic blocks are the channels of depthwise convolutions; their scales, those of the batch norm
    behind. A channel costs what its expansion, its kernel and its projection compute.

    Args:
        network: of multi-kernel blocks.
        shape: of an image: channels, height, width.
    """
    macs: dict[str, float] = {}
    sides: dict[str, int] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, given: object, result: Tensor) -> None:
            sides[name] = result.shape[-1]

        return hook

    modules: dict[str, Any] = dict(network.named_modules())
    depthwise = [name for name, module in modules.items() if _depthwise(module)]
    handles = [modules[name].register_forward_hook(note(name)) for name in modules if name]
    training = network.training
    with torch.no_grad():
        network.eval()(torch.zeros(1, *shape))
    network.train(training)
    for handle in handles:
        handle.remove()
    for name in depthwise:
        stem, place = name.rsplit(".", 1)
        expand, block = modules[f"{stem}.{int(place) - 3}"], stem.rsplit(".branches", 1)[0]
        project, own = modules[f"{block}.project"], modules[name]
        area = own.kernel_size[0] ** 2 + project.out_channels
        before = sides[f"{stem}.{int(place) - 3}"] ** 2 * expand.in_channels
        macs[f"{stem}.{int(place) + 1}.weight"] = float(before + sides[name] ** 2 * area)
    parameters = dict(network.named_parameters())
    total = sum(cost * parameters[name].numel() for name, cost in macs.items())
    return {name: torch.full_like(parameters[name], cost / total) for name, cost in macs.items()}


def _depthwise(module: nn.Module) -> bool:
    # A kernel of which one channel is left is one, too, though it has a weight for every input.
    return (
        isinstance(module, nn.Conv2d) and module.groups == module.in_channels == module.out_channels
    )


def strength(epoch: float, free: float, warm: float, rho: float) -> float:
    """Weight of the penalty: 0 until `free`, then a line to `rho` in `warm` epochs, constant."""
    return rho * min(1.0, max(0.0, (epoch - free) / warm))


def dead(channels: ChannelMap, shares: Mapping[str, Tensor], threshold: float) -> list[int]:
    """Groups whose scale is at most the threshold; the largest scale of a branch never is."""
    groups: list[int] = []
    for name in shares:
        scales = channels.network.get_parameter(name).detach().abs().tolist()
        written = channels.written(name.removesuffix(".weight"))
        largest = max(range(len(scales)), key=scales.__getitem__)
        groups += [
            group
            for place, (group, scale) in enumerate(zip(written, scales, strict=True))
            if scale <= threshold and place != largest
        ]
    return groups


def carried(
    channels: ChannelMap, groups: Sequence[int], values: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Numbers beside the parameters (masks, momenta), cut as the parameters are."""
    shadow = channel_map(channels.network)
    with torch.no_grad():
        for name, value in values.items():
            shadow.network.get_parameter(name).copy_(value)
    smaller = cut(shadow, groups)
    return {name: smaller.get_parameter(name).detach().clone() for name in values}


# -- pruning: masks --------------------------------------------------------------------------------
class Ticket:
    """A network in training: its weights, masks on them, and the optimiser's momenta.

    Args:
        network: of multi-kernel blocks.
        shape: of an image.
        zero: whether masked weights are set to zero; else they keep their values, unused.
    """

    def __init__(self, network: nn.Module, shape: Sequence[int], *, zero: bool = False) -> None:
        self.channels, self.shape, self.zero = channel_map(network), shape, zero
        self.network = self.channels.network
        self.masks = {name: torch.ones_like(w) for name, w in weights_of(self.network).items()}
        self.prices = prices(self.network, shape)
        self.restart()

    def restart(self) -> None:
        """A new optimiser, without momenta."""
        self.optimiser = torch.optim.SGD(
            self.network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True
        )

    def __call__(self, images: Tensor) -> Tensor:
        """Logits with m * W for each weight: a masked weight has no gradient, and its value."""
        weights = {n: weight * self.masks[n] for n, weight in weights_of(self.network).items()}
        logits: Tensor = functional_call(self.network, weights, (images,))
        return logits

    def penalty(self) -> Tensor:
        """Sum over the scales of p |gamma|."""
        named = dict(self.network.named_parameters())
        terms = [(price * named[name].abs()).sum() for name, price in self.prices.items()]
        return torch.stack(terms).sum()

    def train(
        self, batches: Iterable[tuple[Tensor, Tensor]], rate: float, rho: float = 0.0
    ) -> None:
        """One pass at a learning rate, on the loss and rho times the penalty."""
        self.network.train()
        self.optimiser.param_groups[0]["lr"] = rate
        for images, labels in batches:
            loss = F.cross_entropy(self(images), labels)
            if rho:
                loss = loss + rho * self.penalty()
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            if self.zero:
                self.settle()

    def settle(self) -> None:
        """Masked weights become 0."""
        with torch.no_grad():
            for name, weight in weights_of(self.network).items():
                weight.mul_(self.masks[name])

    def prune(self, share: float, scores: Mapping[str, Tensor] | None = None) -> None:
        """Mask the share of all weights with the lowest scores, |W| if none are given."""
        if scores is None:
            scores = {n: weight.detach().abs() for n, weight in weights_of(self.network).items()}
        self.masks = global_masks(scores, 1 - share)
        if self.zero:
            self.settle()

    def saliency(self, score: str, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Scores of all weights, masked ones included, on the network in training mode.

        Args:
            score: "snip", |w dLoss/dw| (arXiv:1810.02340), or "synflow", |w dR/dw|, R the sum of
                the logits of an image of ones under |w| (arXiv:2006.05467).
            images: a batch; SynFlow reads its shape.
            labels: of the batch; SynFlow reads none.
        """
        weights = weights_of(self.network)
        if score == "synflow":
            pairs = linearised(self.network, images.shape[1:])
            return {n: (w * slope).abs() for n, (w, slope) in zip(weights, pairs, strict=True)}
        slopes = gradients(self.network, [(images, labels)])
        return {
            name: torch.zeros_like(w) if slope is None else (w.detach() * slope).abs()
            for (name, w), slope in zip(weights.items(), slopes, strict=True)
        }

    def unmask(self) -> None:
        """All masks are 1."""
        self.masks = {name: torch.ones_like(mask) for name, mask in self.masks.items()}

    def cut(self, threshold: float) -> int:
        """Cut the channels whose scales are dead, from masks and momenta as well; how many."""
        groups = dead(self.channels, self.prices, threshold)
        if not groups:
            return 0
        named = dict(self.network.named_parameters())
        momenta = {
            name: state["momentum_buffer"]
            for name, parameter in named.items()
            if (state := self.optimiser.state.get(parameter))
        }
        self.masks = carried(self.channels, groups, self.masks)
        momenta = carried(self.channels, groups, momenta)
        self.channels = channel_map(cut(self.channels, groups))
        self.network = self.channels.network
        self.prices = prices(self.network, self.shape)
        self.restart()
        for name, momentum in momenta.items():
            self.optimiser.state[self.network.get_parameter(name)]["momentum_buffer"] = momentum
        return len(groups)

    @property
    def kept(self) -> float:
        """Share of the weights that is not masked."""
        kept = sum(int(mask.sum()) for mask in self.masks.values())
        return kept / sum(mask.numel() for mask in self.masks.values())

    @property
    def disconnected(self) -> bool:
        """Whether a layer has lost all its weights."""
        return any(not mask.any() for mask in self.masks.values())
