"""An ensemble of small perceptrons, trained side by side as one batched network.

numpy alone: the networks are so small that calling torch would cost more than the arithmetic.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Ensemble:
    """Perceptrons with ReLU that differ by their initial weights, fitted to one set of points.

    Glorot's uniform initialisation, mean absolute error, Adam (betas 0.9 and 0.99, epsilon 1e-7)
    over mini-batches in an order that all members share.

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
    ) -> None:
        sizes = list(pairwise([X.shape[1], *[width] * layers, 1]))
        members = len(rngs)
        count = members * sum((inputs + 1) * outputs for inputs, outputs in sizes)
        # all weights in one array, so that Adam is a few operations
        theta, gradient = np.zeros(count), np.empty(count)
        self._weights, self._biases = _views(theta, members, sizes)
        for inputs, outputs, weights in (
            (*size, weights) for size, weights in zip(sizes, self._weights, strict=True)
        ):
            bound = np.sqrt(6 / (inputs + outputs))
            for member, rng in enumerate(rngs):
                weights[member] = rng.uniform(-bound, bound, (inputs, outputs))
        slopes = _views(gradient, members, sizes)
        first, second = np.zeros(count), np.zeros(count)
        step = 0
        for _ in range(epochs):
            shuffled = order.permutation(len(X))
            for start in range(0, len(X), batch):
                rows = shuffled[start : start + batch]
                self._backward(X[rows], y[rows], *slopes)
                step += 1
                first += 0.1 * (gradient - first)
                second += 0.01 * (gradient * gradient - second)
                rate = learning_rate / (1 - 0.9**step)
                theta -= rate * first / (np.sqrt(second / (1 - 0.99**step)) + 1e-7)

    def __call__(self, X: Array) -> Array:
        """Predictions of each member, shape (members, n)."""
        return self._forward(X)[-1][..., 0]

    def _forward(self, X: Array) -> list[Array]:
        """Outputs of all layers, (members, n, units) each; the first is the input."""
        outputs: list[Array] = [X[None]]
        last = len(self._weights) - 1
        for layer, (weights, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            outputs.append(outputs[-1] @ weights + bias)
            if layer < last:
                np.maximum(outputs[-1], 0, out=outputs[-1])
        return outputs

    def _backward(self, X: Array, y: Array, slopes: list[Array], biases: list[Array]) -> None:
        """Gradients of each member's mean absolute error, into `slopes` and `biases`."""
        outputs = self._forward(X)
        slope = np.sign(outputs[-1] - y[:, None]) / len(y)
        for layer in reversed(range(len(self._weights))):
            np.matmul(outputs[layer].swapaxes(1, 2), slope, out=slopes[layer])
            biases[layer][...] = slope.sum(axis=1, keepdims=True)
            if layer:
                slope = (slope @ self._weights[layer].swapaxes(1, 2)) * (outputs[layer] > 0)


def _views(
    flat: Array, members: int, sizes: list[tuple[int, int]]
) -> tuple[list[Array], list[Array]]:
    """Weights (members, inputs, outputs) and biases (members, 1, outputs) of all layers."""
    weights: list[Array] = []
    biases: list[Array] = []
    start = 0
    for inputs, outputs in sizes:
        for rows, views in ((inputs, weights), (1, biases)):
            stop = start + members * rows * outputs
            views.append(flat[start:stop].reshape(members, rows, outputs))
            start = stop
    return weights, biases
