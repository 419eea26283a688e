"""What scorers read of an untrained network.

Layers, gradients, and what one pass over a batch shows besides.

Everything leaves the network as it was: weights, buffers, mode, hooks. Inside a pass the network is
in training mode (batch norm uses the batch) and in the layout `channels_last`, and 3x3 averages are
taken by a depthwise convolution: the same numbers, faster on a CPU.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nasrepro.suite.scoring import Batches, shared

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle

    Batch = tuple[Tensor, Tensor]  # images (batch, channels, H, W), labels (batch,)

#: What a pass can gather beside the gradients of the weights; a scorer names what it reads in
#: `@scorer(..., reads=...)`.
SALIENCY, CODES, JACOBIAN = "saliency", "codes", "jacobian"


def layers(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    """Convolutions and linear layers, in the order of `modules()`.

    The layers whose weights are scored.
    """
    from torch import nn

    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


@dataclass
class Codes:
    """How many ReLU inputs have the same sign in two samples, as counted in a forward pass.

    Attributes:
        once: (batch, batch), at (i, j) the number of ReLU inputs that are positive for both or for
            neither of samples i and j; None where the network has no ReLU.
        named: the same over the inputs of every module whose class is named after ReLU
            (`ReLUConvBN` too, which reads what its ReLU reads); None where there is none.
    """

    once: Tensor | None = None
    named: Tensor | None = None
    _known: dict[int, tuple[weakref.ref[Tensor], int, Tensor]] = field(default_factory=dict)

    def count(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Hook before such a module."""
        from torch import nn

        kernel = self._kernel(inputs[0])
        self.named = kernel if self.named is None else self.named + kernel
        if isinstance(module, nn.ReLU):
            self.once = kernel if self.once is None else self.once + kernel

    def _kernel(self, given: Tensor) -> Tensor:
        """Of one input, computed once where several modules read it."""
        import torch

        if id(given) in self._known:
            same, version, kernel = self._known[id(given)]
            if same() is given and version == given._version:
                return kernel
        x = (given.detach() > 0).to(torch.float32)
        x = x.permute(0, *range(2, x.dim()), 1).flatten(1)  # no copy of `channels_last`
        ones = x.sum(1)
        # x x' + (1 - x)(1 - x)', of whole numbers: exact up to 2 ** 24
        kernel = (x.shape[1] - ones[:, None] - ones + 2 * (x @ x.T)).double()
        self._known[id(given)] = weakref.ref(given), given._version, kernel
        return kernel


@dataclass
class Pass:
    """One forward and one backward pass of the cross-entropy over a batch.

    Attributes:
        gradients: of each layer's weight, in the order of `layers`; None for a layer that the
            output does not depend on.
        saliency: per layer that was run, (channels,): half the mean over the batch of (sum over
            positions of a dL/da) ** 2, with a the layer's output; and how many weights a channel
            has.
        codes: of the ReLUs; None unless asked for.
        jacobian: (batch, pixels), the gradient of the sum of all logits by the input; None where no
            pixel matters.
    """

    gradients: list[Tensor | None]
    saliency: list[tuple[Tensor, int]] = field(default_factory=list)
    codes: Codes | None = None
    jacobian: Tensor | None = None


@contextmanager
def scored(network: nn.Module) -> Iterator[None]:
    """Training mode, fast layout and averages.

    Afterwards the mode and the buffers are as before.
    """
    import torch

    modes = [(module, module.training) for module in network.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    pools = [module for module in network.modules() if _is_average(module)]
    network.train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for pool in pools:
        pool.forward = _average
    try:
        yield
    finally:
        for pool in pools:
            del pool.forward
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)


def _is_average(module: nn.Module) -> bool:
    from torch import nn

    if (
        not isinstance(module, nn.AvgPool2d)
        or module.count_include_pad
        or module.ceil_mode
        or module.divisor_override
    ):
        return False
    return all(
        given in (wanted, (wanted, wanted))
        for given, wanted in ((module.kernel_size, 3), (module.stride, 1), (module.padding, 1))
    )


def _average(x: Tensor) -> Tensor:
    """Mean over the 3x3 neighbourhood inside the image.

    AvgPool2d(3, 1, 1, count_include_pad=False).
    """
    import torch
    from torch.nn import functional as F

    ones = torch.ones(1, 1, 3, 3, dtype=x.dtype, device=x.device)
    count = F.conv2d(
        torch.ones(1, 1, *x.shape[2:], dtype=x.dtype, device=x.device), ones, padding=1
    )
    return F.conv2d(x, ones.expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1]).mul_(
        1 / count
    )


def gradients(network: nn.Module, batches: Sequence[Batch], index: int = 0) -> list[Tensor | None]:
    """Gradients of the cross-entropy (mean over batch `index`) by each layer's weight.

    Shared with every scorer that reads that pass.
    """
    return observed(network, batches, index).gradients


def observed(network: nn.Module, batches: Sequence[Batch], index: int = 0, *reads: str) -> Pass:
    """The pass over batch `index`, with what is in `reads`.

    The pass over the first batch also has what other scorers of these `Batches` read.
    """
    wanted = {*reads, *(batches.reads if isinstance(batches, Batches) and index == 0 else ())}
    return shared(_observed, network, batches, index, frozenset(wanted))


def codes(network: nn.Module, batches: Sequence[Batch]) -> Codes:
    """Of the first batch: counted in the pass of other scorers of these `Batches`.

    Where none reads that pass, a forward pass without gradients.
    """
    if isinstance(batches, Batches) and batches.reads > {CODES}:
        found = observed(network, batches, 0, CODES).codes
        assert found is not None
        return found
    return shared(_codes, network, batches)


def _codes(network: nn.Module, batches: Sequence[Batch]) -> Codes:
    import torch

    found = Codes()
    hooks = _counting(network, found)
    try:
        with torch.no_grad(), scored(network):
            network(batches[0][0].to(memory_format=torch.channels_last))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _counting(network: nn.Module, codes: Codes) -> list[RemovableHandle]:
    return [
        module.register_forward_pre_hook(codes.count)
        for module in network.modules()
        if type(module).__name__.startswith("ReLU")
    ]


def _observed(
    network: nn.Module, batches: Sequence[Batch], index: int, reads: Collection[str]
) -> Pass:
    import torch
    from torch.nn import functional as F

    images, labels = batches[index]
    images = images.to(memory_format=torch.channels_last)
    found = Pass([])
    hooks = []
    of_loss = True  # which backward pass the saliency's hooks see

    def on_output(
        module: nn.Conv2d | nn.Linear, inputs: tuple[Tensor, ...], output: Tensor
    ) -> None:
        # a hook that held the output itself would keep the whole graph until the garbage collector
        # comes
        values = output.detach()

        def on_gradient(gradient: Tensor) -> None:
            if not of_loss:
                return
            product = values * gradient
            per_channel = product.sum((2, 3)) if product.dim() > 2 else product
            found.saliency.append((per_channel.square().mean(0) / 2, module.weight[0].numel()))

        if output.requires_grad:
            output.register_hook(on_gradient)

    with scored(network):
        if SALIENCY in reads:
            hooks += [layer.register_forward_hook(on_output) for layer in layers(network)]
        if CODES in reads:
            found.codes = Codes()
            hooks += _counting(network, found.codes)
        if JACOBIAN in reads:
            images = images.detach().requires_grad_()
        try:
            logits = network(images)
            loss, weights = (
                F.cross_entropy(logits, labels),
                [layer.weight for layer in layers(network)],
            )
            found.gradients = list(
                torch.autograd.grad(
                    loss, weights, allow_unused=True, retain_graph=JACOBIAN in reads
                )
            )
            if JACOBIAN in reads:
                of_loss = False
                (by_pixel,) = torch.autograd.grad(logits.sum(), images, allow_unused=True)
                found.jacobian = None if by_pixel is None else by_pixel.flatten(1)
        finally:
            for hook in hooks:
                hook.remove()
    return found


@contextmanager
def gaussian(network: nn.Module) -> Iterator[None]:
    """Weights from N(0, 1), no biases, batch norm without a scale; afterwards as before.

    Draws from torch's generator.
    """
    import torch
    from torch import nn

    kept = [(parameter, parameter.detach().clone()) for parameter in network.parameters()]
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.weight.normal_()
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.BatchNorm2d) and module.affine:
                module.weight.fill_(1)
                module.bias.zero_()
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, value in kept:
                parameter.copy_(value)


def linearised(network: nn.Module, shape: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
    """Absolute weights of each layer, and the gradient of the network's sum by them.

    The sum is that of the logits of one image of ones (channels, H, W).

    In double precision, all parameters by their absolute value, batch norm the identity.
    """
    import torch
    from torch import nn

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    named = {
        name: parameter.detach().abs().double().requires_grad_()
        for name, parameter in network.named_parameters()
    }
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    weights = [named[names[id(layer.weight)]] for layer in layers(network)]
    for norm in norms:
        norm.forward = _identity  # type: ignore[method-assign, assignment]
    try:
        total = torch.func.functional_call(
            network, named, torch.ones(1, *shape, dtype=torch.float64, device=weights[0].device)
        ).sum()
        found = torch.autograd.grad(total, weights, allow_unused=True)
    finally:
        for norm in norms:
            del norm.forward
    return (
        (weight.detach(), gradient)
        for weight, gradient in zip(weights, found, strict=True)
        if gradient is not None
    )


def _identity(x: Tensor) -> Tensor:
    return x
