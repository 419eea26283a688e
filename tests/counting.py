"""Layers, parameters and multiply-accumulates of a built network, counted on itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from nasrepro.suite.space import Complexity, Layer


def counted(network: nn.Module, *inputs: Tensor, biases: bool = False) -> Complexity:
    """Every parameter, and the products of convolutions and linear layers, by hooks.

    The products are those of one forward pass.

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


class _Recorder(TorchDispatchMode):
    """Keeps what torch computes as layers, in the order of the operations."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: list[Layer] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        name = func.__name__.split(".")[0]
        if name == "convolution":
            given, weight, bias, (stride, _) = args[:4]
            self._add("conv", given, output, weight.shape[-1], stride, args[8], bias is not None)
        elif name in ("native_batch_norm", "cudnn_batch_norm", "_native_batch_norm_legit"):
            self._add("batch_norm", args[0], output[0])
        elif name == "addmm":
            bias, given, weight = args
            self.layers.append(Layer("linear", given.shape[1], weight.shape[1], bias=True))
        elif name in ("max_pool2d", "max_pool2d_with_indices", "avg_pool2d"):
            made = output[0] if isinstance(output, tuple) else output
            stride = args[2] or args[1]
            self._add(f"{name[:3]}_pool", args[0], made, args[1][0], stride[0])
        elif name == "mean" or name == "_adaptive_avg_pool2d":
            channels, side = args[0].shape[1:3]
            self.layers.append(Layer("global_pool", channels, channels, kernel=side, in_side=side))
        return output

    def _add(self, kind, given, output, kernel=1, stride=1, groups=1, bias=False) -> None:
        channels, sides = (given.shape[1], output.shape[1]), (given.shape[2], output.shape[2])
        self.layers.append(Layer(kind, *channels, kernel, stride, groups, *sides, bias))


def executed(network: nn.Module, images: Tensor) -> list[Layer]:
    """The layers of one forward pass, in the order in which torch computes them."""
    with torch.no_grad(), _Recorder() as recorder:
        network.eval()(images)
    return recorder.layers
