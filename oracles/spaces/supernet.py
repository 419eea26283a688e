"""Supernets: one network that holds all of a space's architectures, with shared weights.

What `SearchSpace.supernet` returns.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence

from torch import Tensor, nn


class Choice(nn.Module):
    """The operations that one place of the network can have.

    Args:
        decision: which decision of the space it belongs to; several places may share one.
        options: the operation of each option.
    """

    def __init__(self, decision: int, options: Sequence[nn.Module]) -> None:
        super().__init__()
        self.decision, self.options = decision, nn.ModuleList(options)
        self.active: tuple[int, ...] = (0,)
        self.gates: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """The active operation, or the sum of the active ones, each times its gate."""
        terms: Iterator[Tensor] = (self.options[option](x) for option in self.active)
        if self.gates is not None:
            gates = self.gates
            terms = (gates[option] * term for option, term in zip(self.active, terms, strict=True))
        total = next(terms)
        for term in terms:
            total = total + term
        return total


class Supernet(nn.Module):
    """A network some of whose modules are choices.

    Args:
        network: with a `Choice` at each place where architectures differ.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._choices = [each for each in network.modules() if isinstance(each, Choice)]

    def forward(self, x: Tensor) -> Tensor:
        """Images -> logits, along what was chosen or mixed last."""
        out: Tensor = self.network(x)
        return out

    def choose(self, code: Sequence[int]) -> None:
        """Be the network of one architecture, by its code."""
        for choice in self._choices:
            choice.active, choice.gates = (code[choice.decision],), None

    def mix(self, gates: Tensor, active: Sequence[Collection[int]] | None = None) -> None:
        """Be a mixture: at each place the sum of its operations, each times its gate.

        Args:
            gates: (decisions, options); gradients flow to them.
            active: options of each decision that are computed, the others' gates being 0; all of
                them if not given.
        """
        for choice in self._choices:
            here = range(len(choice.options)) if active is None else active[choice.decision]
            choice.active, choice.gates = tuple(sorted(here)), gates[choice.decision]

    def path(self, code: Sequence[int]) -> nn.Module:
        """The stand-alone network of an architecture, with a copy of the shared weights.

        Its modules are named as those of `SearchSpace.build`.
        """
        before = [(choice.active, choice.gates) for choice in self._choices]
        self.choose(code)
        network = copy.deepcopy(self.network)
        for choice, (active, gates) in zip(self._choices, before, strict=True):
            choice.active, choice.gates = active, gates
        for module in list(network.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, Choice):
                    setattr(module, name, child.options[child.active[0]])
        return network
