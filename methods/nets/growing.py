"""Growing a trained network: candidates behind gates, and what the loss says of each.

The candidates, their directions and their scores are Firefly's (arXiv:2102.08574; the authors'
code, klightz/Firefly, commit ebb069d7). At gates of 0 the network computes what it did.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.func import functional_call

from nasrepro.methods.nets.channels import Call, ChannelMap, mixes
from nasrepro.methods.nets.surgery import expanded, rebuilt

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A group that is split, or the first group of a layer and the number of a new neuron there.
Candidate = tuple[int, int]
SPLIT = -1


# -- directions ------------------------------------------------------------------------------------
class Directions:
    """Where the candidates of a network move.

    Args:
        channels: of the network.
        new: new neurons a layer.

    Attributes:
        v: by layer, of each of its rows, shape of its weight.
        d: by layer, rows of its new neurons, (new, in, ...).
        u: by layer, its columns for new neurons of the layers that it reads, (out, anchors * new,
            ...).
    """

    def __init__(self, channels: ChannelMap, new: int) -> None:
        self.channels, self.new = channels, new
        layers: dict[Any, int] = {}
        for group in channels.free():
            layers.setdefault(tuple(name for name, _ in channels.writers(group)), group)
        #: The first group of each layer, beside which its new neurons stand.
        self.anchors = list(layers.values())
        self.v: dict[str, Tensor] = {}
        self.d: dict[str, Tensor] = {}
        self.u: dict[str, Tensor] = {}
        for call in channels.calls():
            if isinstance(call.module, nn.Conv2d | nn.Linear):
                weight = call.module.weight
                out, *rest = weight.shape
                self.v[call.name] = torch.empty_like(weight).uniform_(-0.1, 0.1)
                self.d[call.name] = weight.new_empty(new, *rest).normal_(0, 0.1)
                columns = (out, len(self.anchors) * new, *rest[1:])
                self.u[call.name] = weight.new_empty(columns).uniform_(-0.01, 0.01)

    @property
    def candidates(self) -> list[Candidate]:
        """Splits of all neurons, then new ones, layer by layer."""
        splits = [(group, SPLIT) for group in self.channels.free()]
        return splits + [(anchor, new) for anchor in self.anchors for new in range(self.new)]

    def learn(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """One pass with all gates on: RMSprop on the loss and 0.01 (|v|^2 + 0.01 |d|^2)."""
        gated = Gated(self, self.candidates)
        moving = [*self.v.values(), *self.d.values(), *self.u.values()]
        for direction in moving:
            direction.requires_grad_()
        optimiser = torch.optim.RMSprop(moving, lr=1e-3, momentum=0.1, alpha=0.9)
        for images, labels in batches:
            loss = F.cross_entropy(gated(images, torch.ones(len(gated.chosen))), labels)
            loss = loss + 0.01 * sum(v.square().sum() for v in self.v.values())
            loss = loss + 0.0001 * sum(d.square().sum() for d in self.d.values())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        for direction in moving:
            direction.requires_grad_(False)

    def scores(
        self, batches: Iterable[tuple[Tensor, Tensor]], points: Sequence[float], joint: bool
    ) -> Tensor:
        """Mean of dLoss/de over gates e in `points` and over batches, (candidates,)."""
        gated = Gated(self, self.candidates)
        owners = [self._layer(group) for group, _ in gated.chosen]
        opened = [[True] * len(owners)]
        if not joint:
            opened = [[owner == layer for owner in owners] for layer in self.anchors]
        total, count = torch.zeros(len(owners)), 0
        for images, labels in batches:
            for point in points:
                for mask in torch.tensor(opened):
                    gates = (point * mask.float()).requires_grad_()
                    loss = F.cross_entropy(gated(images, gates), labels)
                    total += torch.autograd.grad(loss, gates)[0] * mask
                count += 1
        return total / count

    def _layer(self, group: int) -> int:
        """The first group of a group's layer."""
        names = [name for name, _ in self.channels.writers(group)]
        return next(
            anchor
            for anchor in self.anchors
            if [name for name, _ in self.channels.writers(anchor)] == names
        )


class Gated:
    """A network with room for some of its candidates, as a function of their gates.

    Args:
        directions: of its candidates.
        chosen: the candidates.
    """

    def __init__(self, directions: Directions, chosen: Sequence[Candidate]) -> None:
        self.directions, self.chosen = directions, list(chosen)
        self._gate = {candidate: gate for gate, candidate in enumerate(self.chosen)}
        self._news = {
            anchor: sorted(new for group, new in chosen if group == anchor and new != SPLIT)
            for anchor in directions.anchors
        }
        self.factors = {
            group: self._old(group) + (0.0,) * len(self._news.get(group, ()))
            for group in dict.fromkeys(group for group, _ in chosen)
        }
        self.network = rebuilt(directions.channels, self.factors).eval()
        self._layers = {}
        for call in directions.channels.calls():
            if isinstance(call.module, nn.Conv2d | nn.Linear):
                self._layers[call.name] = self._rows(call), self._columns(call), call
            elif isinstance(call.module, nn.BatchNorm2d):
                self._renew(call)

    def _old(self, group: int) -> tuple[float, ...]:
        return (0.5, 0.5) if (group, SPLIT) in self._gate else (1.0,)

    def _number(self, group: int, copy: int) -> int | None:
        """The number of the new neuron that a copy of a group is; None for one of old."""
        olds = len(self._old(group))
        return None if copy < olds else self._news[group][copy - olds]

    def _rows(self, call: Call) -> tuple[Tensor, ...]:
        """By row: its place before, how it moves (+-1, 0), by which gate; whether new, and d's."""
        rows = []
        for place, group, copy, _ in expanded(call.gives, self.factors):
            new = self._number(group, copy)
            sign = 1.0 - 2 * copy if new is None and (group, SPLIT) in self._gate else 0.0
            gate = self._gate.get((group, SPLIT), 0)
            rows.append((place, sign, gate, new is not None, new or 0))
        return tuple(torch.tensor(values) for values in zip(*rows, strict=True))

    def _columns(self, call: Call) -> tuple[Tensor, ...]:
        """By column: its place before, its factor; whether new, u's column, and its gate."""
        columns = []
        for place, group, copy, factor in expanded(call.reads, self.factors):
            new = self._number(group, copy)
            if new is None:
                columns.append((place, factor, False, 0, 0))
            else:
                at = self.directions.anchors.index(group) * self.directions.new + new
                columns.append((place, factor, True, at, self._gate[group, new]))
        return tuple(torch.tensor(values) for values in zip(*columns, strict=True))

    def _renew(self, call: Call) -> None:
        """New channels of a batch norm have mean 0, variance 1, scale 1 and shift 0."""
        rows = enumerate(expanded(call.gives, self.factors))
        new = [row for row, (_, group, copy, _) in rows if self._number(group, copy) is not None]
        norm = self.network.get_submodule(call.name)
        with torch.no_grad():
            for name in ("weight", "bias", "running_mean", "running_var"):
                getattr(norm, name)[new] = float(name in ("weight", "running_var"))

    def weights(self, gates: Tensor) -> dict[str, Tensor]:
        """The weight of each layer at these gates, (chosen,)."""
        weights = {}
        for name, (rows, columns, call) in self._layers.items():
            place, sign, gate, fresh, drawn = rows
            weight: Tensor = call.module.weight.detach()  # type: ignore[operator]
            row_shape = (-1,) + (1,) * (weight.dim() - 1)
            v, d, u = (each[name] for each in self._moving)
            moved = weight[place] + (sign * gates[gate]).view(row_shape) * v[place]
            if fresh.any():
                moved = torch.where(fresh.view(row_shape), d[drawn], moved)
            if mixes(call.module):
                column, factor, new, at, opening = columns
                column_shape = (1, *row_shape[:-1])
                moved = moved[:, column] * factor.view(column_shape)
                if new.any():
                    read = u[place][:, at] * gates[opening].view(column_shape)
                    read = torch.where(fresh.view(row_shape), 0.0, read)
                    moved = torch.where(new.view(column_shape), read, moved)
            weights[f"{name}.weight"] = moved
        return weights

    @property
    def _moving(self) -> tuple[dict[str, Tensor], ...]:
        return self.directions.v, self.directions.d, self.directions.u

    def __call__(self, images: Tensor, gates: Tensor) -> Tensor:
        """Logits, (batch, classes)."""
        logits: Tensor = functional_call(self.network, self.weights(gates), (images,))
        return logits

    def settled(self) -> fx.GraphModule:
        """The network with all its gates at 1."""
        with torch.no_grad():
            for name, weight in self.weights(torch.ones(len(self.chosen))).items():
                self.network.get_parameter(name).copy_(weight)
        return self.network


# -- choosing --------------------------------------------------------------------------------------
def size_of(channels: ChannelMap, chosen: Sequence[Candidate]) -> int:
    """Parameters of the network with the chosen candidates."""
    copies: dict[int, int] = {}
    for group, _ in chosen:
        copies[group] = copies.get(group, 1) + 1
    total = 0
    for call in channels.calls():
        rows = sum(copies.get(group, 1) for group in call.gives)
        columns = sum(copies.get(group, 1) for group in call.reads) if mixes(call.module) else 1
        if isinstance(call.module, nn.Conv2d | nn.Linear):
            total += rows * columns * math.prod(call.module.weight.shape[2:])
            total += rows if call.module.bias is not None else 0
        elif isinstance(call.module, nn.BatchNorm2d):
            total += 2 * rows
    return total


def cheapest(scores: Mapping[Candidate, float]) -> list[Candidate]:
    """Candidates by score, most negative first, ties in their own order."""
    return sorted(scores, key=lambda candidate: round(scores[candidate], 12))


def selected(channels: ChannelMap, scores: Mapping[Candidate, float], most: int) -> list[Candidate]:
    """The candidates of most negative score a parameter, as long as `most` parameters allow."""
    base = size_of(channels, [])
    rates = {each: scores[each] / (size_of(channels, [each]) - base) for each in scores}
    chosen: list[Candidate] = []
    for candidate in cheapest(rates):
        if size_of(channels, [*chosen, candidate]) <= most:
            chosen.append(candidate)
    return chosen
