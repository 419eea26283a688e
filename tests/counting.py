"""Parameters and multiply-accumulates of a built network, counted on itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nasrepro.suite.space import Complexity


def counted(network: nn.Module, *inputs: Tensor, biases: bool = False) -> Complexity:
    """Every parameter, and the products of convolutions and linear layers in one forward pass, by hooks.

    Args:
        network: also on the meta device, where nothing is computed.
        inputs: of one pass.
        biases: whether the bias of a linear layer counts as one operation an output, as
            NAS-Bench-201's counter has it.
    """
    macs = 0

    def count(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal macs
        places = output.numel() // output.shape[1 if isinstance(module, nn.Conv2d) else -1]
        macs += module.weight.numel() * places
        if biases and module.bias is not None:
            macs += module.bias.numel() * places

    hooks = [
        module.register_forward_hook(count)
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    with torch.no_grad():
        network.eval()(*inputs)
    for hook in hooks:
        hook.remove()
    return Complexity(sum(parameter.numel() for parameter in network.parameters()), macs)
