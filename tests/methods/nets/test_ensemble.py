"""The ensemble: its gradient, its members, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.methods.nets.ensemble import Ensemble


def points() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    inputs = (rng.random((40, 12)) < 0.3).astype(float)
    return inputs, inputs @ rng.random(12)


def test_members_batched_are_members_by_themselves() -> None:
    inputs, y = points()

    def fitted(seeds: list[int]) -> np.ndarray:
        rngs = [np.random.default_rng(seed) for seed in seeds]
        return Ensemble(inputs, y, rngs, np.random.default_rng(9), layers=3, epochs=5)(inputs)

    together = fitted([1, 2, 3])
    assert together.shape == (3, 40)
    for row, seed in enumerate([1, 2, 3]):
        np.testing.assert_allclose(together[row], fitted([seed])[0], atol=1e-5)


def test_gradient_is_that_of_finite_differences() -> None:
    inputs, y = points()
    ensemble = Ensemble(
        inputs, y, [np.random.default_rng(seed) for seed in (1, 2)], np.random.default_rng(9),
        layers=2, width=4, epochs=0, dtype=np.float64,
    )  # fmt: skip
    for weights in ensemble._weights:  # zero ones leave dead units at the kink
        biases = weights[:, -1]
        biases[...] = np.random.default_rng(4).standard_normal(biases.shape)
    slopes = [np.empty_like(weights) for weights in ensemble._weights]
    ensemble._backward(ensemble._inputs(inputs), y[:, None], slopes)

    def loss() -> float:
        return float(np.abs(ensemble(inputs) - y).mean(axis=1).sum())

    for values, slope in zip(ensemble._weights, slopes, strict=True):
        for at in [(0, 0, 0), (1, 0, values.shape[2] - 1), (1, -1, 0)]:
            kept, step = values[at], 1e-6
            values[at] = kept + step
            above = loss()
            values[at] = kept - step
            measured = (above - loss()) / (2 * step)
            values[at] = kept
            assert slope[at] == pytest.approx(measured, abs=1e-5)


def test_inputs_that_no_point_has_keep_their_initial_weights() -> None:
    inputs, y = points()
    idle = np.concatenate([inputs, np.zeros((40, 2))], axis=1)
    rngs = [np.random.default_rng(3)]
    fitted = Ensemble(idle, y, rngs, np.random.default_rng(9), layers=1, epochs=3)
    drawn = np.random.default_rng(3).uniform(-1, 1, (14, 20)) * np.sqrt(6 / 34)
    np.testing.assert_allclose(fitted._idle[0], drawn[-2:], rtol=1e-6)
    other = idle[:1].copy()
    other[0, -2:] = 1
    assert fitted(other) != pytest.approx(fitted(idle[:1]))


def test_it_learns_a_linear_function() -> None:
    inputs, y = points()
    rng = np.random.default_rng(1)
    ensemble = Ensemble(inputs, y, rng.spawn(5), rng)
    assert np.abs(ensemble(inputs).mean(axis=0) - y).mean() < 0.3 * y.std()
