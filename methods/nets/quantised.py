"""A small network on scikit-learn's digits that is quantised for real, for HAQ's searches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from nasrepro.methods.nets.quantisers import quantised_activations, quantised_weights, threshold
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.space import Layer

#: Output channels and strides of the convolutions, 3x3; a classifier follows their mean.
_CONVS = ((8, 1), (16, 2), (16, 1), (32, 2))
_SIDE, _CLASSES = 8, 10
#: Images for training and for validation, of 1,797.
_TRAIN, _VALID = 1000, 797
_MOST_RANGE = 6.0


class QuantisedDigits:
    """The network, trained in full precision once; `score` quantises a copy and trains an epoch.

    Args:
        seed: of the split, the weights and the batches.
        reward_on: "valid", or "train": accuracy of the training epoch itself, as HAQ's code has it.
        epochs: of the training in full precision.
        rate: of Adam in it, and a tenth of it in the epoch behind the quantisation.
    """

    def __init__(
        self, seed: int, reward_on: str = "valid", *, epochs: int = 12, rate: float = 5e-3
    ) -> None:
        from sklearn.datasets import load_digits

        if reward_on not in ("valid", "train"):
            raise NasreproError(f"haq: unknown reward_on {reward_on!r}; accepted: valid, train")
        self.reward_on, self.rate = reward_on, rate
        self.rng = np.random.default_rng(seed)
        digits = load_digits()
        order = self.rng.permutation(len(digits.target))[: _TRAIN + _VALID]
        images = torch.tensor(digits.images[order] / 16, dtype=torch.float32)[:, None]
        labels = torch.tensor(digits.target[order])
        self.train = images[:_TRAIN], labels[:_TRAIN]
        self.valid = images[_TRAIN:], labels[_TRAIN:]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.rng.integers(2**31)))
            self.weights = [nn.init.kaiming_normal_(torch.empty(shape)) for shape in self._shapes()]
        self.biases = [torch.zeros(len(weights)) for weights in self.weights]
        plain = [(32, 32)] * len(self.weights)
        for _ in range(epochs):
            self._epoch(self.weights, self.biases, plain, self.rate)
        self.before = self._accuracy(self.weights, self.biases, plain)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The convolutions and the classifier."""
        listed, inputs, side = [], 1, _SIDE
        for outputs, stride in _CONVS:
            after = -(-side // stride)
            listed.append(Layer("conv", inputs, outputs, 3, stride, 1, side, after, bias=True))
            inputs, side = outputs, after
        return *listed, Layer("linear", inputs, _CLASSES, bias=True)

    def _shapes(self) -> list[tuple[int, ...]]:
        return [
            (layer.out_channels, layer.in_channels, 3, 3)
            if layer.kind == "conv"
            else (layer.out_channels, layer.in_channels)
            for layer in self.layers
        ]

    def score(self, policy: Sequence[tuple[int, int]]) -> float:
        """Points of accuracy over the network in full precision, after an epoch with these bits."""
        weights = [layer.clone() for layer in self.weights]
        biases = [layer.clone() for layer in self.biases]
        trained = self._epoch(weights, biases, policy, self.rate / 10)
        valid = self._accuracy(weights, biases, policy)
        return round(100 * ((trained if self.reward_on == "train" else valid) - self.before), 6)

    def _forward(
        self,
        images: torch.Tensor,
        weights: Sequence[torch.Tensor],
        biases: Sequence[torch.Tensor],
        policy: Sequence[tuple[int, int]],
        limits: Sequence[tuple[float, torch.Tensor]],
    ) -> torch.Tensor:
        values = images
        for number, (layer, bits) in enumerate(zip(self.layers, policy, strict=True)):
            cut, limit = limits[number]
            if layer.kind == "linear":
                values = values.mean(dim=(2, 3))
            if number:  # the images have 8 bits as they are
                values = quantised_activations(values, bits[1], limit)
            kernel = quantised_weights(weights[number], bits[0], cut)
            if layer.kind == "conv":
                values = nn.functional.conv2d(
                    values, kernel, biases[number], stride=layer.stride, padding=1
                )
                values = torch.relu(values)
            else:
                values = nn.functional.linear(values, kernel, biases[number])
        return values

    def _limits(
        self,
        weights: Sequence[torch.Tensor],
        biases: Sequence[torch.Tensor],
        policy: Sequence[tuple[int, int]],
    ) -> list[tuple[float, torch.Tensor]]:
        """Thresholds of weights and ranges of activations, set by one batch."""
        limits: list[tuple[float, torch.Tensor]] = []
        values = self.train[0][:128]
        with torch.no_grad():
            for layer, kernel, bias, bits in zip(self.layers, weights, biases, policy, strict=True):
                if layer.kind == "linear":
                    values = values.mean(dim=(2, 3))
                cut = threshold(kernel.numpy(), bits[0])
                reach = min(_MOST_RANGE, threshold(values.numpy(), bits[1]))
                limits.append((cut, torch.tensor(max(reach, 1e-6))))
                if layer.kind == "conv":
                    values = nn.functional.conv2d(
                        values, kernel, bias, stride=layer.stride, padding=1
                    )
                    values = torch.relu(values)
        return limits

    def _epoch(
        self,
        weights: Sequence[torch.Tensor],
        biases: Sequence[torch.Tensor],
        policy: Sequence[tuple[int, int]],
        rate: float,
    ) -> float:
        """Train in place for one epoch; the accuracy of its own batches."""
        limits = self._limits(weights, biases, policy)
        parameters = [*weights, *biases, *(limit for _, limit in limits)]
        for parameter in parameters:
            parameter.requires_grad_(True)
        optimiser = torch.optim.Adam(parameters, lr=rate)
        images, labels = self.train
        right = 0
        for batch in np.array_split(self.rng.permutation(len(labels)), len(labels) // 100):
            chosen = torch.from_numpy(batch)
            outputs = self._forward(images[chosen], weights, biases, policy, limits)
            optimiser.zero_grad()
            nn.functional.cross_entropy(outputs, labels[chosen]).backward()
            optimiser.step()
            right += int((outputs.argmax(dim=1) == labels[chosen]).sum())
        for parameter in parameters:
            parameter.requires_grad_(False)
        return right / len(labels)

    def _accuracy(
        self,
        weights: Sequence[torch.Tensor],
        biases: Sequence[torch.Tensor],
        policy: Sequence[tuple[int, int]],
    ) -> float:
        images, labels = self.valid
        limits = self._limits(weights, biases, policy)
        with torch.no_grad():
            outputs = self._forward(images, weights, biases, policy, limits)
        return float((outputs.argmax(dim=1) == labels).float().mean())
