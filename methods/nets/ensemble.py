"""An ensemble of small perceptrons, trained side by side as one batched network.

numpy alone: the networks are so small that calling torch would cost more than the arithmetic. A
layer's biases are the last row of its weights, for an input that is always 1.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.float64]


class Ensemble:
    """Perceptrons with ReLU that differ by their initial weights, fitted to one set of points.

    Glorot's uniform initialisation, mean absolute error, Adam (betas 0.9 and 0.99, epsilon 1e-7)
    over mini-batches in an order that all members share. Weights of inputs that are 0 at all points
    get no gradient, and stay as they were drawn.

    Args:
        X: inputs, shape (n, d).
        y: targets, shape (n,).
        rngs: a generator for each member's initial weights.
        order: generator of the order of points.
        layers: hidden layers.
        width: units of each.
        learning_rate: of Adam.
        epochs: passes over the points.
        batch: points of a mini-batch.
        dtype: of the arithmetic; single precision as in TensorFlow.
    """

    def __init__(
        self,
        X: Array,
        y: Array,
        rngs: list[np.random.Generator],
        order: np.random.Generator,
        *,
        layers: int = 10,
        width: int = 20,
        learning_rate: float = 0.01,
        epochs: int = 150,
        batch: int = 32,
        dtype: DTypeLike = np.float32,
    ) -> None:
        sizes = list(pairwise([X.shape[1], *[width] * layers, 1]))
        drawn = [_glorot(rngs, *size, dtype) for size in sizes]
        self._used = X.any(axis=0)
        self._idle = drawn[0][:, :-1][:, ~self._used]
        drawn[0] = drawn[0][:, [*np.flatnonzero(self._used), -1]]
        # all weights in one array, so that Adam is a few operations
        theta = np.concatenate([weights.ravel() for weights in drawn])
        gradient, first, second, change = (np.zeros_like(theta) for _ in range(4))
        self._weights = _views(theta, drawn)
        slopes = _views(gradient, drawn)
        inputs, targets = self._inputs(X), y[:, None].astype(dtype)
        step = 0
        for _ in range(epochs):
            shuffled = order.permutation(len(X))
            for start in range(0, len(X), batch):
                rows = shuffled[start : start + batch]
                self._backward(inputs[rows], targets[rows], slopes)
                step += 1
                first *= 0.9
                first += np.multiply(gradient, 0.1, out=change)
                second *= 0.99
                np.multiply(gradient, gradient, out=change)
                change *= 0.01
                second += change
                np.sqrt(np.divide(second, 1 - 0.99**step, out=change), out=change)
                change += 1e-7
                np.divide(first, change, out=change)
                change *= learning_rate / (1 - 0.9**step)
                theta -= change

    def __call__(self, X: Array) -> Array:
        """Predictions of each member, shape (members, n)."""
        beside = X[:, ~self._used].astype(self._idle.dtype) @ self._idle
        return self._forward(self._inputs(X), beside)[-1][..., 0].astype(  # type: ignore[no-any-return]
            np.float64
        )

    def _inputs(self, X: Array) -> NDArray[Any]:
        """The inputs that are used, and the 1 of the biases."""
        used = X[:, self._used].astype(self._idle.dtype)
        return np.concatenate([used, np.ones((len(X), 1), used.dtype)], axis=1)

    def _forward(self, inputs: NDArray[Any], beside: NDArray[Any] | float = 0.0) -> list[Any]:
        """Outputs of all layers, (members, n, units) each, the hidden ones with a 1; first inputs.

        Args:
            inputs: see `_inputs`.
            beside: what other inputs add to the first layer, shape (members, n, units).
        """
        outputs: list[NDArray[Any]] = [inputs[None]]
        for weights in self._weights[:-1]:
            members, _, units = weights.shape
            output = np.ones((members, len(inputs), units + 1), weights.dtype)
            hidden = output[..., :-1]
            np.matmul(outputs[-1], weights, out=hidden)
            if len(outputs) == 1:
                hidden += beside
            np.maximum(hidden, 0, out=hidden)
            outputs.append(output)
        return [*outputs, outputs[-1] @ self._weights[-1]]

    def _backward(
        self, inputs: NDArray[Any], targets: NDArray[Any], slopes: list[NDArray[Any]]
    ) -> None:
        """Gradients of each member's mean absolute error, into `slopes`."""
        outputs = self._forward(inputs)
        slope = np.sign(outputs[-1] - targets)
        slope *= 1 / len(targets)
        for layer in reversed(range(len(self._weights))):
            np.matmul(outputs[layer].swapaxes(1, 2), slope, out=slopes[layer])
            if layer:
                slope = slope @ self._weights[layer].swapaxes(1, 2)[..., :-1]
                slope *= outputs[layer][..., :-1] > 0


def _glorot(
    rngs: list[np.random.Generator], inputs: int, outputs: int, dtype: DTypeLike
) -> NDArray[Any]:
    """A layer's initial weights, shape (members, inputs + 1, outputs); biases are 0."""
    bound = np.sqrt(6 / (inputs + outputs))
    weights = np.zeros((len(rngs), inputs + 1, outputs), dtype)
    for member, rng in enumerate(rngs):
        weights[member, :-1] = rng.uniform(-bound, bound, (inputs, outputs))
    return weights


def _views(flat: NDArray[Any], shaped: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Parts of a flat array in the shapes of others."""
    ends = np.cumsum([each.size for each in shaped])
    return [
        part.reshape(each.shape)
        for part, each in zip(np.split(flat, ends[:-1]), shaped, strict=True)
    ]
