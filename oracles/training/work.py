"""What a training costs: counted work at a reference rate, the same on every machine.

A budget in seconds then buys the same search everywhere, whatever else the machine does. A step
costs a fixed time for each layer, and each example a time for its multiply-accumulates and for the
numbers that the layers write; forward, backward and update together. The rates are those of one
thread of the machine of `tests/bench/bench_work.py`, which measures them anew: over 40 networks of
four spaces (7 to 764 ms an epoch) the median error is 10 %, the largest 42 %.
"""

from __future__ import annotations

from dataclasses import dataclass

from nasrepro.suite.space import Arch, SearchSpace

#: Seconds for each layer of each step.
LAYER_S = 160e-6
#: Seconds for each multiply-accumulate of a training example.
MAC_S = 0.125e-9
#: Seconds for each number that a layer writes for a training example.
VALUE_S = 2.3e-9


@dataclass(frozen=True, slots=True)
class Network:
    """A network to be trained, counted.

    Attributes:
        params: trainable parameters.
        macs: multiply-accumulates of one example.
        layers: how many.
        values: numbers that they write for one example.
    """

    params: int
    macs: int
    layers: int
    values: int

    def epoch_s(self, examples: int, batch: int) -> float:
        """Seconds of one epoch of training over so many examples, at the reference rate.

        Of a recurrent network an example is a token, and the batch its parallel streams.
        """
        step_s = -(-examples // batch) * self.layers * LAYER_S
        return step_s + examples * (self.macs * MAC_S + self.values * VALUE_S)


def counted(space: SearchSpace, arch: Arch, *, classes: int, size: int) -> Network:
    """The network of an architecture, counted.

    Args:
        space: of the network.
        arch: the architecture.
        classes: outputs of the network; size of the vocabulary.
        size: side of an image, pixels; 1 for a token.
    """
    layers = space.layers(arch, classes=classes, size=size)
    whole = space.complexity(arch, classes=classes, size=size)
    values = sum(layer.out_channels * layer.out_side**2 for layer in layers)
    return Network(whole.params, whole.macs, len(layers), values)
