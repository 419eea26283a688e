"""The space of the BERT benchmark of arXiv:2306.00288: encoders of two or four layers.

A hidden size (128, 256), and for each layer an operation (self-attention by scaled dot product or a
weighted product, a linear transform by DFT or DCT, a convolution of width 5 or 9), heads, width and
number of feed-forward layers. Layers 3 and 4 of an encoder of two make no difference; its canonical
form has their first options.
"""

from __future__ import annotations

from collections.abc import Sequence

from nasrepro.oracles.spaces.options import OptionSpace
from nasrepro.suite.space import Arch

OPS = ("SA-SDP", "SA-WMA", "LT-DFT", "LT-DCT", "DSC-5", "DSC-9")
_LAYER = (("op", OPS), ("heads", (2, 4)), ("width", (512, 1024)), ("depth", (1, 3)))
_LAYERS = 4


class BertSpace(OptionSpace):
    """Hidden size, number of layers, and four decisions for each of up to four layers."""

    def __init__(self) -> None:
        options: list[tuple[str, Sequence[int | str]]] = [
            ("hidden", (128, 256)),
            ("layers", (2, 4)),
        ]
        options += [
            (f"{name} {layer}", values)
            for layer in range(1, _LAYERS + 1)
            for name, values in _LAYER
        ]
        super().__init__("bertcell", options, "256,2,SA-SDP,4,512,1,LT-DFT,... (18)")

    def canonical(self, arch: Arch) -> Arch:
        """The code whose absent layers have their first options."""
        self.check(arch)
        used = 2 + len(_LAYER) * (_LAYERS if arch.code[1] else 2)
        return Arch(self.name, arch.code[:used] + (0,) * (len(arch.code) - used))

    def described(
        self, hidden: int, layers: Sequence[tuple[str, int | str, int, int, int]]
    ) -> Arch:
        """The canonical code of an encoder.

        Operation, its parameter, heads, width, depth of each layer.
        """
        texts = [str(hidden), str(len(layers))]
        for operation, parameter, heads, width, depth in layers:
            texts += [f"{operation}-{parameter}", str(heads), str(width), str(depth)]
        rest = [options[0] for options in self.options[len(texts) :]]
        return self.parse(",".join([*texts, *rest]))
